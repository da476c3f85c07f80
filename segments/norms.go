package segments

import "regulars/internal/loyalty"

// Norms are what all members together are like at the end of a day: what a
// member's own figures are held against. Room norms computes and keeps them; a
// rule only reads them. The zero value, but for Day, is the norms of a program
// in which nobody has ordered yet.
type Norms struct {
	Day loyalty.Day `json:"day"`
	Gap float64     `json:"gap"` // median of the members' usual gaps, in days; 0: nobody has ordered on two days

	Buyers    int64 `json:"buyers"` // members who have a paid order: those who are scored. 0: nobody is
	Recency   Cuts  `json:"recency"`
	Frequency Cuts  `json:"frequency"`
	Monetary  Cuts  `json:"monetary"` // minor units

	Forecast Forecast `json:"forecast"` // who orders again, and how often
}

// NormParts says which of the norms a rule reads: a set of bits.
type NormParts uint

// The parts of the norms.
const (
	NormGap      NormParts = 1 << iota // Gap
	NormScores                         // Buyers, Recency, Frequency, Monetary
	NormForecast                       // Forecast
	AllNorms     = NormGap | NormScores | NormForecast
)

// Norms returns the norms that the rule reads, for figures that only make sense
// beside those of all members; 0: none.
func (r *Rule) Norms() (parts NormParts) {
	for _, u := range r.uses {
		parts |= u.norm.part
	}
	return parts
}

// Ready returns nil if the rule can be asked with these norms, or an *Unready.
// A rule that needs none is always ready.
func (r *Rule) Ready(n *Norms) error {
	for _, u := range r.uses {
		if u.norm.part == 0 {
			continue
		}
		if why := u.norm.lacking(n); why != "" {
			return &Unready{Field: u.name, Why: why}
		}
	}
	return nil
}

// Unready is the error of a rule that is right but cannot be answered yet.
type Unready struct {
	Field string // that cannot be said
	Why   string // in a marketer's words
}

// Error returns both in one sentence.
func (e *Unready) Error() string { return e.Field + " cannot be said yet: " + e.Why }

// norm is what an entry reads of the norms of its query (Query.Norms);
// the zero value: nothing.
type norm struct {
	part    NormParts
	lacking func(n *Norms) string // why it cannot be said with n, which may be nil; "" if it can
}

var (
	ofGap      = norm{NormGap, computed}
	ofScores   = norm{NormScores, computed}
	ofForecast = norm{NormForecast, foreseen}
)

// computed is lacking of what the norms always have.
func computed(n *Norms) string {
	if n == nil {
		return "the figures of all members are not computed; they are every night and after an import"
	}
	return ""
}
