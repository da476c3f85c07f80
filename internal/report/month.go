package report

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/segments"
)

// MonthFigures is a calendar month of the shop for somebody who reads one page: the
// figures of the other reports as of its last day, or of today while it goes on.
type MonthFigures struct {
	Month   string          `json:"month"` // 2027-06
	AsOf    loyalty.Instant `json:"as_of"` // when it was counted
	Last    loyalty.Day     `json:"last_day"`
	GoesOn  bool            `json:"goes_on"`
	Orders  Month           `json:"orders"`
	Before  Month           `json:"orders_before"` // those of the month before it
	Members int64           `json:"members"`       // who have joined by its end
	Joined  int64           `json:"joined"`        // of those, in it
	Stages  *Movement       `json:"stages"`        // of the lifecycle at its end, and who moved in it; nil: they cannot be told yet

	Mails     []Outcome    `json:"mails"` // the most first
	Codes     CodesUse     `json:"codes"`
	Points    *PointsMonth `json:"points"` // nil: the shop never booked any
	Liability Liability    `json:"liability"`
	Campaigns []Result     `json:"campaigns"` // that most was ordered after
	Pictures  []Drawing    `json:"-"`
}

// Outcome is how many mails of a month came to an end in one way.
type Outcome struct {
	State  string `json:"state"`
	Reason string `json:"reason"` // "": there is none to tell
	Mails  int64  `json:"mails"`
}

// CodesUse is what became of codes in a month.
type CodesUse struct {
	Given    int64 `json:"given"` // codes of members' own
	Redeemed int64 `json:"redeemed"`
	Discount int64 `json:"discount_minor"`
}

// Sent is how many mails went out, whatever came back.
func (m MonthFigures) Sent() (n int64) {
	for _, o := range m.Mails {
		if o.State == "sent" || o.State == "bounced" || o.State == "complained" {
			n += o.Mails
		}
	}
	return n
}

// Lost are the members in the last stage of their lifecycle; nil where stages cannot be
// told.
func (m MonthFigures) Lost() *Group {
	if m.Stages == nil {
		return nil
	}
	i := slices.IndexFunc(m.Stages.Groups, func(g Group) bool { return g.Name == segments.StageLosing })
	return &m.Stages.Groups[i]
}

const (
	bestCampaigns = 5
	monthsDrawn   = 13 // the month among the year before it
)

// OfMonth counts the month of a day; ask says what of, and scope what rules may name.
func OfMonth(tx *store.Tx, ask Ask, scope segments.Scope) (m MonthFigures, err error) {
	today, err := tx.Today()
	if err != nil {
		return m, err
	}
	first, next := loyalty.MonthOf(ask.Day)
	ask.Day = min(next-1, today)
	ask.Past = ask.Day < today
	m.Month, m.AsOf, m.Last, m.GoesOn = first.UTC().Format("2006-01"), tx.At, ask.Day, next > today
	for _, step := range []func() error{
		func() error { return m.orders(tx, ask, first) },
		func() error { return m.mails(tx, ask, first) },
		func() error { return m.codes(tx, ask, first) },
		func() error { return m.points(tx, ask) },
		func() error { return m.members(tx, ask, first, scope) },
		func() error { return m.best(tx, ask, first) },
	} {
		if err := step(); err != nil {
			return m, fmt.Errorf("the month %s: %w", m.Month, err)
		}
	}
	return m, nil
}

func (m *MonthFigures) orders(tx *store.Tx, ask Ask, first loyalty.Day) error {
	all, err := Orders(tx, ask.Day)
	if err != nil {
		return err
	}
	before := (first - 1).UTC().Format("2006-01")
	m.Orders.Month, m.Before.Month = m.Month, before
	for _, one := range all {
		switch one.Month {
		case m.Month:
			m.Orders = one
		case before:
			m.Before = one
		}
	}
	if len(all) > 0 {
		drawn := all[max(0, len(all)-monthsDrawn):]
		m.Pictures = append(m.Pictures, Drawn(ask, func(ask Ask) string { return drawOrders(ask, drawn) }))
	}
	return nil
}

func (m *MonthFigures) members(tx *store.Tx, ask Ask, first loyalty.Day, scope segments.Scope) error {
	now, err := Summarise(tx, ask.Day)
	if err != nil {
		return err
	}
	before, err := Summarise(tx, first-1)
	if err != nil {
		return err
	}
	m.Members, m.Joined = now.Members, now.Members-before.Members
	of, err := Lifecycle(scope)
	if err != nil {
		return err
	}
	from := first - 1
	of.Day, of.Past, of.From = ask.Day, ask.Past, &from
	stages, err := of.Report(tx)
	var unready *segments.Unready
	if errors.As(err, &unready) {
		return nil
	}
	if err != nil {
		return err
	}
	m.Stages = &stages
	if len(stages.Moves) > 0 {
		m.Pictures = append(m.Pictures, Drawn(ask, func(ask Ask) string { return stages.draw(ask, "Stages of members") }))
	}
	return nil
}

func (m *MonthFigures) mails(tx *store.Tx, ask Ask, first loyalty.Day) error {
	m.Mails = []Outcome{}
	return tx.All(&m.Mails, `
		select state, case when state in ('sent', 'bounced', 'complained') then '' else reason end as reason, cast(sum(n) as bigint) as mails
		from   counted
		where  day between @first and @last and state <> 'pending'
		group  by 1, 2 having sum(n) > 0
		order  by 3 desc, 1, 2`, store.Args{"first": int64(first), "last": int64(ask.Day)})
}

func (m *MonthFigures) codes(tx *store.Tx, ask Ask, first loyalty.Day) error {
	zone, err := tx.Zone()
	if err != nil {
		return err
	}
	instant := func(d loyalty.Day) loyalty.Instant { return loyalty.At(d.Start(zone)) }
	args := store.Args{"first": int64(first), "last": int64(ask.Day), "from": instant(first), "to": instant(ask.Day + 1)}
	if err := tx.One(&m.Codes, "select count(*) as redeemed, cast(coalesce(sum(discount), 0) as bigint) as discount from redemptions where not undone and day between @first and @last", args); err != nil {
		return err
	}
	return tx.One(&m.Codes.Given, "select count(*) from codes where member_id is not null and issued_at >= @from and issued_at < @to", args)
}

func (m *MonthFigures) points(tx *store.Tx, ask Ask) error {
	all, err := Points(tx, ask.Day)
	if err != nil || len(all) == 0 {
		return err
	}
	last := all[len(all)-1]
	if last.Month != m.Month { // nothing was booked in it
		last = PointsMonth{Month: m.Month, Left: last.Left}
	}
	m.Points = &last
	drawn := all[max(0, len(all)-monthsDrawn):]
	m.Pictures = append(m.Pictures, Drawn(ask, func(ask Ask) string { return drawPoints(ask, drawn) }))
	m.Liability, err = PointsLiability(tx, ask)
	return err
}

func (m *MonthFigures) best(tx *store.Tx, ask Ask, first loyalty.Day) (err error) {
	if m.Campaigns, err = ResultsBetween(tx, first, ask.Day); err != nil {
		return err
	}
	m.Campaigns = slices.DeleteFunc(m.Campaigns, func(r Result) bool { return r.Sent == 0 })
	slices.SortStableFunc(m.Campaigns, func(a, b Result) int {
		return cmp.Or(cmp.Compare(b.Revenue, a.Revenue), cmp.Compare(b.Sent, a.Sent))
	})
	m.Campaigns = m.Campaigns[:min(len(m.Campaigns), bestCampaigns)]
	return nil
}

// Table is the month as rows of words and figures.
func (m MonthFigures) Table(ask Ask) Table {
	t := Table{Value: m, Head: []string{"FIGURE", ""}, Rows: [][]string{
		row("month, as of the end of", m.Last),
		row("orders", m.Orders.Orders), row("orders of the month before", m.Before.Orders),
		row("revenue", ask.money(m.Orders.Revenue)), row("revenue of the month before", ask.money(m.Before.Revenue)),
		row("members who ordered", m.Orders.Members), row("members", m.Members), row("members who joined", m.Joined),
	}}
	if lost := m.Lost(); lost != nil {
		t.Rows = append(t.Rows, row("members who came near to being lost", lost.Came), row("members about to lose in all", lost.Members), row("members who are no longer", lost.Left))
	}
	for _, o := range m.Mails {
		t.Rows = append(t.Rows, row("mails "+o.State+colon(o.Reason), o.Mails))
	}
	t.Rows = append(t.Rows, row("codes given", m.Codes.Given), row("codes redeemed", m.Codes.Redeemed), row("discounts", ask.money(m.Codes.Discount)))
	if p := m.Points; p != nil {
		t.Rows = append(t.Rows, row("points earned", p.Earned+p.Bonus+p.Adjusted), row("points spent", p.Redeemed), row("points ended unused", p.Expired), row("points left", p.Left),
			row("worth, if all are spent", ask.money(m.Liability.Nominal)), row("worth, if as many expire as before", ask.money(m.Liability.Expected)))
	}
	for _, c := range m.Campaigns {
		t.Rows = append(t.Rows, row("ordered after "+c.Campaign, ask.money(c.Revenue)))
	}
	return t
}

func colon(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// ParseMonth reads a month like 2027-06 and returns its first day.
func ParseMonth(text string) (loyalty.Day, error) {
	t, err := time.Parse("2006-01", text)
	if err != nil {
		return 0, fmt.Errorf("%q is no month like 2027-06", text)
	}
	return loyalty.DayOf(t, time.UTC), nil
}
