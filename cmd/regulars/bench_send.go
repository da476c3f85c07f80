package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"regulars/internal/bench"
)

func (a *app) benchSendCommand() *cobra.Command {
	s := bench.Send{}
	c := &cobra.Command{
		Use: "send", Short: "Measure how fast runs of personal mails are handed over, beside smtp-source and a plain loop in the same turns",
		Long: `A replica of this program sends runs of personal mails to Postfix's smtp-sink, with its
ledger in a Postgres database of its own. In turns with it, smtp-source sends one
constant mail of the same size, and a plain loop over go-mail fills one in. Then it
sends a tenth as many mails signed with DKIM, by each kind of key.

A sender of --against is a command of the shell. It finds RELAY (host:port), MAILS and
SIZE (bytes of a mail) in its environment and ends when all are handed over.`,
		Example: "regulars bench send\nregulars bench send --mails 1000000 --rounds 1 --far=false",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if s.Mails < 100 || s.Mails > 10_000_000 || s.Rounds < 1 || s.Rounds > 20 || s.Connections < 1 || s.Connections > 500 {
				return usage("bench send takes 100 to 10,000,000 mails, 1 to 20 rounds and 1 to 500 connections")
			}
			return a.benchSend(c.Context(), s)
		},
	}
	c.Flags().IntVar(&s.Mails, "mails", bench.FullSend, "how many mails each of them hands over in a round")
	c.Flags().IntVar(&s.Rounds, "rounds", 3, "how often each has its turn; the median is printed")
	c.Flags().IntVar(&s.Connections, "connections", 10, "how many connections the relay gets")
	c.Flags().BoolVar(&s.Far, "far", true, "also over a wire of 20 ms each way, with 50 and 200 connections")
	c.Flags().StringArrayVar(&s.Against, "against", nil, "another sender's `command`")
	return c
}

func (a *app) benchSend(ctx context.Context, s bench.Send) (err error) {
	if s.Program, err = os.Executable(); err != nil {
		return err
	}
	if s.Dir, err = os.MkdirTemp("", "regulars-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.Dir)) }()
	s.Server = a.benchPostgres()
	out, err := staged(a, func(watch watch) (bench.SendOutcome, error) { s.Watch = watch; return s.Run(ctx) })
	if err != nil {
		return err
	}
	return a.measured(out, func() error { return a.printPaces(out) })
}

func (a *app) printPaces(out bench.SendOutcome) error {
	fmt.Fprintf(a.out, "%d mails of %d bytes a round, %d rounds, %d connections; CPU is for each mail, in µs\n\n", out.Mails, out.Size, out.Rounds, out.Connections)
	micros := func(d time.Duration) string {
		if d == 0 {
			return ""
		}
		return fmt.Sprint(d.Microseconds())
	}
	var rows [][]string
	for _, p := range out.Paces {
		memory, against := "", ""
		if p.Memory > 0 {
			memory = fmt.Sprintf("%.0f MB", float64(p.Memory)/(1<<20))
		}
		if p.Peer != "" {
			against = fmt.Sprintf("%.2f × %s", p.Ratio, p.Peer)
		}
		verdict := verdictOf(p.Target != "" && out.Full(), p.Met)
		rows = append(rows, []string{p.Work, fmt.Sprintf("%.0f", p.PerSecond), micros(p.Ours), micros(p.Database), micros(p.Relay), memory, against, p.Target, verdict})
	}
	if err := a.table([]string{"WORK", "A SECOND", "SENDER", "DATABASE", "RELAY", "MEMORY", "AGAINST", "TARGET", ""}, rows); err != nil {
		return err
	}
	if b := out.Beside; b != nil {
		fmt.Fprintf(a.out, "\nFrom a webhook to the mail that it sets off, beside a run of %d: median %s, p99 %s of %d (%s) %s\n",
			b.Run, b.Median.Round(time.Millisecond), b.P99.Round(time.Millisecond), b.Mails, b.Target, verdictOf(out.Full(), b.Met))
	}
	if err := a.printParts(out); err != nil {
		return err
	}
	if !out.Full() {
		fmt.Fprintf(a.out, "\nThe targets are meant for %d mails a round: at this size they are not judged.\n", bench.FullSend)
	}
	return nil
}

// verdictOf is the word for a target, where it is judged.
func verdictOf(judged, met bool) string {
	if !judged {
		return ""
	}
	return either(met, "pass", "FAIL")
}

// printParts prints what a mail takes by part, and what that means for the rate.
func (a *app) printParts(out bench.SendOutcome) error {
	fmt.Fprint(a.out, "\nWhat a mail takes, in µs of CPU: the sender's as its profile divides it, the database's as the times of its statements do\n\n")
	var rows [][]string
	for _, p := range out.Parts {
		rows = append(rows, []string{p.Work, p.Of, p.Part, fmt.Sprintf("%.1f", float64(p.Each.Nanoseconds())/1e3)})
	}
	if err := a.table([]string{"WORK", "OF", "PART", "CPU"}, rows); err != nil {
		return err
	}
	fmt.Fprintln(a.out)
	for _, b := range out.Bounds {
		fmt.Fprintf(a.out, "%s: by what was measured, %d processors that are always busy allow smtp-source %.0f mails a second and this %.0f, each with its relay: %.2f ×, and %.2f × did the ledger cost nothing. Reached: %.2f ×.\n",
			b.Work, b.Cores, b.Source, b.Highest, b.Ratio, b.WithoutStore, b.Reached)
		if b.Reached > b.Ratio {
			fmt.Fprintln(a.out, "That is more than this: smtp-source left the processors idle for longer than the run did, or something else had a part of them.")
		}
	}
	return nil
}
