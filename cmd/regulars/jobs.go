package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regulars/internal/marketing"
	"regulars/internal/store"
	"regulars/jobs"
)

func (a *app) enqueueCommand() *cobra.Command {
	o := jobs.Order{}
	var at string
	var in span
	about := "Put a job into the queue; a worker does it:\n"
	for _, kind := range jobs.Kinds() {
		about += fmt.Sprintf("\n  %-9s %s", kind, jobs.About(kind))
	}
	c := &cobra.Command{
		Use: "enqueue KIND key=value…", Short: "Put a job into the queue: " + strings.Join(jobs.Kinds(), " | "), Long: about,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			o.Kind, o.By = args[0], a.by()
			if o.Values, err = keyValues(args[1:]); err != nil {
				return err
			}
			if err := jobs.Check(o); err != nil {
				return usageError{err}
			}
			if _, err := marketing.Moment(at, time.UTC); at != "" && err != nil {
				return usage("--at: %v", err)
			}
			if at != "" && in != 0 {
				return usage("--at or --in, not both")
			}
			return a.updating(func(tx *store.Tx, _ []string) error { return a.enqueue(tx, o, at, time.Duration(in)) })(c, nil)
		},
	}
	c.Flags().StringVar(&at, "at", "", "when, like 2027-06-21T09:00; without an offset it is the shop's wall time")
	c.Flags().Var(&in, "in", "after this long, like 90m, 2h or 3d")
	c.Flags().StringVar(&o.Key, "key", "", "a second job with the same key is the same job")
	return c
}

// enqueue puts a job into the queue, where a worker's watch finds it within a second.
func (a *app) enqueue(tx *store.Tx, o jobs.Order, at string, in time.Duration) (err error) {
	switch {
	case in != 0:
		o.At = tx.At.Add(in)
	case at != "":
		if o.At, err = marketing.Moment(at, a.zone); err != nil {
			return usage("--at: %v", err)
		}
		if o.At.Before(tx.At.Time) {
			return usage("--at: %s is past; without --at the job begins at once", o.At.In(a.zone).Format("2006-01-02 15:04 MST"))
		}
	}
	id, made, err := jobs.Enqueue(tx, o)
	if err != nil {
		return err
	}
	return a.say(map[string]any{"job": id, "new": made}, either(made, "job %d is queued", "job %d has that key already"), id)
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
			return a.viewed(c, func(tx *store.Tx, _ *store.DB) error {
				list, err := jobs.List(tx, state, limit)
				if err != nil {
					return err
				}
				err = printList(a, list, "JOB|KIND|STATE|AT|BY|OUTCOME", func(j jobs.Row) []any {
					return []any{j.ID, j.Kind, j.State, a.moment(j.RunAt), j.EnqueuedBy, j.Outcome}
				})
				if err == nil && !a.json {
					fmt.Fprintln(a.err, "what runs just now, by kind: asynq task ls --queue chores --state active; regulars jobs list --help says more")
				}
				return err
			})
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

func (a *app) jobAction(name, short string, act func(*store.Tx, int64) error) *cobra.Command {
	return newCommand(name+" JOB", short, func(c *cobra.Command, args []string) error {
		id, err := numbered(args[0], "a job; see `regulars jobs list`")
		if err != nil {
			return err
		}
		return a.updating(func(tx *store.Tx, _ []string) error {
			row, err := jobs.Show(tx, id)
			if err != nil {
				return orNotThere(err, "job", id)
			}
			if act != nil {
				if err := act(tx, id); err != nil {
					return err
				}
				if row, err = jobs.Show(tx, id); err != nil {
					return err
				}
			}
			return a.showJob(row)
		})(c, args)
	})
}

func (a *app) showJob(j jobs.Row) error {
	values := j.Values()
	if a.json {
		return a.printJSON(struct {
			jobs.Row
			Values map[string]string `json:"values"`
		}{j, values})
	}
	fmt.Fprintf(a.out, "job %d: %s, %s\n", j.ID, j.Kind, j.State)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(a.out, "  %s=%s\n", key, values[key])
	}
	fmt.Fprintf(a.out, "  by %s at %s, tried %s\n", j.EnqueuedBy, a.moment(j.EnqueuedAt), plural(int64(j.Attempts), "time", "times"))
	if j.Outcome != "" {
		fmt.Fprintln(a.out, "  "+j.Outcome)
	}
	return nil
}
