package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/report"
	"regulars/internal/store"
)

// tiersReport is report tiers.
func (a *app) tiersReport(f *reportFlags) *cobra.Command {
	var at, from dayFlag
	var svg string
	c := &cobra.Command{Use: "tiers", Short: "Members by their tier, and what became of tiers in a span", Args: cobra.NoArgs, RunE: a.viewing(func(tx *store.Tx, _ []string) error {
		now, err := marketing.InForce(tx)
		if err != nil {
			return err
		}
		var q report.TiersOf
		if now.Program != nil && now.Program.Loyalty != nil {
			for _, t := range now.Program.Loyalty.Tiers {
				q.Tiers = append(q.Tiers, report.Tier{Name: t.Name, Grace: t.Grace})
			}
		}
		q.Day, _ = a.asOf(tx, at)
		q.Past = q.Day != a.today(tx)
		if q.From = (loyalty.Period{Months: -12}).After(q.Day); from.given {
			q.From = from.Day
		}
		if q.From >= q.Day {
			return usage("--from %s is not before %s, the day to compare it with", q.From, q.Day)
		}
		r, err := q.Report(tx)
		if err != nil {
			return err
		}
		if svg != "" {
			return a.write("tiers", r.SVG(), svg)
		}
		return a.printTiers(r, f.csv)
	})}
	c.Flags().Var(&at, "at", "as of the end of this day, like 2027-06-30 (default: now)")
	c.Flags().Var(&from, "from", "count what became of tiers since the end of this day (default: 12 months before)")
	c.Flags().StringVar(&svg, "svg", "", "draw who moved into this file")
	return c
}

func (a *app) printTiers(r report.Tiers, csv bool) error {
	if a.json {
		return a.printJSON(r)
	}
	var rows [][]string
	for _, t := range r.Tiers {
		rows = append(rows, []string{t.Tier, fmt.Sprint(t.Members), fmt.Sprint(t.Up), fmt.Sprint(t.Down), fmt.Sprint(t.Kept), fmt.Sprint(t.ByHand)})
	}
	table := report.Table{Head: []string{"TIER", "MEMBERS", "CAME UP", "CAME DOWN", "KEPT", "BY HAND"}, Rows: rows}
	if csv {
		return table.CSV(a.out)
	}
	fmt.Fprintf(a.out, "Tiers on %s, and what became of them since %s\n", r.Day, r.From)
	if err := a.table(table.Head, table.Rows); err != nil || r.Jumps == 0 {
		return err
	}
	_, err := fmt.Fprintf(a.out, "Up by more than one tier at once: %d\n", r.Jumps)
	return err
}
