package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"regulars/internal/consent"
	"regulars/internal/delivery"
	"regulars/internal/delivery/smtp"
	"regulars/internal/embedded"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// overSMTP gives the shop a real relay on loopback.
func (s *shop) overSMTP(script embedded.Script) *embedded.Sink {
	s.t.Helper()
	sink, err := embedded.NewSink(embedded.SinkOptions{Script: script})
	if err != nil {
		s.t.Fatal(err)
	}
	o, err := smtp.ParseURL("smtp://" + sink.Addr())
	if err != nil {
		s.t.Fatal(err)
	}
	s.relay = smtp.New(o)
	s.t.Cleanup(func() {
		if err := s.relay.Close(context.Background()); err != nil {
			s.t.Error(err)
		}
		sink.Close()
	})
	return sink
}

func (s *shop) overRelay(c *delivery.Config) {
	c.Transports = map[string]delivery.Transport{delivery.Urgent: s.relay, delivery.Bulk: s.relay}
}

func TestARunOverARealRelay(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		sink := s.overSMTP(func(stage embedded.Stage, rcpt string) embedded.Reply {
			switch {
			case stage == embedded.AtRcpt && strings.HasPrefix(rcpt, "m7@"):
				return embedded.Reply{Code: 550, Text: "5.1.1 no such user"}
			case stage == embedded.AtRcpt && strings.HasPrefix(rcpt, "m8@"):
				return embedded.Reply{Code: 450, Text: "4.7.1 greylisted"}
			case stage == embedded.AtDot && strings.HasPrefix(rcpt, "m9@"):
				return embedded.Reply{Drop: true, Keep: true}
			}
			return embedded.Reply{}
		})
		s.run("letter", s.members(120), 50)
		d := s.sender(s.overRelay)
		s.work(d)
		s.want("after the run", map[string]int{"sent": 117, "failed no_such_address": 1, "deferred not_now": 1, "unknown no_answer": 1})
		if sink.Count() != 118 || len(sink.Twice()) != 0 { // the one that is unknown was taken
			t.Errorf("the relay took %d mails, %d twice, want 118 once", sink.Count(), len(sink.Twice()))
		}
		sink.Script(nil)
		s.exec("update due set retry_at = null", nil)
		s.singles(d, delivery.Bulk)
		s.want("after the retry", map[string]int{"sent": 118, "failed no_such_address": 1, "unknown no_answer": 1})
		s.checkMail(sink.ByRecipient("m3@example.test"))
	})
}

// A relay that dies in the middle of a run, with a mail on its wire, loses the shop
// nothing: the others go by the second relay, and nobody gets a mail twice.
func TestARunGoesOnByTheSecondRelayWhenTheFirstDies(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		var taken atomic.Int64
		first := s.overSMTP(func(stage embedded.Stage, _ string) embedded.Reply {
			switch {
			case stage == embedded.AtDot && taken.Add(1) == 40:
				return embedded.Reply{Drop: true, Keep: true}
			case taken.Load() < 40:
				return embedded.Reply{}
			}
			return embedded.Reply{Code: 421, Text: "4.3.2 closing"}
		})
		dying := s.relay
		second := s.overSMTP(nil)
		d := s.sender(func(c *delivery.Config) {
			f := smtp.Fallback{First: dying, Second: s.relay}
			c.Transports = map[string]delivery.Transport{delivery.Urgent: f, delivery.Bulk: f}
		})
		s.run("letter", s.members(120), 120)
		for s.number("select count(*) from sends where state = 'queued'", nil) > 0 {
			if _, err := d.Work(context.Background(), 0); err != nil && !errors.As(err, new(*delivery.Rest)) {
				t.Fatal(err)
			}
			s.exec("update due set retry_at = null", nil)
			if _, err := d.Singles(context.Background(), delivery.Bulk, 100); err != nil && !errors.As(err, new(*delivery.Rest)) {
				t.Fatal(err)
			}
		}
		s.want("after the run", map[string]int{"sent": 119, "unknown no_answer": 1})
		if first.Count() != 40 || second.Count() != 80 {
			t.Errorf("the first relay took %d and the second %d, want 40 and 80", first.Count(), second.Count())
		}
		for _, m := range first.Mails() {
			if len(second.ByRecipient(m.To)) > 0 {
				t.Errorf("%s has the mail from both relays", m.To)
			}
		}
	})
}

// checkMail looks at the one mail that a member got.
func (s *shop) checkMail(mails []embedded.Mail) {
	s.t.Helper()
	if len(mails) != 1 {
		s.t.Fatalf("the member got %d mails, want 1", len(mails))
	}
	m := mails[0]
	send := s.number("select s.id from sends s join members m on m.id = s.member_id where m.external_id = 'M-3'", nil)
	member := s.number("select id from members where external_id = 'M-3'", nil)
	links := consent.NewLinks("https://mail.shop.example", [][]byte{[]byte("key")})
	for name, want := range map[string]string{
		"Subject": "News for Ana3", "To": `"Ana3" <m3@example.test>`, "From": `"Anna" <anna@shop.example>`,
		"List-Unsubscribe":      "<" + links.Unsubscribe(member, send, consent.Key(s.pepper, "m3@example.test")) + ">",
		"List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
		"Feedback-ID":           "letter:offers:offer:shop.example",
	} {
		if got := m.Header(name); got != want {
			s.t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if m.From != "anna@shop.example" || !strings.Contains(m.Text(), "Dear Ana3") || !strings.Contains(m.Text(), "Kauppakatu 1") || len(m.Faults) > 0 {
		s.t.Errorf("the mail from %s has faults %v and this text:\n%s", m.From, m.Faults, m.Text())
	}
}

func TestManyWorkersAndStopsOverARealRelay(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		sink := s.overSMTP(nil)
		members := s.members(300)
		s.run("letter", members, 40)
		for _, m := range members[:50] {
			s.single("hello", m)
		}
		for range 8 {
			ctx, cancel := context.WithCancel(context.Background())
			var workers sync.WaitGroup
			for k := range 4 {
				workers.Go(func() {
					d := s.sender(small, s.overRelay)
					d.Work(ctx, 0)
					d.Singles(ctx, []string{delivery.Urgent, delivery.Bulk}[k%2], 20)
				})
			}
			sink.Wait(context.Background(), min(sink.Count()+20, 350))
			cancel()
			workers.Wait()
			if sink.Count() == 350 {
				break
			}
		}
		d := s.sender(s.overRelay)
		s.work(d)
		s.singles(d, delivery.Bulk)
		s.singles(d, delivery.Urgent)
		s.want("at the end", map[string]int{"sent": 350})
		if sink.Count() != 350 || len(sink.Twice()) != 0 {
			t.Errorf("the relay took %d mails, %d twice, want 350 once", sink.Count(), len(sink.Twice()))
		}
	})
}

func TestABreakerThatIsOpenRestsTheLane(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		var calls atomic.Int64
		s.overSMTP(func(stage embedded.Stage, _ string) embedded.Reply {
			if stage == embedded.AtConnect {
				calls.Add(1)
				return embedded.Reply{Code: 421, Text: "4.3.2 come back later"}
			}
			return embedded.Reply{}
		})
		s.run("letter", s.members(60), 100)
		d := s.sender(s.overRelay)
		rests := 0
		for range 20 {
			_, err := d.Work(context.Background(), 0)
			_, err2 := d.Singles(context.Background(), delivery.Bulk, 100)
			var rest *delivery.Rest
			if errors.As(err, &rest) || errors.As(err2, &rest) {
				rests++
			}
		}
		s.want("while the relay is away", map[string]int{"queued": 60})
		if rests == 0 || calls.Load() > 20 {
			t.Errorf("the lane rested %d times and the relay was called %d times, want rests and few calls", rests, calls.Load())
		}
	})
}

func TestATestMailLooksLikeTheRealOne(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		sink := s.overSMTP(nil)
		m := s.members(1)[0]
		d := s.sender(s.overRelay)
		ctx := context.Background()
		for _, mail := range []string{"", "1-drop"} {
			if _, err := d.SendTest(ctx, delivery.Example{Campaign: "drop", Mail: mail, Member: m}, "boss@shop.example"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := d.SendTest(ctx, delivery.Example{Campaign: "letter", Member: m}, "boss@shop.example"); err != nil {
			t.Fatal(err)
		}
		got := sink.ByRecipient("boss@shop.example")
		if len(got) != 3 || got[0].Subject != "[Test] For you" || got[2].Subject != "[Test] News for Ana0" || !strings.Contains(got[2].Text(), "Dear Ana0") {
			t.Fatalf("the boss got %v", subjects(got))
		}
		links := consent.NewLinks("https://mail.shop.example", [][]byte{[]byte("key")})
		if strings.Contains(string(got[2].Source), links.Unsubscribe(m, 0, nil)) {
			t.Error("the test mail would unsubscribe the member")
		}
		if n := s.number("select count(*) from sends", nil); n != 0 {
			t.Errorf("a test mail left %d rows", n)
		}
		for _, tt := range []struct{ campaign, mail, to, want string }{
			{"leter", "", "boss@shop.example", `no campaign "leter"`},
			{"letter", "2-letter", "boss@shop.example", `no mail "2-letter": it has 1-letter`},
			{"letter", "", "boss", "@"},
		} {
			_, err := d.SendTest(ctx, delivery.Example{Campaign: tt.campaign, Mail: tt.mail, Member: m}, tt.to)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("SendTest(%s, %s, to %s) = %v, want %s", tt.campaign, tt.mail, tt.to, err, tt.want)
			}
		}
		only := s.sender(s.overRelay, func(c *delivery.Config) { c.MailOnlyTo = regexp.MustCompile("@example.test$") })
		if _, err := only.SendTest(ctx, delivery.Example{Campaign: "letter", Member: m}, "boss@shop.example"); err == nil {
			t.Error("MAIL_ONLY_TO let a test mail through")
		}
	})
}

func subjects(mails []embedded.Mail) (all []string) {
	for _, m := range mails {
		all = append(all, m.Subject)
	}
	return all
}

func TestAPreviewShowsTheMailAndNobodysCode(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		m := s.members(2)
		run := s.run("drop", m[:1], 10)
		s.give(run)
		code := s.word("select code from codes", nil)
		d := s.sender()
		for _, tt := range []struct {
			what     string
			member   int64
			language string
			subject  string
			has      string
		}{
			{"with a made-up code, though they have one", m[0], "", "For you", "GIFT-"},
			{"with a made-up code of the pool", m[1], "", "For you", "GIFT-"},
			{"that ends as the pool says", m[1], "", "For you", "17 March 2027"},
			{"in another language", m[0], "fi", "Sinulle", "GIFT-"},
			{"for a made-up member", 0, "", "For you", "GIFT-"},
		} {
			r, err := d.Preview(context.Background(), delivery.Example{Campaign: "drop", Member: tt.member, Language: tt.language})
			if err != nil || r.Subject != tt.subject || !strings.Contains(r.Text, tt.has) {
				t.Errorf("Preview %s = %q, %v, want %q and %q in\n%s", tt.what, r.Subject, err, tt.subject, tt.has, r.Text)
			}
			if strings.Contains(r.Text+r.HTML, code) {
				t.Errorf("Preview %s shows the member's live code %s", tt.what, code)
			}
		}
		if _, err := d.Preview(context.Background(), delivery.Example{Campaign: "drop", Member: 999}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Preview for nobody = %v, want ErrNotFound", err)
		}
	})
}

func TestReturnPathsNameTheSend(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		sink := s.overSMTP(nil)
		s.run("letter", s.members(1), 10)
		s.work(s.sender(s.overRelay, func(c *delivery.Config) { c.ReturnDomain, c.MessageDomain = "bounce.shop.example", "mail.shop.example" }))
		send := s.number("select id from sends", nil)
		m := sink.Mails()[0]
		if !strings.HasPrefix(m.From, fmt.Sprintf("bounces+%d.", send)) || !strings.HasSuffix(m.From, "@bounce.shop.example") {
			t.Errorf("the envelope is from %s", m.From)
		}
		if !strings.HasPrefix(m.MessageID, fmt.Sprintf("send.%d.", send)) || !strings.HasSuffix(m.MessageID, "@mail.shop.example") {
			t.Errorf("the Message-ID is %s", m.MessageID)
		}
	})
}
