package coupon

import (
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Status is how a pool stands.
type Status struct {
	Pool
	Free, Reserved, Issued, Redeemed, Expired, Void, Aside int64

	Left  int64 // how many can still be given; -1: no limit
	Spent int64 // discounts of what was redeemed, minor units
	IsLow bool  // fewer left than the pool's low
}

// Given is how many codes went to members or mails and are not void.
func (s Status) Given() int64 { return s.Reserved + s.Issued + s.Redeemed + s.Expired }

// Statuses returns how the pools of the program in force stand, by name.
func Statuses(tx *store.Tx, today loyalty.Day) ([]Status, error) {
	var rows []poolRow
	if err := tx.All(&rows, "select id, cast(spec as text) as spec from pools where removed_at is null order by name", nil); err != nil {
		return nil, fmt.Errorf("reading pools: %w", err)
	}
	all := make([]Status, 0, len(rows))
	for _, row := range rows {
		p, err := row.pool()
		if err != nil { // damaged: the campaigns that give its codes are set aside, and say so
			continue
		}
		s, err := statusOf(tx, p, today)
		if err != nil {
			return nil, fmt.Errorf("counting pool %s: %w", p.Name, err)
		}
		all = append(all, s)
	}
	return all, nil
}

// StatusOf returns how one of them stands; store.ErrNotFound if there is none of the name.
func StatusOf(tx *store.Tx, name string, today loyalty.Day) (Status, error) {
	p, err := Find(tx, name)
	if err != nil {
		return Status{}, err
	}
	return statusOf(tx, p, today)
}

func statusOf(tx *store.Tx, p Pool, today loyalty.Day) (Status, error) {
	var n counters
	err := tx.One(&n, `
		select p.made + coalesce(sum(m.made), 0) as made, p.given + coalesce(sum(m.given), 0) as given, p.open + coalesce(sum(m.open), 0) as open,
		       p.spent + coalesce(sum(m.spent), 0) as spent, p.free + coalesce(sum(m.free), 0) as free,
		       p.reserved + coalesce(sum(m.reserved), 0) as reserved, p.issued + coalesce(sum(m.issued), 0) as issued, p.void + coalesce(sum(m.void), 0) as void
		from   pools p left join pool_moves m on m.pool_id = p.id
		where  p.id = @pool
		group  by p.id`, store.Args{"pool": p.ID})
	if err != nil {
		return Status{}, err
	}
	s := Status{Pool: p, Spent: n.Spent, Free: n.Free, Reserved: n.Reserved, Issued: n.Issued, Void: n.Void,
		Redeemed: n.Open - n.Reserved - n.Issued, Expired: n.Given - n.Open, Aside: n.Made - n.Given - n.Free}
	have, _, err := available(tx, p, today)
	if err != nil {
		return Status{}, err
	}
	s.Left = have
	if have >= unlimited {
		s.Left = -1
	}
	s.IsLow = s.Left >= 0 && s.Left < p.Low
	return s, nil
}

// Pace returns how many codes out of a stock each pool has given since a moment, by the
// pool's name.
func Pace(tx *store.Tx, since loyalty.Instant) (map[string]int64, error) {
	var rows []struct {
		Pool string
		N    int64
	}
	err := tx.All(&rows, `
		select p.name as pool, g.n
		from  (select pool_id, count(*) as n from codes where stock and reserved_at is not null and reserved_at >= @since group by pool_id) g
		join   pools p on p.id = g.pool_id
		where  p.removed_at is null`, store.Args{"since": since})
	given := map[string]int64{}
	for _, row := range rows {
		given[row.Pool] = row.N
	}
	return given, err
}

// DaysLeft is for how many days a pool lasts that gave so many codes in a span of days;
// -1: for as long as one can say.
func (s Status) DaysLeft(given int64, days int) int64 {
	if s.Left < 0 || given == 0 {
		return -1
	}
	return s.Left * int64(days) / given
}
