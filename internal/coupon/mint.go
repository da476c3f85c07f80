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
// nobody has to read or change them again. While one piece of them is written, the codes
// of the next one are drawn.
type Minter struct {
	tx     *store.Tx
	p      Pool
	derive *stream
	anew   *stream          // derives once more, while derive is at the next piece
	names  map[int64]string // of occurrences
	have   int64            // codes that the pool can give
	made   int64
	last   *drawn // is not written yet; nil: all are
}

// drawn are codes that were drawn for people.
type drawn struct {
	people []To
	names  []string // what their codes are known by outside the database
	ids    []int64  // of their codes; 0: the database numbers it
	rows   []row
	write  func(codes []int64) error // writes their mails
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
	secret, err := tx.Secret(settingCodes, random)
	return &Minter{tx: tx, p: p, derive: derivingBy(secret), anew: derivingBy(secret), names: map[int64]string{}}, err
}

// For makes a code for each of some members in an occurrence. Their ids, in the sequence
// of the members, go to write, which writes the mails down. That is done when For is called
// for the next members, or by Made.
func (m *Minter) For(occurrence int64, members []int64, write func(codes []int64) error) error {
	if m.made += int64(len(members)); m.made > m.have { // it is too few for all, see Made
		return write(make([]int64, len(members)))
	}
	next := &drawn{people: make([]To, len(members)), write: write}
	for i, id := range members {
		next.people[i] = To{occurrence, id}
	}
	done := make(chan error, 1)
	err := m.number(next)
	if err == nil {
		go func() { done <- m.draw(next) }()
		err = m.finish()
		err = errors.Join(err, <-done)
	}
	if err != nil {
		return fmt.Errorf("making %d codes of pool %s: %w", len(members), m.p.Name, err)
	}
	m.last = next
	return nil
}

// Made writes what is not written yet, and returns the number of codes that were made:
// *Short where the pool could not give so many. Then the transaction must not last.
func (m *Minter) Made() (int64, error) {
	if m.made > m.have {
		return 0, &Short{m.p.Name, m.have, m.made}
	}
	if err := m.finish(); err != nil {
		return 0, fmt.Errorf("making codes of pool %s: %w", m.p.Name, err)
	}
	return m.made, nil
}

// number takes ids for the codes of people, and learns their names.
func (m *Minter) number(d *drawn) (err error) {
	if len(d.people) == 0 {
		return nil
	}
	if d.names, err = m.known(d.people); err == nil {
		d.ids, err = m.tx.TakeIDs("codes", len(d.people))
	}
	return err
}

// draw draws codes and sorts them as their index does: Postgres then finds the place of
// each beside that of the one before. Their ids rise in the same order, so that in the
// index of ids each stands at its end.
func (m *Minter) draw(d *drawn) (err error) {
	at := make([]int64, len(d.people))
	for i := range at {
		at[i] = int64(i)
	}
	if d.rows, err = m.p.derivedBy(m.derive, d.people, at, d.names, 0); err != nil {
		return err
	}
	sortFolded(d.rows)
	ids := make([]int64, len(d.ids))
	for i, id := range d.ids {
		ids[d.rows[i].ID], d.rows[i].ID = id, id
	}
	d.ids = ids
	return nil
}

func sortFolded(rows []row) {
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.Folded, b.Folded) })
}

// finish writes the mails and the codes that were drawn last.
func (m *Minter) finish() error {
	d := m.last
	if m.last = nil; d == nil {
		return nil
	}
	if err := d.write(d.ids); err != nil {
		return err
	}
	return m.put(d)
}

// put writes codes down. One that is taken is drawn anew, with the id that its mail has.
func (m *Minter) put(d *drawn) error {
	people, ids, names, rows := d.people, d.ids, d.names, d.rows
	for try := 1; len(people) > 0; try++ {
		left, err := m.p.mint(m.tx, rows, people)
		if err != nil || len(left) == 0 {
			return err
		}
		if try == mintTries {
			return fmt.Errorf("%w: the pattern %s has too few codes", ErrEmpty, m.p.Pattern)
		}
		k := 0
		for i, who := range people {
			if k < len(left) && who == left[k] {
				ids[k], names[k] = ids[i], names[i]
				k++
			}
		}
		people, ids, names = left, ids[:k], names[:k]
		if rows, err = m.p.derivedBy(m.anew, people, ids, names, try); err != nil {
			return err
		}
		sortFolded(rows)
	}
	return nil
}

// make makes codes for people whose mails are written already.
func (m *Minter) make(people []To) (err error) {
	if len(people) == 0 {
		return nil
	}
	d := &drawn{people: people, ids: make([]int64, len(people))}
	if d.names, err = m.known(people); err != nil {
		return err
	}
	if err := m.draw(d); err != nil {
		return err
	}
	return m.put(d)
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
