package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"regulars/internal/consent"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/why"
)

func (a *app) memberCommand() *cobra.Command {
	group := &cobra.Command{Use: "member", Short: "One member: find | show | points | topics | suppress | unsuppress | why | export | erase | merge"}
	act := func(use, short string, f func(context.Context, marketing.Marketer, string) error) *cobra.Command {
		return newCommand(use+" MEMBER", short, func(c *cobra.Command, args []string) error {
			return a.opened(c.Context(), false, func(db *store.DB) error { return f(c.Context(), marketing.New(db).As(a.by()), args[0]) })
		})
	}
	group.AddCommand(
		a.reading("find TEXT", "Find members by id, name, address or card", a.findMembers),
		a.reading("show MEMBER", "Show a member: figures, segments, mails", a.showMember),
		a.memberPoints(),
		a.topicsCommand(act),
		act("suppress", "Let the member's address get nothing at all", func(ctx context.Context, m marketing.Marketer, member string) error {
			if err := m.Suppress(ctx, member, a.by()); err != nil {
				return err
			}
			return a.done("suppressed")
		}),
		act("unsuppress", "Let the member's address get mail again", func(ctx context.Context, m marketing.Marketer, member string) error {
			was, err := m.Unsuppress(ctx, member)
			if err != nil {
				return err
			}
			return a.done(either(was, "may be mailed again", "was not suppressed"))
		}),
		a.whyCommand(),
		a.exportMemberCommand(),
		a.eraseMemberCommand(),
		a.mergeMembersCommand(),
	)
	return group
}

func (a *app) findMembers(tx *store.Tx, args []string) error {
	list, err := report.FindMembers(tx, args[0])
	if err != nil {
		return err
	}
	return printList(a, list, "MEMBER|NAME|ADDRESS|ORDERS|JOINED", func(m report.Member) []any {
		return []any{m.ID, strings.TrimSpace(m.FirstName + " " + m.LastName), m.Email, m.Orders, a.second(m.JoinedAt)}
	})
}

func (a *app) showMember(tx *store.Tx, args []string) error {
	id, err := intake.Find(tx, args[0])
	if err != nil {
		return err
	}
	m, err := report.ShowMember(tx, id)
	if err != nil {
		return err
	}
	standing, err := consent.StandingOf(tx, id)
	if err != nil {
		return err
	}
	var suppressed string // why the address gets nothing
	err = tx.One(&suppressed, "select s.reason from suppressions s join members m on m.email_key = s.email_key where m.id = @id", store.Args{"id": id})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"member": m, "topics": topicLines(standing), "suppressed": suppressed})
	}
	currency, err := marketing.Currency(tx)
	if err != nil {
		return err
	}
	fmt.Fprintln(a.out, strings.Join(strings.Fields(strings.Join([]string{m.ID, m.FirstName, m.LastName, m.Email}, " ")), " "))
	fmt.Fprintf(a.out, "joined %s, %s, %s spent", a.moment(m.JoinedAt), plural(m.Orders, "order", "orders"), money(m.Spent, currency))
	if m.LastDay != nil {
		fmt.Fprintf(a.out, ", last on %s", m.LastDay)
	}
	fmt.Fprintf(a.out, "\nsegments: %s\n", strings.Join(m.Segments, ", "))
	if suppressed != "" {
		fmt.Fprintf(a.out, "suppressed (%s): gets nothing at all\n", suppressed)
	}
	for _, t := range standing {
		fmt.Fprintf(a.out, "%s: %s\n", t.Topic, either(t.Granted, "yes", "no"))
	}
	for _, s := range m.Sends {
		fmt.Fprintf(a.out, "%s  %s / %s  %s %s %s\n", a.second(s.QueuedAt), s.Campaign, s.Step, s.State, s.Reason, s.Code)
	}
	return nil
}

// topicLine is a topic as --json prints it.
type topicLine struct {
	Topic    string          `json:"topic"`
	Granted  bool            `json:"granted"`
	Answered bool            `json:"answered"`
	At       loyalty.Instant `json:"at"`
}

func topicLines(standing []consent.Standing) []topicLine {
	lines := []topicLine{}
	for _, s := range standing {
		lines = append(lines, topicLine(s))
	}
	return lines
}

func (a *app) topicsCommand(act func(use, short string, f func(context.Context, marketing.Marketer, string) error) *cobra.Command) *cobra.Command {
	var yes, no string
	c := act("topics", "Show or set what a member agreed to", func(ctx context.Context, m marketing.Marketer, member string) error {
		standing, err := m.SetTopics(ctx, member, splitList(yes), splitList(no), a.by())
		if err != nil {
			return err
		}
		return printList(a, topicLines(standing), "TOPIC||SINCE", func(t topicLine) []any {
			return []any{t.Topic, either(t.Granted, "yes", "no"), a.second(t.At)}
		})
	})
	c.PreRunE = func(*cobra.Command, []string) error {
		for _, topic := range splitList(yes) {
			if slices.Contains(splitList(no), topic) {
				return usage("%s cannot be both --yes and --no", topic)
			}
		}
		return nil
	}
	c.Flags().StringVar(&yes, "yes", "", "topics that the member agreed to, comma-separated")
	c.Flags().StringVar(&no, "no", "", "topics that the member refused")
	return c
}

func (a *app) whyCommand() *cobra.Command {
	var on dayFlag
	c := newCommand("why MEMBER CAMPAIGN", "Why did, or does, this member get or not get this campaign?",
		func(c *cobra.Command, args []string) (err error) {
			return a.viewed(c, func(tx *store.Tx, db *store.DB) error {
				id, err := intake.Find(tx, args[0])
				if err != nil {
					return err
				}
				lines, err := why.Chain(tx, id, args[1], on.Day)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(lines)
				}
				for _, l := range lines {
					fmt.Fprintf(a.out, "%s %-11s %s\n", either(l.OK, "✓", "✗"), l.About, l.Text)
				}
				return nil
			})
		})
	c.Flags().Var(&on, "on", "as of that day, like 2027-06-21 (default: now)")
	return c
}
