package apply

import (
	"errors"
	"fmt"

	"regulars/internal/program"
	"regulars/internal/rules"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/segments"
)

// Touch is what putting a program in force would do to members at once.
type Touch struct {
	Campaign string `json:"campaign"`
	Members  int64  `json:"members"`
	Text     string `json:"text"`
}

// Touches says whom a program would touch at once if it were applied now: those
// inside a segment when a campaign goes live that says existing: all or N per
// day. next has been checked.
func Touches(tx *store.Tx, next *program.Program) ([]Touch, error) {
	old, err := versions.Active(tx)
	if err != nil && !errors.Is(err, versions.ErrNoProgram) {
		return nil, err
	}
	var all []Touch
	for _, c := range next.Campaigns {
		if !c.Live || c.Start.Kind != "enters" || wasLive(old, c) {
			continue
		}
		n, err := rules.Count(tx, next, inSegment(next, c.Start.Segment), c.For)
		if rules.Unready(err) {
			all = append(all, Touch{c.Name, 0, fmt.Sprintf("nobody can say how many are in %s: %v", c.Start.Segment, err)})
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("who is in %s: %w", c.Start.Segment, err)
		}
		text := fmt.Sprintf("%d members are in %s; they get nothing (existing: none)", n, c.Start.Segment)
		if e := c.Start.Existing; e.All {
			text = fmt.Sprintf("%d members are in %s and get its mails (existing: all)", n, c.Start.Segment)
		} else if e.PerDay > 0 {
			text = fmt.Sprintf("%d members are in %s and get its mails, %d a day", n, c.Start.Segment, e.PerDay)
		} else {
			n = 0
		}
		all = append(all, Touch{c.Name, n, text})
	}
	return all, nil
}

// wasLive reports whether a campaign is live already and set off by the same.
func wasLive(old *versions.Version, c *program.Campaign) bool {
	if old == nil {
		return false
	}
	for _, name := range []string{c.Name, c.Was} {
		if before := old.Program.Campaign(name); before != nil {
			return before.Live && versions.SameStart(old, name, c)
		}
	}
	return false
}

func inSegment(p *program.Program, name string) *segments.Rule {
	for _, s := range p.Segments {
		if s.Name == name {
			return s.Rule
		}
	}
	return nil
}
