package isolation_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"regulars/internal/isolation"
	"regulars/internal/patiently"
	"regulars/internal/shoptest"
	"regulars/internal/store"
)

// Of two campaigns one panics: the other goes on, and the first is set aside, tried
// again after a pause that doubles, and forgotten once it succeeds.
func TestACampaignThatPanicsIsSetAside(t *testing.T) {
	p := shoptest.Program{Campaigns: map[string]string{
		"gift":  "live: true\nstart: joins\nsteps:\n  - mail: gift\n",
		"hello": "live: true\nstart: joins\nsteps:\n  - mail: hello\n",
	}}
	shoptest.Each(t, p, func(t *testing.T, plain *shoptest.Shop) {
		s := shop{plain}
		did, broken := map[string]int{}, true
		pass := func() {
			t.Helper()
			_, err := isolation.Each(context.Background(), s.DB, isolation.Work{
				Name: "work", Limit: time.Minute,
				Due: func(tx *store.Tx) (ids []int64, err error) {
					return ids, tx.All(&ids, "select id from campaigns order by id", nil)
				},
				Do: func(t isolation.Turn, _ []int64) (int, error) {
					if did[t.C.Name]++; t.C.Name == "gift" && broken {
						panic("out of luck")
					}
					return 1, nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		want := func(about, gift, hello string) {
			t.Helper()
			s.Want("turns of gift "+about, fmt.Sprint(did["gift"]), gift)
			s.Want("turns of hello "+about, fmt.Sprint(did["hello"]), hello)
		}
		begun := s.micros("")
		pauses := func(seconds int64) { // and for an hour more, in which the test has long ended
			t.Helper()
			again, pause := s.micros("retry_at"), seconds*1_000_000
			if now := s.micros(""); again < begun+pause || again > now+pause {
				t.Errorf("begun at %d, it is tried again at %d by %d, want it %d s later", begun, again, now, seconds)
			}
			s.Do(func(tx *store.Tx) error {
				_, err := tx.Exec("update setbacks set retry_at = "+tx.MachineIn(time.Hour), nil)
				return err
			})
			begun = s.micros("")
		}
		pass()
		want("at first", "1", "1")
		s.Want("set aside", s.SetBack(), "campaign:1 work panic: out of luck")
		pauses(10)
		pass()
		want("before the pause is over", "1", "2")
		s.Retry()
		pass()
		want("after it", "2", "3")
		s.Want("tries", fmt.Sprint(s.Number("select tries from setbacks")), "2")
		pauses(20)
		broken = false
		s.Retry()
		pass()
		want("after the mend", "3", "4")
		s.Want("set aside after the mend", s.SetBack(), "")
	})
}

// Work of which more than three pieces take too long is done in parts that are small
// enough.
func TestABacklogThatTakesTooLongIsDoneInSmallerParts(t *testing.T) {
	p := shoptest.Program{Campaigns: map[string]string{"hello": "live: true\nstart: joins\nsteps:\n  - mail: hello\n"}}
	shoptest.Each(t, p, func(t *testing.T, s *shoptest.Shop) {
		const pieces = 20
		done, largest := 0, 0
		pass := func() {
			t.Helper()
			_, err := isolation.Each(context.Background(), s.DB, isolation.Work{
				Name: "work", Limit: time.Second,
				Due: func(tx *store.Tx) (ids []int64, err error) {
					if done < pieces {
						ids = []int64{1}
					}
					return ids, nil
				},
				Pieces: func(_ *store.Tx, _ int64, most int) (all []isolation.Piece, err error) {
					for i := range min(most, pieces-done) {
						all = append(all, isolation.Piece{ID: int64(done + i), MemberID: int64(done + i)})
					}
					return all, nil
				},
				PutOff: func(*store.Tx, int64, int64, error) error { return nil },
				Failed: "select 1 from members where id = @member and id = @campaign and false",
				Do: func(t isolation.Turn, _ []int64) (int, error) {
					n := min(t.Most, pieces-done)
					if n > 3 {
						<-t.Tx.Context().Done()
						return 0, t.Tx.Context().Err()
					}
					done, largest = done+n, max(largest, n)
					return n, nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		pass()
		s.Want("set aside", s.SetBack(), "campaign:1 work it did not end within 1s")
		patiently.UntilRight(t, func() string { // one that a machine holds up for a second is tried once more, too
			s.Retry()
			pass()
			if set := s.SetBack(); done < pieces || set != "" {
				return fmt.Sprintf("%d of %d pieces are done, set aside: %q", done, pieces, set)
			}
			return ""
		})
		if largest > 3 || largest == 0 {
			t.Errorf("the largest part had %d pieces", largest)
		}
	})
}

// shop knows machine time.
type shop struct{ *shoptest.Shop }

// micros is a moment of the one setback, or "": machine time, in microseconds.
func (s shop) micros(column string) (at int64) {
	s.T.Helper()
	s.Do(func(tx *store.Tx) error {
		if column == "" {
			return tx.One(&at, "select "+tx.Micros(tx.Machine()), nil)
		}
		return tx.One(&at, "select "+tx.Micros(column)+" + 0 from setbacks", nil)
	})
	return at
}
