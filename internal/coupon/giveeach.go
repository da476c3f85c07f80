package coupon

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"regulars/internal/store"
)

// GiveEach is Give for many passages in few statements. It returns the codes'
// ids; for whom stock, budget or time leave none is not among them, the last of
// the list first. The caller has locked the passages, so that nobody else asks
// for the same ones.
func GiveEach(tx *store.Tx, pool string, to []To, random io.Reader) (map[To]int64, error) {
	given, err := giveEach(tx, pool, to, random)
	if err != nil {
		return nil, fmt.Errorf("giving %d codes of pool %s: %w", len(to), pool, err)
	}
	return given, nil
}

func giveEach(tx *store.Tx, pool string, to []To, random io.Reader) (map[To]int64, error) {
	if len(to) == 0 {
		return nil, nil
	}
	p, err := Find(tx, pool)
	if err != nil {
		return nil, err
	}
	if p.Kind == Shared {
		return shareEach(tx, p, to)
	}
	if err := p.lock(tx); err != nil {
		return nil, err
	}
	given, want, voids, err := heldBy(tx, p, to)
	if err != nil || p.over(to[0].Today) {
		return given, err
	}
	var people []person
	for _, who := range want {
		if voids[who] == 0 {
			people = append(people, person{who.Occurrence, who.Member})
		}
	}
	if n, err := keepPromises(tx, p, people); err != nil {
		return nil, err
	} else if n > 0 {
		if _, want, voids, err = heldBy(tx, p, to); err != nil {
			return nil, err
		}
	}
	r, err := roomOf(tx, p)
	if err != nil {
		return nil, err
	}
	want = want[:min(int64(len(want)), r.give)]
	if err := takeEach(tx, p, want, voids, r.mint, random); err != nil {
		return nil, err
	}
	given, _, _, err = heldBy(tx, p, to)
	return given, err
}

func shareEach(tx *store.Tx, p Pool, to []To) (map[To]int64, error) {
	c, err := giveShared(tx, p, to[0])
	if errors.Is(err, ErrEmpty) {
		return nil, nil
	}
	given := make(map[To]int64, len(to))
	for _, who := range to {
		given[who] = c.ID
	}
	return given, err
}

// takeEach reserves a code for each person: the one that they had and never saw,
// one from stock, or a new one, of which mint may be made.
func takeEach(tx *store.Tx, p Pool, want []To, voids map[To]int64, mint int64, random io.Reader) error {
	var back []int64
	var people []person
	for _, who := range want {
		if id := voids[who]; id != 0 {
			back = append(back, id)
		} else {
			people = append(people, person{who.Occurrence, who.Member})
		}
	}
	if err := reviveEach(tx, back); err != nil {
		return err
	}
	people, err := stockEach(tx, p, people)
	if err != nil {
		return err
	}
	people = people[:min(int64(len(people)), mint)]
	for try := 0; p.mints() && len(people) > 0 && try < mintTries; try++ {
		if err := mintFor(tx, p, people, try, random); err != nil {
			return err
		}
		if people, err = stillWanting(tx, p, people); err != nil {
			return err
		}
	}
	return nil
}

// reviveEach reserves codes anew whose mail failed or was skipped.
func reviveEach(tx *store.Tx, codes []int64) error {
	if len(codes) == 0 {
		return nil
	}
	_, err := tx.Exec(`
		update codes set state = 'reserved', reserved_at = @now, issued_at = null, valid_until = null
		where  state = 'void' and id in (select value from `+tx.JSONEach("@ids")+`)`,
		store.Args{"ids": store.JSON(codes), "now": tx.At})
	return err
}

// stockEach gives the first people the first free codes and returns those for
// whom there was none.
func stockEach(tx *store.Tx, p Pool, people []person) ([]person, error) {
	if len(people) == 0 {
		return nil, nil
	}
	var free []int64
	err := tx.All(&free, "select id from codes where "+p.claimable()+" order by id limit @n "+tx.SkipLocked(), store.Args{"pool": p.ID, "n": len(people)})
	if err != nil || len(free) == 0 {
		return people, err
	}
	rows := make([]string, len(free))
	for i, id := range free {
		rows[i] = fmt.Sprintf("(%d,%d,%d)", id, people[i].Occurrence, people[i].Member)
	}
	_, err = tx.Exec(`
		update codes
		set    state = 'reserved', occurrence_id = k.column2, member_id = k.column3, reserved_at = @now
		from  (select column1, column2, column3 from (values `+strings.Join(rows, ",")+`) v) k
		where  codes.id = k.column1`, store.Args{"now": tx.At})
	return people[len(free):], err
}

// heldBy returns the codes of a pool that people have in their occurrences, who
// has none, and the void codes of those.
func heldBy(tx *store.Tx, p Pool, to []To) (given map[To]int64, want []To, voids map[To]int64, err error) {
	rows := make([]string, len(to))
	for i, who := range to {
		rows[i] = fmt.Sprintf("(%d,%d)", who.Occurrence, who.Member)
	}
	var found []struct {
		ID, Occurrence, Member int64
		State                  string
	}
	err = tx.All(&found, `
		select c.id, c.occurrence_id as occurrence, c.member_id as member, c.state
		from   codes c join (select column1, column2 from (values `+strings.Join(rows, ",")+`) v) k
		on     c.occurrence_id = k.column1 and c.member_id = k.column2
		where  c.pool_id = @pool`, store.Args{"pool": p.ID})
	if err != nil {
		return nil, nil, nil, err
	}
	given, voids = make(map[To]int64, len(to)), map[To]int64{}
	for _, c := range found {
		who := To{c.Occurrence, c.Member, to[0].Today}
		if c.State == StateVoid {
			voids[who] = c.ID
		} else {
			given[who] = c.ID
		}
	}
	for _, who := range to {
		if given[who] == 0 {
			want = append(want, who)
		}
	}
	return given, want, voids, nil
}

// stillWanting returns those of the people who have no code of the pool yet.
func stillWanting(tx *store.Tx, p Pool, people []person) (left []person, err error) {
	to := make([]To, len(people))
	for i, who := range people {
		to[i] = To{Occurrence: who.Occurrence, Member: who.Member}
	}
	given, _, _, err := heldBy(tx, p, to)
	for i, who := range people {
		if given[to[i]] == 0 {
			left = append(left, who)
		}
	}
	return left, err
}
