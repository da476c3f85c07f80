package main

import (
	"github.com/spf13/cobra"

	"regulars/internal/marketing"
	"regulars/internal/report"
	"regulars/internal/store"
)

// monthReport is report month, the page of the console that is printed.
func (a *app) monthReport(f *reportFlags) *cobra.Command {
	var month, svg string
	c := &cobra.Command{Use: "month", Short: "One month on one page: orders, members, mails, codes, points, the best campaigns", Args: cobra.NoArgs, RunE: a.viewing(func(tx *store.Tx, _ []string) error {
		day := a.today(tx)
		if month != "" {
			first, err := report.ParseMonth(month)
			if err != nil {
				return usage("--month: %s", err)
			}
			if first > day {
				return usage("--month: %s has not begun", month)
			}
			day = first
		}
		m, ask, err := marketing.Month(tx, day)
		switch {
		case err != nil:
			return err
		case svg != "":
			return a.write("month", m.Counted().SVG(), svg)
		case a.json:
			return a.printJSON(m)
		case f.csv:
			return m.Table(ask).CSV(a.out)
		}
		t := m.Table(ask)
		return a.table(t.Head, t.Rows)
	})}
	c.Flags().StringVar(&svg, "svg", "", "draw its pictures into this file, one below the other")
	c.Flags().StringVar(&month, "month", "", "the month, like 2027-06 (default: the present one)")
	return c
}
