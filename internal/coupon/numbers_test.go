package coupon_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"

	"regulars/internal/coupon"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// freeze inserts the sends of a run as runs does, with the numbers of their codes, and
// gives these. One of ten members is left out.
func freeze(db *store.DB, pool string, run int64) (n int64, err error) {
	err = db.Update(context.Background(), func(tx *store.Tx) error {
		numbers, err := coupon.Number(tx, pool)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`
			insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, run_id, class, topic, state, reason, code_id, queued_at)
			select 1, @run, 'mail', m.id, 1, 1, @run, 'offer', 'offers', case when m.id % 10 <> 0 then 'queued' else 'skipped' end, '',
			       case when m.id % 10 <> 0 then cast(`+numbers.ID+` as bigint) end, @now
			from   members m
			order  by m.id`, store.Args{"run": run, "now": now})
		if err != nil {
			return err
		}
		n, err = coupon.GiveAll(tx, pool, run, numbers, today, rand.Reader)
		return err
	})
	return n, err
}

// Who is mailed has a code of their own, and it is the one whose number the send had
// before the code was there, also where the first code that was drawn is taken.
func TestNumberedCodes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 100)
		crowded := program.Pool{Name: "crowded", Kind: "generated", Pattern: "C-##"} // 1024 codes
		limited := program.Pool{Name: "limited", Kind: "generated", Pattern: "L-########", Stock: 100}
		apply(t, db, back, crowded, limited, summer, all)
		stock(t, db, "summer", 90)
		for run, pool := range map[int64]string{1: "back", 2: "crowded", 3: "crowded", 4: "crowded", 5: "crowded", 6: "summer", 7: "all", 8: "limited"} {
			n, err := freeze(db, pool, run)
			if n != 90 || err != nil {
				t.Fatalf("GiveAll from %s = %d, %v, want 90", pool, n, err)
			}
			theirs := one[int64](t, db, `
				select count(*) from sends s join codes c on c.id = s.code_id join pools p on p.id = c.pool_id
				where  s.run_id = @run and s.state = 'queued' and p.name = @pool and (c.state = 'reserved' and c.member_id = s.member_id and c.occurrence_id = s.occurrence_id or p.kind = 'shared')`,
				store.Args{"run": run, "pool": pool})
			others := one[int64](t, db, "select count(*) from sends where run_id = @run and state = 'skipped' and code_id is not null", store.Args{"run": run})
			if theirs != 90 || others != 0 {
				t.Errorf("pool %s: %d of 90 mails have codes of their own, and %d that do not go", pool, theirs, others)
			}
		}
		var short *coupon.Short
		if _, err := freeze(db, "limited", 9); !errors.As(err, &short) || short.Have != 10 || short.Need != 90 {
			t.Errorf("a second run from a pool of 100: %v, want Short of 10 for 90", err)
		}
		if c := given(t, db, "back", 99, 1); c.Member != 1 {
			t.Errorf("a code given singly afterwards: %+v", c)
		}
	})
}
