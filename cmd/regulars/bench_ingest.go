package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"regulars/internal/bench"
	"regulars/internal/store"
)

func (a *app) benchIngestCommand() *cobra.Command {
	in, engines := bench.Ingest{}, ""
	c := &cobra.Command{
		Use: "ingest", Short: "Measure webhooks and an import of orders on Postgres and SQLite, in databases of its own that it drops",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if in.Connections < 1 || in.Connections > 1000 || in.Deliveries < 1000 || in.Members < 100 || in.Orders < 10_000 || in.Orders > 100_000_000 {
				return usage("bench ingest takes 1 to 1,000 connections, 1,000 webhooks and more, 100 members and more, 10,000 to 100,000,000 orders")
			}
			return a.benchIngest(c.Context(), in, splitList(engines))
		},
	}
	c.Flags().IntVar(&in.Connections, "connections", 32, "how many connections post at once")
	c.Flags().IntVar(&in.Deliveries, "webhooks", bench.FullDeliveries, "how many webhooks of one order each; half as many on SQLite")
	c.Flags().IntVar(&in.Members, "members", 20_000, "how many members order by webhook")
	c.Flags().IntVar(&in.Orders, "orders", bench.FullIngest, "how many orders the imported file has")
	c.Flags().StringVar(&engines, "engines", "postgres,sqlite", "which engines to measure")
	return c
}

func (a *app) benchIngest(ctx context.Context, in bench.Ingest, engines []string) (err error) {
	if in.Dir, err = os.MkdirTemp("", "regulars-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(in.Dir)) }()
	a.leave(garbageOfIntake) // as who takes in has it
	for _, engine := range engines {
		switch engine {
		case "postgres":
			in.Postgres, err = store.Scratch(ctx, a.benchPostgres(), store.Options{})
		case "sqlite":
			if in.SQLite, err = store.Open(ctx, "sqlite:"+filepath.Join(in.Dir, "bench.db"), store.Options{Create: true}); err == nil {
				err = in.SQLite.Migrate(ctx)
			}
		default:
			err = usage("--engines takes postgres, sqlite or postgres,sqlite, not %q", engine)
		}
		if err != nil {
			return err
		}
	}
	for _, db := range []*store.DB{in.Postgres, in.SQLite} {
		if db != nil {
			defer func() { err = errors.Join(err, db.Close()) }()
			fmt.Fprintln(a.err, "database:", db.Place(), "(dropped at the end)")
		}
	}
	out, err := staged(a, func(watch watch) (bench.IngestOutcome, error) { in.Watch = watch; return in.Run(ctx) })
	if err != nil && len(out.Rates) > 0 { // what was measured before took its time
		return errors.Join(err, a.printRates(out))
	}
	if err != nil {
		return err
	}
	return a.measured(out, func() error { return a.printRates(out) })
}

func (a *app) printRates(out bench.IngestOutcome) error {
	fmt.Fprintf(a.out, "%d connections; CPU is for each, in µs: of this process with the load that it makes, and of the database's processes\n\n", out.Connections)
	micros := func(d time.Duration) string { return fmt.Sprint(d.Microseconds()) }
	millis := func(d time.Duration) string {
		if d == 0 {
			return ""
		}
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	}
	var rows [][]string
	for _, r := range out.Rates {
		peer, growth, memory, verdict := "", "", "", ""
		if r.Peer > 0 {
			peer = fmt.Sprintf("%.2f × %.0f/s", r.PerSecond/r.Peer, r.Peer)
		}
		if r.Growth > 0 {
			growth = fmt.Sprintf("%.2f ×", r.Growth)
		}
		if r.Memory > 0 {
			memory = fmt.Sprintf("%.0f MB", float64(r.Memory)/1e6)
		}
		if r.Target != "" && out.Full() {
			verdict = either(r.Met, "pass", "FAIL")
		}
		rows = append(rows, []string{r.Engine, r.Work, fmt.Sprint(r.N), fmt.Sprintf("%.0f", r.PerSecond), millis(r.Median), millis(r.P99),
			micros(r.Ours), micros(r.Database), peer, growth, memory, r.Target, verdict})
	}
	err := a.table([]string{"ENGINE", "WORK", "N", "A SECOND", "MEDIAN", "P99", "CPU", "DATABASE", "AGAINST", "GROWTH", "MEMORY", "TARGET", ""}, rows)
	if err == nil && !out.Full() {
		fmt.Fprintf(a.out, "\nThe targets are meant for %d webhooks over 32 connections and %d orders: at this size they are not judged.\n", bench.FullDeliveries, bench.FullIngest)
	}
	return err
}
