package coupon

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// To is whom a code is for: a member in an occurrence.
type To struct{ Occurrence, Member int64 }

// GiveEach reserves a code of a pool for each of many passages, in few statements:
// the shared one, one from stock, or a new one. The same member in the same
// occurrence gets the same code again, also when the first mail with it failed. It
// returns the codes' ids; for whom stock, budget or time leave none is not among
// them, the last of the list first. The caller has locked the passages, so that
// nobody else asks for the same ones.
func GiveEach(tx *store.Tx, pool string, to []To, today loyalty.Day, random io.Reader) (map[To]int64, error) {
	given, err := giveEach(tx, pool, to, today, random)
	if err != nil {
		return nil, fmt.Errorf("giving %d codes of pool %s: %w", len(to), pool, err)
	}
	return given, nil
}

// GiveNow is GiveEach for codes that members have without a mail: they are good at once.
func GiveNow(tx *store.Tx, pool string, to []To, today loyalty.Day, random io.Reader) (map[To]int64, error) {
	given, err := GiveEach(tx, pool, to, today, random)
	if err != nil || len(given) == 0 {
		return given, err
	}
	return given, IssueNow(tx, slices.Collect(maps.Values(given)), today)
}

// Again reserves a void code once more for whoever it was for, and reports whether it
// could: not after it was ended by hand, nor when its pool is over or used up.
func Again(tx *store.Tx, id int64) (bool, error) {
	c, err := byID(tx, id)
	if err != nil {
		return false, err
	}
	today, err := tx.Today()
	if err != nil || c.Occurrence == 0 {
		return false, err
	}
	to := To{Occurrence: c.Occurrence, Member: c.Member}
	given, err := GiveEach(tx, c.Pool, []To{to}, today, rand.Reader)
	if errors.Is(err, store.ErrNotFound) { // the pool is gone
		return false, nil
	}
	return given[to] == id, err
}

func giveEach(tx *store.Tx, pool string, to []To, today loyalty.Day, random io.Reader) (map[To]int64, error) {
	if len(to) == 0 {
		return nil, nil
	}
	p, err := Find(tx, pool)
	if err != nil {
		return nil, err
	}
	if p.Kind == Shared {
		return shareEach(tx, p, to, today)
	}
	if err := p.lock(tx); err != nil {
		return nil, err
	}
	given, voids, err := heldBy(tx, p, to)
	if err != nil || p.over(today) {
		return given, err
	}
	want := without(to, given)
	if n, err := keepPromises(tx, p, without(want, voids)); err != nil {
		return nil, err
	} else if n > 0 {
		if given, voids, err = heldBy(tx, p, to); err != nil {
			return nil, err
		}
		want = without(to, given)
	}
	r, err := roomOf(tx, p)
	if err != nil {
		return nil, err
	}
	want = want[:min(int64(len(want)), r.give)]
	if err := takeEach(tx, p, want, voids, r.mint, random); err != nil {
		return nil, err
	}
	given, _, err = heldBy(tx, p, to)
	return given, err
}

// without returns those who have none of the codes.
func without(to []To, codes map[To]int64) []To {
	return slices.DeleteFunc(slices.Clone(to), func(who To) bool { return codes[who] != 0 })
}

func shareEach(tx *store.Tx, p Pool, to []To, today loyalty.Day) (map[To]int64, error) {
	if p.over(today) {
		return nil, nil
	}
	id, state, err := sharedCode(tx, p)
	if err != nil || state != StateIssued {
		return nil, err
	}
	given := make(map[To]int64, len(to))
	for _, who := range to {
		given[who] = id
	}
	return given, nil
}

// takeEach reserves a code for each who wants one: the one that they had and never
// saw, one from stock, or a new one, of which mint may be made.
func takeEach(tx *store.Tx, p Pool, want []To, voids map[To]int64, mint int64, random io.Reader) error {
	var back []int64
	for _, who := range want {
		if id := voids[who]; id != 0 {
			back = append(back, id)
		}
	}
	if len(back) > 0 { // their mail failed or was skipped
		_, err := tx.Exec(`
			update codes set state = 'reserved', reserved_at = @now, issued_at = null, valid_until = null
			where  state = 'void' and id in (select value from `+tx.JSONEach("@ids")+`)`,
			store.Args{"ids": store.JSON(back), "now": tx.At})
		if err != nil {
			return err
		}
	}
	want, err := stockEach(tx, p, without(want, voids))
	if err != nil {
		return err
	}
	want = want[:min(int64(len(want)), mint)]
	for try := 0; p.mints() && len(want) > 0 && try < mintTries; try++ {
		if err := mintFor(tx, p, want, try, random); err != nil {
			return err
		}
		given, _, err := heldBy(tx, p, want)
		if err != nil {
			return err
		}
		want = without(want, given)
	}
	return nil
}

// inStock is the condition on a code of a pool that is nobody's, by which Postgres finds it
// without going through those that were given: free ones and those set aside are among them.
const inStock = "pool_id = @pool and member_id is null"

// claimable is the condition on a free code that may be given.
func (p Pool) claimable() string {
	if p.byFile() {
		return inStock + " and state = 'free' and known_at is not null"
	}
	return inStock + " and state = 'free'"
}

// stockEach gives the first free codes to the first who want one and returns those
// for whom there was none.
func stockEach(tx *store.Tx, p Pool, want []To) ([]To, error) {
	if len(want) == 0 {
		return nil, nil
	}
	var free []int64
	err := tx.All(&free, "select id from codes where "+p.claimable()+" order by id limit @n "+tx.SkipLocked(), store.Args{"pool": p.ID, "n": len(want)})
	if err != nil || len(free) == 0 {
		return want, err
	}
	_, err = reserve(tx, free, want)
	return want[len(free):], err
}

// reserve makes codes those of as many members, in the same sequence. One that is
// redeemed or expired already stays so.
func reserve(tx *store.Tx, codes []int64, to []To) (int64, error) {
	rows := make([][]any, len(codes))
	for i, id := range codes {
		rows[i] = []any{id, to[i].Occurrence, to[i].Member}
	}
	return tx.Exec(`
		update codes
		set    state = case when state in ('free', 'aside') then 'reserved' else state end,
		       occurrence_id = r.occurrence, member_id = r.member, reserved_at = @now
		from   `+tx.Values("id bigint", "occurrence bigint", "member bigint")+`
		where  codes.id = r.id`, store.Args{"rows": store.Rows(rows), "now": tx.At})
}

// heldBy returns the codes of a pool that members have in their occurrences, those
// that are void by themselves.
func heldBy(tx *store.Tx, p Pool, to []To) (given, voids map[To]int64, err error) {
	rows := make([][]any, len(to))
	for i, who := range to {
		rows[i] = []any{who.Occurrence, who.Member}
	}
	var found []struct {
		ID int64
		To
		State string
	}
	// Both engines would like to begin with all codes of the pool, Postgres for as long as
	// it takes a new table for a small one.
	codes := "cross join codes c where c.pool_id = @pool and c.occurrence_id = r.occurrence and c.member_id = r.member"
	if tx.Postgres() {
		codes = "cross join lateral (select id, state from codes where pool_id = @pool and occurrence_id = r.occurrence and member_id = r.member offset 0) c"
	}
	err = tx.All(&found, "select c.id, r.occurrence, r.member, c.state from "+tx.Values("occurrence bigint", "member bigint")+" "+codes,
		store.Args{"pool": p.ID, "rows": store.Rows(rows)})
	if err != nil {
		return nil, nil, err
	}
	given, voids = make(map[To]int64, len(to)), map[To]int64{}
	for _, c := range found {
		if c.State == StateVoid {
			voids[c.To] = c.ID
		} else {
			given[c.To] = c.ID
		}
	}
	return given, voids, nil
}

// mintTries is how often a taken code is derived anew. With the 20 bits to spare
// that a pattern must have, a second try is one in a million.
const mintTries = 50

// mintSlice is how many codes one statement makes.
const mintSlice = 10_000

// mintFor makes a code for each. A code that is taken is left out, and whom it was
// for is asked for again in the next round.
func mintFor(tx *store.Tx, p Pool, to []To, try int, random io.Reader) error {
	codes, err := p.derived(tx, to, try, random)
	if err != nil {
		return err
	}
	_, err = p.mint(tx, codes, to)
	return err
}

// mint adds new codes for people, and returns for whom there is none, because it was
// taken.
func (p Pool) mint(tx *store.Tx, codes []row, people []To) (left []To, err error) {
	err = tx.Try(func() error { return p.copy(tx, codes) }) // the fast way, which knows no "on conflict"
	if !errors.Is(err, store.ErrDuplicate) {
		return nil, err
	}
	if _, err := insert(tx, p, StateReserved, codes, 0); err != nil {
		return nil, err
	}
	given, _, err := heldBy(tx, p, people)
	return without(people, given), err
}

func (p Pool) copy(tx *store.Tx, codes []row) error {
	columns := []string{"id", "pool_id", "code", "folded", "state", "occurrence_id", "member_id", "reserved_at"}
	from := 0
	if codes[0].ID == 0 { // the database numbers them
		from = 1
	}
	i, values := 0, make([]any, len(columns))
	_, err := tx.Stream("codes", columns[from:], func() ([]any, error) {
		if i == len(codes) {
			return nil, nil
		}
		r := codes[i]
		i++
		values[0], values[1], values[2], values[3], values[4], values[5], values[6], values[7] = r.ID, p.ID, r.Code, r.Folded, StateReserved, r.Occurrence, r.Member, tx.At
		return values[from:], nil
	})
	return err
}

// sharedCode returns the row of a shared pool's one code, which belongs to nobody
// and is made on first use, and its state.
func sharedCode(tx *store.Tx, p Pool) (id int64, state string, err error) {
	args := store.Args{"pool": p.ID, "code": p.Code, "folded": loyalty.FoldCode(p.Code), "now": tx.At}
	_, err = tx.Exec(`
		insert into codes (pool_id, code, folded, state, issued_at)
		values (@pool, @code, @folded, 'issued', @now)
		on conflict (folded) do nothing`, args)
	if err != nil {
		return 0, "", err
	}
	var c struct {
		ID    int64
		State string
	}
	err = tx.One(&c, "select id, state from codes where folded = @folded and pool_id = @pool", args)
	if errors.Is(err, store.ErrNotFound) {
		err = fmt.Errorf("code %s belongs to another pool: %w", p.Code, ErrKind)
	}
	return c.ID, c.State, err
}
