package main

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"regulars/internal/report"
	"regulars/internal/store"
)

func (a *app) sendsCommand() *cobra.Command {
	var state string
	var run int64
	var limit int
	group := &cobra.Command{Use: "sends", Short: "The ledger of mails: list | show | resolve"}
	listing := &cobra.Command{Use: "list", Short: "List the newest sends", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		if err := cmp.Or(oneOf("state", state, sendStates), positive("limit", limit, "")); err != nil {
			return err
		}
		return a.viewed(c, func(tx *store.Tx, _ *store.DB) error {
			if list, err := report.Runs(tx, run); err != nil || run != 0 && len(list) == 0 {
				return cmp.Or(err, notThere(store.ErrNotFound, "run", run))
			}
			return a.listSends(tx, report.SendFilter{State: state, Run: run, Limit: limit})
		})
	}}
	listing.Flags().StringVar(&state, "state", "", "only those in this state")
	listing.Flags().Int64Var(&run, "run", 0, "only those of this run")
	listing.Flags().IntVar(&limit, "limit", 50, "how many")
	group.AddCommand(listing,
		&cobra.Command{Use: "show ID", Short: "Show one send", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return usage("%q is not the number of a send", args[0])
			}
			return a.viewed(c, func(tx *store.Tx, _ *store.DB) error { return a.listSends(tx, report.SendFilter{ID: id, Limit: 1}) })
		}},
		&cobra.Command{Use: "resolve ID sent|again", Short: "Decide an unknown outcome: it was sent, or hand it over once more", Args: cobra.ExactArgs(2), RunE: a.resolve})
	return group
}

func (a *app) listSends(tx *store.Tx, f report.SendFilter) error {
	list, err := report.Sends(tx, f)
	if err != nil {
		return err
	}
	if f.ID != 0 && len(list) == 0 {
		return notThere(store.ErrNotFound, "send", f.ID)
	}
	if a.json {
		return a.printJSON(list)
	}
	var rows [][]string
	for _, s := range list {
		rows = append(rows, []string{fmt.Sprint(s.ID), s.Campaign, s.Step, s.Member, s.State, s.Reason, a.second(s.HandedAt), s.Reply})
	}
	return a.table([]string{"SEND", "CAMPAIGN", "STEP", "MEMBER", "STATE", "REASON", "HANDED OVER", "THE RELAY SAID"}, rows)
}

// sendStates are those of the ledger.
var sendStates = []string{"queued", "claimed", "handing", "deferred", "sent", "unknown", "failed", "skipped", "bounced", "complained"}

func (a *app) resolve(c *cobra.Command, args []string) error {
	id, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil || args[1] != "sent" && args[1] != "again" {
		return usage("resolve takes the number of a send, and sent or again")
	}
	return a.opened(c.Context(), false, func(db *store.DB) error {
		h, err := a.furnish(c.Context(), db, a.logger())
		if err != nil {
			return err
		}
		defer h.close(c.Context())
		if err := db.Update(c.Context(), func(tx *store.Tx) error { return h.desk.Resolve(tx, id, args[1], a.user()) }); err != nil {
			return err
		}
		return db.View(c.Context(), func(tx *store.Tx) error { return a.listSends(tx, report.SendFilter{ID: id, Limit: 1}) })
	})
}
