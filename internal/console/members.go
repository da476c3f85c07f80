package console

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"regulars/internal/consent"
	"regulars/internal/coupon"
	"regulars/internal/delivery"
	"regulars/internal/marketing"
	"regulars/internal/points"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/why"
)

// membersView is the search.
type membersView struct {
	frame
	Query string
	Found []report.Member
	Asked bool
}

func (c *Console) members(w http.ResponseWriter, r *http.Request, u visitor) error {
	view := membersView{Query: strings.TrimSpace(r.PostFormValue("q"))}
	view.Asked = view.Query != ""
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "members", c.pages.words.Say("members.title")); err != nil || !view.Asked {
			return err
		}
		view.Found, err = report.FindMembers(tx, view.Query)
		return err
	})
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "members", view)
}

// memberView is one member.
type memberView struct {
	frame
	report.Member
	Profile   report.Profile
	Topics    []consent.Standing
	Answers   []report.ConsentAnswer // about topics, the newest first
	Timeline  []report.Moment
	Points    *points.Statement // nil: the program keeps none
	Codes     []coupon.Code
	Pools     []string      // out of which a code can be given by hand
	Unarrived []report.Send // mails that did not arrive; to viewers none are shown
	Campaigns []marketing.CampaignLine
	Facts     []fact
	Most      int    // how much of the timeline is shown
	Key       string // of idempotency: the form of points may be sent twice
}

// Limits of the page.
const (
	timelineRows  = 150
	unarrivedRows = 20
	mostAnswers   = 50
	mostLots      = 20 // of points, by their last days
)

// Ends are the points that end soonest, those of a day together.
func (v memberView) Ends() (all []points.LotLine) {
	for _, lot := range v.Points.Lots {
		if n := len(all) - 1; n >= 0 && (lot.Last == all[n].Last || lot.Last != nil && all[n].Last != nil && *lot.Last == *all[n].Last) {
			all[n].Remains += lot.Remains
			continue
		}
		all = append(all, lot)
	}
	return all
}

func (c *Console) member(w http.ResponseWriter, r *http.Request, u visitor) error {
	id, err := numbered(r, "member")
	if err != nil {
		return err
	}
	view := memberView{Most: timelineRows, Key: rand.Text()}
	err = c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.Member, err = report.ShowMember(tx, id); err != nil {
			return err
		}
		if view.frame, err = c.frame(tx, r, u, "members", ""); err != nil {
			return err
		}
		if view.Profile, err = report.ProfileOf(tx, id); err != nil {
			return err
		}
		if view.Topics, err = consent.StandingOf(tx, id); err != nil {
			return err
		}
		if view.Answers, err = report.ConsentAnswers(tx, id, mostAnswers); err != nil {
			return err
		}
		if view.Timeline, err = report.Timeline(tx, id, timelineRows); err != nil {
			return err
		}
		v, err := marketing.InForce(tx)
		if err != nil {
			return err
		}
		if v.Program != nil {
			view.Pools = marketing.PoolsToGive(v.Program)
		}
		if view.Marketer {
			if view.Unarrived, err = report.Unarrived(tx, id, unarrivedRows); err != nil {
				return err
			}
		}
		if v.Program != nil && v.Program.Loyalty != nil && v.Program.Loyalty.Points != nil {
			s, err := points.StatementOf(tx, id, mostLots)
			if err != nil {
				return err
			}
			view.Points = &s
		}
		if view.Codes, err = coupon.Of(tx, id); err != nil {
			return err
		}
		view.Campaigns, err = marketing.Campaigns(tx)
		return err
	})
	if err != nil {
		return err
	}
	view.frame.Title = view.Called(view.Member)
	view.facts()
	if !view.People {
		view.hide()
	}
	return c.pages.show(w, http.StatusOK, "member", view)
}

// facts are the lines of the profile that only who may see members sees.
func (v *memberView) facts() {
	add := func(key, text string) {
		if text != "" {
			v.Facts = append(v.Facts, fact{v.words.Say("members." + key), text})
		}
	}
	if !v.People {
		return
	}
	add("id", v.ID)
	add("email", v.Email)
	add("phone", v.Profile.Phone)
	add("card", v.Profile.Card)
	if p := v.Profile; p.BirthMonth > 0 {
		day := strconv.FormatInt(p.BirthDate, 10) + "." + strconv.FormatInt(p.BirthMonth, 10) + "."
		if p.BirthYear > 0 {
			day += strconv.FormatInt(p.BirthYear, 10)
		}
		add("birthday", day)
	}
	add("referred", v.Profile.ReferredBy)
	add("tags", strings.Join(v.Profile.Tags, ", "))
	for _, name := range slices.Sorted(maps.Keys(v.Profile.Attributes)) {
		v.Facts = append(v.Facts, fact{name, fmt.Sprint(v.Profile.Attributes[name])})
	}
}

// hide takes away what says who the member is, and what is theirs alone.
func (v *memberView) hide() {
	v.Member.ID, v.Member.Email, v.Member.FirstName, v.Member.LastName = "", "", "", ""
	v.Profile = report.Profile{Tier: v.Profile.Tier, Suppressed: v.Profile.Suppressed, ErasedAt: v.Profile.ErasedAt, Merged: v.Profile.Merged}
	for i := range v.Codes {
		v.Codes[i].Code = ""
	}
	for i := range v.Answers {
		v.Answers[i].Source, v.Answers[i].Said = "", ""
	}
	for i := range v.Timeline {
		m := &v.Timeline[i]
		if m.Kind == "order" || m.Kind == "code" {
			m.What = ""
		}
		if m.Kind == "click" || m.Kind == "points" || m.Kind == "consent" || m.Kind == "tier" {
			m.Detail = ""
		}
	}
}

// whyView says why a member gets, or does not get, a campaign.
type whyView struct {
	frame
	report.Member
	Campaign string
	Lines    []why.Line
}

func (c *Console) why(w http.ResponseWriter, r *http.Request, u visitor) error {
	id, err := numbered(r, "member")
	if err != nil {
		return err
	}
	view := whyView{Campaign: r.PathValue("name")}
	err = c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "members", c.pages.words.Say("why.title", view.Campaign)); err != nil {
			return err
		}
		if _, err := marketing.CampaignNamed(tx, view.Campaign); err != nil {
			return err
		}
		if view.Member, err = report.ShowMember(tx, id); err != nil {
			return err
		}
		view.Lines, err = why.Chain(tx, id, view.Campaign, 0)
		return err
	})
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "why", view)
}

// acted does something for a member, who is named by the shop's id.
func (c *Console) acted(w http.ResponseWriter, r *http.Request, done string, f func(m report.Member) error) error {
	id, err := numbered(r, "member")
	if err != nil {
		return err
	}
	var m report.Member
	if err := c.read(r.Context(), func(tx *store.Tx) (err error) { m, err = report.ShowMember(tx, id); return err }); err != nil {
		return err
	}
	if err := f(m); err != nil {
		return mistake(err)
	}
	return back(w, r, "/console/members/"+strconv.FormatInt(id, 10), done)
}

// setTopics records what a member has told somebody of the shop.
func (c *Console) setTopics(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.acted(w, r, "topics", func(m report.Member) error {
		var before []consent.Standing
		err := c.read(r.Context(), func(tx *store.Tx) (err error) { before, err = consent.StandingOf(tx, m.Number); return err })
		if err != nil {
			return err
		}
		var yes, no []string
		for _, s := range before {
			switch agreed := slices.Contains(r.PostForm["topic"], s.Topic); {
			case agreed && !s.Granted:
				yes = append(yes, s.Topic)
			case !agreed && s.Granted:
				no = append(no, s.Topic)
			}
		}
		_, err = c.Marketer.As(u.by()).SetTopics(r.Context(), m.ID, yes, no, u.by())
		return err
	})
}

func (c *Console) suppress(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.acted(w, r, "suppressed", func(m report.Member) error { return c.Marketer.As(u.by()).Suppress(r.Context(), m.ID, u.by()) })
}

func (c *Console) unsuppress(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.acted(w, r, "unsuppressed", func(m report.Member) error {
		_, err := c.Marketer.As(u.by()).Unsuppress(r.Context(), m.ID)
		return err
	})
}

// givePoints gives a member points, or takes some. The form's key lets it be sent twice.
func (c *Console) givePoints(w http.ResponseWriter, r *http.Request, u visitor) error {
	because, err := c.because(r)
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(r.PostFormValue("points")), 10, 64)
	if err != nil {
		return wrong(c.pages.words.Say("wrong.points"))
	}
	return c.acted(w, r, "points", func(m report.Member) error {
		hand := points.Hand{Member: m.Number, N: n, Because: because, Key: "console:" + r.PostFormValue("key"), By: u.by()}
		err := c.DB.Update(r.Context(), func(tx *store.Tx) error { _, err := c.Marketer.GivePoints(tx, hand); return err })
		if errors.Is(err, points.ErrKey) {
			return wrong(c.pages.words.Say("wrong.again"))
		}
		return err
	})
}

// voidCode ends a code of a member's own: one that everybody has is not this member's
// alone to lose.
func (c *Console) voidCode(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.acted(w, r, "voided", func(m report.Member) error {
		return c.DB.Update(r.Context(), func(tx *store.Tx) error {
			codes, err := coupon.Of(tx, m.Number)
			if err != nil {
				return err
			}
			i := slices.IndexFunc(codes, func(k coupon.Code) bool {
				return strconv.FormatInt(k.ID, 10) == r.PostFormValue("code") && k.Member == m.Number
			})
			if i < 0 {
				return store.ErrNotFound
			}
			was, err := c.Marketer.As(u.by()).VoidCode(tx, codes[i].Code)
			if err == nil && !was {
				err = wrong(c.pages.words.Say("wrong.code"))
			}
			return err
		})
	})
}

// Usable reports whether a code may still be used, and so be ended.
func (v memberView) Usable(k coupon.Code) bool {
	return k.Member == v.Number && (k.State == coupon.StateReserved || k.State == coupon.StateIssued)
}

// Later reports whether an answer was noted on another day than it was given.
func (memberView) Later(a report.ConsentAnswer) bool {
	return a.RecordedAt.Sub(a.At.Time) >= 24*time.Hour
}

// GoesAgain reports whether a mail may be handed over once more.
func (memberView) GoesAgain(s report.Send) bool { return delivery.SurelyUnsent(s.State) }

// sendAgain has a mail handed over once more that surely did not go out.
func (c *Console) sendAgain(w http.ResponseWriter, r *http.Request, u visitor) error {
	send, err := strconv.ParseInt(r.PostFormValue("mail"), 10, 64)
	if err != nil {
		return store.ErrNotFound
	}
	return c.acted(w, r, "again", func(m report.Member) error { return c.Marketer.As(u.by()).AgainOf(r.Context(), m.Number, send) })
}

// giveCode gives a member a code of their own. The form's key lets it be sent twice.
func (c *Console) giveCode(w http.ResponseWriter, r *http.Request, u visitor) error {
	because, err := c.because(r)
	if err != nil {
		return err
	}
	return c.acted(w, r, "code", func(m report.Member) error {
		h := points.HandCode{Member: m.Number, Pool: r.PostFormValue("pool"), Because: because, Key: "console:" + r.PostFormValue("key"), By: u.by()}
		err := c.DB.Update(r.Context(), func(tx *store.Tx) error { _, _, err := c.Marketer.GiveCode(tx, h); return err })
		if errors.Is(err, points.ErrKey) {
			return wrong(c.pages.words.Say("wrong.again"))
		}
		return err
	})
}
