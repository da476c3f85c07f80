package store_test

import (
	"context"
	"testing"

	"regulars/internal/patiently"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestOnlyWhoIsAloneIsToldSo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		alone := func() (p *store.Presence, got bool) {
			t.Helper()
			p, err := db.Enter(context.Background(), func() error { got = true; return nil })
			if err != nil {
				t.Fatal(err)
			}
			return p, got
		}
		enter := func(want bool, when string) *store.Presence {
			t.Helper()
			p, got := alone()
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
		patiently.Until(t, "somebody to be alone after all have gone", func() bool { // a server may take its time with those who leave
			p, got := alone()
			p.Leave()
			return got
		})
	})
}
