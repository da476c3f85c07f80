package intake

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"regulars/internal/happenings"
	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// book brings the points of those whom items are about to what their orders, events and
// joining give, before facts are computed from them.
func (b *batch) book(items []*item) error {
	orders := b.reckoned
	b.reckoned = nil
	rules := b.shop.points
	if rules == nil {
		return nil
	}
	seen := map[int64]bool{}
	for _, id := range orders {
		seen[id] = true
	}
	var placed []points.Placed
	var events []points.Happened
	for _, it := range items {
		if o := it.order; o != nil && o.ID != 0 {
			switch p, is := o.justPlaced(); {
			case seen[o.ID]:
			case is && (it.Order == nil || len(it.Order.Coupons) == 0):
				if who := b.people.byID[o.MemberID]; who != nil && who.standing != nil {
					p.Wallets, p.Tier = who.standing.wallets, who.standing.tierOf(o)
				}
				placed = append(placed, p)
			default:
				orders = append(orders, o.ID)
			}
			seen[o.ID] = true
		}
		if it.event != 0 {
			events = append(events, points.Happened{Member: it.who.id, Event: it.event, Type: it.Type, At: it.At, Properties: it.Properties})
		}
	}
	var members []int64
	for _, it := range items {
		members = append(members, it.who.id)
	}
	for _, step := range []func() (points.Booked, error){
		func() (points.Booked, error) { return rules.Book(b.tx, orders, placed...) },
		func() (points.Booked, error) { return rules.Heard(b.tx, events) },
		func() (points.Booked, error) { return rules.Joined(b.tx, members) },
	} {
		more, err := step()
		if err != nil {
			return err
		}
		b.booked = b.booked.And(more)
	}
	return b.refer(items)
}

// justPlaced is an order that is booked for the first time, in the wave that has written
// it, and of which nothing was given back.
func (o *order) justPlaced() (p points.Placed, is bool) {
	if is = o.placed != nil && o.Refunded == 0 && len(o.refunds) == 0; is {
		p = points.Placed{ID: o.ID, MemberID: o.MemberID, Day: o.Day, ChangedAt: o.ChangedAt, Order: *o.placed}
	}
	o.placed = nil
	return p, is
}

// bookAgain books orders that something else than an event has changed. Their members
// are locked.
func bookAgain(tx *store.Tx, orders []int64) error {
	if len(orders) == 0 {
		return nil
	}
	rules, err := rulesOf(tx)
	if err != nil {
		return err
	}
	_, err = rules.Book(tx, orders)
	return err
}

// rulesOf are the rules of points in force, nil where there are none.
func rulesOf(tx *store.Tx) (*points.Rules, error) {
	v, err := versions.Active(tx)
	if errors.Is(err, versions.ErrNoProgram) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return points.Read(tx, v)
}

func ordersOf(list []*order) []int64 {
	var all []int64
	for _, o := range list {
		all = append(all, o.ID)
	}
	return all
}

// endAtOnce is how many members the night takes at once.
const endAtOnce = 1000

// endSome books what the day brings to points by itself: the last days that another version
// moves, then what has ended or opened, then birthdays, and cards that wait for a code. It returns of how many members.
func endSome(tx *store.Tx, name string, today loyalty.Day) (int, error) {
	rules, err := rulesOf(tx)
	if err != nil {
		return 0, err
	}
	if rules == nil {
		return 0, passed(tx, name, today)
	}
	if err := tx.ByIndex(); err != nil { // it is some members' each time
		return 0, err
	}
	var last int64 // the last night that came to its end
	if err := tx.One(&last, "select coalesce(max(day), @before) from passes where name = @name and day < @today and finished_at is not null",
		store.Args{"name": name, "today": int64(today), "before": int64(max(rules.Since, today-31) - 1)}); err != nil {
		return 0, err
	}
	since := loyalty.Day(last)
	if n, err := moveEnds(tx, rules, since, today); n > 0 || err != nil {
		return n, err
	}
	if members, err := rules.Due(tx, endAtOnce); len(members) > 0 || err != nil {
		if err == nil {
			err = endOf(tx, rules, since, today, members)
		}
		return len(members), err
	}
	members, err := rules.Paying(tx, since)
	if err == nil {
		err = endOf(tx, rules, since, today, members)
	}
	if err != nil {
		return 0, err
	}
	var were rising
	var news, late []int64
	for day := max(since, today-31) + 1; day <= today; day++ {
		some, err := rules.Birthdays(tx, day)
		if err != nil {
			return 0, err
		}
		if err := were.measure(tx, some); err != nil {
			return 0, err
		}
		if err := rules.GiveBirthday(tx, day, some); err != nil {
			return 0, err
		}
		members = append(members, some...)
		if tx.At.Sub(day.Start(rules.Zone)) <= rules.NewsWithin {
			news = append(news, some...)
		} else {
			late = append(late, some...)
		}
	}
	full, err := rules.Waiting(tx, endAtOnce)
	if err != nil {
		return 0, err
	}
	if err := tx.HoldMembers(full); err != nil {
		return 0, err
	}
	if err := rules.Fill(tx, full); err != nil {
		return 0, err
	}
	if _, err := refreshFacts(tx, today, members); err != nil {
		return 0, err
	}
	if err := were.tell(tx, news, true); err != nil {
		return 0, err
	}
	if err := were.tell(tx, late, false); err != nil {
		return 0, err
	}
	if err := store.FoldPoints(tx); err != nil {
		return 0, err
	}
	return len(members), passed(tx, name, today)
}

// endOf books what has ended of members and pays their debts with what has opened.
func endOf(tx *store.Tx, rules *points.Rules, since, today loyalty.Day, members []int64) error {
	if err := tx.HoldMembers(members); err != nil {
		return err
	}
	if _, err := rules.Expire(tx, members); err != nil {
		return err
	}
	return renew(tx, since, today, members)
}

// moveEnds moves the last days of the next members' points after a version that has them
// end after another time of inactivity: the row of the pass keeps how far it is.
func moveEnds(tx *store.Tx, rules *points.Rules, since, today loyalty.Day) (int, error) {
	var pass struct {
		Day  int64
		Note string
	}
	args := store.Args{"name": versions.EndsAnew, "now": tx.At}
	err := tx.One(&pass, "select day, note from passes where name = @name and finished_at is null order by day limit 1 "+tx.SkipLocked(), args)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	args["after"], _ = strconv.ParseInt(pass.Note, 10, 64) // our own: "0" at first
	args["day"] = pass.Day
	var members []int64
	if err := tx.All(&members, fmt.Sprintf("select distinct member_id from lots where member_id > @after order by member_id limit %d", endAtOnce), args); err != nil {
		return 0, err
	}
	if len(members) == 0 {
		_, err := tx.Exec("update passes set finished_at = @now where name = @name and day = @day", args)
		return 0, err
	}
	if err := tx.HoldMembers(members); err != nil {
		return 0, err
	}
	if err := rules.Move(tx, members); err != nil {
		return 0, err
	}
	if err := renew(tx, since, today, members); err != nil {
		return 0, err
	}
	args["note"] = strconv.FormatInt(members[len(members)-1], 10)
	_, err = tx.Exec("update passes set note = @note where name = @name and day = @day", args)
	return len(members), err
}

// keptRules are the rules of points in force, points.ErrNone where there are none.
func keptRules(tx *store.Tx) (*points.Rules, error) {
	rules, err := rulesOf(tx)
	if err != nil {
		return nil, err
	}
	if rules != nil {
		if keeps, err := rules.KeepsPoints(); keeps || err != nil {
			return rules, err
		}
	}
	return nil, points.ErrNone
}

// booked brings the facts of members up to date with what was booked.
func booked(tx *store.Tx, members []int64) error {
	if err := RefreshFacts(tx, members); err != nil {
		return err
	}
	return happenings.Learned(tx, members)
}

// BookByHand gives a member points or takes some, and reports whether that was booked
// now and not before, by the same key.
func BookByHand(tx *store.Tx, h points.Hand) (bool, error) {
	rules, err := keptRules(tx)
	if err != nil {
		return false, err
	}
	if err := tx.HoldMembers([]int64{h.Member}); err != nil {
		return false, err
	}
	done, err := rules.ByHand(tx, h)
	if err != nil || !done {
		return false, err
	}
	return true, booked(tx, []int64{h.Member})
}

// BringPoints gives members the points that they bring from elsewhere, once in a
// lifetime each, and says who had some already.
func BringPoints(tx *store.Tx, list []points.Brought, by string) (again map[int64]bool, err error) {
	rules, err := keptRules(tx)
	if err != nil {
		return nil, err
	}
	var members []int64
	for _, b := range list {
		members = append(members, b.Member)
	}
	if err := tx.HoldMembers(members); err != nil {
		return nil, err
	}
	if again, err = rules.Import(tx, list, by); err != nil {
		return nil, err
	}
	return again, booked(tx, members)
}

// EndPoints books what has ended of the next members, at most so many of them.
func EndPoints(tx *store.Tx, members int) ([]points.Ending, error) {
	rules, err := keptRules(tx)
	if err != nil {
		return nil, err
	}
	some, err := rules.Due(tx, members)
	if err != nil || len(some) == 0 {
		return nil, err
	}
	if err := tx.HoldMembers(some); err != nil {
		return nil, err
	}
	ended, err := rules.Expire(tx, some)
	if err != nil {
		return nil, err
	}
	return ended, booked(tx, some)
}

// RebuildPoints makes the lots of all members anew from what was booked, a few members
// at a time, then the sums by day, and returns of how many members.
func RebuildPoints(ctx context.Context, db *store.DB) (n int, err error) {
	for last := int64(0); ; {
		var members []int64
		err := db.Update(ctx, func(tx *store.Tx) error {
			rules, err := keptRules(tx)
			if err != nil {
				return err
			}
			if err := tx.All(&members, fmt.Sprintf("select distinct member_id from entries where member_id > @last order by member_id limit %d", endAtOnce),
				store.Args{"last": last}); err != nil || len(members) == 0 {
				return err
			}
			if err := tx.HoldMembers(members); err != nil {
				return err
			}
			if err := rules.Rebuild(tx, members); err != nil {
				return err
			}
			return booked(tx, members)
		})
		if err == nil && len(members) == 0 {
			err = db.Update(ctx, func(tx *store.Tx) error { _, err := store.Resum(tx); return err })
		}
		if err != nil || len(members) == 0 {
			return n, err
		}
		n, last = n+len(members), members[len(members)-1]
	}
}

// Members finds members by the shop's id, another system's or their card: each name with
// whom it means, none where nobody or several have it.
func Members(tx *store.Tx, names []string) (map[string]int64, error) {
	var rows []struct {
		Name string
		ID   int64
		N    int
	}
	err := tx.All(&rows, `
		select r.name, min(m.id) as id, count(distinct m.id) as n
		from   `+tx.Values("name text")+`
		join   member_keys k on k.value = r.name and (k.kind in ('id', 'card') or k.kind like 'source:%')
		join   members m on m.id = k.member_id and m.merged_into is null and m.erased_at is null
		group  by r.name`, store.Args{"rows": store.Column(names)})
	found := map[string]int64{}
	for _, row := range rows {
		if row.N == 1 {
			found[row.Name] = row.ID
		}
	}
	return found, err
}
