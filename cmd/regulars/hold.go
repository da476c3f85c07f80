package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"regulars/internal/consent"
	"regulars/internal/program"
	"regulars/internal/store"
)

// holdCommands are the switch that stops a campaign, all offers or everything.
func (a *app) holdCommands() []*cobra.Command {
	var because string
	hold := a.scoped("hold [CAMPAIGN]", "Stop a campaign, all offers or everything, within a second in all replicas", func(tx *store.Tx, scope string) error {
		return consent.Hold(tx, scope, because, a.user())
	}, "held")
	inner := hold.RunE
	hold.RunE = func(c *cobra.Command, args []string) error {
		if because == "" {
			return usage("hold needs --because: the next reader will want to know")
		}
		return inner(c, args)
	}
	hold.Flags().StringVar(&because, "because", "", "why")
	return []*cobra.Command{hold, a.scoped("release [CAMPAIGN]", "Let what was held go on", release, "released")}
}

func release(tx *store.Tx, scope string) error {
	was, err := consent.Release(tx, scope)
	if err == nil && !was {
		return errors.New("nothing of that is held; see `regulars status`")
	}
	return err
}

func (a *app) scoped(use, short string, act func(*store.Tx, string) error, done string) *cobra.Command {
	var offers, all bool
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.opened(c.Context(), false, func(db *store.DB) error {
				var said string
				err := db.Update(c.Context(), func(tx *store.Tx) error {
					scope, words, err := holdScope(tx, args, offers, all)
					if err != nil {
						return err
					}
					said = words
					return act(tx, scope)
				})
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]string{done: said})
				}
				fmt.Fprintf(a.out, "%s: %s\n", done, said)
				return nil
			})
		},
	}
	c.Flags().BoolVar(&offers, "offers", false, "every mail of class offer")
	c.Flags().BoolVar(&all, "all", false, "every mail")
	return c
}

// noSuchCampaign names the campaigns that there are.
func noSuchCampaign(tx *store.Tx, name string, err error) error {
	var names []string
	if all := tx.All(&names, "select name from campaigns where removed_at is null order by name", nil); all != nil || !errors.Is(err, store.ErrNotFound) {
		return errors.Join(err, all)
	}
	return store.Missing(program.Unknown("campaign", name, names))
}

// holdScope turns what was asked for into the scope that the ledger knows.
func holdScope(tx *store.Tx, args []string, offers, all bool) (scope, words string, err error) {
	switch {
	case len(args) == 1 && !offers && !all:
		var id int64
		if err := tx.One(&id, "select id from campaigns where name = @name", store.Args{"name": args[0]}); err != nil {
			return "", "", noSuchCampaign(tx, args[0], err)
		}
		return fmt.Sprintf("campaign:%d", id), "campaign " + args[0], nil
	case len(args) == 0 && offers && !all:
		return "offers", "all offers", nil
	case len(args) == 0 && all && !offers:
		return "all", "everything", nil
	}
	return "", "", usage("name one of: a campaign, --offers, --all")
}
