package public

import (
	"crypto/rand"
	"errors"
	"net/http"

	"regulars/internal/consent"
	"regulars/internal/coupon"
	"regulars/internal/intake"
	"regulars/internal/points"
	"regulars/internal/store"
)

// referralView is by what a member brings friends.
type referralView struct {
	Code, Link string
	Gets       string // what a friend gets
	Mine       string // what the member gets
}

// referral returns it, nil where nobody is rewarded for a friend. Its code may be yet to
// be made.
func (s *server) referral(tx *store.Tx, member int64) (*points.Invitation, string, error) {
	invited, err := intake.Invitation(tx, member)
	if errors.Is(err, points.ErrNoReferral) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	codes, err := coupon.KnownReferralCodes(tx, []int64{member})
	return &invited, codes[member], err
}

// makeReferral makes a member's code, on being asked for it for the first time.
func (s *server) makeReferral(r *http.Request, member int64) error {
	return s.reads.Update(r.Context(), func(tx *store.Tx) error {
		_, err := coupon.ReferralCodes(tx, []int64{member}, rand.Reader)
		return err
	})
}

// addReferral adds by what the member brings friends.
func (v *memberView) addReferral(tx *store.Tx, s *server, shop shop, member int64) error {
	invited, code, err := s.referral(tx, member)
	if err != nil || invited == nil {
		return err
	}
	if code == "" {
		v.codeless = member
		return nil
	}
	pool, err := coupon.Find(tx, invited.Friend)
	if err != nil {
		return err
	}
	v.Referral = &referralView{Code: code, Link: s.Links.Join(code), Gets: gives(v.In, shop, pool)}
	if invited.Points > 0 {
		v.Referral.Mine = "+" + shop.count(v.In, invited.Points)
		return nil
	}
	if pool, err = coupon.Find(tx, invited.Pool); err != nil {
		return err
	}
	v.Referral.Mine = gives(v.In, shop, pool)
	return nil
}

// memberAnswer shows a member's page.
func (s *server) memberAnswer(w http.ResponseWriter, r *http.Request) error {
	claims, err := s.claims(r, consent.KindPage)
	if err != nil {
		return err
	}
	view, err := s.viewed(r, claims, s.memberPage)
	if one, ok := view.(memberView); err == nil && ok && one.codeless != 0 {
		if err = s.makeReferral(r, one.codeless); err == nil {
			view, err = s.viewed(r, claims, s.memberPage)
		}
	}
	if err != nil {
		return err
	}
	return s.pages.show(w, http.StatusOK, "member", view)
}
