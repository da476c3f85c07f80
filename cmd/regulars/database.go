package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

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
	asked, cancel := context.WithTimeout(ctx, 5*time.Second)
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
	have, want, err := db.Schema(ctx)
	if err != nil {
		return err
	}
	if have < want {
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

// moment shows an instant in the shop's time; none is a dash.
func (a *app) moment(i loyalty.Instant) string { return a.wall(i, "2006-01-02 15:04 MST") }

// second is moment to the second.
func (a *app) second(i loyalty.Instant) string { return a.wall(i, "2006-01-02 15:04:05 MST") }

func (a *app) wall(i loyalty.Instant, layout string) string {
	if i.IsZero() {
		return "–"
	}
	return i.In(a.zone).Format(layout)
}

func (a *app) migrateCommand() *cobra.Command {
	var check bool
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to this version (--check only asks)",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
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
			return a.saySchema(have, want)
		},
	}
	c.Flags().BoolVar(&check, "check", false, "only say whether the schema is up to date; exit 1 when it is not")
	return c
}

func (a *app) saySchema(have, want int64) error {
	if a.json {
		if err := a.printJSON(map[string]any{"schema": have, "needs": want, "current": have >= want}); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.out, "schema version %d, this binary needs %d\n", have, want)
	}
	if have < want {
		return quiet(failed)
	}
	return nil
}
