package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"regulars/internal/consent"
	"regulars/internal/program"
	"regulars/internal/runs"
	"regulars/internal/store"
)

// holdCommands are the switch that stops a campaign, all offers or everything.
func (a *app) holdCommands() []*cobra.Command {
	return []*cobra.Command{a.holdCommand(), a.releaseCommand()}
}

// noReason stands where nobody has said yet why something is held.
const noReason = "no reason was given yet"

// holdCommand stops first and asks why afterwards: in a hurry nobody has to think
// of words.
func (a *app) holdCommand() *cobra.Command {
	var because string
	var what held
	c := &cobra.Command{
		Use: "hold [CAMPAIGN]", Short: "Stop a campaign, all offers or everything, within a second in all replicas", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.opened(c.Context(), false, func(db *store.DB) error {
				hold := func(because string) error {
					return db.Update(c.Context(), func(tx *store.Tx) error {
						if err := what.find(tx, args); err != nil {
							return err
						}
						return consent.Hold(tx, what.scope, cmp.Or(because, noReason), a.user())
					})
				}
				if err := hold(because); err != nil {
					return err
				}
				if err := a.sayHeld("held", what.words); err != nil || because != "" {
					return err
				}
				if reason := a.asked("Why? The next reader will want to know (Enter leaves it for later):"); reason != "" {
					return hold(reason)
				}
				fmt.Fprintf(a.err, "Nobody knows why yet: regulars hold %s --because TEXT says it.\n", what.named())
				return nil
			})
		},
	}
	c.Flags().StringVar(&because, "because", "", "why; may be said later, by the same command again")
	what.flags(c)
	return c
}

// releaseCommand lets go on what was held. What was queued before the texts were
// corrected keeps its own, unless the person says otherwise.
func (a *app) releaseCommand() *cobra.Command {
	var texts string
	var what held
	c := &cobra.Command{
		Use: "release [CAMPAIGN]", Short: "Let what was held go on", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if texts != "" && texts != "latest" && texts != "kept" {
				return usage("--texts takes latest or kept, not %q", texts)
			}
			return a.opened(c.Context(), false, func(db *store.DB) error {
				old, err := what.old(c, db, args)
				if err != nil {
					return err
				}
				if len(old) > 0 && texts == "" {
					a.sayOld(old)
					if yes, _ := a.agreedBy("Send these with the corrected texts of the version in force?"); yes {
						texts = "latest"
					}
				}
				var renewed int64
				err = db.Update(c.Context(), func(tx *store.Tx) error {
					if err := what.find(tx, args); err != nil {
						return err
					}
					if texts == "latest" {
						var err error
						if renewed, err = runs.Renew(tx, old); err != nil {
							return err
						}
					}
					return release(tx, what.scope)
				})
				if err != nil {
					return err
				}
				if renewed > 0 {
					fmt.Fprintf(a.err, "%s with the texts of the version in force.\n", plural(renewed, "mail goes", "mails go"))
				} else if len(old) > 0 {
					fmt.Fprintln(a.err, "They keep the texts that they had; to send the corrected ones stop them again and use --texts latest.")
				}
				return a.sayHeld("released", what.words)
			})
		},
	}
	c.Flags().StringVar(&texts, "texts", "", "latest: what is not yet sent takes the texts of the version in force; kept: it keeps its own")
	what.flags(c)
	return c
}

func release(tx *store.Tx, scope string) error {
	was, err := consent.Release(tx, scope)
	if err == nil && scope == consent.HoldAll {
		var waits bool
		waits, err = consent.Release(tx, consent.HoldUnsure)
		was = was || waits
	}
	if err == nil && !was {
		return errors.New("nothing of that is held; see `regulars status`")
	}
	return err
}

// sayOld says which mails under way keep old texts, and how they get the new ones.
func (a *app) sayOld(old []runs.OldTexts) {
	for _, o := range old {
		fmt.Fprintln(a.err, "note: "+o.String())
	}
}

// held is what a hold or a release is about.
type held struct {
	offers, all  bool
	scope, words string
}

func (h *held) flags(c *cobra.Command) {
	c.Flags().BoolVar(&h.offers, "offers", false, "every mail of class offer")
	c.Flags().BoolVar(&h.all, "all", false, "every mail")
}

func (h *held) find(tx *store.Tx, args []string) (err error) {
	h.scope, h.words, err = holdScope(tx, args, h.offers, h.all)
	return err
}

// named is what a person types to name it.
func (h *held) named() string {
	switch h.scope {
	case consent.HoldAll:
		return "--all"
	case consent.HoldOffers:
		return "--offers"
	}
	return strings.TrimPrefix(h.words, "campaign ")
}

// old returns the mails with old texts that a release would let go.
func (h *held) old(c *cobra.Command, db *store.DB, args []string) (old []runs.OldTexts, err error) {
	err = db.View(c.Context(), func(tx *store.Tx) error {
		if err := h.find(tx, args); err != nil {
			return err
		}
		all, err := runs.WithOldTexts(tx, nil)
		for _, o := range all {
			if o.Stopped(h.scope) {
				old = append(old, o)
			}
		}
		return err
	})
	return old, err
}

func (a *app) sayHeld(done, what string) error {
	if a.json {
		return a.printJSON(map[string]string{done: what})
	}
	fmt.Fprintf(a.out, "%s: %s\n", done, what)
	return nil
}

// person reports whether somebody may answer a question.
func (a *app) person() bool {
	f, file := a.in.(*os.File)
	return !file || isTerminal(f)
}

// asked asks for words on stderr; "" where nobody is there or nothing was said.
func (a *app) asked(question string) string {
	if !a.person() {
		return ""
	}
	fmt.Fprint(a.err, question+" ")
	answer, _ := bufio.NewReader(a.in).ReadString('\n')
	if answer == "" {
		fmt.Fprintln(a.err)
	}
	return strings.TrimSpace(answer)
}

// agreedBy is agreed where somebody may answer.
func (a *app) agreedBy(question string) (yes, answered bool) {
	if !a.person() {
		return false, false
	}
	if yes, answered = a.agreed(question); !answered {
		fmt.Fprintln(a.err)
	}
	return yes, answered
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
