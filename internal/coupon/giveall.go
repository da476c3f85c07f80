package coupon

import (
	"fmt"
	"io"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Short says that a pool has fewer codes than an audience needs. Nothing may
// have been given: the transaction that got it must not last.
type Short struct {
	Pool       string
	Have, Need int64
}

// Error implements error.
func (s *Short) Error() string {
	return fmt.Sprintf("pool %s has %d codes, %d are needed", s.Pool, s.Have, s.Need)
}

// GiveAll reserves a code for each queued send of a run that has none, in few statements,
// and returns for how many. It starts with enough codes or not at all: *Short says what is
// missing. Where Mint can, its codes are made while the sends are written.
func GiveAll(tx *store.Tx, pool string, run int64, today loyalty.Day, random io.Reader) (int64, error) {
	n, err := giveAll(tx, pool, run, today, random)
	if err != nil {
		return 0, fmt.Errorf("giving codes to run %d: %w", run, err)
	}
	return n, nil
}

func giveAll(tx *store.Tx, pool string, run int64, today loyalty.Day, random io.Reader) (need int64, err error) {
	p, err := Find(tx, pool)
	if err != nil {
		return 0, err
	}
	if err := p.lock(tx); err != nil {
		return 0, err
	}
	if err := promisedAll(tx, p, run, today); err != nil {
		return 0, err
	}
	if err := tx.One(&need, "select count(*) from sends where "+wanting, store.Args{"run": run}); err != nil || need == 0 {
		return 0, err
	}
	have, stock, err := available(tx, p, today)
	switch {
	case err != nil:
		return 0, err
	case have < need:
		return 0, &Short{p.Name, have, need}
	case p.Kind == Shared:
		return need, shareAll(tx, p, run)
	}
	if stock > 0 {
		if err := stockAll(tx, p, run, min(stock, need)); err != nil {
			return 0, err
		}
	}
	return need, mintAll(tx, p, run, need, random)
}

// wanting is the condition on a send of a run that is to get a code.
const wanting = "run_id = @run and state = 'queued' and code_id is null"

// available returns how many codes a pool can give now, and how many of them lie
// in stock.
func available(tx *store.Tx, p Pool, today loyalty.Day) (have, stock int64, err error) {
	if p.over(today) {
		return 0, 0, nil
	}
	if p.Kind == Shared {
		var ended bool
		err := tx.One(&ended, "select exists (select 1 from codes where "+inStock+" and state <> 'issued')", store.Args{"pool": p.ID})
		if err != nil || ended {
			return 0, 0, err
		}
		return unlimited, 0, nil
	}
	r, err := roomOf(tx, p)
	if err != nil {
		return 0, 0, err
	}
	if err := tx.One(&stock, "select count(*) from codes where "+p.claimable(), store.Args{"pool": p.ID}); err != nil {
		return 0, 0, err
	}
	have = stock
	if p.mints() {
		have = min(unlimited, stock+r.mint)
	}
	return min(have, r.give), stock, nil
}

func shareAll(tx *store.Tx, p Pool, run int64) error {
	id, _, err := sharedCode(tx, p)
	if err != nil {
		return err
	}
	_, err = tx.Exec("update sends set code_id = @code where "+wanting, store.Args{"run": run, "code": id})
	return err
}

// stockAll pairs the first free codes with the first sends that want one. Codes
// that another transaction is taking are passed over.
func stockAll(tx *store.Tx, p Pool, run, n int64) error {
	got, err := tx.Exec(`
		update codes
		set    state = 'reserved', occurrence_id = s.occurrence_id, member_id = s.member_id, reserved_at = @now
		from  (select occurrence_id, member_id, row_number() over (order by id) as n from sends where `+wanting+`) s
		join  (select id, row_number() over (order by id) as n
		       from  (select id from codes where `+p.claimable()+` order by id limit @n `+tx.SkipLocked()+`) first) c on c.n = s.n
		where  codes.id = c.id`, store.Args{"pool": p.ID, "run": run, "n": n, "now": tx.At})
	if err != nil {
		return err
	}
	if got < n && !p.mints() {
		return &Short{p.Name, got, n}
	}
	return attach(tx, p, run)
}

// promisedAll gives the members of a run the codes that they have already.
func promisedAll(tx *store.Tx, p Pool, run int64, today loyalty.Day) error {
	any, err := hasPromises(tx, p)
	if err != nil || !any || p.over(today) {
		return err
	}
	var want []To
	if err := tx.All(&want, "select occurrence_id as occurrence, member_id as member from sends where "+wanting+" order by id", store.Args{"run": run}); err != nil {
		return err
	}
	for slice := range slices.Chunk(want, mintSlice) {
		if _, err := keepPromises(tx, p, slice); err != nil {
			return err
		}
	}
	return attach(tx, p, run)
}

// attach notes on the sends of a run the codes that their members have by now.
func attach(tx *store.Tx, p Pool, run int64) error {
	_, err := tx.Exec(`
		update sends
		set    code_id = c.id
		from   codes c
		where  sends.run_id = @run and sends.state = 'queued' and sends.code_id is null
		and    c.pool_id = @pool and c.occurrence_id = sends.occurrence_id and c.member_id = sends.member_id
		and    c.state <> 'void'`, store.Args{"run": run, "pool": p.ID})
	return err
}

// mintAll makes a code for each send of a run that still wants one. It goes through the
// run by the ids of its sends, which lie close together: so each statement reads what it
// needs, whatever Postgres believes of a ledger that it has not analysed.
func mintAll(tx *store.Tx, p Pool, run, need int64, random io.Reader) error {
	var ids struct{ First, Last, N int64 }
	err := tx.One(&ids, "select coalesce(min(id), 0) as first, coalesce(max(id), -1) as last, count(*) as n from sends where "+wanting, store.Args{"run": run})
	switch {
	case err != nil || ids.N == 0:
		return err
	case !p.mints():
		return &Short{p.Name, need - ids.N, need}
	}
	m, err := minterOf(tx, p, random)
	if err != nil {
		return err
	}
	for from := ids.First; from <= ids.Last; from += mintSlice {
		var rows []To
		err := tx.All(&rows, "select occurrence_id as occurrence, member_id as member from sends where "+wanting+" and id >= @from and id < @before order by id",
			store.Args{"run": run, "from": from, "before": from + mintSlice})
		if err == nil {
			err = m.make(rows)
		}
		if err != nil {
			return err
		}
	}
	return attach(tx, p, run)
}
