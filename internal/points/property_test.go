package points_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"regulars/internal/importer"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/program"
	"regulars/internal/shoptest"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/internal/store/storetest/watched"
)

// story is what happened to some orders, and what each has earned in the end.
type story struct {
	events []loyalty.Event
	earned map[int64]int64 // member → points
}

// tell makes up orders that are placed, changed, given back in parts and cancelled.
func tell(r *rand.Rand, now time.Time, members []int64) story {
	s := story{earned: map[int64]int64{}}
	rates := loyalty.Rates{}
	for _, e := range onePer(70) {
		rates.Earn = append(rates.Earn, e.Earn)
	}
	for n := range 25 {
		member := members[r.IntN(len(members))]
		at := now.Add(-time.Duration(r.IntN(72)) * time.Hour)
		final := loyalty.Order{Status: loyalty.Paid}
		add := func(kind string, change func(e *loyalty.Event)) {
			at = at.Add(time.Minute)
			e := loyalty.Event{Source: "test", Type: kind, ID: fmt.Sprintf("e%d-%d", n, len(s.events)), At: loyalty.At(at), Order: &loyalty.Order{ID: fmt.Sprint("O", n)}}
			e.Member.ID = fmt.Sprintf("M-%d", member)
			change(&e)
			s.events = append(s.events, e)
		}
		lines := func(e *loyalty.Event) {
			e.Order.Lines, e.Order.Total, e.Order.HasTotal = nil, 0, true
			for k := range 1 + r.IntN(3) {
				l := loyalty.Line{Product: fmt.Sprint("p", k), Quantity: 1, Total: int64(100 + r.IntN(5000))}
				e.Order.Lines, e.Order.Total = append(e.Order.Lines, l), e.Order.Total+l.Total
			}
			final.Lines, final.Total = e.Order.Lines, e.Order.Total
		}
		add(loyalty.OrderPlaced, lines)
		if r.IntN(3) == 0 {
			add(loyalty.OrderChanged, lines)
		}
		var refunds []loyalty.Refund
		left := final.Total
		for k := range r.IntN(3) {
			back := loyalty.Refund{ID: fmt.Sprint("R", n, "-", k), Total: 1 + r.Int64N(left/2)}
			if l := final.Lines[0]; k == 0 && r.IntN(2) == 0 {
				back.Total, back.Lines = l.Total, []loyalty.Line{l}
			}
			if back.Total >= left {
				break
			}
			left -= back.Total
			refunds = append(refunds, back)
			add(loyalty.OrderRefunded, func(e *loyalty.Event) { e.Refund = &back })
		}
		if r.IntN(6) == 0 {
			final.Status = loyalty.Cancelled
			add(loyalty.OrderCancelled, func(*loyalty.Event) {})
		}
		s.earned[member] += loyalty.Target(final, refunds, rates)
	}
	return s
}

// P2, P3: whatever sequence the same facts come in, and however often, the ledger adds
// up to what the orders have earned in the end; and doctor finds nothing.
func TestAnySequenceEndsInTheSameSums(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			each(t, program.Points{Earn: onePer(70)}, func(t *testing.T, s shop) {
				r := rand.New(rand.NewPCG(seed, 7))
				told := tell(r, s.Now, s.Join(4))
				in := intake.New(s.DB)
				take := func() {
					r.Shuffle(len(told.events), func(i, j int) { told.events[i], told.events[j] = told.events[j], told.events[i] })
					for rest := told.events; len(rest) > 0; {
						n := min(len(rest), 1+r.IntN(12))
						if _, err := in.Apply(context.Background(), rest[:n], intake.Live); err != nil {
							t.Fatal(err)
						}
						rest = rest[n:]
					}
				}
				rows := func() (n int) {
					s.Do(func(tx *store.Tx) error { return tx.One(&n, "select count(*) from entries", nil) })
					return n
				}
				take()
				for member, want := range told.earned {
					var got points.Statement
					s.Do(func(tx *store.Tx) (err error) { got, err = points.StatementOf(tx, member, points.All); return err })
					if got.Balance != want {
						t.Errorf("member %d has %d, want %d", member, got.Balance, want)
					}
				}
				before := rows()
				take()
				if after := rows(); after != before {
					t.Errorf("the same events again: %d rows, were %d", after, before)
				}
			})
		})
	}
}

// P4: how an order's lines, or what is given back of it, are split changes nothing.
func TestSplittingChangesNothing(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 4))
	for range 2000 {
		whole := loyalty.Line{Product: "a", Quantity: 2, Total: 2 + r.Int64N(10000)}
		first, second := whole, whole
		first.Total = 1 + r.Int64N(whole.Total-1)
		second.Total = whole.Total - first.Total
		one := loyalty.Order{Status: loyalty.Paid, Total: whole.Total, Lines: []loyalty.Line{whole}}
		two := loyalty.Order{Status: loyalty.Paid, Total: whole.Total, Lines: []loyalty.Line{first, second}}
		back := r.Int64N(whole.Total)
		part := r.Int64N(back + 1)
		rates := loyalty.Rates{Earn: []loyalty.Earn{{N: 1 + r.Int64N(3), Per: 1 + r.Int64N(900)}}, Percent: 100 + r.Int64N(100)}
		a := loyalty.Target(one, []loyalty.Refund{{Total: back}}, rates)
		b := loyalty.Target(two, []loyalty.Refund{{Total: part}, {Total: back - part}}, rates)
		if a != b {
			t.Fatalf("%d with %d given back: %d in one piece, %d in two (%d, %d)", whole.Total, back, a, b, first.Total, part)
		}
	}
}

// O9 by way of files, intake and the night: what is left and has ended on 1998-06-30.
func TestCDNOW(t *testing.T) {
	watched.Skip(t)
	if testing.Short() {
		t.Skip("69,659 orders take a minute on each engine")
	}
	dir := os.Getenv("REGULARS_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	path := filepath.Join(dir, "data", "cdnow", "orders.csv")
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no shared data at %s: this test did not run (REGULARS_DATA names the folder that holds it)", dir)
	}
	shoptest.Each(t, shoptest.Program{}, func(t *testing.T, s *shoptest.Shop) {
		storetest.OnOne(t, store.Postgres, s.DB.Engine())
		with(s, program.Points{Since: loyalty.Date(1997, 1, 1), Earn: onePer(100), Expire: loyalty.Expiry{After: loyalty.Period{Months: 12}}})
		s.Now = time.Date(1998, 6, 30, 20, 0, 0, 0, time.UTC)
		began := time.Now()
		tally, err := importer.New(s.DB).Import(context.Background(), importer.File{Kind: "orders", Path: path, OrderID: "row", Source: "cdnow",
			Map: map[string]string{"member": "customer_id", "at": "ordered_at", "quantity": "quantity", "total": "amount"}})
		if err != nil || tally.New != 69_659 {
			t.Fatalf("import: %s, %v", tally, err)
		}
		t.Logf("import took %s", time.Since(began))
		began = time.Now()
		if err := shoptest.Until(s.DB, intake.NewDay); err != nil {
			t.Fatal(err)
		}
		t.Logf("the night took %s", time.Since(began))
		var got struct{ Earned, Ended, Members, Points int64 }
		s.Do(func(tx *store.Tx) error {
			return tx.One(&got, `
				select cast(sum(case when kind = 'earn' then amount end) as bigint) as earned,
				       cast(-sum(case when kind = 'expire' then amount end) as bigint) as ended,
				       count(distinct case when kind = 'expire' then member_id end) as members,
				       (select cast(sum(points) as bigint) from facts) as points
				from entries`, nil)
		})
		if got.Earned != 2_453_159 || got.Ended != 1_400_240 || got.Members != 23_500 || got.Points != 1_052_919 {
			t.Errorf("%+v, want 2453159 earned, 1400240 ended of 23500 members, 1052919 left", got)
		}
		shop{s}.doctor(t)
	})
}
