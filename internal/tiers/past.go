package tiers

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/rules"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// History is the name of the pass that tells the time before there were tiers. Its row is of
// the day on which they began.
const History = "tiers history"

// pastAtOnce is of how many members one transaction tells the past.
const pastAtOnce = 2000

// beginning is the day on which tiers began, and what tells of the days before it.
type beginning struct {
	day   loyalty.Day
	first *Tiers // of the version by which they began: it speaks for the days before
	now   *Tiers // of the version in force
}

// began is how tiers began; nil: there are none, or their past cannot be told.
func began(tx *store.Tx) (*beginning, error) {
	now, err := inForce(tx)
	if err != nil || now == nil {
		return nil, err
	}
	var row struct{ Day, Version int64 }
	err = tx.One(&row, `
		select p.day, coalesce((select v.id from versions v where v.applied_at <= p.started_at order by v.applied_at desc, v.id desc limit 1), 0) as version
		from   passes p
		where  p.name = '`+Pass+`'
		order  by p.day limit 1`, nil)
	if err != nil {
		return nil, store.IgnoreNotFound(err)
	}
	b := &beginning{day: loyalty.Day(row.Day), first: now, now: now}
	if row.Version != now.v.ID {
		if v, err := versions.Of(tx, row.Version); err == nil && Of(v) != nil { // else no binary of today reads it
			b.first = Of(v)
		}
	}
	if !b.first.figures() || !b.now.figures() {
		return nil, nil
	}
	return b, nil
}

// Began is the day before which tiers have a past that can be told; 0: they have none.
func Began(tx *store.Tx) (loyalty.Day, error) {
	b, err := began(tx)
	if err != nil || b == nil {
		return 0, err
	}
	return b.day, nil
}

// TellPast has the time before there were tiers told of everybody, or told anew.
func TellPast(tx *store.Tx) error {
	_, err := tx.Exec(`
		insert into passes (name, day, started_at, note)
		select '`+History+`', min(day), `+tx.Instant("@now")+`, '0' from passes where name = '`+Pass+`' having count(*) > 0
		on conflict (name, day) do update set started_at = excluded.started_at, finished_at = null, note = '0'`, store.Args{"now": tx.At})
	if err != nil {
		return fmt.Errorf("the time before there were tiers: %w", err)
	}
	return nil
}

// Past tells of the next members which tiers they would have had before there were any, has
// them stand where they would stand by now, and returns of how many; 0: all is told. Nobody
// hears of it. Of rules that ask for more than figures which only orders and points make rise,
// the past cannot be told.
func Past(ctx context.Context, db *store.DB) (n int, err error) {
	const due = "from passes where name = '" + History + "' and finished_at is null and started_at <= @now"
	some := false
	err = db.View(ctx, func(tx *store.Tx) error {
		return tx.One(&some, "select count(*) > 0 "+due, store.Args{"now": tx.At})
	})
	if err != nil || !some {
		return 0, err
	}
	err = db.Update(ctx, func(tx *store.Tx) error {
		var pass struct {
			Day  int64
			Note string
		}
		err := tx.One(&pass, "select day, note "+due+" order by day limit 1 "+tx.SkipLocked(), store.Args{"now": tx.At})
		if err != nil {
			return store.IgnoreNotFound(err)
		}
		b, err := began(tx)
		if err != nil {
			return err
		}
		after, _ := strconv.ParseInt(pass.Note, 10, 64) // our own: "0" at first
		args := store.Args{"began": pass.Day, "after": after, "most": pastAtOnce, "now": tx.At}
		var members []int64
		if b != nil {
			err := tx.All(&members, "select distinct member_id from orders where counts and day < @began and member_id > @after order by member_id limit @most", args)
			if err != nil {
				return err
			}
		}
		set := "finished_at = @now"
		if n = len(members); n > 0 {
			set, args["note"] = "note = @note", strconv.FormatInt(members[n-1], 10)
			if err := tx.HoldMembers(members); err != nil {
				return err
			}
			if err := b.tell(tx, members); err != nil {
				return err
			}
		}
		_, err = tx.Exec("update passes set "+set+" where name = '"+History+"' and day = @began", args)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("the tiers of the time before: %w", err)
	}
	return n, nil
}

// Tell is Past of some members, whose locks the caller holds.
func Tell(tx *store.Tx, members []int64) error {
	b, err := began(tx)
	if err != nil || b == nil {
		return err
	}
	return b.tell(tx, members)
}

// toldAll is a version whose time before there were tiers is told of everybody.
type toldAll int64

var errUntold = errors.New("the time before there were tiers is yet to be told")

// TellFirst is Tell where the past of some is yet to be told: what happens to these members
// next comes after it.
func (t *Tiers) TellFirst(tx *store.Tx, members []int64) error {
	_, err := store.Kept(tx, toldAll(t.v.ID), func() (bool, error) {
		some := false
		err := tx.One(&some, "select count(*) > 0 from passes where name = '"+History+"' and finished_at is null and started_at <= @now", store.Args{"now": tx.At})
		if err == nil && some {
			err = errUntold
		}
		return true, err
	})
	if errors.Is(err, errUntold) {
		return Tell(tx, members)
	}
	return err
}

// Before is the tier that members had before each of their orders of the days before there
// were tiers; nil: it cannot be told, or not before their points.
func Before(tx *store.Tx, members []int64) (map[int64]string, error) {
	b, err := began(tx)
	if err != nil || b == nil || b.first.readPoints() {
		return nil, err
	}
	before, _, err := b.first.LivesOf(tx, members, b.day-1)
	return before, err
}

// ReadPoints reports whether the tiers in force are told by points that were earned.
func ReadPoints(tx *store.Tx) (bool, error) {
	t, err := inForce(tx)
	return t != nil && t.readPoints(), err
}

// Launch is how many members would stand in each tier of a program that is not in force, by
// their past, if it were applied today; nil: the shop had tiers before, or the past cannot be
// told.
func Launch(tx *store.Tx, p *program.Program, today loyalty.Day) (map[string]int64, error) {
	t := Of(&versions.Version{Program: p})
	if t == nil || !t.figures() {
		return nil, nil
	}
	some := false
	if err := tx.One(&some, "select count(*) > 0 from passes where name = '"+Pass+"'", nil); err != nil || some {
		return nil, err
	}
	stand := map[string]int64{}
	for last := int64(0); ; {
		var members []int64
		err := tx.All(&members, `
			select m.id from members m
			where  m.id > @last and `+rules.Present+` and exists (select 1 from orders o where o.member_id = m.id and o.counts and o.day <= @today)
			order  by m.id limit @most`, store.Args{"last": last, "today": int64(today), "most": pastAtOnce})
		if err != nil || len(members) == 0 {
			return stand, err
		}
		all, err := actsOf(tx, members, today, t.readPoints())
		if err != nil {
			return nil, err
		}
		for _, acts := range all {
			var l life
			t.live(&l, acts, today, today-1)
			stand[t.name(l.Stay.Tier)]++
		}
		last = members[len(members)-1]
	}
}
