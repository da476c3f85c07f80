package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/jobs"
)

func (a *app) enqueueCommand() *cobra.Command {
	var at, key string
	var in span
	about := "Put a job into the queue; a worker does it:\n"
	for _, kind := range jobs.Kinds() {
		about += fmt.Sprintf("\n  %-9s %s", kind, jobs.About(kind))
	}
	c := &cobra.Command{
		Use: "enqueue KIND key=value…", Short: "Put a job into the queue: " + strings.Join(jobs.Kinds(), " | "), Long: about,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			values, err := keyValues(args[1:])
			if err != nil {
				return err
			}
			o := jobs.Order{Kind: args[0], Values: values, Key: key, By: "command line: " + a.user()}
			if err := jobs.Check(o); err != nil {
				return usageError{err}
			}
			if _, err := wallTime(at, time.UTC); at != "" && err != nil {
				return err
			}
			if at != "" && in != 0 {
				return usage("--at or --in, not both")
			}
			return a.enqueue(c, o, at, time.Duration(in))
		},
	}
	c.Flags().StringVar(&at, "at", "", "when, like 2027-06-21T09:00; without an offset it is the shop's wall time")
	c.Flags().Var(&in, "in", "after this long, like 90m, 2h or 3d")
	c.Flags().StringVar(&key, "key", "", "a second job with the same key is the same job")
	return c
}

func (a *app) enqueue(c *cobra.Command, o jobs.Order, at string, in time.Duration) error {
	return a.opened(c.Context(), false, func(db *store.DB) error {
		var id int64
		var made bool
		err := db.Update(c.Context(), func(tx *store.Tx) (err error) {
			if o.At, err = when(tx, at, in); err != nil {
				return err
			}
			id, made, err = jobs.Enqueue(tx, o)
			return err
		})
		if err != nil {
			return err
		}
		// A running worker's watch finds it within a second.
		if a.json {
			return a.printJSON(map[string]any{"job": id, "new": made})
		}
		if !made {
			fmt.Fprintf(a.out, "job %d has that key already\n", id)
			return nil
		}
		fmt.Fprintf(a.out, "job %d is queued\n", id)
		return nil
	})
}

// when reads the moment at which something is wanted; zero is now.
func when(tx *store.Tx, at string, in time.Duration) (time.Time, error) {
	if at == "" {
		if in == 0 {
			return time.Time{}, nil
		}
		return tx.At.Add(in), nil
	}
	zone, err := tx.Zone()
	if err != nil {
		return time.Time{}, err
	}
	moment, err := wallTime(at, zone)
	if err == nil && moment.Before(tx.At.Time) {
		return time.Time{}, usage("--at: %s is past; without --at the job begins at once", moment.In(zone).Format("2006-01-02 15:04 MST"))
	}
	return moment, err
}

// wallTime reads an instant with an offset, or a wall time of the shop.
func wallTime(text string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return loyalty.Wall(loyalty.DayOf(t, time.UTC), t.Hour(), t.Minute(), zone), nil
		}
	}
	return time.Time{}, usage("--at: %q is not a time like 2027-06-21T09:00 or 2027-06-21T09:00:00+03:00", text)
}

// keyValues reads key=value arguments.
func keyValues(args []string) (map[string]string, error) {
	values := map[string]string{}
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		switch _, twice := values[key]; {
		case !ok || key == "":
			return nil, usage("%q should be key=value", arg)
		case twice:
			return nil, usage("%s is given twice", key)
		}
		values[key] = value
	}
	return values, nil
}

// lookAtTasks says where to see what workers are at.
var lookAtTasks = `What workers are at just now, a marketer's job or any other work, is a task of asynq's
in the Redis that REDIS_URL names. asynq's own command shows it:

  go install github.com/hibiken/asynq/tools/asynq@latest
  asynq stats --uri HOST:6379                                  how many, by queue
  asynq task ls --uri HOST:6379 --queue QUEUE --state active   by kind, with ids; or pending, retry, archived
  asynq dash --uri HOST:6379                                   the same, live

QUEUE is ` + strings.Join(jobs.Queues, ", ") + `. The task of job 7 is job.KIND:7 in chores
(job.test in urgent), that of run 12 run.deliver:12 in bulk. A job that has failed stays
archived there with its error until it is queued again. regulars_tasks_total{kind,outcome}
in /metrics counts them.`

func (a *app) jobsCommand() *cobra.Command {
	var state string
	var limit int
	group := &cobra.Command{Use: "jobs", Short: "What was enqueued, by whom, and how it ended: list | show | retry | cancel"}
	listing := &cobra.Command{
		Use: "list", Short: "List the newest jobs", Args: cobra.NoArgs,
		Long: "List the newest jobs.\n\n" + lookAtTasks,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := cmp.Or(oneOf("state", state, jobs.States), positive("limit", limit, "")); err != nil {
				return err
			}
			return a.viewed(c, func(tx *store.Tx, _ *store.DB) error { return a.listJobs(tx, state, limit) })
		},
	}
	listing.Flags().StringVar(&state, "state", "", "only queued, running, done, failed or cancelled")
	listing.Flags().IntVar(&limit, "limit", 50, "how many")
	group.AddCommand(listing,
		a.jobAction("show", "Show one job", nil),
		a.jobAction("retry", "Queue a failed or cancelled job again", jobs.Retry),
		a.jobAction("cancel", "Cancel a job that has not begun", jobs.Cancel))
	return group
}

func (a *app) listJobs(tx *store.Tx, state string, limit int) error {
	list, err := jobs.List(tx, state, limit)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(list)
	}
	var rows [][]string
	for _, j := range list {
		rows = append(rows, []string{fmt.Sprint(j.ID), j.Kind, j.State, a.moment(j.RunAt), j.EnqueuedBy, j.Outcome})
	}
	if err := a.table([]string{"JOB", "KIND", "STATE", "AT", "BY", "OUTCOME"}, rows); err != nil {
		return err
	}
	fmt.Fprintln(a.err, "what runs just now, by kind: asynq task ls --queue chores --state active; regulars jobs list --help says more")
	return nil
}

func (a *app) jobAction(name, short string, act func(*store.Tx, int64) error) *cobra.Command {
	return &cobra.Command{
		Use: name + " JOB", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return usage("%q is not the number of a job; see `regulars jobs list`", args[0])
			}
			return a.opened(c.Context(), false, func(db *store.DB) error {
				var row jobs.Row
				err := db.Update(c.Context(), func(tx *store.Tx) (err error) {
					if row, err = jobs.Show(tx, id); err != nil {
						return notThere(err, "job", id)
					}
					if act != nil {
						if err := act(tx, id); err != nil {
							return err
						}
						row, err = jobs.Show(tx, id)
					}
					return err
				})
				if err != nil {
					return err
				}
				return a.showJob(row)
			})
		},
	}
}

func (a *app) showJob(j jobs.Row) error {
	if a.json {
		return a.printJSON(struct {
			jobs.Row
			Values map[string]string `json:"values"`
		}{j, j.Values()})
	}
	fmt.Fprintf(a.out, "job %d: %s, %s\n", j.ID, j.Kind, j.State)
	values := j.Values()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(a.out, "  %s=%s\n", key, values[key])
	}
	fmt.Fprintf(a.out, "  by %s at %s, tried %s\n", j.EnqueuedBy, a.moment(j.EnqueuedAt), plural(int64(j.Attempts), "time", "times"))
	if j.Outcome != "" {
		fmt.Fprintln(a.out, "  "+j.Outcome)
	}
	return nil
}

// notThere says that there is no row of a number.
func notThere(err error, thing string, id int64) error {
	if errors.Is(err, store.ErrNotFound) {
		return store.Missing(fmt.Sprintf("there is no %s %d", thing, id))
	}
	return fmt.Errorf("%s %d: %w", thing, id, err)
}
