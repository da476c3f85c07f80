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

// body is a delivery of n orders: of members M-from and those after it.
func body(name string, from, n int) (events []loyalty.Event) {
	for i := range n {
		events = append(events, placed(fmt.Sprint(name, i), fmt.Sprint("O-", name, i), fmt.Sprint("M-", from+i), 0, 100))
	}
	return events
}

// atOnce delivers bodies at the same time: those after the first while it is held.
func (g *gate) atOnce(bodies ...[]loyalty.Event) []answer {
	g.T.Helper()
	answers, _ := g.together(context.Background(), bodies...)
	return answers
}

func (a answer) count(state intake.State) (n int) {
	for _, r := range a.results {
		if r.State == state {
			n++
		}
	}
	return n
}

func TestBodiesOfManyEventsThatArriveTogetherCommitTogether(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		g := newGate(t, db)
		bodies := [][]loyalty.Event{body("a", 0, 30), body("b", 10, 30), body("c", 20, 30), body("b", 10, 30)}
		bodies[1][5].Order.Total = 1 << 61 // one is refused
		bodies[3][5].Order.Total = 1 << 61
		bodies[2][7].Member = loyalty.Member{Email: "ana@example.test"} // whom two of them tell of
		bodies[1][8].Member = loyalty.Member{Email: "Ana@example.test"}
		answers, transactions := g.together(context.Background(), bodies...)
		want := 2 // the first is one group, and what comes meanwhile another
		if db.Engine() == store.Postgres {
			want = 4 // each in two
		}
		if transactions != want {
			t.Errorf("%d bodies took %d transactions, want %d", len(bodies), transactions, want)
		}
		for i, want := range []int{30, 29, 30, 0} {
			if got := answers[i].count(intake.Stored); answers[i].err != nil || got != want {
				t.Errorf("body %d: %d of its events were stored (%v), want %d", i, got, answers[i].err, want)
			}
		}
		if got := answers[3].count(intake.Duplicate); got != 29 {
			t.Errorf("the same body again: %d duplicates, want 29", got)
		}
		if got := answers[1].results[5].State; got != intake.Refused {
			t.Errorf("an order of too much is %s, want it refused in its place", got)
		}
		if got := g.One("select count(*) from members where email_key is not null"); got != "1" {
			t.Errorf("%s members have the address, want one", got)
		}
		if got := g.One("select count(*) || ' orders, ' || (select sum(orders) from facts) from orders"); got != "90 orders, 90" {
			t.Errorf("%s are counted, want the 89 and the one from before", got)
		}
	})
}

func TestABodyOfManyEventsThatFailsFailsAlone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		g := newGate(t, db)
		g.harmed("b3")
		bodies := [][]loyalty.Event{body("a", 0, 30), body("b", 100, 30), body("c", 200, 30)}
		answers := g.atOnce(bodies...)
		for i, a := range answers {
			if failed := a.err != nil; failed != (i == 1) {
				t.Errorf("body %d: %v, want that only the second fails", i, a.err)
			}
		}
		g.unharmed()
		again := g.atOnce(bodies[1])[0]
		if known := again.count(intake.Duplicate) + again.count(intake.Stored); again.err != nil || known != 30 {
			t.Errorf("once it comes again: %+v, want each event stored, or known", again)
		}
		if got := g.One("select count(*) from orders"); got != "91" {
			t.Errorf("%s orders, want the 90 and the one from before", got)
		}
	})
}

func TestRowsOfOnePersonAreNotTakenApart(t *testing.T) {
	t.Parallel()
	row := func(order string, m loyalty.Member) *intake.Row {
		return &intake.Row{Event: loyalty.Event{Source: "import", ID: "row", Member: m, Order: &loyalty.Order{ID: order}}}
	}
	rows := []*intake.Row{
		row("1", loyalty.Member{ID: "M-1"}),
		row("2", loyalty.Member{Email: "ana@example.test"}),
		row("3", loyalty.Member{ID: "M-2"}),
		row("4", loyalty.Member{Card: "77"}),
		row("5", loyalty.Member{ID: "M-1", Card: "77"}),
		row("6", loyalty.Member{ID: "M-3"}),
		row("7", loyalty.Member{Email: "Ana@example.test ", Card: "77"}),
		row("8", loyalty.Member{ID: "M-4"}),
	}
	parts := map[string]int{}
	sizes := []int{}
	for i, part := range intake.Apart(rows, 2) {
		sizes = append(sizes, len(part))
		for k, r := range part {
			parts[r.Order.ID] = i
			if k > 0 && r.Order.ID < part[k-1].Order.ID {
				t.Errorf("order %s stands after %s: parts keep the sequence", r.Order.ID, part[k-1].Order.ID)
			}
		}
	}
	for _, order := range []string{"2", "4", "5", "7"} {
		if parts[order] != parts["1"] {
			t.Errorf("orders 1 and %s are of one person and in two parts", order)
		}
	}
	if len(parts) != len(rows) || sizes[0] == 0 || sizes[1] != 3 {
		t.Errorf("parts of %v rows with %d orders, want 5 of the one person and 3 of others", sizes, len(parts))
	}
}
