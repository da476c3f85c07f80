package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/segments"
)

// movementReports are the reports that divide members into parts and show who
// moved between them.
var movementReports = []struct {
	name, short, title string
	of                 func(segments.Scope) (report.MovementOf, error)
}{
	{"lifecycle", "Members by the stage of their lifecycle, and who moved from one to another", "Lifecycle stages", report.Lifecycle},
	{"rfm", "Members by the groups of recency, frequency and money, and who moved from one to another", "RFM groups", report.RFM},
}

// movementCommands are report rfm and report lifecycle.
func (a *app) movementCommands(f *reportFlags) (commands []*cobra.Command) {
	for _, r := range movementReports {
		var from, to dayFlag
		var svg string
		c := &cobra.Command{Use: r.name, Short: r.short, Args: cobra.NoArgs, RunE: a.viewing(func(tx *store.Tx, _ []string) error {
			m, err := a.movement(tx, r.of, from, to)
			if err != nil {
				return err
			}
			if svg != "" {
				return a.write(r.name, m.SVG(r.title), svg)
			}
			return a.printMovement(tx, r.title, m, f.csv)
		})}
		c.Flags().Var(&from, "from", "show who moved since the end of this day, like 2027-03-31")
		c.Flags().Var(&to, "to", "as of the end of this day, like 2027-06-30 (default: now)")
		c.Flags().StringVar(&svg, "svg", "", "draw it into this file")
		commands = append(commands, c)
	}
	return commands
}

// movement asks for a report of the days that were typed.
func (a *app) movement(tx *store.Tx, of func(segments.Scope) (report.MovementOf, error), from, to dayFlag) (report.Movement, error) {
	scope, err := ruleScope(tx)
	if err != nil {
		return report.Movement{}, err
	}
	m, err := of(scope)
	if err != nil {
		return report.Movement{}, err
	}
	m.Day, _ = a.asOf(tx, to)
	m.Past = m.Day != a.today(tx)
	if from.given {
		if from.Day >= m.Day {
			return report.Movement{}, usage("--from %s is not before %s, the day to compare it with", from.Day, m.Day)
		}
		m.From = &from.Day
	}
	return m.Report(tx)
}

func (a *app) printMovement(tx *store.Tx, title string, m report.Movement, csv bool) error {
	if a.json {
		return a.printJSON(m)
	}
	currency, err := marketing.Currency(tx)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, g := range m.Groups {
		rows = append(rows, []string{g.Name, fmt.Sprint(g.Members), percent(g.Share), fmt.Sprint(g.Orders),
			loyalty.FormatMoney(g.Revenue, currency), loyalty.FormatMoney(g.Average, currency)})
	}
	groups := report.Table{Head: []string{"GROUP", "MEMBERS", "SHARE", "ORDERS", "REVENUE", "AVERAGE ORDER"}, Rows: rows}
	if csv {
		return groups.CSV(a.out)
	}
	fmt.Fprintf(a.out, "%s on %s\n", title, m.Day)
	if err := a.table(groups.Head, groups.Rows); err != nil || m.From == "" {
		return err
	}
	fmt.Fprintf(a.out, "\nWhere they were on %s (rows) and are on %s (columns)\n", m.From, m.Day)
	if err := a.table(matrix(m)); err != nil {
		return err
	}
	fmt.Fprintln(a.out)
	for _, moved := range m.Moves {
		fmt.Fprintf(a.out, "From %s to %s: %d\n", moved.From, moved.To, moved.Members)
	}
	return nil
}

// matrix is who moved as a table: a row for each part that they were in, a column
// for each that they are in, and what a part gained or lost.
func matrix(m report.Movement) (head []string, rows [][]string) {
	head = []string{"FROM / TO"}
	now, net := []string{"IS"}, []string{"CHANGE"}
	for _, g := range m.Groups {
		head = append(head, g.Name)
		row := []string{g.Name}
		for _, to := range m.Groups {
			row = append(row, fmt.Sprint(m.Between(g.Name, to.Name)))
		}
		rows = append(rows, append(row, fmt.Sprint(g.Before)))
		now, net = append(now, fmt.Sprint(g.Members)), append(net, fmt.Sprintf("%+d", g.Members-g.Before))
	}
	return append(head, "WAS"), append(rows, now, net)
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }
