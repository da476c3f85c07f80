package report

import (
	"regulars/internal/loyalty"
	"regulars/internal/plot"
	"regulars/internal/store"
)

// ReturningMonth is who ordered in a month: for the first time, or in an earlier month too.
type ReturningMonth struct {
	Month   string  `json:"month"`
	Members int64   `json:"members"`
	Again   int64   `json:"again"` // of them, who had ordered in an earlier month
	Share   float64 `json:"share"`
}

// Returning returns them by month, up to the end of a day.
func Returning(tx *store.Tx, day loyalty.Day) ([]ReturningMonth, error) {
	cohorts, err := Cohorts(tx, day)
	months := []ReturningMonth{}
	if err != nil || len(cohorts) == 0 {
		return months, err
	}
	first, err := ParseMonth(cohorts[0].Month)
	if err != nil {
		return nil, err
	}
	for month := first; month <= day; _, month = loyalty.MonthOf(month) {
		months = append(months, ReturningMonth{Month: month.UTC().Format("2006-01")})
	}
	for _, c := range cohorts {
		from, err := ParseMonth(c.Month)
		if err != nil {
			return nil, err
		}
		for n, active := range c.Active {
			m := &months[monthNumber(from)-monthNumber(first)+n]
			if m.Members += active; n > 0 {
				m.Again += active
			}
			m.Share = ratio(m.Again, m.Members)
		}
	}
	return months, nil
}

func drawReturning(ask Ask, value any) string {
	c := plot.Columns{Title: "Who ordered in each month", Says: "Members who ordered in each month: for the first time, and those who had ordered in an earlier month, as of " + ask.Day.String() + "."}
	again, news := plot.Series{Name: "had ordered before"}, plot.Series{Name: "for the first time"}
	list := value.([]ReturningMonth)
	list = list[max(0, len(list)-2*drawnMonths):]
	for _, m := range list {
		c.Labels = append(c.Labels, m.Month)
		again.Values, news.Values = append(again.Values, float64(m.Again)), append(news.Values, float64(m.Members-m.Again))
	}
	if len(list) > 0 {
		last := list[len(list)-1]
		c.Says += " In " + last.Month + " " + percent(last.Share) + " had ordered before."
	}
	c.Up = []plot.Series{again, news}
	return ask.columns(c)
}
