package forecast_test

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"regulars/internal/forecast"
)

// published are the parameters that the paper gives for the CDNOW sample.
var published = forecast.Model{R: 0.243, Alpha: 4.414, A: 0.793, B: 2.426}

// TestTheIntegralIsThePapersFormula compares with values of the paper's formula,
// with 2F1 at 40 digits: new and old members, short and long spans, members who
// have ordered 900 times, and parameters at the ends of what the fit allows.
func TestTheIntegralIsThePapersFormula(t *testing.T) {
	t.Parallel()
	f, err := os.Open("testdata/expectations.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		var m forecast.Model
		var repeats, age, days int64
		var want float64
		if _, err := fmt.Sscan(lines.Text(), &m.R, &m.Alpha, &m.A, &m.B, &repeats, &age, &days, &want); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		n++
		if got := m.Outlook(days).Orders(repeats, age); !close(got, want, 1e-11) {
			t.Errorf("%+v.Outlook(%d).Orders(%d, %d) = %.15g, want %.15g", m, days, repeats, age, got, want)
		}
	}
	if n < 100 {
		t.Errorf("only %d values were compared", n)
	}
}

// The example of the authors' note on implementing the model: their customer 1.
func TestTheAuthorsExample(t *testing.T) {
	t.Parallel()
	h := forecast.History{Repeats: 2, Recency: 213, Age: 272} // 30.43 and 38.86 weeks
	if got := published.Expected(h, 39*7); !close(got, 1.226, 0.0005) {
		t.Errorf("Expected(%+v, 39 weeks) = %.4f, want 1.226", h, got)
	}
	if got := published.Alive(h); !close(got, 0.7266, 0.001) {
		t.Errorf("Alive(%+v) = %.4f, want 0.727", h, got)
	}
}

func TestAliveHasNoEdges(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		claim string
		h     forecast.History
		want  func(p float64) bool
	}{
		{"who has ordered once is a customer", forecast.History{Age: 4000}, func(p float64) bool { return p == 1 }},
		{"who ordered today is likely one", forecast.History{Repeats: 9, Recency: 90, Age: 90}, func(p float64) bool { return p > 0.9 && p < 1 }},
		{"a regular who stopped long ago is none", forecast.History{Repeats: 5000, Recency: 5000, Age: 36500}, func(p float64) bool { return p >= 0 && p < 1e-300 }},
	} {
		if got := published.Alive(tt.h); !tt.want(got) {
			t.Errorf("%s: Alive(%+v) = %g", tt.claim, tt.h, got)
		}
	}
}

func TestMoreTimeMeansMoreOrders(t *testing.T) {
	t.Parallel()
	for _, h := range []forecast.History{{}, {Age: 700}, {Repeats: 3, Recency: 200, Age: 210}, {Repeats: 2000, Recency: 3000, Age: 3000}} {
		before := 0.0
		for _, days := range []int64{1, 7, 90, 365, 3650, 36500} {
			got := published.Expected(h, days)
			if !(got > before) || math.IsInf(got, 0) {
				t.Errorf("Expected(%+v, %d days) = %g after %g", h, days, got, before)
			}
			before = got
		}
	}
}

func TestModelsAreToldApart(t *testing.T) {
	t.Parallel()
	other := published
	other.B += 1e-12
	if published.Mark() == other.Mark() {
		t.Errorf("%+v and %+v have one mark", published, other)
	}
	if published.Mark() != (forecast.Model{R: 0.243, Alpha: 4.414, A: 0.793, B: 2.426}).Mark() {
		t.Error("one model has two marks")
	}
}

// close compares relatively, with want.
func close(got, want, within float64) bool { return math.Abs(got-want) <= within*math.Abs(want) }
