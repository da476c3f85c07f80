package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"regulars/internal/marketing"
	"regulars/internal/runs"
	"regulars/internal/store"
)

// launchJob starts a campaign by hand, with the values that it takes. Put by
// marketers. Running it again starts nothing twice: with a key the launch is
// known by it, without one by the job that began it; one with the same values on
// the same day has nothing more to do. It gives up when the campaign refuses: not
// there, not live, values missing, or too few codes.
var launchJob = kind{
	about: "start a campaign",
	queue: Chores,
	open:  true,
	fields: []field{
		{name: "campaign", about: "its name", required: true},
		{name: "limit", about: "at most so many mails", wrong: count(10_000_000)},
		{name: "key", about: "a second launch with the same values on one day needs one"},
	},
	settle: settleLaunch(false),
	do:     doLaunch(false),
}

// dropJob is a launch of a campaign that hands codes out; for any other it gives
// up. All else is as in launchJob.
var dropJob = kind{
	about:  "start a coupon drop",
	queue:  Chores,
	open:   true,
	fields: launchJob.fields,
	settle: settleLaunch(true),
	do:     doLaunch(true),
}

// settleLaunch refuses right away what the campaign would refuse later, when
// nobody looks any more.
func settleLaunch(drop bool) func(*store.Tx, map[string]string) error {
	return func(tx *store.Tx, v map[string]string) error {
		return ordered(marketing.CheckLaunch(tx, launchOf(Row{Payload: store.JSON(v)}, drop)))
	}
}

func doLaunch(drop bool) func(context.Context, Rooms, Row) (string, error) {
	return func(ctx context.Context, r Rooms, row Row) (string, error) {
		l := launchOf(row, drop)
		done, err := r.marketer().Launch(ctx, l)
		switch {
		case errors.Is(err, runs.ErrLaunched): // what the key of a day is for, and nothing that failed
			return "nothing more to do: " + runs.ErrLaunched.Error(), nil
		case err != nil:
			return "", final(err)
		case done.Earlier: // it may have been on another day
			return fmt.Sprintf("begun by an earlier try (occurrence %d)", done.Occurrence), nil
		case done.Again:
			return launchSaid(done) + "; begun before under this key", nil
		}
		return launchSaid(done), nil
	}
}

// ordered turns the complaint of a room into one about the order. What the
// machine has to say stays as it is.
func ordered(err error) error {
	if err == nil || store.Passing(err) {
		return err
	}
	return &OrderError{"", err.Error()}
}

// launchOf is what a job launches. The job is one attempt, however often it is tried.
func launchOf(row Row, drop bool) marketing.Launch {
	v := row.Values()
	l := marketing.Launch{Drop: drop, Once: true, LaunchRequest: runs.LaunchRequest{
		Campaign: v["campaign"], Key: cmp.Or(v["key"], row.Key), By: fmt.Sprintf("%s, job %d", row.EnqueuedBy, row.ID),
	}}
	l.Limit, _ = strconv.Atoi(v["limit"]) // checked when it was enqueued; 0: all
	for _, reserved := range []string{"campaign", "limit", "key"} {
		delete(v, reserved)
	}
	l.Values = v
	return l
}

// launchSaid says what a launch began, in words.
func launchSaid(l marketing.Launched) string {
	if l.Run == 0 {
		return fmt.Sprintf("occurrence %d: each member goes their own way", l.Occurrence)
	}
	said := fmt.Sprintf("run %d: %d to be mailed", l.Run, l.Audience.Mailed)
	for _, reason := range slices.Sorted(maps.Keys(l.Audience.LeftOut)) {
		said += fmt.Sprintf(", %d left out (%s)", l.Audience.LeftOut[reason], strings.ReplaceAll(reason, "_", " "))
	}
	return said
}
