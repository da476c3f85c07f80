package norms_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"regulars/internal/forecast"
	"regulars/internal/loyalty"
	"regulars/internal/norms"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/segments"
)

// TestTheFitReproducesThePaper fits the model to the orders of the 2,357
// customers of the CDNOW sample up to 30 September 1997, as of that day, and
// compares with what the paper publishes.
func TestTheFitReproducesThePaper(t *testing.T) {
	t.Parallel()
	orders := sampled(t)
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		write(t, db, orders)
		n := past(t, db, loyalty.Date(1997, 9, 30))
		f := n.Forecast
		if f.Members != 2357 || f.Fit == nil {
			t.Fatalf("forecast = %+v, want one fitted to 2357 members", f)
		}
		for _, p := range []struct {
			name      string
			got, want float64
			digits    int
		}{{"r", f.Fit.R, 0.243, 3}, {"alpha", f.Fit.Alpha, 4.414, 3}, {"a", f.Fit.A, 0.793, 3}, {"b", f.Fit.B, 2.426, 3}, {"LL", f.Fit.LogLikelihood, -9582.4, 1}} {
			if got := strconv.FormatFloat(p.got, 'f', p.digits, 64); got != strconv.FormatFloat(p.want, 'f', p.digits, 64) {
				t.Errorf("%s = %s, and %v is published", p.name, got, p.want)
			}
		}
	})
}

// TestSQLExpectsWhatGoDoes compares alive and expected_orders of members of all
// sorts, to nine digits, with what is kept and with nothing kept.
func TestSQLExpectsWhatGoDoes(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 7))
	orders := map[string][]loyalty.Day{}
	for i := range 120 {
		first := today - loyalty.Day(rng.IntN(2000))
		days := []loyalty.Day{first}
		for range []int{0, 0, 1, 3, 20, 400}[i%6] {
			days = append(days, first+loyalty.Day(rng.IntN(int(today-first)+1)))
		}
		orders[fmt.Sprint("M-", i)] = days
	}
	for _, m := range []forecast.Model{{R: 0.243, Alpha: 4.414, A: 0.793, B: 2.426}, {R: 3, Alpha: 0.2, A: 1, B: 0.3}, {R: 0.01, Alpha: 900, A: 120, B: 140}} {
		t.Run(fmt.Sprint(m), func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				write(t, db, orders)
				n := &segments.Norms{Day: today, Forecast: segments.Forecast{Fit: &forecast.Fitted{Model: m}}}
				for _, kept := range []bool{false, true} {
					update(t, db, func(tx *store.Tx) error {
						if kept {
							if _, err := norms.Foresee(tx, n, today, "facts", []int64{90, 366}); err != nil {
								return err
							}
							allKept(t, tx, n)
						}
						for _, field := range []string{"alive", `expected_orders("90d")`, `expected_orders("1y")`} {
							agrees(t, tx, n, field, orders)
						}
						return nil
					})
				}
			})
		})
	}
}

// allKept checks that for every member a row is looked up.
func allKept(t *testing.T, tx *store.Tx, n *segments.Norms) {
	t.Helper()
	var lacking int64
	err := tx.One(&lacking, `
		select count(*) from facts f
		where  f.order_days > 0
		and    not exists (select 1 from expectations e where e.model = @model and e.days = 90 and e.repeats = f.order_days - 1 and e.age = @day - f.first_day)`,
		store.Args{"model": n.Forecast.Fit.Mark(), "day": int64(n.Day)})
	if err != nil || lacking > 0 {
		t.Errorf("%d members have nothing kept (%v)", lacking, err)
	}
}

// agrees asks for each member whether the field lies next to what Go says.
func agrees(t *testing.T, tx *store.Tx, n *segments.Norms, field string, orders map[string][]loyalty.Day) {
	t.Helper()
	where, args := parse(t, "known("+field+")").SQL(segments.Query{Engine: tx.Engine(), Day: n.Day, Norms: n})
	expr := strings.TrimSuffix(where, " is not null")
	var rows []struct {
		ExternalID string
		Value      float64
	}
	err := tx.All(&rows, "select m.external_id, "+expr+" as value from facts f join members m on m.id = f.member_id", args)
	if err != nil {
		t.Fatalf("%s: %v", field, err)
	}
	if len(rows) != len(orders) {
		t.Fatalf("%s: %d rows, want %d", field, len(rows), len(orders))
	}
	for _, row := range rows {
		h := history(orders[row.ExternalID], n.Day)
		want := n.Forecast.Fit.Alive(h)
		if _, span, ok := strings.Cut(field, `"`); ok {
			days := int64(90)
			if strings.HasPrefix(span, "1y") {
				days = 366 // 29 February 2028 lies between
			}
			want = n.Forecast.Fit.Expected(h, days)
		}
		if math.Abs(row.Value-want) > 1e-9*want+1e-300 {
			t.Errorf("%s of %+v on %s = %.15g, want %.15g", field, h, tx.Engine(), row.Value, want)
		}
	}
}

func parse(t *testing.T, text string) *segments.Rule {
	t.Helper()
	r, err := segments.Parse(text, segments.Scope{})
	if err != nil {
		t.Fatalf("Parse(%s) = %v", text, err)
	}
	return r
}

func history(days []loyalty.Day, today loyalty.Day) (h forecast.History) {
	first, last, distinct := days[0], days[0], map[loyalty.Day]bool{}
	for _, d := range days {
		first, last, distinct[d] = min(first, d), max(last, d), true
	}
	return forecast.History{Repeats: int64(len(distinct)) - 1, Recency: int64(last - first), Age: int64(today - first)}
}

// TestTooFewToForecast says what is missing, in numbers.
func TestTooFewToForecast(t *testing.T) {
	t.Parallel()
	day := today
	many := func(n, repeat int, old loyalty.Day) map[string][]loyalty.Day {
		orders := map[string][]loyalty.Day{}
		for i := range n {
			id := fmt.Sprint("M-", i)
			orders[id] = []loyalty.Day{day - old}
			if i < repeat {
				orders[id] = append(orders[id], day-old+1+loyalty.Day(i%7))
			}
		}
		return orders
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, tt := range []struct {
			claim  string
			orders map[string][]loyalty.Day
			why    string
		}{
			{"nobody has ordered", nil, "alive cannot be said yet: only 0 members have ordered on two days or more, and 100 are needed"},
			{"few came back", many(500, 37, 200), "alive cannot be said yet: only 37 members have ordered on two days or more, and 100 are needed"},
			{"it is early", many(500, 300, 40), "alive cannot be said yet: the first order is only 5 weeks old, and 12 weeks are needed"},
			{"enough", many(500, 100, 84), ""},
		} {
			write(t, db, tt.orders)
			n := past(t, db, day)
			why := ""
			if err := parse(t, "alive < 0.3").Ready(n); err != nil {
				why = err.Error()
			}
			if why != tt.why {
				t.Errorf("%s: %q, want %q", tt.claim, why, tt.why)
			}
		}
	})
}

// TestOldExpectationsGo keeps the table small.
func TestOldExpectationsGo(t *testing.T) {
	t.Parallel()
	day := today
	n := &segments.Norms{Day: day, Forecast: segments.Forecast{Fit: &forecast.Fitted{Model: forecast.Model{R: 1, Alpha: 10, A: 1, B: 2}}}}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		write(t, db, map[string][]loyalty.Day{"M-1": {day - 30}})
		for _, tt := range []struct {
			today loyalty.Day
			want  int64
		}{{day + 2, 2}, {day + 3, 0}} {
			update(t, db, func(tx *store.Tx) error {
				if _, err := norms.Foresee(tx, n, day, "facts", []int64{90}); err != nil {
					return err
				}
				if err := norms.Forget(tx, tt.today); err != nil {
					return err
				}
				var kept int64
				if err := tx.One(&kept, "select count(*) from expectations", nil); err != nil {
					return err
				}
				if kept != tt.want {
					t.Errorf("%d rows are kept %d days later, want %d", kept, tt.today-day, tt.want)
				}
				return nil
			})
		}
	})
}
