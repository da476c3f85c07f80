package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"regulars/internal/consent"
	"regulars/internal/delivery"
	"regulars/internal/delivery/compose"
	"regulars/internal/mailnews"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// tell has the sender learn one piece of news about a send, and returns its effect.
func (s *shop) tell(d *delivery.Sender, n mailnews.News) string {
	s.t.Helper()
	n.Source, n.At = "ses", s.db.Now()
	heard, err := d.Learn(context.Background(), []mailnews.News{n})
	if err != nil || len(heard) != 1 || heard[0].Err != nil {
		s.t.Fatalf("Learn(%+v) = %+v, %v", n, heard, err)
	}
	return heard[0].Effect
}

// sent is a mail of a drop that went out with a code, in that state.
func (s *shop) sent(member int64, state string) (send int64) {
	s.t.Helper()
	send = s.single("drop", member)
	s.exec("update sends set state = @state, attempts = 1, handed_at = @now, email_key = (select email_key from members where id = @m) where id = @id",
		store.Args{"state": state, "id": send, "m": member, "now": s.db.Now()})
	s.exec("delete from due where send_id = @id", store.Args{"id": send})
	return send
}

func markOf(send int64) []string {
	return []string{"other@x.example", compose.MessageID([]byte("secret"), send, "shop.example")}
}

func TestNewsBringsASendToItsState(t *testing.T) {
	t.Parallel()
	bounce := func(status string) mailnews.News {
		return mailnews.News{What: mailnews.Bounced, Status: status, Words: "no"}
	}
	tests := []struct {
		name, was  string
		news       mailnews.News
		state, why string
		suppressed string
	}{
		{"no such address", "sent", bounce("5.1.1"), "bounced", "no_such_address", consent.HardBounce},
		{"no mail for the domain", "sent", bounce("5.1.10"), "bounced", "no_such_address", consent.HardBounce},
		{"a full mailbox, once", "sent", bounce("5.2.2"), "bounced", "mailbox_full", ""},
		{"policy blames us", "sent", bounce("5.7.1"), "bounced", "policy", ""},
		{"policy, whatever the provider calls it", "sent", mailnews.News{What: mailnews.Bounced, Status: "5.7.1", Gone: true}, "bounced", "policy", ""},
		{"a code that nobody knows", "sent", bounce("5.4.316"), "bounced", "came_back", ""},
		{"no code, and nobody's word", "sent", bounce(""), "bounced", "came_back", ""},
		{"no code, but the provider's word", "sent", mailnews.News{What: mailnews.Bounced, Gone: true}, "bounced", "no_such_address", consent.HardBounce},
		{"given up after trying", "sent", bounce("4.1.1"), "bounced", "came_back", ""},
		{"unknown, and it came back", "unknown", bounce("5.1.1"), "bounced", "no_such_address", consent.HardBounce},
		{"unknown, and it arrived", "unknown", mailnews.News{What: mailnews.Delivered}, "sent", "delivered", ""},
		{"sent, and it arrived", "sent", mailnews.News{What: mailnews.Delivered}, "sent", "", ""},
		{"spam", "sent", mailnews.News{What: mailnews.Complained}, "complained", "spam", consent.Complaint},
		{"an arrival after a complaint", "complained", mailnews.News{What: mailnews.Delivered}, "complained", "", ""},
		{"a bounce after a complaint", "complained", bounce("5.1.1"), "complained", "", consent.HardBounce},
		{"an opening", "sent", mailnews.News{What: mailnews.Nothing, Word: "open"}, "sent", "", ""},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		members := s.members(len(tests))
		for i, tt := range tests {
			s.t = t
			send := s.sent(members[i], tt.was)
			tt.news.ID, tt.news.Marks = tt.name, markOf(send)
			effect := s.tell(s.sender(), tt.news)
			state := s.word("select state || ' ' || reason from sends where id = @id", store.Args{"id": send})
			suppressed := s.word("select coalesce(max(reason), '') from suppressions where email_key = (select email_key from members where id = @m)", store.Args{"m": members[i]})
			if state != tt.state+" "+tt.why || suppressed != tt.suppressed {
				t.Errorf("%s: the send is %q and its address suppressed for %q (%s), want %q and %q", tt.name, state, suppressed, effect, tt.state+" "+tt.why, tt.suppressed)
			}
			if again := s.tell(s.sender(), tt.news); again != "known" {
				t.Errorf("%s, told again: %s, want that it is known", tt.name, again)
			}
		}
	})
}

func TestAMailboxThatIsLongFullIsGivenUp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		start := db.Now()
		s := newShop(t, db)
		member := s.members(1)[0]
		told := 0
		full := func(day int, what mailnews.What) bool {
			s.db = db.At(start.AddDate(0, 0, day))
			told++
			send := s.sent(member, "sent")
			s.exec("delete from passages", nil)
			s.exec("update sends set occurrence_id = -id where id = @id", store.Args{"id": send})
			s.exec("delete from occurrences", nil)
			s.tell(s.sender(), mailnews.News{ID: fmt.Sprint(told), What: what, Status: "4.2.2", Marks: markOf(send)})
			s.tell(s.sender(), mailnews.News{ID: fmt.Sprint(told, "by mail"), What: what, Status: "5.2.2", Marks: markOf(send)})
			return s.number("select count(*) from suppressions", nil) > 0
		}
		for _, step := range []struct {
			day  int
			what mailnews.What
			want bool
		}{{0, mailnews.Bounced, false}, {3, mailnews.Bounced, false}, {20, mailnews.Delivered, false}, // begins anew
			{21, mailnews.Bounced, false}, {22, mailnews.Bounced, false}, {23, mailnews.Bounced, false}, {24, mailnews.Bounced, false},
			{25, mailnews.Bounced, false}, {34, mailnews.Bounced, false}, {35, mailnews.Bounced, true}} {
			if got := full(step.day, step.what); got != step.want {
				t.Errorf("on day %d, told %s: suppressed %v, want %v", step.day, step.what, got, step.want)
			}
		}
	})
}

func TestAnAddressAloneTouchesOnlyWhatIsSure(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		m := s.members(3)
		one, two := s.sent(m[0], "sent"), s.sent(m[1], "sent")
		s.exec("update sends set occurrence_id = -1 where id = @id", store.Args{"id": two})
		s.exec("delete from passages where member_id = @m", store.Args{"m": m[1]})
		s.exec("delete from occurrences where key = @k", store.Args{"k": fmt.Sprintf("passage:%d", m[1])})
		s.sent(m[1], "sent")
		for i := range m {
			s.tell(s.sender(), mailnews.News{ID: fmt.Sprint(i), What: mailnews.Bounced, Status: "5.1.1", Address: strings.ToUpper(fmt.Sprintf("m%d@example.test", i))})
		}
		s.tell(s.sender(), mailnews.News{ID: "forged", What: mailnews.Bounced, Status: "5.1.1", Marks: []string{fmt.Sprintf("send.%d.00000000000000000000@shop.example", two)}})
		s.want("by addresses", map[string]int{"bounced no_such_address": 1, "sent": 2})
		if got := s.number("select id from sends where state = 'bounced'", nil); got != one {
			t.Errorf("send %d bounced, want %d", got, one)
		}
		if got := s.number("select count(*) from suppressions", nil); got != 3 {
			t.Errorf("%d addresses are suppressed, want all 3", got)
		}
	})
}

func TestNewsOfAMailThatIsJustGoingOutIsToBeToldAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		send := s.sent(s.members(1)[0], "handing")
		news := mailnews.News{Source: "ses", ID: "1", What: mailnews.Complained, At: db.Now(), Marks: markOf(send)}
		heard, err := s.sender().Learn(context.Background(), []mailnews.News{news})
		if err != nil || !errors.Is(heard[0].Err, delivery.ErrEarly) {
			t.Fatalf("Learn = %+v, %v, want ErrEarly", heard, err)
		}
		s.exec("update sends set state = 'sent'", nil)
		s.tell(s.sender(), news)
		s.want("told again", map[string]int{"complained spam": 1})
	})
}

func TestComplaintsPauseARun(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		run := s.run("letter", s.members(10), 5)
		s.exec("update sends set state = 'sent', attempts = 1, handed_at = @now, email_key = (select email_key from members m where m.id = member_id)", store.Args{"now": db.Now()})
		first := s.number("select min(id) from sends", nil)
		for i := range int64(3) {
			if state := s.word("select state from runs where id = @run", store.Args{"run": run}); state != "sending" {
				t.Errorf("after %d complaints the run is %s", i, state)
			}
			s.tell(s.sender(), mailnews.News{ID: fmt.Sprint(i), What: mailnews.Complained, Marks: markOf(first + i)})
		}
		if because := s.word("select state || ': ' || because from runs where id = @run", store.Args{"run": run}); !strings.HasPrefix(because, "paused: 3 of 10 mails were called spam") {
			t.Errorf("the run is %q, want it paused for complaints", because)
		}
	})
}

func TestTheSameNewsFiftyTimesOnThreeServersHasItsEffectOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		members := s.members(6)
		var news []mailnews.News
		for i, m := range members {
			send := s.sent(m, "sent")
			for _, what := range []mailnews.What{mailnews.Delivered, mailnews.Bounced, mailnews.Complained} {
				news = append(news, mailnews.News{Source: "ses", ID: fmt.Sprint(i, what), What: what, Status: map[mailnews.What]string{mailnews.Bounced: "5.2.2"}[what], At: db.Now(), Marks: markOf(send)})
			}
		}
		servers := []*delivery.Sender{s.sender(), s.sender(), s.sender()}
		var mu sync.Mutex
		fresh := 0
		var all sync.WaitGroup
		for i := range 50 {
			batch := append([]mailnews.News(nil), news...)
			rand.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
			all.Go(func() {
				heard, err := servers[i%3].Learn(context.Background(), batch)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, h := range heard {
					if !h.Again {
						fresh++
					}
				}
			})
		}
		all.Wait()
		if n := s.number("select count(*) from mail_news", nil); fresh != len(news) || n != int64(len(news)) {
			t.Errorf("%d pieces of news took effect and %d are written down, want %d", fresh, n, len(news))
		}
		s.want("after it", map[string]int{"complained spam": 6})
		if n := s.number("select coalesce(max(n), 0) from soft_bounces", nil); n > 1 {
			t.Errorf("a full mailbox was counted %d times", n)
		}
	})
}

func TestWhoeverAsksForNoMoreGetsNoMore(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		m := s.members(2)
		s.tell(s.sender(), mailnews.News{ID: "1", What: mailnews.OptedOut, Marks: markOf(s.sent(m[0], "sent"))})
		s.tell(s.sender(), mailnews.News{ID: "2", What: mailnews.OptedOut, Address: "m1@example.test"})
		if n := s.number("select count(*) from member_topics where topic = 'offers' and granted", nil); n != 0 {
			t.Errorf("%d members still get offers, want none", n)
		}
	})
}

// What the server said of a mail that came back stands beside its send with the server's
// own code, however the report writes it.
func TestWhatTheServerSaidOfABounceIsKept(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		words := []string{"550 5.1.1 unknown", "smtp;550 5.1.1 unknown", "smtp; 550 5.1.1 unknown"}
		for i, member := range s.members(len(words)) {
			send := s.sent(member, "sent")
			s.tell(s.sender(), mailnews.News{ID: words[i], What: mailnews.Bounced, Status: "5.1.1", Words: words[i], Marks: markOf(send)})
			if got := s.word("select smtp_code || ' ' || smtp_text from sends where id = @id", store.Args{"id": send}); got != "550 5.1.1 unknown" {
				t.Errorf("told %q: %q is kept", words[i], got)
			}
		}
	})
}
