package segments

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"regulars/internal/loyalty"
)

// Lifecycle says after how many days without an order a member passes into the
// next stage. The zero value stands for DefaultLifecycle.
type Lifecycle struct {
	Recent int // a last order fewer days ago is recent; from then on the member needs nurturing
	AtRisk int // more days ago: at risk
	Lost   int // more days ago: about to lose
}

// DefaultLifecycle is what a program has that says nothing else: the stages of
// the field, recent below 40 days, at risk after 90 and about to lose after 180.
func DefaultLifecycle() Lifecycle { return Lifecycle{Recent: 40, AtRisk: 90, Lost: 180} }

// Check says what is wrong with the days, in the words of program.yaml: a stage
// must end before the next one does.
func (l Lifecycle) Check() error {
	switch {
	case l.Recent < 1:
		return errors.New("recent is at least 1d")
	case l.Recent >= l.AtRisk:
		return fmt.Errorf("the stages follow each other: recent (%dd) must be shorter than at_risk (%dd)", l.Recent, l.AtRisk)
	case l.AtRisk >= l.Lost:
		return fmt.Errorf("the stages follow each other: at_risk (%dd) must be shorter than lost (%dd)", l.AtRisk, l.Lost)
	}
	return nil
}

// String returns the days as program.yaml has them.
func (l Lifecycle) String() string {
	return fmt.Sprintf("recent %dd, at_risk %dd, lost %dd", l.Recent, l.AtRisk, l.Lost)
}

// The stages of a member's life with the shop.
const (
	StageNone      = "no order yet"
	StageRecent    = "recent"
	StageNurturing = "needs nurturing"
	StageAtRisk    = "at risk"
	StageLosing    = "about to lose"
)

// Stages are all stages, in the order in which members pass through them.
func Stages() []string {
	return []string{StageNone, StageRecent, StageNurturing, StageAtRisk, StageLosing}
}

func checkStage(s string) string { return checkOneOf("stage", s, Stages()) }

func checkOneOf(what, s string, known []string) string {
	if slices.Contains(known, s) {
		return ""
	}
	wrong := "there is no " + what + " called " + strconv.Quote(s)
	if near := loyalty.Near(s, known); len(near) > 0 {
		return wrong + "; did you mean " + alternatives(inQuotes(near)) + "?"
	}
	return wrong + "; there are " + strings.Join(inQuotes(known), ", ")
}

func inQuotes(words []string) []string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = strconv.Quote(w)
	}
	return quoted
}

// lifecycle reads the stage from the day of the last order. Everybody has one.
type lifecycle struct{}

// is turns stages into spans of days, so that the index on the last order serves.
func (r lifecycle) is(b *builder, c *call, op string, vs []value) string {
	var spans []string
	for _, v := range vs {
		if span := r.span(b, c, v.text); span != "" {
			spans = append(spans, span)
		}
	}
	switch {
	case op == "!=" && vs[0].nothing():
		return "false"
	case len(spans) == 0: // a launch gave a text that is no stage
		return strconv.FormatBool(op == "!=")
	case op == "!=":
		return "not " + spans[0]
	}
	return "(" + strings.Join(spans, " or ") + ")"
}

// span is the condition that a member is in a stage, never null; "" for what is none.
func (lifecycle) span(b *builder, c *call, stage string) string {
	last := func(op string, days int) string {
		return " and f.last_day " + op + " " + b.bind(int64(b.q.Day)-int64(days))
	}
	when := ""
	switch l := c.lifecycle; stage {
	case StageNone:
		return "(f.last_day is null)"
	case StageRecent:
		when = last(">", l.Recent)
	case StageNurturing:
		when = last("<=", l.Recent) + last(">=", l.AtRisk)
	case StageAtRisk:
		when = last("<", l.AtRisk) + last(">=", l.Lost)
	case StageLosing:
		when = last("<", l.Lost)
	default:
		return ""
	}
	return "(f.last_day is not null" + when + ")"
}

func (r lifecycle) scalar(b *builder, c *call) string {
	var s strings.Builder
	s.WriteString("(case")
	for _, stage := range Stages() {
		fmt.Fprintf(&s, " when %s then '%s'", r.span(b, c, stage), stage)
	}
	return s.String() + " end)"
}
