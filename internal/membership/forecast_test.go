package membership_test

import (
	"context"
	"strings"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/shoptest"
	"regulars/internal/store"
	"regulars/internal/why"
)

// foretold is a program in which rules over the forecast stand wherever a rule
// may, beside campaigns and a segment without any.
func foretold() shoptest.Program {
	return shoptest.Program{
		Segments: "sleeping: alive < 0.3\nbuyers: orders >= 1\n",
		Campaigns: map[string]string{
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
		s.Join(2)
		s.At("2027-03-03 12:01")
		s.Event(loyalty.MemberJoined, 3, shoptest.Joining(3))
		s.Work()
		s.Want("a member joins", s.Ledger(), "1 1-first queued, 1 1-hello queued")
		s.Order(3, 1000)
		s.Want("and orders", s.Ledger(), "1 1-first queued, 1 1-hello queued")
		s.Want("is in the other segment", s.inside("buyers"), "1")
		s.Deliver("sent")
		s.Work()
		s.Want("the step waits and says why", s.Passages(), "1 done, 1 ready alive "+tooFew)
		s.At("2027-03-04 09:00")
		s.Want("the date of the one is skipped with the reason", s.Counted("select reason as what, count(*) as n from occurrences where decision = 'skipped' group by 1"),
			"1 alive "+tooFew)
		s.Want("the other's goes out", s.Counted("select 'letters' as what, count(*) as n from sends where step = '1-letter' and state = 'queued' having count(*) > 0"), "3 letters")
		s.Want("campaigns say why", s.Counted("select name || ': ' || unready as what, count(*) as n from campaigns where unready <> '' group by 1"),
			strings.Join([]string{"1 bought: alive " + tooFew, "1 flow: alive " + tooFew, "1 likely: expected_orders " + tooFew, "1 news: alive " + tooFew, "1 wake-up: alive " + tooFew}, ", "))
		s.Want("so does the segment", s.Counted("select because as what, count(*) as n from segments where because <> '' group by 1"), "1 alive "+tooFew)
		s.whySays(3, "likely", "for", "expected_orders "+tooFew)
		s.whySays(3, "flow", "passage", "alive "+tooFew)
	})
}

// TestTheForecastBegins gives the shop customers who come back: the next night
// what waited goes on.
func TestTheForecastBegins(t *testing.T) {
	each(t, foretold(), func(t *testing.T, s *shop) {
		s.Event(loyalty.MemberJoined, 1, shoptest.Joining(1))
		s.Deliver("sent")
		s.Work()
		regulars := s.Join(150)
		s.Bought(regulars[:120], 2, 100)
		s.Bought(regulars[:60], 1, 4)
		s.Bought(regulars[120:], 1, 300)
		s.Order(1, 1000)
		s.At("2027-03-04 09:00")
		s.Want("no campaign waits", s.Counted("select name as what, count(*) as n from campaigns where unready <> '' group by 1"), "")
		s.Want("nor a segment", s.Counted("select name as what, count(*) as n from segments where failed_day is not null group by 1"), "")
		s.Want("the second mail goes out", s.Counted("select 'second' as what, count(*) as n from sends where step = '2-second' having count(*) > 0"), "1 second")
		s.Want("those of the segment who were there get theirs", s.inside("sleeping"), s.countOf("1-wake"))
		if n := s.Number("select count(*) from expectations"); n == 0 {
			t.Error("nothing is kept of what is expected")
		}
		if s.inside("sleeping") == "0" {
			t.Error("nobody sleeps: this test compares nothing")
		}
	})
}

// inside counts the members of a segment.
func (s *shop) inside(segment string) string {
	s.T.Helper()
	n := s.Counted("select 'x' as what, count(*) as n from segment_members i join segments g on g.id = i.segment_id where i.left_at is null and g.name = '" + segment + "'")
	return strings.TrimSuffix(n, " x")
}

func (s *shop) countOf(mail string) string {
	s.T.Helper()
	return strings.TrimSuffix(s.Counted("select 'x' as what, count(*) as n from sends where step = '"+mail+"'"), " x")
}

// whySays wants a line of the chain between a member and a campaign to say something.
func (s *shop) whySays(member int64, name, about, want string) {
	s.T.Helper()
	var lines []why.Line
	err := s.DB.View(context.Background(), func(tx *store.Tx) (err error) {
		lines, err = why.Chain(tx, member, name, 0)
		return err
	})
	if err != nil {
		s.T.Fatal(err)
	}
	for _, l := range lines {
		if l.About == about && strings.Contains(l.Text, want) {
			return
		}
	}
	s.T.Errorf("why %s: no line about %s says %q: %v", name, about, want, lines)
}
