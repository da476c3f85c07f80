package report

import (
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Cohort is the members who ordered first in one month.
type Cohort struct {
	Month   string  `json:"month"`
	Members int64   `json:"members"`
	Active  []int64 `json:"active"` // who ordered in that month, in the next, and so on to the day asked for
}

// Cohorts returns members by the month of their first order, as of the end of a
// day.
func Cohorts(tx *store.Tx, day loyalty.Day) ([]Cohort, error) {
	var rows []struct {
		Cohort, Month string
		Members       int64
	}
	err := tx.All(&rows, `
		select `+monthOf(tx, "f.day")+` as cohort, a.month, count(*) as members
		from  (select member_id, min(day) as day from orders where counts and day <= @day group by member_id) f
		join  (select member_id, `+monthOf(tx, "day")+` as month from orders where counts and day <= @day group by 1, 2) a on a.member_id = f.member_id
		group  by 1, 2
		order  by 1, 2`, store.Args{"day": day})
	if err != nil {
		return nil, err
	}
	last, cohorts := monthNumber(day), []Cohort{}
	for _, r := range rows {
		first, err := loyalty.ParseDay(r.Cohort + "-01")
		if err != nil {
			return nil, err
		}
		month, err := loyalty.ParseDay(r.Month + "-01")
		if err != nil {
			return nil, err
		}
		if len(cohorts) == 0 || cohorts[len(cohorts)-1].Month != r.Cohort {
			cohorts = append(cohorts, Cohort{Month: r.Cohort, Members: r.Members, Active: make([]int64, last-monthNumber(first)+1)})
		}
		cohorts[len(cohorts)-1].Active[monthNumber(month)-monthNumber(first)] = r.Members
	}
	return cohorts, nil
}

// monthNumber counts calendar months.
func monthNumber(d loyalty.Day) int {
	y, m, _ := d.Civil()
	return y*12 + int(m)
}

func cohortsReport(tx *store.Tx, ask Ask) (Table, error) {
	cohorts, err := Cohorts(tx, ask.Day)
	a := Table{Value: cohorts, Head: []string{"FIRST ORDER", "MEMBERS"}}
	for i, c := range cohorts {
		cells := row(c.Month, c.Members)
		for n, active := range c.Active[1:] {
			if i == 0 {
				a.Head = append(a.Head, fmt.Sprintf("+%d", n+1))
			}
			cells = append(cells, fmt.Sprint(active))
		}
		a.Rows = append(a.Rows, cells)
	}
	for i := range a.Rows { // the later ones have had fewer months
		a.Rows[i] = append(a.Rows[i], make([]string, len(a.Head)-len(a.Rows[i]))...)
	}
	return a, err
}
