package coupon

import (
	"errors"
	"fmt"
	"io"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// To says whom a code is for: a member in an occurrence, on a shop day.
type To struct {
	Occurrence, Member int64
	Today              loyalty.Day
}

// Give reserves a code of a pool: the shared one, one from stock, or a new one.
// The same member in the same occurrence gets the same code again, also when
// the first mail with it failed. ErrEmpty when stock, budget or time is used up.
func Give(tx *store.Tx, pool string, to To, random io.Reader) (Code, error) {
	c, err := give(tx, pool, to, random)
	if err != nil {
		return Code{}, fmt.Errorf("giving a code of pool %s to member %d: %w", pool, to.Member, err)
	}
	return c, nil
}

func give(tx *store.Tx, pool string, to To, random io.Reader) (Code, error) {
	p, err := Find(tx, pool)
	if err != nil {
		return Code{}, err
	}
	if p.Kind == Shared {
		return giveShared(tx, p, to)
	}
	// The member's row is the lock under which a second Give finds the first one's code.
	var id int64
	if err := tx.One(&id, "select id from members where id = @member "+tx.ForUpdate(), store.Args{"member": to.Member}); err != nil {
		return Code{}, err
	}
	c, has, err := held(tx, p, to)
	if err != nil || has && c.State != StateVoid {
		return c, err
	}
	if !has && !p.over(to.Today) {
		if n, err := keepPromises(tx, p, []person{{to.Occurrence, to.Member}}); err != nil {
			return Code{}, err
		} else if n > 0 {
			c, _, err := held(tx, p, to)
			return c, err
		}
	}
	if err := mayGive(tx, p, to.Today); err != nil {
		return Code{}, err
	}
	if has {
		return again(tx, c)
	}
	return anew(tx, p, to, random)
}

// mayGive says whether a pool may give one more code; afterwards nobody else
// gives one before this transaction ends, if the pool is limited.
func mayGive(tx *store.Tx, p Pool, today loyalty.Day) error {
	if p.over(today) {
		return fmt.Errorf("%w: its last day was %s", ErrEmpty, p.ValidUntil)
	}
	if err := p.lock(tx); err != nil {
		return err
	}
	r, err := roomOf(tx, p)
	if err == nil && r.give == 0 {
		err = fmt.Errorf("%w: its stock or budget is used up", ErrEmpty)
	}
	return err
}

// again reserves a code anew whose mail failed or was skipped: it was not seen.
func again(tx *store.Tx, c Code) (Code, error) {
	_, err := tx.Exec(`
		update codes set state = 'reserved', reserved_at = @now, issued_at = null, valid_until = null
		where  id = @id and state = 'void'`, store.Args{"id": c.ID, "now": tx.At})
	if err != nil {
		return Code{}, err
	}
	return byID(tx, c.ID)
}

// anew reserves a code from stock, or makes one.
func anew(tx *store.Tx, p Pool, to To, random io.Reader) (Code, error) {
	id, err := fromStock(tx, p, to)
	if errors.Is(err, store.ErrNotFound) && p.mints() {
		id, err = mint(tx, p, to, random)
	}
	switch {
	case errors.Is(err, store.ErrNotFound) && p.byFile():
		return Code{}, fmt.Errorf("%w: the shop knows no further one; generate codes and export them", ErrEmpty)
	case errors.Is(err, store.ErrNotFound):
		return Code{}, ErrEmpty
	case err != nil:
		return Code{}, err
	}
	return byID(tx, id)
}

// claimable is the condition on a free code that may be given.
func (p Pool) claimable() string {
	if p.byFile() {
		return "pool_id = @pool and state = 'free' and known_at is not null"
	}
	return "pool_id = @pool and state = 'free'"
}

func fromStock(tx *store.Tx, p Pool, to To) (id int64, err error) {
	err = tx.One(&id, `
		update codes
		set    state = 'reserved', occurrence_id = @occurrence, member_id = @member, reserved_at = @now
		where  id = (select id from codes where `+p.claimable()+` order by id limit 1 `+tx.SkipLocked()+`)
		returning id`,
		store.Args{"pool": p.ID, "occurrence": to.Occurrence, "member": to.Member, "now": tx.At})
	return id, err
}

// mintTries is how often a taken code is derived anew. With the 20 bits to spare
// that a pattern must have, a second try is one in a million.
const mintTries = 50

func mint(tx *store.Tx, p Pool, to To, random io.Reader) (id int64, err error) {
	for try := range mintTries {
		one, err := p.derived(tx, []person{{to.Occurrence, to.Member}}, try, random)
		if err != nil {
			return 0, err
		}
		err = tx.One(&id, `
			insert into codes (pool_id, code, folded, state, occurrence_id, member_id, reserved_at)
			values (@pool, @code, @folded, 'reserved', @occurrence, @member, @now)
			on conflict (folded) do nothing
			returning id`,
			store.Args{"pool": p.ID, "code": one[0].Code, "folded": one[0].Folded,
				"occurrence": to.Occurrence, "member": to.Member, "now": tx.At})
		if !errors.Is(err, store.ErrNotFound) {
			return id, err
		}
	}
	return 0, fmt.Errorf("%w: the pattern %s has too few codes", ErrEmpty, p.Pattern)
}

// draw returns a code of the pool's pattern.
func (p Pool) draw(random io.Reader) (string, error) {
	return loyalty.CodePattern(p.Pattern).Expand(random)
}

// giveShared returns the pool's one code, which belongs to nobody.
func giveShared(tx *store.Tx, p Pool, to To) (Code, error) {
	if p.over(to.Today) {
		return Code{}, fmt.Errorf("%w: its last day was %s", ErrEmpty, p.ValidUntil)
	}
	id, err := sharedCode(tx, p)
	if err != nil {
		return Code{}, err
	}
	c, err := byID(tx, id)
	if err == nil && c.State != StateIssued {
		err = fmt.Errorf("%w: %s is %s", ErrEmpty, c.Code, c.State)
	}
	return c, err
}

// sharedCode returns the row of a shared pool's code, which it makes on first use.
func sharedCode(tx *store.Tx, p Pool) (id int64, err error) {
	args := store.Args{"pool": p.ID, "code": p.Code, "folded": loyalty.FoldCode(p.Code), "now": tx.At}
	_, err = tx.Exec(`
		insert into codes (pool_id, code, folded, state, issued_at)
		values (@pool, @code, @folded, 'issued', @now)
		on conflict (folded) do nothing`, args)
	if err != nil {
		return 0, err
	}
	err = tx.One(&id, "select id from codes where folded = @folded and pool_id = @pool", args)
	if errors.Is(err, store.ErrNotFound) {
		return 0, fmt.Errorf("code %s belongs to another pool: %w", p.Code, ErrKind)
	}
	return id, err
}
