package marketing

import (
	"fmt"
	"strings"

	"regulars/internal/intake"
	"regulars/internal/points"
	"regulars/internal/staff"
	"regulars/internal/store"
)

// DecideReferral has a person say that a referrer is rewarded now, or is not, whatever
// the rules say.
func (m Marketer) DecideReferral(tx *store.Tx, id int64, good bool, because, by string) (points.Referral, error) {
	decided, err := intake.DecideReferral(tx, id, good, because, by)
	if err != nil {
		return decided, err
	}
	return decided, m.note(tx, staff.Act{By: by, Act: "referral", About: fmt.Sprintf("referral %d", id), After: strings.TrimSuffix(decided.State+": "+because, ": ")})
}
