package intake_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/internal/importer"

	"regulars/internal/apply"
	"regulars/internal/flows"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/membership"
	"regulars/internal/patiently"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// program puts a program with these campaigns in force, each of one mail, a. A
// name with a dot is that of a file.
func (d door) program(more string, campaigns map[string]string) {
	d.T.Helper()
	d.programIn("UTC", more, campaigns)
}

// programIn is program for a shop in another zone.
func (d door) programIn(zone, more string, campaigns map[string]string) {
	d.T.Helper()
	files := map[string]string{"program.yaml": "shop: {name: Anna's Pets, url: https://shop.example, address: Kauppakatu 1}\n" +
		"mail: {from: \"Anna <anna@shop.example>\"}\nlanguages: [en]\ncurrency: EUR\nzone: " + zone + "\nquiet: off\n" + more}
	for name, text := range campaigns {
		if strings.Contains(name, ".") {
			files[name] = text
			continue
		}
		files["campaigns/"+name+"/campaign.yaml"] = text
		files["campaigns/"+name+"/a.en.md"] = "---\nsubject: Hello\n---\nHello.\n"
	}
	err := d.DB.Update(context.Background(), func(tx *store.Tx) error {
		_, err := apply.Apply(tx, files, "anna", "")
		return err
	})
	if err != nil {
		d.T.Fatal(err)
	}
	for _, pass := range []func(context.Context, *store.DB) (int, error){membership.Segments, flows.Settle} {
		for n := 1; n > 0; {
			var err error
			if n, err = pass(context.Background(), d.DB); err != nil {
				d.T.Fatal(err)
			}
		}
	}
}

const fifth = "live: true\nstart: {milestone: orders, at: [5]}\nclass: service\nsteps:\n  - mail: a\n"

// together runs f in so many goroutines, each with its number.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

func TestFiveOrdersAtOnceAreOneFifthOrder(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const members, workers = 200, 6
		d := newDoor(t, db)
		d.program("", map[string]string{"fifth": fifth})
		joined := true
		var events []loyalty.Event
		for m := range members {
			for o := range 5 {
				e := placed(fmt.Sprintf("e%d-%d", m, o), fmt.Sprintf("O-%d-%d", m, o), fmt.Sprint("M-", m), o, 100)
				e.Member.Email, e.Member.Joined = fmt.Sprintf("m%d@example.test", m), &joined
				events = append(events, e)
			}
		}
		together(workers, func(w int) {
			other := newDoor(t, db) // of another replica
			mine := rand.New(rand.NewPCG(1, uint64(w)))
			for _, i := range mine.Perm(len(events)) {
				if i%workers != w { // the five of a member are in as many hands
					continue
				}
				if _, err := other.Apply(context.Background(), copies(events[i:i+1]), intake.Live); err != nil {
					t.Error(err)
				}
			}
		})
		for query, want := range map[string]string{
			"select count(*) || ' ' || min(orders) || ' ' || max(orders) || ' ' || min(spent) || ' ' || max(spent) from facts": "200 5 5 500 500",
			"select count(*) from members":                                      "200",
			"select count(*) from events":                                       "1000",
			"select count(*) || ' ' || count(distinct member_id) from passages": "200 200",
			"select count(*) || ' ' || count(distinct member_id) from sends":    "200 200",
			"select key from occurrences":                                       "orders:5",
		} {
			if got := d.One(query); got != want {
				t.Errorf("%s = %s, want %s", query, got, want)
			}
		}
	})
}

func TestFiftyDeliveriesOfOneEvent(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*loyalty.Event){
		"of a known member":         func(e *loyalty.Event) { e.Member.ID = "M-1" },
		"of a new member":           func(e *loyalty.Event) { e.Member.ID = "M-2" },
		"of a source's new member":  func(e *loyalty.Event) { e.Member = loyalty.Member{IDs: map[string]string{"shopify": "7"}} },
		"of somebody by an address": func(e *loyalty.Event) { e.Member = loyalty.Member{Email: "ana@example.test"} },
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for name, change := range tests {
			clear(t, db)
			d := newDoor(t, db)
			d.Stored(placed("before", "O-0", "M-1", 0, 1))
			var mu sync.Mutex
			states := map[intake.State]int{}
			together(50, func(int) {
				e := placed("e1", "O-1", "", 1, 5990)
				change(&e)
				results, err := d.Apply(context.Background(), []loyalty.Event{e}, intake.Live)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				states[results[0].State]++
			})
			if states[intake.Stored] != 1 || states[intake.Duplicate] != 49 {
				t.Errorf("fifty deliveries %s: %v, want one stored and 49 duplicates", name, states)
			}
			if got := d.One("select count(*) from events") + d.One("select count(*) from orders"); got != "22" {
				t.Errorf("fifty deliveries %s: %s events and orders, want 2 and 2", name, got)
			}
		}
	})
}

func TestManyEventsMakeOnePerson(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		together(40, func(i int) {
			m := []loyalty.Member{
				{Email: "ana@example.test"},
				{ID: "M-1", Email: "bo@example.test"},
				{IDs: map[string]string{"shopify": "7"}},
				{Card: "0042"},
			}[i%4]
			e := placed(fmt.Sprint("e", i), fmt.Sprint("O-", i), "", i, 100)
			e.Member = m
			if results, err := d.Apply(context.Background(), []loyalty.Event{e}, intake.Live); err != nil || results[0].State != intake.Stored {
				t.Errorf("Apply = %v, %v", results, err)
			}
		})
		if got := d.One("select count(*) || ' ' || min(orders) || ' ' || max(orders) from facts"); got != "4 10 10" {
			t.Errorf("people and their orders: %s, want 4 with 10 each", got)
		}
	})
}

// A checkout tells at once of a customer with an id and of an order that has the address
// alone, and the same address may come from two systems.
func TestOnePersonOfWhomSeveralTellAtOnceIsMadeOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		ctx := context.Background()
		const people = 20
		together(3*people, func(i int) {
			who, other := i/3, intake.New(db) // as a replica of its own
			e := loyalty.Event{ID: fmt.Sprint("e-", i), At: loyalty.At(db.Now()), Member: loyalty.Member{Email: fmt.Sprintf("m-%d@example.test", who)}}
			switch i % 3 {
			case 0:
				e.Type, e.Member.ID = loyalty.MemberChanged, fmt.Sprint("M-", who)
			case 1:
				e.Type, e.Member.IDs = loyalty.MemberChanged, map[string]string{"till": fmt.Sprint(who)}
			default:
				e.Type, e.Order = loyalty.OrderPlaced, &loyalty.Order{ID: fmt.Sprint("o-", i), Status: loyalty.Paid, Total: 1000, HasTotal: true}
			}
			for end := time.Now().Add(patiently.AtMost); ; { // as a sender comes again
				results, err := other.Deliver(ctx, "EUR", []loyalty.Event{e})
				if err == nil && results[0].State != intake.Stored {
					t.Errorf("event %d: %+v", i, results[0])
				}
				if err == nil {
					return
				}
				if time.Now().After(end) {
					t.Error(err)
					return
				}
			}
		})
		if n := len(d.Rows("select cast(id as text) from members")); n != people {
			t.Errorf("%d members were made of %d people", n, people)
		}
	})
}

func TestABatchBesideSingleEventsLosesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		path := file(t, "o.csv", manyRows(2000, 50))
		together(4, func(w int) {
			if w == 0 {
				d.Take(importer.File{Kind: "orders", OrderID: "row", Path: path})
				return
			}
			for i := range 25 {
				var batch []loyalty.Event
				for k := range 4 {
					batch = append(batch, placed(fmt.Sprintf("e%d-%d-%d", w, i, k), fmt.Sprintf("O-%d-%d-%d", w, i, k), fmt.Sprint("M-", (i*7+k*13+w)%50), i, 100))
				}
				d.Stored(batch...)
			}
		})
		const recount = "select count(*) from facts f where f.orders <> (select count(*) from orders o where o.member_id = f.member_id)"
		if got := d.One("select cast(sum(orders) as bigint) || ' ' || count(*) from facts") + " " + d.One(recount); got != "2300 50 0" {
			t.Errorf("orders, members, wrong facts: %s, want 2300 50 0", got)
		}
	})
}

// manyRows is a file of so many orders of so many members.
func manyRows(n, members int) string {
	text := "member,at,total\n"
	for i := range n {
		text += fmt.Sprintf("M-%d,2027-03-01,1\n", i%members)
	}
	return text
}

func TestWhatIsToldInTheMomentOfItsOrderIsTakenIn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const orders = 240
		d := newDoor(t, db)
		other := newDoor(t, db) // of another replica
		together(6, func(w int) {
			for i := w; i < orders; i += 6 {
				n := fmt.Sprint("O-", i)
				refund := about(loyalty.OrderRefunded, "r"+n, 5, given("R", 400))
				refund.Order.ID, refund.Member = n, loyalty.Member{}
				cancel := about(loyalty.OrderCancelled, "c"+n, 6, nil)
				cancel.Order.ID, cancel.Member = n, loyalty.Member{}
				events := []loyalty.Event{refund, placed("p"+n, n, fmt.Sprint("M-", i%7), 0, 1000), cancel}
				together(len(events), func(k int) {
					if _, err := []door{d, other}[k%2].Apply(context.Background(), events[k:k+1], intake.Live); err != nil {
						t.Error(err)
					}
				})
			}
		})
		if got := d.One("select count(*) || ' ' || count(*) filter (where status = 'cancelled' and refunded = 400) from orders"); got != "240 240" {
			t.Errorf("orders, and those that were given back in part and cancelled: %s, want all of 240", got)
		}
		if got := d.One("select count(*) from early_events"); got != "0" {
			t.Errorf("%s events still wait for their order", got)
		}
	})
}
