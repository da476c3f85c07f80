package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"regulars/internal/marketing"
	"regulars/internal/store"
)

// exportMemberCommand hands out all that is known of a member.
func (a *app) exportMemberCommand() *cobra.Command {
	var out string
	c := newCommand("export MEMBER", "All that is known of a member, as one JSON document", func(c *cobra.Command, args []string) error {
		return a.opened(c.Context(), false, func(db *store.DB) error {
			d, err := marketing.New(db).As(a.by()).ExportMember(c.Context(), args[0])
			if err != nil {
				return err
			}
			if out == "" {
				return a.printJSON(d)
			}
			text, err := json.MarshalIndent(d, "", "  ")
			if err != nil {
				return err
			}
			if err := os.WriteFile(out, append(text, '\n'), 0o600); err != nil {
				return err
			}
			fmt.Fprintf(a.err, "Written to %s, which only you may read: delete it once it is handed over.\n", out)
			return nil
		})
	})
	c.Flags().StringVar(&out, "out", "", "write it to this file")
	return c
}

// eraseMemberCommand takes away what is known of a member, after it has said what that is.
func (a *app) eraseMemberCommand() *cobra.Command {
	var yes bool
	c := newCommand("erase MEMBER", "Erase a member: figures and the proof of consent stay, the person does not", func(c *cobra.Command, args []string) error {
		return a.opened(c.Context(), false, func(db *store.DB) error {
			m := marketing.New(db)
			return a.sure(c.Context(), yes, "Erase them? It cannot be undone.", "erased", func(ctx context.Context) error {
				e, err := m.PreviewErase(ctx, args[0])
				if err != nil {
					return err
				}
				if e.Again {
					return errors.New("this member was erased already")
				}
				fmt.Fprintf(a.err, "%s: goes: name, addresses, %s, attributes, texts of events, links of clicks, IP addresses\n", e.Member, plural(e.Keys, "key", "keys"))
				fmt.Fprintf(a.err, "ends: %s, %s, %s, %s, %s\n", plural(e.Passages, "passage", "passages"), plural(e.Queued, "mail that waits", "mails that wait"),
					plural(e.Codes, "unused code", "unused codes"), plural(e.Points, "point", "points"), plural(e.Claims, "held reward", "held rewards"))
				fmt.Fprintf(a.err, "stays, without a person: %s, %s, %s of points, %s as proof (when, what, by which door; Art. 17(3) e GDPR)\n", plural(e.Orders, "order", "orders"),
					plural(e.Mails, "mail", "mails"), plural(e.Entries, "entry", "entries"), plural(e.Consents, "answer", "answers"))
				fmt.Fprintln(a.err, "The keyed hash of the address stays too: it gets nothing any more, until its owner agrees anew.")
				if e.Sharing > 0 {
					fmt.Fprintf(a.err, "%s the address: they get no mail either.\n", plural(e.Sharing, "other member has", "other members have"))
				}
				return nil
			}, func(ctx context.Context) (any, string, error) {
				e, err := m.EraseMember(ctx, args[0], a.by())
				return e, "erased", err
			})
		})
	})
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

// mergeMembersCommand makes two members one, after it has said what moves.
func (a *app) mergeMembersCommand() *cobra.Command {
	var yes bool
	c := newCommand("merge MEMBER INTO", "Make two members one: what was the first's is the second's", func(c *cobra.Command, args []string) error {
		return a.opened(c.Context(), false, func(db *store.DB) error {
			m := marketing.New(db)
			return a.sure(c.Context(), yes, "Make them one? It cannot be undone.", "merged", func(ctx context.Context) error {
				p, err := m.PreviewMerge(ctx, args[0], args[1])
				if err != nil {
					return err
				}
				if p.Again {
					return errors.New("these are one member already")
				}
				fmt.Fprintf(a.err, "%s goes into %s, with %s, %s, %s, %s of points, %s and %s; both have %s together%s. Nobody is mailed about it.\n", p.From, p.Into,
					plural(p.Orders, "order", "orders"), plural(p.Events, "event", "events"), plural(p.Mails, "mail", "mails"), plural(p.Entries, "entry", "entries"),
					plural(p.Codes, "code", "codes"), plural(p.Consents, "answer", "answers"), plural(p.Points, "point", "points"), pending(p.Pending))
				return nil
			}, func(ctx context.Context) (any, string, error) {
				done, err := m.MergeMembers(ctx, args[0], args[1], a.by())
				return done, fmt.Sprintf("%s is %s now, with %s%s", args[0], done.Into, plural(done.Points, "point", "points"), pending(done.Pending)), err
			})
		})
	})
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

func pending(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" and %d pending", n)
}

// sure shows what is to be done, asks unless told not to, and does it.
func (a *app) sure(ctx context.Context, yes bool, question, what string, show func(context.Context) error, do func(context.Context) (any, string, error)) error {
	if err := show(ctx); err != nil {
		return err
	}
	if !yes {
		switch agreed, answered := a.agreed(question); {
		case !answered:
			fmt.Fprintf(a.err, "\nNothing was %s: nobody answered. --yes does it without asking.\n", what)
			return quiet(failed)
		case !agreed:
			fmt.Fprintf(a.err, "Nothing was %s.\n", what)
			return quiet(failed)
		}
	}
	done, words, err := do(ctx)
	if err != nil {
		return err
	}
	return a.say(done, "%s", words)
}
