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
	settle: settleLaunch,
	do: func(ctx context.Context, r Rooms, row Row) (said string, err error) {
		err = r.DB.Update(ctx, func(tx *store.Tx) (err error) { said, err = launch(tx, row); return err })
		return repeated(said, err)
	},
}

func launch(tx *store.Tx, row Row) (string, error) {
	request := launchRequest(row)
	if request.Key == "" {
		if said, err := begun(tx, request); !errors.Is(err, store.ErrNotFound) {
			return said, err
		}
	}
	done, err := runs.Launch(tx, request)
	if err != nil {
		return "", err
	}
	if done.Again {
		return launchSaid(done) + "; begun before under this key", nil
	}
	return launchSaid(done), nil
}

// settleLaunch refuses right away what the campaign would refuse later, when
// nobody looks any more.
func settleLaunch(tx *store.Tx, v map[string]string) error {
	return ordered(runs.CheckLaunch(tx, launchRequest(Row{Payload: store.JSON(v)})))
}

// ordered turns the complaint of a room into one about the order. What the
// machine has to say stays as it is.
func ordered(err error) error {
	if err == nil || store.Passing(err) {
		return err
	}
	return &OrderError{"", err.Error()}
}

func launchRequest(row Row) runs.LaunchRequest {
	v := row.Values()
	request := runs.LaunchRequest{
		Campaign: v["campaign"], Key: cmp.Or(v["key"], row.Key),
		By: fmt.Sprintf("%s, job %d", row.EnqueuedBy, row.ID),
	}
	request.Limit, _ = strconv.Atoi(v["limit"]) // checked when it was enqueued; 0: all
	for _, reserved := range []string{"campaign", "limit", "key"} {
		delete(v, reserved)
	}
	request.Values = v
	return request
}

// begun says what an earlier try of the same job has begun; store.ErrNotFound
// when nothing. That try may have been on another day.
func begun(tx *store.Tx, r runs.LaunchRequest) (said string, err error) {
	var occurrence int64
	err = tx.One(&occurrence, `
		select o.id
		from   occurrences o join campaigns c on c.id = o.campaign_id
		where  c.name = @campaign and o.started_by = @by`, store.Args{"campaign": r.Campaign, "by": r.By})
	return fmt.Sprintf("begun by an earlier try (occurrence %d)", occurrence), err
}

// repeated says of a launch that was made before with the same values on the same
// day that there is nothing more to do: that is what the key of a day is for, and
// nothing that failed.
func repeated(said string, err error) (string, error) {
	if errors.Is(err, runs.ErrLaunched) {
		return "nothing more to do: " + runs.ErrLaunched.Error(), nil
	}
	return said, final(err)
}

// launchSaid says what a launch began, in words.
func launchSaid(l runs.Launched) string {
	if l.Run == 0 {
		return fmt.Sprintf("occurrence %d: each member goes their own way", l.Occurrence)
	}
	said := fmt.Sprintf("run %d: %d to be mailed", l.Run, l.Audience.Mailed)
	for _, reason := range slices.Sorted(maps.Keys(l.Audience.LeftOut)) {
		said += fmt.Sprintf(", %d left out (%s)", l.Audience.LeftOut[reason], strings.ReplaceAll(reason, "_", " "))
	}
	return said
}
