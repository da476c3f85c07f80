package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"regulars/internal/coupon"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/points"
	"regulars/internal/store"
)

func (a *app) rewardCommand() *cobra.Command {
	group := &cobra.Command{Use: "reward", Short: "Rewards for points: list | claim | reverse"}
	var key, order string
	claim := a.action("claim MEMBER REWARD", "Give a member a reward for points", func(tx *store.Tx, args []string) error {
		member, err := intake.Find(tx, args[0])
		if err != nil {
			return err
		}
		if key == "" {
			key = rand.Text()
		}
		if len(order) > 200 {
			return usage("the order's name is longer than 200 characters")
		}
		c, err := marketing.New(nil).Claim(tx, points.Ask{Member: member, Reward: args[1], Source: "cli", Key: key, Order: order, Due: -1, By: a.by()})
		if err != nil {
			return err
		}
		return a.sayClaim(tx, c)
	})
	claim.Flags().StringVar(&key, "key", "", "of idempotency: the same key claims once")
	claim.Flags().StringVar(&order, "order", "", "the till's or shop's name of the order that it is for: kept with the claim")
	var because string
	var force bool
	reverse := a.action("reverse CLAIM", "Take a reward back: its code is void and its points come back", func(tx *store.Tx, args []string) error {
		id, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil {
			return usage("%q is no claim's number: see regulars reward list MEMBER", args[0])
		}
		c, err := marketing.New(nil).ReverseClaim(tx, id, force, because, a.by())
		if errors.Is(err, store.ErrNotFound) {
			return store.Missing("there is no claim " + args[0])
		}
		if err != nil {
			return err
		}
		return a.sayClaim(tx, c)
	})
	reverse.Flags().StringVar(&because, "because", "", "why: it stands in the member's statement")
	reverse.Flags().BoolVar(&force, "force", false, "also when its code was redeemed")
	group.AddCommand(
		a.reading("list MEMBER", "Show what a member can claim, and what they have claimed", a.listRewards),
		claim, reverse)
	return group
}

// shownClaim is a claim as --json prints it.
type shownClaim struct {
	ID      int64           `json:"id"`
	Reward  string          `json:"reward"`
	Price   int64           `json:"price"`
	State   string          `json:"state"`
	Code    string          `json:"code,omitempty"`
	Worth   int64           `json:"worth_minor,omitempty"`
	Order   string          `json:"order,omitempty"`
	At      loyalty.Instant `json:"at"`
	Because string          `json:"because,omitempty"`
	By      string          `json:"by,omitempty"`
	Again   bool            `json:"again,omitempty"`
}

func shownClaims(tx *store.Tx, claims []points.Claim) ([]shownClaim, error) {
	var ids []int64
	for _, c := range claims {
		if c.CodeID != 0 {
			ids = append(ids, c.CodeID)
		}
	}
	codes, err := coupon.Load(tx, ids)
	if err != nil {
		return nil, err
	}
	shown := make([]shownClaim, len(claims))
	for i, c := range claims {
		shown[i] = shownClaim{ID: c.ID, Reward: c.Reward, Price: c.Price, State: c.State, Code: codes[c.CodeID].Code, Worth: c.Worth, Order: c.OrderRef,
			At: c.At, Because: c.Reason, By: c.ByWhom, Again: c.Again}
	}
	return shown, nil
}

func (a *app) sayClaim(tx *store.Tx, c points.Claim) error {
	shown, err := shownClaims(tx, []points.Claim{c})
	if err != nil {
		return err
	}
	what := fmt.Sprintf("claim %d: %s for %s is %s", c.ID, c.Reward, plural(c.Price, "point", "points"), c.State)
	if code := shown[0].Code; code != "" && c.State == points.Done {
		what += ": " + code
	}
	return a.say(shown[0], "%s", what+either(c.Again, " (it was so before)", ""))
}

// rewardsOf is what a member can claim and has claimed, as --json prints it.
type rewardsOf struct {
	Rewards []points.Offer `json:"rewards"`
	Claims  []shownClaim   `json:"claims"`
}

func (a *app) listRewards(tx *store.Tx, args []string) error {
	member, err := intake.Find(tx, args[0])
	if err != nil {
		return err
	}
	var of rewardsOf
	if of.Rewards, err = marketing.New(nil).Offers(tx, member); err != nil {
		return err
	}
	claims, err := points.ClaimsOf(tx, member)
	if err != nil {
		return err
	}
	if of.Claims, err = shownClaims(tx, claims); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(of)
	}
	var rows [][]string
	for _, o := range of.Rewards {
		rows = append(rows, []string{o.Reward, strconv.FormatInt(o.Price, 10), either(o.Good, "yes", o.Words)})
	}
	if err := a.table([]string{"REWARD", "POINTS", "CAN BE CLAIMED"}, rows); err != nil {
		return err
	}
	rows = nil
	for _, c := range of.Claims {
		rows = append(rows, []string{strconv.FormatInt(c.ID, 10), c.Reward, strconv.FormatInt(c.Price, 10), c.State, a.moment(c.At), c.Code, c.Order, c.Because})
	}
	if rows == nil {
		return nil
	}
	fmt.Fprintln(a.out)
	return a.table([]string{"CLAIM", "REWARD", "POINTS", "STATE", "AT", "CODE", "ORDER", "BECAUSE"}, rows)
}
