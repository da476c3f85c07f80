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
	group.AddCommand(listing,
		a.reading("show ID", "Show one send", func(tx *store.Tx, args []string) error {
			id, err := numbered(args[0], "a send")
			if err != nil {
				return err
			}
			return a.listSends(tx, report.SendFilter{ID: id, Limit: 1})
		}),
		newCommand("resolve ID sent|again", "Decide an unknown outcome: it was sent, or hand it over once more", a.resolve))
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

func (a *app) resolve(c *cobra.Command, args []string) error {
	id, err := numbered(args[0], "a send")
	if err != nil || args[1] != "sent" && args[1] != "again" {
		return usage("resolve takes the number of a send, and sent or again")
	}
	return a.wired(c.Context(), func(w *wiring) error {
		if err := w.marketer().Resolve(c.Context(), id, args[1], a.user()); err != nil {
			return err
		}
		return w.db.View(c.Context(), func(tx *store.Tx) error { return a.listSends(tx, report.SendFilter{ID: id, Limit: 1}) })
	})
}
