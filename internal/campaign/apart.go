package campaign

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"regulars/internal/program"
	"regulars/internal/store"
)

// Whatever campaigns do, each does in transactions of its own. One that fails, or
// panics, or takes too long, is set aside with the reason and tried again later
// (store.Setback); all others go on. Of many pieces that one transaction takes on,
// a few odd ones are put off by themselves, and so is one that is alone: a campaign
// is at fault where the pieces of several members fail. What took too long is tried
// in smaller parts.
//
//	apart ──▶ alone ──ok──▶ recovered
//	            │ fails
//	            ▼
//	          sift: halves, and halves of halves, down to the odd pieces
//	            │ some go, or all are     │ none goes, of several
//	            │ of one member           │ members, or it cannot be read
//	            ▼                         ▼
//	      the odd ones are put off    the campaign is set aside

// work is a kind of work that campaigns do one at a time.
type work struct {
	name  string        // of its setbacks
	limit time.Duration // how long one transaction may take

	// due returns the campaigns that have some to do now; 0 is who is in which segment.
	due func(tx *store.Tx) ([]int64, error)
	// do takes a bounded part of a campaign's work on, or only some pieces of it, and
	// returns how much it did. t.c is nil when the campaign is no longer part of the
	// program, and for 0.
	do func(t turn, only []int64) (int, error)
	// idle says that the work looks at all of its pieces each time, and has often
	// nothing to do about them.
	idle bool

	// Of work that consists of pieces: which are due, the first of them, and how one
	// that fails is put off (nil: the campaign is set back, after the others have been
	// done).
	pieces func(tx *store.Tx, campaign int64, most int) ([]piece, error)
	putOff func(tx *store.Tx, campaign, piece int64, why error) error
	// failed asks for a piece of @campaign that was put off, of another than @member.
	failed string
}

// piece is a piece of a campaign's work, and whose it is.
type piece struct{ ID, MemberID int64 }

// turn is one transaction of one campaign.
type turn struct {
	tx *store.Tx
	v  *Version
	id int64 // of the campaign
	c  *Campaign

	most int   // pieces that it takes on
	left *bool // set: somebody else is at some of them
}

// A transaction about some members is quick. One about everybody is not.
const (
	quick = 30 * time.Second
	long  = 20 * time.Minute
)

// scopeOf names a campaign in setbacks.
func scopeOf(campaign int64) string {
	if campaign == membership {
		return "segments"
	}
	return store.ScopeCampaign(campaign)
}

// set is a row of setbacks, as apart goes by it.
type set struct {
	Scope string
	Again bool // it is to be tried again now
	Part  int  // how many pieces the try may have; 0: as always
}

// apart does some work of every campaign that has it, each in transactions of its
// own, and returns how much. An error is the database's: no campaign is at fault.
func (b *Book) apart(ctx context.Context, db *store.DB, w work) (n int, err error) {
	var due []int64
	setBack := map[string]*set{}
	err = db.View(ctx, func(tx *store.Tx) error {
		if due, err = w.due(tx); err != nil {
			return err
		}
		var rows []*set
		err := tx.All(&rows, "select scope, retry_at <= "+tx.Machine()+" as again, part from setbacks where work = @work", store.Args{"work": w.name})
		for _, r := range rows {
			setBack[r.Scope] = r
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("looking for %s: %w", w.name, err)
	}
	for scope, was := range setBack {
		if !was.Again || slices.ContainsFunc(due, func(id int64) bool { return scopeOf(id) == scope }) {
			continue
		}
		// Nothing is left of what failed.
		if gone := db.Update(ctx, func(tx *store.Tx) error { return tx.Recovered(scope, w.name) }); gone != nil {
			return 0, gone
		}
	}
	for _, id := range due {
		was := setBack[scopeOf(id)]
		if was != nil && !was.Again {
			continue
		}
		did, failed := b.alone(ctx, db, w, id, nil, was)
		if failed != nil && ctx.Err() == nil && !store.Away(failed) {
			did, failed = b.sift(ctx, db, w, id, was, failed)
		}
		n += did
		err = errors.Join(err, failed)
	}
	return n, err
}

// alone does work of one campaign in one transaction. That it was set back is
// forgotten when some of it succeeds; where it was to be tried in parts, when a part
// is not full any more.
func (b *Book) alone(ctx context.Context, db *store.DB, w work, id int64, only []int64, was *set) (n int, err error) {
	most := stride
	switch {
	case only != nil:
		most = len(only)
	case was != nil && was.Part > 0:
		most = was.Part
	}
	limited, cancel := b.within(ctx, w.limit, most)
	defer cancel()
	err = db.Update(limited, func(tx *store.Tx) error {
		n = 0
		v, err := b.Active(tx)
		if err != nil {
			return ignoreNoProgram(err)
		}
		c := v.byID(id)
		if c != nil && c.broken != nil {
			return unreadable{c.broken}
		}
		left := false
		if n, err = w.do(turn{tx, v, id, c, most, &left}, only); err != nil || was == nil {
			return err
		}
		switch {
		case n > 0 && n == was.Part:
			return tx.RetrySetback(scopeOf(id), w.name)
		case n > 0 || w.idle && !left:
			return tx.Recovered(scopeOf(id), w.name)
		}
		return nil
	})
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		err = &tooLong{w.limit}
	}
	if p := (*store.Panic)(nil); errors.As(err, &p) {
		b.Log.ErrorContext(ctx, "a campaign panics", "campaign", id, "work", w.name, "panic", fmt.Sprint(p.Value), "stack", string(p.Stack))
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}

// unreadable is the error of a campaign whose files cannot be read.
type unreadable struct{ error }

// tooLong says that a transaction did not end in time.
type tooLong struct{ limit time.Duration }

func (t *tooLong) Error() string { return fmt.Sprintf("it did not end within %s", t.limit) }

func isTooLong(err error) bool {
	var t *tooLong
	return errors.As(err, &t)
}

// mostOdd is how many pieces may fail one after the other before none is thought
// to be any better.
const mostOdd = 8

// sift goes through work that failed as a whole, piece by piece where it must. When
// nothing of it succeeds, and it is not of one member alone, the campaign is set
// aside.
func (b *Book) sift(ctx context.Context, db *store.DB, w work, id int64, was *set, why error) (n int, err error) {
	scope := scopeOf(id)
	s := sifting{b: b, ctx: ctx, db: db, w: w, id: id}
	if w.pieces != nil && !errors.As(why, &unreadable{}) {
		most := stride
		if was != nil && was.Part > 0 {
			most = was.Part
		}
		var pieces []piece
		if err := db.View(ctx, func(tx *store.Tx) (err error) { pieces, err = w.pieces(tx, id, most); return err }); err != nil {
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
	failed := s.over > 0 || s.good == 0 && !s.ofOneMember() || len(s.odd) > 0 && w.putOff == nil
	err = db.Update(ctx, func(tx *store.Tx) error {
		if !failed && s.good == 0 {
			var others int
			err := tx.One(&others, "select count(*) from ("+w.failed+" limit 1) f", store.Args{"campaign": id, "member": s.odd[0].piece.MemberID})
			if err != nil {
				return err
			}
			failed = others > 0
		}
		if failed {
			if err := tx.SetBack(scope, w.name, why); err != nil {
				return err
			}
			if s.over > 0 {
				return tx.TakeLess(scope, w.name, max(1, s.over/2))
			}
			if w.putOff == nil || len(s.odd) < mostOdd {
				return nil
			}
		} // so many that others may stand behind them: the next try begins with those
		for _, o := range s.odd {
			if err := w.putOff(tx, id, o.piece.ID, o.why); err != nil {
				return err
			}
		}
		if failed || isTooLong(why) { // those behind it may be as slow
			return nil
		}
		return tx.Recovered(scope, w.name)
	})
	if err != nil {
		return s.did, fmt.Errorf("setting %s aside: %w", scope, err)
	}
	if failed {
		b.Log.ErrorContext(ctx, "set aside", "what", scope, "work", w.name, "because", why.Error())
	} else {
		b.Log.WarnContext(ctx, "some are put off", "what", scope, "work", w.name, "how many", len(s.odd), "because", why.Error())
	}
	return s.did, nil
}

type sifting struct {
	b   *Book
	ctx context.Context
	db  *store.DB
	w   work
	id  int64

	did  int
	good int // transactions that succeeded
	odd  []oddPiece
	over int // so many pieces took too long together
}

type oddPiece struct {
	piece piece
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
func (s *sifting) try(pieces []piece) error {
	ids := make([]int64, len(pieces))
	for i, p := range pieces {
		ids[i] = p.ID
	}
	n, err := s.b.alone(s.ctx, s.db, s.w, s.id, ids, nil)
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
	for _, part := range [][]piece{pieces[:half], pieces[half:]} {
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

// forgetSetbacks drops setbacks of which nothing is left.
func forgetSetbacks(ctx context.Context, db *store.DB) error {
	stale := false
	err := db.View(ctx, func(tx *store.Tx) error {
		return tx.One(&stale, "select exists (select 1 from setbacks where "+nothingWaits+")", store.Args{"now": tx.At})
	})
	if err == nil && stale {
		err = db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec("delete from setbacks where "+nothingWaits, store.Args{"now": tx.At})
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("setbacks of which nothing is left: %w", err)
	}
	return nil
}

// retry has everything that is set aside or put off tried again at once, by the
// version that is now in force: mails that wait for their text take it from there.
func (b *Book) retry(tx *store.Tx, v *Version) error {
	set, err := tx.Setbacks()
	if err != nil {
		return err
	}
	for _, c := range v.campaigns {
		if !slices.ContainsFunc(set, func(s store.Setback) bool { return s.Scope == scopeOf(c.ID) }) {
			continue
		}
		var steps []string
		for _, s := range c.Steps {
			for _, choice := range append([]program.Step{s}, s.Choose...) {
				steps = append(steps, choice.Name)
			}
		}
		var waiting []int64
		err := tx.All(&waiting, `
			update sends set version_id = @version
			where  id in (select d.send_id from due d join sends s on s.id = d.send_id
			              where  s.campaign_id = @campaign and s.run_id is null and s.state in ('queued', 'deferred'))
			and    step in @steps
			returning id`, store.Args{"version": v.ID, "campaign": c.ID, "steps": append(steps, "")})
		if err != nil {
			return err
		}
		_, err = tx.Exec("update due set retry_at = null where send_id in "+inList(tx, "@ids"), store.Args{"ids": array(waiting)})
		if err != nil {
			return err
		}
	}
	if err := tx.RetrySetbacks(); err != nil {
		return err
	}
	_, err = tx.Exec(`
		delete from setbacks
		where  scope like 'campaign:%' and scope not in (select 'campaign:' || id from campaigns where removed_at is null)
		or     scope like 'segment:%' and scope not in (select 'segment:' || id from segments where removed_at is null)`, nil)
	if err != nil {
		return err
	}
	if _, err := tx.Exec("update reactions set retry_at = null where retry_at is not null", nil); err != nil {
		return err
	}
	_, err = tx.Exec("update passages set wake_at = @now where wake_at > @now and state = 'ready' and reason >= 'failed: ' and reason < 'failed;'", store.Args{"now": tx.At})
	for _, work := range []string{"flow.react", "flow.advance", "mail.urgent", "mail.bulk"} {
		b.hint(tx, work)
	}
	return err
}
