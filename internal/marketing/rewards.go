package marketing

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"regulars/internal/happenings"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/tiers"
	"regulars/internal/versions"
)

// Claim gives a member a reward for points; a *points.Refused says why not.
func (m Marketer) Claim(tx *store.Tx, a points.Ask) (points.Claim, error) {
	return claimed(tx, func(r *points.Rules) (points.Claim, error) { return r.Claim(tx, a, rand.Reader) })
}

// ConfirmClaim says that a held reward is paid.
func (m Marketer) ConfirmClaim(tx *store.Tx, id int64) (points.Claim, error) {
	return claimed(tx, func(r *points.Rules) (points.Claim, error) { return r.Confirm(tx, id) })
}

// ReleaseClaim gives the points of a held reward back.
func (m Marketer) ReleaseClaim(tx *store.Tx, id int64) (points.Claim, error) {
	return claimed(tx, func(r *points.Rules) (points.Claim, error) { return r.Release(tx, id) })
}

// ReverseClaim takes a reward back and gives its points back; with force and a reason
// also one whose code was redeemed.
func (m Marketer) ReverseClaim(tx *store.Tx, id int64, force bool, reason, by string) (points.Claim, error) {
	c, err := claimed(tx, func(r *points.Rules) (points.Claim, error) { return r.Reverse(tx, id, force, reason, by) })
	if err != nil || c.Again {
		return c, err
	}
	return c, m.note(tx, staff.Act{By: by, Act: "reverse", About: fmt.Sprintf("claim %d of member %d", id, c.MemberID), Before: c.Reward, After: reason})
}

func claimed(tx *store.Tx, f func(*points.Rules) (points.Claim, error)) (c points.Claim, err error) {
	err = intake.WithPoints(tx, func(r *points.Rules) ([]int64, error) {
		if c, err = f(r); err != nil || c.Again {
			return nil, err
		}
		return []int64{c.MemberID}, tellOf(tx, c)
	})
	return c, err
}

// Stamp gives a member stamps on a card, or takes some back; a *points.Refused says why
// not.
func (m Marketer) Stamp(tx *store.Tx, card string, h points.Hand) (s points.Stamped, err error) {
	err = intake.WithPoints(tx, func(r *points.Rules) ([]int64, error) {
		if s, err = r.Stamp(tx, card, h); err != nil || s.Again {
			return nil, err
		}
		return []int64{h.Member}, m.note(tx, staff.Act{By: h.By, Act: "stamps", About: fmt.Sprintf("member %d", h.Member), After: strings.TrimSuffix(fmt.Sprintf("%+d on %s: %s", s.Booked, card, h.Because), ": ")})
	})
	if errors.Is(err, points.ErrNone) {
		err = &points.Refused{Reason: points.NoCard, Words: "the program in force has no cards: loyalty.yaml says nothing under cards"}
	}
	return s, err
}

// tellOf lets campaigns hear of a claim that is done or taken back.
func tellOf(tx *store.Tx, c points.Claim) error {
	kind := map[string]string{points.Done: "reward.claimed", points.Reversed: "reward.reversed"}[c.State]
	if kind == "" {
		return nil
	}
	today, err := tx.Today()
	if err != nil {
		return err
	}
	return happenings.Tell(tx, today, []happenings.Own{{Member: c.MemberID, Type: kind, Key: fmt.Sprintf("%s:%d", kind, c.ID), News: true,
		Properties: map[string]any{"reward": c.Reward, "price": c.Price}}})
}

// Quote is what an order would bring a member now, and which rewards they could have
// with it. Nothing is written.
type Quote struct {
	Points  int64               `json:"points"`
	Opens   string              `json:"spendable_from"` // a day
	Stamps  []points.CardStamps `json:"stamps,omitempty"`
	Tier    string              `json:"tier_after,omitempty"` // "": none
	Balance int64               `json:"balance"`
	Words   string              `json:"words"` // for the person at the till
	Rewards []points.Offer      `json:"rewards"`
}

// Quote answers a till before an order is paid.
func (m Marketer) Quote(tx *store.Tx, member int64, o loyalty.Order) (q Quote, err error) {
	v, err := versions.Active(tx)
	if err != nil {
		return q, err
	}
	err = intake.WithPoints(tx, func(r *points.Rules) ([]int64, error) {
		brings, err := r.Quote(tx, member, o)
		if err != nil {
			return nil, err
		}
		q.Points, q.Opens, q.Stamps = brings.Points, brings.Opens.String(), brings.Stamps
		gain := tiers.Gain{Spent: o.Total, Quantity: o.Quantity, Points: brings.Points}
		if q.Tier, err = tiers.After(tx, v.Program, v.Day(tx.At), member, brings.Tier, gain); err != nil {
			return nil, err
		}
		q.Words = quoteWords(brings, q.Tier, v.Day(tx.At))
		if q.Balance, err = r.Balance(tx, member); err != nil {
			return nil, err
		}
		q.Rewards, err = r.Offers(tx, member, o.Total)
		return nil, err
	})
	return q, err
}

// quoteWords say to the person at the till what an order brings.
func quoteWords(q points.Quoted, after string, today loyalty.Day) string {
	said := []string{fmt.Sprintf("it earns %d points", q.Points)}
	if q.Points == 1 {
		said[0] = "it earns 1 point"
	}
	if q.Points > 0 && q.Opens > today {
		said[0] += ", to be spent from " + q.Opens.String() + " on"
	}
	for _, s := range q.Stamps {
		said = append(said, fmt.Sprintf("%d on the card %s", s.Stamps, s.Card))
	}
	if after != q.Tier {
		said = append(said, "the member is "+after+" after it")
	}
	return strings.Join(said, "; ")
}

// Offers are the rewards as they stand for a member.
func (m Marketer) Offers(tx *store.Tx, member int64) (offers []points.Offer, err error) {
	err = intake.WithPoints(tx, func(r *points.Rules) (_ []int64, err error) { offers, err = r.Offers(tx, member, -1); return nil, err })
	return offers, err
}
