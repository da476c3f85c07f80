package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/runs"
	"regulars/internal/store"
)

func (a *app) launchCommand() *cobra.Command {
	var l marketing.Launch
	var yes bool
	c := &cobra.Command{
		Use: "launch NAME [field=value…]", Short: "Start a campaign by hand: says who gets it and who does not, and asks",
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			if c.Flags().Changed("limit") {
				if err := positive("limit", l.Limit, " of mails"); err != nil {
					return err
				}
			}
			l.Campaign, l.By = args[0], a.by()
			if l.Values, err = keyValues(args[1:]); err != nil {
				return err
			}
			return a.opened(c.Context(), false, func(db *store.DB) error { return a.launch(c.Context(), marketing.New(db), l, yes) })
		},
	}
	c.Flags().IntVar(&l.Limit, "limit", 0, "at most so many mails")
	c.Flags().StringVar(&l.Key, "key", "", "a second launch with the same values on one day needs one")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

// sayOut says by when the mails of a launch are out, where that is not at once.
func (a *app) sayOut(out marketing.Out) {
	if out.Warmup != 0 {
		fmt.Fprintf(a.err, "the sender is being warmed up: the last of these mails goes on %s, if nothing else goes\n", out.Warmup)
	}
	if out.Domain != "" {
		fmt.Fprintf(a.err, "to %s, which takes only so many at a time, they take about %s\n", out.Domain, loyalty.Span(max(out.Takes.Round(time.Minute), time.Minute)))
	}
}

func (a *app) launch(ctx context.Context, m marketing.Marketer, l marketing.Launch, yes bool) (err error) {
	var preview marketing.Preview
	if yes {
		preview.Never, err = m.Never(ctx, l.Campaign)
	} else {
		preview, err = m.PreviewLaunch(ctx, l)
	}
	for _, words := range preview.Never {
		fmt.Fprintln(a.err, words)
	}
	if err != nil {
		return err
	}
	if !yes {
		a.sayAudience(preview.Audience)
		a.sayOut(preview.Out)
		switch agreed, answered := a.agreed("Start it?"); {
		case !answered:
			fmt.Fprintln(a.err, "\nNothing was started: nobody answered. --yes starts it without asking.")
			return quiet(failed)
		case !agreed:
			fmt.Fprintln(a.err, "Nothing was started.")
			return quiet(failed)
		}
	}
	done, err := m.Launch(ctx, l)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(done)
	}
	if yes {
		a.sayAudience(done.Audience)
	}
	switch {
	case done.Run == 0:
		fmt.Fprintln(a.out, "It has begun; each member goes their own way.")
	case done.Again:
		fmt.Fprintf(a.out, "Run %d was begun before under this key; nothing new was started.\n", done.Run)
	case done.QuietUntil != "":
		fmt.Fprintf(a.out, "Run %d has begun. It is quiet hours: mails go out from %s on, in each member's own zone.\n", done.Run, done.QuietUntil)
	case len(done.Ahead) > 0:
		fmt.Fprintf(a.out, "Run %d has begun, and goes out when those before it are out:\n", done.Run)
	default:
		fmt.Fprintf(a.out, "Run %d has begun; workers are sending.\n", done.Run)
	}
	for _, r := range done.Ahead {
		fmt.Fprintf(a.out, "  run %d of %s has %s to send first\n", r.Run, r.Campaign, plural(r.Mails, "mail", "mails"))
	}
	return nil
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
	if u.Codes == 0 {
		return
	}
	stock := "as many as needed are made"
	if u.Stock >= 0 {
		stock = fmt.Sprintf("%d are there", u.Stock)
	}
	fmt.Fprintf(out, "  %s of pool %s (%s); %s\n", plural(u.Codes, "code", "codes"), u.Pool, u.Gives, stock)
	if u.Cost > 0 {
		fmt.Fprintf(out, "  they cost %s at most, if all are used\n", money(u.Cost, u.Currency))
	}
	if u.Budget > 0 {
		fmt.Fprintf(out, "  the pool's budget is %s\n", money(u.Budget, u.Currency))
	}
}
