package console

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"regulars/internal/coupon"
	"regulars/internal/delivery"
	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/program"
	"regulars/internal/runs"
	"regulars/internal/store"
	"regulars/jobs"
)

// manyMembers is from how many members on a launch asks once more who one is.
const manyMembers = 500

// longPatience is how long a launch may take, which writes a row for everybody, and what
// puts a program in force.
const longPatience = 5 * time.Minute

// lasting is the context of an act that goes on when the browser goes away.
func lasting(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), longPatience)
}

// launchView is a launch of a campaign: its form, and what it would do.
type launchView struct {
	frame
	Campaign string
	Fields   []launchField
	Limit    string
	At       string // when, in the shop's zone, as a browser writes it; "": at once
	Rollout  []fact // how the mails go: pilot, waves, segment
	Wrong    string

	Asked   bool // what follows says what the launch would do
	Preview marketing.Preview
	Reasons []reason
	Short   int64 // so many codes are missing
	Earlier bool  // the same was launched today already
	Stale   bool  // who the visitor is is asked once more
	Mail    delivery.Shown
	Body    string // where the frame finds the mail
	Key     string
}

// Span writes a length of time.
func (launchView) Span(d time.Duration) string {
	return loyalty.Span(max(d.Round(time.Minute), time.Minute))
}

// launchField is a value that the launch takes.
type launchField struct{ Name, Kind, How, Text string }

// launch is the form.
func (c *Console) launch(w http.ResponseWriter, r *http.Request, u visitor) error {
	view, err := c.launchView(r, u)
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "launch", view)
}

// launchView is the form with what was typed into it.
func (c *Console) launchView(r *http.Request, u visitor) (view launchView, err error) {
	view = launchView{Campaign: r.PathValue("name"), Limit: strings.TrimSpace(r.PostFormValue("limit")), At: r.PostFormValue("at"), Key: cmp.Or(r.PostFormValue("key"), rand.Text())}
	var line marketing.CampaignLine
	err = c.read(r.Context(), func(tx *store.Tx) (err error) {
		if line, err = marketing.CampaignNamed(tx, view.Campaign); err != nil {
			return err
		}
		view.frame, err = c.frame(tx, r, u, "campaigns", c.pages.words.Say("launch.title", view.Campaign))
		return err
	})
	if err != nil {
		return view, err
	}
	campaign := line.Campaign
	if campaign.Start.Kind != "launch" {
		return view, wrong(c.pages.words.Say("launch.by_itself", line.Start))
	}
	for _, name := range slices.Sorted(maps.Keys(campaign.Start.Launch)) {
		kind := campaign.Start.Launch[name].String()
		if slices.Contains(campaign.Start.Links, name) {
			kind = "link"
		}
		view.Fields = append(view.Fields, launchField{name, kind, view.words.Say("launch.kind_" + kind), strings.TrimSpace(r.PostFormValue(typedValue + name))})
	}
	view.rollout(campaign.Campaign)
	return view, nil
}

// rollout says for whom the campaign is, and how its mails go.
func (v *launchView) rollout(c *program.Campaign) {
	add := func(key, text string) {
		if text != "" {
			v.Rollout = append(v.Rollout, fact{v.words.Say(key), text})
		}
	}
	if c.For != nil {
		add("campaigns.for", inSentence(c.For.Words()))
	}
	if c.Except != nil {
		add("campaigns.except", inSentence(c.Except.Words()))
	}
	add("launch.pilot", c.Pilot.String())
	add("launch.waves", c.Waves.String())
}

// request is the launch that was typed, by the visitor.
func (v *launchView) request(u visitor) (l marketing.Launch, err error) {
	l.Once = true
	l.LaunchRequest = runs.LaunchRequest{Campaign: v.Campaign, Values: map[string]string{}, By: u.by() + ", form " + v.Key}
	for _, f := range v.Fields {
		l.Values[f.Name] = f.Text
	}
	if v.Limit != "" {
		if l.Limit, err = strconv.Atoi(v.Limit); err != nil || l.Limit < 1 {
			return l, wrong(v.words.Say("launch.bad_limit"))
		}
	}
	return l, nil
}

// typedValue is what the fields of a form are called in which values are typed, before the
// value's own name.
const typedValue = "value."

// previewLaunch says what the launch would do, and asks.
func (c *Console) previewLaunch(w http.ResponseWriter, r *http.Request, u visitor) error {
	view, err := c.launchView(r, u)
	if err != nil {
		return err
	}
	return c.asks(w, r, u, view)
}

// asks shows what a launch would do with the question, or with what is wrong about it.
func (c *Console) asks(w http.ResponseWriter, r *http.Request, u visitor, view launchView) error {
	wrongWith := func(err error) error {
		if err = mistake(err); !errors.As(err, new(*refusal)) {
			return err
		}
		view.Wrong = err.Error()
		return c.pages.show(w, http.StatusUnprocessableEntity, "launch", view)
	}
	l, err := view.request(u)
	if err == nil {
		_, err = c.later(view.frame, view.At)
	}
	if err != nil {
		return wrongWith(err)
	}
	if view.Preview, err = c.Marketer.PreviewLaunch(r.Context(), l); errors.Is(err, runs.ErrLaunched) {
		view.Earlier, l.Key = true, view.launchKey()
		view.Preview, err = c.Marketer.PreviewLaunch(r.Context(), l)
	}
	if err != nil {
		return wrongWith(err)
	}
	a := view.Preview.Audience
	for name, n := range a.LeftOut {
		view.Reasons = append(view.Reasons, reason{name, n})
	}
	slices.SortFunc(view.Reasons, func(a, b reason) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Name, b.Name)) })
	if a.Codes > 0 && a.Stock >= 0 {
		view.Short = max(0, a.Codes-a.Stock)
	}
	if a.Mailed >= c.many() {
		if view.Stale, err = c.stale(r, u); err != nil {
			return err
		}
	}
	mail := mailAsked{Mail: marketing.Mail{Example: delivery.Example{Campaign: view.Campaign}, Launch: l.Values}}
	view.Mail, err = c.Marketer.PreviewMail(r.Context(), mail.Mail)
	if err != nil {
		return wrongWith(err)
	}
	mail.Mail.Mail = view.Mail.Mail
	view.Body = "/console/mail-body/" + path(mail) + mail.query(func(*mailAsked) {})
	view.Asked = true
	status := http.StatusOK
	if view.Wrong != "" {
		status = http.StatusUnprocessableEntity
	}
	return c.pages.show(w, status, "launch", view)
}

// launchKey names a launch that is to be one of its own beside an earlier one.
func (v *launchView) launchKey() string { return "console:" + v.Key }

// many is from how many members on it is asked once more who one is.
func (c *Console) many() int64 { return cmp.Or(c.Many, manyMembers) }

// startLaunch launches what was seen, for at most about the number that was agreed to.
// Pressed twice it finds what the first began.
func (c *Console) startLaunch(w http.ResponseWriter, r *http.Request, u visitor) error {
	view, err := c.launchView(r, u)
	if err != nil {
		return err
	}
	l, err := view.request(u)
	if err != nil {
		return err
	}
	agreed, err := strconv.ParseInt(r.PostFormValue("agreed"), 10, 64)
	if err != nil || agreed < 1 {
		return wrong(c.pages.words.Say("launch.nothing_agreed"))
	}
	l.Agreed = agreed
	if r.PostFormValue("earlier") == "yes" {
		l.Key = view.launchKey()
	}
	if agreed >= c.many() {
		if err := c.proves(r, u); errors.As(err, new(*refusal)) {
			view.Wrong = err.Error()
			return c.asks(w, r, u, view)
		} else if err != nil {
			return err
		}
	}
	if view.At != "" {
		return c.launchLater(w, r, u, view, l)
	}
	ctx, cancel := lasting(r)
	defer cancel()
	done, err := c.Marketer.As(u.by()).Launch(ctx, l)
	switch {
	case errors.As(err, new(*marketing.Grown)), errors.As(err, new(*coupon.Short)), errors.Is(err, runs.ErrLaunched):
		view.Wrong = err.Error()
		if errors.Is(err, runs.ErrLaunched) {
			view.Wrong = c.pages.words.Say("launch.meanwhile")
		}
		return c.asks(w, r, u, view)
	case err != nil:
		return mistake(err)
	}
	if done.Run == 0 {
		return back(w, r, "/console/campaigns/"+view.Campaign, "launched")
	}
	told := "launched"
	if done.QuietUntil != "" {
		told = "launched_quiet"
	}
	return back(w, r, "/console/runs/"+strconv.FormatInt(done.Run, 10), told)
}

// launchLater enqueues the launch for its time.
func (c *Console) launchLater(w http.ResponseWriter, r *http.Request, u visitor, view launchView, l marketing.Launch) error {
	at, err := c.later(view.frame, view.At)
	o := jobs.Order{Kind: "launch", Values: maps.Clone(l.Values), At: at, By: u.by(), Key: view.launchKey()}
	o.Values["campaign"] = l.Campaign
	if l.Limit > 0 {
		o.Values["limit"] = strconv.Itoa(l.Limit)
	}
	if err == nil {
		_, err = c.enqueued(r, u, o)
	}
	if errors.As(err, new(*refusal)) {
		view.Wrong = err.Error()
		return c.asks(w, r, u, view)
	}
	if err != nil {
		return err
	}
	return back(w, r, "/console/jobs", "later")
}
