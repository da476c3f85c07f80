package intake_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"regulars/internal/importer"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

const everybodysFacts = "select m.external_id || ' ' || f.orders || '/' || f.spent from facts f join members m on m.id = f.member_id order by m.external_id"

func TestAnOrderBelowZeroIsAReturn(t *testing.T) {
	t.Parallel()
	const day = 24 * 60
	bought := func(id, order string, minutes int, n, total int64) loyalty.Event {
		e := placed(id, order, "M-1", minutes, total)
		e.Order.Lines[0].Product, e.Order.Lines[0].Quantity = "MUG", n
		return e
	}
	other := func(id, order string, minutes int, total int64) loyalty.Event {
		return placed(id, order, "M-1", minutes, total)
	}
	tests := []struct {
		name   string
		events []loyalty.Event
		want   string
	}{
		{"a part given back", []loyalty.Event{bought("1", "O-1", 0, 5, 5000), bought("2", "C-1", day, -2, -2000)}, "M-1 1/3000"},
		{"all given back", []loyalty.Event{bought("1", "O-1", 0, 5, 5000), bought("2", "C-1", day, -5, -5000)}, "M-1 0/0"},
		{"in two parts", []loyalty.Event{bought("1", "O-1", 0, 5, 5000), bought("2", "C-1", day, -2, -2000), bought("3", "C-2", 2*day, -3, -3000)}, "M-1 0/0"},
		{"of the order with the same product", []loyalty.Event{bought("1", "O-1", 0, 1, 1000), other("2", "O-2", 1, 1000), bought("3", "C-1", day, -1, -1000)}, "M-1 1/1000"},
		{"more than that order was", []loyalty.Event{bought("1", "O-1", 0, 1, 1000), other("2", "O-2", 1, 3000), bought("3", "C-1", day, -1, -1500)}, "M-1 1/2500"},
		{"before anything was bought", []loyalty.Event{bought("1", "C-1", 0, -1, -1000), other("2", "O-2", 2*day, 3000)}, "M-1 1/3000"},
		{"a return that is cancelled", []loyalty.Event{bought("1", "O-1", 0, 5, 5000), bought("2", "C-1", day, -5, -5000), about(loyalty.OrderCancelled, "3", 2*day, func(e *loyalty.Event) { e.Order.ID = "C-1" })}, "M-1 1/5000"},
		{"no total, only lines", []loyalty.Event{bought("1", "O-1", 0, 5, 5000), func() loyalty.Event {
			e := bought("2", "C-1", day, -2, -2000)
			e.Order.Total, e.Order.HasTotal = 0, false
			return e
		}()}, "M-1 1/3000"},
		{"for nothing", []loyalty.Event{bought("1", "O-1", 0, 5, 5000), func() loyalty.Event { e := bought("2", "C-1", day, -2, 0); e.Order.Quantity = -2; return e }()}, "M-1 1/5000"},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.now(10 * day)
		for _, tt := range tests {
			for _, sequence := range permutations(len(tt.events)) {
				for _, together := range []bool{false, true} {
					clear(t, db)
					var events []loyalty.Event
					for _, i := range sequence {
						events = append(events, tt.events[i])
					}
					if together {
						d.Answers(events...)
					} else {
						for _, e := range events {
							d.Answers(e)
						}
					}
					if got := d.One(everybodysFacts); got != tt.want {
						t.Errorf("%s, delivered %v (in one batch: %v): %s, want %s: %s", tt.name, sequence, together, got, tt.want, d.Rows(allOrders))
					}
				}
			}
		}
	})
}

func TestAReturnUnderTheNumberOfItsOrder(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.Stored(placed("1", "O-1", "M-1", -60, 5000))
		if r := d.Stored(placed("2", "O-1", "M-1", -30, -2000))[0]; !strings.Contains(noted(r), "was given back of it") {
			t.Errorf("an order below zero that we know: %+v, want it said", r)
		}
		if r := d.Answers(placed("2", "O-1", "M-1", -30, -2000))[0]; r.State != intake.Duplicate {
			t.Errorf("that again: %+v, want a duplicate", r)
		}
		for range 2 {
			d.Take(importer.File{Kind: "orders", Path: file(t, "r.csv", "order,member,at,total\nO-1,M-1,2027-03-03 09:45,-10.00\n")})
		}
		if got := d.One(everybodysFacts); got != "M-1 1/2000" {
			t.Errorf("facts %s, want one order of 50.00 with 30.00 given back", got)
		}
	})
}

func TestReturnsInFiles(t *testing.T) {
	t.Parallel()
	written := []string{"536365,C-1,2026-10-01 10:00,MUG,5,50.00", "C536366,C-1,2026-10-05 10:00,MUG,-2,-20.00",
		"536367,C-2,2026-10-01 10:00,MUG,5,50.00", "C536368,C-2,2026-10-02 10:00,MUG,-5,-50.00", "C536369,C-3,2026-10-02 10:00,MUG,-5,-50.00"}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		rows := slices.Clone(written) // both engines run at once
		for range 2 {
			clear(t, db)
			slices.Reverse(rows)
			for range 2 {
				d.Take(importer.File{Kind: "orders", Path: file(t, "o.csv", "order,member,at,product,quantity,total\n"+strings.Join(rows, "\n")+"\n")})
			}
			if got := strings.Join(d.Rows(everybodysFacts), ", "); got != "C-1 1/3000, C-2 0/0, C-3 0/0" {
				t.Errorf("facts %s", got)
			}
		}
		clear(t, db)
		for _, row := range rows { // each in a file of its own
			d.Take(importer.File{Kind: "orders", Path: file(t, "o.csv", "order,member,at,product,quantity,total\n"+row+"\n")})
		}
		if got := strings.Join(d.Rows(everybodysFacts), ", "); got != "C-1 1/3000, C-2 0/0, C-3 0/0" {
			t.Errorf("one by one: facts %s", got)
		}
	})
}

func TestAReturnMakesNoMilestoneAndOlderOnesAreMended(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.program("", map[string]string{"second": perSecond, "placed": "live: true\nstart: {event: order.placed}\nclass: service\nsteps:\n  - mail: a\n"})
		d.now(60)
		first := placed("1", "O-1", "M-1", 10, 5000)
		first.Member.Email = "ana@example.test"
		d.Stored(first)
		d.Stored(placed("2", "C-1", "M-1", 20, -2000))
		if got := d.queued(); got != "placed" {
			t.Errorf("queued %q, want the mail of the one order", got)
		}
		// As a database had it before returns were told from orders.
		d.older("update orders set status = 'paid', counts = true, refunded = 0", "delete from refunds", "delete from passes", "update facts set orders = 2, spent = 3000")
		for n := 1; n > 0; {
			var err error
			if n, err = intake.NewDay(context.Background(), db); err != nil {
				t.Fatal(err)
			}
		}
		if got := fmt.Sprint(d.Rows(everybodysFacts)); got != "[M-1 1/3000]" {
			t.Errorf("after the pass of a new day: facts %s", got)
		}
	})
}
