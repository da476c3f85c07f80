package report_test

import (
	"slices"
	"strings"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/segments"
)

// A month has the figures of the other reports, of its days alone.
func TestAMonthOnOnePage(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		of := func(day loyalty.Day) report.MonthFigures {
			return see(t, db, func(tx *store.Tx) (report.MonthFigures, error) {
				return report.OfMonth(tx, report.Ask{Day: day, Currency: "EUR"}, segments.Scope{})
			})
		}
		if m := of(today); m.Orders.Orders != 0 || m.Points != nil || len(m.Pictures) != 0 {
			t.Errorf("a month of an empty database: %+v", m)
		}
		people(t, db)
		ledger(t, db)
		do(t, db, "update sends set day = {today-1} where id > 3")

		now := of(today)
		if now.Month != "2027-03" || !now.GoesOn || now.Last != today || now.Orders.Orders != 2 || now.Before.Orders != 1 || now.Joined != 0 || now.Members != 2 {
			t.Errorf("the present month: %+v", now)
		}
		if want := (report.CodesUse{Given: 0, Redeemed: 1, Discount: 450}); now.Codes != want {
			t.Errorf("codes %+v, want %+v", now.Codes, want)
		}
		february := of(today - 10)
		if february.Month != "2027-02" || february.GoesOn || february.Last.String() != "2027-02-28" || february.Orders.Revenue != 2000 || february.Before.Revenue != 4000 {
			t.Errorf("the month before: %+v", february)
		}
		if want := []report.Outcome{{State: "sent", Mails: 2}, {State: "skipped", Reason: "no_consent", Mails: 1}}; !slices.Equal(february.Mails, want) || february.Sent() != 2 {
			t.Errorf("mails %+v, want %+v", february.Mails, want)
		}
		if february.Codes.Given != 2 || february.Codes.Redeemed != 0 {
			t.Errorf("codes of the month before: %+v, want two given", february.Codes)
		}
		if len(february.Campaigns) != 1 || february.Campaigns[0].Campaign != "newsletter" || february.Lost() == nil || len(february.Pictures) != 2 {
			t.Errorf("campaigns %+v, stages %+v, %d pictures", february.Campaigns, february.Stages, len(february.Pictures))
		}
		var months []string
		for _, row := range february.Table(report.Ask{Currency: "EUR"}).Rows {
			months = append(months, strings.Join(row, ": "))
		}
		if got := strings.Join(months, "\n"); !strings.Contains(got, "revenue: 20.00") || !strings.Contains(got, "mails skipped: no_consent: 1") || !strings.Contains(got, "ordered after newsletter: 30.00") {
			t.Errorf("the table says\n%s", got)
		}
	})
}
