package post_test

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"regulars/internal/consent"
	"regulars/internal/embedded"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/outbox"
	"regulars/internal/outbox/post"
	"regulars/internal/store"
)

var aCode = regexp.MustCompile(`GIFT-[0-9A-Z]+`)

// plain is what was told with one name for all codes.
func plain(lines []string) string {
	slices.Sort(lines)
	return "\n" + aCode.ReplaceAllString(strings.Join(lines, "\n"), "GIFT-1") + "\n"
}

func TestEachThingThatHappensIsTold(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r := newReceiver(t)
		s := open(t, db, to("shop", r, `"*"`))
		s.settle()
		s.sink.Script(func(stage embedded.Stage, rcpt string) embedded.Reply {
			if stage == embedded.AtRcpt && strings.HasPrefix(rcpt, "b-2") {
				return embedded.Reply{Code: 550, Text: "5.1.1 no such user"}
			}
			return embedded.Reply{}
		})
		s.join("A-1")
		s.join("B-2")
		s.settle()
		s.order("A-1")
		s.order("B-2")
		s.settle()
		var code string
		s.do(func(tx *store.Tx) error { return tx.One(&code, "select code from codes where state = 'issued'", nil) })
		s.order("A-1", code)
		s.do(func(tx *store.Tx) error {
			var id int64
			if err := tx.One(&id, "select id from members where external_id = 'A-1'", nil); err != nil {
				return err
			}
			return consent.Set(tx, id, loyalty.Offers, false, consent.How{At: tx.At.Plus(time.Second), Source: "page"})
		})
		s.settle()
		s.want("what was told", plain(r.told(t, secret)), `
code.issued {"campaign":"first","code":"GIFT-1","member":{"id":"A-1"},"pool":"gift","valid_until":"2027-03-17"}
code.redeemed {"campaign":"first","code":"GIFT-1","member":{"id":"A-1"},"order":"O-5","pool":"gift"}
mail.bounced {"campaign":"first","code":"GIFT-1","mail":"1-thanks","member":{"id":"B-2"},"reason":"no_such_address","send":2,"smtp_code":550,"topic":"program"}
mail.sent {"campaign":"first","code":"GIFT-1","mail":"1-thanks","member":{"id":"A-1"},"send":1,"topic":"program"}
member.joined {"member":{"id":"A-1"}}
member.joined {"member":{"id":"B-2"}}
member.unsubscribed {"member":{"id":"A-1"},"topic":"offers"}
milestone.reached {"campaign":"first","figure":"orders","member":{"id":"A-1"},"order":"O-3","reached":1}
milestone.reached {"campaign":"first","figure":"orders","member":{"id":"B-2"},"order":"O-4","reached":1}
segment.entered {"member":{"id":"A-1"},"segment":"buyers"}
segment.entered {"member":{"id":"A-1"},"segment":"new"}
segment.entered {"member":{"id":"B-2"},"segment":"buyers"}
segment.entered {"member":{"id":"B-2"},"segment":"new"}
segment.left {"member":{"id":"A-1"},"segment":"new"}
segment.left {"member":{"id":"B-2"},"segment":"new"}
`)
	})
}

func TestOnlyWhatIsWantedIsTold(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r := newReceiver(t)
		s := open(t, db, to("shop", r, "member.joined", ", with: [email]"))
		s.settle()
		s.join("A-1")
		s.order("A-1")
		s.settle()
		s.want("what was told", plain(r.told(t, secret)), "\n"+`member.joined {"member":{"email":"a-1@example.test","id":"A-1"}}`+"\n")
	})
}

func TestHistoryIsToldToNobody(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r := newReceiver(t)
		s := open(t, db, to("shop", r, `"*"`))
		for _, member := range []string{"A-1", "B-2"} {
			s.hear(intake.History, loyalty.MemberJoined, member, joining)
			s.hear(intake.History, loyalty.OrderPlaced, member, ordering("O-"+member))
		}
		s.hear(intake.History, loyalty.MemberChanged, "A-1", func(e *loyalty.Event) { e.Member.Consent = map[string]bool{"offers": false} })
		s.settle()
		s.want("what was told of an import", strings.Join(r.told(t, secret), ", "), "")
		s.want("what waits", s.stands(), "")
	})
}

func TestWhoIsErasedIsNamedNoMore(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r := newReceiver(t)
		s := open(t, db, to("shop", r, "member.joined", ", with: [email]"))
		s.join("A-1")
		s.do(func(tx *store.Tx) error {
			_, err := tx.Exec("update members set erased_at = @now where external_id = 'A-1'", store.Args{"now": tx.At})
			return err
		})
		s.settle()
		s.want("what was told", strings.Join(r.told(t, secret), ", "), "member.joined {}")
	})
}

func TestWhatIsNotTakenIsSentAgain(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r := newReceiver(t)
		s := open(t, db, to("shop", r, "member.joined"))
		r.says(http.StatusInternalServerError)
		s.join("A-1")
		s.settle()
		s.settle()
		tries := r.all()
		for i := range tries[1:] { // one, unless a machine stalls for the first pause
			if pause := tries[i+1].at.Sub(tries[i].at); pause < 5*time.Second {
				t.Errorf("attempt %d came %s after the one before it, want 5 s or more", i+2, pause)
			}
		}
		s.later()
		r.says(http.StatusOK)
		s.later()
		all := strings.Fields(ids(r))
		s.want("the webhook-ids of the attempts", strings.Join(slices.Compact(all), " "), "1")
		if len(all) < len(tries)+2 {
			t.Errorf("%d attempts, want two after the pauses", len(all))
		}
		s.want("what became of it", s.stands(), "delivered 1")
		s.want("what is said of the destination", s.standing("shop").Failing, "")
	})
}

const one = "1 "

// ids are the webhook-ids that it got, as the number of the first with the same.
func ids(r *receiver) (words string) {
	var known []string
	for _, d := range r.all() {
		if !slices.Contains(known, d.id()) {
			known = append(known, d.id())
		}
		words += string(rune('1'+slices.Index(known, d.id()))) + " "
	}
	return words
}

func TestWhatIsNeverTakenIsDeadUntilSomebodyReplaysIt(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r := newReceiver(t)
		s := open(t, db, to("shop", r, "member.joined"))
		r.says(http.StatusBadRequest)
		s.join("A-1")
		s.settle()
		for range 12 {
			s.later()
		}
		s.want("attempts", ids(r), strings.Repeat(one, 9))
		s.want("what became of it", s.stands(), "dead 1")
		s.want("why", s.standing("shop").Because, "it answered 400 Bad Request")
		r.says(http.StatusOK)
		s.do(func(tx *store.Tx) error { _, err := outbox.Replay(tx, nil, "shop"); return err })
		s.later()
		s.want("attempts", ids(r), strings.Repeat(one, 10))
		s.want("what became of it", s.stands(), "delivered 1")
	})
}

func TestWhoIsGoneIsSentNothingUntilAPersonSaysSo(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r := newReceiver(t)
		s := open(t, db, to("shop", r, "member.joined"))
		r.says(http.StatusGone)
		s.join("A-1")
		s.settle()
		s.join("B-2")
		s.later()
		s.want("what it got", ids(r), one)
		s.want("what waits", s.stands(), "waiting 2")
		s.want("why", s.standing("shop").Disabled, "it answered 410 Gone")
		r.says(http.StatusOK)
		s.do(func(tx *store.Tx) error { return outbox.Enable(tx, "shop") })
		s.later()
		s.want("what became of them", s.stands(), "delivered 2")
	})
}

func TestWhoAsksToBeSparedIs(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r := newReceiver(t)
		s := open(t, db, to("shop", r, "member.joined"))
		r.says(http.StatusTooManyRequests, "Retry-After", "7200")
		s.join("A-1")
		var begun int64
		s.do(func(tx *store.Tx) error { return tx.One(&begun, "select "+tx.Micros(tx.Machine()), nil) })
		s.settle()
		var soon int
		s.do(func(tx *store.Tx) error {
			return tx.One(&soon, "select count(*) from hook_destinations d, hook_deliveries w where "+tx.Micros("d.rest_until")+" < @until or "+tx.Micros("w.next_at")+" < @until",
				store.Args{"until": begun + 7200*1_000_000})
		})
		if soon != 0 {
			t.Error("it is sent something, or spared, for less than it asked for")
		}
	})
}

func TestARedirectIsNotFollowed(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r, other := newReceiver(t), newReceiver(t)
		s := open(t, db, to("shop", r, "member.joined"))
		r.says(http.StatusTemporaryRedirect, "Location", other.URL)
		s.join("A-1")
		s.settle()
		s.want("what the other got", ids(other), "")
		s.want("why", s.standing("shop").Failing, "it answered 307: redirects are not followed, write the new address into program.yaml")
	})
}

func TestAllSecretsSign(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r := newReceiver(t)
		s := open(t, db, to("shop", r, "member.joined"))
		s.use(post.Config{Secrets: map[string][]string{"SHOP": {secret, older}}, Allow: loopback})
		s.join("A-1")
		s.settle()
		for _, known := range []string{secret, older} {
			if got := r.told(t, known); len(got) != 1 {
				t.Errorf("with one of two secrets %d webhooks can be verified, want 1", len(got))
			}
		}
	})
}

func TestWithoutASecretNothingIsSent(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r := newReceiver(t)
		s := open(t, db, to("new-one", r, "member.joined"))
		s.join("A-1")
		s.settle()
		s.want("what it got", ids(r), "")
		s.use(post.Config{Secrets: map[string][]string{"NEW_ONE": {secret}}, Allow: loopback})
		s.settle()
		s.want("what it got with a secret", ids(r), one)
	})
}

func TestNothingIsSentInside(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r := newReceiver(t)
		named := &receiver{Server: r.Server}
		s := open(t, db, to("shop", r, "member.joined")+strings.Replace(to("other", named, "member.joined"), "127.0.0.1", "localhost", 1))
		s.use(post.Config{Secrets: map[string][]string{"SHOP": {secret}, "OTHER": {older}}})
		s.join("A-1")
		s.settle()
		s.want("what it got", ids(r), "")
		for _, name := range []string{"shop", "other"} {
			s.want("why", s.standing(name).Failing, "its address is inside a network that webhooks are not sent to: HOOK_OUT_ALLOW names those that they are")
		}
		s.use(post.Config{Secrets: map[string][]string{"SHOP": {secret}}, Local: true})
		s.later()
		s.want("what it got where this machine may be reached", ids(r), one)
	})
}

func TestOneThatHangsHoldsUpNoOther(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r, hangs := newReceiver(t), newReceiver(t)
		over, reached := make(chan struct{}), make(chan struct{}, 1)
		hangs.answers(func(http.ResponseWriter, *http.Request) { reached <- struct{}{}; <-over })
		s := open(t, db, to("shop", r, "member.joined")+to("other", hangs, "member.joined"))
		s.join("A-1")
		var to, hung int64
		s.do(func(tx *store.Tx) error {
			if err := tx.One(&to, "select id from hook_destinations where name = 'shop'", nil); err != nil {
				return err
			}
			return tx.One(&hung, "select id from hook_destinations where name = 'other'", nil)
		})
		done := make(chan error, 1)
		go func() { _, err := s.poster.Post(context.Background(), hung); done <- err }()
		<-reached
		if n, err := s.poster.Post(context.Background(), hung); n != 0 || err != nil {
			t.Errorf("beside the one at work Post = %d, %v, want nothing to do", n, err)
		}
		if n, err := s.poster.Post(context.Background(), to); n != 1 || err != nil {
			t.Errorf("Post = %d, %v, want one delivery while another destination hangs", n, err)
		}
		close(over)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestWhatAKilledWorkerHadIsSentAgainUnderTheSameID(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r := newReceiver(t)
		s := open(t, db, to("shop", r, "member.joined"))
		s.join("A-1")
		var lost string
		s.do(func(tx *store.Tx) error { // a worker claims it, sends it or not, and dies
			var id int64
			if err := tx.One(&id, "select id from hook_destinations", nil); err != nil {
				return err
			}
			_, all, err := outbox.Claim(tx, id, 10, []string{"SHOP"})
			lost = all[0].Message()
			return err
		})
		s.settle()
		s.want("what it got during the lease", ids(r), "")
		s.later()
		s.want("what it got after it", ids(r), one)
		s.want("its webhook-id", r.all()[0].id(), lost)
	})
}

func TestTwoWorkersSendEachOnce(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r := newReceiver(t)
		s := open(t, db, to("shop", r, "member.joined"))
		for _, member := range []string{"A-1", "B-2", "C-3", "D-4", "E-5", "F-6"} {
			s.join(member)
		}
		done := make(chan error, 2)
		for range 2 {
			p := s.use(post.Config{Secrets: map[string][]string{"SHOP": {secret}}, Allow: loopback})
			go func() { _, err := p.Post(context.Background(), 0); done <- err }()
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		s.settle()
		if got := r.told(t, secret); len(got) != 6 || strings.Count(ids(r), "1") != 1 {
			t.Errorf("two workers sent %v, want each of six once", got)
		}
	})
}

func TestWhatHoldsEverythingHoldsWebhooks(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r := newReceiver(t)
		s := open(t, db, to("shop", r, "member.joined"))
		s.do(func(tx *store.Tx) error { return consent.Hold(tx, consent.HoldAll, "restored", "anna") })
		s.join("A-1")
		s.settle()
		s.want("what it got", ids(r), "")
		s.do(func(tx *store.Tx) error { _, err := consent.Release(tx, consent.HoldAll); return err })
		s.settle()
		s.want("what it got once released", ids(r), one)
	})
}

func TestADestinationThatIsGoneFromTheProgramIsToldNothing(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		r, other := newReceiver(t), newReceiver(t)
		s := open(t, db, to("shop", r, "member.joined"))
		s.join("A-1")
		s.apply(to("other", other, "member.joined"))
		s.join("B-2")
		s.settle()
		s.want("what the one that is gone got", ids(r), "")
		s.want("what the new one got", strings.Join(other.told(t, older), ", "), `member.joined {"member":{"id":"B-2"}}`)
	})
}
