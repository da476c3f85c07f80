package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regulars/internal/bench"
	"regulars/internal/store"
)

func (a *app) benchFaultsCommand() *cobra.Command {
	f := bench.Faults{}
	c := &cobra.Command{
		Use: "faults", Short: "Kill, stop and cut off replicas while a run is sent, and hold the ledger to what the relay took",
		Long: `Each fault happens to replicas of this program, with a database, a Redis and a relay
of their own on this machine, again and again while a run of personal mails with
codes is sent. Then the run has peace to end, and is counted: no mail may be lost or
sent twice, and few may stay without an answer.`,
		Example: "regulars bench faults\nregulars bench faults --only kill --mails 100000 --for 10m",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case f.Engine != store.Postgres && f.Engine != store.SQLite:
				return usage("--engine takes %s or %s, not %q", store.Postgres, store.SQLite, f.Engine)
			case f.Mails < 100 || f.Mails > 1_000_000:
				return usage("bench faults takes 100 to 1,000,000 mails")
			case f.For < time.Second || f.For > time.Hour:
				return usage("--for takes 1s to 1h")
			}
			for _, name := range f.Only {
				if !slices.Contains(bench.FaultNames(), name) {
					return usage("--only takes %s, not %q", strings.Join(bench.FaultNames(), ", "), name)
				}
			}
			return a.benchFaults(c.Context(), f)
		},
	}
	c.Flags().StringVar(&f.Engine, "engine", store.Postgres, "the database: postgres, with two replicas, or sqlite, with one")
	c.Flags().IntVar(&f.Mails, "mails", 20_000, "how many mails the run has")
	c.Flags().DurationVar(&f.For, "for", 30*time.Second, "so long each fault goes on, and the relay takes for the mails of a run")
	c.Flags().StringSliceVar(&f.Only, "only", nil, "some faults: "+strings.Join(bench.FaultNames(), ", "))
	c.Flags().Uint64Var(&f.Seed, "seed", 1, "draws which replica it happens to")
	return c
}

func (a *app) benchFaults(ctx context.Context, f bench.Faults) (err error) {
	if f.Program, err = os.Executable(); err != nil {
		return err
	}
	if f.Dir, err = os.MkdirTemp("", "regulars-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(f.Dir)
	f.Server = a.benchPostgres()
	trials, err := staged(a, func(watch watch) ([]bench.Trial, error) { f.Watch = watch; return f.Run(ctx) })
	if err != nil {
		return err
	}
	if err := a.printTrials(trials); err != nil {
		return err
	}
	if slices.ContainsFunc(trials, func(t bench.Trial) bool { return len(t.Wrong) > 0 }) {
		return quiet(failed)
	}
	return nil
}

func (a *app) printTrials(trials []bench.Trial) error {
	if a.json {
		return a.printJSON(trials)
	}
	var rows [][]string
	for _, t := range trials {
		if t.LeftOut != "" {
			rows = append(rows, []string{t.Fault, "–", "", "", "", "", "", "", t.LeftOut})
			continue
		}
		row, said := []string{t.Fault}, ""
		if t.Most > 0 {
			said = fmt.Sprintf(" (at most %d mails in ten seconds)", t.Most)
		}
		for _, n := range []int64{int64(t.Times), t.Mails, t.Sent, t.Unknown, t.Lost, t.Twice} {
			row = append(row, fmt.Sprint(n))
		}
		rows = append(rows, append(row, t.Took.Round(100*time.Millisecond).String(), either(len(t.Wrong) == 0, "pass", "FAIL: "+strings.Join(t.Wrong, "; "))+said))
	}
	return a.table([]string{"FAULT", "TIMES", "MAILS", "SENT", "UNKNOWN", "LOST", "TWICE", "TOOK", ""}, rows)
}
