package consent_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regulars/internal/consent"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

var usual = []loyalty.Cap{{N: 1, Per: 16 * time.Hour}, {N: 3, Per: 7 * 24 * time.Hour}}

func take(t rapid.TB, db *store.DB, at loyalty.Instant, caps []loyalty.Cap, members ...int64) (passed []bool) {
	t.Helper()
	err := db.At(at.Time).Update(context.Background(), func(tx *store.Tx) (err error) {
		passed, err = consent.TakeCap(tx, members, caps)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return passed
}

func giveBack(t rapid.TB, db *store.DB, at loyalty.Instant, members ...int64) {
	t.Helper()
	err := db.Update(context.Background(), func(tx *store.Tx) error { return consent.GiveBackCap(tx, members, at) })
	if err != nil {
		t.Fatal(err)
	}
}

func TestTakeCap(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, step := range []struct {
			name    string
			at      float64
			members []int64
			want    []bool
		}{
			{"the first mail of three members", 0, []int64{1, 2, 3}, []bool{true, true, true}},
			{"the next hour nothing, but a new member may", 1, []int64{1, 2, 9}, []bool{false, false, true}},
			{"after exactly sixteen hours", 16, []int64{1}, []bool{true}},
			{"the third of the week", 40, []int64{1}, []bool{true}},
			{"there is no fourth", 60, []int64{1, 2}, []bool{false, true}},
			{"until the first is a week old", 7 * 24, []int64{1}, []bool{true}},
			{"a member twice in one batch asks twice", 200, []int64{5, 5}, []bool{true, false}},
			{"nobody", 300, nil, nil},
		} {
			if got := take(t, db, hours(step.at), usual, step.members...); !slices.Equal(got, step.want) {
				t.Errorf("%s: TakeCap(%v) at +%vh = %v, want %v", step.name, step.members, step.at, got, step.want)
			}
		}
		giveBack(t, db, hours(200), 5)
		if got := take(t, db, hours(201), usual, 5); !got[0] {
			t.Error("a cap that was given back is not free")
		}
		if got := take(t, db, hours(201), nil, 5, 5, 5); !slices.Equal(got, []bool{true, true, true}) {
			t.Errorf("without caps TakeCap = %v, want all", got)
		}
	})
}

// Against a plain list of moments: what passes, in whatever order clocks ask, and
// what is given back.
func TestTakeCapAgainstAList(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		member := int64(0)
		rapid.Check(t, func(t *rapid.T) {
			member++
			caps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) loyalty.Cap {
				return loyalty.Cap{N: rapid.IntRange(1, 4).Draw(t, "n"), Per: time.Duration(rapid.IntRange(1, 30).Draw(t, "per")) * time.Hour}
			}), 0, 2).Draw(t, "caps")
			var list []loyalty.Instant // newest first
			clock := 0.0
			for range 8 {
				clock += float64(rapid.IntRange(-1, 12).Draw(t, "hours"))
				at := hours(clock)
				want := !slices.ContainsFunc(caps, func(c loyalty.Cap) bool { return c.Free(list, at.Time).After(at.Time) })
				if got := take(t, db, at, caps, member)[0]; got != want {
					t.Fatalf("TakeCap at %+v after %v under %v = %v, want %v", at, list, caps, got, want)
				}
				if !want {
					continue
				}
				if rapid.IntRange(0, 3).Draw(t, "give back") == 0 {
					giveBack(t, db, at, member)
					continue
				}
				list = append(list, at)
				slices.SortFunc(list, func(a, b loyalty.Instant) int { return b.Compare(a.Time) })
			}
		})
	})
}

// Many campaigns want the one mail that a member may get: one gets it.
func TestTwoCampaignsCannotBothPass(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const members, campaigns = 50, 12
		var ids []int64
		for i := range members {
			ids = append(ids, int64(i+1))
		}
		var counts [members]atomic.Int64
		var wait sync.WaitGroup
		for c := range campaigns {
			wait.Go(func() {
				mine := slices.Clone(ids)
				if c%2 == 1 {
					slices.Reverse(mine)
				}
				for i, ok := range take(t, db, now.Plus(time.Duration(c)*time.Millisecond), usual, mine...) {
					if ok {
						counts[mine[i]-1].Add(1)
					}
				}
			})
		}
		wait.Wait()
		for i := range counts {
			if n := counts[i].Load(); n != 1 {
				t.Errorf("member %d passed for %d campaigns, want 1", i+1, n)
			}
		}
	})
}

// Three of the week, wanted by twenty at different moments of one hour.
func TestTheLastPlacesUnderACapAreGivenOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		caps := []loyalty.Cap{{N: 3, Per: 7 * 24 * time.Hour}}
		var passed atomic.Int64
		var wait sync.WaitGroup
		for i := range 20 {
			wait.Go(func() {
				if take(t, db, now.Plus(time.Duration(i*7%20)*time.Minute), caps, 1)[0] {
					passed.Add(1)
				}
			})
		}
		wait.Wait()
		if passed.Load() != 3 {
			t.Errorf("%d mails passed a cap of 3", passed.Load())
		}
		var rows []map[string]any
		update(t, db, func(tx *store.Tx) error { return tx.All(&rows, "select at1, at2, at3, at4 from recent_mails", nil) })
		if len(rows) != 1 || rows[0]["at3"] == nil || rows[0]["at4"] != nil {
			t.Errorf("recent mails = %s, want one row with three", fmt.Sprint(rows))
		}
	})
}
