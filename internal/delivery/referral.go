package delivery

import (
	"context"
	"crypto/rand"

	"regulars/internal/coupon"
	"regulars/internal/store"
)

// refer adds the referral codes that sends show, and makes those that members do not
// have yet: in a transaction of its own, for claiming a part of a run only reads.
func (d *Sender) refer(ctx context.Context, m *material, sends []*send) error {
	members := some(sends, (*send).referrer)
	if len(members) == 0 {
		return nil
	}
	return d.c.DB.Update(ctx, func(tx *store.Tx) (err error) {
		m.refer, err = coupon.ReferralCodes(tx, members, rand.Reader)
		return err
	})
}

// referrer is the member whose referral code the mail may show, 0 for none.
func (s *send) referrer() int64 {
	if s.plan == nil || !s.plan.texts.referral() {
		return 0
	}
	return s.Member
}
