package program

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"regulars/internal/loyalty"
	"regulars/segments"
)

// readScores reads how members are judged: the stages of their lifecycle, and
// where the scores of recency, frequency and money divide them.
func (r *reading) readScores(g group) {
	r.readLifecycle(g.get("lifecycle"))
	if n := g.get("rfm"); n != nil {
		r.readRFM(r.group(n, rfmPlace))
	}
}

// readLifecycle reads lifecycle: {recent: 40d, at_risk: 90d, lost: 180d}; what is
// left out is as usual.
func (r *reading) readLifecycle(n *node) {
	if n == nil {
		return
	}
	g, l := r.group(n, lifecyclePlace), r.program.Lifecycle
	sound := g.n != nil
	for _, stage := range []struct {
		key  string
		days *int
	}{{"recent", &l.Recent}, {"at_risk", &l.AtRisk}, {"lost", &l.Lost}} {
		if g.has(stage.key) {
			*stage.days = r.days(g.get(stage.key))
			sound = sound && *stage.days > 0
		}
	}
	if !sound {
		return
	}
	if err := l.Check(); err != nil {
		r.errorAt(n, err.Error(), "days that are left out are "+r.program.Lifecycle.String())
		return
	}
	r.program.Lifecycle = l
}

// readRFM reads rfm: {cuts: [33, 66]}, the percentages of all three scores, and
// those of one by its name. Recency may be divided by days: [180d, 365d].
func (r *reading) readRFM(g group) {
	s := &r.program.Scoring
	if n := g.get("cuts"); n != nil {
		if p, ok := r.percents(n); ok {
			s.Recency, s.Frequency, s.Monetary = p, p, p
		}
	}
	for _, score := range []struct {
		key string
		at  *segments.Percent
	}{{"frequency", &s.Frequency}, {"monetary", &s.Monetary}} {
		if p, ok := r.percents(g.get(score.key)); ok {
			*score.at = p
		}
	}
	r.readRecency(g.get("recency"), s)
}

func (r *reading) readRecency(n *node, s *segments.Scoring) {
	if !inDays(n) {
		if p, ok := r.percents(n); ok {
			s.Recency = p
		}
		return
	}
	days, ok := pairOf(r, n, "a list of two numbers of days belongs here, like [180d, 365d]", loyalty.ParseDays)
	if !ok {
		return
	}
	if err := segments.Within(days).Check(); err != nil {
		r.errorAt(n, err.Error(), "")
		return
	}
	s.Within = days
}

// inDays reports whether a list is one of days rather than of percentages.
func inDays(n *node) bool {
	return n != nil && slices.ContainsFunc(n.items, func(item *node) bool { return strings.HasSuffix(strings.TrimSpace(item.text), "d") })
}

// percents reads two rising percentages: [33, 66].
func (r *reading) percents(n *node) (segments.Percent, bool) {
	pair, ok := pairOf(r, n, "a list of two percentages belongs here, like [33, 66]", func(s string) (int, error) {
		p, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(s, "%")))
		if err != nil {
			return 0, fmt.Errorf("%q is not a whole percentage, like 33", s)
		}
		return p, nil
	})
	if !ok {
		return segments.Percent{}, false
	}
	if err := segments.Percent(pair).Check(); err != nil {
		r.errorAt(n, err.Error(), "")
		return segments.Percent{}, false
	}
	return pair, true
}

// pairOf reads a list of two values; false when it is none, and reported.
func pairOf(r *reading, n *node, otherwise string, parse func(string) (int, error)) (pair [2]int, ok bool) {
	if n == nil {
		return pair, false
	}
	if n.form != list || len(n.items) != 2 {
		r.errorAt(n, otherwise, "")
		return pair, false
	}
	sound := true
	for i, item := range n.items {
		if pair[i], ok = read(r, item, parse); !ok {
			sound = false
		}
	}
	return pair, sound
}

// Rejudges reports whether a rule reads a stage or a score that this program
// settles otherwise than an older one: the same words then keep other members.
func (p *Program) Rejudges(old *Program, rule *segments.Rule) bool {
	return p.Lifecycle != old.Lifecycle && slices.Contains(rule.Reads(), "lifecycle") ||
		p.Scoring != old.Scoring && rule.ReadsScores()
}
