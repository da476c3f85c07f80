package segments_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/segments"
)

// The world of the differential test is narrow on purpose, so that things meet.

const (
	occurrence = 7
	refused    = "refused" // a value no rule asks for
)

var (
	today      = loyalty.Date(2027, 3, 3)
	categories = []string{"boots", "dog food", "Kissan ruoka ä", "coupons", ""}
	products   = []string{"SKU-1", "SKU-2", ""}
	brands     = []string{"Musti", "O'Neill \"x\"", ""}
	tagNames   = []string{"club", "vip", "x"}
	eventNames = []string{"visit", "complaint", "wishlist.added"}
	poolNames  = []string{"gift", "summer"}
	campaigns  = []string{"welcome", "win-back", "Björn's"}
	labelNames = []string{"sale", "organic", "50% \"off\""}
	shops      = []string{"till-4", "till-5", ""}
	tiers      = []string{"silver", "gold", "black"}
	moneys     = []int64{0, 1, 999, 1000, 5990, 5991, 100000}
)

var wideScope = segments.Scope{
	Currency:   "EUR",
	Lifecycle:  segments.Lifecycle{Recent: 7, AtRisk: 30, Lost: 90},
	Attributes: map[string]segments.Type{"plan": segments.Text, "size": segments.Number, "ends": segments.Date, "pets": segments.List},
	Segments: map[string]string{
		"regulars": `orders >= 2 and days_since_last_order <= 90`,
		"lapsed":   `not in_segment("regulars") and (orders("1y") >= 1 or country == "FI")`,
	},
	Launch: map[string]segments.Type{"category": segments.Text, "amount": segments.Money, "on": segments.Date, "missing": segments.Text},
	Order:  true, Event: true, Pools: poolNames, AllPools: poolNames, Campaigns: campaigns,
	FavouritesExcept: []string{"coupons", "fuel"},
	TierRules:        map[string]string{"silver": `orders("1y") >= 3`, "gold": `spent("this year") > 50 and orders >= 2 and country == "FI"`, "black": `in_segment("lapsed")`},
	Tiers:            tiers, Cards: map[string]int64{"coffee": 3, "tea": 10},
	Graces: map[string]loyalty.Period{"silver": {Days: 10}, "gold": {Months: 1}},
	Rewards: map[string]segments.Price{
		"latte":  {Points: 50, AtMost: loyalty.Limit{N: 2, Per: loyalty.Period{Days: 30}}, Stock: segments.Stock{Pool: "gift", Mints: true, Most: 4}},
		"lounge": {Points: 10, Tiers: []string{"gold", "black"}, Stock: segments.Stock{Pool: "summer"}},
		"tea":    {Points: 5, AtMost: loyalty.Limit{N: 1, Per: loyalty.Period{Months: 1}}, Takes: 1, Budget: loyalty.Budget{Rewards: 2, Stop: true}},
		"euros":  {Points: 1, Takes: 100, Budget: loyalty.Budget{Rewards: 300, Money: true, Stop: true}},
		"told":   {Points: 1, Stock: segments.Stock{Pool: "gift", Told: true}},
		"over":   {Points: 1, Stock: segments.Stock{Pool: "gift", Mints: true, Until: today - 1}},
		"worthy": {Points: 1, Stock: segments.Stock{Pool: "gift", Mints: true, Budget: 500, Worth: 200}},
		"spent":  {Points: 1, Stock: segments.Stock{Pool: "summer", Mints: true, Budget: 150}},
		"shared": {Points: 1, Stock: segments.Stock{Pool: "summer", Shared: true}},
		"gone":   {Points: 1, Stock: segments.Stock{Pool: "none", Mints: true, Most: 4}},
	},
}

// person is a member as the tables hold it.
type person struct {
	segments.Known
	id    int64
	gone  bool // erased or merged
	codes []code
	sends []send
	seen  []touch
	uses  []use
}

// send is a mail as the ledger has it.
type send struct {
	campaign, state string
	day             *loyalty.Day // of the hand-over
}

// touch is what somebody or something did with a mail.
type touch struct {
	segments.Touch
	person bool
}

// use is a redemption.
type use struct {
	segments.Use
	nobody   bool  // a code of no member's
	discount int64 // by it
}

type code struct {
	pool, state string
	told        bool // … to the shop
	occurrence  int64
	until       *loyalty.Day
}

// near draws a day around today: on the edges of windows more often than not.
func near(t *rapid.T, label string) loyalty.Day {
	edges := []int64{0, 1, 2, 6, 7, 14, 28, 30, 31, 59, 60, 89, 90, 91, 180, 364, 365, 366, 400, -1, -5}
	return today - loyalty.Day(rapid.SampledFrom(edges).Draw(t, label))
}

func pick[T any](t *rapid.T, label string, from []T) T { return rapid.SampledFrom(from).Draw(t, label) }

func drawPeople(t *rapid.T) []*person {
	people := make([]*person, rapid.IntRange(1, 6).Draw(t, "people"))
	for i := range people {
		people[i] = drawPerson(t, int64(i+1))
	}
	return people
}

func drawPerson(t *rapid.T, id int64) *person {
	p := &person{id: id, gone: rapid.IntRange(0, 9).Draw(t, "gone") == 0}
	p.ID, p.ExternalID = id, fmt.Sprint("M-", id)
	if rapid.Bool().Draw(t, "joined") {
		day := pick(t, "joined day", []loyalty.Day{near(t, "joined lately"), near(t, "joined a year earlier") - 365, loyalty.Date(2024, 2, 29), loyalty.Date(2025, 3, 4), loyalty.Date(2020, 1, 1)})
		p.JoinedDay = &day
	}
	p.Birthday = pick(t, "birthday", birthdays)
	p.Country = pick(t, "country", []string{"FI", "SE", ""})
	p.Language = pick(t, "language", []string{"fi", "en", ""})
	p.Tags = rapid.SliceOfNDistinct(rapid.SampledFrom(tagNames), 0, 3, rapid.ID[string]).Draw(t, "tags")
	p.Consent = map[string]bool{}
	for _, topic := range []string{loyalty.Offers, loyalty.Newsletter, loyalty.Program} {
		if answer := rapid.IntRange(0, 2).Draw(t, topic); answer < 2 {
			p.Consent[topic] = answer == 1
		}
	}
	p.Attributes = drawAttributes(t)
	p.Orders = rapid.SliceOfN(rapid.Custom(drawOrder), 0, 6).Draw(t, "orders")
	p.Events = rapid.SliceOfN(rapid.Custom(drawEvent), 0, 5).Draw(t, "events")
	p.Points = drawPoints(t)
	p.drawCodes(t)
	p.drawMails(t)
	p.drawLoyalty(t)
	return p
}

// drawLoyalty draws the ledger, and what the member climbed, claimed and brought.
func (p *person) drawLoyalty(t *rapid.T) {
	p.Entries = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) segments.Entry {
		e := segments.Entry{Wallet: pick(t, "wallet", []string{"points", "points", "coffee", "tea"}), Day: near(t, "day"),
			Kind: pick(t, "kind", []string{"earn", "bonus", "takeback", "redeem", "return", "expire", "adjust"})}
		e.Amount = rapid.Int64Range(1, 4).Draw(t, "amount")
		if slices.Contains([]string{"takeback", "redeem", "expire"}, e.Kind) {
			e.Amount = -e.Amount
		}
		return e
	}), 0, 6).Draw(t, "entries")
	p.Lots = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) segments.Lot {
		l := segments.Lot{Wallet: pick(t, "wallet", []string{"points", "points", "tea"}), Remains: rapid.Int64Range(1, 3).Draw(t, "remains")}
		if rapid.IntRange(0, 3).Draw(t, "ends") > 0 {
			day := 2*today - near(t, "last day") // ahead, mostly
			l.Last = &day
		}
		return l
	}), 0, 3).Draw(t, "lots")
	since := near(t, "first tier") - 30
	for range rapid.IntRange(0, 3).Draw(t, "stays") {
		s := segments.Stay{Tier: pick(t, "tier", tiers), Since: since}
		if rapid.Bool().Draw(t, "kept") {
			day := since + loyalty.Day(rapid.Int64Range(0, 60).Draw(t, "for"))
			s.Last = &day
		}
		s.Exact = rapid.IntRange(0, 3).Draw(t, "exact") == 0
		since += loyalty.Day(rapid.Int64Range(0, 40).Draw(t, "later"))
		left := since
		s.Left = &left
		p.Stays = append(p.Stays, s)
	}
	if len(p.Stays) > 0 && rapid.Bool().Draw(t, "still") {
		p.Stays[len(p.Stays)-1].Left = nil
	}
	p.Claims = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) segments.Claim {
		return segments.Claim{State: pick(t, "state", []string{"held", "done", "released", "reversed"}), Source: pick(t, "source", []string{"cli", "cli", "card", "referral"}),
			Reward: pick(t, "reward", []string{"latte", "tea"}), Cost: pick(t, "cost", []int64{0, 100}), Day: near(t, "day")}
	}), 0, 3).Draw(t, "claims")
	referral := rapid.Custom(func(t *rapid.T) segments.Referral {
		return segments.Referral{State: pick(t, "state", []string{"pending", "rewarded", "refused", "ended"}), Day: near(t, "day")}
	})
	p.Brought = rapid.SliceOfN(referral, 0, 3).Draw(t, "brought")
	if rapid.Bool().Draw(t, "referred") {
		r := referral.Draw(t, "brought by")
		p.BroughtBy = &r
	}
}

// birthdays lie around the days that are asked about, on 29 February and around
// New Year.
var birthdays = []loyalty.Birthday{
	{}, {}, {Year: 1980, Month: 2, Date: 29}, {Month: 2, Date: 29}, {Month: 2, Date: 28}, {Year: 2000, Month: 3, Date: 3}, {Year: 1999, Month: 3, Date: 2},
	{Month: 3, Date: 4}, {Month: 3, Date: 9}, {Month: 3, Date: 10}, {Year: 1927, Month: 12, Date: 31}, {Month: 1, Date: 1}, {Year: 2009, Month: 8, Date: 15},
}

// drawMails draws what we sent and what became of it.
func (p *person) drawMails(t *rapid.T) {
	p.sends = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) send {
		s := send{campaign: pick(t, "campaign", campaigns), state: pick(t, "state", []string{"sent", "sent", "sent", "complained", "bounced", "skipped", "queued"})}
		if s.state != "skipped" && s.state != "queued" {
			day := near(t, "sent day")
			s.day = &day
		}
		return s
	}), 0, 4).Draw(t, "sends")
	p.seen = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) touch {
		return touch{segments.Touch{Kind: pick(t, "kind", []string{segments.Opened, segments.Clicked}), Campaign: pick(t, "campaign", campaigns),
			Send: rapid.Int64Range(1, 3).Draw(t, "send"), Day: near(t, "day")}, rapid.IntRange(0, 3).Draw(t, "person") > 0}
	}), 0, 4).Draw(t, "touches")
	p.uses = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) use {
		return use{segments.Use{Pool: pick(t, "pool", poolNames), Day: near(t, "day")}, rapid.IntRange(0, 5).Draw(t, "nobody") == 0, pick(t, "discount", []int64{0, 50, 100})}
	}), 0, 3).Draw(t, "uses")
}

func drawOrder(t *rapid.T) segments.Order {
	o := segments.Order{
		Day: near(t, "day"), Counts: rapid.IntRange(0, 4).Draw(t, "counts") > 0,
		Total: pick(t, "total", moneys), Refunded: pick(t, "refunded", []int64{0, 0, 0, 1, 999}),
		Discount: pick(t, "discount", moneys), Quantity: rapid.Int64Range(0, 4).Draw(t, "quantity"),
		Shop: pick(t, "shop", shops),
	}
	o.Lines = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) loyalty.Line {
		return loyalty.Line{
			Product: pick(t, "product", products), Category: pick(t, "category", categories), Brand: pick(t, "brand", brands),
			Labels:   rapid.SliceOfNDistinct(rapid.SampledFrom(labelNames), 0, 2, rapid.ID[string]).Draw(t, "labels"),
			Quantity: rapid.Int64Range(0, 3).Draw(t, "quantity"), Total: pick(t, "total", moneys),
		}
	}), 0, 3).Draw(t, "lines")
	return o
}

func drawEvent(t *rapid.T) segments.Event {
	all := map[string][]any{
		"page":  {"boots", "dog food", "", "42", 42, 42.5, true, nil, []any{"boots"}},
		"price": {42, 42.5, -3, 0, "42", "-3.0", " 42", "42x", "", 1e21, true, nil, []any{42}},
		"gift":  {true, true, false, "true", 1, nil},
		"on":    {"2027-03-03", "2027-02-28", "2027-02-30", "2027-03-01T10:00:00Z", "now", "", nil, 20270303},
		"items": {[]any{"a", "b"}, []any{}, []any{1, "1", nil}, "a", map[string]any{"a": "a"}, nil},
	}
	properties := map[string]any{}
	for _, name := range []string{"page", "price", "gift", "on", "items"} {
		if rapid.IntRange(0, 3).Draw(t, "has "+name) > 0 {
			properties[name] = pick(t, name, all[name])
		}
	}
	return segments.Event{Type: pick(t, "type", eventNames), Day: near(t, "day"), Properties: throughJSON(properties)}
}

// drawAttributes draws what shops send, right and wrong.
func drawAttributes(t *rapid.T) map[string]any {
	all := map[string][]any{
		"plan": {"gold", "silver", "at risk", "Recent", "", 42, 333, 42.5, true, nil, []any{"gold"}, map[string]any{"gold": 1}},
		"size": {42, 42.5, -3, 0, "42", "-3.0", "42.50", " 42", "42x", ".5", "4.", "1e3", "1.2.3", "--4", "-", "", 1e15, 1e21, "1234567890123456", true, nil, []any{42}},
		"ends": {"2027-03-03", "2027-02-28", "2027-02-29", "2028-02-29", "2027-02-30", "2027-13-01", "2027-04-31", "0000-01-01", "0001-01-01",
			"9999-12-31", "1969-12-31", "2027-03-01T10:00:00Z", "2027-3-1", "now", "", 20270303, nil},
		"pets": {[]any{"dog", "cat"}, []any{}, []any{""}, []any{1, "1", nil, []any{"dog"}}, "dog", map[string]any{"dog": "dog"}, nil},
	}
	attributes := map[string]any{}
	for _, name := range []string{"plan", "size", "ends", "pets"} {
		if rapid.IntRange(0, 3).Draw(t, "has "+name) > 0 {
			attributes[name] = pick(t, name, all[name])
		}
	}
	return throughJSON(attributes)
}

// throughJSON returns values as a reader of JSON gets them.
func throughJSON(m map[string]any) (out map[string]any) {
	if err := json.Unmarshal([]byte(store.JSON(m)), &out); err != nil {
		panic(err)
	}
	return out
}

func drawPoints(t *rapid.T) []segments.PointChange {
	points := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) segments.PointChange {
		n := rapid.Int64Range(-50, 200).Draw(t, "n")
		p := segments.PointChange{Day: near(t, "day"), Delta: &n}
		if rapid.IntRange(0, 2).Draw(t, "balance") == 0 {
			p.Balance, p.Delta = &n, nil
		}
		return p
	}), 0, 4).Draw(t, "points")
	slices.SortStableFunc(points, func(a, b segments.PointChange) int { return int(a.Day - b.Day) })
	return points
}

// drawCodes draws at most one code per pool and occurrence, as the table allows.
func (p *person) drawCodes(t *rapid.T) {
	for _, pool := range poolNames {
		for _, occ := range []int64{occurrence, occurrence + 1} {
			if rapid.Bool().Draw(t, "code") {
				continue
			}
			c := code{pool: pool, occurrence: occ, state: pick(t, "state", []string{"reserved", "issued", "redeemed", "expired", "void"})}
			if rapid.Bool().Draw(t, "ends") {
				until := near(t, "until")
				c.until = &until
			}
			p.codes = append(p.codes, c)
		}
	}
}

// drawStock draws codes that are nobody's.
func drawStock(t *rapid.T) []code {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) code {
		return code{pool: pick(t, "pool", poolNames), state: pick(t, "state", []string{"free", "free", "expired", "void"}), told: rapid.Bool().Draw(t, "told")}
	}), 0, 3).Draw(t, "stock")
}

// shopOf is what all people and codes together come to.
func shopOf(people []*person, stock []code) segments.Shop {
	shop := segments.Shop{Pools: map[string]segments.Codes{}}
	for _, name := range poolNames {
		shop.Pools[name] = segments.Codes{States: map[string]int64{}}
	}
	count := func(c code, lies int64) {
		pool := shop.Pools[c.pool]
		if c.state != "issued" {
			pool.Ended += lies
		}
		if pool.States[c.state]++; c.state == "free" && c.told {
			pool.Told++
		}
		shop.Pools[c.pool] = pool
	}
	for _, c := range stock {
		count(c, 1)
	}
	for _, p := range people {
		shop.Claims = append(shop.Claims, p.Claims...)
		for _, c := range p.codes {
			count(c, 0)
		}
		for _, u := range p.uses {
			pool := shop.Pools[u.Pool]
			pool.Spent += u.discount
			shop.Pools[u.Pool] = pool
		}
	}
	return shop
}

// asOf is what a rule knows about the person on a day.
func (p *person) asOf(day loyalty.Day) segments.Known {
	k := p.Known
	k.Day, k.Unused, k.Codes = day, nil, nil
	for _, s := range p.sends {
		if s.state == "sent" || s.state == "complained" {
			k.Mails = append(k.Mails, segments.Mail{Campaign: s.campaign, Day: *s.day})
		}
	}
	for _, t := range p.seen {
		if t.person {
			k.Touches = append(k.Touches, t.Touch)
		}
	}
	for _, u := range p.uses {
		if !u.nobody {
			k.Uses = append(k.Uses, u.Use)
		}
	}
	for _, c := range p.codes {
		if c.state == "issued" {
			k.Codes = append(k.Codes, segments.Code{Pool: c.pool, Until: c.until})
		}
		if c.occurrence == occurrence && (c.state == "reserved" || c.state == "issued") && (c.until == nil || *c.until >= day) {
			k.Unused = append(k.Unused, c.pool)
		}
	}
	return k
}

// knownBy says whether facts has a row for the person on a day.
func (p *person) knownBy(day loyalty.Day) bool {
	dated := p.JoinedDay != nil
	by := dated && *p.JoinedDay <= day
	for _, o := range p.Orders {
		dated, by = true, by || o.Day <= day
	}
	for _, e := range p.Events {
		dated, by = true, by || e.Day <= day
	}
	return !p.gone && (by || !dated)
}

// save writes people into the tables.
func save(tx *store.Tx, people []*person, stock []code) error {
	w := &writer{tx: tx}
	now := tx.At
	for i, pool := range poolNames {
		w.add("pools", "id name kind spec", i+1, pool, "generated", "{}")
	}
	for i, campaign := range campaigns {
		w.add("campaigns", "id name live", i+1, campaign, true)
	}
	for _, p := range people {
		w.member(p, now)
		w.mails(p, now)
		w.loyalty(p, now)
		for _, o := range p.Orders {
			w.order(p.id, o, now)
		}
		for _, e := range p.Events {
			n := w.next()
			w.add("events", "id source external_id member_id type at day received_at properties", n, "test", fmt.Sprint(n), p.id, e.Type, loyalty.At(e.Day.UTC()), e.Day, now, store.JSON(e.Properties))
		}
		for _, c := range p.Points {
			w.add("point_changes", "id member_id at day balance delta", w.next(), p.id, loyalty.At(c.Day.UTC()), c.Day, deref(c.Balance), deref(c.Delta))
		}
		for _, c := range p.codes {
			n := w.next()
			w.add("codes", "id pool_id code folded state occurrence_id member_id valid_until", n, 1+slices.Index(poolNames, c.pool),
				fmt.Sprint("C", n), fmt.Sprint("C", n), c.state, c.occurrence, p.id, deref(c.until))
		}
	}
	for _, c := range stock {
		n, known := w.next(), loyalty.Instant{}
		if c.told {
			known = now
		}
		w.add("codes of stock", "id pool_id code folded state known_at", n, 1+slices.Index(poolNames, c.pool), fmt.Sprint("C", n), fmt.Sprint("C", n), c.state, known)
	}
	return w.flush()
}

func deref[T ~int64](p *T) any {
	if p == nil {
		return nil
	}
	return int64(*p)
}

// writer collects rows per table.
type writer struct {
	tx     *store.Tx
	id     int64
	tables []string
	cols   map[string]string
	rows   map[string][][]any
}

func (w *writer) next() int64 { w.id++; return w.id }

func (w *writer) add(table, columns string, values ...any) {
	if w.rows == nil {
		w.rows, w.cols = map[string][][]any{}, map[string]string{}
	}
	if w.rows[table] == nil {
		w.tables = append(w.tables, table)
	}
	w.cols[table] = columns
	w.rows[table] = append(w.rows[table], values)
}

func (w *writer) flush() error {
	for _, table := range w.tables {
		name, _, _ := strings.Cut(table, " ")
		if _, err := w.tx.Bulk(name, strings.Fields(w.cols[table]), w.rows[table]); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) member(p *person, now loyalty.Instant) {
	var joined, erased loyalty.Instant
	if p.JoinedDay != nil {
		joined = loyalty.At(p.JoinedDay.UTC())
	}
	var merged any
	if p.gone && p.id%2 == 0 {
		merged = int64(99)
	} else if p.gone {
		erased = now
	}
	orNull := func(n int) any {
		if n == 0 {
			return nil
		}
		return int64(n)
	}
	w.add("members", "id external_id language country attributes birth_year birth_month birth_date joined_at joined_day created_at changed_at erased_at merged_into",
		p.id, p.ExternalID, p.Language, p.Country, store.JSON(p.Attributes), orNull(p.Birthday.Year), orNull(int(p.Birthday.Month)), orNull(p.Birthday.Date),
		joined, deref(p.JoinedDay), now, now, erased, merged)
	for _, tag := range p.Tags {
		w.add("member_tags", "member_id tag", p.id, tag)
	}
	for topic, granted := range p.Consent {
		w.add("member_topics", "member_id topic granted changed_at", p.id, topic, granted, now)
	}
}

// loyalty writes the ledger, and what the member climbed, claimed and brought.
func (w *writer) loyalty(p *person, now loyalty.Instant) {
	for _, e := range p.Entries {
		n := w.next()
		w.add("entries", "id member_id wallet at day kind amount cause version_id", n, p.id, e.Wallet, loyalty.At(e.Day.UTC()), e.Day, e.Kind, e.Amount, fmt.Sprint("key:", n), 1)
	}
	for _, l := range p.Lots {
		w.add("lots", "credit_id member_id wallet opens_day last_day remains", w.next(), p.id, l.Wallet, int64(today)-400, deref(l.Last), l.Remains)
	}
	for _, s := range p.Stays {
		w.add("member_tiers", "id member_id tier since_day since_at last_day left_day exact version_id", w.next(), p.id, s.Tier, s.Since, loyalty.At(s.Since.UTC()), deref(s.Last), deref(s.Left), s.Exact, 1)
	}
	for _, c := range p.Claims {
		n := w.next()
		w.add("claims", "id member_id reward price state source key body cost at day", n, p.id, c.Reward, 50, c.State, c.Source, fmt.Sprint(n), []byte{}, c.Cost, loyalty.At(c.Day.UTC()), c.Day)
	}
	for _, r := range p.Brought {
		n := w.next()
		w.add("referrals", "id referrer_id friend_id state at day", n, p.id, 1000+n, r.State, loyalty.At(r.Day.UTC()), r.Day)
	}
	if r := p.BroughtBy; r != nil {
		w.add("referrals", "id referrer_id friend_id state at day", w.next(), 1000, p.id, r.State, loyalty.At(r.Day.UTC()), r.Day)
	}
}

// mails writes what we sent the member, and what became of it.
func (w *writer) mails(p *person, now loyalty.Instant) {
	for _, s := range p.sends {
		n := w.next()
		w.add("sends", "id day occurrence_id step member_id campaign_id version_id class topic state queued_at sent_day",
			n, int64(today)-500, n, "1", p.id, 1+slices.Index(campaigns, s.campaign), 1, loyalty.Offer, loyalty.Offers, s.state, now, deref(s.day))
	}
	for _, t := range p.seen {
		w.add("touches", "send_id member_id campaign_id kind at day person", t.Send, p.id, 1+slices.Index(campaigns, t.Campaign), t.Kind, loyalty.At(t.Day.UTC()), t.Day, t.person)
	}
	for _, u := range p.uses {
		n, member := w.next(), any(p.id)
		if u.nobody {
			member = nil
		}
		w.add("redemptions", "id code_id pool_id member_id order_id discount at day", n, n, 1+slices.Index(poolNames, u.Pool), member, n, u.discount, loyalty.At(u.Day.UTC()), u.Day)
	}
}

func (w *writer) order(member int64, o segments.Order, now loyalty.Instant) {
	n := w.next()
	status := loyalty.Pending
	if o.Counts {
		status = loyalty.Paid
	}
	w.add("orders", "id source external_id member_id at day status counts total refunded discount quantity shop changed_at",
		n, "test", fmt.Sprint(n), member, loyalty.At(o.Day.UTC()), o.Day, status, o.Counts, o.Total, o.Refunded, o.Discount, o.Quantity, o.Shop, now)
	for i, l := range o.Lines {
		w.add("order_lines", "order_id n member_id day counts product category brand quantity total labels",
			n, i+1, member, o.Day, o.Counts, l.Product, l.Category, l.Brand, l.Quantity, l.Total, l.Labels.JSON())
	}
}
