package console

import (
	"cmp"
	"errors"
	"net/http"
	"strings"

	"regulars/internal/marketing"
	"regulars/internal/report"
	"regulars/internal/store"
)

// todayView is the first page: what needs a person, what goes out, the last days.
type todayView struct {
	frame
	Status  report.Status
	Needs   []need
	Recent  report.Recent
	Figures []figure
	Days    []marketing.PlannedDay
}

// need is something that needs a person, with where they can do it.
type need struct {
	store.Trouble
	Link, Button string // a page that helps
}

// figure is one of the last days' figures, with a link to its rows.
type figure struct {
	Name        string
	Now, Before string
	Link        string
}

// calendarDays is how far the calendar looks ahead.
const calendarDays = 7

func (c *Console) today(w http.ResponseWriter, r *http.Request, u visitor) error {
	view := todayView{Status: report.LookForPage(r.Context(), c.DB)} // part by part: what cannot be asked is told as a trouble
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "today", c.pages.words.Say("today.title")); err != nil {
			return err
		}
		view.Days, err = marketing.Calendar(tx, calendarDays)
		return err
	})
	if err == nil {
		err = c.figures(r, func(tx *store.Tx) error {
			shop, kept, err := report.KeptShop(tx)
			if view.Recent = shop.Recent; err == nil && !kept {
				view.Recent, err = report.Recents(tx, view.Today())
			}
			return err
		})
	}
	if err != nil {
		return err
	}
	for _, t := range view.Status.Troubles {
		if !view.People {
			t.What = strings.TrimSuffix(marketing.Impersonal(t), " by console") // nor who did it
		}
		view.Needs = append(view.Needs, c.need(t, view.Launcher, view.Admin))
	}
	view.figures()
	return c.pages.show(w, http.StatusOK, "today", view)
}

// figures fills the tiles; there are none when they could not be counted in time.
func (v *todayView) figures() {
	if v.Recent.AsOf.IsZero() {
		return
	}
	number := v.words.Number
	for _, f := range []struct {
		name string
		of   report.Recently
		show func(int64) string
	}{{"orders", v.Recent.Orders, number}, {"amount", v.Recent.Amount, v.Money}, {"members", v.Recent.Members, number}, {"mails", v.Recent.Mails, number}, {"redeemed", v.Recent.Redeemed, number}} {
		link := f.name
		if f.name == "amount" {
			link = "orders"
		}
		v.Figures = append(v.Figures, figure{v.words.Say("figures." + f.name), f.show(f.of.Now), f.show(f.of.Before), "/console/figures/" + link})
	}
}

// forOperators are the parts of the help page that are about troubles which only whoever
// runs Regulars can mend.
var forOperators = map[string]string{
	"worker": "no-worker", "queue": "mails-or-steps-are-late", "night": "the-night", "clock": "a-clock", "redis": "redis",
	"database": "the-database-and-its-disk", "schema": "the-database-and-its-disk", "disk": "the-database-and-its-disk", "relay": "the-relay",
	"secret": "webhooks", "webhook secret": "webhooks", "webhook disabled": "webhooks", "webhook failing": "webhooks", "webhook dead": "webhooks", "parked": "webhooks",
}

// need says where a person can do something about a trouble, or see more of it; launchers
// and admins can do more.
func (c *Console) need(t store.Trouble, launcher, admin bool) need {
	n := need{Trouble: t}
	if t.Kind == "held" || t.Kind == "paused" || t.Kind == "unknown" {
		n.Do = "" // the page that the button leads to does it; else it is told how by command line
	}
	campaign, isCampaign := strings.CutPrefix(t.About, "campaign ")
	switch {
	case t.Kind == "job":
		n.Link, n.Button = "/console/jobs", "today.to_jobs"
	case t.Kind == "paused":
		n.Link, n.Button = "/console/runs/"+t.About, "today.to_run"
	case isCampaign:
		n.Link, n.Button = "/console/campaigns/"+campaign, "today.to_campaign"
	case t.Kind == "skipped":
		n.Link, n.Button = "/console/campaigns/"+t.About, "today.to_campaign"
	case t.Kind == "held" || t.Kind == "restored" || t.Kind == "unsure":
		n.Link, n.Button = "#stop", "today.to_release"
		if !launcher {
			n.Button = "today.to_stop"
		}
	case t.Kind == "pool" || t.Kind == "aside":
		n.Link, n.Button = "/console/codes/"+t.About, "today.to_pool"
	case strings.HasPrefix(t.About, "pool "):
		n.Link, n.Button = "/console/codes/"+strings.TrimPrefix(t.About, "pool "), "today.to_pool"
	case t.Kind == "unknown":
		n.Link, n.Button = "/console/unknown", "today.to_unknown"
	case admin && (t.Kind == "parked" || strings.HasPrefix(t.Kind, "webhook ")):
		n.Link, n.Button, n.Do = "/console/webhooks", "today.to_webhooks", ""
	case t.Kind == "budget":
		n.Link, n.Button = "/console/loyalty", "today.to_loyalty"
	case strings.HasPrefix(t.About, "segment "):
		n.Link, n.Button = "/console/segments/"+strings.TrimPrefix(t.About, "segment "), "today.to_segment"
	default: // whoever runs it has to: the page says what it is and what happens meanwhile
		n.Link, n.Button = "/console/help/troubleshooting#"+cmp.Or(forOperators[t.Kind], "for-whoever-runs-it"), "today.to_help"
	}
	n.Button = c.pages.words.Say(n.Button)
	return n
}

// figureView are the rows behind a figure.
type figureView struct {
	frame
	Figure string
	Rows   []report.RecentRow
	Older  int64 // the row before which the next page begins; 0: there is none
}

func (c *Console) figure(w http.ResponseWriter, r *http.Request, u visitor) error {
	view := figureView{Figure: r.PathValue("figure")}
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "today", c.pages.words.Say("figures."+view.Figure)); err != nil {
			return err
		}
		view.Rows, view.Older, err = paged(r, func(before int64, limit int) ([]report.RecentRow, error) {
			return report.RecentRows(tx, view.Figure, view.Today(), before, limit)
		}, func(row report.RecentRow) int64 { return row.ID })
		return err
	})
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "figure", view)
}

// holdAll stops all offers or everything.
func (c *Console) holdAll(w http.ResponseWriter, r *http.Request, u visitor) error {
	what, err := c.allOf(r)
	if err != nil {
		return err
	}
	because, err := c.because(r)
	if err != nil {
		return err
	}
	if err := c.Marketer.As(u.by()).Hold(r.Context(), what, because, u.by()); err != nil {
		return err
	}
	return back(w, r, "/console/", "held")
}

func (c *Console) releaseAll(w http.ResponseWriter, r *http.Request, u visitor) error {
	what, err := c.allOf(r)
	if err != nil {
		return err
	}
	if _, err := c.Marketer.As(u.by()).Release(r.Context(), what, r.PostFormValue("texts") == "latest"); err != nil {
		return mistake(err)
	}
	return back(w, r, "/console/", "released")
}

// allOf reads what a hold without a campaign is about.
func (c *Console) allOf(r *http.Request) (marketing.Stop, error) {
	switch r.PostFormValue("what") {
	case "offers":
		return marketing.Stop{Offers: true}, nil
	case "all":
		return marketing.Stop{All: true}, nil
	}
	return marketing.Stop{}, wrong(c.pages.words.Say("wrong.what"))
}

// because reads why somebody does something: whoever comes later wants to know.
func (c *Console) because(r *http.Request) (string, error) {
	text := strings.Join(strings.Fields(r.PostFormValue("because")), " ")
	switch {
	case text == "":
		return "", wrong(c.pages.words.Say("wrong.because"))
	case len(text) > 500:
		return "", wrong(c.pages.words.Say("wrong.long_because"))
	}
	return text, nil
}

// mistake has the words of an act that could not be done shown to the person, and not
// those of what went wrong on our side.
func mistake(err error) error {
	if err == nil || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrLocked) || store.Away(err) || store.Passing(err) {
		return err
	}
	return wrong(err.Error())
}
