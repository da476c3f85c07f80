package coupon

import (
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Date sets the last day of codes that have none yet, counted from today by their
// pool: the day of the mails that show them, so that the till says what they do. Doing
// it again changes nothing.
func Date(tx *store.Tx, codes []int64, today loyalty.Day) error {
	if len(codes) == 0 {
		return nil
	}
	pools, err := poolsOf(tx, codes)
	if err != nil {
		return fmt.Errorf("dating %d codes: %w", len(codes), err)
	}
	for _, p := range pools {
		end := p.LastDay(today)
		if end == 0 {
			continue
		}
		_, err := tx.Exec(`
			update codes set valid_until = @end
			where  id in (select value from `+tx.JSONEach("@ids")+`)
			and    case when pool_id = @pool and valid_until is null and state in ('reserved', 'issued') then true else false end`, // opaque: the plan is to come by the ids, however new the table is
			store.Args{"ids": store.JSON(codes), "pool": p.ID, "end": end})
		if err != nil {
			return fmt.Errorf("dating codes of pool %s: %w", p.Name, err)
		}
	}
	return nil
}

// Issued notes that the mails that show those codes were sent, and the last day that they
// give them, 0 for none: a code that has one keeps it, also one that was used before its
// mail was noted.
func Issued(tx *store.Tx, codes []int64, end loyalty.Day) error {
	if len(codes) == 0 {
		return nil
	}
	if err := tellOfIssue(tx, codes, end); err != nil {
		return err
	}
	_, err := tx.Exec(`
		update codes
		set    state       = case when state = 'reserved' then 'issued' else state end,
		       issued_at   = case when state = 'reserved' then `+tx.Instant("@now")+` else issued_at end,
		       valid_until = coalesce(valid_until, nullif(cast(@end as bigint), 0))
		where  id in (select value from `+tx.JSONEach("@ids")+`)
		and    case when state = 'reserved' or state in ('issued', 'redeemed') and valid_until is null and cast(@end as bigint) <> 0 then true else false end`, // opaque, as in Date
		store.Args{"ids": store.JSON(codes), "now": tx.At, "end": int64(end)})
	if err != nil {
		return fmt.Errorf("issuing %d codes: %w", len(codes), err)
	}
	return nil
}

// onlyIn is the condition that no other mail of a code's passage has shown it or
// is about to. Shared codes, which have no passage, never meet it.
func onlyIn(tx *store.Tx) string {
	return `codes.id in (select code_id from sends where id in (select value from ` + tx.JSONEach("@ids") + `))
		and    codes.occurrence_id is not null
		and    not exists (select 1 from sends o
		                   where  o.occurrence_id = codes.occurrence_id and o.member_id = codes.member_id and o.code_id = codes.id
		                   and    o.state in ('queued', 'claimed', 'handing', 'deferred', 'sent', 'unknown')
		                   and    o.id not in (select value from ` + tx.JSONEach("@ids") + `))`
}

// Void ends the codes whose mails failed or bounced, unless another mail of the
// passage has shown them.
func Void(tx *store.Tx, sends []int64) error {
	if len(sends) == 0 {
		return nil
	}
	_, err := tx.Exec(`
		update codes set state = 'void'
		where  state in ('reserved', 'issued')
		and    `+onlyIn(tx), store.Args{"ids": store.JSON(sends)})
	if err != nil {
		return fmt.Errorf("voiding the codes of %d sends: %w", len(sends), err)
	}
	return nil
}

// Release takes back the codes of skipped sends, which nobody has seen: those
// from stock are free again, those made for the send are void. A code that
// another mail of the passage has shown, or still will, stays.
func Release(tx *store.Tx, sends []int64) error {
	if len(sends) == 0 {
		return nil
	}
	if err := release(tx, sends); err != nil {
		return fmt.Errorf("releasing the codes of %d sends: %w", len(sends), err)
	}
	return nil
}

func release(tx *store.Tx, sends []int64) error {
	args := store.Args{"ids": store.JSON(sends)}
	var back []struct {
		ID    int64
		Stock bool
	}
	err := tx.All(&back, `
		select codes.id, p.kind = 'imported' or codes.known_at is not null or codes.id in (select code_id from promises) as stock
		from   codes join pools p on p.id = codes.pool_id
		where  codes.state = 'reserved'
		and    `+onlyIn(tx)+`
		order  by codes.id `+lockOf(tx, "codes"), args)
	if err != nil {
		return err
	}
	var free, void []int64
	for _, c := range back {
		if c.Stock {
			free = append(free, c.ID)
		} else {
			void = append(void, c.ID)
		}
	}
	if len(void) > 0 {
		if _, err := tx.Exec("update codes set state = 'void' where id in (select value from "+tx.JSONEach("@codes")+")",
			store.Args{"codes": store.JSON(void)}); err != nil {
			return err
		}
	}
	if len(free) == 0 {
		return nil
	}
	return restock(tx, free)
}

// lockOf locks the rows that a query reads of one table.
func lockOf(tx *store.Tx, table string) string {
	if tx.Postgres() {
		return "for update of " + table
	}
	return ""
}

// restock frees codes, except those that somebody has all the same, and takes them off the sends of their passage, which would
// otherwise show somebody else's code one day.
func restock(tx *store.Tx, codes []int64) error {
	args := store.Args{"codes": store.JSON(codes)}
	if _, err := tx.Exec(`
		update sends set code_id = null
		from   codes c
		where  c.id in (select value from `+tx.JSONEach("@codes")+`)
		and    sends.occurrence_id = c.occurrence_id and sends.member_id = c.member_id and sends.code_id = c.id`, args); err != nil {
		return err
	}
	_, err := tx.Exec(`
		update codes
		set    state = case when id in (select code_id from promises) or `+unsettled("codes.pool_id")+` then 'aside' else 'free' end, occurrence_id = null, member_id = null, reserved_at = null, valid_until = null
		where  id in (select value from `+tx.JSONEach("@codes")+`)`, args)
	return err
}

// Expire ends all codes whose last day was before today, in stock too when the
// pool has ended, and returns how many.
func Expire(tx *store.Tx, today loyalty.Day) (int64, error) {
	n, err := tx.Exec(`
		update codes set state = 'expired'
		where  state in ('reserved', 'issued') and valid_until < @today`, store.Args{"today": today})
	if err != nil {
		return 0, fmt.Errorf("expiring codes: %w", err)
	}
	var rows []poolRow
	if err := tx.All(&rows, "select id, cast(spec as text) as spec from pools", nil); err != nil {
		return 0, fmt.Errorf("expiring codes: %w", err)
	}
	for _, row := range rows {
		p, err := row.pool()
		if err != nil { // it holds up no other pool
			if err := tx.SetBack(store.ScopePool(row.ID), "codes", err); err != nil {
				return 0, err
			}
			continue
		}
		if err := tx.Recovered(store.ScopePool(row.ID), "codes"); err != nil {
			return 0, err
		}
		if !p.over(today) {
			continue
		}
		k, err := tx.Exec("update codes set state = 'expired' where "+inStock+" and (state in ('free', 'aside') or state = 'issued' and valid_until is null)",
			store.Args{"pool": p.ID})
		if err != nil {
			return 0, fmt.Errorf("expiring codes of pool %s: %w", p.Name, err)
		}
		n += k
	}
	return n, nil
}

// Recall voids all codes of a pool that can still be given or used, and returns
// how many. Their members may be given new ones.
func Recall(tx *store.Tx, pool string) (int64, error) {
	p, err := Find(tx, pool)
	if err != nil {
		return 0, err
	}
	n, err := tx.Exec(`
		update codes set state = 'void', occurrence_id = null
		where  pool_id = @pool and state in ('free', 'aside', 'reserved', 'issued')`, store.Args{"pool": p.ID})
	if err != nil {
		return 0, fmt.Errorf("recalling pool %s: %w", pool, err)
	}
	return n, nil
}

// Cancel voids one code and reports whether it could still be given or used. A
// code that nobody made is *Refused.
func Cancel(tx *store.Tx, code string) (bool, error) {
	n, err := tx.Exec(`
		update codes set state = 'void', occurrence_id = null
		where  folded = @folded and state in ('free', 'aside', 'reserved', 'issued')`, store.Args{"folded": loyalty.FoldCode(code)})
	if err != nil {
		return false, fmt.Errorf("voiding a code: %w", err)
	}
	if n == 0 {
		_, err = find(tx, code, "")
	}
	return n > 0, err
}

// StateOf returns the state of a code. One that nobody made is *Refused.
func StateOf(tx *store.Tx, code string) (string, error) {
	f, err := find(tx, code, "")
	return f.Code.State, err
}

// Export hands each code of a pool that is not void to each, in order. With mark
// the shop thereby knows those in stock, and from then on they may be given.
// Without mark nothing is written.
func Export(tx *store.Tx, pool string, mark bool, each func(Code) error) error {
	p, err := Find(tx, pool)
	if err != nil {
		return err
	}
	if mark {
		if _, err := tx.Exec("update codes set known_at = @now where pool_id = @pool and known_at is null and state <> 'void'",
			store.Args{"pool": p.ID, "now": tx.At}); err != nil {
			return fmt.Errorf("exporting pool %s: %w", pool, err)
		}
	}
	for last := int64(0); ; {
		var codes []Code
		if err := tx.All(&codes, `
			select `+codeColumns+` from codes c join pools p on p.id = c.pool_id
			where  c.pool_id = @pool and c.id > @last and c.state <> 'void' and (not @mark or c.known_at is not null)
			order  by c.id limit 5000`, store.Args{"pool": p.ID, "last": last, "mark": mark}); err != nil {
			return fmt.Errorf("exporting pool %s: %w", pool, err)
		}
		if len(codes) == 0 {
			return nil
		}
		for _, c := range codes {
			if err := each(c); err != nil {
				return err
			}
		}
		last = codes[len(codes)-1].ID
	}
}
