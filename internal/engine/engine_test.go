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
		broken := 0
		for _, kind := range []string{engine.FlowEnter, engine.RunFreeze} {
			if _, err := s.engine.Run(context.Background(), kind, 0); err != nil {
				if broken++; !strings.Contains(err.Error(), "segment_members") {
					t.Errorf("Run(%s) = %v, want an error that names the table", kind, err)
				}
			}
		}
		if runs := s.number("select count(*) from runs", nil); broken != 1 || runs != 1 {
			t.Errorf("with its entries broken %d kinds of work failed and %d runs began, want one, and the Monday's", broken, runs)
		}
	}, "weekly")
}

func TestUnknownWorkIsRefused(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		if n, err := s.engine.Run(context.Background(), "mail", 0); n != 0 || err == nil {
			t.Errorf("Run(mail) = %d, %v, want an error: names are matched exactly", n, err)
		}
	})
}

// due returns the keys of what is due, without what asks for itself.
func (s *shop) due() string {
	s.t.Helper()
	all, err := s.engine.Due(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	var keys []string
	asking := 0
	for _, w := range all {
		switch w.Kind {
		case engine.SegmentPass, engine.FlowDates, engine.SendReap:
			asking++
		default:
			keys = append(keys, w.String())
		}
	}
	if asking != 3 {
		s.t.Errorf("Due() = %v, want the three among them that ask for themselves", all)
	}
	return strings.Join(keys, ", ")
}

func TestDueSaysWhat(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		want := func(about, want string) {
			t.Helper()
			if got := s.due(); got != want {
				t.Errorf("Due() %s = %q, want %q", about, got, want)
			}
		}
		run := func(kind string, id int64) {
			t.Helper()
			if _, err := s.engine.Run(context.Background(), kind, id); err != nil {
				t.Fatal(err)
			}
		}
		want("on a new day", "code.expire, flow.settle, data.retain")
		s.settle()
		want("in an idle shop", "")
		s.join("ana")
		want("after somebody joined", "flow.react")
		run(engine.FlowReact, 0)
		want("after the campaign has reacted", "mail.urgent")
		s.do(func(tx *store.Tx) error {
			_, err := tx.Exec("update due set retry_at = "+tx.MachineIn(time.Hour), nil)
			return err
		})
		want("while somebody has the welcome", "")
		s.do(func(tx *store.Tx) error { _, err := tx.Exec("update due set retry_at = null", nil); return err })
		run(engine.MailUrgent, 0)
		want("after the welcome", "flow.advance")
		run(engine.FlowAdvance, 0)
		want("once the member waits for the second mail", "")

		s.launch("drop")
		want("after a launch", "run.finish, run.deliver:1")
		s.do(func(tx *store.Tx) error { return runs.Pause(tx, 1, "wrong picture") })
		want("while the run is paused", "run.finish")
		s.do(func(tx *store.Tx) error { return runs.Resume(tx, 1, false) })
		run(engine.RunDeliver, 2)
		want("after another run was delivered", "run.finish, run.deliver:1")
		run(engine.RunDeliver, 1)
		want("after the run was delivered", "run.finish")
		s.settle()
		want("once it is finished", "")
		s.advance("2027-03-08 08:59")
		s.clock.Set(s.wall("2027-03-08 09:00"))
		want("when a date of a timetable comes", "run.freeze")
	}, "welcome", "drop", "weekly")
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
			replica := engine.New(s.db, s.sender)
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
