package forecast_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"regulars/internal/forecast"
)

// TestFitRecoversWhatMadeTheOrders lets made-up members live by the model and
// finds its parameters again.
func TestFitRecoversWhatMadeTheOrders(t *testing.T) {
	t.Parallel()
	for _, truth := range []forecast.Model{{R: 0.6, Alpha: 6, A: 0.8, B: 2.5}, {R: 2, Alpha: 12, A: 1.5, B: 6}} {
		rng := rand.New(rand.NewPCG(2005, 1))
		counts := map[forecast.History]int64{}
		for range 4000 {
			counts[live(rng, truth, rng.Int64N(100)+300)]++
		}
		got, err := forecast.Fit(groups(counts))
		if err != nil {
			t.Fatalf("Fit(%+v) = %v", truth, err)
		}
		for _, p := range []struct {
			name      string
			got, want float64
		}{{"r", got.R, truth.R}, {"alpha", got.Alpha, truth.Alpha}, {"a/(a+b)", got.A / (got.A + got.B), truth.A / (truth.A + truth.B)}} {
			if !close(p.got, p.want, 0.15) {
				t.Errorf("%+v: fitted %s = %.3f, want %.3f", truth, p.name, p.got, p.want)
			}
		}
	}
}

// TestFitOfManyMembers goes the long way, over a rough shape first. With so many
// members the parameters come out closer.
func TestFitOfManyMembers(t *testing.T) {
	t.Parallel()
	truth := forecast.Model{R: 0.6, Alpha: 6, A: 0.8, B: 2.5}
	rng := rand.New(rand.NewPCG(2005, 2))
	counts := map[forecast.History]int64{}
	for range 60_000 {
		counts[live(rng, truth, rng.Int64N(600)+100)]++
	}
	if len(counts) < 20_000 {
		t.Fatalf("%d histories are too few for the long way", len(counts))
	}
	got, err := forecast.Fit(groups(counts))
	if err != nil {
		t.Fatal(err)
	}
	if !close(got.R, truth.R, 0.05) || !close(got.Alpha, truth.Alpha, 0.05) || !close(got.A, truth.A, 0.1) || !close(got.B, truth.B, 0.1) {
		t.Errorf("fitted %+v, want %+v", got.Model, truth)
	}
	weekly, err := forecast.Fit(forecast.Weekly(groups(counts)))
	if err != nil || !close(weekly.R, got.R, 0.05) || !close(weekly.A, got.A, 0.05) {
		t.Errorf("of weeks: %+v (%v), want near %+v", weekly.Model, err, got.Model)
	}
}

func BenchmarkFit(b *testing.B) {
	truth := forecast.Model{R: 0.6, Alpha: 6, A: 0.8, B: 2.5}
	rng := rand.New(rand.NewPCG(2005, 3))
	counts := map[forecast.History]int64{}
	for range 1_000_000 {
		counts[live(rng, truth, rng.Int64N(1000)+90)]++
	}
	all := groups(counts)
	b.ReportMetric(float64(len(all)), "histories")
	for b.Loop() {
		if _, err := forecast.Fit(all); err != nil {
			b.Fatal(err)
		}
	}
}

// live makes up a member by the model and returns what a shop sees of them.
func live(rng *rand.Rand, m forecast.Model, age int64) forecast.History {
	rate := gamma(rng, m.R) / m.Alpha // per week
	leave := gamma(rng, m.A)
	leave /= leave + gamma(rng, m.B)
	h := forecast.History{Age: age}
	for at := 0.0; ; {
		at += 7 * rng.ExpFloat64() / rate
		if at >= float64(age) {
			return h
		}
		h.Recency, h.Repeats = int64(at), h.Repeats+1
		if rng.Float64() < leave {
			return h
		}
	}
}

// gamma draws with Marsaglia and Tsang's method.
func gamma(rng *rand.Rand, shape float64) float64 {
	if shape < 1 {
		return gamma(rng, shape+1) * math.Pow(rng.Float64(), 1/shape)
	}
	d := shape - 1.0/3
	for {
		x := rng.NormFloat64()
		v := math.Pow(1+x/math.Sqrt(9*d), 3)
		if v > 0 && math.Log(rng.Float64()) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}

func groups(counts map[forecast.History]int64) []forecast.Group {
	var all []forecast.Group
	for h, n := range counts {
		all = append(all, forecast.Group{History: h, Members: n})
	}
	return all
}

// TestFitStaysFinite gives it programs in which the likelihood has no top: it
// either says so or answers with numbers.
func TestFitStaysFinite(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		claim  string
		groups []forecast.Group
	}{
		{"nobody came back", []forecast.Group{{History: forecast.History{Age: 100}, Members: 500}}},
		{"everybody comes each week and nobody stops", []forecast.Group{{History: forecast.History{Repeats: 14, Recency: 98, Age: 100}, Members: 500}}},
		{"everybody ordered twice and never again", []forecast.Group{{History: forecast.History{Repeats: 1, Recency: 1, Age: 3000}, Members: 500}}},
		{"a shop orders thousands of times", []forecast.Group{{History: forecast.History{Repeats: 5000, Recency: 9000, Age: 9001}, Members: 1}, {History: forecast.History{Repeats: 1, Recency: 30, Age: 900}, Members: 300}}},
	} {
		f, err := forecast.Fit(tt.groups)
		if errors.Is(err, forecast.ErrNoFit) {
			t.Logf("%s: %v", tt.claim, err)
			continue
		}
		for _, p := range []float64{f.R, f.Alpha, f.A, f.B, f.Expected(tt.groups[0].History, 90), f.Alive(tt.groups[0].History)} {
			if math.IsNaN(p) || math.IsInf(p, 0) || p < 0 {
				t.Errorf("%s: Fit = %+v", tt.claim, f)
			}
		}
		t.Logf("%s: %+v", tt.claim, f)
	}
	if _, err := forecast.Fit(nil); !errors.Is(err, forecast.ErrNoFit) {
		t.Errorf("Fit of nobody = %v, want %v", err, forecast.ErrNoFit)
	}
}
