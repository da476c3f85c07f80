package tiers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"regulars/internal/happenings"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/shoptest"
	"regulars/internal/store"
	"regulars/internal/tiers"
	"regulars/internal/versions"
)

const silverAndGold = `
tiers:
  silver: {when: spent("12m") >= 100.00, keep: 12m}
  gold:   {when: spent("12m") >= 250.00, keep: 12m, grace: 30d}
`

// climbing is a program with tiers, and a campaign for each that tells of what becomes
// of them.
func climbing(tiers string) shoptest.Program {
	starts := map[string]string{
		"any-tier": "event: tier.up", "silver": `event: tier.up, where: tier == "silver"`, "gold": `event: tier.up, where: tier == "gold"`,
		"kept": "event: tier.kept", "down": "event: tier.down", "ending": "event: tier.ending",
	}
	p := shoptest.Program{Extra: map[string]string{"loyalty.yaml": tiers}, Segments: "golden: tier == \"gold\"\n", Campaigns: map[string]string{}}
	for name, start := range starts {
		event, where, _ := strings.Cut(start, ", where: ")
		if where != "" {
			where = ", where: '" + where + "'"
		}
		p.Campaigns[name] = "live: true\nclass: earned\nagain: each\nstart: {" + event + where + "}\nsteps:\n  - mail: " + name + "\n"
	}
	return p
}

// plain is a program with tiers and nothing else.
func plain(tiers string) shoptest.Program {
	return shoptest.Program{Extra: map[string]string{"loyalty.yaml": tiers}}
}

type shop struct{ *shoptest.Shop }

func each(t *testing.T, p shoptest.Program, f func(t *testing.T, s *shop)) {
	shoptest.Each(t, p, func(t *testing.T, s *shoptest.Shop) { f(t, &shop{s}) })
}

// stays are those of a member: tier since – last → left.
func (s *shop) stays(member int64) string {
	s.T.Helper()
	var rows []struct {
		Tier             string
		SinceDay         int64
		LastDay, LeftDay *int64
	}
	s.All(&rows, "select tier, since_day, last_day, left_day from member_tiers where member_id = @member order by id", store.Args{"member": member})
	var all []string
	for _, r := range rows {
		text := r.Tier + " " + loyalty.Day(r.SinceDay).String()
		if r.LastDay != nil {
			text += " – " + loyalty.Day(*r.LastDay).String()
		}
		if r.LeftDay != nil {
			text += " → " + loyalty.Day(*r.LeftDay).String()
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

// tier is the member's tier as the facts have it.
func (s *shop) tier(member int64) string {
	s.T.Helper()
	var tier []string
	s.All(&tier, "select tier from facts where member_id = @member", store.Args{"member": member})
	return strings.Join(tier, "")
}

// mails are those of a member, by their campaigns.
func (s *shop) mails(member int64) string {
	s.T.Helper()
	var names []string
	s.All(&names, "select c.name from sends x join campaigns c on c.id = x.campaign_id where x.member_id = @member order by x.id", store.Args{"member": member})
	return strings.Join(names, " ")
}

// told are the events of ours about a member.
func (s *shop) told(member int64) string {
	s.T.Helper()
	var rows []struct{ Type, Properties string }
	s.All(&rows, "select type, cast(properties as text) as properties from events where source = 'regulars' and member_id = @member order by id", store.Args{"member": member})
	var all []string
	for _, r := range rows {
		all = append(all, r.Type+" "+strings.NewReplacer(" ", "", `"`, "").Replace(r.Properties))
	}
	return strings.Join(all, "; ")
}

// The order that reaches a tier has it in its own transaction, and the mail is of the
// highest step.
func TestAnOrderReachesATierAtOnce(t *testing.T) {
	each(t, climbing(silverAndGold), func(t *testing.T, s *shop) {
		m := s.Join(2)
		s.At("2027-03-10 12:00")
		s.Order(m[0], 9999)
		s.Want("below silver", s.stays(m[0])+s.tier(m[0]), "")
		s.Order(m[0], 1)
		s.Want("silver", s.stays(m[0]), "silver 2027-03-10 – 2028-03-10")
		s.Want("facts", s.tier(m[0]), "silver")
		s.Work()
		s.Want("mails", s.mails(m[0]), "any-tier silver")

		s.Order(m[1], 30000)
		s.Want("gold at once", s.stays(m[1]), "gold 2027-03-10 – 2028-03-10")
		s.Want("a step each", s.told(m[1]), "tier.up {from:,tier:silver}; tier.up {from:silver,tier:gold,until:2028-04-09}")
		s.Work()
		s.Want("one mail", s.mails(m[1]), "any-tier gold")
		var because []string
		s.All(&because, "select because from member_tiers where tier = 'gold'", nil)
		s.Want("because", strings.Join(because, "|"), `spent("12m") >= 250.00: has spent 300.00 EUR in the last 12 months`)
		s.Want("the segment", fmt.Sprint(s.Number("select count(*) from segment_members where left_at is null")), "1")
		s.Want("the order", fmt.Sprint(s.Number("select count(*) from member_tiers t join orders o on o.id = t.order_id and o.total in (1, 30000)")), "2")
	})
}

// A tier is kept through its last day with that day's orders, then anew, and after its
// grace left for what then holds.
func TestATierEndsAtTheEndOfItsLastDay(t *testing.T) {
	each(t, climbing(silverAndGold), func(t *testing.T, s *shop) {
		m := s.Join(3)
		s.At("2027-03-10 12:00")
		for _, one := range m {
			s.Order(one, 25000)
		}
		s.At("2028-03-01 12:00")
		s.Order(m[2], 12000)
		s.At("2028-03-10 23:00")
		s.Order(m[1], 25000)
		s.Want("on the last day", s.stays(m[0]), "gold 2027-03-10 – 2028-03-10")
		s.At("2028-03-11 00:10")
		s.Want("kept", s.stays(m[1]), "gold 2027-03-10 – 2029-03-10")
		s.Want("in grace", s.stays(m[0]), "gold 2027-03-10 – 2028-03-10")
		s.At("2028-04-09 12:00")
		s.Want("its last day", s.tier(m[0])+" "+s.tier(m[2]), "gold gold")
		s.At("2028-04-10 00:10")
		s.Want("none", s.stays(m[0])+s.tier(m[0]), "gold 2027-03-10 – 2028-03-10 → 2028-04-10")
		s.Want("silver", s.stays(m[2]), "gold 2027-03-10 – 2028-03-10 → 2028-04-10; silver 2028-04-10 – 2029-04-09")
		s.Want("facts", s.tier(m[2]), "silver")
		s.Want("mails of who lost it", s.mails(m[0]), "any-tier gold ending down")
		s.Want("mails of who kept it", s.mails(m[1]), "any-tier gold ending kept")
		s.Want("the segment", fmt.Sprint(s.Number("select count(*) from segment_members where left_at is null")), "1")
		s.Want("told", s.told(m[2]), "tier.up {from:,tier:silver}; tier.up {from:silver,tier:gold,until:2028-04-09}; "+
			"tier.ending {next:silver,tier:gold,until:2028-04-09}; tier.down {from:gold,tier:silver,until:2029-04-09}")
	})
}

// A night that comes weeks late decides as those in time would have, also for members
// who order before it comes.
func TestALateNightDecidesAsOneInTime(t *testing.T) {
	t.Parallel()
	ladder := strings.Replace(silverAndGold, ", keep: 12m}", ", keep: 1m}", 1) + "  platinum: {when: spent(\"7d\") >= 500.00}\n"
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprint("late ", late), func(t *testing.T) {
			each(t, plain(ladder), func(t *testing.T, s *shop) {
				m := s.Join(4)
				s.At("2027-03-10 12:00")
				s.Order(m[0], 60000)
				s.Order(m[1], 60000)
				s.Order(m[2], 10000)
				s.Order(m[3], 10000)
				for day := s.Now.AddDate(0, 0, 1); day.Before(shoptest.Helsinki(t, "2027-04-21 00:00")); day = day.AddDate(0, 0, 1) {
					if s.Now = day; !late {
						s.Work()
					}
					switch day.Format("01-02") {
					case "03-16":
						s.Order(m[1], 10000)
					case "04-13": // a month's worth of nights has not come
						s.Order(m[1], 10000)
						s.Order(m[3], 10000)
					}
				}
				s.Work()
				for i, want := range []string{
					"platinum 2027-03-10 → 2027-03-18; gold 2027-03-18 – 2028-03-17",
					"platinum 2027-03-10 → 2027-03-18; gold 2027-03-18 – 2028-03-17",
					"silver 2027-03-10 – 2027-05-10",
					"silver 2027-03-10 – 2027-05-10",
				} {
					s.Want(fmt.Sprint("member ", i), s.stays(m[i]), want)
				}
			})
		})
	}
}

// D10: doctor finds the stay that nobody and nothing speaks for.
func TestATierThatNothingSpeaksForIsFound(t *testing.T) {
	each(t, plain(silverAndGold), func(t *testing.T, s *shop) {
		m := s.Join(3)
		s.At("2027-03-10 12:00")
		s.Order(m[0], 30000)
		s.Order(m[1], 30000)
		s.At("2028-04-10 12:00")
		s.Order(m[1], 10000)
		doubts := func() (said string) {
			s.Do(func(tx *store.Tx) error {
				all, err := tiers.Doubts(tx)
				said = fmt.Sprint(all)
				return err
			})
			return said
		}
		s.Want("doubts", doubts(), "[]")
		s.Do(func(tx *store.Tx) error {
			_, err := tx.Exec("update member_tiers set tier = 'gold' where member_id = @member and left_day is null", store.Args{"member": m[1]})
			return err
		})
		s.Want("doubts", doubts(), fmt.Sprintf("[{%d gold 2028-04-10 is in gold since 2028-04-10, which neither its rule in version 1 nor a person says}]", m[1]))
	})
}

// Points that are earned count for a tier while they are pending, and what the order
// earns is by the tier before it.
func TestPendingPointsCountForATier(t *testing.T) {
	p := plain("points: {earn: [1 per 1.00], pending: 14d}\ntiers:\n  silver: {when: points_earned(\"12m\") >= 100, keep: 12m, earn: 2x}\n")
	each(t, p, func(t *testing.T, s *shop) {
		m := s.Join(1)[0]
		s.At("2027-03-10 12:00")
		s.Order(m, 10000)
		s.Want("silver", s.stays(m), "silver 2027-03-10 – 2028-03-10")
		s.At("2027-03-10 13:00")
		s.Order(m, 10000)
		s.Want("earned", s.Counted("select tier || ' ' || amount as what, count(*) as n from entries group by 1"), "1  100, 1 silver 200")
	})
}

// Orders that come in together earn by the tier of their own moment; so does one that
// comes in after the next tier was reached.
func TestOrdersEarnByTheTierOfTheirMoment(t *testing.T) {
	p := plain("points: {earn: [1 per 1.00]}\ntiers:\n  silver: {when: spent(\"12m\") >= 100.00, keep: 12m, earn: 2x}\n  gold: {when: spent(\"12m\") >= 250.00, keep: 12m, earn: 3x}\n")
	each(t, p, func(t *testing.T, s *shop) {
		m := s.Join(1)[0]
		s.At("2027-03-10 12:00")
		event := func(order string, hoursAgo int) loyalty.Event {
			e := loyalty.Event{Source: "test", Type: loyalty.OrderPlaced, ID: order, At: loyalty.At(s.Now.Add(-time.Duration(hoursAgo) * time.Hour))}
			e.Member.ID = fmt.Sprintf("M-%d", m)
			e.Order = &loyalty.Order{ID: order, Status: loyalty.Paid, Total: 10000, HasTotal: true}
			return e
		}
		for _, together := range [][]loyalty.Event{{event("a", 8), event("b", 6), event("c", 4), event("d", 3)}, {event("late", 5)}} {
			if _, err := intake.New(s.DB).Apply(t.Context(), together, intake.Live); err != nil {
				t.Fatal(err)
			}
		}
		s.Want("earned", s.Counted("select o.external_id || ' ' || e.tier || ' ' || e.amount as what, count(*) as n from entries e join orders o on o.id = e.order_id group by 1"),
			"1 a  100, 1 b silver 200, 1 c silver 200, 1 d gold 300, 1 late silver 200")
	})
}

// A refund takes back what a pending order reached, and no other.
func TestARefundUndoesWhatAPendingOrderReached(t *testing.T) {
	p := climbing("points: {earn: [1 per 1.00], pending: 14d}\n" + silverAndGold)
	each(t, p, func(t *testing.T, s *shop) {
		m := s.Join(2)
		refund := func(member int64, order string, total int64) {
			s.Event(loyalty.OrderRefunded, member, func(e *loyalty.Event) {
				e.Order, e.Refund = &loyalty.Order{ID: order}, &loyalty.Refund{ID: "r" + order, Total: total}
			})
		}
		buy := func(member int64, order string, total int64) {
			s.Event(loyalty.OrderPlaced, member, func(e *loyalty.Event) {
				e.Order = &loyalty.Order{ID: order, Status: loyalty.Paid, Total: total, HasTotal: true}
			})
		}
		s.At("2027-03-10 12:00")
		buy(m[0], "a", 10000)
		buy(m[1], "b", 10000)
		s.At("2027-03-12 12:00")
		buy(m[0], "c", 20000)
		s.Want("gold", s.tier(m[0]), "gold")
		s.At("2027-03-25 23:00")
		refund(m[0], "c", 20000)
		s.Want("silver as before", s.stays(m[0]), "silver 2027-03-10 – 2028-03-10 → 2027-03-12; gold 2027-03-12 – 2028-03-12 → 2027-03-25; silver 2027-03-25 – 2028-03-10")
		s.Want("facts", s.tier(m[0]), "silver")
		refund(m[1], "b", 10000)
		s.Want("no longer pending", s.stays(m[1]), "silver 2027-03-10 – 2028-03-10")
	})
}

// A membership that was bought ends with its order, whenever that is given back.
func TestAPaidMembershipEndsWithItsOrder(t *testing.T) {
	each(t, plain("tiers:\n  club: {when: 'bought_product(\"Club\", \"12m\")', keep: 12m, ends: with the order}\n"), func(t *testing.T, s *shop) {
		m := s.Join(1)[0]
		s.At("2027-03-10 12:00")
		s.Event(loyalty.OrderPlaced, m, func(e *loyalty.Event) {
			e.Order = &loyalty.Order{ID: "fee", Status: loyalty.Paid, Total: 2900, HasTotal: true, Lines: []loyalty.Line{{Product: "Club", Quantity: 1, Total: 2900}}}
		})
		s.Want("club", s.stays(m), "club 2027-03-10 – 2028-03-10")
		s.At("2027-08-10 12:00")
		s.Event(loyalty.OrderRefunded, m, func(e *loyalty.Event) {
			e.Order, e.Refund = &loyalty.Order{ID: "fee"}, &loyalty.Refund{ID: "r", Total: 2900}
		})
		s.Want("over", s.stays(m)+s.tier(m), "club 2027-03-10 – 2028-03-10 → 2027-08-10")
	})
}

// New tiers are everybody's who holds them, and nobody is mailed about the past; nor is
// it by an order that comes late.
func TestNobodyIsMailedAboutThePast(t *testing.T) {
	each(t, shoptest.Program{}, func(t *testing.T, s *shop) {
		m := s.Join(3)
		s.At("2027-03-10 12:00")
		s.Order(m[0], 30000)
		s.Order(m[1], 30000)
		s.Work()
		s.Want("no tiers", fmt.Sprint(s.Number("select count(*) from member_tiers")+s.Number("select count(*) from passes where name = 'tiers'")), "0")
		s.Apply(climbing(silverAndGold))
		s.Work()
		s.Want("gold since the apply", s.stays(m[0]), "gold 2027-03-10 – 2028-03-10")
		s.Event(loyalty.OrderPlaced, m[2], func(e *loyalty.Event) {
			e.At = loyalty.At(s.Now.AddDate(0, 0, -20))
			e.Order = &loyalty.Order{ID: "late", Status: loyalty.Paid, Total: 30000, HasTotal: true}
		})
		s.Work()
		s.Want("gold by a late order", s.stays(m[2]), "gold 2027-03-10 – 2028-03-10")
		s.Want("mails", s.mails(m[0])+s.mails(m[1])+s.mails(m[2]), "")
		s.Want("the segment", fmt.Sprint(s.Number("select count(*) from segment_members where left_at is null")), "3")

		s.Apply(plain(strings.ReplaceAll(silverAndGold, "gold:  ", "golden:")))
		s.Work()
		s.Want("a tier that is no more", s.stays(m[0]), "gold 2027-03-10 – 2028-03-10 → 2027-03-10; golden 2027-03-10 – 2028-03-10")
		s.Apply(shoptest.Program{})
		s.Want("no tiers any more", s.stays(m[0])+s.tier(m[0]), "gold 2027-03-10 – 2028-03-10 → 2027-03-10; golden 2027-03-10 – 2028-03-10 → 2027-03-10")
		s.Want("mails", fmt.Sprint(s.Number("select count(*) from sends")), "0")
	})
}

// A rule that cannot be answered yet keeps neither an apply nor an order back, and is
// answered in the first night in which it can be, without mailing anybody.
func TestATierWhoseRuleCannotBeAnsweredYetWaits(t *testing.T) {
	each(t, climbing(strings.Replace(silverAndGold, `spent("12m") >= 250.00`, `alive > 0.01`, 1)), func(t *testing.T, s *shop) {
		m := s.Join(1)[0]
		s.At("2027-03-10 12:00")
		s.Order(m, 30000)
		s.At("2027-03-11 12:00")
		s.Want("nobody has a tier", s.stays(m)+s.told(m), "")
		s.Apply(climbing(silverAndGold))
		s.Work()
		s.Want("gold since the order", s.stays(m), "gold 2027-03-10 – 2028-03-10")
		s.Want("mails", s.mails(m), "")
	})
}

// A person may give a tier until a day, which is its last whatever grace the tier has, and
// take it away, but not below what the rule says.
func TestAPersonGivesATier(t *testing.T) {
	each(t, climbing(silverAndGold), func(t *testing.T, s *shop) {
		m := s.Join(2)
		s.At("2027-03-10 12:00")
		until := loyalty.Date(2027, 6, 30)
		set := func(member int64, h tiers.Hand) string {
			h.By = "anna"
			if err := s.DB.Update(t.Context(), func(tx *store.Tx) error { return tiers.Set(tx, member, h) }); err != nil {
				return err.Error()
			}
			return ""
		}
		for _, tt := range []struct {
			h    tiers.Hand
			want string
		}{
			{tiers.Hand{Tier: "golt", Because: "x"}, `there is no tier "golt"; did you mean "gold"?`},
			{tiers.Hand{Tier: "gold", Because: " "}, `say why, as in --because "makes good for the lost parcel"`},
			{tiers.Hand{Tier: "none", Because: "x"}, "this member has no tier"},
			{tiers.Hand{Tier: "gold", Until: &until, Because: "a lost parcel"}, ""},
		} {
			s.Want(fmt.Sprint("set ", tt.h), set(m[0], tt.h), tt.want)
		}
		s.Work()
		s.Want("gold", s.stays(m[0]), "gold 2027-03-10 – 2027-06-30")
		s.Want("mails", s.mails(m[0]), "any-tier gold")
		s.Order(m[1], 10000)
		s.Want("below the rule", set(m[1], tiers.Hand{Tier: "none", Because: "x"}), "the rule of silver holds for this member, who would be in it again with the next order")
		s.Want("the end that is told", s.told(m[0]), "tier.up {from:,tier:silver}; tier.up {from:silver,tier:gold,until:2027-06-30}")
		s.At("2027-06-30 23:50")
		s.Want("the last day", s.tier(m[0]), "gold")
		s.At("2027-07-01 00:10") // and not after the 30 days of gold's grace
		s.Want("over", s.stays(m[0])+s.tier(m[0]), "gold 2027-03-10 – 2027-06-30 → 2027-07-01")
		var shown tiers.Shown
		s.Do(func(tx *store.Tx) (err error) { shown, err = tiers.Show(tx, m[1]); return err })
		s.Want("shown", fmt.Sprintf("%s through %s %v", shown.Tier, shown.Until, shown.Rules),
			`silver through 2028-03-10 [{silver true spent("12m") >= 100.00: has spent 100.00 EUR in the last 12 months} {gold false spent("12m") >= 250.00: has spent 100.00 EUR in the last 12 months}]`)
		s.Want("set again", set(m[0], tiers.Hand{Tier: "gold", Because: "for good"}), "")
		s.At("2028-07-31 23:50") // it is kept, and then has its grace, as the tier says
		s.Want("as the tier says", s.stays(m[0])+s.tier(m[0]), "gold 2027-03-10 – 2027-06-30 → 2027-07-01; gold 2027-07-01 – 2028-07-01gold")
	})
}

// Many orders at once ask for each member once, whichever way of joining a planner takes
// that knows little of young tables: one such plan asked all for each.
func TestManyAtOnceAreEachLookedUpOnce(t *testing.T) {
	each(t, plain(silverAndGold), func(t *testing.T, s *shop) {
		if s.DB.Engine() != store.Postgres {
			t.Skip("SQLite has no statistics of what was read")
		}
		const many = 300
		react := func(tx *store.Tx, members []int64) error {
			v, err := versions.Active(tx)
			if err != nil {
				return err
			}
			var events []happenings.Happened
			for _, id := range members {
				events = append(events, happenings.Happened{Member: id, Type: loyalty.OrderPlaced, At: loyalty.At(s.Now)})
			}
			return tiers.Of(v).React(tx, events, true)
		}
		m := s.Join(many)
		s.Bought(m, 2, 1)
		s.Do(func(tx *store.Tx) error {
			read := func() (n int64) {
				if err := tx.One(&n, "select pg_stat_get_xact_tuples_returned(cast('orders' as regclass)) + (select sum(pg_stat_get_xact_tuples_returned(indexrelid)) from pg_index where indrelid = cast('orders' as regclass))", nil); err != nil {
					t.Fatal(err)
				}
				return n
			}
			for _, better := range []string{"hashjoin", "mergejoin", "material"} {
				if _, err := tx.Exec("set local enable_"+better+" = off", nil); err != nil {
					return err
				}
			}
			before := read()
			err := react(tx, m)
			if n := read() - before; n > 20*many {
				t.Errorf("%d orders were read for %d members of 2 each", n, many)
			}
			return err
		})
	})
}

// What was spent before the time that a tier's rule looks at brings nobody to it, and what was
// spent on its first day does: in facts there is what was spent on each day.
func TestATierLooksAtItsOwnTimeOnly(t *testing.T) {
	each(t, plain(silverAndGold), func(t *testing.T, s *shop) {
		began := time.Date(2027, 3, 10, 10, 0, 0, 0, time.UTC)
		s.Now = began
		m := s.Join(3)
		for _, id := range m {
			s.Order(id, 9000)
		}
		s.Now = began.AddDate(1, 0, -1)
		s.Order(m[0], 1000)
		s.Want("a day before that is a year ago", s.stays(m[0]), "silver 2028-03-09 – 2029-03-09")
		s.Now = began.AddDate(1, 0, 0)
		s.Order(m[1], 1000)
		s.Want("a year later", s.stays(m[1]), "")
		s.Order(m[1], 8999)
		s.Want("a cent less in that year", s.stays(m[1]), "")
		s.Order(m[1], 1)
		s.Want("all of it in that year", s.stays(m[1]), "silver 2028-03-10 – 2029-03-10")
		s.Order(m[2], 24999)
		s.Order(m[2], 1)
		s.Want("two steps in that year", s.stays(m[2]), "silver 2028-03-10 – 2029-03-10 → 2028-03-10; gold 2028-03-10 – 2029-03-10")
	})
}
