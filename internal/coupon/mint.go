package coupon

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Minter makes a code for each mail of a run while the mails are written down, so that
// nobody has to read or change them again.
type Minter struct {
	tx     *store.Tx
	p      Pool
	derive *stream
	names  map[int64]string // of occurrences
	have   int64            // codes that the pool can give
	made   int64
}

// Mint returns who makes the codes of a run. It is nil where they are not made for their
// members, since some lie in stock, are promised or shared: then GiveAll gives them.
func Mint(tx *store.Tx, pool string, today loyalty.Day, random io.Reader) (*Minter, error) {
	m, err := minting(tx, pool, today, random)
	if err != nil {
		return nil, fmt.Errorf("making codes of pool %s: %w", pool, err)
	}
	return m, nil
}

func minting(tx *store.Tx, pool string, today loyalty.Day, random io.Reader) (*Minter, error) {
	p, err := Find(tx, pool)
	if err != nil || !p.mints() {
		return nil, err
	}
	if err := p.lock(tx); err != nil {
		return nil, err
	}
	have, stock, err := available(tx, p, today)
	if err != nil || stock > 0 {
		return nil, err
	}
	if promised, err := hasPromises(tx, p); promised || err != nil {
		return nil, err
	}
	m, err := minterOf(tx, p, random)
	if err == nil {
		m.have = have
	}
	return m, err
}

func minterOf(tx *store.Tx, p Pool, random io.Reader) (*Minter, error) {
	derive, err := deriving(tx, random)
	return &Minter{tx: tx, p: p, derive: derive, names: map[int64]string{}}, err
}

// For makes a code for each of some members in an occurrence. Their ids, in the same
// sequence, go to write, which writes the mails down while the codes are drawn.
func (m *Minter) For(occurrence int64, members []int64, write func(codes []int64) error) error {
	if m.made += int64(len(members)); m.made > m.have { // it is too few for all, see Made
		return write(make([]int64, len(members)))
	}
	people := make([]To, len(members))
	for i, id := range members {
		people[i] = To{occurrence, id}
	}
	ids, err := m.tx.TakeIDs("codes", len(people))
	if err == nil {
		err = m.make(people, ids, func() error { return write(ids) })
	}
	if err != nil {
		return fmt.Errorf("making %d codes of pool %s: %w", len(people), m.p.Name, err)
	}
	return nil
}

// Made returns how many codes were made: *Short where the pool could not give so many.
// Then the transaction must not last.
func (m *Minter) Made() (int64, error) {
	if m.made > m.have {
		return 0, &Short{m.p.Name, m.have, m.made}
	}
	return m.made, nil
}

// make makes codes with those ids, 0 for any, for people. meanwhile is called before they
// are written down.
func (m *Minter) make(people []To, ids []int64, meanwhile func() error) error {
	if len(people) == 0 {
		return meanwhile()
	}
	names, err := m.known(people)
	if err != nil {
		return err
	}
	for try := range mintTries {
		var rows []row
		drawn := make(chan error, 1)
		go func() {
			var err error
			rows, err = m.draw(people, ids, names, try)
			drawn <- err
		}()
		if try == 0 {
			err = meanwhile()
		}
		if err = errors.Join(err, <-drawn); err != nil {
			return err
		}
		left, err := m.p.mint(m.tx, rows, people)
		if err != nil || len(left) == 0 {
			return err
		}
		k := 0
		for i, who := range people {
			if k < len(left) && who == left[k] {
				ids[k], names[k] = ids[i], names[i]
				k++
			}
		}
		people, ids, names = left, ids[:k], names[:k]
	}
	return fmt.Errorf("%w: the pattern %s has too few codes", ErrEmpty, m.p.Pattern)
}

// draw draws codes, in the order in which their index has them: Postgres then finds the
// place of each beside that of the one before.
func (m *Minter) draw(people []To, ids []int64, names []string, try int) ([]row, error) {
	rows, err := m.p.derivedBy(m.derive, people, ids, names, try)
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.Folded, b.Folded) })
	return rows, err
}

// known returns what the codes of people are known by outside the database.
func (m *Minter) known(people []To) ([]string, error) {
	members := make([]int64, len(people))
	for i, who := range people {
		members[i] = who.Member
	}
	whom, err := memberNames(m.tx, members)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(people))
	for i, who := range people {
		what, ok := m.names[who.Occurrence]
		if !ok { // a run has one
			all, err := occurrenceNames(m.tx, people[i:i+1])
			if err != nil {
				return nil, err
			}
			what = all[who.Occurrence]
			m.names[who.Occurrence] = what
		}
		names[i] = nameOf(m.p.Name, what, whom[who.Member])
	}
	return names, nil
}
