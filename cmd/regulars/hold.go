package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"regulars/internal/marketing"
	"regulars/internal/runs"
	"regulars/internal/store"
)

// stopCommand is a command about a campaign, all offers or everything.
func (a *app) stopCommand(use, short string, f func(context.Context, marketing.Marketer, marketing.Stop) error) *cobra.Command {
	var what marketing.Stop
	c := &cobra.Command{Use: use, Short: short, Args: cobra.MaximumNArgs(1), RunE: func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			what.Campaign = args[0]
		}
		if named := len(args) == 1; named && (what.Offers || what.All) || !named && what.Offers == what.All {
			return usage("name one of: a campaign, --offers, --all")
		}
		return a.opened(c.Context(), false, func(db *store.DB) error { return f(c.Context(), marketing.New(db).As(a.by()), what) })
	}}
	c.Flags().BoolVar(&what.Offers, "offers", false, "every mail of class offer")
	c.Flags().BoolVar(&what.All, "all", false, "every mail")
	return c
}

// holdCommand stops first and asks why afterwards: in a hurry nobody has to think
// of words.
func (a *app) holdCommand() *cobra.Command {
	var because string
	c := a.stopCommand("hold [CAMPAIGN]", "Stop a campaign, all offers or everything, within a second in all replicas",
		func(ctx context.Context, m marketing.Marketer, what marketing.Stop) error {
			if err := m.Hold(ctx, what, because, a.user()); err != nil {
				return err
			}
			if err := a.say(map[string]string{"held": what.String()}, "held: %s", what); err != nil || because != "" {
				return err
			}
			if reason := a.asked("Why? The next reader will want to know (Enter leaves it for later):"); reason != "" {
				return m.Hold(ctx, what, reason, a.user())
			}
			typed := cmp.Or(what.Campaign, either(what.All, "--all", "--offers"))
			fmt.Fprintf(a.err, "Nobody knows why yet: regulars hold %s --because TEXT says it.\n", typed)
			return nil
		})
	c.Flags().StringVar(&because, "because", "", "why; may be said later, by the same command again")
	return c
}

// releaseCommand lets go on what was held. What was queued before the texts were
// corrected keeps its own, unless the person says otherwise.
func (a *app) releaseCommand() *cobra.Command {
	var texts string
	c := a.stopCommand("release [CAMPAIGN]", "Let what was held go on", func(ctx context.Context, m marketing.Marketer, what marketing.Stop) error {
		old, err := m.HeldTexts(ctx, what)
		if err != nil {
			return err
		}
		if len(old) > 0 && texts == "" {
			a.sayOld(old)
			if a.person() {
				yes, answered := a.agreed("Send these with the corrected texts of the version in force?")
				if !answered {
					fmt.Fprintln(a.err)
				}
				texts = either(yes, "latest", "")
			}
		}
		renewed, err := m.Release(ctx, what, texts == "latest")
		if err != nil {
			return err
		}
		if renewed > 0 {
			fmt.Fprintf(a.err, "%s with the texts of the version in force.\n", plural(renewed, "mail goes", "mails go"))
		} else if len(old) > 0 {
			fmt.Fprintln(a.err, "They keep the texts that they had; to send the corrected ones stop them again and use --texts latest.")
		}
		return a.say(map[string]string{"released": what.String()}, "released: %s", what)
	})
	c.PreRunE = func(*cobra.Command, []string) error {
		if texts != "" && texts != "latest" && texts != "kept" {
			return usage("--texts takes latest or kept, not %q", texts)
		}
		return nil
	}
	c.Flags().StringVar(&texts, "texts", "", "latest: what is not yet sent takes the texts of the version in force; kept: it keeps its own")
	return c
}

// sayOld says which mails under way keep old texts, and how they get the new ones.
func (a *app) sayOld(old []runs.OldTexts) {
	for _, o := range old {
		fmt.Fprintln(a.err, "note: "+o.String())
	}
}
