package main

import (
	"bufio"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"regulars/internal/loyalty"
	"regulars/internal/runs"
	"regulars/internal/store"
	"regulars/internal/versions"
)

func (a *app) launchCommand() *cobra.Command {
	var r runs.LaunchRequest
	var yes bool
	c := &cobra.Command{
		Use: "launch NAME [field=value…]", Short: "Start a campaign by hand: says who gets it and who does not, and asks",
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			if c.Flags().Changed("limit") {
				if err := positive("limit", r.Limit, " of mails"); err != nil {
					return err
				}
			}
			r.Campaign, r.By = args[0], "command line: "+a.user()
			if r.Values, err = keyValues(args[1:]); err != nil {
				return err
			}
			return a.launch(c, r, yes)
		},
	}
	c.Flags().IntVar(&r.Limit, "limit", 0, "at most so many mails")
	c.Flags().StringVar(&r.Key, "key", "", "a second launch with the same values on one day needs one")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

func (a *app) launch(c *cobra.Command, r runs.LaunchRequest, yes bool) error {
	return a.opened(c.Context(), false, func(db *store.DB) error {
		err := db.View(c.Context(), func(tx *store.Tx) error { return a.sayNever(tx, r.Campaign) })
		if err != nil {
			return err
		}
		if !yes {
			var audience runs.Audience
			err := db.View(c.Context(), func(tx *store.Tx) (err error) { audience, err = runs.PreviewLaunch(tx, r); return err })
			if err != nil {
				return err
			}
			a.sayAudience(audience)
			switch agreed, answered := a.agreed("Start it?"); {
			case !answered:
				fmt.Fprintln(a.err, "\nNothing was started: nobody answered. --yes starts it without asking.")
				return quiet(failed)
			case !agreed:
				fmt.Fprintln(a.err, "Nothing was started.")
				return quiet(failed)
			}
		}
		var done runs.Launched
		var quietUntil string
		err = db.Update(c.Context(), func(tx *store.Tx) (err error) {
			if done, err = runs.Launch(tx, r); err == nil {
				quietUntil, err = quietNow(tx, r.Campaign)
			}
			return err
		})
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(done)
		}
		if yes {
			a.sayAudience(done.Audience)
		}
		a.sayLaunched(done, quietUntil)
		return nil
	})
}

// sayNever warns of what can never happen in a campaign.
func (a *app) sayNever(tx *store.Tx, name string) error {
	words, err := runs.Never(tx, name)
	for _, w := range words {
		fmt.Fprintln(a.err, w)
	}
	return err
}

func (a *app) sayLaunched(l runs.Launched, quietUntil string) {
	switch {
	case l.Run == 0:
		fmt.Fprintln(a.out, "It has begun; each member goes their own way.")
	case l.Again:
		fmt.Fprintf(a.out, "Run %d was begun before under this key; nothing new was started.\n", l.Run)
	case quietUntil != "":
		fmt.Fprintf(a.out, "Run %d has begun. It is quiet hours: mails go out from %s on, in each member's own zone.\n", l.Run, quietUntil)
	case len(l.Ahead) > 0:
		fmt.Fprintf(a.out, "Run %d has begun, and goes out when those before it are out:\n", l.Run)
	default:
		fmt.Fprintf(a.out, "Run %d has begun; workers are sending.\n", l.Run)
	}
	for _, r := range l.Ahead {
		fmt.Fprintf(a.out, "  run %d of %s has %s to send first\n", r.Run, r.Campaign, plural(r.Mails, "mail", "mails"))
	}
}

// quietNow returns when the shop's quiet hours end for a campaign, "" when it is
// not in them.
func quietNow(tx *store.Tx, name string) (string, error) {
	v, err := versions.Active(tx)
	if err != nil {
		return "", err
	}
	hours := v.Program.Quiet
	c := v.Program.Campaign(name)
	if c != nil && c.Quiet != nil {
		hours = *c.Quiet
	}
	local := tx.At.In(v.Program.Zone)
	if next := hours.Next(local); next.After(local) {
		return next.Format("15:04"), nil
	}
	return "", nil
}

func (a *app) sayAudience(u runs.Audience) {
	out := a.out
	if a.json {
		out = a.err
	}
	fmt.Fprintf(out, "%s will be mailed.\n", plural(u.Mailed, "member", "members"))
	switch {
	case u.Capped > 0 && u.CappedWait:
		fmt.Fprintf(out, "  of these %d have reached a cap on offers: their mail waits until there is room\n", u.Capped)
	case u.Capped > 0:
		fmt.Fprintf(out, "  of these %d have reached a cap on offers and are skipped when their turn comes, so %d get it\n", u.Capped, u.Mailed-u.Capped)
	}
	for _, reason := range slices.Sorted(maps.Keys(u.LeftOut)) {
		fmt.Fprintf(out, "  left out, %s: %d\n", strings.ReplaceAll(reason, "_", " "), u.LeftOut[reason])
	}
	if u.Codes > 0 {
		stock := "as many as needed are made"
		if u.Stock >= 0 {
			stock = fmt.Sprintf("%d are there", u.Stock)
		}
		fmt.Fprintf(out, "  %s of pool %s (%s); %s\n", plural(u.Codes, "code", "codes"), u.Pool, u.Gives, stock)
		if u.Cost > 0 {
			fmt.Fprintf(out, "  they cost %s at most, if all are used\n", loyalty.FormatMoney(u.Cost, u.Currency)+" "+u.Currency)
		}
		if u.Budget > 0 {
			fmt.Fprintf(out, "  the pool's budget is %s\n", loyalty.FormatMoney(u.Budget, u.Currency)+" "+u.Currency)
		}
	}
}

// agreed asks a yes-or-no question on stderr; only "y" or "yes" is a yes. Where
// nobody is there to ask it is not answered.
func (a *app) agreed(question string) (yes, answered bool) {
	fmt.Fprint(a.err, question+" [y/N] ")
	answer, err := bufio.NewReader(a.in).ReadString('\n')
	if answer == "" && err != nil {
		return false, false
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", true
}
