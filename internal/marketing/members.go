package marketing

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"regulars/internal/consent"
	"regulars/internal/coupon"
	"regulars/internal/happenings"
	"regulars/internal/intake"
	"regulars/internal/points"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/segments"
)

// Suppress lets a member's address get nothing at all.
func (m Marketer) Suppress(ctx context.Context, member, by string) error {
	return m.DB.Update(ctx, func(tx *store.Tx) error {
		key, err := emailKey(tx, member)
		if err != nil {
			return err
		}
		if err := consent.Suppress(tx, key, "manual", by); err != nil {
			return err
		}
		return m.noteMember(tx, member, staff.Act{By: by, Act: "suppress", Before: addressFree, After: addressStopped})
	})
}

// Unsuppress lets a member's address get mail again and reports whether it got none.
func (m Marketer) Unsuppress(ctx context.Context, member string) (bool, error) {
	return update(ctx, m.DB, func(tx *store.Tx) (bool, error) {
		key, err := emailKey(tx, member)
		if err != nil {
			return false, err
		}
		was, err := consent.Unsuppress(tx, key)
		if err != nil || !was {
			return was, err
		}
		return was, m.noteMember(tx, member, staff.Act{Act: "unsuppress", Before: addressStopped, After: addressFree})
	})
}

// How an address stands, for the audit.
const (
	addressFree    = "the address may be mailed"
	addressStopped = "the address gets nothing"
)

// emailKey is what suppressions know of a member's address.
func emailKey(tx *store.Tx, member string) ([]byte, error) {
	id, err := intake.Find(tx, member)
	if err != nil {
		return nil, err
	}
	column := "hex(email_key)"
	if tx.Postgres() {
		column = "encode(email_key, 'hex')"
	}
	var text string
	if err := tx.One(&text, "select coalesce("+column+", '') from members where id = @id", store.Args{"id": id}); err != nil {
		return nil, err
	}
	if text == "" {
		return nil, errors.New("this member has no address")
	}
	return hex.DecodeString(text)
}

// SetTopics records what a member agreed to and what they refused, and returns how
// they stand now. Those who share the address are put into their segments anew.
func (m Marketer) SetTopics(ctx context.Context, member string, yes, no []string, by string) ([]consent.Standing, error) {
	return update(ctx, m.DB, func(tx *store.Tx) ([]consent.Standing, error) {
		id, err := intake.Find(tx, member)
		if err != nil {
			return nil, err
		}
		sharing, err := consent.Sharing(tx, id)
		if err != nil {
			return nil, err
		}
		before, err := consent.StandingOf(tx, id)
		if err != nil {
			return nil, err
		}
		how := consent.How{At: tx.At, Source: by}
		for i, topic := range append(append([]string{}, yes...), no...) {
			if err := consent.Set(tx, id, topic, i < len(yes), how); err != nil {
				return nil, err
			}
		}
		if len(yes)+len(no) > 0 {
			if err := happenings.Changed(tx, sharing, segments.Change{Profile: true}); err != nil {
				return nil, err
			}
		}
		after, err := consent.StandingOf(tx, id)
		if err == nil && len(yes)+len(no) > 0 {
			err = m.note(tx, staff.Act{By: by, Act: "topics", About: fmt.Sprintf("member %d", id), Before: inWords(before), After: inWords(after)})
		}
		return after, err
	})
}

// inWords is what somebody agreed to, for the audit.
func inWords(standing []consent.Standing) string {
	var words []string
	for _, s := range standing {
		answer := "no"
		if s.Granted {
			answer = "yes"
		}
		words = append(words, s.Topic+": "+answer)
	}
	return strings.Join(words, ", ")
}

// noteMember notes what was done about a member, by their number.
func (m Marketer) noteMember(tx *store.Tx, member string, a staff.Act) error {
	id, err := intake.Find(tx, member)
	if err != nil {
		return err
	}
	a.About = fmt.Sprintf("member %d", id)
	return m.note(tx, a)
}

// GivePoints gives a member points or takes some, and reports whether that was booked
// now and not before, by the same key.
func (m Marketer) GivePoints(tx *store.Tx, h points.Hand) (bool, error) {
	before, err := points.StatementOf(tx, h.Member, 1)
	if err != nil {
		return false, err
	}
	booked, err := intake.BookByHand(tx, h)
	if err != nil || !booked {
		return false, err
	}
	after, err := points.StatementOf(tx, h.Member, 1)
	if err != nil {
		return false, err
	}
	return true, m.note(tx, staff.Act{By: h.By, Act: "points", About: fmt.Sprintf("member %d", h.Member),
		Before: fmt.Sprintf("%d points", before.Balance), After: fmt.Sprintf("%d points, %+d: %s", after.Balance, h.N, h.Because)})
}

// GiveCode gives a member a code of a pool, and reports whether it was given now and not
// before, by the same key.
func (m Marketer) GiveCode(tx *store.Tx, h points.HandCode) (coupon.Code, bool, error) {
	c, now, err := points.GiveCode(tx, h)
	if err != nil || !now {
		return c, false, err
	}
	return c, true, m.note(tx, staff.Act{By: h.By, Act: "give code", About: fmt.Sprintf("member %d", h.Member), After: c.Code + " of " + c.Pool + ": " + h.Because})
}
