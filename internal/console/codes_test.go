package console_test

import (
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"

	"regulars/internal/staff"
	"regulars/internal/store"
)

func TestCodesAreLookedUpAndEnded(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.ask(staff.Viewer, "/console/codes", nil).shows(t, "gift 10% off")
		h.Welcome(5) // with a code
		h.Work()
		var code string
		h.Do(func(tx *store.Tx) error {
			return tx.One(&code, "select code from codes where member_id is not null order by id limit 1", nil)
		})
		look := func(as staff.Role, text string) answer {
			return h.ask(as, "/console/codes", url.Values{"code": {text}})
		}
		a := look(staff.Launcher, strings.ToLower(code))
		a.shows(t, code+" reserved")
		a.shows(t, "Whose Member")
		look(staff.Launcher, "NO-SUCH-CODE").shows(t, "There is no such code")
		if a := look(staff.Marketer, code); strings.Contains(a.Body, "/console/codes/void") {
			t.Error("a marketer is shown the button that ends a code")
		}
		h.does(t, staff.Launcher, "/console/codes/void", a.hidden(t, "/console/codes/void")).shows(t, "The code is void")
		h.refused(t, staff.Launcher, "/console/codes/void", url.Values{"code": {code}}, "over already")
		h.refused(t, staff.Launcher, "/console/codes/void", url.Values{"code": {"NO-SUCH-CODE"}}, "")
		look(staff.Launcher, code).shows(t, "This code is not good: void")
		h.ask(staff.Admin, "/console/audit", nil).shows(t, "void code code "+code)
	})
}

func TestPointsAndFriends(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		rich := program
		rich.Extra = maps.Clone(program.Extra)
		rich.Extra["loyalty.yaml"] += "  worth: 0.01\ntiers:\n  silver: {when: orders >= 1, keep: 12m}\nrewards:\n  coffee: {price: 30, gives: gift}\nreferral: {friend: gift, referrer: 100, after: {order: 25.00, within: 90d}}\n"
		h.Apply(rich)
		h.Do(func(tx *store.Tx) error {
			_, err := tx.Exec(`insert into referrals (referrer_id, friend_id, state, reason, at, day, by_whom) values (@a, @b, 'pending', '', @now, @day, '')`,
				store.Args{"a": h.members[0], "b": h.members[1], "now": tx.At, "day": 20000})
			return err
		})
		id := h.Number("select id from referrals")
		page := h.ask(staff.Launcher, "/console/loyalty", nil)
		page.shows(t, "Points that members have 42")
		page.shows(t, "They are worth €0.42")
		page.shows(t, "silver 4")
		page.shows(t, "coffee 30 points 10% off everybody")
		page.shows(t, "no order yet")
		viewer := h.ask(staff.Viewer, "/console/loyalty", nil)
		viewer.shows(t, fmt.Sprintf("Member %d brought Member %d", h.members[0], h.members[1]))
		path := fmt.Sprintf("/console/referrals/%d", id)
		h.refused(t, staff.Launcher, path, url.Values{"answer": {"refuse"}}, "Say why")
		h.refused(t, staff.Launcher, path, because("x", "answer", "perhaps"), "rewarded or refused")
		h.refused(t, staff.Launcher, "/console/referrals/99", because("x", "answer", "refuse"), "no such page")
		h.does(t, staff.Launcher, path, because("the same person", "answer", "refuse")).shows(t, "Refused")
		h.ask(staff.Admin, "/console/audit", nil).shows(t, fmt.Sprintf("referral referral %d refused: the same person console: launcher@shop.example", id))
	})
}
