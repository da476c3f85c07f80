package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"regulars/internal/engine"
	"regulars/internal/loyalty"
	"regulars/internal/runs"
	"regulars/internal/store"
)

func TestSettleDoesEverythingThatIsDueAndNothingTwice(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		s.join("ana")
		s.order("ana")
		s.settle()
		want := []string{"1-hello 03-03 12:00", "1-thanks 03-03 12:00"}
		s.wantSent(want...)
		s.settle()
		s.wantSent(want...)
		for _, kind := range engine.Kinds {
			if n, err := s.engine.Run(context.Background(), kind, 0); n != 0 || err != nil {
				t.Errorf("Run(%s) after Settle = %d, %v, want 0, nil", kind, n, err)
			}
		}
	}, "welcome", "fifth")
}

func TestAdvanceStopsAtEachDueMoment(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		s.tell(loyalty.MemberChanged, "ana", func(e *loyalty.Event) { e.Member.Birthday = "1990-03-09" })
		s.join("ana")
		s.order("ana")
		s.advance("2027-03-12 18:30")
		s.wantSent(
			"1-hello 03-03 12:00",
			"1-miss 03-07 10:00", // lapsed at the midnight of the fourth day after the order
			"1-news 03-08 09:00", // a Monday
			"1-cake 03-09 09:00",
			"2-later 03-10 12:00", // seven days after the first
		)
		if got, want := s.clock.Now(), s.wall("2027-03-12 18:30"); !got.Equal(want) {
			t.Errorf("the clock stands at %s, want %s", got, want)
		}
	}, "welcome", "quiet", "weekly", "birthday")
}

func TestAdvanceMissesNoMidnight(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		s.advance("2027-03-31 00:30") // over the night that is an hour short
		var days []int64
		s.do(func(tx *store.Tx) error {
			return tx.All(&days, "select day from passes where name = 'facts' and finished_at is not null order by day", nil)
		})
		first, last := loyalty.Date(2027, 3, 3), loyalty.Date(2027, 3, 31)
		if len(days) != int(last-first)+1 || days[0] != int64(first) || days[len(days)-1] != int64(last) {
			t.Errorf("midnights from %s to %s: %d, want each of them once", first, last, len(days))
		}
	}, "welcome")
}

func TestSettleStopsWithItsContext(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		ctx, cancel := context.WithCancel(t.Context())
		endless := engine.New(s.db, &busyDesk{cancel: cancel, after: 3})
		if err := endless.Settle(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Settle with work without end = %v, want %v", err, context.Canceled)
		}
	})
}

// busyDesk always has something to reap, and after some rounds loses patience.
type busyDesk struct {
	after  int
	cancel func()
}

func (d *busyDesk) Singles(context.Context, string, int) (int, error) { return 0, nil }
func (d *busyDesk) Work(context.Context, int64) (int, error)          { return 0, nil }
func (d *busyDesk) Reap(context.Context) (int, error) {
	if d.after--; d.after == 0 {
		d.cancel()
	}
	return 1, nil
}

func TestNextDueIsTheFirstOfAll(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		ask := func(about string, want time.Time) {
			t.Helper()
			got, err := s.engine.NextDue(context.Background())
			if err != nil || !got.Equal(want) {
				t.Errorf("NextDue() %s = %s, %v, want %s", about, got, err, want)
			}
		}
		s.settle()
		ask("of a shop in which nothing happens", s.wall("2027-03-04 00:00"))
		s.clock.Set(s.wall("2027-03-08 00:00"))
		s.settle()
		ask("on a Monday", s.wall("2027-03-08 09:00"))
		s.do(func(tx *store.Tx) error {
			_, err := tx.Exec("insert into due (send_id, lane, not_before) values (1, 'bulk', @at)",
				store.Args{"at": loyalty.At(s.wall("2027-03-08 08:00"))})
			return err
		})
		ask("with a mail that waits for the end of the night", s.wall("2027-03-08 08:00"))
	}, "weekly")
}

func TestADropWithAPilotAndWavesReachesEverybodyOnce(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		for i := range 12 {
			s.join(fmt.Sprintf("m-%d", i))
		}
		var run int64
		s.do(func(tx *store.Tx) error {
			l, err := runs.Launch(tx, runs.LaunchRequest{Campaign: "waves"})
			run = l.Run
			return err
		})
		s.advance("2027-03-05 12:00")
		pilot := []string{"1-gift 03-03 12:00", "1-gift 03-03 12:00"}
		s.wantSent(pilot...)
		s.do(func(tx *store.Tx) error { return runs.Resume(tx, run, false) })
		s.advance("2027-03-05 18:00")
		s.wantSent(slices.Concat(pilot, slices.Repeat([]string{"1-gift 03-05 12:00"}, 5), slices.Repeat([]string{"1-gift 03-05 14:00"}, 5))...)
		var codes, state []string
		s.do(func(tx *store.Tx) error {
			if err := tx.All(&state, "select state from runs", nil); err != nil {
				return err
			}
			return tx.All(&codes, "select distinct c.code from sends s join codes c on c.id = s.code_id and c.member_id = s.member_id where s.state = 'sent'", nil)
		})
		if len(codes) != 12 || !slices.Equal(state, []string{"finished"}) {
			t.Errorf("%d codes went out, and the run is %s, want 12 and finished", len(codes), state)
		}
	}, "waves")
}
