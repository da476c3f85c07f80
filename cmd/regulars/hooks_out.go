package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regulars/internal/loyalty"
	"regulars/internal/outbox"
	"regulars/internal/outbox/post"
	"regulars/internal/program"
	"regulars/internal/store"
)

// poster is what sends webhooks, with the secrets of the environment.
func (a *app) poster(w *wiring) (*post.Poster, error) {
	return post.New(post.Config{DB: w.db, Secrets: a.config.outSecrets, Allow: a.config.outAllow, Local: !a.config.postgres(), Log: w.log})
}

// secretsSense says which destinations of the program cannot be told anything from here.
func (w *wiring) secretsSense(p *post.Poster) func(context.Context) []store.Trouble {
	return func(ctx context.Context) (all []store.Trouble) {
		err := w.db.View(ctx, func(tx *store.Tx) error {
			standings, err := outbox.Standings(tx)
			for _, s := range standings {
				if setting := program.HookSecret + loyalty.HookKey(s.Name); !p.Signs(s.Name) {
					all = append(all, store.Trouble{Kind: "webhook secret", What: fmt.Sprintf("no webhooks are sent to %s: %s is not set", s.Name, setting),
						Do: "set " + setting + ` to whsec_ and what "openssl rand -base64 32" prints, give it to whoever receives them, and restart serve`})
				}
			}
			return err
		})
		if err != nil {
			return nil // the database has its own words
		}
		return all
	}
}

// shownDelivery is a delivery as these commands print it.
type shownDelivery struct {
	ID          int64           `json:"id"`
	Message     string          `json:"webhook_id"`
	Destination string          `json:"destination"`
	Type        string          `json:"type"`
	Member      string          `json:"member,omitempty"`
	State       string          `json:"state"`
	Attempts    int             `json:"attempts"`
	At          loyalty.Instant `json:"at"`
	Next        loyalty.Instant `json:"next_at,omitzero"`
	Done        loyalty.Instant `json:"done_at,omitzero"`
	Status      int             `json:"status,omitempty"`
	Because     string          `json:"because,omitempty"`
	Body        json.RawMessage `json:"body,omitempty"`
}

func shownAs(d outbox.Delivery) shownDelivery {
	s := shownDelivery{ID: d.ID, Message: d.Message(), Destination: d.Destination, Type: d.Type, State: d.State, Attempts: d.Attempts, At: d.At, Done: d.DoneAt, Status: d.Status, Because: d.Because}
	if d.Member != nil {
		s.Member = *d.Member
	}
	if d.State == outbox.Waiting {
		s.Next = d.NextAt
	}
	return s
}

func (a *app) hooksOutCommand() *cobra.Command {
	group := &cobra.Command{Use: "out", Short: "Webhooks that other systems are sent: list | deliveries | show | replay | drop | enable | disable"}
	group.AddCommand(
		a.reading("list", "Who is told what happens, and what waits for them", func(tx *store.Tx, _ []string) error {
			all, err := outbox.Standings(tx)
			if err != nil {
				return err
			}
			return printList(a, all, "DESTINATION|WAITING|OLDEST|DEAD|STATE", func(s outbox.Standing) []any {
				state := "sent"
				switch {
				case s.Disabled != "":
					state = "disabled: " + s.Disabled
				case s.Failing != "":
					state = fmt.Sprintf("fails since %s: %s", time.Duration(s.Failed)*time.Second, s.Failing)
				}
				return []any{s.Name, s.Waiting, time.Duration(s.Oldest) * time.Second, s.Dead, state}
			})
		}),
		a.deliveriesCommand(),
		a.reading("show ID", "One delivery with what it tells", func(tx *store.Tx, args []string) error {
			id, err := numbered(args[0], "a delivery")
			if err != nil {
				return err
			}
			d, err := outbox.Show(tx, id)
			if err != nil {
				return err
			}
			s := shownAs(d)
			if s.Body, err = d.Body(); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(s)
			}
			fmt.Fprintf(a.out, "%d  %s to %s, %s after %s", s.ID, s.Type, s.Destination, s.State, plural(int64(s.Attempts), "attempt", "attempts"))
			if s.Because != "" {
				fmt.Fprintf(a.out, ": %s", s.Because)
			}
			if !s.Next.IsZero() {
				fmt.Fprintf(a.out, "; next at %s", a.moment(s.Next))
			}
			fmt.Fprintf(a.out, "\nwebhook-id: %s\n%s\n", s.Message, s.Body)
			return nil
		}),
		a.againCommand("replay", "Send deliveries once more, under the webhook-ids that they have", "%s sent once more", outbox.Replay),
		a.againCommand("drop", "Give dead deliveries up for good", "%s given up", outbox.Drop),
		a.action("enable NAME", "Send what waits for a destination, at once", func(tx *store.Tx, args []string) error {
			if err := outbox.Enable(tx, args[0]); err != nil {
				return err
			}
			return a.done("what waits for " + args[0] + " is sent")
		}),
		a.disableCommand(),
	)
	return group
}

func (a *app) deliveriesCommand() *cobra.Command {
	var dead bool
	limit := 50
	c := &cobra.Command{Use: "deliveries [NAME]", Short: "The newest deliveries, to all or to one destination", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := positive("limit", limit, ""); err != nil {
				return err
			}
			return a.viewed(c, func(tx *store.Tx, _ *store.DB) error {
				found, err := outbox.List(tx, strings.Join(args, ""), either(dead, outbox.Dead, ""), limit)
				if err != nil {
					return err
				}
				all := make([]shownDelivery, len(found))
				for i, d := range found {
					all[i] = shownAs(d)
				}
				return printList(a, all, "ID|DESTINATION|TYPE|MEMBER|STATE|ATTEMPTS|AT|BECAUSE", func(s shownDelivery) []any {
					return []any{s.ID, s.Destination, s.Type, s.Member, s.State, s.Attempts, a.moment(s.At), s.Because}
				})
			})
		}}
	c.Flags().BoolVar(&dead, "dead", false, "only those that were given up")
	c.Flags().IntVar(&limit, "limit", limit, "at most so many")
	return c
}

// againCommand does something to deliveries by their numbers, or to all that are dead for
// a destination.
func (a *app) againCommand(use, short, said string, do func(tx *store.Tx, ids []int64, deadOf string) (int64, error)) *cobra.Command {
	var deadOf string
	c := &cobra.Command{Use: use + " ID… | --dead NAME", Short: short}
	c.RunE = func(c *cobra.Command, args []string) error {
		if (deadOf == "") == (len(args) == 0) {
			return usage("name deliveries by their numbers, or a destination with --dead")
		}
		ids := []int64{}
		for _, arg := range args {
			id, err := numbered(arg, "a delivery")
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return a.updating(func(tx *store.Tx, _ []string) error {
			n, err := do(tx, ids, deadOf)
			if err != nil {
				return err
			}
			if n == 0 && deadOf == "" {
				return errors.New("none of these deliveries is there for that: `regulars hooks out deliveries` lists them")
			}
			is := " are "
			if n == 1 {
				is = " is "
			}
			return a.say(map[string]int64{"deliveries": n}, said, plural(n, "delivery", "deliveries")+strings.TrimRight(is, " "))
		})(c, nil)
	}
	c.Flags().StringVar(&deadOf, "dead", "", "all that were given up for this destination")
	return c
}

func (a *app) disableCommand() *cobra.Command {
	var because string
	c := a.action("disable NAME", "Send a destination nothing until it is enabled; what it is to be told waits", func(tx *store.Tx, args []string) error {
		if because == "" {
			return usage("--because says why, to whoever finds it so")
		}
		if err := outbox.Disable(tx, args[0], because); err != nil {
			return err
		}
		return a.done("nothing is sent to " + args[0] + " until `regulars hooks out enable " + args[0] + "`")
	})
	c.Flags().StringVar(&because, "because", "", "why, for status")
	return c
}
