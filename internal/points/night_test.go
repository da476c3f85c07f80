package points_test

import (
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/program"
	"regulars/internal/store"
)

// A night takes a thousand members at once. Those whose debts are paid by what opens do
// not keep it from those whose points have ended.
func TestManyDebtsHideNothingThatEnds(t *testing.T) {
	p := program.Points{Earn: onePer(100), Expire: loyalty.Expiry{After: loyalty.Period{Days: 10}}}
	each(t, p, func(t *testing.T, s shop) {
		members := s.Join(1001)
		last := members[1000]
		s.hand(t, points.Hand{Member: last, N: 30, Because: "a gift", By: "test", Key: "gift"})
		s.want(t, last, "given", "30, 0 pending, 1 rows")
		s.Do(func(tx *store.Tx) error {
			today, err := tx.Today()
			if err != nil {
				return err
			}
			args := store.Args{"ids": store.IDs(members[:1000]), "now": tx.At, "today": int64(today), "opens": int64(today) + 11}
			for _, text := range []string{
				`insert into entries (member_id, wallet, at, day, kind, amount, cause, version_id, opens_day)
				 select id, 'points', ` + tx.Instant("@now") + `, cast(@today as bigint), 'adjust', 7, 'key:credit ' || id, 1, cast(@opens as bigint) from members where id in ` + tx.In("@ids"),
				`insert into entries (member_id, wallet, at, day, kind, amount, cause, version_id)
				 select id, 'points', ` + tx.Instant("@now") + `, cast(@today as bigint), 'adjust', -5, 'key:debit ' || id, 1 from members where id in ` + tx.In("@ids"),
				`insert into lots (credit_id, member_id, wallet, opens_day, remains)
				 select id, member_id, wallet, opens_day, amount from entries where amount = 7`,
			} {
				if _, err := tx.Exec(text, args); err != nil {
					return err
				}
			}
			return nil
		})
		s.to(11)
		s.want(t, last, "ended in the same night", "0, 0 pending, 2 rows")
		s.want(t, members[0], "the debt is paid", "2, 0 pending, 2 rows")
		if n := s.Number("select count(*) from lots where remains = 2"); n != 1000 {
			t.Errorf("%d debts are paid, want 1000", n)
		}
	})
}
