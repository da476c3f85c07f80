package forecast

import (
	"encoding/binary"
	"hash/fnv"
	"math"
)

// Model are the four parameters, for time in weeks.
type Model struct {
	R     float64 `json:"r"`
	Alpha float64 `json:"alpha"`
	A     float64 `json:"a"`
	B     float64 `json:"b"`
}

// History is all that the model reads of a member who has ordered. Orders of one
// day are one.
type History struct {
	Repeats int64 // days with an order after the first such day
	Recency int64 // days from the first order to the last
	Age     int64 // days from the first order to the day of asking
}

// week is the model's unit of time, in days.
const week = 7

func weeks(days int64) float64 { return float64(days) / week }

// most keeps an exponent within what a double holds.
const most = 700

// Alive is the probability that the member is still a customer. Who has ordered
// once is one: the model lets nobody leave before a second order.
func (m Model) Alive(h History) float64 {
	if h.Repeats == 0 {
		return 1
	}
	x := float64(h.Repeats)
	odds := (m.R+x)*math.Log((m.Alpha+weeks(h.Age))/(m.Alpha+weeks(h.Recency))) + math.Log(m.A/(m.B+x-1))
	return 1 / (1 + math.Exp(math.Min(odds, most)))
}

// Expected is how many orders to expect of the member in so many days.
func (m Model) Expected(h History, days int64) float64 {
	return m.Alive(h) * m.Outlook(days).Orders(h.Repeats, h.Age)
}

// Mark tells models apart, as a number that a table can keep.
func (m Model) Mark() int64 {
	h := fnv.New64a()
	for _, p := range []float64{m.R, m.Alpha, m.A, m.B} {
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], math.Float64bits(p))
		h.Write(b[:])
	}
	return int64(h.Sum64())
}
