package intake_test

import (
	"strings"
	"testing"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestAClockThatIsAheadBeatsNothing(t *testing.T) {
	t.Parallel()
	const day = 24 * 60
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		named := func(id string, minutes int, name string) loyalty.Event {
			return event(loyalty.MemberChanged, id, minutes, loyalty.Member{ID: "M-1", FirstName: name})
		}
		r := d.Stored(named("1", day, "Old"))[0]
		if !strings.Contains(noted(r), "24 hours ahead of now") {
			t.Errorf("a profile a day ahead: %+v, want it said", r)
		}
		if r := d.Stored(named("2", 0, "New"))[0]; noted(r) != "" {
			t.Errorf("a profile of now: note %q, want none", noted(r))
		}
		if got := d.One("select first_name from members"); got != "New" {
			t.Errorf("first name %s, want New: what came later stands", got)
		}
		d.Stored(about(loyalty.OrderPlaced, "3", day-1, total(100)), about(loyalty.OrderChanged, "z", day, total(200)), about(loyalty.OrderChanged, "a", 0, total(300)))
		d.Stored(about(loyalty.OrderRefunded, "5", day, given("r", 50)), about(loyalty.OrderRefunded, "6", 0, given("r", 20)))
		if got := d.One("select total || '-' || refunded || ' day ' || day from orders"); got != "300-20 day 20880" {
			t.Errorf("order %s, want 300-20 of today", got)
		}
		ten, five := int64(10), int64(5)
		points := func(id string, minutes int, n *int64) loyalty.Event {
			e := event(loyalty.PointsChanged, id, minutes, loyalty.Member{ID: "M-1"})
			e.Points = &loyalty.Points{Balance: n}
			return e
		}
		d.Stored(points("7", day, &ten))
		d.Stored(points("8", 0, &five))
		if got := d.One(factsOf + "'M-1'"); got != "1 orders, 280 spent, 5 points" {
			t.Errorf("facts %s, want 5 points", got)
		}
		yes := event(loyalty.MemberChanged, "9", 0, loyalty.Member{ID: "M-1", Consent: map[string]bool{loyalty.Offers: true}, ConsentAt: at(day), ConsentSource: "till"})
		if r := d.Stored(yes)[0]; !strings.Contains(noted(r), "member.consent_at") {
			t.Errorf("consent a day ahead: %+v, want it said", r)
		}
		for field, change := range map[string]func(*loyalty.Event){
			"at":                func(e *loyalty.Event) { e.At = at(day + 1) },
			"order.at":          func(e *loyalty.Event) { e.Order.At = at(2 * day) },
			"member.joined_at":  func(e *loyalty.Event) { e.Member.JoinedAt = at(400 * day) },
			"member.consent_at": func(e *loyalty.Event) { e.Member.ConsentAt = at(2 * day) },
		} {
			if r := d.Answers(about(loyalty.OrderChanged, "far "+field, 0, change))[0]; r.State != intake.Refused || r.Field != field {
				t.Errorf("%s further ahead than a day: %+v, want it refused", field, r)
			}
		}
	})
}

func TestWhatAClockAheadLeftGivesWay(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.Stored(event(loyalty.MemberChanged, "1", -10, loyalty.Member{ID: "M-1", Email: "old@example.test"}), about(loyalty.OrderPlaced, "2", -10, total(100)))
		for _, text := range []string{"update members set changed_at = @at", "update orders set changed_at = @at", "update events set at = @at"} {
			if _, err := exec(db, text, store.Args{"at": at(40000)}); err != nil {
				t.Fatal(err)
			}
		}
		d.Stored(event(loyalty.MemberChanged, "3", 0, loyalty.Member{ID: "M-1", Email: "new@example.test"}), about(loyalty.OrderCancelled, "4", 0, nil))
		if got := d.One("select m.email || ' ' || o.status from members m, orders o"); got != "new@example.test cancelled" {
			t.Errorf("%s, want the new address and the order cancelled", got)
		}
	})
}

func TestAnOrderOfTheShopsTomorrowMakesItsMilestone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.program("", map[string]string{"first": "live: true\nstart: {milestone: orders, at: [1, 2]}\nclass: service\nsteps:\n  - mail: a\n"})
		midnight := int(24*60) - storetest.Start.UTC().Hour()*60 - storetest.Start.UTC().Minute()
		d.now(midnight - 90)
		e := placed("1", "O-1", "M-1", midnight+30, 100)
		e.Member.Email = "ana@example.test"
		if r := d.Stored(e)[0]; !strings.Contains(noted(r), "at: lies 2 hours ahead of now") {
			t.Errorf("an order of tomorrow: %+v, want it said", r)
		}
		if got := d.queued(); got != "first" {
			t.Errorf("queued %q, want its first milestone", got)
		}
		d.now(midnight + 60)
		d.Stored(placed("2", "O-2", "M-1", midnight+40, 100))
		if got := d.One(factsOf + "'M-1'"); got != "2 orders, 200 spent, 0 points" {
			t.Errorf("facts %s, want two orders", got)
		}
	})
}
