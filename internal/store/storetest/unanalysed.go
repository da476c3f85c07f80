package storetest

import (
	"context"
	"testing"

	"regulars/internal/patiently"
	"regulars/internal/store"
)

// Unanalysed are tables of a Postgres database of which the planner gets to know nothing.
type Unanalysed struct {
	db     *store.DB
	names  []string
	before map[string]read
}

// read is how often a table was read by an index, and how many of its rows in all.
type read struct{ Known, Rows int64 }

// NeverAnalysed keeps Postgres from analysing tables by itself, until the test is over.
func NeverAnalysed(t *testing.T, db *store.DB, tables ...string) *Unanalysed {
	t.Helper()
	u := &Unanalysed{db, tables, map[string]read{}}
	u.each(t, "set (autovacuum_enabled = false)")
	t.Cleanup(func() { u.each(t, "reset (autovacuum_enabled)") }) // the database is another test's after this one
	return u
}

func (u *Unanalysed) each(t *testing.T, setting string) {
	t.Helper()
	err := u.db.Update(context.Background(), func(tx *store.Tx) error {
		for _, table := range u.names {
			if _, err := tx.Exec("alter table "+table+" "+setting, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Count begins to count what is read.
func (u *Unanalysed) Count(t *testing.T) {
	t.Helper()
	for _, table := range u.names {
		u.before[table] = u.read(t, table)
	}
}

// Fewer fails the test where as many rows of a table were read since Count, or none by an
// index. A connection tells what it has read when it ends.
func (u *Unanalysed) Fewer(t *testing.T, than int64) {
	t.Helper()
	for _, table := range u.names {
		var now read
		patiently.Until(t, "what was read of "+table+" to be told", func() bool {
			now = u.read(t, table)
			return now != u.before[table]
		})
		if known, rows := now.Known-u.before[table].Known, now.Rows-u.before[table].Rows; known == 0 || rows >= than {
			t.Errorf("%s: %d look-ups by index, %d rows read, want fewer than %d", table, known, rows, than)
		}
	}
}

func (u *Unanalysed) read(t *testing.T, table string) (r read) {
	t.Helper()
	err := u.db.View(context.Background(), func(tx *store.Tx) error {
		return tx.One(&r, `
			select coalesce(idx_scan, 0) as known, seq_tup_read + coalesce(idx_tup_fetch, 0) as rows
			from   pg_stat_user_tables
			where  schemaname = current_schema() and relname = @table`, store.Args{"table": table})
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
