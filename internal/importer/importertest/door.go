// Package importertest is what tests of the ways in, by event and by file, have in
// common.
package importertest

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
	"regulars/segments"
)

// Door is both ways into a test's database. Its methods end the test where something
// fails.
type Door struct {
	*intake.Intake
	*importer.Importer
	T  testing.TB
	DB *store.DB
}

// New is the door of a database.
func New(t testing.TB, db *store.DB) Door {
	return Door{intake.New(db), importer.New(db), t, db}
}

// Stand has business time stand at a moment.
func (d *Door) Stand(t time.Time) {
	d.Intake, d.Importer = intake.New(d.DB.At(t)), importer.New(d.DB.At(t))
}

// File writes a file for an import.
func File(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Take imports and returns the tally and the refusals.
func (d Door) Take(f importer.File) (string, []string) {
	d.T.Helper()
	var refused []string
	f.Refused = func(r loyalty.Note) { refused = append(refused, fmt.Sprintf("%d %s: %s", r.Line, r.Field, r.Reason)) }
	tally, err := d.Import(context.Background(), f)
	if err != nil {
		d.T.Fatal(err)
	}
	return tally.String(), refused
}

// Answers takes live events in and returns their answers.
func (d Door) Answers(events ...loyalty.Event) []intake.Result {
	d.T.Helper()
	results, err := d.Apply(context.Background(), events, intake.Live)
	if err != nil {
		d.T.Fatal(err)
	}
	return results
}

// Stored takes live events in, all of which must be new and good.
func (d Door) Stored(events ...loyalty.Event) []intake.Result {
	d.T.Helper()
	results := d.Answers(events...)
	for i, r := range results {
		if r.State != intake.Stored {
			d.T.Fatalf("event %s: %+v, want it stored", events[i].ID, r)
		}
	}
	return results
}

// React has campaigns do what everything so far sets off.
func (d Door) React() {
	d.T.Helper()
	for {
		n, err := flows.React(context.Background(), d.DB)
		if err != nil {
			d.T.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// Rows returns the rows of a query as text, in its order, once campaigns have
// reacted.
func (d Door) Rows(query string) []string {
	d.T.Helper()
	d.React()
	var all []string
	err := d.DB.View(context.Background(), func(tx *store.Tx) error { return tx.All(&all, query, nil) })
	if err != nil {
		d.T.Fatal(err)
	}
	return all
}

// One returns the first row of a query as text, "" if there is none.
func (d Door) One(query string) string {
	d.T.Helper()
	if rows := d.Rows(query); len(rows) > 0 {
		return rows[0]
	}
	return ""
}

// FactsAgree makes sure that the facts are what the orders, the members and the points
// say when they are asked for all that there is.
func (d Door) FactsAgree(when string) {
	d.T.Helper()
	const columns = `member_id, joined, joined_day, country, language, orders, order_days, spent, quantity, largest, smallest, first_day, last_day, points,
		birthday, birth_year, usual_gap, tier, consent_offers, consent_newsletter, consent_program`
	const row = `member_id || ': ' || orders || ' on ' || order_days || ' for ' || spent || ' x' || quantity || ' ' || coalesce(smallest, 0) || '-' || coalesce(largest, 0) ||
		' days ' || coalesce(first_day, 0) || '-' || coalesce(last_day, 0) || ' gap ' || coalesce(usual_gap, 0) || ' ' || points || ' points ' || country || ' ' || language ||
		' joined ' || coalesce(joined_day, 0) || ' born ' || coalesce(birthday, 0)`
	var differ []struct{ Facts, Orders string }
	err := d.DB.View(context.Background(), func(tx *store.Tx) error {
		today, err := tx.Today()
		if err != nil {
			return err
		}
		defined := "(" + segments.FactsSelect(tx.Engine(), "") + ")"
		return tx.All(&differ, `
			with defined as (select `+columns+` from `+defined+` f), kept as (select `+columns+` from facts)
			select coalesce((select `+row+` from facts where facts.member_id = u.id), 'none') as facts,
			       coalesce((select `+row+` from defined where defined.member_id = u.id), 'none') as orders
			from  (select member_id as id from (select * from defined except select * from kept) a
			       union select member_id from (select * from kept except select * from defined) b) u`, store.Args{"day": int64(today)})
	})
	if err != nil {
		d.T.Fatal(err)
	}
	for _, f := range differ {
		d.T.Fatalf("%s: facts have %s; the orders say %s", when, f.Facts, f.Orders)
	}
}

// At is a moment so many minutes after the start of a test's time.
func At(minutes int) loyalty.Instant {
	return loyalty.At(storetest.Start.Add(time.Duration(minutes) * time.Minute))
}

// Event is an event of the standard source.
func Event(kind, id string, minutes int, m loyalty.Member) loyalty.Event {
	return loyalty.Event{Source: "standard", Type: kind, ID: id, At: At(minutes), Member: m}
}
