package importer_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"regulars/internal/importer"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// What files add to facts is what the facts are when they are computed from the orders,
// whatever stands in the files and whatever comes between them.
func TestWhatFilesAddToFactsIsWhatTheOrdersSay(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for seed := range uint64(3) {
			clear(t, db)
			w := made{rand.New(rand.NewPCG(seed, 5)), newDoor(t, db), 0}
			added := 0
			for round := range 9 {
				w.file(t, []int{3, 40, 260}[w.IntN(3)])
				if w.One("select count(*) from facts where days is not null and order_days > 1") != "0" {
					added++
				}
				w.FactsAgree(fmt.Sprintf("seed %d, file %d", seed, round))
				for range 12 {
					w.event()
				}
				w.FactsAgree(fmt.Sprintf("seed %d, event %d", seed, round))
			}
			if added < 4 {
				t.Errorf("seed %d: only %d files have added to facts", seed, added)
			}
		}
	})
}

// made makes orders of few members.
type made struct {
	*rand.Rand
	door
	orders int
}

func (w *made) file(t *testing.T, rows int) {
	var b strings.Builder
	columns := w.IntN(2) == 0 // what the file says of people
	b.WriteString("order,member,at,order_total,refunded amount,status,product,quantity,country,coupon\n")
	for range rows {
		n := w.orders
		if w.orders++; w.IntN(6) == 0 {
			n = w.IntN(w.orders) // one that may be known
		}
		total := fmt.Sprintf("%d.50", 1+w.IntN(90))
		if w.IntN(60) == 0 {
			total = "-2.50"
		}
		refunded, status, country := "", "paid", ""
		switch w.IntN(12) {
		case 0:
			refunded = "1.00"
		case 1:
			status = []string{"cancelled", "pending", "test", "refunded"}[w.IntN(4)]
		}
		if columns && w.IntN(3) == 0 {
			country = []string{"FI", "SE"}[w.IntN(2)]
		}
		fmt.Fprintf(&b, "O-%d,M-%d,2027-%02d-%02d,%s,%s,%s,tea,%d,%s,\n", n, n%41, 1+w.IntN(2), 1+w.IntN(9), total, refunded, status, w.IntN(3), country)
	}
	f := importer.File{Kind: "orders", Path: file(t, fmt.Sprintf("f%d.csv", w.orders), b.String()), Map: map[string]string{"refunded": "refunded amount"}}
	f.Leave = []string{"country"}
	if columns {
		f.Leave = nil
	}
	w.Take(f)
}

func (w *made) event() {
	n := w.IntN(w.orders)
	e := event(loyalty.OrderChanged, fmt.Sprintf("e-%d-%d", w.orders, w.Uint64()), w.IntN(100), loyalty.Member{ID: fmt.Sprintf("M-%d", n%41)})
	e.Order = &loyalty.Order{ID: fmt.Sprintf("O-%d", n)}
	switch w.IntN(8) {
	default: // another day, and nothing else
		e.Order.At = loyalty.At(time.Date(2027, time.Month(1+w.IntN(2)), 1+w.IntN(9), 12, 0, 0, 0, time.UTC))
	case 1:
		e.Type = loyalty.OrderRefunded
		e.Refund = &loyalty.Refund{ID: "r", Total: 100}
	case 2:
		e.Type = loyalty.OrderPlaced
		e.Order.ID += "-live"
		total(700)(&e)
	case 3: // somebody else's
		e.Member.ID = fmt.Sprintf("M-%d", w.IntN(41))
	}
	w.Answers(e)
}
