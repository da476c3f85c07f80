package store

import (
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
)

// shared is what all handles on one open database have in common.
type shared struct {
	ills ills
	wake atomic.Pointer[func(work string)]
	log  atomic.Pointer[slog.Logger]
	kept *Recent[any, any]

	lately sync.Map // of lately, by key
}

// keptValues is how many values Kept remembers.
const keptValues = 16

func newShared() *shared { return &shared{kept: NewRecent[any, any](keptValues)} }

// OnWake has f told of the work that Tx.Wake names. f must return at once: what it
// loses, the workers find.
func (db *DB) OnWake(f func(work string)) { db.shared.wake.Store(&f) }

// Wake says, once the transaction has lasted, that it left work of a kind (the engine
// has the list), with the id of what it is about where it is one thing: "flow.react",
// "run.deliver:12".
func (tx *Tx) Wake(work string) {
	tx.AfterCommit(func() {
		if wake := tx.shared.wake.Load(); wake != nil {
			(*wake)(work)
		}
	})
}

// LogTo sets who hears of what is set aside.
func (db *DB) LogTo(log *slog.Logger) { db.shared.log.Store(log) }

// Log is where that is written; it is never nil.
func (db *DB) Log() *slog.Logger {
	if log := db.shared.log.Load(); log != nil {
		return log
	}
	return slog.New(slog.DiscardHandler)
}

// Kept returns what is made of rows that never change. It is made once and
// remembered with the database; of more than a few, those that were used last.
func Kept[K comparable, V any](tx *Tx, key K, make func() (V, error)) (V, error) {
	if v, ok := tx.shared.kept.Get(key); ok {
		return v.(V), nil
	}
	v, err := make()
	if err == nil {
		tx.shared.kept.Put(key, v)
	}
	return v, err
}

// Read returns what does not change within a transaction, or whose change it need not
// see. It is read once: what is set (SetSetting), a Try that fails and Reread have it
// read again.
func Read[K comparable, V any](tx *Tx, key K, read func() (V, error)) (V, error) {
	if v, ok := tx.read[key]; ok {
		return v.(V), nil
	}
	v, err := read()
	if err == nil {
		if tx.read == nil {
			tx.read = map[any]any{}
		}
		tx.read[key] = v
	}
	return v, err
}

// Reread forgets what Read has returned in this transaction: after waiting for a lock
// it may be another.
func (tx *Tx) Reread() { clear(tx.read) }

// IDs is a list of ids as a parameter for In and JSONEach; nil is an empty one.
func IDs(ids []int64) string {
	if ids == nil {
		return "[]"
	}
	return JSON(ids)
}

// In is a JSON parameter of numbers as the right side of "in".
func (tx *Tx) In(param string) string { return "(select value from " + tx.JSONEach(param) + ")" }

// RowsOf is a table expression: the rows of a table that have one of the ids of a JSON
// parameter in a column. On Postgres each id is looked up by the index of that column:
// joined or asked with "in", a table that was never analysed may be read once for each.
func (tx *Tx) RowsOf(table, column, param string) string {
	if !tx.Postgres() {
		return "(select * from " + table + " where " + column + " in " + tx.In(param) + ")"
	}
	return "(select o.* from (select distinct value from " + tx.JSONEach(param) + ") i cross join lateral (select * from " + table + " where " + column + " = i.value offset 0) o)"
}

// RowsBy is a table expression: the rows of a table that a condition finds by an index, before
// anything else is asked of them. A planner that takes the table for a small one might begin
// with all rows of which that holds.
func (tx *Tx) RowsBy(table, condition string) string {
	if !tx.Postgres() {
		return "(select * from " + table + " where " + condition + " limit -1)"
	}
	return "(select * from " + table + " where " + condition + " offset 0)"
}

// ForUpdateOf locks the rows of one table of a join.
func (tx *Tx) ForUpdateOf(table string) string {
	if lock := tx.ForUpdate(); lock != "" {
		return lock + " of " + table
	}
	return ""
}

// LockMembers locks those of the members that nobody else has locked, and returns them.
func (tx *Tx) LockMembers(ids []int64) (locked []int64, err error) {
	err = tx.All(&locked, tx.eachMember(tx.In("@ids"), tx.SkipLocked()), Args{"ids": IDs(ids)})
	return locked, err
}

// HoldMembers locks members, and waits for those whom somebody else has locked. SQLite has
// one writer and needs nothing.
func (tx *Tx) HoldMembers(ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	return tx.HoldMembersOf(tx.In("@ids"), Args{"ids": IDs(ids)})
}

// HoldMembersOf is HoldMembers for the ids that a query in brackets returns.
func (tx *Tx) HoldMembersOf(query string, args Args) error {
	if !tx.Postgres() {
		return nil
	}
	var held []int64
	return tx.All(&held, tx.eachMember(query, tx.ForUpdate()), args)
}

// eachMember reads members in the order of their ids, in which everybody locks them. On
// Postgres each is looked up: asked with "in", in that order, a table that was never
// analysed may be read as a whole.
func (tx *Tx) eachMember(query, lock string) string {
	if !tx.Postgres() {
		return "select id from members where id in " + query + " order by id"
	}
	return `select m.id from (select distinct q.id from ` + query + ` q(id) order by 1 offset 0) i
		cross  join lateral (select id from members where id = i.id ` + lock + `) m`
}

// Brief is an error as it is kept with a row.
func Brief(err error) string {
	text := err.Error()
	if len(text) > longestBecause {
		text = strings.ToValidUTF8(text[:longestBecause], "") + "…"
	}
	return text
}
