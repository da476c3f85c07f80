package report

import (
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/plot"
	"regulars/internal/store"
)

// EndingMonth is what ends in a month unless members use it before.
type EndingMonth struct {
	Month  string `json:"month"`  // "later": after those before it
	Points int64  `json:"points"` // of those that are left
	Codes  int64  `json:"codes"`  // that members have; a shared one is no member's own
}

// endingMonths is how many months ahead are told one by one, this one among them.
const endingMonths = 13

// Ending returns what ends from a day on, by month.
func Ending(tx *store.Tx, day loyalty.Day) ([]EndingMonth, error) {
	var found []EndingMonth
	err := tx.All(&found, `
		select `+monthOf(tx, "e.day")+` as month, cast(sum(e.points) as bigint) as points, cast(sum(e.codes) as bigint) as codes
		from  (select last_day as day, sum(remains) as points, 0 as codes
		       from   lots where wallet = 'points' and last_day >= @day and remains > 0
		       group  by last_day
		       union  all
		       select k.valid_until, 0, count(*)
		       from   codes k join pools p on p.id = k.pool_id and p.kind <> 'shared'
		       where  k.state in ('reserved', 'issued') and k.valid_until >= @day
		       group  by k.valid_until) e
		group  by 1
		order  by 1`, store.Args{"day": int64(day)})
	if err != nil {
		return nil, fmt.Errorf("what ends when: %w", err)
	}
	months := []EndingMonth{}
	if len(found) == 0 {
		return months, nil
	}
	of := map[string]int{}
	for first, _ := loyalty.MonthOf(day); len(months) < endingMonths; _, first = loyalty.MonthOf(first) {
		month := first.UTC().Format("2006-01")
		of[month] = len(months)
		months = append(months, EndingMonth{Month: month})
	}
	later := EndingMonth{Month: "later"}
	for _, f := range found {
		m := &later
		if at, near := of[f.Month]; near {
			m = &months[at]
		}
		m.Points, m.Codes = m.Points+f.Points, m.Codes+f.Codes
	}
	if later.Points != 0 || later.Codes != 0 {
		months = append(months, later)
	}
	return months, nil
}

// drawEnding draws points, or codes where no points end.
func drawEnding(ask Ask, value any) string {
	c := plot.Columns{Title: "Points that end", Says: "Points that end in each month unless members use them before, as of " + ask.Day.String() + "."}
	points, codes := plot.Series{Name: "points"}, plot.Series{Name: "codes"}
	ending, next := EndingMonth{}, EndingMonth{}
	for i, m := range value.([]EndingMonth) {
		c.Labels = append(c.Labels, m.Month)
		points.Values, codes.Values = append(points.Values, float64(m.Points)), append(codes.Values, float64(m.Codes))
		ending.Points, ending.Codes = ending.Points+m.Points, ending.Codes+m.Codes
		if i < 2 { // this month and the next
			next.Points, next.Codes = next.Points+m.Points, next.Codes+m.Codes
		}
	}
	c.Up = []plot.Series{points}
	if ending.Points == 0 && ending.Codes > 0 {
		c.Title, c.Says = "Codes that end", "Codes of members that end in each month unless they are used before, as of "+ask.Day.String()+"."
		c.Up = []plot.Series{codes}
	}
	c.Says += fmt.Sprintf(" Until the end of the next month: %s points and %s codes.", loyalty.Count(next.Points), loyalty.Count(next.Codes))
	return ask.columns(c)
}
