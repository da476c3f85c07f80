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
// a few odd ones are put off by themselves.
//
//	apart ──▶ alone ──ok──▶ recovered
//	            │ fails
//	            ▼
//	          sift: halves, and halves of halves, down to the odd pieces
//	            │ some go                  │ none goes
//	            ▼                          ▼
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

	// Of work that consists of pieces: which are due, and how one that fails is put off
	// (nil: the campaign is set back, after the others have been done).
	pieces func(tx *store.Tx, campaign int64) ([]int64, error)
	putOff func(tx *store.Tx, campaign, piece int64, why error) error
}

// turn is one transaction of one campaign.
type turn struct {
	tx *store.Tx
	v  *Version
	id int64 // of the campaign
	c  *Campaign
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

// apart does some work of every campaign that has it, each in transactions of its
// own, and returns how much. An error is the database's: no campaign is at fault.
func (b *Book) apart(ctx context.Context, db *store.DB, w work) (n int, err error) {
	var due []int64
	setBack := map[string]bool{} // whether it is to be tried again now
	err = db.View(ctx, func(tx *store.Tx) error {
		if due, err = w.due(tx); err != nil {
			return err
		}
		var rows []struct {
			Scope string
			Again bool
		}
		err := tx.All(&rows, "select scope, retry_at <= "+tx.Machine()+" as again from setbacks where work = @work", store.Args{"work": w.name})
		for _, r := range rows {
			setBack[r.Scope] = r.Again
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("looking for %s: %w", w.name, err)
	}
	for scope, again := range setBack {
		if !again || slices.ContainsFunc(due, func(id int64) bool { return scopeOf(id) == scope }) {
			continue
		}
		// Nothing is left of what failed.
		if gone := db.Update(ctx, func(tx *store.Tx) error { return tx.Recovered(scope, w.name) }); gone != nil {
			return 0, gone
		}
	}
	for _, id := range due {
		again, was := setBack[scopeOf(id)]
		if was && !again {
			continue
		}
		did, failed := b.alone(ctx, db, w, id, nil, was)
		if failed != nil && ctx.Err() == nil && !store.Away(failed) {
			did, failed = b.sift(ctx, db, w, id, failed)
		}
		n += did
		err = errors.Join(err, failed)
	}
	return n, err
}

// alone does work of one campaign in one transaction. That it was set back is
// forgotten when it succeeds.
func (b *Book) alone(ctx context.Context, db *store.DB, w work, id int64, only []int64, setBack bool) (n int, err error) {
	limited, cancel := context.WithTimeout(ctx, w.limit)
	defer cancel()
	err = db.Update(limited, func(tx *store.Tx) error {
		n = 0
		v, err := b.Active(tx)
		if err != nil {
			return ignoreNoProgram(err)
		}
		c := v.byID(id)
		if c != nil && c.broken != nil {
			return c.broken
		}
		if n, err = w.do(turn{tx, v, id, c}, only); err != nil || !setBack {
			return err
		}
		return tx.Recovered(scopeOf(id), w.name)
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
// nothing of it succeeds the campaign is set aside.
func (b *Book) sift(ctx context.Context, db *store.DB, w work, id int64, why error) (n int, err error) {
	scope := scopeOf(id)
	s := sifting{b: b, ctx: ctx, db: db, w: w, id: id}
	if w.pieces != nil && !isTooLong(why) {
		var pieces []int64
		if err := db.View(ctx, func(tx *store.Tx) (err error) { pieces, err = w.pieces(tx, id); return err }); err != nil {
			return 0, err
		}
		if len(pieces) > 1 {
			if err := s.try(pieces); err != nil {
				return s.did, err
			}
		}
	}
	err = db.Update(ctx, func(tx *store.Tx) error {
		failed := s.good == 0 || len(s.odd) > 0 && w.putOff == nil
		if failed {
			if err := tx.SetBack(scope, w.name, why); err != nil || w.putOff == nil || len(s.odd) < mostOdd {
				return err
			}
		} // so many that others may stand behind them: the next try begins with those
		for _, o := range s.odd {
			if err := w.putOff(tx, id, o.piece, o.why); err != nil {
				return err
			}
		}
		if failed {
			return nil
		}
		return tx.Recovered(scope, w.name)
	})
	if err != nil {
		return s.did, fmt.Errorf("setting %s aside: %w", scope, err)
	}
	if s.good == 0 {
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
	over bool
}

type oddPiece struct {
	piece int64
	why   error
}

// try does some pieces, in their order; where they fail together, each half of
// them. The error is the database's.
func (s *sifting) try(pieces []int64) error {
	n, err := s.b.alone(s.ctx, s.db, s.w, s.id, pieces, false)
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
