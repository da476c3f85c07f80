package main

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"regulars/internal/marketing"
	"regulars/internal/report"
	"regulars/internal/store"
)

func (a *app) runsCommand() *cobra.Command {
	group := &cobra.Command{Use: "runs", Short: "Runs of campaigns: list | show | pause | resume | cancel"}
	var because, texts string
	act := func(name, short string, f func(context.Context, marketing.Marketer, int64) error) *cobra.Command {
		return newCommand(name+" RUN", short, func(c *cobra.Command, args []string) error {
			run, err := numbered(args[0], "a run; see `regulars runs list`")
			if err != nil {
				return err
			}
			return a.opened(c.Context(), false, func(db *store.DB) error {
				if f != nil {
					if err := f(c.Context(), marketing.New(db).As(a.by()), run); err != nil {
						return err
					}
				}
				return db.View(c.Context(), func(tx *store.Tx) error { return a.listRuns(tx, run) })
			})
		})
	}
	pause := act("pause", "Stop a run until it is resumed", func(ctx context.Context, m marketing.Marketer, run int64) error { return m.Pause(ctx, run, because) })
	cancel := act("cancel", "End a run: what was not sent is skipped", func(ctx context.Context, m marketing.Marketer, run int64) error { return m.Cancel(ctx, run, because) })
	pause.Flags().StringVar(&because, "because", "", "why")
	cancel.Flags().StringVar(&because, "because", "by hand", "why")
	resume := act("resume", "Let a paused run go on", func(ctx context.Context, m marketing.Marketer, run int64) error {
		if texts != "" && texts != "latest" {
			return usage("--texts takes latest, not %q", texts)
		}
		return m.Resume(ctx, run, texts == "latest")
	})
	resume.Flags().StringVar(&texts, "texts", "", "latest: with the texts of the version in force for those not yet sent")
	group.AddCommand(
		a.reading("list", "List the newest runs", func(tx *store.Tx, _ []string) error { return a.listRuns(tx, 0) }),
		act("show", "Show one run", nil), pause, resume, cancel)
	return group
}

func (a *app) listRuns(tx *store.Tx, only int64) error {
	list, err := report.Runs(tx, only)
	if err != nil {
		return err
	}
	if only != 0 && len(list) == 0 {
		return notThere("run", only)
	}
	return printList(a, list, "RUN|CAMPAIGN|STATE|AUDIENCE|SENT|PENDING|STARTED|BECAUSE", func(r report.Run) []any {
		return []any{r.ID, r.Campaign, r.State, r.Audience, r.Sent, r.Pending, a.moment(r.StartedAt), r.Because}
	})
}

// numbered reads the number of a thing.
func numbered(text, thing string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, usage("%q is not the number of %s", text, thing)
	}
	return id, nil
}
