package report

import (
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Milestone is how many members reached numbers of orders in one month.
type Milestone struct {
	Month   string          `json:"month"`
	Reached map[int64]int64 `json:"reached"` // number of orders → members who placed that one
	Tenths  int64           `json:"tenths"`  // every 10th order: 10, 20, 30 …
}

// milestones are the numbers of orders that are looked at one by one.
var milestones = []int64{1, 3, 5, 10}

// Milestones returns the milestones reached by month, up to the end of a day. Who
// had an order cancelled after it reached one does not count there.
func Milestones(tx *store.Tx, day loyalty.Day) ([]Milestone, error) {
	var rows []struct {
		Month      string
		N, Members int64
	}
	err := tx.All(&rows, `
		select `+monthOf(tx, "day")+` as month, n, count(*) as members
		from  (select day, row_number() over (partition by member_id order by day, at, id) as n
		       from   orders
		       where  counts and day <= @day) placed
		where  n in @milestones or n % 10 = 0
		group  by 1, 2
		order  by 1, 2`, store.Args{"day": day, "milestones": milestones})
	months := []Milestone{}
	for _, r := range rows {
		if len(months) == 0 || months[len(months)-1].Month != r.Month {
			months = append(months, Milestone{Month: r.Month, Reached: map[int64]int64{}})
		}
		last := &months[len(months)-1]
		for _, n := range milestones {
			if n == r.N {
				last.Reached[n] = r.Members
			}
		}
		if r.N%10 == 0 {
			last.Tenths += r.Members
		}
	}
	return months, err
}

func milestonesReport(tx *store.Tx, ask Ask) (Table, error) {
	months, err := Milestones(tx, ask.Day)
	a := Table{Value: months, Head: []string{"MONTH"}}
	for _, n := range milestones {
		a.Head = append(a.Head, fmt.Sprintf("ORDER %d", n))
	}
	a.Head = append(a.Head, "EVERY 10TH")
	for _, m := range months {
		cells := row(m.Month)
		for _, n := range milestones {
			cells = append(cells, fmt.Sprint(m.Reached[n]))
		}
		a.Rows = append(a.Rows, append(cells, fmt.Sprint(m.Tenths)))
	}
	return a, err
}
