package store

import (
	"fmt"
	"hash/fnv"
	"io"
)

// A name falls on one of so many locks, so that no transaction has too many.
const nameLocks = 256

// LockNames locks names of a kind until the transaction is over, whether there are
// rows of them yet or not: those that are true for itself alone, the others
// together with whoever does not want them alone. The locks are taken with the next
// statement and before it, and what others have committed under a name is there for it. Everybody calls it at the same point: for
// people before any row is locked, for orders after all are. SQLite has one writer and
// needs nothing.
func (tx *Tx) LockNames(kind string, names map[string]bool) error {
	locks := map[int64]lockedAs{}
	for name, alone := range names {
		n := int64(hashOf(name) % nameLocks)
		as := together
		if alone {
			as = toItself
		}
		locks[n] = max(locks[n], as)
	}
	return tx.lockNumbers(kind, locks)
}

// LockEach locks each of some names of a kind for itself alone, and no others: two
// transactions with other names go on side by side. One with many names locks others
// with them, as LockNames does.
func (tx *Tx) LockEach(kind string, names map[string]bool) error {
	locks := map[int64]lockedAs{}
	few := len(names) <= nameLocks
	for name := range names {
		hash := hashOf(name)
		if n := int64(hash % nameLocks); few {
			// Whoever has many is shut out by the lock of all names of the number, and
			// whoever has the same name by one that is its own.
			locks[n], locks[nameLocks+int64(hash>>2)] = together, toItself
		} else {
			locks[n] = toItself
		}
	}
	return tx.lockNumbers(kind, locks)
}

func hashOf(name string) uint32 {
	h := fnv.New32a()
	io.WriteString(h, name)
	return h.Sum32()
}

// lockNumbers locks numbers of a kind, in one sequence for all.
func (tx *Tx) lockNumbers(kind string, locks map[int64]lockedAs) error {
	if !tx.Postgres() || len(locks) == 0 {
		return nil
	}
	var all, alone []int64
	for n, as := range locks {
		if all = append(all, n); as == toItself {
			alone = append(alone, n)
		}
	}
	// The rows of the list are gone through in their sequence; of hundreds, only how many
	// there were is sent, and what they have in common is looked up once.
	const of = "(select hashtext('regulars ' || @kind || ' ' || current_schema()))"
	return tx.Later(fmt.Sprintf("locking %d names", len(locks)), `
		select count(case when n in (select value from `+tx.JSONEach("@alone")+`)
		             then cast(pg_advisory_xact_lock(`+of+`, n) as text)
		             else cast(pg_advisory_xact_lock_shared(`+of+`, n) as text) end)
		from  (select cast(value as integer) as n from `+tx.JSONEach("@all")+` order by value offset 0) l`,
		Args{"kind": kind, "alone": IDs(alone), "all": IDs(all)})
}

// lockedAs is how a number is locked.
type lockedAs int

const (
	together lockedAs = iota
	toItself
)
