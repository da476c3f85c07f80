// Package isolation has each campaign do its work in transactions of its own. One that
// fails, or panics, or takes too long, is set aside with the reason and tried again
// later (store.Setback); all others go on. Of many pieces that one transaction takes
// on, a few odd ones are put off by themselves.
//
//	Each ──▶ alone ──ok──▶ recovered
//	           │ fails
//	           ▼
//	         sift: halves, and halves of halves, down to the odd pieces
//	           │ some go                  │ none goes
//	           ▼                          ▼
//	     the odd ones are put off    the campaign is set aside
//
// What the work is, and how a piece of it is put off, the rooms above say (Work).
package isolation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"regulars/internal/store"
	"regulars/internal/versions"
)

// Work is a kind of work that campaigns do one at a time.
type Work struct {
	Name  string        // of its setbacks
	Limit time.Duration // how long one transaction may take

	// Due returns the campaigns that have some to do now; 0 is who is in which segment.
	Due func(tx *store.Tx) ([]int64, error)
	// Do takes a bounded part of a campaign's work on, or only some pieces of it, and
	// returns how much it did. t.c is nil when the campaign is no longer part of the
	// program, and for 0.
	Do func(t Turn, only []int64) (int, error)

	// Of work that consists of pieces: which are due, and how one that fails is put off
	// (nil: the campaign is set back, after the others have been done).
	Pieces func(tx *store.Tx, campaign int64) ([]int64, error)
	PutOff func(tx *store.Tx, campaign, piece int64, why error) error
}

// Turn is one transaction of one campaign.
type Turn struct {
	Tx *store.Tx
	V  *versions.Version
	ID int64 // of the campaign
	C  *versions.Campaign
}

// A transaction about some members is quick. One about everybody is not.
const (
	Quick = 30 * time.Second
	Long  = 20 * time.Minute
)

// scopeOf names a campaign in setbacks.
func Scope(campaign int64) string {
	if campaign == versions.Membership {
		return "segments"
	}
	return store.ScopeCampaign(campaign)
}

// apart does some work of every campaign that has it, each in transactions of its
// own, and returns how much. An error is the database's: no campaign is at fault.
func Each(ctx context.Context, db *store.DB, w Work) (n int, err error) {
	var due []int64
	setBack := map[string]bool{} // whether it is to be tried again now
	err = db.View(ctx, func(tx *store.Tx) error {
		if due, err = w.Due(tx); err != nil {
			return err
		}
		var rows []struct {
			Scope string
			Again bool
		}
		err := tx.All(&rows, "select scope, retry_at <= "+tx.Machine()+" as again from setbacks where work = @work", store.Args{"work": w.Name})
		for _, r := range rows {
			setBack[r.Scope] = r.Again
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("looking for %s: %w", w.Name, err)
	}
	for scope, again := range setBack {
		if !again || slices.ContainsFunc(due, func(id int64) bool { return Scope(id) == scope }) {
			continue
		}
		// Nothing is left of what failed.
		if gone := db.Update(ctx, func(tx *store.Tx) error { return tx.Recovered(scope, w.Name) }); gone != nil {
			return 0, gone
		}
	}
	for _, id := range due {
		again, was := setBack[Scope(id)]
		if was && !again {
			continue
		}
		did, failed := alone(ctx, db, w, id, nil, was)
		if failed != nil && ctx.Err() == nil && !store.Away(failed) {
			did, failed = sift(ctx, db, w, id, failed)
		}
		n += did
		err = errors.Join(err, failed)
	}
	return n, err
}

// alone does work of one campaign in one transaction. That it was set back is
// forgotten when it succeeds.
func alone(ctx context.Context, db *store.DB, w Work, id int64, only []int64, setBack bool) (n int, err error) {
	limited, cancel := context.WithTimeout(ctx, w.Limit)
	defer cancel()
	err = db.Update(limited, func(tx *store.Tx) error {
		n = 0
		v, err := versions.Active(tx)
		if err != nil {
			return versions.IgnoreNoProgram(err)
		}
		c := v.ByID(id)
		if c != nil && c.Broken != nil {
			return c.Broken
		}
		if n, err = w.Do(Turn{tx, v, id, c}, only); err != nil || !setBack {
			return err
		}
		return tx.Recovered(Scope(id), w.Name)
	})
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		err = &TooLong{w.Limit}
	}
	if p := (*store.Panic)(nil); errors.As(err, &p) {
		db.Log().ErrorContext(ctx, "a campaign panics", "campaign", id, "work", w.Name, "panic", fmt.Sprint(p.Value), "stack", string(p.Stack))
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}

// TooLong says that a transaction did not end in time.
type TooLong struct{ Limit time.Duration }

func (t *TooLong) Error() string { return fmt.Sprintf("it did not end within %s", t.Limit) }

func isTooLong(err error) bool {
	var t *TooLong
	return errors.As(err, &t)
}

// mostOdd is how many pieces may fail one after the other before none is thought
// to be any better.
const mostOdd = 8

// sift goes through work that failed as a whole, piece by piece where it must. When
// nothing of it succeeds the campaign is set aside.
func sift(ctx context.Context, db *store.DB, w Work, id int64, why error) (n int, err error) {
	scope := Scope(id)
	s := sifting{ctx: ctx, db: db, w: w, id: id}
	if w.Pieces != nil && !isTooLong(why) {
		var pieces []int64
		if err := db.View(ctx, func(tx *store.Tx) (err error) { pieces, err = w.Pieces(tx, id); return err }); err != nil {
			return 0, err
		}
		if len(pieces) > 1 {
			if err := s.try(pieces); err != nil {
				return s.did, err
			}
		}
	}
	err = db.Update(ctx, func(tx *store.Tx) error {
		failed := s.good == 0 || len(s.odd) > 0 && w.PutOff == nil
		if failed {
			if err := tx.SetBack(scope, w.Name, why); err != nil || w.PutOff == nil || len(s.odd) < mostOdd {
				return err
			}
		} // so many that others may stand behind them: the next try begins with those
		for _, o := range s.odd {
			if err := w.PutOff(tx, id, o.piece, o.why); err != nil {
				return err
			}
		}
		if failed {
			return nil
		}
		return tx.Recovered(scope, w.Name)
	})
	if err != nil {
		return s.did, fmt.Errorf("setting %s aside: %w", scope, err)
	}
	if s.good == 0 {
		db.Log().ErrorContext(ctx, "set aside", "what", scope, "work", w.Name, "because", why.Error())
	} else {
		db.Log().WarnContext(ctx, "some are put off", "what", scope, "work", w.Name, "how many", len(s.odd), "because", why.Error())
	}
	return s.did, nil
}

type sifting struct {
	ctx context.Context
	db  *store.DB
	w   Work
	id  int64

	did  int
	good int // transactions that succeeded
	odd  []oddPiece
	over bool
}

type oddPiece struct {
	piece int64
	why   error
}

// try does some pieces, in their order; where they fail together, each half of
// them. The error is the database's.
func (s *sifting) try(pieces []int64) error {
	n, err := alone(s.ctx, s.db, s.w, s.id, pieces, false)
	switch {
	case err == nil:
		s.did += n
		s.good++
		return nil
	case s.ctx.Err() != nil || store.Away(err):
		return err
	case len(pieces) == 1:
		s.odd = append(s.odd, oddPiece{pieces[0], err})
		return nil
	case isTooLong(err):
		s.over = true // halves of it would take as long, each
		return nil
	}
	half := len(pieces) / 2
	for _, part := range [][]int64{pieces[:half], pieces[half:]} {
		if s.over || s.good == 0 && len(s.odd) >= mostOdd {
			return nil
		}
		if err := s.try(part); err != nil {
			return err
		}
	}
	return nil
}
