package intake

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// The passes of a new day and how many members one call of it takes.
const (
	passDoubles = "doubles"
	passReturns = "returns"
	passFacts   = "facts"
	perCall     = 5000
)

// NewDay brings the facts to the shop's present day: an order, a change of points
// or a joining that was dated ahead counts from its day on. It does a bounded
// piece and returns how much; 0 says that the facts are of today.
func NewDay(ctx context.Context, db *store.DB) (n int, err error) {
	if n, err := onceADay(ctx, db, passDoubles, uniteSome); err != nil || n > 0 {
		return n, err
	}
	if n, err := onceADay(ctx, db, passReturns, returnSome); err != nil || n > 0 {
		return n, err
	}
	return onceADay(ctx, db, passFacts, newDay)
}

// onceADay does the next piece of a pass, unless it is done for the shop's day.
func onceADay(ctx context.Context, db *store.DB, name string, piece func(*store.Tx) (int, error)) (n int, err error) {
	done := false
	err = db.View(ctx, func(tx *store.Tx) error {
		today, err := shopDay(tx)
		if err != nil {
			return err
		}
		return tx.One(&done, "select count(*) > 0 from passes where name = @name and day = @today and finished_at is not null",
			store.Args{"name": name, "today": int64(today)})
	})
	if err != nil || done {
		return 0, err
	}
	err = db.Update(ctx, func(tx *store.Tx) (err error) {
		n, err = piece(tx)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("the pass %s: %w", name, err)
	}
	return n, nil
}

func shopDay(tx *store.Tx) (loyalty.Day, error) {
	zone, err := tx.Zone()
	return loyalty.DayOf(tx.At.Time, zone), err
}

// newDay takes the next members in the order of their ids. The row of the pass
// keeps how far it is, and only one replica at a time holds it.
func newDay(tx *store.Tx) (int, error) {
	today, err := shopDay(tx)
	if err != nil {
		return 0, err
	}
	args := store.Args{"name": passFacts, "today": int64(today), "now": tx.At}
	if _, err := tx.Exec("insert into passes (name, day, started_at, note) values (@name, @today, @now, '0') on conflict (name, day) do nothing", args); err != nil {
		return 0, err
	}
	var note string
	err = tx.One(&note, "select note from passes where name = @name and day = @today and finished_at is null "+tx.SkipLocked(), args)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	since, err := lastFacts(tx, args)
	if err != nil {
		return 0, err
	}
	after, _ := strconv.ParseInt(note, 10, 64) // our own: "0" at first
	members, err := becoming(tx, since, today, after)
	if err != nil {
		return 0, err
	}
	if _, err := refreshFacts(tx, today, members); err != nil {
		return 0, err
	}
	set := "finished_at = @now"
	if len(members) == perCall {
		set, args["note"] = "note = @note", strconv.FormatInt(members[len(members)-1], 10)
	}
	_, err = tx.Exec("update passes set "+set+" where name = @name and day = @today", args)
	return len(members), err
}

// lastFacts returns the last day that the facts were brought to before today.
func lastFacts(tx *store.Tx, args store.Args) (loyalty.Day, error) {
	var day int64
	err := tx.One(&day, "select coalesce(max(day), -1000000) from passes where name = @name and day < @today and finished_at is not null", args)
	return loyalty.Day(day), err
}

// becoming locks the members of whom something is dated after since and up to
// today, the next ones after an id.
func becoming(tx *store.Tx, since, today loyalty.Day, after int64) ([]int64, error) {
	const dated = "x.member_id > @after and x.day > @since and x.day <= @today"
	var members []int64
	args := store.Args{"since": int64(since), "today": int64(today), "after": after}
	err := tx.All(&members, fmt.Sprintf(`
		select member_id from (
		  select member_id from (select member_id from orders x where %[1]s group by member_id order by member_id limit %[2]d) o
		  union
		  select member_id from (select member_id from point_changes x where %[1]s group by member_id order by member_id limit %[2]d) p
		  union
		  select id from (select id from members where id > @after and joined_day > @since and joined_day <= @today order by id limit %[2]d) m
		) due
		order by member_id limit %[2]d`, dated, perCall), args)
	if err != nil || len(members) == 0 {
		return nil, err
	}
	var locked []int64
	err = tx.All(&locked, "select id from members where id in (select value from "+tx.JSONEach("@ids")+") order by id "+tx.ForUpdate(),
		store.Args{"ids": store.JSON(members)})
	return members, err
}
