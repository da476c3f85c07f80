package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"regulars/internal/intake"
	"regulars/internal/norms"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/segments"
)

// explanation is what explain prints as JSON.
type explanation struct {
	Rule  string   `json:"rule"`
	Words string   `json:"words"`
	Reads []string `json:"reads"`
	Day   string   `json:"day"`
	SQL   string   `json:"sql"`

	Members *int64        `json:"members,omitempty"` // all there are
	Kept    *int64        `json:"kept,omitempty"`    // those for whom the rule holds
	Parts   []report.Kept `json:"parts,omitempty"`

	Member *memberAnswer `json:"member,omitempty"`
}

type memberAnswer struct {
	ID    string          `json:"id"`
	Known bool            `json:"known"` // they were there on that day
	Holds bool            `json:"holds"`
	Parts []report.Answer `json:"parts,omitempty"`
}

// explainRule says what a rule means and how many members each part keeps, or for
// one member which part fails.
func (a *app) explainRule(tx *store.Tx, q asked, f segmentFlags) error {
	e := explanation{Rule: q.Rule.Text(), Words: q.Rule.Words(), Reads: q.Rule.Reads(), Day: q.Day.String()}
	if !a.json {
		fmt.Fprintln(a.out, e.Words)
	}
	n, err := norms.For(tx, q.Day, q.Past, q.Rule)
	if err != nil {
		return err // it means what it means, but cannot be answered yet
	}
	where, args := q.Rule.SQL(segments.Query{Engine: tx.Engine(), Day: q.Day, Past: q.Past, Norms: n})
	e.SQL = where
	if !a.json && f.sql {
		fmt.Fprintf(a.out, "\nselect count(*) from facts f where %s\n", where)
		for _, name := range slices.Sorted(maps.Keys(args)) {
			fmt.Fprintf(a.out, "  @%s = %v\n", name, args[name])
		}
	}
	if f.member != "" {
		return a.explainMember(tx, q, f.member, e)
	}
	kept, err := q.Funnel(tx)
	if err != nil {
		return err
	}
	a.waited()
	if a.json {
		e.Members, e.Kept, e.Parts = &kept.Members, &kept.Kept, kept.Parts
		return a.printJSON(e)
	}
	width := len(fmt.Sprint(kept.Members)) + 2
	fmt.Fprintf(a.out, "\n%*d %s\n", width, kept.Members, either(kept.Members == 1, "member", "members"))
	if len(kept.Parts) > 1 && kept.Parts[0].Or {
		fmt.Fprintf(a.out, "%*d of them meet at least one of these:\n", width, kept.Kept)
		width += 4
	}
	a.sayKept(kept.Parts, width, "of them ")
	return nil
}

// sayKept prints parts below each other, their numbers in one column.
func (a *app) sayKept(parts []report.Kept, width int, of string) {
	for i, k := range parts {
		if i > 0 && !k.Or {
			of = "of these "
		}
		if k.Or {
			of = ""
		}
		fmt.Fprintf(a.out, "%*d %s%s\n", width, k.Members, of, k.Says())
		a.sayKept(k.Parts, width+4, "")
	}
}

func (a *app) explainMember(tx *store.Tx, q asked, member string, e explanation) error {
	id, err := intake.Find(tx, member)
	if err != nil {
		return err
	}
	m := memberAnswer{ID: member}
	if m.Holds, m.Known, m.Parts, err = q.Of(tx, id); err != nil {
		return err
	}
	a.waited()
	if a.json {
		e.Member = &m
		return a.printJSON(e)
	}
	if !m.Known {
		fmt.Fprintf(a.out, "\n%s: no, nobody by that name was known on %s\n", member, e.Day)
		return nil
	}
	fmt.Fprintf(a.out, "\n%s: %s\n", member, either(m.Holds, "yes", "no"))
	a.sayAnswers(m.Parts, "  ")
	return nil
}

// sayAnswers prints for each part whether it holds and what the member has there.
func (a *app) sayAnswers(parts []report.Answer, indent string) {
	for _, p := range parts {
		verdict := either(p.Holds, "holds: ", "fails: ")
		fmt.Fprintln(a.out, indent+verdict+p.Says())
		a.sayAnswers(p.Parts, indent+"    ")
	}
}

// fieldsCommand lists what rules may read.
func (a *app) fieldsCommand() *cobra.Command {
	return a.reading("fields", "List what rules can read, and how it is written", func(tx *store.Tx, _ []string) error {
		scope, err := ruleScope(tx)
		if err != nil {
			return err
		}
		return a.sayFields(segments.Fields(scope))
	})
}

// fieldLine is a field as JSON.
type fieldLine struct {
	Name    string `json:"name"`
	Usage   string `json:"usage"`
	Group   string `json:"group"`
	Type    string `json:"type"`
	Words   string `json:"words"`
	History bool   `json:"history"` // answers for past days, too
	Window  bool   `json:"window"`  // takes a time span, too
}

// short is how the field is written at its shortest.
func (l fieldLine) short() string {
	if l.Window {
		usage, _, _ := strings.Cut(l.Usage, " or ")
		return usage
	}
	return l.Usage
}

// note is what else there is to know.
func (l fieldLine) note() string {
	switch {
	case l.Window && l.short() != l.Usage && !l.History:
		return `; also in a time span, "90d" (as of today, also with --at)`
	case l.Window && l.short() != l.Usage:
		return `; also in a time span, "90d"`
	case !l.History:
		return " (as of today, also with --at)"
	}
	return ""
}

func (a *app) sayFields(fields []segments.Field) error {
	var lines []fieldLine
	var groups []string
	for _, f := range fields {
		lines = append(lines, fieldLine{f.Name, f.Usage, f.Group, f.Type.String(), f.Words, f.History, f.Window})
		if !slices.Contains(groups, f.Group) {
			groups = append(groups, f.Group)
		}
	}
	if a.json {
		return a.printJSON(lines)
	}
	for i, group := range groups {
		if i > 0 {
			fmt.Fprintln(a.out)
		}
		var rows [][]string
		for _, l := range lines {
			if l.Group == group {
				rows = append(rows, []string{"  " + l.short(), l.Type, l.Words + l.note()})
			}
		}
		if err := a.table([]string{strings.ToUpper(group), "", ""}, rows); err != nil {
			return err
		}
	}
	return nil
}
