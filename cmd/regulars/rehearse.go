package main

import (
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
			return a.rehearse(c, next, f)
		})
	flags := c.Flags()
	flags.StringVar(&f.orders, "orders", "", "a file of orders instead of those in the database")
	f.importFlags.add(flags)
	flags.Var(&f.from, "from", "the first day, like 2026-01-01")
	flags.Var(&f.to, "to", "the last day")
	flags.BoolVar(&f.everyone, "everyone", false, "as if everybody had joined, with consent, at their first order")
	return c
}

func (a *app) rehearse(c *cobra.Command, next program.Version, f rehearseFlags) error {
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
		var done func()
		r.Past = db
		r.Progress, done = bar[int](a, "playing days", progressbar.OptionShowCount())
		outcome, err := r.Run(c.Context())
		done()
		if err != nil {
			return err
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
