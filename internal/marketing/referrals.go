package marketing

import (
	"regulars/internal/intake"
	"regulars/internal/points"
	"regulars/internal/store"
)

// DecideReferral has a person say that a referrer is rewarded now, or is not, whatever
// the rules say.
func (m Marketer) DecideReferral(tx *store.Tx, id int64, good bool, because, by string) (points.Referral, error) {
	return intake.DecideReferral(tx, id, good, because, by)
}
