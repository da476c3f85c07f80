package membership_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"regulars/internal/happenings"
	"regulars/internal/loyalty"
	"regulars/internal/shoptest"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/segments"
)

// An event asks only the segments that read what it changed: a row that is wrong
// stays wrong in all others.
func TestAnEventAsksOnlyTheSegmentsThatReadWhatItChanged(t *testing.T) {
	p := shoptest.Program{More: "attributes: {plan: text}\n", Segments: strings.Join([]string{
		`buyers: orders >= 1`, `collectors: points >= 10`, `readers: events("read") >= 1`, `finns: country == "FI"`,
		`tagged: tag("club")`, `gold: plan == "gold"`, `agreed: consent("offers") and not joined`, `no-buyers: not in_segment("buyers") and points < 0`,
	}, "\n") + "\n"}
	each(t, p, func(t *testing.T, s *shop) {
		m := s.Join(1)[0]
		s.Work()
		s.Order(m, 1000) // so that none of what follows changes an answer
		s.Event("read", m, nil)
		all := []string{"agreed", "buyers", "collectors", "finns", "gold", "no-buyers", "readers", "tagged"}
		for _, tt := range []struct {
			what string
			do   func()
			asks []string
		}{
			{"a visit", func() { s.Event("visit", m, nil) }, nil},
			{"an event that a segment counts", func() { s.Event("looked", m, nil); s.Event("read", m, nil) }, []string{"readers"}},
			{"an order", func() { s.Order(m, 1000) }, []string{"buyers", "no-buyers"}},
			{"points", func() {
				s.Event(loyalty.PointsChanged, m, func(e *loyalty.Event) { n := int64(3); e.Points = &loyalty.Points{Delta: &n} })
			},
				[]string{"collectors", "no-buyers"}},
			{"a tag", func() { s.Event("visit", m, func(e *loyalty.Event) { e.Member.Tags = []string{"vip"} }) }, []string{"agreed", "finns", "gold", "tagged"}},
			{"what is known already", func() { s.Event("visit", m, func(e *loyalty.Event) { e.Member.Country = "" }) }, nil},
			{"a country", func() { s.Event("visit", m, func(e *loyalty.Event) { e.Member.Country = "SE" }) }, []string{"agreed", "finns", "gold", "tagged"}},
			{"the same country again", func() { s.Event("visit", m, func(e *loyalty.Event) { e.Member.Country = "SE" }) }, nil},
			{"an answer to a topic", func() {
				s.Event("visit", m, func(e *loyalty.Event) { e.Member.Consent = map[string]bool{"offers": false} })
			},
				[]string{"agreed", "finns", "gold", "tagged"}},
			{"a change by hand", func() {
				s.Do(func(tx *store.Tx) error { return happenings.Changed(tx, []int64{m}, segments.Change{Profile: true}) })
			}, []string{"agreed", "finns", "gold", "tagged"}},
			{"anything at all", func() {
				s.Do(func(tx *store.Tx) error { return happenings.Changed(tx, []int64{m}, segments.Change{Everything: true}) })
			}, all},
		} {
			s.Want(tt.what+" asks", fmt.Sprint(s.asked(m, tt.do)), fmt.Sprint(tt.asks))
		}
	})
}

// asked puts the member on the wrong side of every segment, does something, and
// returns the segments that put it right.
func (s *shop) asked(member int64, do func()) (asked []string) {
	s.T.Helper()
	s.Now = s.Now.Add(1_000_000_000)
	s.React()
	s.Do(func(tx *store.Tx) error { return s.flip(tx, member) })
	wrong := s.stays(member)
	do()
	s.React()
	for name, in := range s.stays(member) {
		if in != wrong[name] {
			asked = append(asked, name)
		}
	}
	slices.Sort(asked)
	s.Do(func(tx *store.Tx) error {
		return happenings.Changed(tx, []int64{member}, segments.Change{Everything: true})
	})
	s.React()
	return asked
}

// flip makes the table say the opposite of the rules about a member.
func (s *shop) flip(tx *store.Tx, member int64) error {
	args := store.Args{"member": member, "now": tx.At, "segments": []int64{}}
	var inside []int64
	if err := tx.All(&inside, "select segment_id from segment_members where member_id = @member and left_at is null", args); err != nil {
		return err
	}
	if _, err := tx.Exec("delete from segment_members where member_id = @member", args); err != nil {
		return err
	}
	args["segments"] = append(inside, -1)
	_, err := tx.Exec(`
		insert into segment_members (segment_id, member_id, entered_at, entered_day, handled)
		select id, @member, @now, 0, true from segments where id not in @segments`, args)
	return err
}

// stays says of each segment whether the table has the member inside.
func (s *shop) stays(member int64) map[string]bool {
	s.T.Helper()
	var rows []struct {
		Name   string
		Inside bool
	}
	s.Do(func(tx *store.Tx) error {
		return tx.All(&rows, `
			select g.name, x.member_id is not null as inside
			from   segments g
			left   join segment_members x on x.segment_id = g.id and x.member_id = @member and x.left_at is null
			where  g.removed_at is null`, store.Args{"member": member})
	})
	stays := map[string]bool{}
	for _, r := range rows {
		stays[r.Name] = r.Inside
	}
	return stays
}

// Over random events nobody is where a question to all segments would not have
// put them: none that should have been asked is left out.
func TestNoSegmentThatAnEventChangesIsLeftOut(t *testing.T) {
	p := shoptest.Program{More: "attributes: {plan: text, ends: date}\n", Segments: strings.Join([]string{
		`buyers: orders >= 2`, `spenders: spent("30d") >= 30`, `cats: bought_category("cat food")`, `none: orders == 0`,
		`collectors: points >= 10`, `readers: events("read", "7d") >= 2`, `finns: country == "FI"`, `swedish: language == "sv"`,
		`tagged: tag("club") or "vip" in tags`, `gold: plan == "gold"`, `ending: days_since(ends) >= 0`, `agreed: consent("offers")`,
		`members: joined`, `everybody: true`, `nested: in_segment("buyers") and not in_segment("finns")`,
		`deep: in_segment("nested") or in_segment("readers")`, `likes: favourite_category == "cat food"`, `compared: points > orders`,
		`unknown: not known(country)`,
	}, "\n") + "\n"}
	each(t, p, func(t *testing.T, s *shop) {
		s.Join(3)
		s.Work()
		random := rand.New(rand.NewPCG(7, 11))
		for i := range 120 {
			s.Now = s.Now.Add(60_000_000_000)
			s.happens(random, 1+random.Int64N(6)) // some of them unknown at first
			s.checkEverybody(fmt.Sprintf("after event %d", i))
		}
	})
}

// happens has something happen to a member, with or without news of the person.
func (s *shop) happens(random *rand.Rand, member int64) {
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	news := func(e *loyalty.Event) {
		switch random.IntN(9) {
		case 0:
			e.Member.Country = pick("FI", "SE")
		case 1:
			e.Member.Language = pick("sv", "fi")
		case 2:
			e.Member.Tags = []string{pick("club", "vip", "x")}
		case 3:
			e.Member.Attributes = map[string]any{"plan": pick("gold", "free"), "ends": pick("2027-03-01", "2027-09-01")}
		case 4:
			yes := random.IntN(2) == 0
			e.Member.Consent = map[string]bool{"offers": yes}
		case 5:
			yes := true
			e.Member.Joined = &yes
		case 6:
			if random.IntN(4) == 0 {
				e.At = loyalty.At(s.Now.AddDate(0, 0, 1)) // by a clock that is wrong
			}
		}
	}
	order := func(id string, status string) func(*loyalty.Event) {
		return func(e *loyalty.Event) {
			news(e)
			total := 1000 * (1 + random.Int64N(3))
			e.Order = &loyalty.Order{ID: id, Status: status, Total: total, HasTotal: true,
				Lines: []loyalty.Line{{Product: "P", Category: pick("cat food", "dog food"), Quantity: 1, Total: total}}}
		}
	}
	switch random.IntN(6) {
	case 0, 1:
		s.Event(loyalty.OrderPlaced, member, order(fmt.Sprint("r-", s.N), loyalty.Paid))
	case 2:
		s.Event(loyalty.OrderChanged, member, order(fmt.Sprint("r-", random.IntN(s.N+1)), pick(loyalty.Paid, loyalty.Cancelled, loyalty.Refunded)))
	case 3:
		s.Event(loyalty.PointsChanged, member, func(e *loyalty.Event) {
			n := random.Int64N(12) - 3
			e.Points = &loyalty.Points{Delta: &n}
			news(e)
		})
	case 4:
		s.Event(pick("read", "visit", loyalty.MemberChanged), member, news)
	default:
		s.Event("read", member, news)
	}
}

// checkEverybody compares the table with the rules, member by member.
func (s *shop) checkEverybody(when string) {
	s.T.Helper()
	s.Do(func(tx *store.Tx) error {
		v, err := versions.Active(tx)
		if err != nil {
			return err
		}
		for _, segment := range v.Program.Segments {
			where, args := segment.Rule.SQL(segments.Query{Engine: tx.Engine(), Day: v.Day(tx.At)})
			var want, got []int64
			if err := tx.All(&want, "select f.member_id from facts f where "+where+" order by 1", args); err != nil {
				return err
			}
			if err := tx.All(&got, "select x.member_id from segment_members x join segments g on g.id = x.segment_id where x.left_at is null and g.name = @name order by 1",
				store.Args{"name": segment.Name}); err != nil {
				return err
			}
			if !slices.Equal(got, want) {
				s.T.Fatalf("%s (%s) %s holds %v, want %v", when, tx.Engine(), segment.Name, got, want)
			}
		}
		return nil
	})
}
