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
	Tiers     []report.TierLine
	Moved     report.Drawing // who moved between tiers; "": nobody
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
	shownReferrals = 100
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
		view.rewards(now.Program)
		if err := c.quick(r, func(tx *store.Tx) error { return view.count(tx, l) }); err != nil {
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

// count counts points, tiers and what ends.
func (v *loyaltyView) count(tx *store.Tx, l *program.Loyalty) error {
	ask, err := marketing.Asks(tx, v.Today(), false)
	if err != nil {
		return err
	}
	if l.Points != nil {
		liability, err := report.PointsLiability(tx, ask)
		if err != nil {
			return err
		}
		v.Liability = &liability // what follows may take too long
		named, _ := report.ByName("points")
		table, err := named.Make(tx, ask)
		if err != nil {
			return err
		}
		v.Picture = named.Picture(ask, table)
	}
	if len(l.Tiers) > 0 {
		if v.Newest, err = report.NewestTiers(tx, shownMoves); err != nil {
			return err
		}
		if err := v.tiers(tx, l); err != nil {
			return err
		}
	}
	if l.Points == nil {
		return nil
	}
	named, _ := report.ByName("ending")
	table, err := named.Make(tx, ask)
	if len(table.Rows) > 0 {
		v.Ending = named.Picture(ask, table)
	}
	return err
}

// tiers counts who is in which, and who moved.
func (v *loyaltyView) tiers(tx *store.Tx, l *program.Loyalty) error {
	var names []string
	for _, tier := range l.Tiers {
		names = append(names, tier.Name)
	}
	tiers, err := report.TiersOf{Names: names, Day: v.Today(), From: v.Today() - movedSince}.Report(tx)
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
