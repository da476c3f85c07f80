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
	"regulars/internal/marketing"
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
	at      dayFlag
	member  string
	sql     bool
	timeout time.Duration
}

// segmentCommand is about rules and named segments.
func (a *app) segmentCommand() *cobra.Command {
	var f segmentFlags
	group := &cobra.Command{Use: "segment", Short: "Ask who is in a segment: list | fields | count | members | explain | moves"}
	group.PersistentFlags().DurationVar(&f.timeout, "timeout", askFor, "give up after this time; 0: never")
	sub := func(use, short string, ofMember bool, answer func(*store.Tx, asked, segmentFlags) error) *cobra.Command {
		c := newCommand(use, short, func(c *cobra.Command, args []string) error {
			return a.patiently(c.Context(), f.timeout, func(db *store.DB) error {
				if err := a.prepare(c.Context(), db, args[0], f.at); err != nil {
					return err
				}
				return db.Ask(c.Context(), f.timeout, func(tx *store.Tx) error {
					q, err := a.ask(tx, args[0], f.at)
					if err != nil {
						return err
					}
					if f.member == "" {
						defer a.estimate(c.Context(), db, q.Audience)()
					}
					unheard := marketing.New(db).Unheard(c.Context(), f.timeout, q.Rule.Names())
					err = answer(tx, q, f)
					missing, wrong := unheard()
					if err = cmp.Or(err, wrong); err == nil {
						a.sayUnheard(missing)
					}
					return err
				})
			})
		})
		c.Flags().Var(&f.at, "at", "as of the end of this day, like 2027-06-21 (default: now)")
		if ofMember {
			c.Flags().StringVar(&f.member, "member", "", "ask about one member only: id or e-mail")
		}
		return c
	}
	explain := sub("explain RULE|NAME", "Say in words what a rule means and how many members each part keeps (--sql: how it is asked)", true, a.explainRule)
	explain.Flags().BoolVar(&f.sql, "sql", false, "show the SQL, too")
	group.AddCommand(
		newCommand("list", "List the named segments and how many are inside", func(c *cobra.Command, _ []string) error {
			return a.patiently(c.Context(), f.timeout, func(db *store.DB) error { return db.Ask(c.Context(), f.timeout, a.listSegments) })
		}),
		a.fieldsCommand(),
		sub("count RULE|NAME", "Print how many members it keeps", true, a.countRule),
		sub("members RULE|NAME", "Print their ids, one a line", true, a.printMembers),
		explain,
		sub("moves NAME", "Print who came into a segment (+) and left it (-) on a day", false, a.printMoves),
	)
	return group
}

// prepare keeps what a rule over the forecast looks up; for every other rule it
// writes nothing. What is wrong with the rule is left to ask.
func (a *app) prepare(ctx context.Context, db *store.DB, text string, at dayFlag) error {
	var q asked
	err := db.View(ctx, func(tx *store.Tx) (err error) {
		silent := *a
		silent.err = io.Discard
		q, err = silent.ask(tx, text, at)
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

// ask reads a rule, or the name of a segment, and the day it is asked for.
func (a *app) ask(tx *store.Tx, text string, at dayFlag) (q asked, err error) {
	scope, err := ruleScope(tx)
	if err != nil {
		return q, err
	}
	if q.Rule, err = parsedRule(text, scope); err != nil {
		return q, err
	}
	if _, named := scope.Segments[strings.TrimSpace(text)]; named {
		q.name = strings.TrimSpace(text)
	}
	q.Day, q.Past = a.asOf(tx, at)
	if undated := q.Rule.WithoutHistory(); q.Past && len(undated) > 0 {
		fmt.Fprintf(a.err, "note: %s %s without history: today's value is taken\n", strings.Join(undated, ", "), either(len(undated) == 1, "is", "are"))
	}
	return q, nil
}

// asOf is the day of --at, and without it the shop's present one.
func (a *app) asOf(tx *store.Tx, at dayFlag) (day loyalty.Day, past bool) {
	if at.given {
		return at.Day, true
	}
	return a.today(tx), false
}

// ruleScope is what a rule typed at the command line may read.
func ruleScope(tx *store.Tx) (segments.Scope, error) {
	v, err := marketing.InForce(tx)
	if err != nil || v.Program == nil {
		return segments.Scope{}, err
	}
	return v.Program.Scope(), nil
}

func parsedRule(text string, scope segments.Scope) (*segments.Rule, error) {
	rule, err := segments.ParseNamed(text, scope)
	if err != nil {
		return nil, fmt.Errorf("this rule can't be read:\n%s", segments.FormatError(text, err))
	}
	return rule, nil
}

// sayUnheard warns of names that nobody has in a rule that was asked.
func (a *app) sayUnheard(missing []report.Unheard) {
	var problems []program.Problem
	said := map[program.Problem]bool{}
	for _, u := range missing {
		p := program.Named{}.Warning(u.String(), u.Hint())
		if u.Segment != "" {
			p.Message += ", which the rule of segment " + u.Segment + " names"
		}
		if !said[p] {
			said[p] = true
			problems = append(problems, p)
		}
	}
	for _, p := range program.Fold(problems, "") {
		if p.Hint != "" {
			p.Message += "; " + p.Hint
		}
		a.warn([]string{p.Message})
	}
}

func (a *app) countRule(tx *store.Tx, q asked, f segmentFlags) (err error) {
	var n int64
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
	return a.say(map[string]any{"count": n, "rule": q.Rule.Text(), "day": q.Day.String()}, "%d", n)
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
	if f.member == "" {
		if err := q.Members(tx, each); err != nil {
			return err
		}
	} else if has, err := hasMember(tx, q, f.member); err != nil {
		return err
	} else if has {
		if err := each(f.member); err != nil {
			return err
		}
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
		fmt.Fprintln(a.out, either(m.Came, "+", "-"), m.Member)
	}
	return nil
}
