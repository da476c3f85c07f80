package main

import (
	"cmp"

	"github.com/spf13/cobra"

	"regulars/internal/report"
	"regulars/internal/store"
)

func (a *app) sendsCommand() *cobra.Command {
	var f report.SendFilter
	group := &cobra.Command{Use: "sends", Short: "The ledger of mails: list | show | resolve"}
	listing := newCommand("list", "List the newest sends", func(c *cobra.Command, _ []string) error {
		if err := cmp.Or(oneOf("state", f.State, sendStates), positive("limit", f.Limit, "")); err != nil {
			return err
		}
		return a.viewed(c, func(tx *store.Tx, _ *store.DB) error {
			if list, err := report.Runs(tx, f.Run); err != nil || f.Run != 0 && len(list) == 0 {
				return cmp.Or(err, notThere("run", f.Run))
			}
			return a.listSends(tx, f)
		})
	})
	listing.Flags().StringVar(&f.State, "state", "", "only those in this state")
	listing.Flags().Int64Var(&f.Run, "run", 0, "only those of this run")
	listing.Flags().IntVar(&f.Limit, "limit", 50, "how many")
	var run int64
	resolving := &cobra.Command{Use: "resolve ID sent|again", Short: "Decide an unknown outcome: it was sent, or hand it over once more (also a failed one); with --run of all unknown mails of a run",
		Args: cobra.RangeArgs(1, 2), RunE: func(c *cobra.Command, args []string) error { return a.resolve(c, run, args) }}
	resolving.Flags().Int64Var(&run, "run", 0, "all unknown mails of this run, in place of ID")
	group.AddCommand(listing,
		a.reading("show ID", "Show one send", func(tx *store.Tx, args []string) error {
			id, err := numbered(args[0], "a send")
			if err != nil {
				return err
			}
			return a.listSends(tx, report.SendFilter{ID: id, Limit: 1})
		}),
		resolving)
	return group
}

func (a *app) listSends(tx *store.Tx, f report.SendFilter) error {
	list, err := report.Sends(tx, f)
	if err != nil {
		return err
	}
	if f.ID != 0 && len(list) == 0 {
		return notThere("send", f.ID)
	}
	return printList(a, list, "SEND|CAMPAIGN|STEP|MEMBER|STATE|REASON|HANDED OVER|THE RELAY SAID", func(s report.Send) []any {
		return []any{s.ID, s.Campaign, s.Step, s.Member, s.State, s.Reason, a.second(s.HandedAt), s.Reply}
	})
}

// sendStates are those of the ledger.
var sendStates = []string{"queued", "claimed", "handing", "deferred", "sent", "unknown", "failed", "skipped", "bounced", "complained"}

func (a *app) resolve(c *cobra.Command, run int64, args []string) error {
	as, all := args[len(args)-1], c.Flags().Changed("run")
	if as != "sent" && as != "again" || all != (len(args) == 1) {
		return usage("resolve takes the number of a send, or --run and that of a run; and sent or again")
	}
	if all {
		return a.wired(c.Context(), func(w *wiring) error {
			err := w.db.View(c.Context(), func(tx *store.Tx) error {
				list, err := report.Runs(tx, run)
				if err == nil && len(list) == 0 {
					err = notThere("run", run)
				}
				return err
			})
			if err != nil {
				return err
			}
			n, err := w.marketer().ResolveRun(c.Context(), run, as, a.user())
			if err != nil {
				return err
			}
			return a.say(map[string]any{"run": run, "resolved": n, "as": as}, "%d unknown mails of run %d: %s", n, run, as)
		})
	}
	id, err := numbered(args[0], "a send")
	if err != nil {
		return err
	}
	return a.wired(c.Context(), func(w *wiring) error {
		if err := w.marketer().Resolve(c.Context(), id, as, a.user()); err != nil {
			return err
		}
		return w.db.View(c.Context(), func(tx *store.Tx) error { return a.listSends(tx, report.SendFilter{ID: id, Limit: 1}) })
	})
}
