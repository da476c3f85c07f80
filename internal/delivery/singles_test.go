package delivery_test

import (
	"context"
	"errors"
	"testing"
	"time"

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
		d := s.sender()
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

func TestASetbackGoesWithTheLastMailThatWaitsForIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for name, end := range map[string]func(*shop, *delivery.Sender){
			"skipped by the gate": func(s *shop, d *delivery.Sender) {
				s.exec("update members set email = '', email_key = null", nil)
				s.exec("update due set retry_at = null", nil)
				s.singles(d, delivery.Urgent)
			},
			"cancelled": func(s *shop, _ *delivery.Sender) {
				s.exec("delete from due", nil)
				s.exec("update sends set state = 'skipped', reason = 'cancelled'", nil)
			},
		} {
			s := newShop(t, empty(t, db))
			s.single("hello", s.members(1)[0])
			s.update(func(tx *store.Tx) error {
				if _, err := tx.Exec("update due set retry_at = "+tx.MachineIn(time.Hour), nil); err != nil {
					return err
				}
				return tx.SetBack(store.ScopeCampaign(s.ids["hello"]), "mails", errors.New("the text is gone"))
			})
			d := s.sender()
			for i, want := range []int64{1, 0} {
				if _, err := d.Reap(context.Background()); err != nil {
					t.Fatal(err)
				}
				if got := s.number("select count(*) from setbacks", nil); got != want {
					t.Errorf("%s: %d setbacks after pass %d, want %d (%v)", name, got, i+1, want, s.states())
				}
				end(s, d)
			}
			s.exec("delete from setbacks", nil)
		}
	})
}

func TestARunGoesOutOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		s.run("letter", s.members(100), 30)
		d := s.sender()
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
