package importer_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"regulars/internal/flows"
	"regulars/internal/importer"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// door is the way into a test's database.
type door struct {
	*importer.Importer
	*intake.Intake
	t  testing.TB
	db *store.DB
}

func newDoor(t testing.TB, db *store.DB) door {
	return door{importer.New(db), intake.New(db), t, db}
}

// file writes a file for an import.
func file(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// take imports and returns the tally and the refusals.
func (d door) take(f importer.File) (string, []string) {
	d.t.Helper()
	var refused []string
	f.Refused = func(r loyalty.Note) { refused = append(refused, fmt.Sprintf("%d %s: %s", r.Line, r.Field, r.Reason)) }
	tally, err := d.Import(context.Background(), f)
	if err != nil {
		d.t.Fatal(err)
	}
	return tally.String(), refused
}

// apply takes live events in and returns their answers.
func (d door) apply(events ...loyalty.Event) []intake.Result {
	d.t.Helper()
	results, err := d.Apply(context.Background(), events, intake.Live)
	if err != nil {
		d.t.Fatal(err)
	}
	return results
}

// stored takes live events in, all of which must be new and good.
func (d door) stored(events ...loyalty.Event) []intake.Result {
	d.t.Helper()
	results := d.apply(events...)
	for i, r := range results {
		if r.State != intake.Stored {
			d.t.Fatalf("event %s: %+v, want it stored", events[i].ID, r)
		}
	}
	return results
}

// react has campaigns do what everything so far sets off.
func (d door) react() {
	d.t.Helper()
	for {
		n, err := flows.React(context.Background(), d.db)
		if err != nil {
			d.t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// rows returns the rows of a query as text, in its order, once campaigns have
// reacted.
func (d door) rows(query string) []string {
	d.t.Helper()
	d.react()
	var all []string
	err := d.db.View(context.Background(), func(tx *store.Tx) error { return tx.All(&all, query, nil) })
	if err != nil {
		d.t.Fatal(err)
	}
	return all
}

// one returns the first row of a query as text, "" if there is none.
func (d door) one(query string) string {
	d.t.Helper()
	if rows := d.rows(query); len(rows) > 0 {
		return rows[0]
	}
	return ""
}

// at is a moment so many minutes after the start of a test's time.
func at(minutes int) loyalty.Instant {
	return loyalty.At(storetest.Start.Add(time.Duration(minutes) * time.Minute))
}

// event is an event of the standard source.
func event(kind, id string, minutes int, m loyalty.Member) loyalty.Event {
	return loyalty.Event{Source: "standard", Type: kind, ID: id, At: at(minutes), Member: m}
}

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
