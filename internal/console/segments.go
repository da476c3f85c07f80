package console

import (
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/segments"
)

// segmentsView is the list of segments and a rule that is tried.
type segmentsView struct {
	frame
	Segments []report.Segment
	Words    []completion    // of rules
	AsOf     loyalty.Instant // of how many are inside; zero: the present
	Try      try
}

// try is a rule that somebody tries, and what it says.
type try struct {
	Rule   string
	Wrong  string
	Slow   bool             // it takes longer than a page may, and nobody has pressed the button yet
	Answer *marketing.Asked // nil: nothing was asked, or it cannot be answered
}

// A rule is tried for so long, with so many of its members; one counted while it is typed
// for less.
const (
	tryFor   = 10 * time.Second
	countFor = 3 * time.Second
	trySome  = 20
	mostRule = 4000
)

func (c *Console) segments(w http.ResponseWriter, r *http.Request, u visitor) error {
	var view segmentsView
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "segments", c.pages.words.Say("segments.title")); err != nil {
			return err
		}
		if view.Segments, view.AsOf, err = report.SegmentsKept(tx); err != nil {
			return err
		}
		now, err := marketing.InForce(tx)
		view.Words = wordsOfRules(now.Program)
		return err
	})
	if err == nil && r.Method == http.MethodPost {
		view.Try, err = c.tried(r, r.PostFormValue("rule"), tryFor)
	}
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "segments", view)
}

// tried asks a rule. What is wrong with it is shown beside it.
func (c *Console) tried(r *http.Request, rule string, limit time.Duration) (t try, err error) {
	t.Rule = strings.TrimSpace(rule)
	if t.Rule == "" {
		return t, nil
	}
	if t.Wrong = c.wrongRule(t.Rule, nil); t.Wrong != "" {
		return t, nil
	}
	answer, err := c.Marketer.Ask(r.Context(), t.Rule, trySome, limit)
	if limit < tryFor && errors.Is(err, store.ErrTooLong) {
		return t, err
	}
	if t.Wrong = c.wrongRule(t.Rule, err); t.Wrong != "" {
		return t, nil
	}
	t.Answer = &answer
	return t, err
}

// wrongRule is what is to be said of a rule that was not answered; "" where the fault is
// not its own.
func (c *Console) wrongRule(rule string, err error) string {
	var bad *marketing.WrongRule
	var unready *segments.Unready
	switch {
	case len(rule) > mostRule:
		return c.pages.words.Say("segments.long")
	case errors.As(err, &bad), errors.As(err, &unready):
		return err.Error()
	case errors.Is(err, store.ErrTooLong):
		return c.pages.words.Say("segments.slow")
	}
	return ""
}

// countRule answers with a line about the rule, for the page's script.
func (c *Console) countRule(w http.ResponseWriter, r *http.Request, _ visitor) error {
	rule := strings.TrimSpace(r.PostFormValue("rule"))
	if rule == "" {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	words, n, err := "", int64(0), error(nil)
	line := c.wrongRule(rule, nil)
	if line == "" {
		words, n, err = c.Marketer.Count(r.Context(), rule, countFor)
		line = c.wrongRule(rule, err)
	}
	if line == "" && err != nil {
		return err
	}
	if line == "" {
		line = c.pages.words.SayOf("segments.counted", n) + ": " + words
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(line))
	return nil
}

// segmentView is one named segment.
type segmentView struct {
	frame
	report.Segment
	AsOf   loyalty.Instant // of how many are inside; zero: the present
	Try    try
	Course template.HTML // how many were inside, day by day
	From   string        // of the days between which one looks at who moved
	To     string
	report.Between
}

// courseDays is for how many days the page of a segment shows its course.
const courseDays = 90

func (c *Console) oneSegment(w http.ResponseWriter, r *http.Request, u visitor) error {
	name := r.PathValue("segment")
	var view segmentView
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "segments", name); err != nil {
			return err
		}
		list, asOf, err := report.SegmentsKept(tx)
		if err != nil {
			return err
		}
		view.AsOf = asOf
		i := slices.IndexFunc(list, func(s report.Segment) bool { return s.Name == name })
		if i < 0 {
			return store.ErrNotFound
		}
		view.Segment = list[i]
		return view.moves(tx, r)
	})
	if err == nil {
		limit := c.patience(r, tryFor)
		view.Try, err = c.tried(r, view.Segment.Rule, limit)
		if errors.Is(err, store.ErrTooLong) {
			view.Try.Slow, err = true, nil
		}
	}
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "segment", view)
}

// moves is how the segment came to be as it is, and who moved between the days of the
// page's address.
func (v *segmentView) moves(tx *store.Tx, r *http.Request) error {
	today := v.Today()
	days, err := report.Course(tx, v.Segment.Name, today-courseDays, today)
	if err != nil {
		return err
	}
	v.Course = template.HTML(report.DrawCourse(v.Segment.Name, days))
	from, to := today-movedSince, today
	for name, day := range map[string]*loyalty.Day{"from": &from, "to": &to} {
		if asked := r.URL.Query().Get(name); asked != "" {
			if *day, err = loyalty.ParseDay(asked); err != nil {
				return wrong(err.Error())
			}
		}
	}
	if from > to {
		return wrong(v.words.Say("segments.days"))
	}
	v.From, v.To = from.String(), to.String()
	v.Between, err = report.MovesBetween(tx, v.Segment.Name, from, to, trySome)
	return err
}
