package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/store"
	"regulars/internal/tiers"
)

func (a *app) tierCommand() *cobra.Command {
	group := &cobra.Command{Use: "tier", Short: "Tiers of members: show | set"}
	group.AddCommand(
		a.reading("show MEMBER", "Show which tier a member has, why, and what the other ones ask for", a.showTier),
		a.setTierCommand(),
	)
	return group
}

func (a *app) showTier(tx *store.Tx, args []string) error {
	id, err := intake.Find(tx, args[0])
	if err != nil {
		return err
	}
	shown, err := tiers.Show(tx, id)
	if err != nil {
		return err
	}
	return a.sayTier(shown)
}

func (a *app) setTierCommand() *cobra.Command {
	var until dayFlag
	var h tiers.Hand
	c := newCommand("set MEMBER TIER", "Give a member a tier by hand, or take it away: none", func(c *cobra.Command, args []string) error {
		if h.Tier, h.By = args[1], a.by(); until.given {
			h.Until = &until.Day
		}
		return a.opened(c.Context(), false, func(db *store.DB) error {
			shown, err := marketing.New(db).SetTier(c.Context(), args[0], h)
			if err != nil {
				return err
			}
			return a.sayTier(shown)
		})
	})
	c.Flags().Var(&until, "until", "the last day of it, like 2027-12-31, after which no grace follows (default: for as long as the tier is kept, and its grace)")
	c.Flags().StringVar(&h.Because, "because", "", "why: kept with the tier, for whoever asks later")
	return c
}

// shownTier is a member's standing as --json prints it.
type shownTier struct {
	tiers.Shown
	Until *string     `json:"until"`
	Kept  *string     `json:"kept"`
	Stays []shownStay `json:"stays"`
}

type shownStay struct {
	tiers.Stay
	Since string  `json:"since"`
	Last  *string `json:"last"`
	Left  *string `json:"left"`
}

func showTier(s tiers.Shown) shownTier {
	shown := shownTier{Shown: s, Until: dayOrNull(s.Until), Kept: dayOrNull(s.Kept), Stays: []shownStay{}}
	for _, stay := range s.Stays {
		shown.Stays = append(shown.Stays, shownStay{stay, stay.Since.String(), dayOrNull(stay.Last), dayOrNull(stay.Left)})
	}
	return shown
}

func (a *app) sayTier(shown tiers.Shown) error {
	if a.json {
		return a.printJSON(showTier(shown))
	}
	switch {
	case shown.Tier == "":
		fmt.Fprintln(a.out, "no tier")
	case shown.Until == nil:
		fmt.Fprintf(a.out, "%s, for as long as its rule holds\n", shown.Tier)
	case *shown.Kept < *shown.Until:
		fmt.Fprintf(a.out, "%s, until %s: kept through %s, and then a grace\n", shown.Tier, shown.Until, shown.Kept)
	default:
		fmt.Fprintf(a.out, "%s, until %s\n", shown.Tier, shown.Until)
	}
	var rows [][]string
	for _, r := range shown.Rules {
		rows = append(rows, []string{r.Tier, either(r.Holds, "yes", "no"), r.Why})
	}
	if err := a.table([]string{"TIER", "HOLDS", "RULE"}, rows); err != nil || shown.Stays == nil {
		return err
	}
	fmt.Fprintln(a.out)
	rows = nil
	for _, s := range shown.Stays {
		rows = append(rows, []string{s.Tier, s.Since.String(), dayOr(s.Last, "-"), dayOr(s.Left, "-"), s.By, s.Because})
	}
	return a.table([]string{"STAY IN", "SINCE", "KEPT THROUGH", "LEFT", "BY", "BECAUSE"}, rows)
}

// dayOr is a day, or other words for none.
func dayOr(d *loyalty.Day, none string) string {
	if d == nil {
		return none
	}
	return d.String()
}

// dayOrNull is a day as --json prints it where null stands for none.
func dayOrNull(d *loyalty.Day) *string {
	if d == nil {
		return nil
	}
	text := d.String()
	return &text
}
