package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"regulars/internal/report"
	"regulars/internal/runs"
	"regulars/internal/store"
)

func (a *app) runsCommand() *cobra.Command {
	group := &cobra.Command{Use: "runs", Short: "Runs of campaigns: list | show | pause | resume | cancel"}
	var because, texts string
	act := func(name, short string, f func(*store.Tx, int64) error) *cobra.Command {
		return &cobra.Command{Use: name + " RUN", Short: short, Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
			run, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return usage("%q is not the number of a run; see `regulars runs list`", args[0])
			}
			return a.opened(c.Context(), false, func(db *store.DB) error {
				if f != nil {
					if err := db.Update(c.Context(), func(tx *store.Tx) error { return f(tx, run) }); err != nil {
						return runWords(err, run)
					}
				}
				return db.View(c.Context(), func(tx *store.Tx) error { return a.listRuns(tx, run) })
			})
		}}
	}
	pause := act("pause", "Stop a run until it is resumed", func(tx *store.Tx, run int64) error { return runs.Pause(tx, run, because) })
	cancel := act("cancel", "End a run: what was not sent is skipped", func(tx *store.Tx, run int64) error { return runs.Cancel(tx, run, because) })
	for _, c := range []*cobra.Command{pause, cancel} {
		c.Flags().StringVar(&because, "because", "by hand", "why")
	}
	resume := act("resume", "Let a paused run go on", func(tx *store.Tx, run int64) error {
		if texts != "" && texts != "latest" {
			return usage("--texts takes latest, not %q", texts)
		}
		return runs.Resume(tx, run, texts == "latest")
	})
	resume.Flags().StringVar(&texts, "texts", "", "latest: with the texts of the version in force for those not yet sent")
	group.AddCommand(
		&cobra.Command{Use: "list", Short: "List the newest runs", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
			return a.viewed(c, func(tx *store.Tx, _ *store.DB) error { return a.listRuns(tx, 0) })
		}},
		act("show", "Show one run", nil), pause, resume, cancel)
	return group
}

// runWords says of an error which run it is about, unless it says so itself.
func runWords(err error, run int64) error {
	if errors.Is(err, store.ErrNotFound) || strings.Contains(err.Error(), fmt.Sprintf("run %d", run)) {
		return notThere(err, "run", run)
	}
	return fmt.Errorf("run %d: %w", run, err)
}

func (a *app) listRuns(tx *store.Tx, only int64) error {
	list, err := report.Runs(tx, only)
	if err != nil {
		return err
	}
	if only != 0 && len(list) == 0 {
		return notThere(store.ErrNotFound, "run", only)
	}
	if a.json {
		return a.printJSON(list)
	}
	var rows [][]string
	for _, r := range list {
		rows = append(rows, []string{fmt.Sprint(r.ID), r.Campaign, r.State, fmt.Sprint(r.Audience), fmt.Sprint(r.Sent), fmt.Sprint(r.Pending), a.moment(r.StartedAt), r.Because})
	}
	return a.table([]string{"RUN", "CAMPAIGN", "STATE", "AUDIENCE", "SENT", "PENDING", "STARTED", "BECAUSE"}, rows)
}
