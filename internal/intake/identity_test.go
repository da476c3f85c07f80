package intake_test

import (
	"strings"
	"testing"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestOrdersOfOneNumberAndTwoPeopleStayApart(t *testing.T) {
	t.Parallel()
	const day = 24 * 60
	by := func(kind, id string, minutes int, m loyalty.Member) loyalty.Event {
		e := about(kind, id, minutes, total(1000))
		e.Member = m
		return e
	}
	mail := func(a string) loyalty.Member { return loyalty.Member{Email: a} }
	tests := []struct {
		name          string
		first, second loyalty.Event
		field         string // of the refusal; "": it is stored
		note          string
		want          string
	}{
		{"two ids", by("order.placed", "1", 0, loyalty.Member{ID: "M-1"}), by("order.placed", "2", 5, loyalty.Member{ID: "M-2"}), "member.id", "", "M-1"},
		{"the second is older", by("order.placed", "1", 5, loyalty.Member{ID: "M-1"}), by("order.placed", "2", 0, loyalty.Member{ID: "M-2"}), "member.id", "", "M-1"},
		{"two addresses", by("order.placed", "1", 0, mail("ida@example.test")), by("order.placed", "2", 5, mail("jon@example.test")), "member.email", "", "ida@example.test"},
		{"two cards", by("order.placed", "1", 0, loyalty.Member{Card: "1"}), by("order.placed", "2", 5, loyalty.Member{Card: "2"}), "member.card", "", ""},
		{"two phones", by("order.placed", "1", 0, loyalty.Member{Phone: "+358401"}), by("order.placed", "2", 5, loyalty.Member{Phone: "+358402"}), "member.phone", "", ""},
		{"two ids of a source", by("order.placed", "1", 0, loyalty.Member{IDs: map[string]string{"pos": "1"}}), by("order.placed", "2", 5, loyalty.Member{IDs: map[string]string{"pos": "2"}}), "member.ids.pos", "", ""},
		{"one person on another day", by("order.placed", "1", 0, loyalty.Member{ID: "M-1"}), by("order.placed", "2", 40*day, loyalty.Member{ID: "M-1"}), "order.id", "", "M-1"},
		{"one person told again", by("order.placed", "1", 0, loyalty.Member{ID: "M-1"}), by("order.placed", "2", 60, loyalty.Member{ID: "M-1"}), "", "", "M-1"},
		{"another's refund", by("order.placed", "1", 0, loyalty.Member{ID: "M-1"}), by("order.refunded", "2", 5, loyalty.Member{ID: "M-2"}), "member.id", "", "M-1"},
		{"another's cancellation", by("order.placed", "1", 0, loyalty.Member{ID: "M-1"}), by("order.cancelled", "2", 5, loyalty.Member{ID: "M-2"}), "member.id", "", "M-1"},
		{"a change gives it to another", by("order.placed", "1", 0, loyalty.Member{ID: "M-1"}), by("order.changed", "2", 5, loyalty.Member{ID: "M-2"}), "", "order O-1 was M-1's", "M-2"},
		{"a cancellation by an address that is not known", by("order.placed", "1", 0, loyalty.Member{ID: "M-1"}), by("order.cancelled", "2", 5, mail("ida@example.test")), "", "", "M-1"},
		{"an id, and the address that goes with it", by("order.placed", "1", 0, loyalty.Member{ID: "M-1", Email: "ida@example.test"}), by("order.changed", "2", 5, mail("ida@example.test")), "", "", "M-1"},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.now(60 * day)
		for _, tt := range tests {
			for _, together := range []bool{false, true} {
				if together && tt.first.At.After(tt.second.At.Time) {
					continue
				}
				clear(t, db)
				var r intake.Result
				if together {
					r = d.Answers(tt.first, tt.second)[1]
				} else {
					d.Stored(tt.first)
					r = d.Answers(tt.second)[0]
				}
				state := intake.Stored
				if tt.field != "" {
					state = intake.Refused
				}
				if r.State != state || r.Field != tt.field || (noted(r) != "") != (tt.note != "") || !strings.Contains(noted(r), tt.note) {
					t.Errorf("%s (in one batch: %v): %+v, want %s of %q, note %q", tt.name, together, r, state, tt.field, tt.note)
				}
				if got := d.One("select coalesce(nullif(case when m.named then m.external_id else '' end, ''), m.email) from orders o join members m on m.id = o.member_id"); got != tt.want {
					t.Errorf("%s (in one batch: %v): the order is of %q, want %q", tt.name, together, got, tt.want)
				}
			}
		}
	})
}

func TestAnOrderByAnAddressThatTwoShareIsSaid(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		order := func(id string, m loyalty.Member) loyalty.Event {
			e := placed(id, "O-"+id, "", -5, 1000)
			e.Member = m
			return e
		}
		mail := loyalty.Member{Email: "family@example.test"}
		if r := d.Stored(order("1", mail))[0]; noted(r) != "" {
			t.Errorf("an order by an address that nobody has: note %q, want none", noted(r))
		}
		d.Stored(order("2", loyalty.Member{ID: "M-1", Email: "home@example.test", Card: "7"}), order("3", loyalty.Member{ID: "M-2", Email: "home@example.test", Card: "7"}))
		if r := d.Stored(order("4", loyalty.Member{ID: "M-1", Email: "home@example.test"}))[0]; noted(r) != "" {
			t.Errorf("an order by the member's id: note %q, want none", noted(r))
		}
		for id, m := range map[string]loyalty.Member{"5": {Email: "Home@example.test"}, "6": {Email: "home@example.test"}, "7": {Card: "7"}} {
			if r := d.Stored(order(id, m))[0]; !strings.Contains(noted(r), "members have it") {
				t.Errorf("an order by what two share, %v: note %q, want it said", m, noted(r))
			}
		}
		var s report.Status
		if err := db.View(t.Context(), func(tx *store.Tx) (err error) { s, err = report.Look(tx); return err }); err != nil {
			t.Fatal(err)
		}
		if s.Shared != 2 {
			t.Errorf("status counts %d people made of what several share, want 2: of the address and of the card", s.Shared)
		}
	})
}
