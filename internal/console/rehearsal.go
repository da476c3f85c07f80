package console

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/program"
	"regulars/internal/rehearsal"
	"regulars/internal/report"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/jobs"
)

// rehearsalView is what came of the last rehearsal of a change, how far the one under way
// is, and the days that can be asked for.
type rehearsalView struct {
	frame
	Proposal marketing.Proposal
	May      bool         // it can be rehearsed as it is
	From, To []monthsName // the months that can be chosen

	Under    *jobs.Row // the job that plays it, or waits for a worker; nil: none
	Progress jobs.Progress
	Failed   string // how the last one ended that came to nothing

	Kept    *rehearsal.Kept // nil: nothing was kept
	Stale   bool            // the change, or the program, is other by now
	Picture report.Drawing
	Days    []rehearsal.MailDay
}

// monthsName is a month in a list.
type monthsName struct {
	Value, Name string
	Chosen      bool
}

// monthNamed is the month of a day.
func monthNamed(d loyalty.Day) monthsName {
	return monthsName{Value: monthCalled(d), Name: d.UTC().Format("January 2006")}
}

// The months that are offered: what is planned for the next ones is played, too.
const (
	monthsBefore = 24
	monthsAhead  = 3
	monthsPlayed = 2 // before the present one, unless one says otherwise
)

// rehearsal is the page on which a change is rehearsed.
func (c *Console) rehearsal(w http.ResponseWriter, r *http.Request, u visitor) error {
	id, err := numbered(r, "proposal")
	if err != nil {
		return err
	}
	var view rehearsalView
	err = c.read(r.Context(), func(tx *store.Tx) error {
		o, err := c.proposalOf(tx, id)
		if err != nil {
			return err
		}
		if view.frame, err = c.frame(tx, r, u, "program", c.pages.words.Say("rehearsal.title", o.p.Title)); err != nil {
			return err
		}
		view.Proposal, view.May = o.p, o.next.Program != nil && !program.Blocked(o.found)
		return view.read(tx, o.p.Seen(o.on))
	})
	if err != nil {
		return err
	}
	view.months()
	return c.pages.show(w, http.StatusOK, "rehearsal", view)
}

// read reads how far the rehearsal is, and what came of the last one.
func (v *rehearsalView) read(tx *store.Tx, seen string) error {
	row, err := jobs.Rehearsing(tx, v.Proposal.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return err
	case row.Under():
		v.Under, v.Refresh = &row, lookAgain
		v.Progress, _ = row.Progress()
	case row.State != "done":
		v.Failed = row.Outcome
	}
	kept, err := rehearsal.LastOf(tx, v.Proposal.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	v.Kept, v.Stale = &kept, kept.Seen != seen
	v.Days, v.Picture = kept.Outcome.Days(), report.Drawing{Wide: kept.Outcome.SVG(), Slim: kept.Outcome.Slim()}
	return nil
}

// months are those that the form offers, with those chosen that were played last.
func (v *rehearsalView) months() {
	this, _ := loyalty.MonthOf(v.Today())
	from, to := this, this
	for range monthsPlayed {
		from, _ = loyalty.MonthOf(from - 1)
	}
	if v.Kept != nil {
		if day, err := loyalty.ParseDay(v.Kept.Outcome.From); err == nil {
			from, _ = loyalty.MonthOf(day)
		}
		if day, err := loyalty.ParseDay(v.Kept.Outcome.To); err == nil {
			to, _ = loyalty.MonthOf(day)
		}
	}
	month := this
	for range monthsAhead {
		_, month = loyalty.MonthOf(month)
	}
	for range monthsBefore + monthsAhead + 1 {
		name := monthNamed(month)
		name.Chosen = month == to
		v.To = append(v.To, name)
		if month <= this {
			name.Chosen = month == from
			v.From = append(v.From, name)
		}
		month, _ = loyalty.MonthOf(month - 1)
	}
}

// Percent is how much of what happened is played.
func (v rehearsalView) Percent() int { return share(v.Progress.Read, v.Progress.Total) }

// Left is how long it still takes; "": nobody knows.
func (v rehearsalView) Left() string {
	if v.Progress.Seconds == 0 {
		return ""
	}
	return loyalty.Span(max((time.Duration(v.Progress.Seconds) * time.Second).Round(time.Minute), time.Minute))
}

// Outcome is what came of the last rehearsal.
func (v rehearsalView) Outcome() rehearsal.Outcome { return v.Kept.Outcome }

// Ends is the last day that was played.
func (v rehearsalView) Ends() string { return cmp.Or(v.Kept.Outcome.Through, v.Kept.Outcome.To) }

// tally is how often there is something.
type tally struct {
	What string
	N    int64
}

// rehearsedCampaign is a row of the table of campaigns.
type rehearsedCampaign struct {
	Name string
	*rehearsal.Campaign
	Before   int64   // mails by the program in force
	NewSince bool    // that program has no such campaign
	Each     []tally // of its mails
	LeftOut  int64
}

// Campaigns are those of the change, those that send most first.
func (v rehearsalView) Campaigns() (rows []rehearsedCampaign) {
	o := v.Kept.Outcome
	for _, name := range slices.Sorted(maps.Keys(o.Campaigns)) {
		row := rehearsedCampaign{Name: name, Campaign: o.Campaigns[name]}
		if o.Against != nil {
			before := o.Against.Campaigns[name]
			if row.NewSince = before == nil; before != nil {
				row.Before = before.Mails
			}
		}
		for _, mail := range slices.Sorted(maps.Keys(row.ByMail)) {
			row.Each = append(row.Each, tally{mail, row.ByMail[mail]})
		}
		for _, n := range row.Skipped {
			row.LeftOut += n
		}
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows, func(a, b rehearsedCampaign) int { return cmp.Compare(b.Mails, a.Mails) })
	return rows
}

// Gone are the campaigns that the program in force has and the change has not.
func (v rehearsalView) Gone() (names []string) {
	if v.Kept.Outcome.Against == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(v.Kept.Outcome.Against.Campaigns)) {
		if v.Kept.Outcome.Campaigns[name] == nil {
			names = append(names, name)
		}
	}
	return names
}

// Reasons are why mails were left out, the commonest first.
func (v rehearsalView) Reasons() (rows []tally) {
	of := map[string]int64{}
	for _, c := range v.Kept.Outcome.Campaigns {
		for reason, n := range c.Skipped {
			of[reason] += n
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(of)) {
		rows = append(rows, tally{reason, of[reason]})
	}
	slices.SortStableFunc(rows, func(a, b tally) int { return cmp.Compare(b.N, a.N) })
	return rows
}

// rehearse has a worker play a change.
func (c *Console) rehearse(w http.ResponseWriter, r *http.Request, u visitor) error {
	id, err := numbered(r, "proposal")
	if err != nil {
		return err
	}
	from, err := report.ParseMonth(r.PostFormValue("from"))
	to, badly := report.ParseMonth(r.PostFormValue("to"))
	if err != nil || badly != nil {
		return wrong(c.pages.words.Say("rehearsal.no_months"))
	}
	_, next := loyalty.MonthOf(to)
	err = c.DB.Update(r.Context(), func(tx *store.Tx) error {
		p, err := marketing.ProposalOf(tx, id)
		if err != nil {
			return err
		}
		err = jobs.Rehearse(tx, id, from, next-1, r.PostFormValue("everyone") == "yes", r.PostFormValue("against") == "yes", u.by())
		var bad *jobs.OrderError
		switch {
		case errors.As(err, &bad):
			return wrong(c.pages.words.Say("rehearsal.no_months"))
		case err != nil:
			return err
		}
		return staff.Note(tx, staff.Act{By: u.by(), Act: "rehearse", About: fmt.Sprintf("change %d of the program", id), After: p.Title})
	})
	if err != nil {
		return err
	}
	return back(w, r, rehearsalPath(id), "rehearsing")
}

// cancelRehearsal ends the job that plays a change.
func (c *Console) cancelRehearsal(w http.ResponseWriter, r *http.Request, u visitor) error {
	id, err := numbered(r, "proposal")
	if err != nil {
		return err
	}
	err = c.DB.Update(r.Context(), func(tx *store.Tx) error {
		row, err := jobs.Rehearsing(tx, id)
		if err != nil {
			return err
		}
		return movedJob(tx, u, row.ID, "cancel", jobs.Cancel)
	})
	if err != nil {
		return mistake(err)
	}
	return back(w, r, rehearsalPath(id), "job_cancelled")
}

func rehearsalPath(id int64) string { return fmt.Sprintf("/console/proposals/%d/rehearsal", id) }
