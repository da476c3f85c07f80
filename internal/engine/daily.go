package engine

import (
	"context"
	"errors"
	"fmt"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// What is done once a shop day, by its name in the table of passes.
const (
	passCodes  = "codes"
	passCounts = "code counts"
	passPools  = "pool days"
	passRetain = "retention"
)

// piece is a bounded piece of what is due once per shop day. It returns how much
// it did and whether there is more.
type piece func(tx *store.Tx, today loyalty.Day) (did int, more bool, err error)

// daily does a piece of the day's work of that name, unless the day's is done or
// somebody else is at it: the row of passes is the claim, and says when the last
// piece was done.
func daily(ctx context.Context, db *store.DB, name string, do piece) (did int, err error) {
	if done, err := doneToday(ctx, db, name); done || err != nil {
		return 0, err
	}
	err = db.Update(ctx, func(tx *store.Tx) error {
		did = 0
		today, err := tx.Today()
		if err != nil {
			return err
		}
		args := store.Args{"name": name, "today": int64(today), "now": tx.At}
		if err := claimDay(tx, args); err != nil {
			return ignoreTaken(err)
		}
		var more bool
		if did, more, err = do(tx, today); err != nil || more {
			return err
		}
		_, err = tx.Change(&passRow{Name: name, Day: today}, store.Args{"finished_at": tx.At})
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("today's %s: %w", name, err)
	}
	return did, nil
}

// doneToday looks before the lock of a writer is taken.
func doneToday(ctx context.Context, db *store.DB, name string) (done bool, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		today, err := tx.Today()
		if err != nil {
			return err
		}
		row := passRow{Name: name, Day: today}
		err = tx.Get(&row)
		done = !row.FinishedAt.IsZero()
		return store.IgnoreNotFound(err)
	})
	return done, err
}

// passRow is a pass of a day.
type passRow struct {
	Name       string      `gorm:"primaryKey"`
	Day        loyalty.Day `gorm:"primaryKey"`
	FinishedAt loyalty.Instant
}

func (passRow) TableName() string { return "passes" }

// claimDay locks the day's row, which it makes first; store.ErrNotFound when it
// is done or somebody else has it.
func claimDay(tx *store.Tx, args store.Args) error {
	if _, err := tx.Exec("insert into passes (name, day, started_at) values (@name, @today, @now) on conflict (name, day) do nothing", args); err != nil {
		return err
	}
	var name string
	return tx.One(&name, "select name from passes where name = @name and day = @today and finished_at is null "+tx.SkipLocked(), args)
}

func ignoreTaken(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// expireCodes ends the codes whose last day is over. It goes through all codes,
// so it is done once a day and not whenever somebody looks.
func expireCodes(ctx context.Context, db *store.DB) (int, error) {
	did, err := daily(ctx, db, passCodes, func(tx *store.Tx, today loyalty.Day) (int, bool, error) {
		n, err := coupon.Expire(tx, today)
		return int(n), false, err
	})
	if err != nil {
		return did, err
	}
	// By itself, for it locks the pools, which whoever gives codes locks first.
	_, err = daily(ctx, db, passCounts, func(tx *store.Tx, _ loyalty.Day) (int, bool, error) {
		return 0, false, coupon.FoldAll(tx)
	})
	if err != nil {
		return did, err
	}
	// How the pools stand now is how the day before ended.
	_, err = daily(ctx, db, passPools, func(tx *store.Tx, today loyalty.Day) (int, bool, error) {
		return 0, false, coupon.NoteDay(tx, today-1)
	})
	return did, err
}
