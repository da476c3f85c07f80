package campaign

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"regulars/internal/norms"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/segments"
)

// Forecasts prepares what the program's rules read of all members, once the norms
// of the day are there: what the model expects, so that rules over everybody look
// it up, and for each campaign whose rules cannot be answered yet, why. It returns
// how much it wrote.
func (b *Book) Forecasts(ctx context.Context, db *store.DB) (n int, err error) {
	idle := true
	err = db.View(ctx, func(tx *store.Tx) error {
		f, err := b.lookAhead(tx)
		idle = f.idle()
		return err
	})
	if err != nil || idle {
		return 0, err
	}
	err = db.Update(ctx, func(tx *store.Tx) error {
		f, err := b.lookAhead(tx)
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
	v       *Version
	n       *segments.Norms
	lacking []int64          // spans of which nothing is kept
	unready map[int64]string // campaigns of which something else is written
}

func (f ahead) idle() bool { return len(f.lacking) == 0 && len(f.unready) == 0 }

// lookAhead compares what there is with what the program needs.
func (b *Book) lookAhead(tx *store.Tx) (f ahead, err error) {
	if f.v, err = b.Active(tx); err != nil {
		return f, ignoreNoProgram(err)
	}
	f.n, err = norms.Kept(tx, f.v.Day(tx.At))
	if errors.Is(err, store.ErrNotFound) {
		return f, nil // before the first night
	}
	if err != nil {
		return f, err
	}
	if f.unready, err = f.v.unready(tx, f.n); err != nil || f.n.Forecast.Fit == nil {
		return f, err
	}
	f.lacking, err = norms.Foreseen(tx, f.n, f.v.horizons(tx))
	return f, err
}

func (f ahead) write(tx *store.Tx) (n int, err error) {
	for id, why := range f.unready {
		if _, err := tx.Exec("update campaigns set unready = @why where id = @id", store.Args{"id": id, "why": why}); err != nil {
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

// unready returns why campaigns cannot be answered with these norms, of those
// for which that is news; "" where they now can.
func (v *Version) unready(tx *store.Tx, n *segments.Norms) (map[int64]string, error) {
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
		if c := v.byID(row.ID); c != nil && row.Live {
			why = notReady(n, v.rulesOf(c)...)
		}
		if why != row.Unready {
			news[row.ID] = why
		}
	}
	return news, nil
}

func notReady(n *segments.Norms, rules ...*segments.Rule) string {
	for _, r := range rules {
		if err := r.Ready(n); err != nil {
			return err.Error()
		}
	}
	return ""
}

// unanswered returns why one of the rules cannot be answered now, "" if all can;
// nil rules can.
func unanswered(tx *store.Tx, v *Version, rules ...*segments.Rule) (string, error) {
	rules = slices.DeleteFunc(rules, func(r *segments.Rule) bool { return r == nil })
	_, err := norms.For(tx, v.Day(tx.At), false, rules...)
	var u *segments.Unready
	if errors.As(err, &u) {
		return u.Error(), nil
	}
	return "", err
}

// Waiting says which segments and live campaigns of a program have rules that
// cannot be answered yet, and why, in a sentence each.
func Waiting(tx *store.Tx, p *program.Program) (all []string, err error) {
	v := &Version{Program: p}
	for _, s := range p.Segments {
		v.segments = append(v.segments, segment{Segment: s})
	}
	say := func(what, follows string, rules ...*segments.Rule) error {
		why, err := unanswered(tx, v, rules...)
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
		if err := say("campaign "+c.Name, "waits for now", v.rulesOf(&Campaign{Campaign: c})...); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// horizons are the spans that the program's rules ask about, each once.
func (v *Version) horizons(tx *store.Tx) []int64 {
	today := v.Day(tx.At)
	var all []int64
	for _, s := range v.segments {
		all = append(all, s.Rule.Horizons(today)...)
	}
	for _, c := range v.campaigns {
		for _, r := range v.rulesOf(c) {
			all = append(all, r.Horizons(today)...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// rulesOf are all rules that a campaign reads, that of its segment included.
func (v *Version) rulesOf(c *Campaign) (rules []*segments.Rule) {
	add := func(r *segments.Rule) {
		if r != nil {
			rules = append(rules, r)
		}
	}
	add(c.For)
	add(c.Except)
	add(c.Start.Where)
	if s, ok := v.segment(c.Start.Segment); ok {
		add(s.Rule)
	}
	for _, u := range c.Until {
		add(u.Rule)
	}
	for _, s := range c.Steps {
		for _, choice := range append([]program.Step{s}, s.Choose...) {
			add(choice.If)
		}
	}
	return rules
}
