package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/segments"
)

// asked is a rule as a marketer typed it at the command line, ready to be asked.
type asked struct {
	report.Audience
	name string // of the segment, when one was named
}

// segmentFlags are the flags that the commands about segments share.
type segmentFlags struct {
	at, member string
	sql        bool
	timeout    time.Duration
}

// segmentCommand is about rules and named segments.
func (a *app) segmentCommand() *cobra.Command {
	var f segmentFlags
	group := &cobra.Command{Use: "segment", Short: "Ask who is in a segment: list | fields | count | members | explain | moves"}
	group.PersistentFlags().DurationVar(&f.timeout, "timeout", askFor, "give up after this time; 0: never")
	sub := func(use, short string, answer func(*store.Tx, asked, segmentFlags) error) *cobra.Command {
		c := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
			before := func(db *store.DB) error { return a.prepare(c.Context(), db, args[0], f.at) }
			return a.asking(c, f.timeout, before, func(tx *store.Tx, db *store.DB) error {
				q, err := a.ask(tx, db, args[0], f.at)
				if err != nil {
					return err
				}
				if f.member == "" {
					defer a.estimate(c.Context(), db, q)()
				}
				unheard := a.unheard(c.Context(), db, f.timeout, q.Rule.Names())
				err = answer(tx, q, f)
				missing, wrong := unheard()
				if err = cmp.Or(err, wrong); err != nil {
					return err
				}
				a.sayUnheard(missing)
				return nil
			})
		}}
		c.Flags().StringVar(&f.at, "at", "", "as of the end of this day, like 2027-06-21 (default: now)")
		return c
	}
	ofMember := func(c *cobra.Command) *cobra.Command {
		c.Flags().StringVar(&f.member, "member", "", "ask about one member only: id or e-mail")
		return c
	}
	explain := sub("explain RULE|NAME", "Say in words what a rule means and how many members each part keeps (--sql: how it is asked)", a.explainRule)
	explain.Flags().BoolVar(&f.sql, "sql", false, "show the SQL, too")
	group.AddCommand(
		&cobra.Command{Use: "list", Short: "List the named segments and how many are inside", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
			return a.asking(c, f.timeout, nil, func(tx *store.Tx, _ *store.DB) error { return a.listSegments(tx) })
		}},
		a.fieldsCommand(),
		ofMember(sub("count RULE|NAME", "Print how many members it keeps", a.countRule)),
		ofMember(sub("members RULE|NAME", "Print their ids, one a line", a.printMembers)),
		ofMember(explain),
		sub("moves NAME", "Print who came into a segment (+) and left it (-) on a day", a.printMoves),
	)
	return group
}

// prepare keeps what a rule over the forecast looks up; for every other rule it
// writes nothing. What is wrong with the rule is left to ask.
func (a *app) prepare(ctx context.Context, db *store.DB, text, at string) error {
	var q asked
	err := db.View(ctx, func(tx *store.Tx) (err error) {
		silent := *a
		silent.err = io.Discard
		q, err = silent.ask(tx, db, text, at)
		return err
	})
	if err != nil || len(q.Rule.Horizons(q.Day)) == 0 {
		return nil
	}
	err = db.Update(ctx, q.Prepare)
	if unready := (*segments.Unready)(nil); errors.As(err, &unready) {
		return nil // asking says so
	}
	return err
}

// viewed runs f on the database in a read-only transaction.
func (a *app) viewed(c *cobra.Command, f func(*store.Tx, *store.DB) error) error {
	return a.opened(c.Context(), false, func(db *store.DB) error {
		return db.View(c.Context(), func(tx *store.Tx) error { return f(tx, db) })
	})
}

// ask reads a rule, or the name of a segment, and the day it is asked for.
func (a *app) ask(tx *store.Tx, db *store.DB, text, at string) (asked, error) {
	now, err := inForce(tx)
	if err != nil {
		return asked{}, err
	}
	scope, zone := ruleScope(now.Program)
	rule, err := segments.ParseNamed(text, scope)
	if err != nil {
		return asked{}, fmt.Errorf("this rule can't be read:\n%s", segments.FormatError(text, err))
	}
	today := loyalty.DayOf(tx.At.Time, zone)
	q := asked{Audience: report.Audience{Rule: rule, Day: today}}
	if _, named := scope.Segments[strings.TrimSpace(text)]; named {
		q.name = strings.TrimSpace(text)
	}
	if at == "" {
		return q, nil
	}
	if q.Day, err = loyalty.ParseDay(at); err != nil {
		return asked{}, usage("--at: %v", err)
	}
	q.Past = true
	if undated := rule.WithoutHistory(); len(undated) > 0 {
		fmt.Fprintf(a.err, "note: %s without history: today's value is taken\n", list(undated, "is", "are"))
	}
	return q, nil
}

// ruleScope is what a rule typed at the command line may read.
func ruleScope(p *program.Program) (segments.Scope, *time.Location) {
	if p == nil {
		return segments.Scope{}, time.UTC
	}
	return p.Scope(), p.Zone
}

func list(names []string, one, many string) string {
	verb := many
	if len(names) == 1 {
		verb = one
	}
	return strings.Join(names, ", ") + " " + verb
}

func (a *app) countRule(tx *store.Tx, q asked, f segmentFlags) error {
	var n int64
	var err error
	if f.member == "" {
		n, err = q.Count(tx)
	} else {
		var has bool
		if has, err = hasMember(tx, q, f.member); has {
			n = 1
		}
	}
	if err != nil {
		return err
	}
	a.waited()
	if a.json {
		return a.printJSON(map[string]any{"count": n, "rule": q.Rule.Text(), "day": q.Day.String()})
	}
	fmt.Fprintln(a.out, n)
	return nil
}

func hasMember(tx *store.Tx, q asked, member string) (bool, error) {
	id, err := intake.Find(tx, member)
	if err != nil {
		return false, err
	}
	return q.Has(tx, id)
}

func (a *app) printMembers(tx *store.Tx, q asked, f segmentFlags) error {
	ids := []string{}
	out := bufio.NewWriter(a.out)
	each := func(id string) error {
		a.waited()
		if a.json {
			ids = append(ids, id)
			return nil
		}
		_, err := fmt.Fprintln(out, id)
		return err
	}
	if f.member != "" {
		has, err := hasMember(tx, q, f.member)
		if err != nil {
			return err
		}
		if has {
			if err := each(f.member); err != nil {
				return err
			}
		}
	} else if err := q.Members(tx, each); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(ids)
	}
	return out.Flush()
}

func (a *app) listSegments(tx *store.Tx) error {
	list, err := report.Segments(tx)
	if err != nil {
		return err
	}
	a.waited()
	if a.json {
		return a.printJSON(list)
	}
	var rows [][]string
	for _, s := range list {
		rows = append(rows, []string{s.Name, fmt.Sprint(s.Members), s.Rule})
		if s.Because != "" {
			rows = append(rows, []string{"", "", "waits: " + s.Because})
		}
	}
	return a.table([]string{"SEGMENT", "INSIDE", "RULE"}, rows)
}

func (a *app) printMoves(tx *store.Tx, q asked, _ segmentFlags) error {
	if q.name == "" {
		return usage("moves takes the name of a segment, not a rule")
	}
	moves, err := report.Moves(tx, q.name, q.Day)
	if err != nil {
		return err
	}
	a.waited()
	if a.json {
		return a.printJSON(moves)
	}
	for _, m := range moves {
		sign := "-"
		if m.Came {
			sign = "+"
		}
		fmt.Fprintln(a.out, sign, m.Member)
	}
	return nil
}

// counted asks for the number of a planned change.
func counted(tx *store.Tx, n program.Count, day loyalty.Day) (string, error) {
	count, err := report.All(tx, n.Rules, n.Not, day)
	var unready *segments.Unready
	if errors.As(err, &unready) {
		return fmt.Sprintf("warning: nobody can say how many %s: %v", n.Words, unready), nil
	}
	if err != nil {
		return "", err
	}
	words := fmt.Sprintf("%d %s", count, n.Words)
	if n.PerDay > 0 {
		words += fmt.Sprintf(", %d a day", n.PerDay)
	}
	return words, nil
}
