package loyalty

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Figure is a rising number about a member that milestones are set on: orders,
// spent, points, points_earned, referrals, or items("Coffee"), the quantity bought of
// something.
type Figure struct {
	Kind string // orders | spent | points | points_earned | referrals | items
	Of   string // items: of what
}

// PointsEarned is the figure of all points that a member earned, spent by now or not.
const PointsEarned = "points_earned"

// Referrals is the figure of friends for whom a member was rewarded.
const Referrals = "referrals"

// plainFigures are those that are one word.
var plainFigures = []string{"orders", "spent", "points", PointsEarned, Referrals}

// ParseFigure reads orders, spent, points, points_earned, referrals or items("Coffee").
func ParseFigure(s string) (Figure, error) {
	t := strings.TrimSpace(s)
	if slices.Contains(plainFigures, t) {
		return Figure{Kind: t}, nil
	}
	if inner, ok := strings.CutPrefix(t, "items("); ok && strings.HasSuffix(inner, ")") {
		of, err := strconv.Unquote(strings.TrimSpace(strings.TrimSuffix(inner, ")")))
		if err != nil || of == "" {
			return Figure{}, fmt.Errorf(`%s names nothing: write items("Coffee")`, t)
		}
		return Figure{"items", of}, nil
	}
	if near := Nearest(s, plainFigures); near != "" {
		return Figure{}, fmt.Errorf("%q is not a rising figure; did you mean %s?", s, near)
	}
	return Figure{}, fmt.Errorf(`%q is not a rising figure: orders, spent, points, points_earned, referrals or items("Coffee")`, s)
}

// Money reports whether the figure is an amount in minor units.
func (f Figure) Money() bool { return f.Kind == "spent" }

// String returns the figure as ParseFigure reads it.
func (f Figure) String() string {
	if f.Kind == "items" {
		return "items(" + strconv.Quote(f.Of) + ")"
	}
	return f.Kind
}

// Milestones are the values of a figure that are worth a mail: those of At,
// ascending, and then the multiples of Every beyond the last of them. At 1, 5,
// 10 and Every 10 are 1, 5, 10, 20, 30 …
type Milestones struct {
	At    []int64
	Every int64 // 0: no more
}

// mostCrossed bounds what one event can cross, for a shop that types "every: 1"
// under an order of a million.
const mostCrossed = 1000

// Crossed returns, ascending, the milestones that lie above before and not above
// after: those that a rise of the figure has reached. The last is the highest,
// the one that gets the mail. A fall crosses nothing. Of more than a thousand,
// the highest thousand are returned.
func (m Milestones) Crossed(before, after int64) []int64 {
	var crossed []int64
	last := before
	for _, v := range m.At {
		if before < v && v <= after {
			crossed = append(crossed, v)
		}
		last = max(last, v)
	}
	if m.Every > 0 && after > last {
		for k := max(last/m.Every+1, after/m.Every-mostCrossed+1); k <= after/m.Every; k++ {
			crossed = append(crossed, k*m.Every)
		}
	}
	slices.Sort(crossed)
	return crossed[max(0, len(crossed)-mostCrossed):]
}
