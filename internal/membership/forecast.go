package membership

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/norms"
	"regulars/internal/program"
	"regulars/internal/rules"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/segments"
)

// Forecasts prepares what the program's rules read of all members, once the norms
// of the day are there: what the model expects, so that rules over everybody look
// it up, and for each campaign whose rules cannot be answered yet, why. It returns
// how much it wrote.
func Forecasts(ctx context.Context, db *store.DB) (n int, err error) {
	idle := true
	err = db.View(ctx, func(tx *store.Tx) error {
		f, err := lookAhead(tx)
		idle = f.idle()
		return err
	})
	if err != nil || idle {
		return 0, err
	}
	err = db.Update(ctx, func(tx *store.Tx) error {
		f, err := lookAhead(tx)
		if n = 0; err != nil || f.idle() {
			return err
		}
		n, err = f.write(tx)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("preparing the forecast: %w", err)
	}
	return n, nil
}

// ahead is what is to be written for the forecast.
type ahead struct {
	v       *versions.Version
	n       *segments.Norms
	lacking []int64          // spans of which nothing is kept
	unready map[int64]string // campaigns of which something else is written
}

func (f ahead) idle() bool { return len(f.lacking) == 0 && len(f.unready) == 0 }

// lookAhead compares what there is with what the program needs.
func lookAhead(tx *store.Tx) (f ahead, err error) {
	if f.v, err = versions.Active(tx); err != nil {
		return f, versions.IgnoreNoProgram(err)
	}
	f.n, err = norms.Kept(tx, f.v.Day(tx.At))
	if errors.Is(err, store.ErrNotFound) {
		return f, nil // before the first night
	}
	if err != nil {
		return f, err
	}
	if f.unready, err = unreadyCampaigns(tx, f.v, f.n); err != nil || f.n.Forecast.Fit == nil {
		return f, err
	}
	f.lacking, err = norms.Foreseen(tx, f.n, horizons(f.v, f.v.Day(tx.At)))
	return f, err
}

func (f ahead) write(tx *store.Tx) (n int, err error) {
	for id, why := range f.unready {
		if _, err := tx.Change(&store.CampaignRow{ID: id}, store.Args{"unready": why}); err != nil {
			return 0, err
		}
	}
	today := f.v.Day(tx.At)
	kept, err := norms.Foresee(tx, f.n, today, "facts", f.lacking)
	if err != nil {
		return 0, err
	}
	return len(f.unready) + kept, norms.Forget(tx, today)
}

// unreadyCampaigns returns why campaigns cannot be answered with these norms, of those
// for which that is news; "" where they now can.
func unreadyCampaigns(tx *store.Tx, v *versions.Version, n *segments.Norms) (map[int64]string, error) {
	var rows []struct {
		ID      int64
		Live    bool
		Unready string
	}
	if err := tx.All(&rows, "select id, live, unready from campaigns where removed_at is null", nil); err != nil {
		return nil, err
	}
	news := map[int64]string{}
	for _, row := range rows {
		why := ""
		if c := v.ByID(row.ID); c != nil && row.Live {
			why = rules.NotReady(n, v.RulesOf(c)...)
		}
		if why != row.Unready {
			news[row.ID] = why
		}
	}
	return news, nil
}

// Waiting says which segments and live campaigns of a program have rules that
// cannot be answered yet, and why, in a sentence each.
func Waiting(tx *store.Tx, p *program.Program) (all []string, err error) {
	v := &versions.Version{Program: p}
	for _, s := range p.Segments {
		v.Segments = append(v.Segments, versions.Segment{Segment: s})
	}
	say := func(what, follows string, read ...*segments.Rule) error {
		why, err := rules.Unanswered(tx, v.Day(tx.At), read...)
		if why != "" {
			all = append(all, fmt.Sprintf("%s %s: %s", what, follows, why))
		}
		return err
	}
	for _, s := range p.Segments {
		if err := say("segment "+s.Name, "stays as it is for now", s.Rule); err != nil {
			return nil, err
		}
	}
	for _, c := range p.Campaigns {
		if !c.Live {
			continue
		}
		if err := say("campaign "+c.Name, "waits for now", v.RulesOf(&versions.Campaign{Campaign: c})...); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// horizons are the spans that the program's rules ask about, each once.
func horizons(v *versions.Version, today loyalty.Day) []int64 {
	var all []int64
	for _, s := range v.Segments {
		all = append(all, s.Rule.Horizons(today)...)
	}
	for _, c := range v.Campaigns {
		for _, r := range v.RulesOf(c) {
			all = append(all, r.Horizons(today)...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
