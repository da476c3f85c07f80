package console_test

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"

	"regulars/internal/coupon"
	"regulars/internal/engine"
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
		page.shows(t, "Who moved between tiers last")
		if n := strings.Count(page.Body, `data-of="Tier">silver`); n != 4 {
			t.Errorf("%d who came to a tier are named, want 4", n)
		}
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

// TestAPoolTellsItsCourse looks at a pool on its first day, after two nights, and with a limit.
func TestAPoolTellsItsCourse(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		const page = "/console/codes/gift"
		h.ask(staff.Viewer, "/console/codes", nil).shows(t, "gift 10% off")
		first := h.ask(staff.Viewer, page, nil)
		first.shows(t, "10% off. Codes that Regulars makes, one for each member.")
		first.shows(t, "This is drawn once the pool has stood for two nights")
		first.shows(t, "Given by welcome")
		first.shows(t, "30 days once it is given")
		night := func(day string) {
			t.Helper()
			h.At(day + " 00:30")
			if _, err := engine.New(h.Shop.DB, nil).Run(t.Context(), engine.CodeExpire, 0); err != nil {
				t.Fatal(err)
			}
		}
		join := func(member int64) {
			h.Welcome(member)
			h.Work()
		}
		join(5)
		night("2027-03-04")
		join(6)
		join(7)
		night("2027-03-05")
		join(8)
		if n := h.Number("select count(*) from pool_days"); n != 2 {
			t.Errorf("%d days are noted, want 2", n)
		}
		later := h.ask(staff.Viewer, page, nil)
		later.shows(t, "5 March 2027 no limit 4 0 0 €0.00 4 March 2027 no limit 3 0 0 €0.00 3 March 2027 no limit 1 0 0 €0.00")
		if n := strings.Count(later.Body, `class="broad"`); n != 1 || !strings.Contains(later.Body, "4 Mar: 2 given") {
			t.Errorf("%d pictures of a pool without a limit: %s", n, later.Body)
		}
		limited := program
		limited.Pools = strings.Replace(program.Pools, "percent: 10", "percent: 10, stock: 50, low: 48", 1)
		h.Apply(limited)
		with := h.ask(staff.Viewer, page, nil)
		with.shows(t, "gift low")
		with.shows(t, "5 March 2027 46 4")
		if n := strings.Count(with.Body, `class="broad"`); n != 2 {
			t.Errorf("%d pictures of a pool with a limit", n)
		}
		h.ask(staff.Viewer, "/console/reports/stocks", nil).shows(t, "gift 4 Mar 2027 no limit 3 0 0 0.00")
		h.refusedGet(t, "/console/codes/nothing")
	})
}

// TestLaunchersFillAPool hands over the shop's own codes, and takes those that the shop has
// to know.
func TestLaunchersFillAPool(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		more := program
		more.Pools += "shops-own: {kind: imported, percent: 5}\ntold: {kind: generated, pattern: \"TOLD-####-####\", percent: 5, checkout: file}\n"
		h.Apply(more)
		const own, told = "/console/codes/shops-own", "/console/codes/told"
		h.ask(staff.Launcher, own, nil).shows(t, "Hand over codes of the shop")
		if a := h.ask(staff.Marketer, own, nil); strings.Contains(a.Body, `/stock"`) {
			t.Error("a marketer is shown the form that fills a pool")
		}
		h.refused(t, staff.Launcher, own+"/stock", url.Values{"codes": {" \n"}}, "There is no code in it")
		h.refused(t, staff.Launcher, "/console/codes/gift/stock", url.Values{"codes": {"A-1"}}, "not that kind of pool")
		h.refused(t, staff.Launcher, "/console/codes/none/stock", url.Values{"codes": {"A-1"}}, "no such page")
		a := h.ask(staff.Launcher, own+"/stock", url.Values{"codes": {"SUN-0001\nSUN-0002\n\nSUN-0001\n" + strings.Repeat("X", 300)}})
		a.shows(t, "4 read: 2 are new, 1 were there already, 1 were refused.")
		a.shows(t, "longer than")
		h.ask(staff.Launcher, own+"/stock", url.Values{"codes": {"SUN-0001\nSUN-0003"}}).shows(t, "2 read: 1 are new, 1 were there already")
		h.ask(staff.Viewer, own, nil).shows(t, "Left 3")

		h.ask(staff.Launcher, told, nil).shows(t, "The shop has to know a code before it can be given")
		h.ask(staff.Launcher, "/console/jobs/new?kind=generate&pool=told", nil)
		h.Do(func(tx *store.Tx) error { _, err := coupon.Generate(tx, "told", 3, rand.Reader); return err })
		file := h.ask(staff.Launcher, told+"/export", url.Values{})
		if n := strings.Count(file.Body, "TOLD-"); n != 3 || !strings.Contains(file.Header.Get("Content-Disposition"), "told.txt") {
			t.Errorf("%d codes in the file: %s", n, file.Body)
		}
		if n := h.Number("select count(*) from codes where known_at is not null and folded like 'T01D%'"); n != 3 {
			t.Errorf("the shop is said to know %d codes, want 3", n)
		}
		audit := h.ask(staff.Admin, "/console/audit", nil)
		audit.shows(t, "stock pool shops-own 2 codes more, of 4 that were handed over console: launcher@shop.example")
		audit.shows(t, "export codes pool told the shop knows 3 codes console: launcher@shop.example")
	})
}
