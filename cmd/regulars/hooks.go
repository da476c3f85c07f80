package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regulars/internal/intake"
	"regulars/internal/parked"
	"regulars/internal/store"
	"regulars/internal/webhook"
)

// topics are what an event of the shop's own system may be.
var topics = []string{"member.joined", "member.changed", "order.placed", "order.changed", "order.fulfilled", "order.cancelled", "order.refunded",
	"checkout.started", "visit", "points.changed"}

func (a *app) hooksCommand() *cobra.Command {
	group := &cobra.Command{Use: "hooks", Short: "Webhooks: url | test | list | show | replay | done | out"}
	var all bool
	var limit int
	list := a.reading("list", "List deliveries that wait for a person, the latest first", func(tx *store.Tx, _ []string) error {
		if err := positive("limit", limit, ""); err != nil {
			return err
		}
		hooks, err := parked.List(tx, all, limit)
		if err != nil {
			return err
		}
		return printList(a, hooks, "HOOK|SOURCE|TOPIC|STATE|RECEIVED|REASON", func(h parked.Hook) []any {
			return []any{h.ID, h.Source, h.Topic, h.State, a.second(h.ReceivedAt), h.Reason}
		})
	})
	list.Flags().BoolVar(&all, "all", false, "those that were dealt with, too")
	list.Flags().IntVar(&limit, "limit", 50, "how many")
	group.AddCommand(newCommand("url SOURCE", "What to paste into the shop's settings, and which topics to tick", func(_ *cobra.Command, args []string) error {
		if name, ok := strings.CutPrefix(args[0], "mail/"); ok || args[0] == "mail" {
			return a.mailHook(name)
		}
		source, err := sourceOf(args[0])
		if err != nil {
			return err
		}
		return a.sayHook(source)
	}), a.hookTest(), list,
		a.hookAction("show", "Show one delivery with its body, which is personal data", func(ctx context.Context, db *store.DB, id int64) (h parked.Hook, err error) {
			err = db.View(ctx, func(tx *store.Tx) error { h, err = parked.Show(tx, id); return err })
			return h, err
		}, true),
		a.hookAction("replay", "Read a delivery again, as of when it was received, after an update or an apply", func(ctx context.Context, db *store.DB, id int64) (parked.Hook, error) {
			return parked.Replay(ctx, db, intake.New(db), id)
		}, false),
		a.hookAction("done", "Say that a person has dealt with a delivery", parked.Settle, false))
	group.AddCommand(a.hooksOutCommand())
	return group
}

func sourceOf(name string) (webhook.Source, error) {
	source, ok := webhook.Named(name)
	if !ok {
		return source, usage("there is no source %q%s", name, meant(name, webhook.Names()))
	}
	return source, nil
}

// sayHook says how a system is connected.
func (a *app) sayHook(source webhook.Source) error {
	address := a.baseURL() + "/hooks/" + source.Name
	if source.Ticks != nil {
		return a.sayTicks(source, address)
	}
	byHand := source.ByHand(a.baseURL())
	if a.json {
		return a.printJSON(map[string]any{"url": address, "topics": topics, "by_hand": byHand})
	}
	fmt.Fprintf(a.out, "%s\n%s\nSend, as the shop has them: %s; and any name of your own, like wishlist.added.\n", address, source.Signing, strings.Join(topics, ", "))
	fmt.Fprintf(a.out, "\nTo send one by hand, with an order that counts nowhere:\n\n%s\n", byHand)
	a.noSecret(source)
	return nil
}

func (a *app) sayTicks(source webhook.Source, address string) error {
	if a.json {
		names := []string{}
		for _, t := range source.Ticks {
			names = append(names, t.Name)
		}
		return a.printJSON(map[string]any{"url": address, "topics": names, "signing": source.Signing})
	}
	fmt.Fprintf(a.out, "%s\n%s\nTick these topics; what else comes is ignored, or waits in `hooks list`:\n", address, source.Signing)
	for _, t := range source.Ticks {
		fmt.Fprintf(a.out, "  %-44s %s\n", t.Name, t.Means)
	}
	fmt.Fprintf(a.out, "\n`regulars hooks test %s` sends a signed delivery without effect to that address.\n", source.Name)
	a.noSecret(source)
	return nil
}

func (a *app) noSecret(source webhook.Source) {
	if len(a.config.hookSecrets[source.Name]) == 0 {
		fmt.Fprintf(a.err, "note: %s is not set here; without it serve refuses every delivery\n", source.Setting())
	}
}

// hookTest sends a delivery to the running installation, as its system would.
func (a *app) hookTest() *cobra.Command {
	var to string
	c := newCommand("test SOURCE", "Send a signed delivery without effect to the running installation, and print what it answers", func(c *cobra.Command, args []string) error {
		source, err := sourceOf(args[0])
		if err != nil {
			return err
		}
		secrets := a.config.hookSecrets[source.Name]
		if len(secrets) == 0 {
			return usage("%s is not set here: set it to what serve has", source.Setting())
		}
		path := "/hooks/" + source.Name
		header, body := source.Sample(secrets[0], a.baseURL()+path, time.Now())
		status, said, err := send(c.Context(), strings.TrimSuffix(cmp.Or(to, a.baseURL()), "/")+path, header, body)
		if err != nil {
			return fmt.Errorf("nobody answers: %w", err)
		}
		if err := a.say(map[string]any{"status": status, "answer": said}, "%d %s", status, said); err != nil {
			return err
		}
		if status/100 != 2 {
			return quiet(failed)
		}
		return nil
	})
	c.Flags().StringVar(&to, "to", "", "where serve listens, when it is not reached under BASE_URL from here: http://127.0.0.1:8080")
	return c
}

func send(ctx context.Context, address string, header http.Header, body []byte) (status int, said string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	q.Header = header
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }} // senders follow none
	r, err := client.Do(q)
	if err != nil {
		return 0, "", err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	return r.StatusCode, strings.TrimSpace(string(text)), err
}

// hookAction is a command about one delivery.
func (a *app) hookAction(name, short string, act func(context.Context, *store.DB, int64) (parked.Hook, error), whole bool) *cobra.Command {
	return newCommand(name+" HOOK", short, func(c *cobra.Command, args []string) error {
		id, err := numbered(args[0], "a delivery; see `regulars hooks list`")
		if err != nil {
			return err
		}
		return a.opened(c.Context(), false, func(db *store.DB) error {
			h, err := act(c.Context(), db, id)
			if err != nil {
				return orNotThere(err, "delivery", id)
			}
			if err := a.sayParked(h, whole); err != nil {
				return err
			}
			if name == "replay" && h.State == parked.Waiting {
				return quiet(failed)
			}
			return nil
		})
	})
}

func (a *app) sayParked(h parked.Hook, whole bool) error {
	if a.json {
		if !whole {
			return a.printJSON(h)
		}
		return a.printJSON(struct {
			parked.Hook
			Headers json.RawMessage `json:"headers"`
			Body    string          `json:"body"`
		}{h, json.RawMessage(h.Headers), string(h.Body)})
	}
	because := ""
	if h.Reason != "" {
		because = ": " + h.Reason
	}
	fmt.Fprintf(a.out, "delivery %d of %s, %s, received %s: %s%s\n", h.ID, h.Source, cmp.Or(h.Topic, "no topic"), a.moment(h.ReceivedAt), h.State, because)
	if whole {
		fmt.Fprintf(a.out, "%s\n%s\n", h.Headers, h.Body)
	}
	return nil
}
