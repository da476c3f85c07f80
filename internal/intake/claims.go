package intake

import (
	"context"

	"regulars/internal/happenings"
	"regulars/internal/points"
	"regulars/internal/store"
	"regulars/segments"
)

// WithPoints has f change points by the rules in force (points.ErrNone where there are
// none), and brings facts and segments of the members that it returns to how they stand
// then.
func WithPoints(tx *store.Tx, f func(r *points.Rules) (members []int64, err error)) error {
	rules, err := rulesOf(tx)
	if err != nil {
		return err
	}
	if rules == nil {
		return points.ErrNone
	}
	if err := tx.ByIndex(); err != nil {
		return err
	}
	members, err := f(rules)
	if err != nil || len(members) == 0 {
		return err
	}
	if err := RefreshFacts(tx, members); err != nil {
		return err
	}
	return happenings.Changed(tx, members, segments.Change{Points: true})
}

// claimsAtOnce is how many held claims one transaction releases.
const claimsAtOnce = 100

// ReleaseClaims gives back what tills have held for too long and never paid for.
func ReleaseClaims(ctx context.Context, db *store.DB) (did int, err error) {
	err = db.Update(ctx, func(tx *store.Tx) error {
		did = 0
		rules, err := rulesOf(tx)
		if err != nil || rules == nil {
			return err
		}
		return WithPoints(tx, func(r *points.Rules) (members []int64, err error) {
			members, err = r.LetGo(tx, claimsAtOnce)
			did = len(members)
			return members, err
		})
	})
	return did, err
}
