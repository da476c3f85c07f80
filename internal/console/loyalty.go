package console

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"regulars/internal/marketing"
	"regulars/internal/points"
	"regulars/internal/program"
	"regulars/internal/report"
	"regulars/internal/store"
)

// loyaltyView is what members earn, and what the shop owes them for it.
type loyaltyView struct {
	frame
	Points    bool // the program has points
	Liability *report.Liability
	Worth     bool // the program says what a point is worth
	Picture   report.Drawing
	HasTiers  bool              // the program has tiers
	Tiers     []report.TierLine // nil: counting them takes longer than a page may
	Moved     report.Drawing    // who moved between tiers; "": nobody
	Newest    []report.TierMove
	Ending    report.Drawing // what ends when
	Rewards   []rewardLine
	Referrals []points.Referral
	More      int64 // referrals beside those that are shown
}

// rewardLine is a reward as the program has it.
type rewardLine struct{ Name, Price, Gives, For string }

// Limits of the page.
const (
	movedSince     = 30 // days
	shownReferrals = 50
	shownMoves     = 20
)

func (c *Console) loyalty(w http.ResponseWriter, r *http.Request, u visitor) error {
	var view loyaltyView
	var now program.Version
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "loyalty", c.pages.words.Say("loyalty.title")); err != nil {
			return err
		}
		if now, err = marketing.InForce(tx); err != nil {
			return err
		}
		var all int64
		view.Referrals, all, err = points.PendingReferrals(tx, shownReferrals)
		view.More = all - int64(len(view.Referrals))
		return err
	})
	if err != nil {
		return err
	}
	if now.Program != nil && now.Program.Loyalty != nil {
		l := now.Program.Loyalty
		view.Points, view.Worth = l.Points != nil, l.Points != nil && l.Points.Worth > 0
		view.HasTiers = len(l.Tiers) > 0
		view.rewards(now.Program)
		if err := c.quickly(r, view.parts(l)...); err != nil {
			return err
		}
	}
	return c.pages.show(w, http.StatusOK, "loyalty", view)
}

// rewards are what points can be had for, in words.
func (v *loyaltyView) rewards(p *program.Program) {
	pools := map[string]program.Pool{}
	for _, pool := range p.Pools {
		pools[pool.Name] = pool
	}
	for _, reward := range p.Loyalty.Rewards {
		line := rewardLine{Name: reward.Name, Price: v.words.Points(reward.Price), For: strings.Join(reward.Tiers, ", ")}
		if line.Gives = v.Money(reward.Amount); reward.Gives != "" {
			line.Gives = pools[reward.Gives].Gives(p.Currency)
		}
		v.Rewards = append(v.Rewards, line)
	}
}

// parts are what is counted for the page, each by itself.
func (v *loyaltyView) parts(l *program.Loyalty) (all []func(*store.Tx) error) {
	if l.Points != nil {
		all = append(all, v.liability, v.pointsDrawn, v.ending)
	}
	if len(l.Tiers) > 0 {
		all = append(all, func(tx *store.Tx) error { return v.tiers(tx, l) })
	}
	return all
}

func (v *loyaltyView) liability(tx *store.Tx) error {
	ask, err := marketing.Asks(tx, v.Today(), false)
	if err != nil {
		return err
	}
	liability, err := report.PointsLiability(tx, ask)
	if err == nil {
		v.Liability = &liability
	}
	return err
}

// pointsDrawn draws how points came and went.
func (v *loyaltyView) pointsDrawn(tx *store.Tx) error {
	table, drawn, err := v.report(tx, "points")
	if err == nil && len(table.Rows) > 0 {
		v.Picture = drawn
	}
	return err
}

func (v *loyaltyView) ending(tx *store.Tx) error {
	table, drawn, err := v.report(tx, "ending")
	if err == nil && len(table.Rows) > 0 {
		v.Ending = drawn
	}
	return err
}

// report is a report of today with its picture.
func (v *loyaltyView) report(tx *store.Tx, name string) (report.Table, report.Drawing, error) {
	ask, err := marketing.Asks(tx, v.Today(), false)
	if err != nil {
		return report.Table{}, report.Drawing{}, err
	}
	named, _ := report.ByName(name)
	table, err := named.Make(tx, ask)
	if err != nil {
		return table, report.Drawing{}, err
	}
	return table, named.Picture(ask, table), nil
}

// tiers names who moved last, and counts who is in which and how many moved.
func (v *loyaltyView) tiers(tx *store.Tx, l *program.Loyalty) (err error) {
	if v.Newest, err = report.NewestTiers(tx, shownMoves); err != nil {
		return err
	}
	var all []report.Tier
	for _, tier := range l.Tiers {
		all = append(all, report.Tier{Name: tier.Name, Grace: tier.Grace})
	}
	tiers, err := report.TiersOf{Tiers: all, Day: v.Today(), From: v.Today() - movedSince}.Report(tx)
	if err != nil {
		return err
	}
	v.Tiers = tiers.Tiers
	if slices.ContainsFunc(tiers.Moves, func(m report.Moved) bool { return m.From != m.To }) {
		v.Moved = tiers.Drawn()
	}
	return err
}

// Mover is who came to a tier, as the visitor may see them.
func (f frame) Mover(m report.TierMove) string {
	return f.Called(report.Member{Number: m.Number, ID: m.ID, FirstName: m.FirstName, LastName: m.LastName})
}

// MovedSince is since how many days members' moves between tiers are counted.
func (loyaltyView) MovedSince() int { return movedSince }

// decideReferral rewards a referrer, or refuses to, whatever the rules say.
func (c *Console) decideReferral(w http.ResponseWriter, r *http.Request, u visitor) error {
	id, err := numbered(r, "referral")
	if err != nil {
		return err
	}
	because, err := c.because(r)
	if err != nil {
		return err
	}
	good, done := true, "approved"
	switch r.PostFormValue("answer") {
	case "approve":
	case "refuse":
		good, done = false, "refused"
	default:
		return wrong(c.pages.words.Say("wrong.answer"))
	}
	err = c.DB.Update(r.Context(), func(tx *store.Tx) error {
		_, err := c.Marketer.DecideReferral(tx, id, good, because, u.by())
		return err
	})
	if err != nil {
		return mistake(err)
	}
	return back(w, r, "/console/loyalty", done)
}

// Friend is whom a referral is about, as the visitor may see them.
func (f frame) Friend(number int64, id string) string {
	return f.Called(report.Member{Number: number, ID: id})
}

// Of writes a part of a whole in percent, from a share between 0 and 1.
func (loyaltyView) Of(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }
