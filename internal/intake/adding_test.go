package intake_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"regulars/internal/importer"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// What events add to facts is what the facts are when they are computed from the orders: in
// whatever sequence the events come, twice or late, in one batch or in several, beside files,
// whatever is edited, given back or taken for somebody else's.
func TestWhatEventsAddToFactsIsWhatTheOrdersSay(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for seed := range uint64(4) {
			clear(t, db)
			d := newDoor(t, db)
			d.Stand(at(60 * 24 * 60).Time) // so that all of it has happened
			d.DB = db.At(at(60 * 24 * 60).Time)
			w := &selling{Rand: rand.New(rand.NewPCG(seed, 9))}
			added := 0
			for round := range 14 {
				events := w.lives(1 + w.IntN(30))
				w.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
				events = append(events, events[:len(events)/3]...) // again
				for batch := range slices.Chunk(events, []int{1, 7, 60}[w.IntN(3)]) {
					mode := []intake.Mode{intake.Live, intake.Live, intake.History}[w.IntN(3)]
					if _, err := d.Apply(t.Context(), copies(batch), mode); err != nil {
						t.Fatal(err)
					}
				}
				d.FactsAgree(fmt.Sprintf("seed %d, round %d", seed, round))
				if d.daysAgree(fmt.Sprintf("seed %d, round %d", seed, round)) {
					added++
				}
				if w.IntN(3) == 0 {
					d.Take(importer.File{Kind: "orders", Path: file(t, "o.csv", w.file())})
					d.FactsAgree(fmt.Sprintf("seed %d, file %d", seed, round))
				}
			}
			if added < 7 {
				t.Errorf("seed %d: only after %d rounds had events added to facts", seed, added)
			}
		}
	})
}

// daysAgree makes sure that what facts keep of the days of orders is what the orders say, and
// reports whether they keep days of somebody who ordered on several.
func (d door) daysAgree(when string) (some bool) {
	d.T.Helper()
	err := d.DB.View(d.T.Context(), func(tx *store.Tx) error {
		kept, err := intake.SpentByDay(tx)
		if err != nil {
			return err
		}
		today, err := tx.Today()
		if err != nil {
			return err
		}
		var rows []struct{ MemberID, Day, Spent int64 }
		err = tx.All(&rows, "select member_id, day, cast(sum(total - refunded) as bigint) as spent from orders where counts and day <= @today group by member_id, day order by member_id, day",
			store.Args{"today": int64(today)})
		days := map[int64]int{}
		var want strings.Builder
		for _, r := range rows {
			if strings.Contains("\n"+kept, fmt.Sprintf("\n%d: ", r.MemberID)) {
				fmt.Fprintf(&want, "%d: %d %d\n", r.MemberID, r.Day, r.Spent)
				days[r.MemberID]++
				some = some || days[r.MemberID] > 1
			}
		}
		if want.String() != kept {
			d.T.Fatalf("%s: facts keep\n%s; the orders say\n%s", when, kept, want.String())
		}
		return err
	})
	if err != nil {
		d.T.Fatal(err)
	}
	return some
}

// selling makes what happens to the orders of few members.
type selling struct {
	*rand.Rand
	orders int
}

const sellingDays = 40

// lives are so many orders, new ones for the most part, with what becomes of them.
func (w *selling) lives(n int) (all []loyalty.Event) {
	for range n {
		order := w.orders
		if w.orders++; w.IntN(8) == 0 {
			order = w.IntN(w.orders)
		}
		day := w.IntN(sellingDays)
		kinds := []string{loyalty.OrderPlaced}
		for w.IntN(3) == 0 {
			kinds = append(kinds, aboutOrders[w.IntN(len(aboutOrders))])
		}
		for i, kind := range kinds {
			e := about(kind, fmt.Sprintf("e%d-%d-%d", order, i, w.IntN(1000)), day*24*60+i*300+w.IntN(300), nil)
			e.Member.ID, e.Order.ID = fmt.Sprint("M-", order%11), fmt.Sprint("O-", order)
			w.say(&e)
			all = append(all, e)
		}
	}
	for range w.IntN(4) {
		all = append(all, w.ofMember())
	}
	return all
}

// say has an event say something of its order, and of its member.
func (w *selling) say(e *loyalty.Event) {
	switch e.Type {
	case loyalty.OrderPlaced:
		total(w.Int64N(90))(e)
		e.Order.Quantity = w.Int64N(4)
		if w.IntN(12) == 0 { // less than nothing: a return
			total(-w.Int64N(40))(e)
		}
		if w.IntN(10) == 0 {
			e.Order.Status = []string{loyalty.Pending, loyalty.Test, loyalty.Cancelled}[w.IntN(3)]
		}
	case loyalty.OrderChanged:
		e.Order.Status = []string{"", "paid", "pending"}[w.IntN(3)]
		switch w.IntN(4) {
		case 0:
			total(w.Int64N(90))(e)
		case 1: // placed on another day
			e.Order.At = at(w.IntN(sellingDays) * 24 * 60)
		case 2: // somebody else's
			e.Member.ID = fmt.Sprint("M-", w.IntN(11))
		}
	case loyalty.OrderRefunded:
		given([]string{"r1", "r2"}[w.IntN(2)], w.Int64N(60))(e)
		e.Refund.All = w.IntN(4) == 0
	}
	yes := true
	switch w.IntN(20) {
	case 0:
		e.Member.Country = []string{"FI", "SE"}[w.IntN(2)]
	case 1:
		e.Member.Joined = &yes
	case 2:
		e.Member.Consent = map[string]bool{"offers": w.IntN(2) == 0}
	case 3:
		e.Member.Email = fmt.Sprintf("m-%d@example.test", w.IntN(14))
	case 4:
		e.Member.Birthday = "1980-02-28"
	case 5:
		e.Member = loyalty.Member{} // known by the order
	}
}

// ofMember is an event that is about no order.
func (w *selling) ofMember() loyalty.Event {
	kind := []string{"visit", loyalty.PointsChanged, loyalty.MemberJoined, loyalty.MemberChanged}[w.IntN(4)]
	e := event(kind, fmt.Sprint("m", w.Uint64()), w.IntN(sellingDays*24*60), loyalty.Member{ID: fmt.Sprint("M-", w.IntN(13)), Language: "fi"})
	if kind == loyalty.PointsChanged {
		delta := w.Int64N(50)
		e.Points = &loyalty.Points{Delta: &delta}
	}
	return e
}

// file has orders, some of which are known.
func (w *selling) file() string {
	text := "order,member,at,order_total,quantity\n"
	for range 1 + w.IntN(30) {
		n := w.orders
		if w.orders++; w.IntN(5) == 0 {
			n = w.IntN(w.orders)
		}
		text += fmt.Sprintf("O-%d,M-%d,2027-03-%02d,%d.00,%d\n", n, n%11, 1+w.IntN(28), w.IntN(90), w.IntN(3))
	}
	return text
}
