package importer_test

import (
	"testing"

	"regulars/internal/importer/importertest"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// door is the way into a test's database.
type door struct{ importertest.Door }

func newDoor(t testing.TB, db *store.DB) door { return door{importertest.New(t, db)} }

var at, event, file = importertest.At, importertest.Event, importertest.File

// clear empties the tables that events fill.
func clear(t testing.TB, db *store.DB) {
	t.Helper()
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		for _, table := range []string{"members", "member_keys", "member_tags", "member_topics", "consents", "orders", "order_lines",
			"refunds", "events", "point_changes", "facts", "passages", "occurrences", "sends", "due"} {
			if _, err := tx.Exec("delete from "+table, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

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

func given(id string, n int64) func(*loyalty.Event) {
	return func(e *loyalty.Event) { e.Refund = &loyalty.Refund{ID: id, Total: n} }
}

const factsOf = "select f.orders || ' orders, ' || f.spent || ' spent, ' || f.points || ' points' from facts f join members m on m.id = f.member_id where m.external_id = "

const theOrder = `select m.external_id || ' ' || o.status || ' ' || o.total || '-' || o.refunded || ' x' || o.quantity || ' ' || o.shop || ' day ' || o.day ||
	' lines ' || (select count(*) from order_lines l where l.order_id = o.id and l.member_id = o.member_id and l.day = o.day and l.counts = o.counts)
	from orders o join members m on m.id = o.member_id`
