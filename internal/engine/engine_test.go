package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/internal/engine"
	"regulars/internal/runs"
	"regulars/internal/store"
)

func TestABrokenPartDoesNotStopTheOthers(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		s.join("ana")
		s.settle()
		// A table that is gone stands for whatever may break one kind of work.
		s.do(func(tx *store.Tx) error {
			_, err := tx.Exec("alter table segment_members rename to gone", nil)
			return err
		})
		s.clock.Set(s.wall("2027-03-08 09:00"))
		n, err := s.engine.Run(context.Background(), engine.PassClock)
		if err == nil || !strings.Contains(err.Error(), "segment_members") {
			t.Errorf("Run(clock) with its entries broken: %v, want an error that says so", err)
		}
		if runs := s.number("select count(*) from runs", nil); n == 0 || runs != 1 {
			t.Errorf("Run(clock) with its entries broken did %d and began %d runs, want the Monday's", n, runs)
		}
	}, "weekly")
}

func TestUnknownPassesAreRefused(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		if n, err := s.engine.Run(context.Background(), "singles"); n != 0 || err == nil {
			t.Errorf("Run(singles) = %d, %v, want an error: names are matched exactly", n, err)
		}
	})
}

// due returns what is due, without the passes that always are, as "name since".
func (s *shop) due() string {
	s.t.Helper()
	all, err := s.engine.Due(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	var names []string
	for _, w := range all {
		switch w.Name {
		case engine.PassMidnight, engine.PassClock, engine.PassReap, engine.PassRetain:
			if w.Since != 0 {
				s.t.Errorf("Due() says %s is due since %s, want 0: it cannot know", w.Name, w.Since)
			}
		default:
			names = append(names, fmt.Sprint(w.Name, " ", w.Since))
		}
	}
	if len(all)-len(names) != 4 {
		s.t.Errorf("Due() = %v, want the clock's four passes among them", all)
	}
	return strings.Join(names, ", ")
}

func TestDueSaysWhatAndSinceWhen(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		want := func(about, want string) {
			t.Helper()
			if got := s.due(); got != want {
				t.Errorf("Due() %s = %q, want %q", about, got, want)
			}
		}
		run := func(pass string) {
			t.Helper()
			if _, err := s.engine.Run(context.Background(), pass); err != nil {
				t.Fatal(err)
			}
		}
		want("in an idle shop", "")
		s.join("ana")
		s.clock.Set(s.clock.Now().Add(3 * time.Second))
		want("after somebody joined", "reactions 3s")
		run(engine.PassReact)
		s.clock.Set(s.clock.Now().Add(3 * time.Second))
		want("after the campaign has reacted", "singles.urgent 3s")
		s.do(func(tx *store.Tx) error {
			_, err := tx.Exec("update due set retry_at = "+tx.MachineIn(time.Minute), nil)
			return err
		})
		want("while somebody has the welcome", "")
		s.do(func(tx *store.Tx) error { _, err := tx.Exec("update due set retry_at = null", nil); return err })
		run(engine.PassUrgent)
		want("after the welcome", "passages 0s")
		run(engine.PassAdvance)
		want("once the member waits for the second mail", "")

		s.launch("drop")
		s.clock.Set(s.clock.Now().Add(time.Second))
		want("after a launch", "runs 1s")
		s.do(func(tx *store.Tx) error { return runs.Pause(tx, 1, "wrong picture") })
		want("while the run is paused", "")
	}, "welcome", "drop")
}

// Two replicas settle one database at once: everything is done, nothing twice.
func TestManyEnginesDoEverythingOnce(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		const members = 30
		for i := range members {
			s.join(fmt.Sprintf("m-%d", i))
			s.order(fmt.Sprintf("m-%d", i))
		}
		s.launch("drop")
		var replicas sync.WaitGroup
		for range 4 {
			replica := engine.New(s.db, s.desk)
			replicas.Go(func() {
				if err := replica.Settle(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		replicas.Wait()
		s.settle() // what one left to another that was at it
		steps := map[string]int{}
		for _, line := range s.sent() {
			step, _, _ := strings.Cut(line, " ")
			steps[step]++
		}
		for _, step := range []string{"1-hello", "1-thanks", "1-gift"} {
			if steps[step] != members {
				t.Errorf("%d mails %s, want %d", steps[step], step, members)
			}
		}
		if twice := s.sink.Twice(); len(twice) > 0 {
			t.Errorf("came twice: %v", twice)
		}
	}, "welcome", "fifth", "drop")
}

func TestCodesEndAtTheShopsMidnight(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		s.join("ana")
		s.launch("drop")
		s.settle()
		state := func(at, want string) {
			t.Helper()
			s.advance(at)
			var states []string
			s.do(func(tx *store.Tx) error { return tx.All(&states, "select state from codes", nil) })
			if !slices.Equal(states, []string{want}) {
				t.Errorf("the code at %s is %v, want %s", at, states, want)
			}
		}
		state("2027-03-05 23:59", "issued") // valid_for: 2d, given on the 3rd
		state("2027-03-06 00:01", "expired")
	}, "drop")
}
