package membership_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"regulars/internal/flows"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/membership"
	"regulars/internal/rules"
	"regulars/internal/shoptest"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// Over weeks of orders and midnights, a segment's members are at all times those
// for whom its rule holds.
func TestSegmentsHoldThoseForWhomTheirRulesHold(t *testing.T) {
	p := shoptest.Program{Segments: "regulars: orders >= 2 and days_since_last_order <= 5\nlost: orders >= 1 and not in_segment(\"regulars\")\nbig: spent(\"7d\") >= 30\n"}
	each(t, p, func(t *testing.T, s *shop) {
		members := s.Join(12)
		s.Work()
		random := rand.New(rand.NewPCG(1, 2))
		for day := range 30 {
			s.Now = shoptest.Helsinki(t, "2027-03-04 00:00").AddDate(0, 0, day)
			s.Work()
			s.checkSegments(fmt.Sprintf("at midnight of day %d", day))
			for range random.IntN(3) {
				s.Now = s.Now.Add(3_600_000_000_000)
				s.Order(members[random.IntN(len(members))], 1000)
			}
			s.checkSegments(fmt.Sprintf("after the orders of day %d", day))
		}
		if n := s.Number("select count(*) from segment_members where left_at is not null"); n < 10 {
			t.Errorf("only %d stays have ended: the test shows nothing", n)
		}
	})
}

// checkSegments compares the table with the rules.
func (s *shop) checkSegments(when string) {
	s.T.Helper()
	s.Do(func(tx *store.Tx) error {
		v, err := versions.Active(tx)
		if err != nil {
			return err
		}
		for _, segment := range v.Program.Segments {
			var want, got int64
			q := rules.Ask(tx, v.Day(tx.At), store.Args{})
			if err := q.One(&want, "select count(*) from facts f join members m on m.id = f.member_id where "+rules.Present+" and "+q.Holds(segment.Rule)); err != nil {
				return err
			}
			if err := tx.One(&got, "select count(*) from segment_members x join segments g on g.id = x.segment_id where x.left_at is null and g.name = @name",
				store.Args{"name": segment.Name}); err != nil {
				return err
			}
			if got != want {
				s.T.Fatalf("%s %s has %d members, want %d", when, segment.Name, got, want)
			}
		}
		if wrong, err := store.Mismoves(tx, 5); err != nil || len(wrong) > 0 {
			s.T.Fatalf("%s the days of segments are not those of their stays: %+v, %v", when, wrong, err)
		}
		return nil
	})
}

// While replicas run the nightly pass, members buy: nobody ends up where they do
// not belong.
func TestOrdersAtMidnightAreNotLostOnSegments(t *testing.T) {
	p := shoptest.Program{Segments: "recent: days_since_last_order <= 10\nlost: days_since_last_order > 10\n", Campaigns: map[string]string{
		"lost": "live: true\nstart: {enters: lost}\nuntil: [order, leaves]\nsteps:\n  - mail: a\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		members := s.Join(100)
		s.Bought(members, 1, 9)
		s.Work()
		s.Now = shoptest.Helsinki(t, "2027-03-05 00:00") // now all of them are lost
		if err := shoptest.Until(s.DB, intake.NewDay); err != nil {
			t.Fatal(err)
		}
		shoptest.Together(t, 4, func(i int) error {
			if i > 1 {
				for n, m := range members {
					if n%2 == i%2 {
						if err := s.buys(m); err != nil {
							return err
						}
					}
				}
				return nil
			}
			for range 20 {
				for _, pass := range []func(context.Context, *store.DB) (int, error){membership.Segments, membership.Entries, flows.React, flows.Advance} {
					if err := shoptest.Until(s.DB, pass); err != nil {
						return err
					}
				}
			}
			return nil
		})
		s.Work()
		s.checkSegments("after a busy midnight")
		s.Want("mails to those who bought", fmt.Sprint(s.Number("select count(*) from sends where state = 'queued'")), "0")
		s.Want("under way", fmt.Sprint(s.Number("select count(*) from passages where state in ('ready', 'sending')")), "0")
	})
}

// buys is order without failing the test from another goroutine.
func (s *shop) buys(member int64) error {
	e := loyalty.Event{Source: "test", Type: loyalty.OrderPlaced, ID: fmt.Sprint("b", member), At: loyalty.At(s.Now.Add(1000))}
	e.Member.ID = fmt.Sprintf("M-%d", member)
	e.Order = &loyalty.Order{ID: fmt.Sprint("b", member), Status: loyalty.Paid, Total: 1000, HasTotal: true}
	results, err := intake.New(s.DB).Apply(context.Background(), []loyalty.Event{e}, intake.Live)
	if err == nil && slices.ContainsFunc(results, func(r intake.Result) bool { return r.State != intake.Stored }) {
		err = fmt.Errorf("order of %d: %+v", member, results)
	}
	return err
}
