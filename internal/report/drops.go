package report

import (
	"regulars/internal/loyalty"
	"regulars/internal/plot"
	"regulars/internal/store"
)

// DropDay is a day of a drop: a run that gives codes. Issued, Redeemed and Discount are
// up to its end; days of its mails and of the uses of its codes are the shop's.
type DropDay struct {
	Run      int64       `json:"run"`
	Campaign string      `json:"campaign"`
	Pool     string      `json:"pool"`
	Begun    loyalty.Day `json:"begun"`
	Day      loyalty.Day `json:"day"`
	Issued   int64       `json:"issued"`
	Redeemed int64       `json:"redeemed"`
	Discount int64       `json:"discount_minor"`
	Budget   int64       `json:"budget_minor"` // of the pool, for all of its drops; 0: none
}

// Enough is for how many uses the budget is enough, at what a use of the drop has cost so
// far; false where it has none, or nobody has used a code.
func (d DropDay) Enough() (uses int64, known bool) {
	if d.Budget <= 0 || d.Discount <= 0 {
		return 0, false
	}
	return d.Budget * d.Redeemed / d.Discount, true
}

// Limits of the report on drops.
const (
	newestDrops = 5
	dropDays    = 60 // of each
)

// Drops returns the newest drops up to a day, the newest first, day by day from their
// first on.
func Drops(tx *store.Tx, today loyalty.Day, drops int) ([]DropDay, error) {
	var list []struct {
		DropDay
		Occurrence, PoolID int64
	}
	args := store.Args{"today": int64(today), "drops": drops}
	err := tx.All(&list, `
		select r.id as run, r.occurrence_id as occurrence, c.name as campaign, o.day as begun, o.day as day,
		       p.id as pool_id, p.name as pool, coalesce(cast(p.spec ->> 'Budget' as bigint), 0) as budget
		from   runs r
		join   occurrences o on o.id = r.occurrence_id
		join   campaigns c   on c.id = r.campaign_id
		join   pools p on p.id = (select k.pool_id from codes k -- of the first who was mailed; a shared one is nobody's
		                          where k.id = (select s.code_id from sends s where s.run_id = r.id and s.state <> 'skipped' order by s.id limit 1)
		                          and   k.occurrence_id = r.occurrence_id)
		where  o.day <= @today
		order  by r.id desc
		limit  @drops`, args)
	if err != nil {
		return nil, err
	}
	days := []DropDay{}
	for _, d := range list {
		one, err := d.days(tx, d.Occurrence, d.PoolID, today)
		if err != nil {
			return nil, err
		}
		days = append(days, one...)
	}
	return days, nil
}

// days counts a drop day by day.
func (d DropDay) days(tx *store.Tx, occurrence, pool int64, today loyalty.Day) (days []DropDay, err error) {
	var counts []struct {
		Day                        loyalty.Day
		Issued, Redeemed, Discount int64
	}
	last := min(today, d.Begun+dropDays)
	err = tx.All(&counts, `
		select day, cast(sum(issued) as bigint) as issued, cast(sum(redeemed) as bigint) as redeemed, cast(sum(discount) as bigint) as discount
		from  (select min(s.sent_day) as day, 1 as issued, 0 as redeemed, 0 as discount -- a later mail shows the same code
		       from   sends s where s.occurrence_id = @occurrence and s.code_id is not null and s.sent_day is not null
		       group  by s.code_id
		       union  all
		       select u.day, 0, 1, u.discount
		       from   redemptions u join codes k on k.id = u.code_id
		       where  u.day >= @begun and u.day <= @last and u.pool_id = @pool and not u.undone and k.occurrence_id = @occurrence) of_day
		where  day <= @last
		group  by day
		order  by day`, store.Args{"occurrence": occurrence, "pool": pool, "begun": int64(d.Begun), "last": int64(last)})
	if err != nil {
		return nil, err
	}
	on := d
	for on.Day = d.Begun; on.Day <= last; on.Day++ {
		for len(counts) > 0 && counts[0].Day <= on.Day {
			on.Issued, on.Redeemed, on.Discount = on.Issued+counts[0].Issued, on.Redeemed+counts[0].Redeemed, on.Discount+counts[0].Discount
			counts = counts[1:]
		}
		days = append(days, on)
	}
	return days, nil
}

// drawDrops draws the newest drop.
func drawDrops(ask Ask, value any) string {
	c := plot.Columns{Title: "The newest drop, day by day", Says: "By the end of each day how many of its codes were used, as columns, and issued, as a line, as of " + ask.Day.String() + "."}
	issued, earlier, on := plot.Series{Name: "issued"}, plot.Series{Name: "used before"}, plot.Series{Name: "used on the day"}
	days := value.([]DropDay)
	before, budget := int64(0), DropDay{}
	for _, d := range days {
		if d.Run != days[0].Run {
			break
		}
		c.Title = "The drop of " + d.Campaign + " on " + d.Begun.UTC().Format("2 January 2006") + ", day by day"
		c.Labels = append(c.Labels, d.Day.UTC().Format("2 Jan"))
		issued.Values, earlier.Values = append(issued.Values, float64(d.Issued)), append(earlier.Values, float64(before))
		on.Values = append(on.Values, float64(max(0, d.Redeemed-before)))
		before = d.Redeemed
		budget = d
	}
	c.Up, c.Lines = []plot.Series{earlier, on}, []plot.Series{issued}
	if uses, known := budget.Enough(); known {
		enough := plot.Series{Name: "what the budget is enough for", Dashed: true}
		for range c.Labels {
			enough.Values = append(enough.Values, float64(uses))
		}
		c.Lines = append(c.Lines, enough)
	}
	return ask.columns(c)
}
