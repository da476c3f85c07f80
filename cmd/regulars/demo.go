package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"regulars/internal/demo"
	"regulars/internal/engine"
	"regulars/internal/store"
)

// demoFlags are the flags of demo.
type demoFlags struct {
	exit         bool
	days, people int
	listen       string
}

func (a *app) demoCommand() *cobra.Command {
	var f demoFlags
	c := newCommand("demo", "Play a made-up shop in fast motion, then leave its pages open; touches nothing of yours",
		func(c *cobra.Command, _ []string) error {
			if f.days < 1 || f.days > 1000 || f.people < 10 || f.people > 100_000 {
				return usage("demo takes 1 to 1,000 days and 10 to 100,000 members")
			}
			return a.demo(c.Context(), f)
		})
	c.Flags().BoolVar(&f.exit, "exit", false, "stop after the summary")
	c.Flags().IntVar(&f.days, "days", 120, "how many days are played")
	c.Flags().IntVar(&f.people, "members", 1500, "how many customers the shop has")
	c.Flags().StringVar(&f.listen, "listen", inboxListen, "host:port of the pages, which show every mail to whoever reaches them")
	return c
}

// demo has its own database, queue and inbox in a temporary folder: the three
// URLs of the environment are never looked at. Its hook takes the secret that
// HOOK_SECRET_STANDARD names, for whoever wants to send it an order.
func (a *app) demo(ctx context.Context, f demoFlags) error {
	if err := listenAddress(f.listen); err != nil {
		return usage("--listen %w", err)
	}
	a.config = config{Listen: f.listen, LogLevel: "warn", SMTPURL: inbox, hookSecrets: a.config.hookSecrets}
	door, err := a.listen(!f.exit)
	if err != nil {
		return err
	}
	defer door.Close()
	folder, err := os.MkdirTemp("", "regulars-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	a.config.DatabaseURL = "sqlite:" + filepath.Join(folder, "demo.db")
	return a.opened(ctx, true, func(db *store.DB) error {
		end := time.Now()
		clock := engine.NewClock(end)
		w, err := a.wire(ctx, db.Clock(func() time.Time {
			if now := clock.Now(); now.UnixMicro() != 0 {
				return now
			}
			return time.Now() // once it is set to nothing, real time goes on
		}), a.logger())
		if err != nil {
			return err
		}
		defer w.close(ctx)
		progress, done := bar[int](a, "playing days", progressbar.OptionShowCount())
		summary, err := demo.Play{
			DB: w.db, Clock: clock, Intake: w.door, Engine: w.engine,
			Days: f.days, People: f.people, Seed: 7, End: end, Progress: progress,
		}.Run(ctx)
		done()
		if err != nil {
			return err
		}
		if a.json {
			err = a.printJSON(summary)
		} else {
			summary.Print(a.out)
			fmt.Fprintf(a.out, "\nPlayed %d days in %s; %d mails went over SMTP to the built-in inbox.\n", f.days, time.Since(end).Round(100*time.Millisecond), w.sink.Count())
		}
		if err != nil || f.exit {
			return err
		}
		clock.Set(time.UnixMicro(0))
		fmt.Fprintf(a.out, `
The service goes on from here in real time. Ctrl-C ends it and removes everything.
From another terminal: DATABASE_URL=%s regulars status
`, a.config.DatabaseURL)
		return a.live(ctx, w, []string{"web", "worker"}, door)
	})
}
