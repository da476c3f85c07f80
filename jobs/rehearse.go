package jobs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/program"
	"regulars/internal/rehearsal"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// rehearseJob plays a change of the program, which somebody writes in the console, over
// some days and keeps what would have gone out, for its page. Put by marketers there.
// Running it again plays it again: of the shop's it writes the outcome alone, and it sends
// nothing. It gives up when there is no such change, or the program with it cannot be
// read, and ends when it is cancelled.
var rehearseJob = kind{
	about:  "play a change of the program over some days, for the console, which shows what would go out",
	queue:  Chores,
	atOnce: 1, // it may take long, and nobody's import waits for it
	fields: []field{
		{name: "change", about: "its number in the console", required: true, wrong: count(math.MaxInt)},
		{name: "from", about: "the first day, like 2027-03-01", required: true, wrong: failing(loyalty.ParseDay)},
		{name: "to", about: "the last day", required: true, wrong: failing(loyalty.ParseDay)},
		{name: "everyone", about: "yes: as if everybody had joined, with consent, at their first order", wrong: oneOf("yes", "no")},
		{name: "against", about: "yes: the program in force is played, too", wrong: oneOf("yes", "no")},
	},
	settle: func(_ *store.Tx, v map[string]string) error {
		from, _ := loyalty.ParseDay(v["from"]) // checked before
		to, _ := loyalty.ParseDay(v["to"])
		if to < from || to-from > mostRehearsed {
			return &OrderError{"to", fmt.Sprintf("to=%s: a day from %s on, and at most %d days later", v["to"], from, mostRehearsed)}
		}
		return nil
	},
	do: rehearse,
}

// Bounds of a rehearsal: a worker has other things to do, and the machine other work.
const (
	mostRehearsed   = 190 // days
	membersPlayed   = 5_000
	rehearsedWithin = 20 * time.Minute // each of two programs
)

func rehearse(ctx context.Context, r Rooms, row Row) (string, error) {
	v := row.Values()
	change, err := strconv.ParseInt(v["change"], 10, 64)
	if err != nil {
		return "", giveUp{err}
	}
	next, now, seen, err := asChanged(ctx, r.DB, change)
	if err != nil {
		return "", final(err)
	}
	play := rehearsal.Rehearsal{Program: next, Past: r.DB, Everyone: v["everyone"] == "yes", Most: membersPlayed, Within: rehearsedWithin}
	play.From, _ = loyalty.ParseDay(v["from"]) // checked when it was enqueued
	play.To, _ = loyalty.ParseDay(v["to"])
	programs := int64(1)
	if v["against"] == "yes" {
		programs = 2
	}
	outcome, err := playedOnce(ctx, r.DB, row, play, 0, programs)
	if err == nil && programs == 2 {
		var before rehearsal.Outcome
		play.Program = now
		if before, err = playedOnce(ctx, r.DB, row, play, 1, programs); err == nil {
			outcome.Against = &before
		}
	}
	if err != nil {
		return "", final(err)
	}
	err = r.DB.Update(ctx, func(tx *store.Tx) error { return rehearsal.Keep(tx, change, seen, outcome) })
	return fmt.Sprintf("%d mails from %s to %s", outcome.Mails(), outcome.From, outcome.To), final(err)
}

// asChanged are the program with a change and the one in force, and what stands for the
// change as it is just now.
func asChanged(ctx context.Context, db *store.DB, change int64) (next, now program.Version, seen string, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		p, err := marketing.ProposalOf(tx, change)
		if err != nil {
			return err
		}
		v, err := versions.Active(tx)
		if err != nil {
			return err
		}
		seen = p.Seen(v.ID)
		if now, err = marketing.InForce(tx); err != nil {
			return err
		}
		var problems []program.Problem
		next, _, problems, err = p.Next(tx)
		if err == nil && program.Blocked(problems) {
			err = &versions.Refused{Problems: problems}
		}
		return err
	})
	return next, now, seen, err
}

// playedOnce plays one of some programs, and tells how far all of them are until it is
// cancelled.
func playedOnce(ctx context.Context, db *store.DB, row Row, play rehearsal.Rehearsal, n, programs int64) (rehearsal.Outcome, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var tick time.Time
	began := time.Now()
	play.Progress = func(played, all int64) {
		if time.Since(tick) < tellEvery {
			return
		}
		tick = time.Now()
		now := Progress{Read: n*all + played, Total: programs * all}
		if took := time.Since(began); took >= paceAfter && played > 0 {
			now.Seconds = max(int64(took.Seconds()*float64(now.Total-now.Read)/float64(played)), 1)
		}
		if err := tell(ctx, db, row, now); err != nil {
			cancel(err)
		}
	}
	if err := tell(ctx, db, row, Progress{Read: n, Total: programs}); err != nil { // it may be cancelled already
		return rehearsal.Outcome{}, err
	}
	outcome, err := play.Run(ctx)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	return outcome, err
}

// Rehearsing returns the job that rehearsed a change last, plays it just now, or waits
// for a worker; store.ErrNotFound where there is none.
func Rehearsing(tx *store.Tx, change int64) (row Row, err error) {
	err = tx.One(&row, "select "+columns+` from jobs
		where kind = 'rehearse' and payload ->> 'change' = @change
		order by id desc limit 1`, store.Args{"change": strconv.FormatInt(change, 10)})
	return row, err
}

// Under reports whether a job waits for a worker, or one has it.
func (r Row) Under() bool { return r.State == "queued" || r.State == "running" }

// Rehearse has a worker play a change of the program over some days, unless one does
// already.
func Rehearse(tx *store.Tx, change int64, from, to loyalty.Day, everyone, against bool, by string) error {
	row, err := Rehearsing(tx, change)
	if err == nil && row.Under() {
		return nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	values := map[string]string{"change": strconv.FormatInt(change, 10), "from": from.String(), "to": to.String()}
	for name, is := range map[string]bool{"everyone": everyone, "against": against} {
		if is {
			values[name] = "yes"
		}
	}
	_, _, err = Enqueue(tx, Order{Kind: "rehearse", By: by, Values: values})
	return err
}
