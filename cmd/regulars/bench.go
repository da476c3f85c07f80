package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"regulars/internal/bench"
	"regulars/internal/store"
)

// localPostgres is where benchmarks look when the environment names no Postgres.
const localPostgres = "postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable"

func (a *app) benchCommand() *cobra.Command {
	group := &cobra.Command{Use: "bench", Short: "Measure on a made-up shop, beside a peer in the same run: segments, night, pages, ingest, send, codes, faults"}
	group.AddCommand(a.benchSegmentsCommand(), a.benchNightCommand(), a.benchPagesCommand(), a.benchIngestCommand(), a.benchSendCommand(), a.benchCodesCommand(), a.benchFaultsCommand())
	return group
}

func (a *app) benchSegmentsCommand() *cobra.Command {
	s := bench.Segments{}
	c := newCommand("segments", "Measure rules, previews and the nightly pass over a million members, in a Postgres database of its own that it drops",
		func(c *cobra.Command, _ []string) error {
			if s.Members < 10 || s.Members > 10_000_000 || s.Orders < 10 || s.Orders > 100_000_000 {
				return usage("bench segments takes 10 to 10,000,000 members and 10 to 100,000,000 orders")
			}
			return a.benchOne(c.Context(), func(db *store.DB, watch watch) (bench.Outcome, error) {
				s.DB, s.Watch = db, watch
				return s.Run(c.Context())
			})
		})
	c.Flags().IntVar(&s.Members, "members", bench.FullMembers, "how many members the made-up shop has")
	c.Flags().IntVar(&s.Orders, "orders", bench.FullOrders, "how many orders")
	c.Flags().Uint64Var(&s.Seed, "seed", 1, "the same seed makes the same shop")
	c.Flags().IntVar(&s.Rounds, "rounds", 5, "how often each is measured, once warm; the median is printed")
	return c
}

func (a *app) benchNightCommand() *cobra.Command {
	n := bench.Night{}
	c := newCommand("night", "Measure a midnight of a million members with points, tiers and a card, in a Postgres database of its own that it drops",
		func(c *cobra.Command, _ []string) error {
			if n.Members < 10 || n.Members > 10_000_000 || n.Orders < 10 || n.Orders > 100_000_000 {
				return usage("bench night takes 10 to 10,000,000 members and 10 to 100,000,000 orders")
			}
			return a.benchOne(c.Context(), func(db *store.DB, watch watch) (bench.Outcome, error) {
				n.DB, n.Watch = db, watch
				return n.Run(c.Context())
			})
		})
	c.Flags().IntVar(&n.Members, "members", bench.FullMembers, "how many members the made-up shop has")
	c.Flags().IntVar(&n.Orders, "orders", bench.FullOrders, "how many orders")
	c.Flags().Uint64Var(&n.Seed, "seed", 1, "the same seed makes the same shop")
	return c
}

func (a *app) benchPagesCommand() *cobra.Command {
	p, shop := bench.Pages{}, ""
	c := newCommand("pages", "Measure how fast each page of the console opens in a shop of a million members, in a Postgres database of its own that it drops",
		func(c *cobra.Command, _ []string) error {
			if p.Members < 100 || p.Members > 10_000_000 || p.Orders < 100 || p.Orders > 100_000_000 {
				return usage("bench pages takes 100 to 10,000,000 members and 100 to 100,000,000 orders")
			}
			run := func(db *store.DB, watch watch) (bench.Outcome, error) {
				p.DB, p.Watch = db, watch
				return p.Run(c.Context())
			}
			if shop != "" {
				return a.benchIn(c.Context(), shop, run)
			}
			return a.benchOne(c.Context(), run)
		})
	c.Flags().IntVar(&p.Members, "members", bench.FullMembers, "how many members the made-up shop has; it sends ten mails for each")
	c.Flags().IntVar(&p.Orders, "orders", bench.FullOrders, "how many orders")
	c.Flags().Uint64Var(&p.Seed, "seed", 1, "the same seed makes the same shop")
	c.Flags().IntVar(&p.Rounds, "rounds", 3, "how often each page is opened, once warm; the median is printed")
	c.Flags().StringVar(&shop, "shop", "", "postgres://… of a database that is kept: empty, the shop is made in it; with such a shop, that one is opened again")
	return c
}

// benchOne measures on a database of its own and prints what was found.
func (a *app) benchOne(ctx context.Context, run func(*store.DB, watch) (bench.Outcome, error)) error {
	db, err := store.Scratch(ctx, a.benchPostgres(), store.Options{Conns: 4})
	if err != nil {
		return err
	}
	return a.benchOn(db, "dropped at the end", run)
}

// benchIn measures in a database of the caller's, which stays.
func (a *app) benchIn(ctx context.Context, address string, run func(*store.DB, watch) (bench.Outcome, error)) error {
	if store.EngineOf(address) != store.Postgres {
		return usage("--shop takes the address of a database: postgres://user:password@host:5432/database")
	}
	db, err := store.Open(ctx, address, store.Options{Conns: 4})
	if err != nil {
		return err
	}
	if err := db.Migrate(ctx); err != nil {
		return errors.Join(err, db.Close())
	}
	return a.benchOn(db, "kept", run)
}

// benchOn measures, prints what was found and closes the database.
func (a *app) benchOn(db *store.DB, fate string, run func(*store.DB, watch) (bench.Outcome, error)) (err error) {
	defer func() { err = errors.Join(err, db.Close()) }()
	fmt.Fprintf(a.err, "database: %s (%s)\n", db.Place(), fate)
	out, err := staged(a, func(watch watch) (bench.Outcome, error) { return run(db, watch) })
	if err != nil {
		return err
	}
	return a.measured(out, func() error { return a.printOutcome(out) })
}

// measured prints what a benchmark found. At its full size a target that is missed
// ends the command with 1.
func (a *app) measured(out interface {
	Full() bool
	Missed() []string
}, table func() error) error {
	if a.json {
		table = func() error { return a.printJSON(out) }
	}
	if err := table(); err != nil {
		return err
	}
	if out.Full() && len(out.Missed()) > 0 {
		return quiet(failed)
	}
	return nil
}

// benchPostgres is the server on which benchmarks make a database of their own.
func (a *app) benchPostgres() string {
	if strings.HasPrefix(a.config.DatabaseURL, "postgres") {
		return a.config.DatabaseURL
	}
	return cmp.Or(a.config.TestDatabaseURL, localPostgres)
}

func (a *app) printOutcome(out bench.Outcome) error {
	milliseconds := func(d time.Duration) string { return fmt.Sprintf("%.0f ms", float64(d)/1e6) }
	fmt.Fprintf(a.out, "%d members, %d orders, %d lines (seed %d)\n\n", out.Members, out.Orders, out.Lines, out.Seed)
	var rows [][]string
	for _, f := range out.Figures {
		took, against, verdict := milliseconds(f.Took), "", ""
		if f.Bytes > 0 {
			took = fmt.Sprintf("%.0f MB", float64(f.Bytes)/1e6)
			if f.Bytes < 1e6 {
				took = fmt.Sprintf("%.0f kB", float64(f.Bytes)/1e3)
			}
		}
		if f.Peer != "" {
			against = fmt.Sprintf("%.2f × %s", f.Ratio, f.Peer)
		}
		if f.Target != "" && out.Full() {
			verdict = either(f.Met, "pass", "FAIL")
		}
		rows = append(rows, []string{f.Work, took, against, f.Target, verdict})
	}
	if err := a.table([]string{"WORK", "TOOK", "AGAINST ITS PEER", "TARGET", ""}, rows); err != nil {
		return err
	}
	if len(out.Nightly) > 0 {
		fmt.Fprintln(a.out, "\nThe segments of the last night:")
		rows = nil
		for _, s := range out.Nightly {
			rows = append(rows, []string{s.Segment, fmt.Sprint(s.Members), milliseconds(s.Took)})
		}
		if err := a.table([]string{"SEGMENT", "INSIDE", "TOOK"}, rows); err != nil {
			return err
		}
	}
	if !out.Full() {
		fmt.Fprintf(a.out, "\nThe targets are meant for %d members with %d orders: at this size they are not judged.\n", bench.FullMembers, bench.FullOrders)
	}
	return nil
}

// watch is told of each stage of a benchmark, and then how far it is.
type watch = func(stage string, total int64) (tick func(n int64))

// staged runs a benchmark and tells how far it is.
func staged[T any](a *app, run func(watch) (T, error)) (T, error) {
	s := &stages{a: a}
	defer s.end()
	return run(s.begin)
}

// stages tells on stderr how far a long piece of work is: a bar for the present
// stage on a terminal, and a line for each that is done.
type stages struct {
	a     *app
	name  string
	began time.Time
	over  func() // ends the bar
}

// everyTicks is how often a bar is told: more costs more than what it measures.
const everyTicks = 5000

func (s *stages) begin(name string, total int64) (tick func(int64)) {
	s.end()
	s.name, s.began = name, time.Now()
	progress, over := bar[int64](s.a, name, progressbar.OptionShowCount())
	s.over = over
	var done atomic.Int64
	return func(n int64) {
		if now := done.Add(n); progress != nil && (total < everyTicks || now%everyTicks == 0) {
			progress(now, total)
		}
	}
}

func (s *stages) end() {
	if s.name != "" {
		s.over()
		fmt.Fprintf(s.a.err, "%s: %s\n", s.name, time.Since(s.began).Round(100*time.Millisecond))
		s.name = ""
	}
}
