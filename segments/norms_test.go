package segments_test

import (
	"slices"

	"pgregory.net/rapid"

	"regulars/internal/loyalty"
	"regulars/internal/norms"
	"regulars/internal/store"
	"regulars/segments"
)

// drawScoring draws where the scores divide members.
func drawScoring(t *rapid.T) segments.Scoring {
	s := segments.DefaultScoring()
	if rapid.Bool().Draw(t, "own scoring") {
		percents := []segments.Percent{{33, 66}, {1, 99}, {50, 51}, {20, 80}, {25, 50}}
		s.Recency, s.Frequency, s.Monetary = pick(t, "recency", percents), pick(t, "frequency", percents), pick(t, "monetary", percents)
		s.Within = pick(t, "within", []segments.Within{{}, {}, {7, 30}, {90, 365}})
	}
	return s
}

// compute has the norms computed from the tables, as those of a past day and, as
// in the night, from the table facts, and compares both with all members at once.
func (w *trial) compute(t *rapid.T, tx *store.Tx) {
	if err := tx.SetSetting(store.SettingScoring, store.JSON(w.by)); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.norms, err = norms.Past(tx, w.day, segments.AllNorms); err != nil {
		t.Fatalf("norms of %s: %v", w.day, err)
	}
	today, err := norms.Today(tx, w.day)
	if err != nil {
		t.Fatalf("norms of the facts: %v", err)
	}
	want := w.bruteNorms()
	if scoresOf(w.norms) != want || scoresOf(today) != want {
		t.Fatalf("norms on %s (%s) by %s\n of the day %+v\n of the facts %+v\n want %+v", w.day, tx.Engine(), w.by, *w.norms, *today, want)
	}
	w.norms.Gap = w.given.Norms.Gap // few people seldom have one: rules meet all sorts
}

// scoresOf are the norms that scores and gaps read, and no others.
func scoresOf(n *segments.Norms) segments.Norms {
	return segments.Norms{Day: n.Day, Gap: n.Gap, Buyers: n.Buyers, Recency: n.Recency, Frequency: n.Frequency, Monetary: n.Monetary}
}

// bruteNorms looks at all members one by one.
func (w *trial) bruteNorms() segments.Norms {
	var people []segments.Known
	for _, p := range w.people {
		if p.knownBy(w.day) {
			people = append(people, p.asOf(w.day))
		}
	}
	return bruteNorms(people, w.day, w.by)
}

// bruteNorms are the norms of people by the words of their definition.
func bruteNorms(people []segments.Known, day loyalty.Day, by segments.Scoring) segments.Norms {
	n := segments.Norms{Day: day}
	var gaps []float64
	var ago, orders, money []int64
	for _, k := range people {
		days, count, sum := paidOf(k)
		if count == 0 {
			continue
		}
		n.Buyers++
		ago, orders, money = append(ago, int64(day-days[len(days)-1])), append(orders, count), append(money, sum)
		if len(days) > 1 {
			gaps = append(gaps, usualGap(days))
		}
	}
	if len(gaps) > 0 {
		n.Gap = median(gaps)
	}
	n.Recency = segments.Cuts{Low: atShare(ago, 100-by.Recency[1]), High: atShare(ago, 100-by.Recency[0])}
	if by.Within != (segments.Within{}) {
		n.Recency = segments.Cuts{Low: int64(by.Within[0]), High: int64(by.Within[1])}
	}
	n.Frequency = segments.Cuts{Low: atShare(orders, by.Frequency[0]), High: atShare(orders, by.Frequency[1])}
	n.Monetary = segments.Cuts{Low: atShare(money, by.Monetary[0]), High: atShare(money, by.Monetary[1])}
	return n
}

// paidOf returns the distinct days of a member's paid orders, their number and sum.
func paidOf(k segments.Known) (days []loyalty.Day, count, sum int64) {
	for _, o := range k.Orders {
		if o.Counts && o.Day <= k.Day {
			days, count, sum = append(days, o.Day), count+1, sum+o.Total-o.Refunded
		}
	}
	slices.Sort(days)
	return slices.Compact(days), count, sum
}

// usualGap is the median of the days from one day to the next.
func usualGap(days []loyalty.Day) float64 {
	var gaps []float64
	for i, d := range days[1:] {
		gaps = append(gaps, float64(d-days[i]))
	}
	return median(gaps)
}

func median(of []float64) float64 {
	slices.Sort(of)
	n := len(of)
	return (of[(n-1)/2] + of[n/2]) / 2
}

// atShare is the least figure such that at least so many per cent have no more.
func atShare(figures []int64, percent int) int64 {
	if len(figures) == 0 {
		return 0
	}
	slices.Sort(figures)
	return figures[(percent*len(figures)+99)/100-1]
}
