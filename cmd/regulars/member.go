package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"regulars/internal/consent"
	"regulars/internal/happenings"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/why"
	"regulars/segments"
)

func (a *app) memberCommand() *cobra.Command {
	group := &cobra.Command{Use: "member", Short: "One member: find | show | topics | suppress | unsuppress | why"}
	about := func(use, short string, f func(*store.Tx, *store.DB, int64) error) *cobra.Command {
		return &cobra.Command{Use: use + " MEMBER", Short: short, Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
			return a.opened(c.Context(), false, func(db *store.DB) error {
				return db.Update(c.Context(), func(tx *store.Tx) error {
					id, err := intake.Find(tx, args[0])
					if err != nil {
						return err
					}
					return f(tx, db, id)
				})
			})
		}}
	}
	group.AddCommand(
		&cobra.Command{Use: "find TEXT", Short: "Find members by id, name, address or card", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
			return a.viewed(c, func(tx *store.Tx, _ *store.DB) error { return a.findMembers(tx, args[0]) })
		}},
		about("show", "Show a member: figures, segments, mails", func(tx *store.Tx, _ *store.DB, id int64) error { return a.showMember(tx, id) }),
		a.topicsCommand(),
		about("suppress", "Let the member's address get nothing at all", func(tx *store.Tx, _ *store.DB, id int64) error {
			key, err := emailKey(tx, id)
			if err != nil {
				return err
			}
			if err := consent.Suppress(tx, key, "manual", "command line: "+a.user()); err != nil {
				return err
			}
			return a.done("suppressed")
		}),
		about("unsuppress", "Let the member's address get mail again", func(tx *store.Tx, _ *store.DB, id int64) error {
			key, err := emailKey(tx, id)
			if err != nil {
				return err
			}
			was, err := consent.Unsuppress(tx, key)
			if err != nil {
				return err
			}
			return a.done(map[bool]string{true: "may be mailed again", false: "was not suppressed"}[was])
		}),
		a.whyCommand(),
	)
	return group
}

// done says what was done.
func (a *app) done(what string) error {
	if a.json {
		return a.printJSON(map[string]string{"done": what})
	}
	_, err := fmt.Fprintln(a.out, what)
	return err
}

// emailKey is what suppressions know of a member's address.
func emailKey(tx *store.Tx, member int64) (key []byte, err error) {
	var text string
	err = tx.One(&text, "select coalesce("+hexOf(tx, "email_key")+", '') from members where id = @id", store.Args{"id": member})
	if err == nil && text == "" {
		return nil, fmt.Errorf("this member has no address")
	}
	if err != nil {
		return nil, err
	}
	return hex.DecodeString(text)
}

func hexOf(tx *store.Tx, column string) string {
	if tx.Postgres() {
		return "encode(" + column + ", 'hex')"
	}
	return "hex(" + column + ")"
}

func (a *app) findMembers(tx *store.Tx, text string) error {
	list, err := report.FindMembers(tx, text)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(list)
	}
	var rows [][]string
	for _, m := range list {
		rows = append(rows, []string{m.ID, strings.TrimSpace(m.FirstName + " " + m.LastName), m.Email, fmt.Sprint(m.Orders), a.second(m.JoinedAt)})
	}
	return a.table([]string{"MEMBER", "NAME", "ADDRESS", "ORDERS", "JOINED"}, rows)
}

func (a *app) showMember(tx *store.Tx, id int64) error {
	m, err := report.ShowMember(tx, id)
	if err != nil {
		return err
	}
	standing, err := consent.StandingOf(tx, id)
	if err != nil {
		return err
	}
	if a.json {
		suppressed, err := suppression(tx, id)
		if err != nil {
			return err
		}
		return a.printJSON(map[string]any{"member": m, "topics": topicLines(standing), "suppressed": suppressed})
	}
	currency, err := tx.Setting(store.SettingCurrency)
	if err != nil {
		currency = "EUR"
	}
	suppressed, err := suppression(tx, id)
	if err != nil {
		return err
	}
	fmt.Fprintln(a.out, strings.Join(strings.Fields(strings.Join([]string{m.ID, m.FirstName, m.LastName, m.Email}, " ")), " "))
	fmt.Fprintf(a.out, "joined %s, %s, %s spent", a.moment(m.JoinedAt), plural(m.Orders, "order", "orders"), loyalty.FormatMoney(m.Spent, currency)+" "+currency)
	if m.LastDay != nil {
		fmt.Fprintf(a.out, ", last on %s", m.LastDay)
	}
	fmt.Fprintf(a.out, "\nsegments: %s\n", strings.Join(m.Segments, ", "))
	if suppressed != "" {
		fmt.Fprintf(a.out, "suppressed (%s): gets nothing at all\n", suppressed)
	}
	for _, t := range standing {
		fmt.Fprintf(a.out, "%s: %s\n", t.Topic, map[bool]string{true: "yes", false: "no"}[t.Granted])
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

// suppression is why a member's address gets nothing, "" when it may be mailed.
func suppression(tx *store.Tx, member int64) (reason string, err error) {
	err = tx.One(&reason, "select s.reason from suppressions s join members m on m.email_key = s.email_key where m.id = @id", store.Args{"id": member})
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return reason, err
}

func (a *app) topicsCommand() *cobra.Command {
	var yes, no string
	c := &cobra.Command{
		Use: "topics MEMBER", Short: "Show or set what a member agreed to", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			for _, topic := range splitList(yes) {
				if slices.Contains(splitList(no), topic) {
					return usage("%s cannot be both --yes and --no", topic)
				}
			}
			return a.opened(c.Context(), false, func(db *store.DB) error {
				return db.Update(c.Context(), func(tx *store.Tx) error {
					id, err := intake.Find(tx, args[0])
					if err != nil {
						return err
					}
					return a.setTopics(tx, db, id, splitList(yes), splitList(no))
				})
			})
		},
	}
	c.Flags().StringVar(&yes, "yes", "", "topics that the member agreed to, comma-separated")
	c.Flags().StringVar(&no, "no", "", "topics that the member refused")
	return c
}

func (a *app) setTopics(tx *store.Tx, db *store.DB, id int64, yes, no []string) error {
	sharing, err := consent.Sharing(tx, id)
	if err != nil {
		return err
	}
	how := consent.How{At: tx.At, Source: "command line: " + a.user()}
	for _, topic := range yes {
		if err := consent.Set(tx, id, topic, true, how); err != nil {
			return err
		}
	}
	for _, topic := range no {
		if err := consent.Set(tx, id, topic, false, how); err != nil {
			return err
		}
	}
	if len(yes)+len(no) > 0 {
		if err := happenings.Changed(tx, sharing, segments.Change{Profile: true}); err != nil {
			return err
		}
	}
	standing, err := consent.StandingOf(tx, id)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(topicLines(standing))
	}
	var rows [][]string
	for _, t := range standing {
		rows = append(rows, []string{t.Topic, map[bool]string{true: "yes", false: "no"}[t.Granted], a.second(t.At)})
	}
	return a.table([]string{"TOPIC", "", "SINCE"}, rows)
}

func (a *app) whyCommand() *cobra.Command {
	var on string
	c := &cobra.Command{
		Use: "why MEMBER CAMPAIGN", Short: "Why did, or does, this member get or not get this campaign?", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			var day loyalty.Day
			if on != "" {
				var err error
				if day, err = loyalty.ParseDay(on); err != nil {
					return usage("--on: %v", err)
				}
			}
			return a.viewed(c, func(tx *store.Tx, db *store.DB) error {
				id, err := intake.Find(tx, args[0])
				if err != nil {
					return err
				}
				lines, err := why.Chain(tx, id, args[1], day)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(lines)
				}
				for _, l := range lines {
					fmt.Fprintf(a.out, "%s %-11s %s\n", map[bool]string{true: "✓", false: "✗"}[l.OK], l.About, l.Text)
				}
				return nil
			})
		},
	}
	c.Flags().StringVar(&on, "on", "", "as of that day, like 2027-06-21 (default: now)")
	return c
}
