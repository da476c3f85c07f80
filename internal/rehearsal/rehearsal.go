// Package rehearsal plays a program over past orders with a simulated clock and
// says who would have got what, and when, before anything is sent. It is the
// engine itself over a database of its own: orders go in by intake as if they
// happened now, and mails are handed to nobody.
//
// What it cannot play, because the past does not tell of it, it says by campaign.
//
// It promises to touch neither the shop's database nor any relay, to copy no
// address, and to treat drafts as live. Memory holds one page of the past, and the
// stage is a file; of a shop with more members than it is to play it plays some, who
// are picked by their ids, and multiplies what it counts. It leaves to its caller where
// the past comes from. What came of the rehearsal of a change is kept here (kept.go).
package rehearsal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"regulars/internal/apply"
	"regulars/internal/consent"
	"regulars/internal/coupon"
	"regulars/internal/delivery"
	"regulars/internal/engine"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/outbox"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// Rehearsal is one playing of a program.
type Rehearsal struct {
	Program  program.Version
	Past     *store.DB   // whose members and orders are played; only read
	From, To loyalty.Day // the days that are played, both included
	Everyone bool        // everybody has joined, with consent, when they first ordered

	Most   int64         // members that are played; of more some are picked. 0: all
	Within time.Duration // by the machine's clock: after that no further day is played. 0: all are

	Progress func(played, all int64) // of what happened; may be nil

	members int64 // that the past has
	picked  int64 // so many of the parts into which they are divided; 0: all
}

// ErrTooLong says that time was over before the first day was played.
var ErrTooLong = errors.New("what happened before these days takes too long to play")

// Run plays the days and returns what would have been sent.
func (r Rehearsal) Run(ctx context.Context) (Outcome, error) {
	if err := r.pick(ctx); err != nil {
		return Outcome{}, err
	}
	folder, err := os.MkdirTemp("", "regulars-rehearsal-")
	if err != nil {
		return Outcome{}, err
	}
	defer os.RemoveAll(folder)
	zone := r.Program.Program.Zone
	clock := engine.NewClock(r.From.Start(zone))
	db, err := store.Open(ctx, "sqlite:"+filepath.Join(folder, "stage.db"), store.Options{Create: true, Now: clock.Now})
	if err != nil {
		return Outcome{}, err
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		return Outcome{}, err
	}
	nobody := map[string]delivery.Transport{delivery.Urgent: nowhere{}, delivery.Bulk: nowhere{}}
	sender := delivery.New(delivery.Config{
		DB: db, Programs: versions.Programs{DB: db}, Transports: nobody, Secret: []byte("rehearsal"),
		Links: consent.NewLinks("https://rehearsal.invalid", [][]byte{bytes.Repeat([]byte{1}, 32)}),
	})
	s := &stage{db: db, clock: clock, door: intake.New(db), engine: engine.New(db, sender)}
	err = db.Update(ctx, func(tx *store.Tx) error {
		for _, p := range program.PicturesOf(r.Program.Files) { // nobody looks at them here
			if err := versions.PutPicture(tx, p, []byte{}); err != nil {
				return err
			}
		}
		if _, err := apply.Apply(tx, live(r.Program.Files), "rehearsal", ""); err != nil {
			return err
		}
		if err := coupon.Apply(tx, r.pools()); err != nil {
			return err
		}
		return outbox.Sync(tx, nil) // a rehearsal tells nobody
	})
	if err != nil {
		return Outcome{}, err
	}
	past, err := r.list(ctx, db)
	if err != nil {
		return Outcome{}, err
	}
	through, err := r.play(ctx, s, past, zone)
	if err != nil {
		return Outcome{}, err
	}
	o, err := outcome(ctx, db, r.Program.Program, zone)
	if err != nil {
		return Outcome{}, err
	}
	o.From, o.To = r.From.String(), r.To.String()
	if through < r.To {
		o.Through = through.String()
	}
	if o.Members = past.people; r.picked > 0 {
		o.Played = past.people
		o.times(float64(r.members) / float64(max(1, past.people)))
		o.Members = r.members
	}
	o.Unplayed, o.Because = s.unplayed, s.because
	return o, r.untried(ctx, &o)
}

// stage is the engine over the rehearsal's own database.
type stage struct {
	db     *store.DB
	clock  *engine.Clock
	door   *intake.Intake
	engine *engine.Engine

	unplayed int64  // events that the program to be played refuses
	because  string // of the first of them
}

// nowhere takes every mail and keeps none.
type nowhere struct{}

func (nowhere) Hand(ctx context.Context, _ delivery.Message, begin func(context.Context) error) delivery.Outcome {
	if begin != nil {
		if err := begin(ctx); err != nil {
			return delivery.Outcome{Stage: delivery.StageData, Err: fmt.Errorf("%w: %w", delivery.ErrWithheld, err)}
		}
	}
	return delivery.Outcome{Stage: delivery.StageDone, Code: 250, Begun: true}
}

// live returns the files with every draft made live.
func live(files map[string]string) map[string]string {
	out := maps.Clone(files)
	for name, text := range files {
		if strings.HasPrefix(name, "campaigns/") && strings.HasSuffix(name, "/campaign.yaml") {
			out[name] = isLive.ReplaceAllString(text, "") + "\nlive: true\n"
		}
	}
	return out
}

// isLive is the line that says whether a campaign is live.
var isLive = regexp.MustCompile(`(?m)^live:.*\n?`)

// play takes in what was before, then goes through the days: at each moment at
// which something happened the clock stops, and everything due is done. It returns the
// last day that was played.
func (r Rehearsal) play(ctx context.Context, s *stage, past *past, zone *time.Location) (through loyalty.Day, err error) {
	begin, end, began := r.From.Start(zone), (r.To + 1).Start(zone).Add(-time.Second), time.Now()
	over := func() bool { return r.Within > 0 && time.Since(began) > r.Within }
	for {
		before, err := past.batch(ctx, begin, 1<<63-1)
		if err != nil {
			return 0, err
		}
		if len(before) == 0 {
			break
		}
		if over() {
			return 0, ErrTooLong
		}
		if err := s.tell(ctx, before, intake.History); err != nil {
			return 0, err
		}
		r.progress(past)
	}
	stock, err := r.stock(ctx)
	if err != nil {
		return 0, err
	}
	for day := loyalty.Day(-1 << 31); ; {
		events, err := past.batch(ctx, end, time.Hour)
		if err != nil {
			return 0, err
		}
		at := end
		if len(events) > 0 {
			at = events[len(events)-1].At.Time
		}
		// Pools of codes are filled day by day, up to what the shop has.
		for next := max(day+1, r.From); next <= min(loyalty.DayOf(at, zone), r.To); next++ {
			if err := s.engine.Advance(ctx, s.clock, next.Start(zone).Add(-time.Second)); err != nil {
				return 0, err
			}
			if over() {
				if next == r.From {
					return 0, ErrTooLong
				}
				return next - 1, nil
			}
			if err := s.fill(ctx, stock); err != nil {
				return 0, err
			}
			day = next
		}
		if err := s.engine.Advance(ctx, s.clock, at); err != nil || len(events) == 0 {
			return r.To, err
		}
		if err := s.tell(ctx, events, intake.Replay); err != nil {
			return 0, err
		}
		r.progress(past)
	}
}

func (r Rehearsal) progress(past *past) {
	if r.Progress != nil {
		r.Progress(past.read-int64(len(past.page)), past.all)
	}
}

func (s *stage) tell(ctx context.Context, events []loyalty.Event, mode intake.Mode) error {
	for some := range slices.Chunk(events, 500) {
		results, err := s.door.Apply(ctx, some, mode)
		if err != nil {
			return err
		}
		for i, result := range results {
			if result.State != intake.Refused {
				continue
			}
			if s.unplayed++; s.because == "" {
				s.because = fmt.Sprintf("a %s at %s: %s: %s", some[i].Type, some[i].At.Format(time.RFC3339), result.Field, result.Reason)
			}
		}
	}
	return nil
}
