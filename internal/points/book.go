package points

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"time"

	"regulars/internal/happenings"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// purchase is an order with what was booked for it.
type purchase struct {
	ID        int64
	MemberID  int64
	At        loyalty.Instant
	ChangedAt loyalty.Instant
	BackAt    loyalty.Instant // when something was given back of it last; none: never
	Day       loyalty.Day
	Status    string
	Total     int64
	Refunded  int64
	Discount  int64
	Tax       int64
	Shipping  int64
	Quantity  int64
	Shop      string
	StandTier string // of the member at its moment, before it

	lines   []loyalty.Line
	refunds []loyalty.Refund // those that name lines
	free    []program.Pool   // of which it lists a code that was claimed
	before  map[loyalty.Limit]int64

	version int64 // by which it was booked first
	tier    string
	rows    int
	booked  map[int64]int64 // member → points
	stamps  map[string]*stamped
	cards   []card // that it may have stamps on; nil: not looked at
	exact   *big.Rat
	target  int64
}

// Placed is an order as it was just written, of which nothing was given back and which
// lists no code, as of what was claimed: nothing is in the ledger for it yet.
type Placed struct {
	ID        int64
	MemberID  int64
	Day       loyalty.Day
	ChangedAt loyalty.Instant
	loyalty.Order

	Wallets []byte  // what its member's facts keep of Booked.Wallets; nil: that is to be read
	Tier    *string // its member's at its moment, before it; nil: that is to be looked up
}

// Book brings the ledger to what orders have earned now, in a handful of statements for
// however many: those by their ids, and those that were placed by what is known of them.
// Their members are locked.
func (r *Rules) Book(tx *store.Tx, orders []int64, placed ...Placed) (Booked, error) {
	if r == nil || len(orders)+len(placed) == 0 {
		return Booked{}, nil
	}
	list, known, err := r.all(tx, orders, placed)
	if err != nil {
		return Booked{}, fmt.Errorf("what %d orders earn: %w", len(orders)+len(placed), err)
	}
	if len(list) == 0 {
		return Booked{}, nil
	}
	if err := r.targets(tx, list); err != nil {
		return Booked{}, fmt.Errorf("what %d orders earn: %w", len(list), err)
	}
	var entries []Entry
	for _, p := range list {
		more, err := r.differences(tx, p)
		if err != nil {
			return Booked{}, err
		}
		entries = append(entries, more...)
	}
	stamps, news, err := r.stamp(tx, list)
	if err != nil {
		return Booked{}, err
	}
	b, err := r.book(tx, append(entries, stamps...), known)
	if err != nil {
		return Booked{}, err
	}
	if err := r.tellTakenBack(tx, list, b.fresh); err != nil {
		return Booked{}, err
	}
	err = r.fill(tx, b.open, news, known)
	b.Wallets = known.packed(r)
	return b.Booked, err
}

// tellTakenBack tells of the points that orders earn no more, if that is news.
func (r *Rules) tellTakenBack(tx *store.Tx, list []*purchase, fresh []Entry) error {
	changed := map[int64]loyalty.Instant{}
	for _, p := range list {
		changed[p.ID] = p.ChangedAt
	}
	var all []happenings.Own
	for _, e := range fresh {
		if e.Kind == takeback && e.Wallet == Wallet {
			all = append(all, happenings.Own{Member: e.MemberID, Type: "points.taken_back", Key: fmt.Sprintf("points.taken_back:%d", e.ID), Order: *e.OrderID,
				Properties: map[string]any{"points": -e.Amount}, News: tx.At.Sub(changed[*e.OrderID].Time) <= r.NewsWithin})
		}
	}
	return happenings.Tell(tx, r.today(tx), all)
}

// differences are what is to be booked for an order: its member's, and what somebody
// else was booked for it by mistake.
func (r *Rules) differences(tx *store.Tx, p *purchase) (entries []Entry, err error) {
	era := r.of(p.version)
	rates, err := era.points()
	if err != nil {
		return nil, err
	}
	owed := map[int64]int64{p.MemberID: p.target}
	for member, n := range p.booked {
		owed[member] -= n
	}
	members := make([]int64, 0, len(owed))
	for member := range owed {
		members = append(members, member)
	}
	slices.Sort(members)
	for _, member := range members {
		n := owed[member]
		if n == 0 {
			continue
		}
		p.rows++
		e := Entry{MemberID: member, Wallet: Wallet, At: p.At, Day: r.bookedOn(tx, p.since(p.rows, r.Zone)), Kind: takeback, Amount: n,
			Cause: fmt.Sprintf("order:%d:%d", p.ID, p.rows), OrderID: &p.ID, VersionID: era.Version, Tier: p.tier}
		if n > 0 {
			e.Kind = earn
			e.opens(p.Day+loyalty.Day(rates.Pending), rates.Expire)
			if sale := p.Total - p.Refunded; p.rows == 1 {
				e.sale = &sale
			}
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// since is the day since which the order has earned what its n-th row brings it to: its
// own, and once something was booked that of its last change or refund.
func (p *purchase) since(row int, zone *time.Location) loyalty.Day {
	if row == 1 {
		return p.Day
	}
	return max(p.Day, loyalty.DayOf(later(p.ChangedAt, p.BackAt).Time, zone))
}

func later(x, y loyalty.Instant) loyalty.Instant {
	if x.Before(y.Time) {
		return y
	}
	return x
}

// opens makes a row a credit that can be spent from a day on. Of what ends by inactivity
// no day is written: it moves.
func (e *Entry) opens(day loyalty.Day, ends loyalty.Expiry) {
	e.OpensDay = &day
	if ends.Unused != (loyalty.Period{}) {
		return
	}
	if last := ends.LastDay(day, day); last != 0 {
		e.LastDay = &last
	}
}

// all are orders as they are booked: read, or as they were placed. Of those that were
// placed, what stands in the wallets that they alone may add to is known, too.
func (r *Rules) all(tx *store.Tx, orders []int64, placed []Placed) ([]*purchase, *standing, error) {
	p, err := r.now().points()
	if err != nil {
		return nil, nil, err
	}
	if p.Carry { // each has to do with all others of its member
		for _, o := range placed {
			orders = append(orders, o.ID)
		}
		placed = nil
	}
	var list []*purchase
	if len(orders) > 0 {
		if list, err = r.read(tx, orders); err != nil {
			return nil, nil, err
		}
	}
	fresh, known, err := r.placed(tx, placed)
	for _, p := range list { // the others
		known.lose(p.MemberID)
		for member := range p.booked {
			known.lose(member)
		}
		for _, s := range p.stamps {
			for member := range s.booked {
				known.lose(member)
			}
		}
	}
	return append(list, fresh...), known, err
}

// placed makes of orders that were just written what read makes of any, and reads what
// stands in the wallets of those of their members who have one of them.
func (r *Rules) placed(tx *store.Tx, placed []Placed) (list []*purchase, known *standing, err error) {
	known = newStanding()
	byID := map[int64]*purchase{}
	var rows [][]any
	members := map[int64]int{}
	for _, o := range placed {
		members[o.MemberID]++
	}
	for _, o := range placed {
		if o.Day < r.Since || o.Status != loyalty.Paid {
			continue
		}
		p := &purchase{ID: o.ID, MemberID: o.MemberID, At: o.At, ChangedAt: o.ChangedAt, Day: o.Day, Status: o.Status, Total: o.Total, Discount: o.Discount,
			Tax: o.Tax, Shipping: o.Shipping, Quantity: o.Quantity, Shop: o.Shop, lines: o.Lines, version: r.at(o.At).Version, booked: map[int64]int64{}, stamps: map[string]*stamped{}}
		list = append(list, p)
		wallets, err := r.walletsOf(p)
		if err != nil {
			return nil, nil, err
		}
		alone := members[o.MemberID] == 1 && p.version == r.now().Version
		if alone && o.Tier != nil && known.knows(tx, r, o, wallets) {
			p.tier = *o.Tier
			continue
		}
		if byID[o.ID] = p; alone {
			known.stocks[o.MemberID] = &stock{}
		}
		for _, w := range wallets {
			rows = append(rows, append(walletRow(walletKey{o.MemberID, w.name}, w.expiry, loyalty.DayOf(o.At.Time, r.Zone)), o.ID, o.At, int64(o.Day)))
		}
	}
	if rows == nil {
		return list, known, nil
	}
	more := []string{"id bigint", "at timestamptz", "day bigint"}
	text := walletStates(tx, more, ", r.id, case when r.wallet = '"+Wallet+"' then "+standTier+" else '' end as stand_tier")
	var was walletState
	into := append(was.columns(), &was.ID, &was.StandTier)
	err = tx.Each(text, r.walletArgs(tx, rows, more), func(scan func(...any) error) error {
		err := scan(into...)
		if members[was.MemberID] == 1 {
			known.learn(was)
		}
		if was.Wallet == Wallet {
			byID[was.ID].tier = was.StandTier
		}
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("the tiers and wallets of the members of %d orders: %w", len(list), err)
	}
	return list, known, nil
}

// standTier is the tier of the member of an order r at its moment, before it.
const standTier = `coalesce((select t.tier from member_tiers t
		                 where  t.member_id = r.member_id and t.since_at <= r.at
		                 and   (t.left_day is null or t.left_day > r.day
		                        or t.left_day = r.day and exists (select 1 from member_tiers n -- left in the course of that day, later
		                                                          where n.member_id = t.member_id and n.since_day = t.left_day and n.since_at > r.at))
		                 and   (t.order_id is null or t.order_id <> r.id)
		                 order  by t.since_at desc, t.id desc limit 1), '')`

// read reads orders with what was booked for them. Those before the program's first day
// earn nothing.
func (r *Rules) read(tx *store.Tx, orders []int64) ([]*purchase, error) {
	args := store.Args{"orders": store.IDs(orders), "since": int64(r.Since)}
	some := "(select value from " + tx.JSONEach("@orders") + ")"
	p, err := r.now().points()
	if err != nil {
		return nil, err
	}
	if p.Carry { // what one order leaves over counts for the next
		some = "(select o.id from orders o where o.member_id in (select b.member_id from orders b where b.id in " + some + ") and o.day >= @since union select value from " + tx.JSONEach("@orders") + ")"
	}
	var list []*purchase
	err = tx.All(&list, `
		select r.id, r.member_id, r.at, r.changed_at, (select max(f.at) from refunds f where f.order_id = r.id) as back_at, r.day, r.status, r.total, r.refunded, r.discount, r.tax, r.shipping, r.quantity, r.shop,
		       `+standTier+` as stand_tier
		from   orders r
		where  r.id in `+some+`
		order  by r.id`, args)
	if err != nil {
		return nil, err
	}
	byID := map[int64]*purchase{}
	for _, p := range list {
		byID[p.ID], p.booked, p.stamps = p, map[int64]int64{}, map[string]*stamped{}
	}
	var booked []struct {
		OrderID, MemberID, Amount, VersionID int64
		Tier, Wallet                         string
	}
	if err := tx.All(&booked, "select order_id, member_id, amount, version_id, tier, wallet from entries where order_id in "+some+" order by id", args); err != nil {
		return nil, err
	}
	for _, b := range booked {
		p := byID[b.OrderID]
		if b.Wallet != Wallet {
			s := p.stamps[b.Wallet]
			if s == nil {
				s = &stamped{version: b.VersionID, booked: map[int64]int64{}}
				p.stamps[b.Wallet] = s
			}
			s.rows++
			s.booked[b.MemberID] += b.Amount
			continue
		}
		if p.rows == 0 {
			p.version, p.tier = b.VersionID, b.Tier
		}
		p.rows++
		p.booked[b.MemberID] += b.Amount
	}
	list = slices.DeleteFunc(list, func(p *purchase) bool {
		return p.rows == 0 && len(p.stamps) == 0 && (p.Day < r.Since || p.Status != loyalty.Paid)
	})
	for _, p := range list {
		if p.rows == 0 {
			p.version, p.tier = r.at(p.At).Version, p.StandTier
			if tier, told := r.before[p.ID]; told {
				p.tier = tier
			}
		}
	}
	return list, readLines(tx, list, byID)
}

// readLines reads the lines of orders, and of what was given back of them.
func readLines(tx *store.Tx, list []*purchase, byID map[int64]*purchase) error {
	var all, given []int64
	for _, p := range list {
		if p.Status == loyalty.Paid {
			all = append(all, p.ID)
			if p.Refunded != 0 {
				given = append(given, p.ID)
			}
		}
	}
	if all == nil {
		return nil
	}
	if err := readFree(tx, all, byID); err != nil {
		return err
	}
	var lines []struct {
		OrderID int64
		loyalty.Line
	}
	err := tx.All(&lines, `
		select order_id, product, name, category, brand, cast(labels as text) as labels, quantity, total
		from   order_lines
		where  order_id in (select value from `+tx.JSONEach("@ids")+`)
		order  by order_id, n`, store.Args{"ids": store.IDs(all)})
	if err != nil {
		return err
	}
	for _, l := range lines {
		p := byID[l.OrderID]
		p.lines = append(p.lines, l.Line)
	}
	if given == nil {
		return nil
	}
	var refunds []struct {
		OrderID, Total int64
		Lines          string
	}
	err = tx.All(&refunds, `
		select order_id, total, cast(lines as text) as lines
		from   refunds
		where  order_id in (select value from `+tx.JSONEach("@ids")+`) and lines is not null
		order  by order_id, external_id`, store.Args{"ids": store.IDs(given)})
	for _, f := range refunds {
		back := loyalty.Refund{Total: f.Total}
		if err := json.Unmarshal([]byte(f.Lines), &back.Lines); err != nil {
			return fmt.Errorf("lines of a refund of order %d: %w", f.OrderID, err)
		}
		p := byID[f.OrderID]
		p.refunds = append(p.refunds, back)
	}
	return err
}
