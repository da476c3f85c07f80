package intake

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/store"
	"regulars/internal/tiers"
)

// pastAtOnce is of how many members what came in of the time before the program is booked in
// one transaction, and ordersAtOnce how many orders at once.
const (
	pastAtOnce   = 500
	ordersAtOnce = 2000
)

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
		return tx.One(&due, "select count(*) = 0 from passes where name = '"+pastOrders+"' and day = @since and (finished_at is not null or started_at > @now)",
			store.Args{"since": int64(rules.Since), "now": tx.At})
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

// NoPast notes that there is nothing to be booked of the time before the program, where that is
// so: an import that comes then books what it brings itself.
func NoPast(tx *store.Tx) error {
	rules, err := rulesOf(tx)
	if err != nil || rules == nil {
		return err
	}
	_, err = tx.Exec(`
		insert into passes (name, day, started_at, finished_at, note)
		select '`+pastOrders+`', cast(@since as bigint), `+tx.Instant("@now")+`, `+tx.Instant("@now")+`, '0'
		where  not exists (select 1 from orders where counts and day >= @since and day < @began)
		on conflict (name, day) do nothing`, store.Args{"since": int64(rules.Since), "began": int64(rules.Began), "now": tx.At})
	return err
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
	var after int64
	_, _ = fmt.Sscanf(note, ofMembers, &after) // else it begins
	args["after"] = after
	var next []struct{ MemberID, N int64 }
	if err := tx.All(&next, fmt.Sprintf("select member_id, count(*) as n from orders where member_id > @after and day >= @since and counts group by member_id order by member_id limit %d", pastAtOnce), args); err != nil {
		return 0, err
	}
	if len(next) == 0 {
		return endPast(tx, rules, today, after > 0, args)
	}
	var members []int64
	for n := int64(0); len(members) < len(next) && n < ordersAtOnce; n += next[len(members)-1].N {
		members = append(members, next[len(members)].MemberID)
	}
	if err := tx.HoldMembers(members); err != nil {
		return 0, err
	}
	if err := bookOf(tx, rules, members); err != nil {
		return 0, err
	}
	if _, err := rules.Joined(tx, members); err != nil {
		return 0, err
	}
	if _, err := refreshFacts(tx, today, members); err != nil {
		return 0, err
	}
	args["note"] = fmt.Sprintf(ofMembers, members[len(members)-1])
	_, err = tx.Exec("update passes set note = @note where name = @name and day = @since", args)
	return len(members), err
}

// ofMembers is how the row of the pass says behind which member it is.
const ofMembers = "member %d"

// bookOf books the orders of members, who are locked: those of before there were tiers by the
// tier that each had before the order, as it would have been.
func bookOf(tx *store.Tx, rules *points.Rules, members []int64) error {
	byTier, err := rules.ByTier()
	if err != nil {
		return err
	}
	if byTier {
		before, err := tiers.Before(tx, members)
		if err != nil {
			return err
		}
		rules = rules.By(before)
	}
	var orders []int64
	err = tx.All(&orders, "select id from orders where member_id in "+tx.In("@members")+" and day >= @since and counts order by id",
		store.Args{"members": store.IDs(members), "since": int64(rules.Since)})
	if err != nil {
		return err
	}
	for some := range slices.Chunk(orders, ordersAtOnce) {
		if _, err := rules.Book(tx, some); err != nil {
			return err
		}
	}
	return nil
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
		if read, err := tiers.ReadPoints(tx); err != nil {
			return 0, err
		} else if read {
			if err := tiers.TellPast(tx); err != nil {
				return 0, err
			}
		}
	}
	_, err := tx.Exec("update passes set finished_at = @now where name = @name and day = @since", args)
	return 0, err
}

// leftFor is for how long after its last rows an import may still be under way: what came in
// of the time before the program is told when all of it is there, and by the night if the
// import never came to its end.
const leftFor = time.Hour

// ofImport is the note of a pass that has nothing to do but what an import left.
const ofImport = "import"

// leavePast leaves what the rows of a file tell of the time before the program to the end of
// the import: the orders to be booked and the tiers to be told of their members. It returns
// the rest, whose orders are booked at once.
func (b *batch) leavePast(items []*item) (now []*item, err error) {
	began, err := tiers.Began(b.tx)
	if err != nil {
		return nil, err
	}
	rules := b.shop.points
	byTier, err := rules.ByTier()
	if err != nil {
		return nil, err
	}
	told, booked := false, false
	for _, it := range items {
		late := byTier && it.order.Day < min(rules.Began, began)
		if it.past = late || it.order.Day < began; !late {
			now = append(now, it)
		}
		told, booked = told || it.order.Day < began, booked || late
	}
	if told {
		if err := b.leave(tiers.History, began); err != nil {
			return nil, err
		}
	}
	if booked {
		err = b.leave(pastOrders, rules.Since)
	}
	return now, err
}

// leave has a pass wait for the end of the import. One that was at work goes through all
// again then.
func (b *batch) leave(pass string, day loyalty.Day) error {
	_, err := b.tx.Exec(`
		insert into passes (name, day, started_at, note) values (@pass, @day, @from, '0')
		on conflict (name, day) do update
		set    started_at = excluded.started_at, finished_at = null,
		       note = case when passes.finished_at is null and passes.note <> '`+ofImport+`' then '0' else '`+ofImport+`' end`,
		store.Args{"pass": pass, "day": int64(day), "from": b.tx.At.Plus(leftFor)})
	return err
}

// TellPast tells what an import brought of the time before the program: of members who had
// orders then it books what these earned, by the tiers of their days, and has the members
// stand where they would stand had the tiers been there all the time. Nobody hears of it.
func TellPast(ctx context.Context, db *store.DB, members iter.Seq[int64]) error {
	for some := range chunks(members, pastAtOnce) {
		err := db.Update(ctx, func(tx *store.Tx) error {
			if err := tx.HoldMembers(some); err != nil {
				return err
			}
			rules, err := rulesOf(tx)
			if err != nil {
				return err
			}
			byTier, err := rules.ByTier()
			if err != nil {
				return err
			}
			if byTier { // the others' orders were booked as they came
				if err := bookOf(tx, rules, some); err != nil {
					return err
				}
				if err := RefreshFacts(tx, some); err != nil {
					return err
				}
			}
			return tiers.Tell(tx, some)
		})
		if err != nil {
			return fmt.Errorf("the time before the program: %w", err)
		}
	}
	return db.Update(ctx, func(tx *store.Tx) error {
		args := store.Args{"now": tx.At, "passes": []string{pastOrders, tiers.History}}
		for _, set := range []string{"finished_at = @now where note = '" + ofImport + "' and", "started_at = @now where started_at > @now and"} {
			if _, err := tx.Exec("update passes set "+set+" name in @passes and finished_at is null", args); err != nil {
				return err
			}
		}
		return nil
	})
}

// chunks are n of a sequence at a time.
func chunks[T any](all iter.Seq[T], n int) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		var some []T
		for v := range all {
			if some = append(some, v); len(some) == n {
				if !yield(some) {
					return
				}
				some = nil
			}
		}
		if some != nil {
			yield(some)
		}
	}
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
