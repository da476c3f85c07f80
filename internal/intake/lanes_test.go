package intake_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
)

func rowOf(order string, m loyalty.Member) *intake.Row {
	return &intake.Row{Event: loyalty.Event{Source: "import", ID: "row", Member: m, Order: &loyalty.Order{ID: order}}}
}

func TestRowsOfOnePersonAreInOneLaneWhileTheyAreHeld(t *testing.T) {
	t.Parallel()
	lanes := intake.NewLanes(2)
	hold := func(order string, m loyalty.Member, want int, wantOK bool) *intake.Row {
		t.Helper()
		row := rowOf(order, m)
		if lane, ok := lanes.Hold(row); lane != want && ok || ok != wantOK {
			t.Errorf("Hold(order %s) = %d, %v, want %d, %v", order, lane, ok, want, wantOK)
		}
		return row
	}
	first := hold("1", loyalty.Member{ID: "M-1"}, 0, true)
	card := hold("2", loyalty.Member{Card: "77"}, 1, true)
	hold("3", loyalty.Member{ID: "M-1"}, 0, true)
	hold("4", loyalty.Member{ID: "M-1"}, 0, true)
	hold("5", loyalty.Member{ID: "M-2"}, 1, true) // the emptier one
	hold("6", loyalty.Member{ID: "M-3", Card: "77"}, 1, true)
	again := hold("2", loyalty.Member{ID: "M-9"}, 1, true)
	both := loyalty.Member{ID: "M-1", Card: "77"}
	hold("7", both, 0, false)
	lanes.LetGo(0, []*intake.Row{first})
	hold("7", both, 0, false) // others of that person are held
	lanes.LetGo(1, []*intake.Row{card, again})
	hold("8", loyalty.Member{ID: "M-2"}, 1, true)
	// After that the file is taken in by the first lane for a while.
	for n := range 100 {
		hold(fmt.Sprint("n", n), loyalty.Member{ID: fmt.Sprint("N-", n)}, 0, true)
	}
}

// Whatever rows come, none is in a lane while another has one of its names, and those
// that come back after all were let go are held.
func TestLanesHaveNoNameInCommon(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	lanes := intake.NewLanes(3)
	where := map[string]int{} // name → lane
	held := make([][]*intake.Row, 3)
	for n := range 20_000 {
		m := loyalty.Member{ID: fmt.Sprint("M-", random.IntN(4000))}
		if random.IntN(3) == 0 {
			m.Card = fmt.Sprint(random.IntN(40_000))
		}
		row := rowOf(fmt.Sprint(n), m)
		lane, ok := lanes.Hold(row)
		if !ok {
			for l := range held {
				lanes.LetGo(l, held[l])
				held[l] = nil
			}
			where = map[string]int{}
			if lane, ok = lanes.Hold(row); !ok {
				t.Fatal("a row is not held though nothing else is")
			}
		}
		held[lane] = append(held[lane], row)
		for _, name := range []string{"id " + m.ID, "card " + m.Card} {
			if before, there := where[name]; name != "card " && there && before != lane {
				t.Fatalf("%s is in lane %d and in lane %d", name, before, lane)
			}
			where[name] = lane
		}
	}
}
