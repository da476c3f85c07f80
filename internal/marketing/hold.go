package marketing

import (
	"cmp"
	"context"
	"errors"

	"regulars/internal/consent"
	"regulars/internal/program"
	"regulars/internal/runs"
	"regulars/internal/staff"
	"regulars/internal/store"
)

// Stop is what a hold or a release is about: one of a campaign, all offers and
// everything.
type Stop struct {
	Campaign    string
	Offers, All bool
}

// String names it in words.
func (s Stop) String() string {
	switch {
	case s.All:
		return "everything"
	case s.Offers:
		return "all offers"
	}
	return "campaign " + s.Campaign
}

// scope is how holds know it. A campaign that is not there is answered with those
// that are.
func (s Stop) scope(tx *store.Tx) (string, error) {
	switch {
	case s.All:
		return consent.HoldAll, nil
	case s.Offers:
		return consent.HoldOffers, nil
	}
	var row store.CampaignRow
	err := tx.Find(&row, store.Args{"name": s.Campaign})
	if errors.Is(err, store.ErrNotFound) {
		var names []string
		if err := tx.All(&names, "select name from campaigns where removed_at is null order by name", nil); err != nil {
			return "", err
		}
		return "", store.Missing(program.Unknown("campaign", s.Campaign, names))
	}
	return consent.HoldCampaign(row.ID), err
}

// NoReason stands where nobody has said yet why something is held.
const NoReason = "no reason was given yet"

// Hold stops a campaign, all offers or everything, in all replicas, until it is
// released. Holding it again replaces the reason; "" is none yet.
func (m Marketer) Hold(ctx context.Context, what Stop, because, by string) error {
	return m.DB.Update(ctx, func(tx *store.Tx) error {
		scope, err := what.scope(tx)
		if err != nil {
			return err
		}
		held, err := consent.Held(tx)
		if err != nil {
			return err
		}
		if err := consent.Hold(tx, scope, cmp.Or(because, NoReason), by); err != nil {
			return err
		}
		return m.note(tx, staff.Act{By: cmp.Or(m.By, by), Act: "hold", About: what.String(), Before: held[scope].Because, After: cmp.Or(because, NoReason)})
	})
}

// HeldTexts returns the mails that a release would let go with other texts than
// those in force.
func (m Marketer) HeldTexts(ctx context.Context, what Stop) (old []runs.OldTexts, err error) {
	err = m.DB.View(ctx, func(tx *store.Tx) (err error) { old, _, err = m.heldTexts(tx, what); return err })
	return old, err
}

func (m Marketer) heldTexts(tx *store.Tx, what Stop) (old []runs.OldTexts, scope string, err error) {
	if scope, err = what.scope(tx); err != nil {
		return nil, "", err
	}
	all, err := runs.WithOldTexts(tx, nil)
	for _, o := range all {
		if o.Stopped(scope) {
			old = append(old, o)
		}
	}
	return old, scope, err
}

// Release lets go on what was held. With latest, what is not yet sent takes the texts
// in force; renewed is of how many mails. Without it each keeps its own.
func (m Marketer) Release(ctx context.Context, what Stop, latest bool) (renewed int64, err error) {
	return update(ctx, m.DB, func(tx *store.Tx) (renewed int64, err error) {
		old, scope, err := m.heldTexts(tx, what)
		if err != nil {
			return 0, err
		}
		if latest {
			if renewed, err = runs.Renew(tx, old); err != nil {
				return 0, err
			}
		}
		held, err := consent.Held(tx)
		if err != nil {
			return 0, err
		}
		was, err := consent.Release(tx, scope)
		if err == nil && scope == consent.HoldAll {
			var waits bool
			waits, err = consent.Release(tx, consent.HoldUnsure)
			was = was || waits
		}
		if err == nil && !was {
			err = errors.New("nothing of that is held; see `regulars status`")
		}
		if err == nil {
			err = m.note(tx, staff.Act{Act: "release", About: what.String(), Before: held[scope].Because, After: withLatest(latest)})
		}
		return renewed, err
	})
}

// withLatest says in the audit which texts go on.
func withLatest(latest bool) string {
	if latest {
		return "with the texts in force"
	}
	return ""
}
