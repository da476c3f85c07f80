package report

import (
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// DayCount is how many mails went out on a shop day.
type DayCount struct {
	Day   loyalty.Day `json:"day"`
	Mails int64       `json:"mails"`
}

// MailsByDay returns the mails handed over on each shop day from first to last,
// days without any among them.
func MailsByDay(tx *store.Tx, first, last loyalty.Day) ([]DayCount, error) {
	var found []DayCount
	err := tx.All(&found, "select sent_day as day, cast(sum(n) as bigint) as mails from counted where sent_day between @first and @last and "+store.CountedSent+" group by sent_day",
		store.Args{"first": int64(first), "last": int64(last)})
	counts := map[loyalty.Day]int64{}
	for _, d := range found {
		counts[d.Day] = d.Mails
	}
	days := []DayCount{}
	for day := first; day <= last; day++ {
		days = append(days, DayCount{day, counts[day]})
	}
	return days, err
}
