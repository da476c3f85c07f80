package forecast

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Group are members with one history.
type Group struct {
	History
	Members int64
}

// sample are histories laid out for computing their likelihood many times over.
// What depends on the repeats or on a number of days alone is computed once for
// each of those, not for each group.
type sample struct {
	groups  []Group
	members float64
	days    int64   // the longest time in any history
	repeats []int64 // how many members have so many
}

func newSample(groups []Group) *sample {
	s := &sample{groups: groups}
	most := int64(0)
	for _, g := range groups {
		s.members += float64(g.Members)
		s.days = max(s.days, g.Age)
		most = max(most, g.Repeats)
	}
	s.repeats = make([]int64, most+1)
	for _, g := range groups {
		s.repeats[g.Repeats] += g.Members
	}
	return s
}

// likelihood returns the logarithm of the likelihood of a model and its slopes by
// R, Alpha, A and B.
func (s *sample) likelihood(m Model) (ll float64, slope [4]float64) {
	ll, slope = s.ofRepeats(m)
	logs := make([]float64, s.days+1) // ln(Alpha + days)
	for d := range logs {
		logs[d] = math.Log(m.Alpha + weeks(int64(d)))
	}
	leaves := make([]float64, len(s.repeats)) // ln(A / (B + repeats - 1))
	for x := 1; x < len(leaves); x++ {
		leaves[x] = math.Log(m.A / (m.B + float64(x) - 1))
	}
	for _, g := range s.groups {
		n, rate := float64(g.Members), m.R+float64(g.Repeats)
		ll -= n * rate * logs[g.Age]
		gone := 0.0 // the probability of having left
		if g.Repeats > 0 {
			odds := rate*(logs[g.Age]-logs[g.Recency]) + leaves[g.Repeats]
			var more float64
			gone, more = logistic(odds)
			ll += n * more
			slope[2] += n * gone / m.A
			slope[3] -= n * gone / (m.B + float64(g.Repeats) - 1)
		}
		slope[0] -= n * ((1-gone)*logs[g.Age] + gone*logs[g.Recency])
		slope[1] -= n * rate * ((1-gone)/(m.Alpha+weeks(g.Age)) + gone/(m.Alpha+weeks(g.Recency)))
	}
	return ll, slope
}

// ofRepeats is the part of the likelihood that reads no time.
func (s *sample) ofRepeats(m Model) (ll float64, slope [4]float64) {
	for x, members := range s.repeats {
		if members == 0 {
			continue
		}
		n, x := float64(members), float64(x)
		ll += n * (logGamma(m.R+x) - logGamma(m.R) + m.R*math.Log(m.Alpha) +
			logGamma(m.A+m.B) + logGamma(m.B+x) - logGamma(m.B) - logGamma(m.A+m.B+x))
		slope[0] += n * (mathext.Digamma(m.R+x) - mathext.Digamma(m.R) + math.Log(m.Alpha))
		slope[1] += n * m.R / m.Alpha
		both := mathext.Digamma(m.A+m.B) - mathext.Digamma(m.A+m.B+x)
		slope[2] += n * both
		slope[3] += n * (both + mathext.Digamma(m.B+x) - mathext.Digamma(m.B))
	}
	return ll, slope
}

func logGamma(x float64) float64 {
	l, _ := math.Lgamma(x)
	return l
}

// logistic returns 1/(1+exp(-x)) and ln(1+exp(x)) without running over.
func logistic(x float64) (share, log float64) {
	e := math.Exp(-math.Abs(x))
	if x > 0 {
		return 1 / (1 + e), x + math.Log(1+e)
	}
	return e / (1 + e), math.Log(1 + e)
}
