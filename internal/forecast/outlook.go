package forecast

import "math"

// Outlook says how many orders to expect in a span of days of members who are
// still customers.
//
// Of such a member with x repeat orders the rate is gamma distributed (R+x,
// Alpha+age) and the probability p of leaving is beta distributed (A, B+x). With
// the rate integrated out, the orders of a span t are the mean over p of
//
//	(1 - (1 + p·u)^-(R+x)) / p      where u = t / (Alpha + age)
//
// It is summed over Nodes.
type Outlook struct {
	m     Model
	t     float64
	nodes []Node
	known map[int64][]float64 // weights by repeats, summing to 1
}

// Node is a place on the way of p from 0 to 1. The four are written out because
// near an end they do not follow from each other: P is 0 where it is too small
// for anything but to be left out of a sum.
type Node struct {
	P, LogP, LogQ float64 // p, and the logarithms of p and 1-p
	LogW          float64 // of the step that the node stands for
}

// Tiny is what P is at least, or 0.
const Tiny = 1e-200

// Outlook returns that of a span of days.
func (m Model) Outlook(days int64) *Outlook {
	return &Outlook{m, weeks(days), m.Nodes(), map[int64][]float64{}}
}

// Nodes are those of a double exponential quadrature: p = 1/(1+exp(-π·sinh v)) for
// evenly spaced v, so dense that distributions as narrow as A and B allow are met
// many times, and far enough out that what is left away is nothing: the middle of
// a distribution lies within exp(±16), however often somebody has ordered, and
// exp(-42) of what stands there is less than a double's precision.
func (m Model) Nodes() []Node {
	const middle, enough = 16, 42
	step := 0.02 / math.Sqrt(math.Max(1, m.A/25))
	from, to := -math.Asinh((middle+enough/m.A)/math.Pi), math.Asinh((middle+enough/m.B)/math.Pi)
	var nodes []Node
	for i := math.Floor(from / step); i*step <= to; i++ {
		v := i * step
		y := math.Pi * math.Sinh(v)
		n := Node{P: 1 / (1 + math.Exp(-y)), LogP: -math.Log1p(math.Exp(-y)), LogQ: -math.Log1p(math.Exp(y)), LogW: math.Log(math.Cosh(v))}
		if y < -most {
			n.LogP = y
		}
		if y > most {
			n.LogQ = -y
		}
		if n.P < Tiny {
			n.P = 0
		}
		nodes = append(nodes, n)
	}
	return nodes
}

// Orders is the number expected of a member with so many repeat orders and so
// many days since the first.
func (o *Outlook) Orders(repeats, age int64) (sum float64) {
	s, u := o.m.R+float64(repeats), o.t/(o.m.Alpha+weeks(age))
	for i, w := range o.weights(repeats) {
		if p := o.nodes[i].P; p == 0 {
			sum += w * s * u
		} else {
			sum += w * -math.Expm1(-s*math.Log1p(p*u)) / p
		}
	}
	return sum
}

// weights are those of the beta distribution (A, B+repeats) at the nodes.
func (o *Outlook) weights(repeats int64) []float64 {
	if w, ok := o.known[repeats]; ok {
		return w
	}
	b := o.m.B + float64(repeats)
	peak := Peak(o.m.A, b)
	w, sum := make([]float64, len(o.nodes)), 0.0
	for i, n := range o.nodes {
		w[i] = math.Exp(o.m.A*n.LogP + b*n.LogQ + n.LogW - peak)
		sum += w[i]
	}
	for i := range w {
		w[i] /= sum
	}
	o.known[repeats] = w
	return w
}

// Peak is the highest value of a·ln p + b·ln(1-p): taken off, no weight runs over
// or under.
func Peak(a, b float64) float64 { return a*math.Log(a/(a+b)) + b*math.Log(b/(a+b)) }
