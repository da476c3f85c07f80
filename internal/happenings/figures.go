package happenings

import (
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// Figures returns the figures of live milestones that are counted from order
// lines or from the ledger of points: those that Happened.Before and After must hold under Items.
func Figures(tx *store.Tx) ([]loyalty.Figure, error) {
	v, err := versions.Active(tx)
	if err != nil {
		return nil, versions.IgnoreNoProgram(err)
	}
	var figures []loyalty.Figure
	seen := map[loyalty.Figure]bool{}
	for _, c := range v.Live("milestone") {
		if f := c.Start.Figure; (f.Kind == "items" || f.Kind == loyalty.PointsEarned) && !seen[f] {
			seen[f] = true
			figures = append(figures, f)
		}
	}
	return figures, nil
}

func membersIn(events []Happened) (members []int64) {
	seen := map[int64]bool{}
	for _, e := range events {
		if !seen[e.Member] {
			seen[e.Member] = true
			members = append(members, e.Member)
		}
	}
	return members
}
