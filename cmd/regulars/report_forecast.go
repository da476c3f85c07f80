package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"regulars/internal/report"
	"regulars/internal/store"
)

// forecastReport says what the model of who orders again makes of the program.
func (a *app) forecastReport(flags *reportFlags) *cobra.Command {
	var at dayFlag
	var svg string
	c := a.reading("forecast", "Who is still a customer, how often customers order, and how well that was foretold (--at DAY)", func(tx *store.Tx, _ []string) error {
		day, past := a.asOf(tx, at)
		f, err := report.Ahead(tx, day, past)
		if err != nil {
			return err
		}
		if svg != "" {
			named, _ := report.ByName("forecast")
			return a.draw(named, report.Ask{Day: day, Past: past}, f.Table(), svg)
		}
		return a.sayForecast(f, flags.csv)
	})
	c.Flags().Var(&at, "at", "as of the end of this day, like 2027-06-21 (default: now)")
	c.Flags().StringVar(&svg, "svg", "", "draw how well it was foretold into this file")
	return c
}

func (a *app) sayForecast(f report.Forecast, csv bool) error {
	t := f.Table()
	switch {
	case a.json:
		return a.printJSON(f)
	case csv:
		return t.CSV(a.out)
	}
	for _, sentence := range f.Words() {
		fmt.Fprintln(a.out, sentence)
	}
	if f.Fit == nil {
		return nil
	}
	fmt.Fprintf(a.out, "(BG/NBD: r %.3f, alpha %.3f, a %.3f, b %.3f; log-likelihood %.1f)\n", f.Fit.R, f.Fit.Alpha, f.Fit.A, f.Fit.B, f.Fit.LogLikelihood)
	if len(t.Rows) == 0 {
		return nil
	}
	fmt.Fprintln(a.out)
	return a.table(t.Head, t.Rows)
}

// winbackReport compares rules that say whom to win back.
func (a *app) winbackReport(flags *reportFlags) *cobra.Command {
	var at, until dayFlag
	var among, svg string
	var rules []string
	c := &cobra.Command{
		Use: "winback", Args: cobra.NoArgs,
		Short: "Compare rules for a win-back by who in fact did not order again (--at DAY --until DAY --rule RULE …)",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.opened(c.Context(), false, func(db *store.DB) error {
				w, err := a.winback(c.Context(), db, at, until, among, rules)
				if err != nil {
					return err
				}
				var result report.WinbackResult
				err = db.View(c.Context(), func(tx *store.Tx) (err error) { result, err = w.Compare(tx); return err })
				if err != nil {
					return err
				}
				if svg != "" {
					return a.write("winback", result.SVG(), svg)
				}
				return a.sayWinback(result, flags.csv)
			})
		},
	}
	c.Flags().Var(&at, "at", fmt.Sprintf("ask the rules as of the end of this day (default: %d days before --until)", report.WinbackSpan))
	c.Flags().Var(&until, "until", "orders after --at up to this day say who came back (default: today)")
	c.Flags().StringVar(&among, "among", report.WinbackAmong, "the members whom the question is about")
	c.Flags().StringVar(&svg, "svg", "", "draw it into this file")
	c.Flags().StringArrayVar(&rules, "rule", nil, "a rule to compare; may be given several times")
	return c
}

// winback reads the question and prepares what its rules look up.
func (a *app) winback(ctx context.Context, db *store.DB, at, until dayFlag, among string, rules []string) (w report.Winback, err error) {
	err = db.Update(ctx, func(tx *store.Tx) error {
		if w.Until, _ = a.asOf(tx, until); at.given {
			w.At = at.Day
		} else {
			w.At = w.Until - report.WinbackSpan
		}
		if w.Until <= w.At {
			return usage("--until must be after --at")
		}
		scope, err := ruleScope(tx)
		if err != nil {
			return err
		}
		w.Rules = nil
		for i, text := range append([]string{among}, rules...) {
			r, err := parsedRule(text, scope)
			if err != nil {
				return err
			}
			if w.Rules = append(w.Rules, r); i == 0 {
				w.Among, w.Rules = r, nil
			}
		}
		if len(rules) == 0 {
			if err := w.Usual(tx, scope); err != nil {
				return err
			}
		}
		return w.Prepare(tx)
	})
	return w, err
}

func (a *app) sayWinback(r report.WinbackResult, csv bool) error {
	if a.json {
		return a.printJSON(r)
	}
	said := r.Table()
	if csv {
		return said.CSV(a.out)
	}
	fmt.Fprintf(a.out, "%s\n\n", r.Words())
	for _, left := range r.Left {
		fmt.Fprintf(a.err, "%s\n", left)
	}
	return a.table(said.Head, said.Rows)
}
