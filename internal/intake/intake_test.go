package intake_test

import (
	"fmt"
	"testing"
	"time"

	"regulars/internal/importer/importertest"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// door is the way into a test's database.
type door struct{ importertest.Door }

func newDoor(t testing.TB, db *store.DB) door { return door{importertest.New(t, db)} }

var at, event, file = importertest.At, importertest.Event, importertest.File

// placed is an order of one line.
func placed(id, order, member string, minutes int, total int64) loyalty.Event {
	e := event(loyalty.OrderPlaced, id, minutes, loyalty.Member{ID: member})
	e.Order = &loyalty.Order{ID: order, Total: total, HasTotal: true, Lines: []loyalty.Line{{Product: "P-" + order, Category: "food", Quantity: 1, Total: total}}}
	return e
}

const factsOf = "select f.orders || ' orders, ' || f.spent || ' spent, ' || f.points || ' points' from facts f join members m on m.id = f.member_id where m.external_id = "

func TestAnOrderMakesItsMemberKnown(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.Stored(placed("e1", "O-1", "M-1", 0, 5990))
		if got, want := d.One(factsOf+"'M-1'"), "1 orders, 5990 spent, 0 points"; got != want {
			t.Errorf("facts = %q, want %q", got, want)
		}
		if got, want := d.One("select named || ' ' || email || (joined_at is null) from members"), "true true"; got != want && got != "1 1" {
			t.Errorf("the member: %q, want %q", got, want)
		}
	})
}

func TestASecondDeliveryChangesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		e := placed("e1", "O-1", "M-1", 0, 5990)
		d.Stored(e)
		again := e
		again.Order = &loyalty.Order{ID: "O-1", Total: 1, HasTotal: true}
		again.Member = loyalty.Member{ID: "M-2"}
		if r := d.Answers(e, again); r[0].State != intake.Duplicate || r[1].State != intake.Duplicate {
			t.Errorf("Apply = %+v, want two duplicates", r)
		}
		if got := d.Rows("select external_id from members"); len(got) != 1 {
			t.Errorf("members = %v, want M-1 alone", got)
		}
		if got, want := d.One(factsOf+"'M-1'"), "1 orders, 5990 spent, 0 points"; got != want {
			t.Errorf("facts = %q, want %q", got, want)
		}
	})
}

func TestWhatIsWrongIsRefusedAndStopsNothing(t *testing.T) {
	t.Parallel()
	on := func(e loyalty.Event, change func(*loyalty.Event)) loyalty.Event {
		change(&e)
		return e
	}
	order := func(change func(*loyalty.Order)) loyalty.Event {
		return on(placed("x", "O-9", "M-9", 0, 100), func(e *loyalty.Event) { change(e.Order) })
	}
	member := func(m loyalty.Member) loyalty.Event { return event(loyalty.MemberChanged, "x", 0, m) }
	minus, two := int64(-1), int64(2)
	tests := []struct {
		name  string
		event loyalty.Event
		field string
	}{
		{"no id", event(loyalty.Visit, "", 0, loyalty.Member{ID: "M-9"}), "id"},
		{"no type", event("", "x", 0, loyalty.Member{ID: "M-9"}), "type"},
		{"no time", loyalty.Event{Type: loyalty.Visit, ID: "x", Member: loyalty.Member{ID: "M-9"}}, "at"},
		{"a time before there were shops", on(member(loyalty.Member{ID: "M-9"}), func(e *loyalty.Event) { e.At = loyalty.At(time.Date(1066, 1, 1, 0, 0, 0, 0, time.UTC)) }), "at"},
		{"nobody", member(loyalty.Member{FirstName: "Ana"}), "member"},
		{"nobody, of an order that nobody knows", on(placed("x", "O-9", "", 0, 1), func(e *loyalty.Event) { e.Member = loyalty.Member{} }), "member"},
		{"an address without an @", member(loyalty.Member{Email: "ana"}), "member.email"},
		{"an empty id of a source", member(loyalty.Member{IDs: map[string]string{"shopify": ""}}), "member.ids.shopify"},
		{"a character that no text has", member(loyalty.Member{ID: "M\x00"}), "member.id"},
		{"an order without an id", order(func(o *loyalty.Order) { o.ID = "" }), "order.id"},
		{"a status of another system", order(func(o *loyalty.Order) { o.Status = "wc-completed" }), "order.status"},
		{"another currency", order(func(o *loyalty.Order) { o.Currency = "USD" }), "order.currency"},
		{"more than anybody has", order(func(o *loyalty.Order) { o.Total = 1e16 }), "order.total"},
		{"a refund that takes", on(placed("x", "O-9", "M-9", 0, 1), func(e *loyalty.Event) { e.Refund = &loyalty.Refund{Total: -1} }), "refund.total"},
		{"points without a number", event(loyalty.PointsChanged, "x", 0, loyalty.Member{ID: "M-9"}), "points"},
		{"points with two", on(member(loyalty.Member{ID: "M-9"}), func(e *loyalty.Event) { e.Points = &loyalty.Points{Balance: &two, Delta: &minus} }), "points"},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		for i, tt := range tests {
			r := d.Answers(placed(fmt.Sprint("a", i), fmt.Sprint("A-", i), "M-1", 0, 1), tt.event, placed(fmt.Sprint("b", i), fmt.Sprint("B-", i), "M-1", 0, 1))
			if r[0].State != intake.Stored || r[2].State != intake.Stored {
				t.Errorf("%s: its neighbours are %+v and %+v, want them stored", tt.name, r[0], r[2])
			}
			if r[1].State != intake.Refused || r[1].Field != tt.field || r[1].Reason == "" {
				t.Errorf("%s: %+v, want it refused for %s", tt.name, r[1], tt.field)
			}
		}
		if got := d.Rows("select external_id from members"); len(got) != 1 {
			t.Errorf("members = %v, want M-1 alone", got)
		}
	})
}
