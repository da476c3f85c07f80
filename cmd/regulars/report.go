package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"regulars/internal/marketing"
	"regulars/internal/report"
	"regulars/internal/store"
)

// reportFlags are the flags of report, as typed.
type reportFlags struct {
	at    dayFlag
	limit int
	csv   bool
	svg   string // the file to draw it into
}

func (a *app) reportCommand() *cobra.Command {
	var f reportFlags
	own := append(a.movementCommands(&f), a.forecastReport(&f), a.winbackReport(&f), a.tiersReport(&f), a.monthReport(&f))
	names := reportNames(own)
	group := newCommand("report NAME", "Figures: list | "+strings.Join(names, " | "), func(c *cobra.Command, args []string) error {
		r, ok := report.ByName(args[0])
		if !ok {
			return usage("there is no report %q%s", args[0], meant(args[0], names))
		}
		if err := f.check(r); err != nil {
			return err
		}
		return a.viewed(c, func(tx *store.Tx, _ *store.DB) error { return a.report(tx, r, f) })
	})
	group.Flags().Var(&f.at, "at", "as of the end of this day, like 2027-06-21 (default: now)")
	group.Flags().IntVar(&f.limit, "limit", 0, "list at most so many rows")
	group.Flags().StringVar(&f.svg, "svg", "", "draw it into this file")
	group.PersistentFlags().BoolVar(&f.csv, "csv", false, "print CSV, for spreadsheets")
	group.AddCommand(newCommand("list", "List the reports", func(*cobra.Command, []string) error {
		return a.listReports(own)
	}))
	group.AddCommand(own...)
	return group
}

// sharing are the reports that share their flags: without those that are commands of
// their own here, which can be asked more.
func sharing(own []*cobra.Command) []report.Named {
	return slices.DeleteFunc(report.Reports(), func(r report.Named) bool {
		return slices.ContainsFunc(own, func(c *cobra.Command) bool { return c.Name() == r.Name })
	})
}

// reportNames are the reports that share their flags, and those that are commands
// of their own, sorted.
func reportNames(own []*cobra.Command) (names []string) {
	for _, r := range sharing(own) {
		names = append(names, r.Name)
	}
	for _, c := range own {
		names = append(names, c.Name())
	}
	slices.Sort(names)
	return names
}

func (a *app) listReports(own []*cobra.Command) error {
	if a.json {
		return a.printJSON(reportNames(own))
	}
	var rows [][]string
	for _, r := range sharing(own) {
		rows = append(rows, []string{r.Name, r.Says})
	}
	for _, c := range own {
		rows = append(rows, []string{c.Name(), strings.ToLower(c.Short[:1]) + c.Short[1:]})
	}
	slices.SortFunc(rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	return a.table([]string{"REPORT", "WHAT IT TELLS"}, rows)
}

func (a *app) report(tx *store.Tx, r report.Named, f reportFlags) error {
	day, past := a.asOf(tx, f.at)
	ask, err := marketing.Asks(tx, day, past)
	if err != nil {
		return err
	}
	ask.Limit = f.limit
	answer, err := r.Make(tx, ask)
	switch {
	case err != nil:
		return fmt.Errorf("report %s: %w", r.Name, err)
	case f.svg != "":
		return a.draw(r, ask, answer, f.svg)
	case a.json:
		return a.printJSON(answer.Value)
	case f.csv:
		return answer.CSV(a.out)
	}
	if answer.Note != "" {
		defer fmt.Fprintln(a.err, answer.Note)
	}
	return a.table(answer.Head, answer.Rows)
}

// draw writes the picture of a report that has a name into a file.
func (a *app) draw(r report.Named, ask report.Ask, answer report.Table, file string) error {
	return a.write(r.Name, r.Picture(ask, answer).Wide, file)
}

// write writes the picture of a report into a file.
func (a *app) write(name, svg, file string) error {
	if err := os.WriteFile(file, []byte(svg), 0o644); err != nil {
		return fmt.Errorf("drawing report %s: %w", name, err)
	}
	return a.say(map[string]string{"file": file}, "wrote %s", file)
}

// check reports what is wrong with the flags, before a database is opened.
func (f reportFlags) check(r report.Named) error {
	if f.limit < 0 {
		return usage("--limit takes a number of rows, not %d", f.limit)
	}
	if f.at.given && !r.Dated {
		return usage("the report %s is of today: --at says nothing to it", r.Name)
	}
	return nil
}
