package report

import (
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// RecentDays is the span of Recent and of what it is compared with, in days.
const RecentDays = 30

// Recent is what happened in the last days, today among them, and in as many before.
type Recent struct {
	AsOf     loyalty.Instant `json:"as_of"`
	From     loyalty.Day     `json:"from"`
	Orders   Recently        `json:"orders"`
	Amount   Recently        `json:"amount_minor"` // of those, less refunds
	Members  Recently        `json:"members"`      // who joined
	Mails    Recently        `json:"mails"`        // that went out
	Redeemed Recently        `json:"redeemed"`     // uses of codes
}

// Recently is a figure of the last days, and of as many days before them.
type Recently struct {
	Now    int64 `json:"now"`
	Before int64 `json:"before"`
}

// Recents returns the figures of the last days as of today.
func Recents(tx *store.Tx, today loyalty.Day) (r Recent, err error) {
	r.AsOf, r.From = tx.At, today-RecentDays+1
	args := store.Args{"from": int64(r.From), "before": int64(r.From) - RecentDays, "today": int64(today)}
	var o struct{ Now, Before, Amount, AmountBefore int64 } // in one go: a large shop has many of these
	err = tx.One(&o, `
		select count(*) filter (where day >= @from) as now, count(*) filter (where day < @from) as before,
		       cast(coalesce(sum(total - refunded) filter (where day >= @from), 0) as bigint) as amount,
		       cast(coalesce(sum(total - refunded) filter (where day < @from), 0) as bigint) as amount_before
		from   orders where counts and day between @before and @today`, args)
	if err != nil {
		return r, fmt.Errorf("the last %d days: %w", RecentDays, err)
	}
	r.Orders, r.Amount = Recently{o.Now, o.Before}, Recently{o.Amount, o.AmountBefore}
	for _, q := range []struct {
		into *Recently
		sql  string
	}{
		{&r.Members, `
			select count(*) filter (where joined_day >= @from) as now, count(*) filter (where joined_day < @from) as before
			from   members where joined_day between @before and @today and merged_into is null and erased_at is null`},
		{&r.Mails, `
			select cast(coalesce(sum(n) filter (where sent_day >= @from), 0) as bigint) as now, cast(coalesce(sum(n) filter (where sent_day < @from), 0) as bigint) as before
			from   counted where sent_day between @before and @today and ` + store.CountedSent},
		{&r.Redeemed, "select count(*) filter (where day >= @from) as now, count(*) filter (where day < @from) as before from redemptions where not undone and day between @before and @today"},
	} {
		if err := tx.One(q.into, q.sql, args); err != nil {
			return r, fmt.Errorf("the last %d days: %w", RecentDays, err)
		}
	}
	return r, nil
}

// RecentRow is one of the rows that a figure of Recent counts.
type RecentRow struct {
	ID     int64           `json:"id"`
	At     loyalty.Instant `json:"at"`
	Day    loyalty.Day     `json:"day"`
	Member int64           `json:"-"` // its number; 0: nobody's
	Name   string          `json:"member"`
	What   string          `json:"what"`
	Amount int64           `json:"amount_minor"`
}

// recentRows are the rows of each figure.
var recentRows = map[string]string{
	"orders": `
		select o.id, o.at, o.day, o.member_id as member, o.external_id as what, o.total - o.refunded as amount
		from   orders o where o.counts and o.day between @from and @today`,
	"members": `
		select m.id, m.joined_at as at, m.joined_day as day, m.id as member, '' as what, 0 as amount
		from   members m where m.joined_day between @from and @today and m.merged_into is null and m.erased_at is null`,
	"mails": `
		select s.id, s.handed_at as at, s.sent_day as day, s.member_id as member, c.name || ' / ' || s.step as what, 0 as amount
		from   sends s join campaigns c on c.id = s.campaign_id
		where  s.sent_day between @from and @today and s.state in ('sent', 'bounced', 'complained')`,
	"redeemed": `
		select r.id, r.at, r.day, coalesce(r.member_id, 0) as member, p.name as what, r.discount as amount
		from   redemptions r join pools p on p.id = r.pool_id
		where  not r.undone and r.day between @from and @today`,
}

// RecentRows returns rows that a figure of Recents counts, the newest first, from before
// a row on; 0 is from the newest. The figures are orders, members, mails and redeemed.
func RecentRows(tx *store.Tx, figure string, today loyalty.Day, before int64, limit int) (rows []RecentRow, err error) {
	query, known := recentRows[figure]
	if !known {
		return nil, store.Missing(fmt.Sprintf("there is no figure %q", figure))
	}
	err = tx.All(&rows, `
		select r.id, r.at, r.day, r.member, coalesce(trim(m.first_name || ' ' || m.last_name), '') as name, r.what, r.amount
		from   (`+query+`) r left join members m on m.id = r.member
		where  @before = 0 or r.id < @before
		order  by r.id desc
		limit  @limit`,
		store.Args{"from": int64(today) - RecentDays + 1, "today": int64(today), "before": before, "limit": limit})
	return rows, err
}
