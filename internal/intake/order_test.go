package intake_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// about is an event of order O-1 of M-1, or of whom change makes it.
func about(kind, id string, minutes int, change func(*loyalty.Event)) loyalty.Event {
	e := event(kind, id, minutes, loyalty.Member{ID: "M-1"})
	e.Order = &loyalty.Order{ID: "O-1"}
	if change != nil {
		change(&e)
	}
	return e
}

func total(n int64) func(*loyalty.Event) {
	return func(e *loyalty.Event) { e.Order.Total, e.Order.HasTotal = n, true }
}

func version(v, n int64) func(*loyalty.Event) {
	return func(e *loyalty.Event) { e.Order.Version, e.Order.Total, e.Order.HasTotal = v, n, true }
}

func status(s string) func(*loyalty.Event) { return func(e *loyalty.Event) { e.Order.Status = s } }

func given(id string, n int64) func(*loyalty.Event) {
	return func(e *loyalty.Event) { e.Refund = &loyalty.Refund{ID: id, Total: n} }
}

func lines(items ...loyalty.Line) func(*loyalty.Event) {
	return func(e *loyalty.Event) { e.Order.Lines = append([]loyalty.Line{}, items...) }
}

const theOrder = `select m.external_id || ' ' || o.status || ' ' || o.total || '-' || o.refunded || ' x' || o.quantity || ' ' || o.shop || ' day ' || o.day ||
	' lines ' || (select count(*) from order_lines l where l.order_id = o.id and l.member_id = o.member_id and l.day = o.day and l.counts = o.counts)
	from orders o join members m on m.id = o.member_id`

func TestAnOrderIsTheSameInAnySequence(t *testing.T) {
	t.Parallel()
	const (
		placed, changed, fulfilled, cancelled, refunded = loyalty.OrderPlaced, loyalty.OrderChanged, loyalty.OrderFulfilled, loyalty.OrderCancelled, loyalty.OrderRefunded
		day                                             = 24 * 60
	)
	food := loyalty.Line{Product: "A", Category: "food", Quantity: 2, Total: 3000}
	toy := loyalty.Line{Product: "B", Category: "toys", Quantity: 1, Total: 500}
	tests := []struct {
		name   string
		events []loyalty.Event
		want   string
		facts  string
	}{
		{"placed and fulfilled", []loyalty.Event{about(placed, "1", 0, total(5990)), about(fulfilled, "2", day, nil)},
			"M-1 paid 5990-0 x0  day 20880 lines 0", "1 orders, 5990 spent, 0 points"},
		{"a late placing does not undo a cancel", []loyalty.Event{about(placed, "1", 0, total(5990)), about(cancelled, "2", 1, nil)},
			"M-1 cancelled 5990-0 x0  day 20880 lines 0", "0 orders, 0 spent, 0 points"},
		{"changed twice, by time", []loyalty.Event{about(placed, "1", 0, total(1)), about(changed, "2", 1, total(2)), about(changed, "3", 2, total(3))},
			"M-1 paid 3-0 x0  day 20880 lines 0", "1 orders, 3 spent, 0 points"},
		{"changed twice, by version", []loyalty.Event{about(placed, "1", 0, version(1, 1)), about(changed, "2", 5, version(3, 3)), about(changed, "3", 9, version(2, 2))},
			"M-1 paid 3-0 x0  day 20880 lines 0", "1 orders, 3 spent, 0 points"},
		{"changed in the moment of placing", []loyalty.Event{about(placed, "2", 0, total(1)), about(changed, "1", 0, total(2))},
			"M-1 paid 2-0 x0  day 20880 lines 0", "1 orders, 2 spent, 0 points"},
		{"several edits of different things", []loyalty.Event{about(placed, "1", 0, lines(food)), about(changed, "2", 1, func(e *loyalty.Event) { e.Order.Shop = "till-4" }),
			about(changed, "3", 2, lines(food, toy))},
			"M-1 paid 3500-0 x3 till-4 day 20880 lines 2", "1 orders, 3500 spent, 0 points"},
		{"lines taken away", []loyalty.Event{about(placed, "1", 0, lines(food, toy)), about(changed, "2", 1, lines()), about(changed, "3", 2, total(0))},
			"M-1 paid 0-0 x0  day 20880 lines 0", "1 orders, 0 spent, 0 points"},
		{"given back in part", []loyalty.Event{about(placed, "1", 0, total(5990)), about(refunded, "2", 1, given("r1", 1000)), about(refunded, "3", 2, given("r2", 500))},
			"M-1 paid 5990-1500 x0  day 20880 lines 0", "1 orders, 4490 spent, 0 points"},
		{"the same refund told twice", []loyalty.Event{about(placed, "1", 0, total(5990)), about(refunded, "2", 1, given("r1", 1000)), about(refunded, "3", 2, given("r1", 1200))},
			"M-1 paid 5990-1200 x0  day 20880 lines 0", "1 orders, 4790 spent, 0 points"},
		{"given back in parts, until nothing is left", []loyalty.Event{about(placed, "1", 0, total(5990)), about(refunded, "2", 1, given("r1", 1000)), about(refunded, "3", 2, given("r2", 4990))},
			"M-1 refunded 5990-5990 x0  day 20880 lines 0", "0 orders, 0 spent, 0 points"},
		{"given back, then something added", []loyalty.Event{about(placed, "1", 0, total(1000)), about(refunded, "2", 1, given("r1", 1000)), about(changed, "3", 2, total(1500))},
			"M-1 paid 1500-1000 x0  day 20880 lines 0", "1 orders, 500 spent, 0 points"},
		{"given back as a whole", []loyalty.Event{about(placed, "1", 0, lines(food)), about(refunded, "2", 1, func(e *loyalty.Event) { e.Refund = &loyalty.Refund{ID: "r", All: true} })},
			"M-1 refunded 3000-0 x2  day 20880 lines 1", "0 orders, 0 spent, 0 points"},
		{"pending, then paid", []loyalty.Event{about(placed, "1", 0, func(e *loyalty.Event) { total(700)(e); status("pending")(e) }), about(changed, "2", 1, status("paid"))},
			"M-1 paid 700-0 x0  day 20880 lines 0", "1 orders, 700 spent, 0 points"},
		{"pending, and more in it", []loyalty.Event{about(placed, "1", 0, func(e *loyalty.Event) { total(700)(e); status("pending")(e) }), about(changed, "2", 1, total(900))},
			"M-1 pending 900-0 x0  day 20880 lines 0", "0 orders, 0 spent, 0 points"},
		{"a test", []loyalty.Event{about(placed, "1", 0, func(e *loyalty.Event) { total(700)(e); status("test")(e) }), about(fulfilled, "2", 1, nil)},
			"M-1 test 700-0 x0  day 20880 lines 0", "0 orders, 0 spent, 0 points"},
		{"never placed, only changed", []loyalty.Event{about(changed, "1", day, total(700)), about(refunded, "2", 2*day, given("r", 100)), about(fulfilled, "3", 3*day, nil)},
			"M-1 paid 700-100 x0  day 20881 lines 0", "1 orders, 600 spent, 0 points"},
		{"placed at another time than told", []loyalty.Event{about(placed, "1", 3*day, func(e *loyalty.Event) { total(700)(e); e.Order.At = at(day) }), about(fulfilled, "2", 4*day, nil)},
			"M-1 paid 700-0 x0  day 20881 lines 0", "1 orders, 700 spent, 0 points"},
		{"cancelled and taken up again", []loyalty.Event{about(placed, "1", 0, total(700)), about(cancelled, "2", 1, nil), about(changed, "3", 2, status("paid"))},
			"M-1 paid 700-0 x0  day 20880 lines 0", "1 orders, 700 spent, 0 points"},
		{"somebody else's after all", []loyalty.Event{about(placed, "1", 0, lines(food)), about(changed, "2", 1, func(e *loyalty.Event) { lines(food)(e); e.Member.ID = "M-2" }), about(fulfilled, "3", 2, nil)},
			"M-2 paid 3000-0 x2  day 20880 lines 1", "0 orders, 0 spent, 0 points"},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.Stand(at(10 * day).Time) // so that all of it has happened
		for _, tt := range tests {
			for n, sequence := range permutations(len(tt.events)) {
				for _, together := range []bool{false, true} {
					if together && n > 1 {
						continue
					}
					clear(t, db)
					var events []loyalty.Event
					for _, i := range sequence {
						events = append(events, tt.events[i], tt.events[i]) // each twice
					}
					if together {
						d.Answers(events...)
					} else {
						for _, e := range events {
							d.Answers(e)
						}
					}
					if got := d.One(theOrder); got != tt.want {
						t.Errorf("%s, delivered %v (in one batch: %v): order %q, want %q", tt.name, sequence, together, got, tt.want)
					}
					if got := d.One(factsOf + "'M-1'"); got != tt.facts {
						t.Errorf("%s, delivered %v (in one batch: %v): facts %q, want %q", tt.name, sequence, together, got, tt.facts)
					}
				}
			}
		}
	})
}

func permutations(n int) (all [][]int) {
	if n == 0 {
		return [][]int{nil}
	}
	for _, p := range permutations(n - 1) {
		for i := range n {
			all = append(all, slices.Insert(slices.Clone(p), i, n-1))
		}
	}
	return all
}

// simple is an order as a till would keep it: the plainest reading of events in
// their true sequence.
type simple struct {
	member, status string
	total          int64
	refunds        map[string]int64
}

func (o *simple) take(e loyalty.Event) {
	switch {
	case e.Type == loyalty.OrderCancelled:
		o.status = loyalty.Cancelled
	case e.Type == loyalty.OrderRefunded && e.Refund.All:
		o.status = loyalty.Refunded
	case e.Type == loyalty.OrderRefunded:
		o.refunds[e.Refund.ID] = e.Refund.Total
	case e.Order.Status != "":
		o.status = e.Order.Status
	case e.Type == loyalty.OrderPlaced:
		o.status = loyalty.Paid
	}
	if e.Order.HasTotal {
		o.total = e.Order.Total
	}
}

// brute counts orders and spending of M-0 … from events in their true sequence.
func brute(events []loyalty.Event) map[string][2]int64 {
	orders := map[string]*simple{}
	for _, e := range events {
		o := orders[e.Order.ID]
		if o == nil {
			o = &simple{member: e.Member.ID, refunds: map[string]int64{}}
			orders[e.Order.ID] = o
		}
		o.take(e)
	}
	figures := map[string][2]int64{}
	for _, o := range orders {
		var back int64
		for _, r := range o.refunds {
			back += r
		}
		f := figures[o.member]
		if o.status == loyalty.Paid && (o.total == 0 || back < o.total) {
			f[0]++
			f[1] += o.total - back
		}
		figures[o.member] = f
	}
	return figures
}

// story draws the life of a few orders of a few members.
func story(t *rapid.T) []loyalty.Event {
	var events []loyalty.Event
	for n := range rapid.IntRange(1, 4).Draw(t, "orders") {
		member := fmt.Sprint("M-", rapid.IntRange(0, 1).Draw(t, "member"))
		for i, kind := range append([]string{loyalty.OrderPlaced}, rapid.SliceOfN(rapid.SampledFrom(aboutOrders), 0, 4).Draw(t, "events")...) {
			e := about(kind, fmt.Sprintf("e%d-%d", n, i), n+10*i, nil)
			e.Member.ID, e.Order.ID = member, fmt.Sprint("O-", n)
			switch kind {
			case loyalty.OrderPlaced:
				total(rapid.Int64Range(0, 90).Draw(t, "total"))(&e)
			case loyalty.OrderChanged:
				e.Order.Status = rapid.SampledFrom([]string{"", "paid", "pending", "test"}).Draw(t, "status")
				if rapid.Bool().Draw(t, "says total") {
					total(rapid.Int64Range(0, 90).Draw(t, "total"))(&e)
				}
			case loyalty.OrderRefunded:
				given(rapid.SampledFrom([]string{"r1", "r2"}).Draw(t, "refund"), rapid.Int64Range(0, 60).Draw(t, "given back"))(&e)
				e.Refund.All = rapid.Bool().Draw(t, "all")
			}
			events = append(events, e)
		}
	}
	return events
}

var aboutOrders = []string{loyalty.OrderChanged, loyalty.OrderFulfilled, loyalty.OrderRefunded, loyalty.OrderCancelled}

func TestFactsAreThoseOfTheFinalOrders(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.now(24 * 60) // so that all of it has happened
		rapid.Check(t, func(r *rapid.T) {
			clear(t, db)
			events := story(r)
			want := brute(events)
			delivered := rapid.Permutation(append(slices.Clone(events), events[:len(events)/2]...)).Draw(r, "delivered")
			for batch := range slices.Chunk(delivered, rapid.IntRange(1, 5).Draw(r, "at once")) {
				if _, err := d.Apply(t.Context(), copies(batch), intake.Live); err != nil {
					r.Fatal(err)
				}
			}
			for member, f := range want {
				got := d.One(factsOf + "'" + member + "'")
				if want := fmt.Sprintf("%d orders, %d spent, 0 points", f[0], f[1]); got != want {
					r.Fatalf("%s: %s, want %s, after %s", member, got, want, told(delivered))
				}
			}
		})
	})
}

// copies are events that Apply may bring into its own spelling.
func copies(events []loyalty.Event) []loyalty.Event {
	list := slices.Clone(events)
	for i, e := range list {
		if e.Order != nil {
			o := *e.Order
			list[i].Order = &o
		}
	}
	return list
}

func told(events []loyalty.Event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "\n%s %s %s %+v %+v", e.ID, e.Type, e.At.Format("15:04"), *e.Order, e.Refund)
	}
	return b.String()
}
