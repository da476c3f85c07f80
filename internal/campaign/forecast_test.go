package campaign_test

import (
	"context"
	"strings"
	"testing"

	"regulars/internal/campaign"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// foretold is a program in which rules over the forecast stand wherever a rule
// may, beside campaigns and a segment without any.
func foretold() program {
	return program{
		segments: "sleeping: alive < 0.3\nbuyers: orders >= 1\n",
		campaigns: map[string]string{
			"wake-up": "live: true\nstart: {enters: sleeping, existing: all}\nsteps:\n  - mail: 1-wake\n",
			"hello":   "live: true\nstart: joins\nsteps:\n  - mail: 1-hello\n",
			"likely":  "live: true\nstart: joins\nfor: expected_orders(\"90d\") >= 0\nsteps:\n  - mail: 1-likely\n",
			"flow":    "live: true\nstart: joins\nsteps:\n  - mail: 1-first\n  - if: alive >= 0\n    mail: 2-second\n",
			"bought":  "live: true\nstart: {event: order.placed}\nexcept: alive < 0\nagain: each\nsteps:\n  - mail: 1-bought\n",
			"news":    "live: true\nstart: {every: day 09:00}\nfor: alive >= 0\nsteps:\n  - mail: 1-news\n",
			"letter":  "live: true\nstart: {every: day 09:00}\nsteps:\n  - mail: 1-letter\n",
		},
	}
}

const tooFew = "cannot be said yet: only 0 members have ordered on two days or more, and 100 are needed"

// TestARuleThatCannotBeAnsweredHoldsUpNobodyElse lets a shop that is too young to
// forecast live through a night, a date and an event.
func TestARuleThatCannotBeAnsweredHoldsUpNobodyElse(t *testing.T) {
	each(t, foretold(), func(t *testing.T, s *shop) {
		s.join(2)
		s.at("2027-03-03 12:01")
		s.event(loyalty.MemberJoined, 3, joining(3))
		s.work()
		s.want("a member joins", s.ledger(), "1 1-first queued, 1 1-hello queued")
		s.order(3, 1000)
		s.want("and orders", s.ledger(), "1 1-first queued, 1 1-hello queued")
		s.want("is in the other segment", s.inside("buyers"), "1")
		s.deliver("sent")
		s.work()
		s.want("the step waits and says why", s.passages(), "1 done, 1 ready alive "+tooFew)
		s.at("2027-03-04 09:00")
		s.want("the date of the one is skipped with the reason", s.counted("select reason as what, count(*) as n from occurrences where decision = 'skipped' group by 1"),
			"1 alive "+tooFew)
		s.want("the other's goes out", s.counted("select 'letters' as what, count(*) as n from sends where step = '1-letter' and state = 'queued' having count(*) > 0"), "3 letters")
		s.want("campaigns say why", s.counted("select name || ': ' || unready as what, count(*) as n from campaigns where unready <> '' group by 1"),
			strings.Join([]string{"1 bought: alive " + tooFew, "1 flow: alive " + tooFew, "1 likely: expected_orders " + tooFew, "1 news: alive " + tooFew, "1 wake-up: alive " + tooFew}, ", "))
		s.want("so does the segment", s.counted("select because as what, count(*) as n from segments where because <> '' group by 1"), "1 alive "+tooFew)
		s.whySays(3, "likely", "for", "expected_orders "+tooFew)
		s.whySays(3, "flow", "passage", "alive "+tooFew)
	})
}

// TestTheForecastBegins gives the shop customers who come back: the next night
// what waited goes on.
func TestTheForecastBegins(t *testing.T) {
	each(t, foretold(), func(t *testing.T, s *shop) {
		s.event(loyalty.MemberJoined, 1, joining(1))
		s.deliver("sent")
		s.work()
		regulars := s.join(150)
		s.bought(regulars[:120], 2, 100)
		s.bought(regulars[:60], 1, 4)
		s.bought(regulars[120:], 1, 300)
		s.order(1, 1000)
		s.at("2027-03-04 09:00")
		s.want("no campaign waits", s.counted("select name as what, count(*) as n from campaigns where unready <> '' group by 1"), "")
		s.want("nor a segment", s.counted("select name as what, count(*) as n from segments where failed_day is not null group by 1"), "")
		s.want("the second mail goes out", s.counted("select 'second' as what, count(*) as n from sends where step = '2-second' having count(*) > 0"), "1 second")
		s.want("those of the segment who were there get theirs", s.inside("sleeping"), s.countOf("1-wake"))
		if n := s.number("select count(*) from expectations"); n == 0 {
			t.Error("nothing is kept of what is expected")
		}
		if s.inside("sleeping") == "0" {
			t.Error("nobody sleeps: this test compares nothing")
		}
	})
}

// inside counts the members of a segment.
func (s *shop) inside(segment string) string {
	s.t.Helper()
	n := s.counted("select 'x' as what, count(*) as n from segment_members i join segments g on g.id = i.segment_id where i.left_at is null and g.name = '" + segment + "'")
	return strings.TrimSuffix(n, " x")
}

func (s *shop) countOf(mail string) string {
	s.t.Helper()
	return strings.TrimSuffix(s.counted("select 'x' as what, count(*) as n from sends where step = '"+mail+"'"), " x")
}

// whySays wants a line of the chain between a member and a campaign to say something.
func (s *shop) whySays(member int64, name, about, want string) {
	s.t.Helper()
	var lines []campaign.Line
	err := s.db.View(context.Background(), func(tx *store.Tx) (err error) {
		lines, err = s.book.Why(tx, member, name, 0)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, l := range lines {
		if l.About == about && strings.Contains(l.Text, want) {
			return
		}
	}
	s.t.Errorf("why %s: no line about %s says %q: %v", name, about, want, lines)
}
