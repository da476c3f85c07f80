package delivery_test

import (
	"context"
	"regexp"
	"testing"
	"time"

	"regulars/internal/consent"
	"regulars/internal/coupon"
	"regulars/internal/delivery"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// night is in the quiet hours of the tests' program; morning is their end.
var (
	night   = time.Date(2027, 3, 3, 21, 30, 0, 0, time.UTC)
	morning = time.Date(2027, 3, 4, 6, 0, 0, 0, time.UTC)
)

// gateCases are what may become of one offer of the campaign finland, which
// lasts while the member is in the segment.
var gateCases = []struct {
	name string
	do   func(*shop, int64) // to the one member, before or at the mark
	want string
}{
	{"a member who wants it gets it", func(*shop, int64) {}, "sent"},
	{"who unsubscribed gets none", func(s *shop, m int64) { s.refuse(m) }, "skipped no_consent"},
	{"a suppressed address gets none", func(s *shop, m int64) {
		s.update(func(tx *store.Tx) error {
			return consent.Suppress(tx, consent.Key(s.pepper, "m0@example.test"), consent.Complaint, "test")
		})
	}, "skipped suppressed"},
	{"who was erased gets none", func(s *shop, m int64) {
		s.exec("update members set erased_at = @now where id = @m", store.Args{"now": loyalty.At(storetest.Start), "m": m})
	}, "skipped erased"},
	{"who left the segment gets none", func(s *shop, m int64) {
		s.exec("update facts set country = 'SE' where member_id = @m", store.Args{"m": m})
	}, "skipped rule_left"},
	{"who came under except gets none", func(s *shop, m int64) {
		s.exec("update facts set country = 'AX' where member_id = @m", store.Args{"m": m})
	}, "skipped rule_left"},
	{"for whom until came true gets none", func(s *shop, m int64) {
		s.exec("insert into member_tags (member_id, tag) values (@m, 'gone')", store.Args{"m": m})
	}, "skipped until"},
	{"whose passage has ended gets none", func(s *shop, m int64) {
		s.exec("update passages set state = 'exited', reason = 'order' where member_id = @m", store.Args{"m": m})
	}, "skipped until"},
	{"a code that is good goes out", func(s *shop, m int64) { s.code(m, "issued", func(tx *store.Tx) error { return nil }) }, "sent"},
	{"a code that was recalled with its pool is not shown", func(s *shop, m int64) {
		s.code(m, "reserved", func(tx *store.Tx) error { _, err := coupon.Recall(tx, "back"); return err })
	}, "skipped code_recalled"},
	{"a code that was voided alone is not shown", func(s *shop, m int64) {
		s.code(m, "issued", func(tx *store.Tx) error { _, err := coupon.Cancel(tx, "BACK-7"); return err })
	}, "skipped code_recalled"},
	{"a code that has ended is not shown", func(s *shop, m int64) {
		s.code(m, "issued", func(tx *store.Tx) error { _, err := coupon.Expire(tx, loyalty.Date(2027, 3, 3)); return err })
	}, "skipped code_expired"},
	{"what is late is not sent", func(s *shop, m int64) {
		s.exec("update sends set expires_at = @t", store.Args{"t": storetest.Start.Add(-time.Second)})
	}, "skipped late"},
	{"a held campaign is left alone", func(s *shop, m int64) { s.hold(consent.HoldCampaign(s.ids["finland"])) }, "queued"},
	{"held offers are left alone", func(s *shop, m int64) { s.hold(consent.HoldOffers) }, "queued"},
	{"all held is left alone", func(s *shop, m int64) { s.hold(consent.HoldAll) }, "queued"},
	{"another campaign held is no matter", func(s *shop, m int64) { s.hold(consent.HoldCampaign(s.ids["letter"])) }, "sent"},
	{"who just got another offer is capped", func(s *shop, m int64) {
		s.update(func(tx *store.Tx) error { _, err := consent.TakeCap(tx, []int64{m}, nil); return err })
	}, "skipped capped"},
}

// refuse has members unsubscribe, all in the same moment.
func (s *shop) refuse(members ...int64) {
	s.t.Helper()
	s.update(func(tx *store.Tx) error {
		for _, m := range members {
			if err := consent.Refuse(tx, m, []string{loyalty.Offers}, consent.How{Source: "test"}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *shop) hold(scope string) {
	s.t.Helper()
	s.update(func(tx *store.Tx) error { return consent.Hold(tx, scope, "a test", "ana") })
}

// code gives the member's mail a code of a pool, and then does something to it.
func (s *shop) code(member int64, state string, then func(*store.Tx) error) {
	s.t.Helper()
	s.exec("insert into pools (name, kind, spec) values ('back', 'generated', '{\"Name\": \"back\", \"Kind\": \"generated\", \"Percent\": 10}')", nil)
	s.exec(`insert into codes (pool_id, code, folded, state, occurrence_id, member_id, valid_until)
		select p.id, 'BACK-7', 'BACK7', @state, s.occurrence_id, s.member_id, 20879 from pools p, sends s where s.member_id = @m`,
		store.Args{"state": state, "m": member})
	s.exec("update sends set code_id = (select id from codes where code = 'BACK-7')", nil)
	s.update(then)
}

// capped gives the program a frequency cap.
func capped(files map[string]string) { files["program.yaml"] += "caps: [1 per 16h]\n" }

func TestTheGateAtTheClaim(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, tt := range gateCases {
			t.Run(tt.name, func(t *testing.T) {
				s := newShop(t, empty(t, db), capped)
				m := s.members(1)
				s.single("finland", m[0])
				tt.do(s, m[0])
				s.singles(s.sender(), delivery.Bulk)
				s.want("after the gate", map[string]int{tt.want: 1})
				s.checkWire(tt.want)
			})
		}
	})
}

// The same must come out when it happens while the relay is asked to take the mail.
func TestTheGateAtTheMark(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, tt := range gateCases {
			t.Run(tt.name, func(t *testing.T) {
				s := newShop(t, empty(t, db), capped)
				m := s.members(1)
				s.single("finland", m[0])
				s.wire.before = func(delivery.Message) delivery.Outcome { tt.do(s, m[0]); return delivery.Outcome{} }
				if _, err := s.sender().Singles(context.Background(), delivery.Bulk, 10); err != nil {
					t.Fatal(err)
				}
				s.want("after the gate", map[string]int{tt.want: 1})
				s.checkWire(tt.want)
			})
		}
	})
}

// checkWire looks whether the one mail was handed over as its state says, and no
// longer due when it is at its end.
func (s *shop) checkWire(state string) {
	s.t.Helper()
	wantMails, wantDue := 0, int64(0)
	switch state {
	case "sent":
		wantMails = 1
	case "queued":
		wantDue = 1
	}
	if all, _ := s.wire.total(); all != wantMails {
		s.t.Errorf("%d mails for a send that is %s, want %d", all, state, wantMails)
	}
	if n := s.number("select count(*) from due", nil); n != wantDue {
		s.t.Errorf("%d rows are due for a send that is %s, want %d", n, state, wantDue)
	}
	if n := s.number("select count(*) from passages where state = 'sending'", nil); n != wantDue {
		s.t.Errorf("%d passages wait for a send that is %s, want %d", n, state, wantDue)
	}
}

// singles works a lane until nothing is due.
func (s *shop) singles(d *delivery.Sender, lane string) {
	s.t.Helper()
	for {
		n, err := d.Singles(context.Background(), lane, 50)
		if err != nil {
			s.t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// work works chunks until none is open.
func (s *shop) work(d *delivery.Sender) {
	s.t.Helper()
	for {
		n, err := d.Work(context.Background(), 0)
		if err != nil {
			s.t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// later returns the same shop at another moment.
func (s *shop) later(at time.Time) *shop {
	c := *s
	c.db = s.db.At(at)
	return &c
}

func TestQuietHoursPutASingleOffToTheirEnd(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		m := s.members(2)
		s.exec("update members set time_zone = 'America/New_York' where id = @m", store.Args{"m": m[1]})
		s.single("hello", m[0])
		s.single("hello", m[1])
		at := s.later(night)
		at.singles(at.sender(), delivery.Urgent)
		at.want("at night in Helsinki, afternoon in New York", map[string]int{"deferred quiet": 1, "sent": 1})
		if n := s.number("select count(*) from due where not_before = @t", store.Args{"t": morning}); n != 1 {
			t.Errorf("%d sends are due at 8 in the morning, want 1", n)
		}
		at = s.later(morning)
		at.singles(at.sender(), delivery.Urgent)
		at.want("in the morning", map[string]int{"sent": 2})
	})
}

func TestAChunkInQuietHoursWaitsAsAWhole(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		s.run("letter", s.members(20), 100)
		at := s.later(night)
		at.work(at.sender())
		at.want("at night", map[string]int{"queued": 20})
		if n := s.number("select count(*) from chunks where not done and lease_until is null and not_before = @t", store.Args{"t": morning}); n != 1 {
			t.Errorf("%d chunks wait for the morning, want 1", n)
		}
		at = s.later(morning)
		at.work(at.sender())
		at.want("in the morning", map[string]int{"sent": 20})
	})
}

func TestInAMixedChunkTheQuietOnesWaitByThemselves(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		s.run("letter", s.members(20), 100)
		s.exec("update members set time_zone = 'America/New_York' where id % 2 = 0", nil)
		at := s.later(night)
		at.work(at.sender())
		at.want("at night", map[string]int{"deferred quiet": 10, "sent": 10})
		at = s.later(morning)
		at.singles(at.sender(), delivery.Bulk)
		at.want("in the morning", map[string]int{"sent": 20})
	})
}

func TestAnOfferThatWouldBeLateAfterTheNightIsSkipped(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		run := s.run("letter", s.members(3), 100)
		s.exec("update runs set expires_at = @t where id = @run", store.Args{"t": night.Add(time.Hour), "run": run})
		at := s.later(night)
		at.work(at.sender())
		at.want("at night", map[string]int{"skipped quiet_expired": 3})
	})
}

func TestOnlyAllowedAddressesAreMailed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		s.run("letter", s.members(5), 100)
		s.work(s.sender(func(c *delivery.Config) { c.MailOnlyTo = regexp.MustCompile(`^m[01]@`) }))
		s.want("with MAIL_ONLY_TO", map[string]int{"sent": 2, "skipped blocked": 3})
	})
}

func TestAPausedRunStaysAndACancelledOneIsSkipped(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		run := s.run("letter", s.members(3), 100)
		set := func(state string) {
			s.exec("update runs set state = @state where id = @run", store.Args{"state": state, "run": run})
		}
		set("paused")
		s.work(s.sender())
		s.want("paused", map[string]int{"queued": 3})
		s.exec("insert into due (send_id, lane, not_before) select id, 'bulk', queued_at from sends", nil)
		s.singles(s.sender(), delivery.Bulk)
		s.want("paused, one by one", map[string]int{"queued": 3})
		set("cancelled")
		s.singles(s.sender(), delivery.Bulk)
		s.want("cancelled", map[string]int{"skipped cancelled": 3})
	})
}

func TestTwoCampaignsCannotBothPassACap(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db, capped)
		members := s.members(30)
		s.run("letter", members, 10)
		s.run("finland", members, 10)
		s.atOnce(6, func() { s.work(s.sender()) })
		s.singles(s.sender(), delivery.Bulk)
		s.want("after both", map[string]int{"sent": 30, "skipped capped": 30})
	})
}
