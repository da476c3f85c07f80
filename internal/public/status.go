package public

import (
	"fmt"
	"net/http"
	"time"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/templates"
)

// statusView is the operator's page: the status, what came of the campaigns, and
// a chart of the mails.
type statusView struct {
	frame
	Status    report.Status
	Tiles     []tile
	Chart     *chart // nil: no mail yet
	Campaigns []campaignView
	Pools     []poolView
	Within    int // days
	zone      *time.Location
}

type tile struct{ Figure, Of string }

// campaignView has its figures as they are written; shares are percentages.
type campaignView struct {
	Name, Mailed, LeftOut, Pending, Ordered, Codes string
	HasCodes                                       bool
	OrderedShare, RedeemedShare                    int
}

type poolView struct{ Name, Given, Redeemed, Left string }

// When writes a moment in the shop's zone.
func (v statusView) When(t loyalty.Instant) string { return t.In(v.zone).Format("2 Jan 2006, 15:04") }

// Count writes a number.
func (statusView) Count(n int64) string { return number(n) }

// number writes a count as the status page does, which is English.
func number(n int64) string { return templates.WordsIn(nil).Number(n) }

// Share is the part of a whole in percent.
func (statusView) Share(part, whole int64) int { return share(part, whole) }

func share(part, whole int64) int {
	if whole <= 0 {
		return 0
	}
	return int(min(100, 100*part/whole))
}

// chartDays is how many days the chart shows.
const chartDays = 60

// statusPage shows what sends now and what needs a person. It holds no personal
// data, but the shop's plans: it stands open only beside the built-in inbox.
func (s *server) statusPage(w http.ResponseWriter, r *http.Request) error {
	if s.Inbox == nil {
		return store.ErrNotFound
	}
	var view statusView
	err := s.reads.View(r.Context(), func(tx *store.Tx) (err error) {
		view, err = s.statusView(tx)
		return err
	})
	if err != nil {
		return err
	}
	if r.URL.Query().Get("live") != "" {
		view.Refresh = 5
	}
	return s.pages.show(w, http.StatusOK, "status", view)
}

func (s *server) statusView(tx *store.Tx) (view statusView, err error) {
	view = statusView{frame: frame{Lang: "en", Title: "Status", Wide: true}, Within: report.Within}
	shop, err := s.shop(tx)
	if err != nil {
		return view, err
	}
	view.Shop = shop.name
	if view.zone, err = tx.Zone(); err != nil {
		return view, err
	}
	if view.Status, err = report.Look(tx); err != nil {
		return view, err
	}
	today := loyalty.DayOf(tx.At.Time, view.zone)
	days, err := report.MailsByDay(tx, today-chartDays+1, today)
	if err != nil {
		return view, err
	}
	results, err := report.Results(tx, "", 0)
	if err != nil {
		return view, err
	}
	pools, err := coupon.Statuses(tx, today)
	if err != nil {
		return view, err
	}
	view.Chart = newChart(days)
	view.figures(results)
	view.pools(pools)
	return view, nil
}

// figures fills the tiles and the table of campaigns.
func (v *statusView) figures(results []report.Result) {
	var sent, pending, redeemed int64
	for _, r := range results {
		sent, pending, redeemed = sent+r.Sent, pending+r.Pending, redeemed+r.Redeemed
		v.Campaigns = append(v.Campaigns, campaignView{
			Name: r.Campaign, Mailed: v.Count(r.Sent), LeftOut: v.Count(r.Skipped), Pending: v.Count(r.Pending), Ordered: v.Count(r.Ordered),
			Codes: v.Count(r.Redeemed) + " of " + v.Count(r.Codes), HasCodes: r.Codes > 0,
			OrderedShare: share(r.Ordered, r.Mailed), RedeemedShare: share(r.Redeemed, r.Codes),
		})
	}
	members := "members"
	if v.Status.Known > 0 {
		members += fmt.Sprintf(", and %s known from orders", v.Count(v.Status.Known))
	}
	v.Tiles = []tile{
		{v.Count(v.Status.Members), members},
		{v.Count(sent), "mails sent"},
		{v.Count(pending), "mails on their way"},
		{v.Count(redeemed), "codes redeemed"},
	}
}

func (v *statusView) pools(pools []coupon.Status) {
	for _, p := range pools {
		left := "no limit"
		if p.Left >= 0 {
			left = v.Count(p.Left)
		}
		given := v.Count(p.Reserved + p.Issued + p.Redeemed + p.Expired)
		if p.Kind == coupon.Shared {
			given, left = "one for all", "—"
		}
		v.Pools = append(v.Pools, poolView{p.Name, given, v.Count(p.Redeemed), left})
	}
}

// chart is bars as SVG draws them, in units of its view box.
type chart struct {
	Width, Height     int
	Bars              []chartBar
	Lines             []int  // where the scale's marks are
	Top, Half         string // its highest and its middle mark
	First, Most, Last string
	Label             string
}

type chartBar struct {
	N          int64
	X, Y, W, H float64
	Title      string
}

// topOf is the round number at which a scale ends that shows most: half of it is
// a whole number, too.
func topOf(most int64) int64 {
	for unit := int64(1); ; unit *= 10 {
		for _, n := range []int64{2, 4, 6, 8, 10} {
			if top := n * unit; top >= most {
				return top
			}
		}
	}
}

// newChart draws mails per day, nil when there are none.
func newChart(days []report.DayCount) *chart {
	var most, all int64
	for _, d := range days {
		most, all = max(most, d.Mails), all+d.Mails
	}
	if most == 0 {
		return nil
	}
	day := func(d loyalty.Day) string { return d.UTC().Format("2 Jan") }
	c := &chart{Width: 14 * len(days), Height: 150, First: day(days[0].Day), Last: day(days[len(days)-1].Day),
		Most:  fmt.Sprintf("at most %s a day", number(most)),
		Label: fmt.Sprintf("%s mails in %d days, at most %s a day", number(all), len(days), number(most))}
	top := topOf(most)
	c.Top, c.Half, c.Lines = number(top), number(top/2), []int{0, c.Height / 2, c.Height}
	for i, d := range days {
		h := max(2, float64(c.Height)*float64(d.Mails)/float64(top))
		c.Bars = append(c.Bars, chartBar{d.Mails, float64(14*i) + 2, float64(c.Height) - h, 10, h, fmt.Sprintf("%s: %s", day(d.Day), number(d.Mails))})
	}
	return c
}
