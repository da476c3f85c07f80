package delivery_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"regulars/internal/delivery"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// warmed is a shop whose sender is new in the morning.
func warmed(t *testing.T, db *store.DB) *shop {
	s := newShop(t, db).later(morning)
	ramp := loyalty.Warmup{From: loyalty.DayOf(morning, s.program.Zone), Start: 5, Double: 1, Until: 40}
	s.update(func(tx *store.Tx) error {
		if err := tx.SetSetting(store.SettingZone, s.program.Zone.String()); err != nil {
			return err
		}
		return tx.SetSetting(store.SettingWarmup, store.JSON(ramp))
	})
	return s
}

func TestANewSenderSendsMoreEachDay(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := warmed(t, db)
		members := s.members(60)
		run := s.run("letter", members[:40], 7)
		s.exec("update runs set expires_at = @end where id = @run", store.Args{"run": run, "end": morning.AddDate(0, 0, 30)})
		for _, m := range members[40:] {
			s.single("finland", m)
		}
		for _, m := range members[:3] {
			s.single("hello", m) // somebody waits for it
		}
		sent := int64(0)
		for day, want := range []int64{5, 10, 20, 28} { // from the fourth day on there is no limit
			at := s.later(morning.AddDate(0, 0, day))
			at.singles(at.sender(small), delivery.Urgent)
			for range 2 { // a restart in between
				at.atOnce(2, func() {
					d := at.sender(small)
					at.work(d)
					at.singles(d, delivery.Bulk)
				})
			}
			all := s.number("select count(*) from sends where state = 'sent'", nil)
			if all-sent != want {
				t.Errorf("day %d: %d mails went, want %d", day+1, all-sent, want)
			}
			sent = all
			if n := s.number("select count(*) from sends where state = 'sent' and class = 'earned'", nil); n != 3 {
				t.Errorf("day %d: %d mails went that a person waits for, want all 3", day+1, n)
			}
		}
		if all, twice := s.wire.total(); all != 63 || twice != 3 {
			t.Errorf("%d mails, %d of them to members who had one, want 63 and 3", all, twice)
		}
		if n := s.number("select count(*) from sends where attempts <> 1", nil); n != 0 {
			t.Errorf("%d sends were tried more than once", n)
		}
		if n := s.number("select sum(mails) from warmup_days", nil); n != 35 {
			t.Errorf("%d mails are counted, want those of the three days", n)
		}
	})
}

func TestUrgentMailsAreCountedAndNotHeldUp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := warmed(t, db)
		members := s.members(8)
		for _, m := range members[:7] {
			s.single("hello", m)
		}
		s.single("finland", members[7])
		d := s.sender(small)
		s.singles(d, delivery.Urgent)
		s.singles(d, delivery.Bulk)
		s.want("on a day for five", map[string]int{"sent": 7, "queued": 1})
		at := s.later(morning.Add(24 * time.Hour))
		at.singles(at.sender(small), delivery.Bulk)
		s.want("on the next day", map[string]int{"sent": 8})
	})
}

func TestAMailThatDidNotGoGivesItsPlaceBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := warmed(t, db)
		members := s.members(8)
		for _, m := range members {
			s.single("finland", m)
		}
		refused := 0
		s.wire.answer = func(m delivery.Message) delivery.Outcome {
			if s.wire.mu.Lock(); refused < 2 {
				refused++
				s.wire.mu.Unlock()
				return said(delivery.StageBody, 550, "5.1.1")
			}
			s.wire.mu.Unlock()
			return accepted()
		}
		d := s.sender(func(c *delivery.Config) { c.InFlight = 1 })
		if _, err := d.Singles(context.Background(), delivery.Bulk, 5); err != nil && !errors.As(err, new(*delivery.Rest)) {
			t.Fatal(err)
		}
		if n := s.number("select mails from warmup_days", nil); n != 3 {
			t.Errorf("%d places are taken after two of five mails were refused, want 3", n)
		}
		s.singles(d, delivery.Bulk)
		if n := s.number("select count(*) from sends where state = 'sent'", nil); n != 5 {
			t.Errorf("%d mails went, want 5", n)
		}
	})
}
