package rehearsal

import (
	"context"
	"crypto/rand"
	"fmt"
	"iter"

	"regulars/internal/coupon"
	"regulars/internal/program"
	"regulars/internal/store"
)

// shelf is how many codes a pool has that others must put there: those of the
// shop's own, and those that a checkout learns of from a file.
type shelf struct {
	pool  program.Pool
	codes int64 // in all
	open  bool  // nobody knows how many there will be: there are always enough
}

// mostOpen bounds how many codes lie ready where nobody knows how many there are.
const mostOpen = 100_000

// stock says what lies in the pools: as many codes as the shop's pool of that
// name has, or as the program says. Where neither is known there are enough.
func (r Rehearsal) stock(ctx context.Context) (shelves []*shelf, err error) {
	err = r.Past.View(ctx, func(tx *store.Tx) error {
		var have []struct {
			Name string
			N    int64
		}
		if err := tx.All(&have, "select p.name, count(c.id) as n from pools p join codes c on c.pool_id = p.id and c.state <> 'void' group by p.name", nil); err != nil {
			return err
		}
		var members int64
		if err := tx.One(&members, "select count(*) from members", nil); err != nil {
			return err
		}
		for _, p := range r.Program.Program.Pools {
			if p.Kind != coupon.Imported && (p.Kind != coupon.Generated || p.Checkout != "file") {
				continue
			}
			s := &shelf{pool: p, codes: p.Stock}
			for _, h := range have {
				if h.Name == p.Name {
					s.codes = h.N
				}
			}
			if s.codes = r.ofAll(s.codes); s.codes == 0 {
				s.codes, s.open = min(members+100, mostOpen), true
			}
			shelves = append(shelves, s)
		}
		return nil
	})
	return shelves, err
}

// fill puts made-up codes into the pools.
func (s *stage) fill(ctx context.Context, shelves []*shelf) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		for _, f := range shelves {
			var have struct{ Free, Made int64 }
			err := tx.One(&have, `
				select count(*) filter (where c.state = 'free') as free, count(c.id) as made
				from   codes c join pools p on p.id = c.pool_id where p.name = @name`, store.Args{"name": f.pool.Name})
			if err != nil {
				return err
			}
			n := f.codes - have.Made
			if f.open {
				n = f.codes - have.Free
			}
			if n <= 0 {
				continue
			}
			if f.pool.Kind == coupon.Generated {
				if _, err = coupon.Generate(tx, f.pool.Name, int(n), rand.Reader); err == nil { // and the checkout learns of them
					err = coupon.Export(tx, f.pool.Name, true, func(coupon.Code) error { return nil })
				}
			} else {
				_, err = coupon.Import(tx, f.pool.Name, madeUp(f.pool.Name, have.Made, n))
			}
			if err != nil {
				return fmt.Errorf("filling pool %s: %w", f.pool.Name, err)
			}
		}
		return nil
	})
}

// madeUp are codes that no shop has.
func madeUp(pool string, from, n int64) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := from; i < from+n; i++ {
			if !yield(fmt.Sprintf("REHEARSAL-%s-%08d", pool, i)) {
				return
			}
		}
	}
}
