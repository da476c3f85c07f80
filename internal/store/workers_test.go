package store_test

import (
	"context"
	"testing"

	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestOnlyWhoIsAloneIsToldSo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		enter := func(want bool, when string) *store.Presence {
			t.Helper()
			got := false
			p, err := db.Enter(context.Background(), func() error { got = true; return nil })
			if err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("%s: alone = %v, want %v", when, got, want)
			}
			return p
		}
		first := enter(true, "the first")
		second := enter(false, "beside the first")
		first.Leave()
		third := enter(false, "beside the second, after the first has gone")
		if err := third.Keep(context.Background()); err != nil {
			t.Error(err)
		}
		second.Leave()
		third.Leave()
		enter(true, "after all have gone").Leave()
	})
}
