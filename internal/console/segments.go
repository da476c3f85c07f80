package console

import (
	"cmp"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/plot"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/segments"
)

// segmentsView is the list of segments and a rule that is tried.
type segmentsView struct {
	frame
	Segments []report.Segment
	Courses  map[string][]int64 // how many were inside at the end of each of the last days, the oldest first
	Words    []completion       // of rules
	Try      try
}

// Days is over how many days the list shows the courses.
func (segmentsView) Days() int { return movedSince }

// Before is how many were in a segment when its course begins.
func (v segmentsView) Before(segment string) int64 {
	if days := v.Courses[segment]; len(days) > 0 {
		return days[0]
	}
	return 0
}

// Spark draws the course of a segment beside its name; "": nobody was ever in it.
func (v segmentsView) Spark(segment string) template.HTML {
	var s plot.Spark
	for _, n := range v.Courses[segment] {
		s.Values = append(s.Values, float64(n))
	}
	if len(s.Values) == 0 {
		return ""
	}
	number := func(i int) string { return v.words.Number(v.Courses[segment][i]) }
	s.Says = v.words.Say("segments.spark", number(0), number(len(s.Values)-1), v.words.Number(movedSince))
	return template.HTML(s.SVG())
}

// try is a rule that somebody tries, and what it says.
type try struct {
	Rule   string
	Wrong  string
	Slow   bool             // it takes longer than a page may, and nobody has pressed the button yet
	Answer *marketing.Asked // nil: nothing was asked, or it cannot be answered
}

// A rule is tried for so long, with so many of its members, and a sample of them is looked
// at for less.
const (
	tryFor    = 10 * time.Second
	sampleFor = 2 * time.Second
	trySome   = 20
	mostRule  = 4000
)

func (c *Console) segments(w http.ResponseWriter, r *http.Request, u visitor) error {
	var view segmentsView
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "segments", c.pages.words.Say("segments.title")); err != nil {
			return err
		}
		if view.Segments, err = report.Segments(tx); err != nil {
			return err
		}
		if view.Courses, err = report.Courses(tx, view.Today()-movedSince, view.Today()); err != nil {
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

// countRule answers with a line about the rule, for the page's script. What takes longer
// than somebody who types should wait is said from a sample first, with 202: the script
// asks again for the rest, and leaves it where the typing goes on.
func (c *Console) countRule(w http.ResponseWriter, r *http.Request, _ visitor) error {
	rule := strings.TrimSpace(r.PostFormValue("rule"))
	if rule == "" {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	status, line := http.StatusOK, c.wrongRule(rule, nil)
	if line == "" {
		limit := c.patience(r, tryFor)
		words, n, err := c.Marketer.Count(r.Context(), rule, limit)
		line = c.wrongRule(rule, err)
		switch {
		case errors.Is(err, store.ErrTooLong) && limit < tryFor:
			if line, err = c.estimated(r, rule); err != nil {
				return err
			}
			status = http.StatusAccepted
		case line == "" && err != nil:
			return err
		case line == "":
			line = c.pages.words.SayOf("segments.counted", n) + ": " + words
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(line)) // the browser has gone away: nobody to tell
	return nil
}

// estimated is what a sample says of a rule while all are counted.
func (c *Console) estimated(r *http.Request, rule string) (string, error) {
	low, high, ok, err := c.Marketer.Estimate(r.Context(), rule, sampleFor)
	if errors.Is(err, store.ErrTooLong) {
		ok, err = false, nil
	}
	say, number := c.pages.words.Say, c.pages.words.Number
	if !ok {
		return say("segments.counting"), err
	}
	return say("segments.about", number(low), number(high)) + " " + say("segments.counting"), err
}

// segmentView is one named segment.
type segmentView struct {
	frame
	report.Segment
	Try    try
	Course report.Drawing // how many were inside, day by day
	From   string         // of the days between which one looks at who moved
	To     string
	Began  int64 // stays between those days
	Ended  int64
	Moved  *report.Between // nil: telling who it was takes longer than a page may, and nobody has pressed the button yet
}

// courseDays is for how many days the page of a segment shows its course.
const courseDays = 90

func (c *Console) oneSegment(w http.ResponseWriter, r *http.Request, u visitor) error {
	name := r.PathValue("segment")
	var view segmentView
	var from, to loyalty.Day
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "segments", name); err != nil {
			return err
		}
		list, err := report.Segments(tx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(list, func(s report.Segment) bool { return s.Name == name })
		if i < 0 {
			return store.ErrNotFound
		}
		view.Segment = list[i]
		days, err := report.Course(tx, name, view.Today()-courseDays, view.Today())
		if err != nil {
			return err
		}
		view.Course = report.DrawCourse(name, days)
		if from, to, err = view.between(r); err != nil {
			return err
		}
		view.From, view.To = from.String(), to.String()
		view.Began, view.Ended, err = report.StaysBetween(tx, name, from, to)
		return err
	})
	if err != nil {
		return err
	}
	limit := c.patience(r, tryFor)
	moved := make(chan error, 1) // both may take their time: side by side
	go func() {
		moved <- c.DB.Ask(r.Context(), limit, func(tx *store.Tx) error {
			b, err := report.MovesBetween(tx, name, from, to, trySome)
			if err == nil {
				view.Moved = &b
			}
			return err
		})
	}()
	view.Try, err = c.tried(r, view.Segment.Rule, limit)
	if errors.Is(err, store.ErrTooLong) {
		view.Try.Slow, err = true, nil
	}
	if wrong := <-moved; !errors.Is(wrong, store.ErrTooLong) {
		err = cmp.Or(err, wrong)
	}
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "segment", view)
}

// between are the days of the page's address.
func (v *segmentView) between(r *http.Request) (from, to loyalty.Day, err error) {
	from, to = v.Today()-movedSince, v.Today()
	for name, day := range map[string]*loyalty.Day{"from": &from, "to": &to} {
		if asked := r.URL.Query().Get(name); asked != "" {
			if *day, err = loyalty.ParseDay(asked); err != nil {
				return from, to, wrong(err.Error())
			}
		}
	}
	if from > to {
		return from, to, wrong(v.words.Say("segments.days"))
	}
	return from, to, nil
}
