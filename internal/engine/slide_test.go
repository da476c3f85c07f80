package engine_test

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"regulars/internal/apply"
	"regulars/internal/engine"
	"regulars/internal/flows"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/membership"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/internal/store/storetest/watched"
)

// purchase is an order, as the test itself keeps it.
type purchase struct {
	id, member      string
	day             loyalty.Day
	total, refunded int64
	paid            bool
}

// bought is what a member has bought by the end of a day, added up by the test.
type bought struct {
	today       loyalty.Day
	paid        []purchase
	first, last loyalty.Day
	spent       int64
}

// since sums up the orders after a day.
func (b bought) since(day loyalty.Day) (orders int, spent int64) {
	for _, p := range b.paid {
		if p.day > day {
			orders, spent = orders+1, spent+p.total-p.refunded
		}
	}
	return orders, spent
}

// moving are segments that members enter and leave by time alone: the rule, and
// the same in plain Go.
var moving = []struct {
	name, rule string
	holds      func(bought) bool
}{
	{"lapsed", `orders >= 2 and days_since_last_order > 90`, lapsed},
	{"at-risk", `days_since_last_order > 45 and days_since_last_order <= 120`, atRisk},
	{"busy", `orders("30d") >= 2`, func(b bought) bool { n, _ := b.since(b.today - 30); return n >= 2 }},
	{"vip", `orders >= 3 and spent >= 60 and days_since_last_order <= 60`, vip},
	{"newcomers", `days_since_first_order <= 30`, func(b bought) bool { return len(b.paid) > 0 && b.today-b.first <= 30 }},
	{"quarter", `spent("3m") >= 50`, func(b bought) bool { _, spent := b.since(threeMonthsBefore(b.today)); return spent >= 5000 }},
	{"fading", `orders >= 1 and days_since_last_order > 20 and not (in_segment("lapsed") or in_segment("vip"))`, func(b bought) bool {
		return len(b.paid) > 0 && b.today-b.last > 20 && !lapsed(b) && !vip(b)
	}},
	{"dear-at-risk", `in_segment("at-risk") and average_order >= 30`, func(b bought) bool {
		return atRisk(b) && b.spent >= 3000*int64(len(b.paid))
	}},
}

func lapsed(b bought) bool { return len(b.paid) >= 2 && b.today-b.last > 90 }
func atRisk(b bought) bool { return len(b.paid) > 0 && b.today-b.last > 45 && b.today-b.last <= 120 }
func vip(b bought) bool {
	return len(b.paid) >= 3 && b.spent >= 6000 && b.today-b.last <= 60
}

// threeMonthsBefore is the same date three months ago, or that month's last.
func threeMonthsBefore(d loyalty.Day) loyalty.Day {
	t := d.UTC()
	for back := t.AddDate(0, -3, 0); ; back = back.AddDate(0, 0, -1) {
		if (int(back.Month())+3-int(t.Month()))%12 == 0 { // not run over into the next month
			y, m, day := back.Date()
			return loyalty.Date(y, m, day)
		}
	}
}

// happening is what the shop tells of an order on a day.
type happening struct {
	kind string // as in loyalty
	all  bool   // the whole order is given back
	of   *purchase
}

// script lays out when the shop tells of what: most orders on their day, some
// late; some are cancelled later, some given back in part or whole.
func script(orders []purchase) (by map[loyalty.Day][]happening, last loyalty.Day) {
	rng := rand.New(rand.NewPCG(3, 4))
	by = map[loyalty.Day][]happening{}
	tell := func(day loyalty.Day, h happening) {
		by[day], last = append(by[day], h), max(last, day)
	}
	for i := range orders {
		p := &orders[i]
		told := p.day
		if rng.IntN(100) < 9 {
			told += loyalty.Day(1 + rng.IntN(25))
		}
		tell(told, happening{loyalty.OrderPlaced, false, p})
		later := told + loyalty.Day(1+rng.IntN(60))
		switch n := rng.IntN(100); {
		case n < 5:
			tell(later, happening{loyalty.OrderCancelled, false, p})
		case n < 12 && p.total > 0:
			tell(later, happening{loyalty.OrderRefunded, n < 7, p})
		}
	}
	return by, last
}

// place is a member in a segment.
type place struct{ segment, member string }

// stay is a member's time in a segment that is over; Left 0: it is not.
type stay struct {
	Segment, Member string
	Entered, Left   loyalty.Day
}

// slide is a shop whose clock goes from midnight to midnight, beside what the
// test expects of it.
type slide struct {
	t     *testing.T
	clock *engine.Clock
	zone  *time.Location
	db    *store.DB
	door  *intake.Intake

	orders map[string][]*purchase // by member, as told until now
	inside map[place]loyalty.Day  // since when
	past   []stay
	events int
}

func newSlide(t *testing.T, db *store.DB, begin loyalty.Day) *slide {
	t.Helper()
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	s := &slide{t: t, zone: zone, clock: engine.NewClock(begin.Start(zone)), orders: map[string][]*purchase{}, inside: map[place]loyalty.Day{}}
	s.db = db.Clock(s.clock.Now)
	s.door = intake.New(s.db)
	var list strings.Builder
	for _, m := range moving {
		fmt.Fprintf(&list, "%s: %s\n", m.name, m.rule)
	}
	files := map[string]string{"segments.yaml": list.String(), "program.yaml": `
shop:      {name: The Shop, url: https://shop.example, address: "Main Street 1"}
mail:      {from: "The Shop <shop@shop.example>"}
languages: [en]
currency:  USD
zone:      America/New_York
`}
	err = s.db.Update(context.Background(), func(tx *store.Tx) error { _, err := apply.Apply(tx, files, "test", ""); return err })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// play goes through the days from begin until everybody has gone quiet.
func (s *slide) play(begin loyalty.Day, by map[loyalty.Day][]happening, last loyalty.Day) {
	s.t.Helper()
	for day := begin; day <= last+130; day++ {
		s.clock.Set(day.Start(s.zone))
		s.midnight()
		s.expect(day, nil)
		s.compare(day, "at midnight")
		if len(by[day]) > 0 {
			s.tell(day, by[day])
			s.compare(day, "after the day's orders")
		}
	}
	s.comparePast()
}

// midnight runs what the engine's pass of a new day does to facts and segments.
func (s *slide) midnight() {
	s.t.Helper()
	for _, pass := range []func(context.Context, *store.DB) (int, error){intake.NewDay, membership.Segments} {
		for {
			n, err := pass(context.Background(), s.db)
			if err != nil {
				s.t.Fatal(err)
			}
			if n == 0 {
				break
			}
		}
	}
}

// tell has the day's events come in, at noon and after: never two of a member at
// one moment, which would leave no trace between them.
func (s *slide) tell(day loyalty.Day, all []happening) {
	s.t.Helper()
	for minute := 0; len(all) > 0; minute++ {
		s.clock.Set(loyalty.Wall(day, 12, minute, s.zone))
		seen := map[string]bool{}
		var now, rest []happening
		for _, h := range all {
			if seen[h.of.member] {
				rest = append(rest, h)
				continue
			}
			seen[h.of.member] = true
			now = append(now, h)
		}
		s.apply(now)
		s.expect(day, seen)
		all = rest
	}
}

func (s *slide) apply(now []happening) {
	s.t.Helper()
	var events []loyalty.Event
	for _, h := range now {
		s.events++
		placed := loyalty.At(loyalty.Wall(h.of.day, 12, 0, s.zone))
		e := loyalty.Event{Source: "test", Type: h.kind, ID: fmt.Sprint("e-", s.events), At: loyalty.At(s.clock.Now()), Member: loyalty.Member{ID: h.of.member}}
		e.Order = &loyalty.Order{ID: h.of.id}
		switch h.kind {
		case loyalty.OrderPlaced:
			e.Order.At, e.Order.Status, e.Order.Total, e.Order.HasTotal, e.Order.Quantity = placed, loyalty.Paid, h.of.total, true, 1
			if placed.Before(e.At.Time) {
				e.At = placed
			}
			h.of.paid = true
			s.orders[h.of.member] = append(s.orders[h.of.member], h.of)
		case loyalty.OrderCancelled:
			h.of.paid = false
		case loyalty.OrderRefunded:
			e.Refund = &loyalty.Refund{ID: "r-" + h.of.id, Total: h.of.total / 3, All: h.all}
			h.of.refunded, h.of.paid = h.of.total/3, h.of.paid && !h.all
		}
		events = append(events, e)
	}
	results, err := s.door.Apply(context.Background(), events, intake.Live)
	if err != nil {
		s.t.Fatal(err)
	}
	for i, r := range results {
		if r.State != intake.Stored {
			s.t.Fatalf("%s of %s: %+v", events[i].Type, events[i].Order.ID, r)
		}
	}
	if _, err := flows.React(context.Background(), s.db); err != nil {
		s.t.Fatal(err)
	}
}

// expect works out by brute force who is in which segment now; who is nil for
// everybody.
func (s *slide) expect(today loyalty.Day, who map[string]bool) {
	for member, orders := range s.orders {
		if who != nil && !who[member] {
			continue
		}
		b := bought{today: today}
		for _, p := range orders {
			if !p.paid || p.day > today {
				continue
			}
			if len(b.paid) == 0 || p.day < b.first {
				b.first = p.day
			}
			b.last = max(b.last, p.day)
			b.spent += p.total - p.refunded
			b.paid = append(b.paid, *p)
		}
		for _, m := range moving {
			s.move(m.name, member, today, m.holds(b))
		}
	}
}

func (s *slide) move(segment, member string, today loyalty.Day, belongs bool) {
	at := place{segment, member}
	switch entered, in := s.inside[at]; {
	case belongs && !in:
		s.inside[at] = today
	case !belongs && in:
		delete(s.inside, at)
		s.past = append(s.past, stay{segment, member, entered, today})
	}
}

const readStays = `
	select g.name as segment, m.external_id as member, s.entered_day as entered, coalesce(s.left_day, 0) as "left"
	from   segment_members s
	join   segments g on g.id = s.segment_id
	join   members m on m.id = s.member_id
	where  `

// compare compares who is inside, and since when, with what is expected.
func (s *slide) compare(day loyalty.Day, when string) {
	s.t.Helper()
	got, wrong := s.read("s.left_at is null"), 0
	for _, g := range got {
		if entered, in := s.inside[place{g.Segment, g.Member}]; !in || entered != g.Entered {
			wrong++
			s.t.Errorf("%s %s: %s is in %s since %s; by brute force: %t, since %s", day, when, g.Member, g.Segment, g.Entered, in, entered)
		}
	}
	if len(got) != len(s.inside) {
		wrong++
		s.t.Errorf("%s %s: %d stays, by brute force %d", day, when, len(got), len(s.inside))
	}
	if wrong > 0 {
		s.t.FailNow()
	}
}

// comparePast compares all stays that are over.
func (s *slide) comparePast() {
	s.t.Helper()
	got, want := s.read("s.left_at is not null"), s.past
	slices.SortFunc(got, byStay)
	slices.SortFunc(want, byStay)
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			s.t.Fatalf("of %d stays that are over (by brute force %d) the first to differ is no. %d:\n got %v\nwant %v",
				len(got), len(want), i, got[i:min(i+1, len(got))], want[i:min(i+1, len(want))])
		}
	}
	times := map[string]int{}
	for _, p := range want {
		times[p.Segment]++
	}
	for _, m := range moving {
		if times[m.name] < 5 {
			s.t.Errorf("only %d members have left %s: the test shows nothing of it", times[m.name], m.name)
		}
	}
	s.t.Logf("%d members, %d events, %d stays that ended: all on the day that brute force says", len(s.orders), s.events, len(want))
}

func (s *slide) read(where string) (stays []stay) {
	s.t.Helper()
	err := s.db.View(context.Background(), func(tx *store.Tx) error { return tx.All(&stays, readStays+where, nil) })
	if err != nil {
		s.t.Fatal(err)
	}
	return stays
}

func byStay(a, b stay) int {
	return cmp.Or(cmp.Compare(a.Segment, b.Segment), cmp.Compare(a.Member, b.Member), cmp.Compare(a.Entered, b.Entered), cmp.Compare(a.Left, b.Left))
}

var ofCDNOW = filepath.Join(cmp.Or(os.Getenv("REGULARS_DATA"), "../../../shared"), "data", "cdnow/orders.csv")

func realOrders() bool {
	_, err := os.Stat(ofCDNOW)
	return err == nil
}

// Day by day over three quarters of a year of the real orders of some hundred
// customers, and on until they have gone quiet,
// with late, early, cancelled and refunded ones among them, everybody enters and
// leaves each segment on the day that brute force says.
func TestTheClockSlidesOverCDNOW(t *testing.T) {
	watched.Skip(t)
	t.Parallel()
	if !realOrders() {
		t.Skip("the real data is not here: ", ofCDNOW)
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		storetest.OnOne(t, "sqlite", db.Engine())
		orders := readCDNOW(t, ofCDNOW, 70, loyalty.Date(1997, 9, 30))
		by, last := script(orders)
		begin := loyalty.Date(1996, 12, 20)
		newSlide(t, db, begin).play(begin, by, last)
	})
}

// Without the real orders the same over a shop that is made up.
func TestTheClockSlidesOverAMadeUpShop(t *testing.T) {
	t.Parallel()
	if realOrders() {
		t.Skip("the same goes over real orders")
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		rng := rand.New(rand.NewPCG(1, 2))
		begin := loyalty.Date(2027, 2, 1)
		var orders []purchase
		for m := range 60 {
			day := begin + 10 + loyalty.Day(rng.IntN(30))
			for n := 1 + rng.IntN(5); n > 0; n-- {
				orders = append(orders, purchase{id: fmt.Sprint("o-", len(orders)), member: fmt.Sprint("m-", m), day: day, total: 500 + rng.Int64N(6000)})
				day += loyalty.Day(rng.IntN(rng.IntN(2)*110 + 15))
			}
		}
		by, last := script(orders)
		newSlide(t, db, begin).play(begin, by, last)
	})
}

// readCDNOW reads the orders of every so many-th customer.
func readCDNOW(t *testing.T, path string, every int, until loyalty.Day) (orders []purchase) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rows[1:] {
		var customer int
		if _, err := fmt.Sscan(strings.TrimLeft(r[0], "0"), &customer); err != nil {
			t.Fatal(err)
		}
		if customer%every != 0 {
			continue
		}
		day, err := loyalty.ParseDay(r[1])
		if err != nil {
			t.Fatal(err)
		}
		total, err := loyalty.ParseMoney(r[3], "USD")
		if err != nil {
			t.Fatal(err)
		}
		if day <= until {
			orders = append(orders, purchase{id: fmt.Sprint("o-", i), member: r[0], day: day, total: total})
		}
	}
	return orders
}
