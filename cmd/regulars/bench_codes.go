package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"regulars/internal/bench"
	"regulars/internal/store"
)

func (a *app) benchCodesCommand() *cobra.Command {
	s := bench.Codes{}
	c := newCommand("codes", "Measure how fast the audience of a run is frozen and given codes, in turns with a COPY of the same rows, in a Postgres database of its own that it drops",
		func(c *cobra.Command, _ []string) error {
			if s.Members < 100 || s.Members > 10_000_000 || s.Rounds < 1 || s.Rounds > 20 {
				return usage("bench codes takes 100 to 10,000,000 members and 1 to 20 rounds")
			}
			return a.benchCodes(c.Context(), s)
		})
	c.Flags().IntVar(&s.Members, "members", bench.FullCodes, "how many members the audience has")
	c.Flags().IntVar(&s.Rounds, "rounds", 3, "how often each has its turn; the median is printed")
	return c
}

func (a *app) benchCodes(ctx context.Context, s bench.Codes) (err error) {
	s.DB, err = store.Scratch(ctx, a.benchPostgres(), store.Options{Conns: 2})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.DB.Close()) }()
	fmt.Fprintln(a.err, "database:", s.DB.Place(), "(dropped at the end)")
	out, err := staged(a, func(watch watch) (bench.CodesOutcome, error) { s.Watch = watch; return s.Run(ctx) })
	if err != nil {
		return err
	}
	return a.measured(out, func() error { return a.printCosts(out) })
}

func (a *app) printCosts(out bench.CodesOutcome) error {
	fmt.Fprintf(a.out, "%d members, %d rounds; CPU is for each member, code or use, in µs: of this process and of the database's\n\n", out.Members, out.Rounds)
	micros := func(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d)/1e3) }
	var rows [][]string
	for _, f := range out.Figures {
		against, verdict := "", ""
		if f.Peer != "" {
			against = fmt.Sprintf("%.2f × %s", f.Ratio, f.Peer)
		}
		if f.Target != "" && out.Full() {
			verdict = either(f.Met, "pass", "FAIL")
		}
		rows = append(rows, []string{f.Work, fmt.Sprint(f.Found), fmt.Sprintf("%.1f ms", float64(f.Took)/1e6), micros(f.Ours), micros(f.Database), against, f.Target, verdict})
	}
	err := a.table([]string{"WORK", "N", "TOOK", "CPU", "DATABASE", "AGAINST", "TARGET", ""}, rows)
	if err == nil && !out.Full() {
		fmt.Fprintf(a.out, "\nThe targets are meant for %d members: at this size they are not judged.\n", bench.FullCodes)
	}
	return err
}
