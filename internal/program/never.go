package program

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"regulars/internal/loyalty"
	"regulars/segments"
)

// neverAt warns of something that can never happen.
func (r *reading) neverAt(n *node, message, hint string) {
	r.problems = append(r.problems, Problem{File: n.src.file, Line: n.line, Column: n.col, Message: message, Hint: hint, Level: Warning, Never: true})
}

// untracked warns of a rule that reads what members do with mails, where the
// program does not let anybody see it: then it is nobody, and its opposite everybody.
func (r *reading) untracked(n *node, rule *segments.Rule) {
	if r.blind {
		return
	}
	t := r.program.Tracking
	var unseen []string
	for _, field := range rule.Reads() {
		switch {
		case !t.Clicks && slices.Contains([]string{"clicked", "mails_clicked", "days_since_click"}, field),
			!t.Clicks && !t.Opens && slices.Contains([]string{"opened", "mails_opened", "days_since_open"}, field):
			unseen = append(unseen, field)
		}
	}
	if len(unseen) == 0 {
		return
	}
	key := "clicks"
	if strings.Contains(unseen[0], "open") {
		key = "opens"
	}
	r.neverAt(n, fmt.Sprintf("the rule reads %s, and tracking is off: nobody is ever seen to, so it holds for nobody, and its opposite for everybody", strings.Join(unseen, " and ")),
		"say tracking: {"+key+": true} in program.yaml, or leave it out of the rule")
}

// nobody warns of a campaign that is for nobody.
func (r *reading) nobody(c *folder) {
	switch {
	case c.For != nil && segments.Never(c.For, nil): // said where the rule was read
	case c.Except != nil && segments.Never(c.For, c.Except):
		r.neverAt(c.g.get("except"), "everybody whom for keeps is excepted here, so the campaign is for nobody", "narrow one of the two")
	case c.Start.Segment != "" && c.Start.Kind == "enters":
		s := slices.IndexFunc(r.program.Segments, func(s Segment) bool { return s.Name == c.Start.Segment })
		if s < 0 {
			return
		}
		inside := r.program.Segments[s].Rule
		if c.For != nil && segments.Nobody(inside, c.For, nil) || c.Except != nil && segments.Nobody(inside, c.For, c.Except) {
			at := c.g.get("except")
			if at == nil {
				at = c.g.get("for")
			}
			r.neverAt(at, fmt.Sprintf("nobody who is in %s can get this campaign: its rules and this one exclude each other", c.Start.Segment), "narrow one of them")
		}
	}
}

// NextIssue returns the next date for which a recurring campaign needs an issue.
func (c *Campaign) NextIssue(now time.Time, zone *time.Location) (loyalty.Day, bool) {
	if c.Start.Schedule == nil || !slices.ContainsFunc(c.Steps, func(s Step) bool { return s.Issues }) {
		return 0, false
	}
	day, _ := c.Start.Schedule.Next(now, zone)
	return day, day != loyalty.Never
}

func first(languages []string) string {
	if len(languages) == 0 {
		return "en"
	}
	return languages[0]
}
