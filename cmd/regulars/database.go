package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// timing is how long the database may take to tell the time: then it is taken for away.
const timing = 5 * time.Second

// open opens the database that the environment names and says on stderr which
// one it is. Only a command that may begin a shop's life creates a file.
func (a *app) open(ctx context.Context, create bool) (*store.DB, error) {
	clock := store.NewClock(a.surroundings.clock)
	db, err := store.Open(ctx, a.config.DatabaseURL, store.Options{Create: create, Now: clock.Now})
	if errors.Is(err, store.ErrNoFile) {
		return nil, fmt.Errorf("%w. Set DATABASE_URL, or begin with `regulars migrate`, `import`, `apply` or `serve`", err)
	}
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(a.err, "database:", db.Place())
	asked, cancel := context.WithTimeout(ctx, a.timing)
	defer cancel()
	if err := clock.Measure(asked, db); err != nil {
		db.Close()
		return nil, err
	}
	if a.clock = clock; clock.TooFar() {
		fmt.Fprintf(a.err, "note: this machine's clock is %s from the database's, whose time counts\n", clock.Ahead().Abs().Round(time.Second))
	}
	return db, nil
}

// commandLockWait is how long a command waits for a lock that somebody else holds: it
// must not hang.
const commandLockWait = 15 * time.Second

// opened runs f on the database, migrated when the command may create it and
// refused when its schema is older than this binary.
func (a *app) opened(ctx context.Context, create bool, f func(*store.DB) error) error {
	db, err := a.open(ctx, create)
	if err != nil {
		return err
	}
	defer db.Close()
	if create {
		if err := migrated(ctx, db); err != nil {
			return err
		}
	}
	if have, want, err := db.Schema(ctx); err != nil {
		return err
	} else if have < want {
		return fmt.Errorf("the schema is at version %d and this binary needs %d: run `regulars migrate`", have, want)
	}
	db = db.Hasty(commandLockWait)
	err = db.View(ctx, func(tx *store.Tx) (err error) { a.zone, err = tx.Zone(); return err })
	if err != nil {
		return err
	}
	return f(db)
}

// migrated brings the schema up to this version, and what an older one has written into
// today's spelling.
func migrated(ctx context.Context, db *store.DB) error {
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	return intake.Respell(ctx, db)
}

// viewed runs f on the database in a read-only transaction.
func (a *app) viewed(c *cobra.Command, f func(*store.Tx, *store.DB) error) error {
	return a.opened(c.Context(), false, func(db *store.DB) error {
		return db.View(c.Context(), func(tx *store.Tx) error { return f(tx, db) })
	})
}

// viewing makes a command of what reads.
func (a *app) viewing(f func(tx *store.Tx, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		return a.viewed(c, func(tx *store.Tx, _ *store.DB) error { return f(tx, args) })
	}
}

// updating makes a command of what writes, in one transaction.
func (a *app) updating(f func(tx *store.Tx, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		return a.opened(c.Context(), false, func(db *store.DB) error {
			return db.Update(c.Context(), func(tx *store.Tx) error { return f(tx, args) })
		})
	}
}

// newCommand is a command that takes as many arguments as its use names.
func newCommand(use, short string, run func(*cobra.Command, []string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(strings.Count(use, " ")), RunE: run}
}

// reading is a command that reads.
func (a *app) reading(use, short string, f func(tx *store.Tx, args []string) error) *cobra.Command {
	return newCommand(use, short, a.viewing(f))
}

// action is a command that works in one transaction.
func (a *app) action(use, short string, f func(tx *store.Tx, args []string) error) *cobra.Command {
	return newCommand(use, short, a.updating(f))
}

// today is the shop's present day.
func (a *app) today(tx *store.Tx) loyalty.Day { return loyalty.DayOf(tx.At.Time, a.zone) }

// orNotThere says that there is no row of a number.
func orNotThere(err error, thing string, id int64) error {
	if errors.Is(err, store.ErrNotFound) {
		return notThere(thing, id)
	}
	return fmt.Errorf("%s %d: %w", thing, id, err)
}

func notThere(thing string, id int64) error {
	return store.Missing(fmt.Sprintf("there is no %s %d", thing, id))
}

// noVersion says that there is no version of a number.
func noVersion(version int64, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return store.Missing(fmt.Sprintf("there is no version %d: see `regulars versions`", version))
	}
	return err
}

func (a *app) migrateCommand() *cobra.Command {
	var check bool
	c := newCommand("migrate", "Bring the database's schema up to this version (--check only asks)", func(c *cobra.Command, _ []string) error {
		db, err := a.open(c.Context(), !check)
		if err != nil {
			return err
		}
		defer db.Close()
		if !check {
			if err := migrated(c.Context(), db); err != nil {
				return err
			}
		}
		have, want, err := db.Schema(c.Context())
		if err != nil {
			return err
		}
		err = a.say(map[string]any{"schema": have, "needs": want, "current": have >= want}, "schema version %d, this binary needs %d", have, want)
		if err == nil && have < want {
			return quiet(failed)
		}
		return err
	})
	c.Flags().BoolVar(&check, "check", false, "only say whether the schema is up to date; exit 1 when it is not")
	return c
}
