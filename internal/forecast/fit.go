package forecast

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize"
)

// Fitted is a model and how well it explains the histories that it was fitted to.
type Fitted struct {
	Model
	LogLikelihood float64 `json:"log_likelihood"`
}

// ErrNoFit says that no parameters stand out as the most likely ones.
var ErrNoFit = errors.New("no parameters fit the orders better than all others")

// Fit returns the parameters under which the histories are most likely. The
// search begins at several places and takes the best end.
func Fit(groups []Group) (Fitted, error) {
	s := newSample(groups)
	if s.members == 0 {
		return Fitted{}, ErrNoFit
	}
	if len(groups) < many {
		return s.best(s.starts())
	}
	// The rough shape says where the top is, and takes a part of the time.
	rough, err := newSample(rounded(groups, 4*week)).best(s.starts())
	if err != nil {
		return s.best(s.starts())
	}
	return s.best([]Model{rough.Model})
}

// many are so many groups that going up from each start takes long.
const many = 20_000

func (s *sample) best(starts []Model) (best Fitted, err error) {
	err = ErrNoFit
	for _, from := range starts {
		if f, ok := s.climb(from); ok && (err != nil || f.LogLikelihood > best.LogLikelihood) {
			best, err = f, nil
		}
	}
	return best, err
}

// Weekly rounds days to weeks and puts together the groups that are then alike.
func Weekly(groups []Group) []Group { return rounded(groups, week) }

func rounded(groups []Group, span int64) []Group {
	counts := map[History]int64{}
	for _, g := range groups {
		age := middleOf(g.Age, span)
		counts[History{g.Repeats, min(middleOf(g.Recency, span), age), age}] += g.Members
	}
	weekly := make([]Group, 0, len(counts))
	for h, n := range counts {
		weekly = append(weekly, Group{h, n})
	}
	// In one order, so that the sums come out the same each time.
	slices.SortFunc(weekly, func(a, b Group) int {
		return cmp.Or(cmp.Compare(a.Repeats, b.Repeats), cmp.Compare(a.Recency, b.Recency), cmp.Compare(a.Age, b.Age))
	})
	return weekly
}

// middleOf is the middle of the span in which a day lies; 0 stays.
func middleOf(d, span int64) int64 {
	if d == 0 {
		return 0
	}
	return d - d%span + span/2
}

// starts are places to begin: with the orders per week that the members had, and
// with few and with many who leave.
func (s *sample) starts() []Model {
	var orders, time float64
	for _, g := range s.groups {
		orders += float64(g.Repeats * g.Members)
		time += weeks(g.Age) * float64(g.Members)
	}
	rate := (orders + 1) / (time + 1)
	return []Model{{0.5, 0.5 / rate, 0.8, 2.5}, {1, 1 / rate, 1, 10}, {0.2, 0.2 / rate, 2, 2}}
}

// level is a slope, per member, that counts as flat.
const level = 1e-5

// climb goes uphill from a place, and says whether it came to a top.
func (s *sample) climb(from Model) (Fitted, bool) {
	at := hill{s: s}
	p := optimize.Problem{Func: at.height, Grad: at.slope}
	settings := &optimize.Settings{GradientThreshold: 1e-8, MajorIterations: 500,
		Converger: &optimize.FunctionConverge{Absolute: 1e-13, Iterations: 20}}
	r, err := optimize.Minimize(p, outside(from), settings, &optimize.BFGS{})
	if r == nil {
		return Fitted{}, false
	}
	if err != nil || !at.flat(r.X) { // a line search may fail on the last digits
		r, err = optimize.Minimize(optimize.Problem{Func: at.height}, r.X, &optimize.Settings{MajorIterations: 4000}, &optimize.NelderMead{})
		if r == nil || err != nil && !at.flat(r.X) {
			return Fitted{}, false
		}
	}
	m := inside(r.X)
	ll, _ := s.likelihood(m)
	return Fitted{m, ll}, at.flat(r.X) && !math.IsNaN(ll) && !math.IsInf(ll, 0)
}

// hill is the likelihood per member upside down, over the parameters as the
// search moves them. It keeps what it computed last: height and slope are asked
// for one after the other.
type hill struct {
	s    *sample
	x    []float64
	y    float64
	down [4]float64
}

func (h *hill) at(x []float64) {
	if h.x != nil && floats.Equal(h.x, x) {
		return
	}
	m := inside(x)
	ll, slope := h.s.likelihood(m)
	h.x, h.y = append(h.x[:0], x...), -ll/h.s.members
	for i, v := range []float64{m.R, m.Alpha, m.A, m.B} {
		t := math.Tanh(x[i] / reach)
		h.down[i] = -slope[i] * v * (1 - t*t) / h.s.members
	}
	if math.IsNaN(h.y) {
		h.y = math.Inf(1)
	}
}

func (h *hill) height(x []float64) float64 {
	h.at(x)
	return h.y
}

func (h *hill) slope(grad, x []float64) {
	h.at(x)
	copy(grad, h.down[:])
}

func (h *hill) flat(x []float64) bool {
	h.at(x)
	return floats.Norm(h.down[:], 2) < level
}

// The search moves freely; the parameters stay within middle·exp(±reach). Beyond,
// nothing that rules read would change: at the one end everybody is alike, at the
// other all are extremes.
const reach = 5

// middle of Alpha, in weeks; of the others it is 1.
const middle = 10

func inside(x []float64) Model {
	v := func(i int) float64 { return math.Exp(reach * math.Tanh(x[i]/reach)) }
	return Model{v(0), middle * v(1), v(2), v(3)}
}

func outside(m Model) []float64 {
	x := []float64{m.R, m.Alpha / middle, m.A, m.B}
	for i, v := range x {
		x[i] = reach * math.Atanh(math.Max(-0.9, math.Min(0.9, math.Log(v)/reach)))
	}
	return x
}
