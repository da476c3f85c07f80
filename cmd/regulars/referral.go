package main

import (
	"errors"
	"strconv"

	"github.com/spf13/cobra"

	"regulars/internal/marketing"
	"regulars/internal/points"
	"regulars/internal/store"
)

func (a *app) referralCommand() *cobra.Command {
	group := &cobra.Command{Use: "referral", Short: "Who brought whom: list | approve | refuse"}
	var pending bool
	list := a.reading("list", "Show who brought whom, and what became of it", func(tx *store.Tx, _ []string) error {
		all, err := points.Referrals(tx, pending)
		if err != nil {
			return err
		}
		return a.sayReferrals(all)
	})
	list.Flags().BoolVar(&pending, "pending", false, "only those that wait for an order, or for it to stand")
	group.AddCommand(list,
		a.decideReferral("approve REFERRAL", "Reward a referrer now, whatever the rules say", true),
		a.decideReferral("refuse REFERRAL", "Reward a referrer not, or no longer: what they got is taken back", false))
	return group
}

func (a *app) decideReferral(use, short string, good bool) *cobra.Command {
	var because string
	c := a.action(use, short, func(tx *store.Tx, args []string) error {
		id, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil {
			return usage("%q is no referral's number: see regulars referral list", args[0])
		}
		ref, err := marketing.New(nil).DecideReferral(tx, id, good, because, a.by())
		if errors.Is(err, store.ErrNotFound) {
			return store.Missing("there is no referral " + args[0])
		}
		if err != nil {
			return err
		}
		return a.sayReferrals([]points.Referral{ref})
	})
	c.Flags().StringVar(&because, "because", "", "why: kept with the referral, for whoever asks later")
	return c
}

// shownReferral is a referral as --json prints it.
type shownReferral struct {
	ID       int64   `json:"id"`
	Referrer string  `json:"referrer"`
	Friend   string  `json:"friend"`
	State    string  `json:"state"`
	Reason   string  `json:"reason"`
	Joined   string  `json:"joined"`
	Ordered  bool    `json:"ordered"`
	Opens    *string `json:"opens"`
	By       string  `json:"by"`
}

func (a *app) sayReferrals(all []points.Referral) error {
	if a.json {
		shown := []shownReferral{}
		for _, f := range all {
			shown = append(shown, shownReferral{f.ID, f.Referrer, f.Friend, f.State, f.Reason, f.Day.String(), f.OrderID != 0, dayOrNull(f.OpensDay), f.ByWhom})
		}
		return a.printJSON(shown)
	}
	var rows [][]string
	for _, f := range all {
		rows = append(rows, []string{strconv.FormatInt(f.ID, 10), f.Referrer, f.Friend, f.State, f.Day.String(), dayOr(f.OpensDay, "-"), f.Reason, f.ByWhom})
	}
	return a.table([]string{"ID", "REFERRER", "FRIEND", "STATE", "JOINED", "REWARD FROM", "BECAUSE", "BY"}, rows)
}
