package marketing

import (
	"context"
	"encoding/hex"
	"errors"

	"regulars/internal/consent"
	"regulars/internal/happenings"
	"regulars/internal/intake"
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
		return consent.Suppress(tx, key, "manual", by)
	})
}

// Unsuppress lets a member's address get mail again and reports whether it got none.
func (m Marketer) Unsuppress(ctx context.Context, member string) (bool, error) {
	return update(ctx, m.DB, func(tx *store.Tx) (bool, error) {
		key, err := emailKey(tx, member)
		if err != nil {
			return false, err
		}
		return consent.Unsuppress(tx, key)
	})
}

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
		return consent.StandingOf(tx, id)
	})
}
