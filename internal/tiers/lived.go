package tiers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"regulars/internal/happenings"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/segments"
)

// history is the name of the pass that tells the time before there were tiers. Its row is of
// the day on which they began.
const history = "tiers history"

// TellPast has the time before there were tiers told, or told anew, where orders came in of
// days of it: first is the first of them.
func TellPast(tx *store.Tx, first loyalty.Day) error {
	_, err := tx.Exec(`
		insert into passes (name, day, started_at, note)
		select '`+history+`', min(day), `+tx.Instant("@now")+`, '0' from passes where name = '`+Pass+`' having min(day) > @first
		on conflict (name, day) do update set started_at = excluded.started_at, finished_at = null, note = '0'`, store.Args{"now": tx.At, "first": int64(first)})
	if err != nil {
		return fmt.Errorf("the time before there were tiers: %w", err)
	}
	return nil
}

// Past tells of the next members which tiers they would have had before there were any, by
// the program in force, and returns of how many; 0: all is told. It changes nobody's present
// tier, and nobody hears of it. Of rules that ask for more than figures which only orders and
// points make rise, the past cannot be told.
func Past(ctx context.Context, db *store.DB) (n int, err error) {
	due := false
	err = db.View(ctx, func(tx *store.Tx) error {
		return tx.One(&due, "select count(*) > 0 from passes where name = '"+history+"' and finished_at is null", nil)
	})
	if err != nil || !due {
		return 0, err
	}
	err = db.Update(ctx, func(tx *store.Tx) (err error) { n, err = past(tx); return err })
	if err != nil {
		return 0, fmt.Errorf("the tiers of the time before: %w", err)
	}
	return n, nil
}

func past(tx *store.Tx) (int, error) {
	var pass struct {
		Day  int64
		Note string
	}
	err := tx.One(&pass, "select day, note from passes where name = '"+history+"' and finished_at is null order by day limit 1 "+tx.SkipLocked(), nil)
	if err != nil {
		return 0, store.IgnoreNotFound(err)
	}
	t, err := inForce(tx)
	if err != nil {
		return 0, err
	}
	after, _ := strconv.ParseInt(pass.Note, 10, 64) // our own: "0" at first
	args := store.Args{"began": pass.Day, "after": after, "most": atOnce, "now": tx.At}
	var members []int64
	if t != nil && t.figures() {
		err := tx.All(&members, "select distinct member_id from orders where counts and day < @began and member_id > @after order by member_id limit @most", args)
		if err != nil {
			return 0, err
		}
	}
	if len(members) == 0 {
		_, err := tx.Exec("update passes set finished_at = @now where name = '"+history+"' and day = @began", args)
		return 0, err
	}
	if err := tx.HoldMembers(members); err != nil {
		return 0, err
	}
	if err := t.tellPast(tx, members, loyalty.Day(pass.Day)); err != nil {
		return 0, err
	}
	args["note"] = strconv.FormatInt(members[len(members)-1], 10)
	_, err = tx.Exec("update passes set note = @note where name = '"+history+"' and day = @began", args)
	return len(members), err
}

// figures reports whether all rules ask for nothing but figures over all that a member
// ordered or earned.
func (t *Tiers) figures() bool {
	for _, tier := range t.list {
		if !tier.When.OnlyGoals() || slices.ContainsFunc(tier.When.Goals(), func(g segments.Goal) bool { return !g.Whole() }) {
			return false
		}
	}
	return true
}

// tellPast tells of members the days before the one on which tiers began.
func (t *Tiers) tellPast(tx *store.Tx, members []int64, began loyalty.Day) error {
	args := store.Args{"members": store.IDs(members), "began": int64(began), "now": tx.At}
	for _, text := range []string{
		"update facts set tier_at = @now where member_id in " + tx.In("@members"),
		"delete from member_tiers where member_id in " + tx.In("@members") + " and since_day < @began",
		"delete from events where member_id in " + tx.In("@members") + " and source = '" + happenings.OwnSource + "' and type = '" + tierKept + "' and day < @began",
	} {
		if _, err := tx.Exec(text, args); err != nil {
			return err
		}
	}
	all, err := t.bought(tx, members, began)
	if err != nil {
		return err
	}
	var stays, kept [][]any
	for _, member := range members {
		acts := all[member]
		days := make([]loyalty.Day, len(acts))
		for i, a := range acts {
			days[i] = a.Day
		}
		var open []any // the row of the stay
		for _, turn := range t.ladder.Lived(days, began-1, func(day loyalty.Day) int { return t.heldOf(acts, day) }) {
			if turn.What == loyalty.Kept {
				open[4] = lastDay(turn.Is)
				kept = append(kept, t.keptThen(member, turn))
				continue
			}
			if open != nil {
				open[5] = int64(turn.Is.Since)
			}
			if open = nil; turn.Is.Tier > 0 && turn.Is.Since < began {
				open = []any{member, t.name(turn.Is.Tier), int64(turn.Is.Since), t.beginning(turn.Is.Since), lastDay(turn.Is), int64(began), t.list[turn.Is.Tier-1].When.Text(), orderOf(acts, turn), t.v.ID}
				stays = append(stays, open)
			}
		}
	}
	if _, err := tx.Bulk("member_tiers", []string{"member_id", "tier", "since_day", "since_at", "last_day", "left_day", "because", "order_id", "version_id"}, stays); err != nil {
		return err
	}
	_, err = tx.Bulk("events", []string{"source", "external_id", "member_id", "type", "at", "day", "received_at", "properties"}, kept)
	return err
}

// keptThen is the row of the event of a tier that was kept, of the day after it was.
func (t *Tiers) keptThen(member int64, turn loyalty.Turn) []any {
	day := turn.Day + 1
	name := t.name(turn.Is.Tier)
	properties := map[string]any{"tier": name, "from": name, "until": t.ladder.Ends(turn.Is).String()}
	return []any{happenings.OwnSource, fmt.Sprintf("%s:past:%d:%s", tierKept, member, turn.Day), member, tierKept, t.beginning(day), int64(day), t.beginning(day), store.JSON(properties)}
}

// act is what a day brought a member.
type act struct {
	Member                          int64
	Day                             loyalty.Day
	Order                           int64 // the last one; 0: none
	Orders, Spent, Quantity, Points int64
}

// orderOf is the order by which a tier was reached; nil: by none.
func orderOf(acts []act, turn loyalty.Turn) any {
	i := slices.IndexFunc(acts, func(a act) bool { return a.Day == turn.Day })
	if turn.What != loyalty.Up || i < 0 || acts[i].Order == 0 {
		return nil
	}
	return acts[i].Order
}

// of is how much of what a field reads.
func (a act) of(field string) int64 {
	switch field {
	case "orders":
		return a.Orders
	case "spent":
		return a.Spent
	case "quantity":
		return a.Quantity
	}
	return a.Points
}

// bought is what the days before one brought members, in their order.
func (t *Tiers) bought(tx *store.Tx, members []int64, before loyalty.Day) (map[int64][]act, error) {
	var rows []act
	err := tx.All(&rows, `
		select a.member, a.day, max(a.id) as "order", cast(sum(a.orders) as bigint) as orders, cast(sum(a.spent) as bigint) as spent,
		       cast(sum(a.quantity) as bigint) as quantity, cast(sum(a.points) as bigint) as points
		from  (select o.member_id as member, o.day, o.id, 1 as orders, o.total - o.refunded as spent, o.quantity, 0 as points
		       from   orders o where o.member_id in `+tx.In("@members")+` and o.counts and o.day < @before
		       union  all
		       select e.member_id, e.day, 0, 0, 0, 0, e.amount
		       from   entries e where e.member_id in `+tx.In("@members")+` and e.wallet = 'points' and e.kind in ('earn', 'bonus', 'takeback') and e.day < @before) a
		group  by a.member, a.day
		order  by a.member, a.day`, store.Args{"members": store.IDs(members), "before": int64(before)})
	if err != nil {
		return nil, fmt.Errorf("what %d members bought: %w", len(members), err)
	}
	all := map[int64][]act{}
	for _, r := range rows {
		all[r.Member] = append(all[r.Member], r)
	}
	return all, nil
}

// heldOf is the highest tier whose rule holds as of the end of a day for who did all that.
func (t *Tiers) heldOf(acts []act, day loyalty.Day) int {
	for i := len(t.list) - 1; i >= 0; i-- {
		short := func(g segments.Goal) bool {
			first, last := g.Span(day)
			var n int64
			for _, a := range acts {
				if first <= a.Day && a.Day <= last {
					n += a.of(g.Name)
				}
			}
			return n < g.At
		}
		if !slices.ContainsFunc(t.list[i].When.Goals(), short) {
			return i + 1
		}
	}
	return 0
}

// LivesOf are the tiers that members would have had to the end of a day, of each order before
// the next, by a program that need not be in force: the one that each had before each of their
// orders, and who has which at the end.
func (t *Tiers) LivesOf(tx *store.Tx, members []int64, until loyalty.Day) (before map[int64]string, at map[int64]string, err error) {
	if !t.figures() {
		return nil, nil, errors.New("the tiers of the past can be told only where their rules ask for orders, spent, quantity or points_earned alone")
	}
	before, at = map[int64]string{}, map[int64]string{}
	var orders []act
	err = tx.All(&orders, `
		select member_id as member, day, id as "order", 1 as orders, total - refunded as spent, quantity from orders
		where  member_id in `+tx.In("@members")+` and counts and day <= @until
		order  by member_id, at, id`, store.Args{"members": store.IDs(members), "until": int64(until)})
	if err != nil {
		return nil, nil, fmt.Errorf("what %d members bought: %w", len(members), err)
	}
	for len(orders) > 0 {
		n := slices.IndexFunc(orders, func(a act) bool { return a.Member != orders[0].Member })
		if n < 0 {
			n = len(orders)
		}
		at[orders[0].Member] = t.live(orders[:n], until, before)
		orders = orders[n:]
	}
	return before, at, nil
}

// live goes through the orders of one member, and returns the tier at the end.
func (t *Tiers) live(orders []act, until loyalty.Day, before map[int64]string) string {
	life := loyalty.Life{Ladder: t.ladder}
	for i, o := range orders {
		life.Through(o.Day-1, func(day loyalty.Day) int { return t.heldOf(orders[:i], day) })
		before[o.Order] = t.name(life.Stay.Tier)
		life.Act(o.Day, func(day loyalty.Day) int { return t.heldOf(orders[:i+1], day) })
	}
	life.Through(until, func(day loyalty.Day) int { return t.heldOf(orders, day) })
	return t.name(life.Stay.Tier)
}
