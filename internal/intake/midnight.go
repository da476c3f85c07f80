package intake

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/tiers"
)

// perCall is how many members one call of NewDay takes.
const perCall = 5000

// NewDay brings the facts to the shop's present day: an order, a change of points
// or a joining that was dated ahead counts from its day on. It does a bounded
// piece and returns how much; 0 says that the facts are of today. Before all else it tells
// what there was before the program, if that is still to be told.
func NewDay(ctx context.Context, db *store.DB) (n int, err error) {
	for _, past := range []func(context.Context, *store.DB) (int, error){tiers.Past, BookPast} {
		if n, err := past(ctx, db); n > 0 || err != nil {
			return n, err
		}
	}
	for _, pass := range []struct {
		name  string
		piece func(tx *store.Tx, name string, today loyalty.Day) (int, error)
	}{{"doubles", uniteSome}, {"returns", returnSome}, {"points", endSome}, {"referrals", referSome}, {"facts", renewSome}} {
		var today loyalty.Day
		done := false
		err := db.View(ctx, func(tx *store.Tx) (err error) {
			if today, err = tx.Today(); err != nil {
				return err
			}
			return tx.One(&done, "select count(*) > 0 from passes where name = @name and day = @today and finished_at is not null",
				store.Args{"name": pass.name, "today": int64(today)})
		})
		if err == nil && !done {
			err = db.Update(ctx, func(tx *store.Tx) (err error) {
				if today, err = tx.Today(); err == nil {
					n, err = pass.piece(tx, pass.name, today)
				}
				return err
			})
		}
		if err != nil {
			return 0, fmt.Errorf("the pass %s: %w", pass.name, err)
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, nil
}

// renewSome takes the next members in the order of their ids. The row of the pass
// keeps how far it is, and only one replica at a time holds it.
func renewSome(tx *store.Tx, name string, today loyalty.Day) (int, error) {
	args := store.Args{"name": name, "today": int64(today), "now": tx.At}
	if _, err := tx.Exec("insert into passes (name, day, started_at, note) values (@name, @today, @now, '0') on conflict (name, day) do nothing", args); err != nil {
		return 0, err
	}
	var note string
	err := tx.One(&note, "select note from passes where name = @name and day = @today and finished_at is null "+tx.SkipLocked(), args)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var last int64 // the last day that the facts were brought to before today
	if err := tx.One(&last, "select coalesce(max(day), -1000000) from passes where name = @name and day < @today and finished_at is not null", args); err != nil {
		return 0, err
	}
	after, _ := strconv.ParseInt(note, 10, 64) // our own: "0" at first
	members, err := becoming(tx, loyalty.Day(last), today, after)
	if err != nil {
		return 0, err
	}
	if err := renew(tx, loyalty.Day(last), today, members); err != nil {
		return 0, err
	}
	set := "finished_at = @now"
	if len(members) == perCall {
		set, args["note"] = "note = @note", strconv.FormatInt(members[len(members)-1], 10)
	}
	_, err = tx.Exec("update passes set "+set+" where name = @name and day = @today", args)
	return len(members), err
}

// becoming locks the members of whom something is dated after since and up to
// today, or opens then, the next ones after an id.
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
		  select member_id from (select member_id from lots where member_id > @after and opens_day > @since and opens_day <= @today group by member_id order by member_id limit %[2]d) l
		  union
		  select id from (select id from members where id > @after and joined_day > @since and joined_day <= @today order by id limit %[2]d) m
		) due
		order by member_id limit %[2]d`, dated, perCall), args)
	if err != nil || len(members) == 0 {
		return nil, err
	}
	return members, tx.HoldMembers(members)
}

// passed notes that a pass of a day is done.
func passed(tx *store.Tx, name string, today loyalty.Day) error {
	_, err := tx.Exec("insert into passes (name, day, started_at, finished_at) values (@name, @today, @now, @now) on conflict (name, day) do nothing",
		store.Args{"name": name, "today": int64(today), "now": tx.At})
	return err
}

// RebuildFacts computes the facts of all members anew, a few at a time under the locks
// of their rows, and returns of how many. Running it again changes nothing; campaigns
// hear nothing of it.
func RebuildFacts(ctx context.Context, db *store.DB) (n int, err error) {
	for last := int64(0); ; {
		var ids []int64
		err := db.Update(ctx, func(tx *store.Tx) error {
			ids = nil
			err := tx.All(&ids, `
				select id from members
				where  id > @last and merged_into is null and erased_at is null
				order  by id limit @n `+tx.ForUpdate(), store.Args{"last": last, "n": factsAtOnce})
			if err != nil || len(ids) == 0 {
				return err
			}
			return RefreshFacts(tx, ids)
		})
		if err != nil {
			return n, fmt.Errorf("rebuilding facts after member %d: %w", last, err)
		}
		if len(ids) == 0 {
			return n, nil
		}
		n, last = n+len(ids), ids[len(ids)-1]
	}
}
