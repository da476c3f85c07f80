package intake

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/store"
	"regulars/internal/tiers"
)

// ordersAtOnce is how many orders of the time before the program are booked at once.
const ordersAtOnce = 2000

// pastOrders is the name of the pass that books the orders of the time before the program.
const pastOrders = "points history"

// BookPast books the next orders that were there when the program first came to keep points,
// once, and then what has ended of what they earned, at whatever hour it is. It returns of how
// many members; 0: all is booked.
func BookPast(ctx context.Context, db *store.DB) (n int, err error) {
	due := false
	err = db.View(ctx, func(tx *store.Tx) error {
		rules, err := rulesOf(tx)
		if err != nil || rules == nil {
			return err
		}
		return tx.One(&due, "select count(*) = 0 from passes where name = '"+pastOrders+"' and day = @since and finished_at is not null", store.Args{"since": int64(rules.Since)})
	})
	if err != nil || !due {
		return 0, err
	}
	err = db.Update(ctx, func(tx *store.Tx) error {
		rules, err := rulesOf(tx)
		if err != nil || rules == nil {
			return err
		}
		today, err := tx.Today()
		if err == nil {
			n, err = bookPast(tx, rules, today)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("the pass %s: %w", pastOrders, err)
	}
	return n, nil
}

// Unbooked reports whether orders are yet to be booked that were there when the program first
// came to keep points, and since which day.
func Unbooked(tx *store.Tx) (some bool, since loyalty.Day, err error) {
	rules, err := rulesOf(tx)
	if err != nil || rules == nil {
		return false, 0, err
	}
	err = tx.One(&some, `
		select exists (select 1 from orders where day >= @since and day < @began and counts)
		   and not exists (select 1 from passes where name = '`+pastOrders+`' and day = @since and finished_at is not null)`,
		store.Args{"since": int64(rules.Since), "began": int64(rules.Began)})
	return some, rules.Since, err
}

// bookPast does a piece: the row of the pass, of the program's first day, keeps how far it is.
func bookPast(tx *store.Tx, rules *points.Rules, today loyalty.Day) (int, error) {
	if err := tx.ByIndex(); err != nil { // it is some members' each time
		return 0, err
	}
	args := store.Args{"name": pastOrders, "since": int64(rules.Since), "now": tx.At}
	if _, err := tx.Exec("insert into passes (name, day, started_at, note) values (@name, @since, @now, '0') on conflict (name, day) do nothing", args); err != nil {
		return 0, err
	}
	var note string
	err := tx.One(&note, "select note from passes where name = @name and day = @since and finished_at is null "+tx.SkipLocked(), args)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	after, _ := strconv.ParseInt(note, 10, 64) // our own: "0" at first
	var orders []int64
	args["after"] = after
	if err := tx.All(&orders, fmt.Sprintf("select id from orders where id > @after and day >= @since and counts order by id limit %d", ordersAtOnce), args); err != nil {
		return 0, err
	}
	if len(orders) == 0 {
		return endPast(tx, rules, today, after > 0, args)
	}
	var members []int64
	if err := tx.All(&members, "select distinct member_id from orders where id in (select value from "+tx.JSONEach("@ids")+") order by member_id",
		store.Args{"ids": store.IDs(orders)}); err != nil {
		return 0, err
	}
	if err := tx.HoldMembers(members); err != nil {
		return 0, err
	}
	if _, err := rules.Book(tx, orders); err != nil {
		return 0, err
	}
	if _, err := rules.Joined(tx, members); err != nil {
		return 0, err
	}
	if _, err := refreshFacts(tx, today, members); err != nil {
		return 0, err
	}
	args["note"] = strconv.FormatInt(orders[len(orders)-1], 10)
	_, err = tx.Exec("update passes set note = @note where name = @name and day = @since", args)
	return len(members), err
}

// endPast books what has ended of the next members by what past orders earned; when that is
// done, tiers may be told by it.
func endPast(tx *store.Tx, rules *points.Rules, today loyalty.Day, some bool, args store.Args) (int, error) {
	if some {
		members, err := rules.Due(tx, endAtOnce)
		if len(members) > 0 || err != nil {
			if err == nil {
				err = endOf(tx, rules, today-1, today, members)
			}
			return len(members), err
		}
		if err := tiers.TellPast(tx, rules.Since); err != nil {
			return 0, err
		}
	}
	_, err := tx.Exec("update passes set finished_at = @now where name = @name and day = @since", args)
	return 0, err
}

// EndAll books what has ended of everybody, as the night does: where history came in, much
// of it has ended long ago.
func EndAll(ctx context.Context, db *store.DB) error {
	for more := true; more; {
		err := db.Update(ctx, func(tx *store.Tx) error {
			more = false
			rules, err := rulesOf(tx)
			if err != nil || rules == nil {
				return err
			}
			members, err := rules.Due(tx, endAtOnce)
			if more = len(members) > 0; !more || err != nil {
				return err
			}
			if err := tx.HoldMembers(members); err != nil {
				return err
			}
			if _, err := rules.Expire(tx, members); err != nil {
				return err
			}
			return booked(tx, members)
		})
		if err != nil {
			return fmt.Errorf("what has ended: %w", err)
		}
	}
	return nil
}
