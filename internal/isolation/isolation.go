// Package isolation has each campaign do its work in transactions of its own. One that
// fails, or panics, or takes too long, is set aside with the reason and tried again
// later (store.Setback); all others go on. Of many pieces that one transaction takes
// on, a few odd ones are put off by themselves, and so is one that is alone: a campaign
// is at fault where the pieces of several members fail. What took too long is tried in
// smaller parts.
//
//	Each ──▶ alone ──ok──▶ recovered
//	           │ fails
//	           ▼
//	         sift: halves, and halves of halves, down to the odd pieces
//	           │ some go, or all are     │ none goes, of several
//	           │ of one member           │ members, or it cannot be read
//	           ▼                         ▼
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

	// Due returns the campaigns that have some to do now, versions.Membership among them.
	Due func(tx *store.Tx) ([]int64, error)
	// Do takes a bounded part of a campaign's work on, or only some pieces of it, and
	// returns how much it did.
	Do func(t Turn, only []int64) (int, error)
	// Idle says that the work looks at all of its pieces each time, and has often
	// nothing to do about them.
	Idle bool

	// Of work that consists of pieces: which are due, the first of them, and how one
	// that fails is put off (nil: the campaign is set back, after the others have been
	// done).
	Pieces func(tx *store.Tx, campaign int64, most int) ([]Piece, error)
	PutOff func(tx *store.Tx, campaign, piece int64, why error) error
	// Failed asks for a piece of @campaign that was put off, of another than @member.
	Failed string
}

// Piece is a piece of a campaign's work, and whose it is.
type Piece struct{ ID, MemberID int64 }

// Turn is one transaction of one campaign.
type Turn struct {
	Tx *store.Tx
	V  *versions.Version
	ID int64              // of the campaign
	C  *versions.Campaign // nil: it is no longer part of the program, or versions.Membership

	Most int   // pieces that it takes on
	left *bool // set: somebody else is at some of them
}

// Leave says that somebody else is at some of the pieces.
func (t Turn) Leave() { *t.left = true }

// piecesAtOnce is how many pieces one transaction takes on.
const piecesAtOnce = 1000

// A transaction about some members is quick. One about everybody is not.
const (
	Quick = 30 * time.Second
	Long  = 20 * time.Minute
)

// Scope names a campaign in setbacks.
func Scope(campaign int64) string {
	if campaign == versions.Membership {
		return "segments"
	}
	return store.ScopeCampaign(campaign)
}

// setback is a row of setbacks, as Each goes by it.
type setback struct {
	Scope string
	Again bool // it is to be tried again now
	Part  int  // how many pieces the try may have; 0: as always
}

// most is how many pieces the next try takes on.
func (s *setback) most() int {
	if s != nil && s.Part > 0 {
		return s.Part
	}
	return piecesAtOnce
}

// Each does some work of every campaign that has it, each in transactions of its
// own, and returns how much. An error is the database's: no campaign is at fault.
func Each(ctx context.Context, db *store.DB, w Work) (n int, err error) {
	var due []int64
	setBack := map[string]*setback{}
	err = db.View(ctx, func(tx *store.Tx) error {
		if due, err = w.Due(tx); err != nil {
			return err
		}
		var rows []*setback
		err := tx.All(&rows, "select scope, retry_at <= "+tx.Machine()+" as again, part from setbacks where work = @work", store.Args{"work": w.Name})
		for _, r := range rows {
			setBack[r.Scope] = r
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("looking for %s: %w", w.Name, err)
	}
	for scope, was := range setBack {
		if !was.Again || slices.ContainsFunc(due, func(id int64) bool { return Scope(id) == scope }) {
			continue
		}
		// Nothing is left of what failed.
		if gone := db.Update(ctx, func(tx *store.Tx) error { return tx.Recovered(scope, w.Name) }); gone != nil {
			return 0, gone
		}
	}
	for _, id := range due {
		was := setBack[Scope(id)]
		if was != nil && !was.Again {
			continue
		}
		did, failed := alone(ctx, db, w, id, nil, was)
		if failed != nil && ctx.Err() == nil && !store.Away(failed) {
			did, failed = sift(ctx, db, w, id, was, failed)
		}
		n += did
		err = errors.Join(err, failed)
	}
	return n, err
}

// alone does work of one campaign in one transaction. That it was set back is
// forgotten when some of it succeeds; where it was to be tried in parts, when a part
// is not full any more.
func alone(ctx context.Context, db *store.DB, w Work, id int64, only []int64, was *setback) (n int, err error) {
	most := was.most()
	if only != nil {
		most = len(only)
	}
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
			return unreadable{c.Broken}
		}
		left := false
		if n, err = w.Do(Turn{tx, v, id, c, most, &left}, only); err != nil || was == nil {
			return err
		}
		switch {
		case n > 0 && n == was.Part:
			return tx.RetrySetback(Scope(id), w.Name)
		case n > 0 || w.Idle && !left:
			return tx.Recovered(Scope(id), w.Name)
		}
		return nil
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

// unreadable is the error of a campaign whose files cannot be read.
type unreadable struct{ error }

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
// nothing of it succeeds, and it is not of one member alone, the campaign is set
// aside.
func sift(ctx context.Context, db *store.DB, w Work, id int64, was *setback, why error) (n int, err error) {
	scope := Scope(id)
	s := sifting{ctx: ctx, db: db, w: w, id: id}
	if w.Pieces != nil && !errors.As(why, &unreadable{}) {
		var pieces []Piece
		if err := db.View(ctx, func(tx *store.Tx) (err error) { pieces, err = w.Pieces(tx, id, was.most()); return err }); err != nil {
			return 0, err
		}
		switch {
		case len(pieces) == 1:
			s.odd = []oddPiece{{pieces[0], why}}
		case isTooLong(why):
			s.over = len(pieces)
		case len(pieces) > 1:
			if err := s.try(pieces); err != nil {
				return s.did, err
			}
		}
	}
	failed := s.over > 0 || s.good == 0 && !s.ofOneMember() || len(s.odd) > 0 && w.PutOff == nil
	err = db.Update(ctx, func(tx *store.Tx) error {
		if !failed && s.good == 0 {
			var others int
			err := tx.One(&others, "select count(*) from ("+w.Failed+" limit 1) f", store.Args{"campaign": id, "member": s.odd[0].piece.MemberID})
			if err != nil {
				return err
			}
			failed = others > 0
		}
		if failed {
			if err := tx.SetBack(scope, w.Name, why); err != nil {
				return err
			}
			if s.over > 0 {
				return tx.TakeLess(scope, w.Name, max(1, s.over/2))
			}
			if w.PutOff == nil || len(s.odd) < mostOdd {
				return nil
			}
		} // so many that others may stand behind them: the next try begins with those
		for _, o := range s.odd {
			if err := w.PutOff(tx, id, o.piece.ID, o.why); err != nil {
				return err
			}
		}
		if failed || isTooLong(why) { // those behind it may be as slow
			return nil
		}
		return tx.Recovered(scope, w.Name)
	})
	if err != nil {
		return s.did, fmt.Errorf("setting %s aside: %w", scope, err)
	}
	if failed {
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
	over int // so many pieces took too long together
}

type oddPiece struct {
	piece Piece
	why   error
}

// ofOneMember reports whether all that failed is of one member.
func (s *sifting) ofOneMember() bool {
	for _, o := range s.odd {
		if o.piece.MemberID != s.odd[0].piece.MemberID {
			return false
		}
	}
	return len(s.odd) > 0
}

// try does some pieces, in their order; where they fail together, each half of
// them. The error is the database's.
func (s *sifting) try(pieces []Piece) error {
	ids := make([]int64, len(pieces))
	for i, p := range pieces {
		ids[i] = p.ID
	}
	n, err := alone(s.ctx, s.db, s.w, s.id, ids, nil)
	switch {
	case err == nil && n == 0: // somebody else is at them, or they wait for what failed before them
		return nil
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
		s.over = len(pieces) // the next try takes less
		return nil
	}
	half := len(pieces) / 2
	for _, part := range [][]Piece{pieces[:half], pieces[half:]} {
		if s.over > 0 || s.good == 0 && len(s.odd) >= mostOdd {
			return nil
		}
		if err := s.try(part); err != nil {
			return err
		}
	}
	return nil
}

// nothingWaits is the condition that nothing is left of reactions or passages that
// were set aside: nobody calls their passes then, which would find it.
const nothingWaits = `
	work = 'reactions' and not exists (select 1 from reactions r where case when r.campaign_id = 0 then 'segments' else 'campaign:' || r.campaign_id end = setbacks.scope)
	or work = 'passages' and not exists (select 1 from passages p where 'campaign:' || p.campaign_id = setbacks.scope and p.wake_at <= @now)`

// Forget drops setbacks of which nothing is left, and returns how many.
func Forget(ctx context.Context, db *store.DB) (n int, err error) {
	stale := false
	err = db.View(ctx, func(tx *store.Tx) error {
		return tx.One(&stale, "select exists (select 1 from setbacks where "+nothingWaits+")", store.Args{"now": tx.At})
	})
	if err == nil && stale {
		err = db.Update(ctx, func(tx *store.Tx) error {
			gone, err := tx.Exec("delete from setbacks where "+nothingWaits, store.Args{"now": tx.At})
			n = int(gone)
			return err
		})
	}
	if err != nil {
		return 0, fmt.Errorf("setbacks of which nothing is left: %w", err)
	}
	return n, nil
}
