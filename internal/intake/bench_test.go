package intake_test

import (
	"context"
	"fmt"
	"testing"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// BenchmarkWebhook takes in one order of a known member at a time.
func BenchmarkWebhook(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *store.DB{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			d := newDoor(b, open(b))
			for i := 0; b.Loop(); i++ {
				e := placed(fmt.Sprint("e", i), fmt.Sprint("O-", i), fmt.Sprint("M-", i%100), i%1000, 100)
				if _, err := d.Apply(context.Background(), []loyalty.Event{e}, intake.Live); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBody takes in a body of a thousand orders of known members, each with an address.
func BenchmarkBody(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *store.DB{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			d := newDoor(b, open(b))
			for i := 0; b.Loop(); i++ {
				var events []loyalty.Event
				for k := range 1000 {
					e := placed(fmt.Sprint("e", i, "-", k), fmt.Sprint("O-", i, "-", k), fmt.Sprint("M-", k*7%2000), i%1000, 100)
					e.Member.Email, e.Member.Language = fmt.Sprintf("m%d@example.test", k*7%2000), "en"
					events = append(events, e)
				}
				if _, err := d.Deliver(context.Background(), "EUR", events); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "µs/order")
		})
	}
}
