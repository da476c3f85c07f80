package delivery_test

import (
	"context"
	"testing"

	"regulars/internal/delivery"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestASingleGoesOutOnceAndWakesItsPassage(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		m := s.members(1)
		s.single("hello", m[0])
		d := s.desk()
		for range 2 {
			if _, err := d.Singles(context.Background(), delivery.Urgent, 10); err != nil {
				t.Fatal(err)
			}
		}
		s.want("after two passes", map[string]int{"sent": 1})
		if all, twice := s.wire.total(); all != 1 || twice != 0 {
			t.Errorf("%d mails, %d of them twice, want 1", all, twice)
		}
		if got := s.word("select state from passages", nil); got != "ready" {
			t.Errorf("the passage is %s, want ready", got)
		}
	})
}

func TestARunGoesOutOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		s.run("letter", s.members(100), 30)
		d := s.desk()
		for {
			n, err := d.Work(context.Background(), 0)
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				break
			}
		}
		s.want("after the run", map[string]int{"sent": 100})
		if all, twice := s.wire.total(); all != 100 || twice != 0 {
			t.Errorf("%d mails, %d of them twice, want 100", all, twice)
		}
	})
}
