package main

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"regulars/internal/importer"
	"regulars/internal/program"
	"regulars/internal/rehearsal"
	"regulars/internal/store"
)

// rehearseFlags are the flags of rehearse.
type rehearseFlags struct {
	orders   string
	from, to dayFlag
	everyone bool
	against  string // a directory
	svg      string // the file to draw the calendar into
	importFlags
}

func (a *app) rehearseCommand() *cobra.Command {
	var f rehearseFlags
	c := newCommand("rehearse DIR", "Play a program over past orders and say who would have got what; sends nothing",
		func(c *cobra.Command, args []string) error {
			if !f.from.given || !f.to.given {
				return usage("rehearse needs --from and --to, the first and the last day, like 2026-01-01")
			}
			next, err := a.readDirectory(args[0], false)
			if err != nil {
				return err
			}
			var other program.Version
			if f.against != "" {
				if other, err = a.readDirectory(f.against, false); err != nil {
					return err
				}
			}
			return a.rehearse(c, next, other, f)
		})
	flags := c.Flags()
	flags.StringVar(&f.orders, "orders", "", "a file of orders instead of those in the database")
	f.importFlags.add(flags)
	flags.Var(&f.from, "from", "the first day, like 2026-01-01")
	flags.Var(&f.to, "to", "the last day")
	flags.BoolVar(&f.everyone, "everyone", false, "as if everybody had joined, with consent, at their first order")
	flags.StringVar(&f.against, "against", "", "a second `DIR`, played over the same days: says which campaigns do other than as much")
	flags.StringVar(&f.svg, "svg", "", "draw the days as a calendar into this file")
	return c
}

// rehearse plays next and, where it has a program, the other one.
func (a *app) rehearse(c *cobra.Command, next, other program.Version, f rehearseFlags) error {
	r := rehearsal.Rehearsal{Program: next, Everyone: f.everyone, From: f.from.Day, To: f.to.Day}
	if r.To < r.From {
		return usage("--to is before --from")
	}
	if f.orders == "" {
		for _, name := range importNames() {
			if c.Flags().Changed(name) {
				return usage("--%s is about a file: say which with --orders FILE", name)
			}
		}
	}
	play := func(db *store.DB) error {
		r.Past = db
		outcome, err := a.played(c.Context(), r, "playing what happened")
		if err != nil {
			return err
		}
		if r.Program = other; other.Program != nil {
			against, err := a.played(c.Context(), r, "playing "+f.against)
			if err != nil {
				return err
			}
			outcome.Against = &against
		}
		if f.svg != "" {
			return a.write("rehearse", outcome.SVG(), f.svg)
		}
		if a.json {
			return a.printJSON(outcome)
		}
		outcome.Print(a.out)
		return nil
	}
	if f.orders == "" {
		return a.opened(c.Context(), false, play)
	}
	return a.fromFile(c, next, f, play)
}

// played plays one program, and shows how far it is.
func (a *app) played(ctx context.Context, r rehearsal.Rehearsal, words string) (rehearsal.Outcome, error) {
	var done func()
	r.Progress, done = bar[int64](a, words, progressbar.OptionShowCount())
	defer func() { done() }()
	return r.Run(ctx)
}

// fromFile takes the file into a database of its own, in the program's zone and
// currency, and plays from there: no other database is needed.
func (a *app) fromFile(c *cobra.Command, next program.Version, f rehearseFlags, play func(*store.DB) error) error {
	im, err := f.read("orders", f.orders)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "regulars-orders-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	db, err := store.Open(c.Context(), "sqlite:"+filepath.Join(folder, "orders.db"), store.Options{Create: true, Now: time.Now})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Migrate(c.Context()); err != nil {
		return err
	}
	err = db.Update(c.Context(), func(tx *store.Tx) error {
		if err := tx.SetSetting(store.SettingZone, next.Program.Zone.String()); err != nil {
			return err
		}
		return tx.SetSetting(store.SettingCurrency, next.Program.Currency)
	})
	if err != nil {
		return err
	}
	done := a.noting(&im, f.orders)
	_, err = importer.New(db).Import(c.Context(), im)
	if done(); err != nil {
		return err
	}
	return play(db)
}
