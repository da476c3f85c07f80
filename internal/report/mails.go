package report

import (
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// DayCount is how many mails went out on a shop day.
type DayCount struct {
	Day   loyalty.Day `json:"day"`
	Mails int64       `json:"mails"`
}

// MailsByDay returns the mails handed over on each shop day from first to last,
// days without any among them. Days are cut by the zone's present offset: mails
// of the hour around midnight before a clock change may count for its neighbour.
func MailsByDay(tx *store.Tx, first, last loyalty.Day, zone *time.Location) ([]DayCount, error) {
	_, offset := tx.At.In(zone).Zone()
	var found []DayCount
	err := tx.All(&found, `
		select (`+tx.Micros("handed_at")+` + @offset) / 86400000000 as day, count(*) as mails
		from   sends
		where  handed_at >= @from and state in ('sent', 'bounced', 'complained')
		group  by 1`,
		store.Args{"offset": int64(offset) * 1_000_000, "from": loyalty.At(first.Start(zone))})
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
