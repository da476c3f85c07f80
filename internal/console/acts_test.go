package console_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"regulars/internal/membership"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// does posts a form and follows to the page that comes after it.
func (h *house) does(t *testing.T, as staff.Role, path string, form url.Values) answer {
	t.Helper()
	a := h.ask(as, path, form)
	if a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s %v: %d: %.300s", path, form, a.StatusCode, words(all(tree(t, a.Body), "main")[0]))
	}
	next := h.ask(as, a.Header.Get("Location"), nil)
	if next.StatusCode != http.StatusOK {
		t.Fatalf("%s led to %s: %d", path, a.Header.Get("Location"), next.StatusCode)
	}
	return next
}

// shows fails unless the page says something.
func (a answer) shows(t *testing.T, what string) {
	t.Helper()
	if main := words(all(tree(t, a.Body), "main")[0]); !strings.Contains(main, what) {
		t.Errorf("the page does not say %q: %.600s", what, main)
	}
}

// because is a form with a reason.
func because(text string, more ...string) url.Values {
	form := url.Values{"because": {text}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

// refused fails unless a form is refused with words, and the log says nothing of it.
func (h *house) refused(t *testing.T, as staff.Role, path string, form url.Values, what string) {
	t.Helper()
	a := h.ask(as, path, form)
	if a.StatusCode != http.StatusUnprocessableEntity && a.StatusCode != http.StatusNotFound {
		t.Errorf("%s %v: %d", path, form, a.StatusCode)
	}
	a.shows(t, what)
}

func TestLaunchersHoldAndRelease(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.refused(t, staff.Launcher, "/console/campaigns/welcome/hold", because("  "), "Say why")
		h.refused(t, staff.Launcher, "/console/campaigns/nothing/hold", because("typo"), "no such page")
		h.refused(t, staff.Launcher, "/console/campaigns/welcome/release", url.Values{}, "Nothing of that is held")
		a := h.does(t, staff.Launcher, "/console/campaigns/welcome/hold", because("the code is wrong"))
		a.shows(t, "Held by launcher@shop.example: the code is wrong")
		a.shows(t, "nothing of it goes out")
		h.ask(staff.Viewer, "/console/campaigns", nil).shows(t, "welcome when a member joins held the code is wrong")
		today := h.ask(staff.Launcher, "/console/", nil)
		today.shows(t, "Campaign welcome is held by launcher@shop.example: the code is wrong")
		today.shows(t, "Open the campaign")
		if strings.Contains(today.Body, "regulars release welcome") {
			t.Error("where a button does it, the page speaks of the command line")
		}
		a = h.does(t, staff.Launcher, "/console/campaigns/welcome/release", url.Values{})
		a.shows(t, "What waited goes on")
		if n := h.Number("select count(*) from holds"); n != 0 {
			t.Errorf("%d holds are left", n)
		}

		h.refused(t, staff.Launcher, "/console/hold", because("x", "what", "the shop"), "Say what is to stop")
		h.does(t, staff.Launcher, "/console/hold", because("a fire", "what", "all")).shows(t, "everything : by launcher@shop.example since")
		h.ask(staff.Launcher, "/console/campaigns/spring", nil).shows(t, "This is a hold of all offers or of everything")
		h.does(t, staff.Launcher, "/console/release", url.Values{"what": {"all"}})
		h.does(t, staff.Launcher, "/console/hold", because("too many", "what", "offers"))
		h.does(t, staff.Launcher, "/console/release", url.Values{"what": {"offers"}}).shows(t, "Released")

		audit := h.ask(staff.Admin, "/console/audit", nil)
		audit.shows(t, "hold campaign welcome the code is wrong console: launcher@shop.example")
		audit.shows(t, "release campaign welcome the code is wrong console: launcher@shop.example")
		audit.shows(t, "hold everything a fire")
		file := h.ask(staff.Admin, "/console/audit.csv", nil)
		rows, err := csv.NewReader(strings.NewReader(file.Body)).ReadAll()
		if err != nil || len(rows) < 10 || strings.Join(rows[0], " ") != "at by act about before after" {
			t.Errorf("the file: %v, %d rows: %.200s", err, len(rows), file.Body)
		}
	})
}

func TestLaunchersSteerARun(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		run := fmt.Sprintf("/console/runs/%d", h.run)
		a := h.ask(staff.Viewer, run, nil)
		a.shows(t, "0 of 4 mails sent")
		a.shows(t, "Still to go 4")
		if !strings.Contains(a.Body, `data-live="5"`) || !strings.Contains(a.Body, `<noscript><meta http-equiv="refresh" content="5"></noscript>`) {
			t.Error("the page of a run that sends does not look again")
		}
		if strings.Contains(a.Body, "<form method=\"post\" action=\""+run) {
			t.Error("a viewer is shown buttons that they may not press")
		}
		h.refused(t, staff.Launcher, run+"/pause", url.Values{}, "Say why")
		h.does(t, staff.Launcher, "/console/campaigns/spring/hold", because("a wrong price"))
		h.ask(staff.Viewer, run, nil).shows(t, "Held by launcher@shop.example: a wrong price. Open the campaign")
		h.does(t, staff.Launcher, "/console/campaigns/spring/release", url.Values{})
		h.does(t, staff.Launcher, run+"/pause", because("a typo")).shows(t, "paused by hand: a typo")
		if a := h.ask(staff.Launcher, run, nil); strings.Contains(a.Body, "data-live") || strings.Contains(a.Body, "corrected ones") {
			t.Error("a paused run is looked at again, or has other texts where none were corrected")
		}
		h.ask(staff.Launcher, "/console/", nil).shows(t, "Open the run")
		corrected := program
		corrected.Extra = map[string]string{"loyalty.yaml": program.Extra["loyalty.yaml"], "campaigns/welcome/hello.en.md": program.Extra["campaigns/welcome/hello.en.md"],
			"campaigns/spring/offer.en.md": "---\nsubject: Corrected\n---\nHello.\n"}
		h.Apply(corrected)
		h.ask(staff.Launcher, run, nil).shows(t, "the corrected ones, of the version in force")
		h.does(t, staff.Launcher, run+"/resume", url.Values{"texts": {"latest"}}).shows(t, "The run goes on")
		if n := h.Number("select count(distinct version_id) from sends where run_id is not null and version_id = (select max(id) from versions)"); n != 1 {
			t.Error("the mails keep the old texts")
		}
		h.does(t, staff.Launcher, run+"/cancel", because("enough")).shows(t, "Cancelled")
		h.refused(t, staff.Launcher, run+"/resume", url.Values{}, "run")
		h.refused(t, staff.Launcher, "/console/runs/99/pause", because("x"), "no such page")
		for _, path := range []string{"/console/runs/0", "/console/runs/-1", "/console/runs/1x", "/console/runs/x", "/console/members/99999", "/console/members/01"} {
			if a := h.ask(staff.Launcher, path, nil); a.StatusCode != http.StatusNotFound {
				t.Errorf("%s: %d", path, a.StatusCode)
			}
		}
	})
}

func TestMarketersHelpAMember(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		member := fmt.Sprintf("/console/members/%d", h.members[3])
		a := h.does(t, staff.Marketer, member+"/topics", url.Values{"topic": {"program"}})
		a.shows(t, "Saved")
		a.shows(t, "Consent offers no")
		a.shows(t, "answers that are known")
		a.shows(t, "source: marketer@shop.example")
		if viewer := h.ask(staff.Viewer, member, nil); strings.Contains(viewer.Body, "marketer@shop.example") {
			t.Error("a viewer sees by whom an answer is known")
		}
		h.ask(staff.Marketer, "/console/members", url.Values{"q": {"#" + h.orderOf(h.members[3])}}).shows(t, "M-4")
		if n := h.Number(fmt.Sprintf("select count(*) from member_topics where member_id = %d and not granted", h.members[3])); n != 2 {
			t.Errorf("%d topics are refused, want offers and newsletter", n)
		}
		h.does(t, staff.Marketer, member+"/suppress", url.Values{}).shows(t, "This address gets nothing: somebody of the shop said so")
		h.does(t, staff.Launcher, member+"/unsuppress", url.Values{}).shows(t, "may be mailed again")

		h.refused(t, staff.Launcher, member+"/points", because("sorry", "points", "ten", "key", "k1"), "no number of points")
		h.refused(t, staff.Launcher, member+"/points", because("", "points", "10", "key", "k1"), "Say why")
		h.refused(t, staff.Launcher, member+"/points", because("x", "points", "99999999999999", "key", "k1"), "no number of points")
		for range 2 { // the button was pressed twice
			h.does(t, staff.Launcher, member+"/points", because("a broken cup", "points", "10", "key", "k1")).shows(t, "Points by hand 10 a broken cup")
		}
		h.does(t, staff.Launcher, member+"/points", because("a mistake", "points", "-3", "key", "k2"))
		if n := h.Number(fmt.Sprintf("select sum(amount) from entries where member_id = %d and kind = 'adjust'", h.members[3])); n != 7 {
			t.Errorf("%d points were booked, want 10 once, less 3", n)
		}
		h.refused(t, staff.Launcher, member+"/points", because("another", "points", "5", "key", "k1"), "another booking")

		h.Welcome(5) // with a code
		h.Work()
		var code struct {
			ID   int64
			Code string
		}
		h.Do(func(tx *store.Tx) error {
			return tx.One(&code, "select id, code from codes where member_id is not null order by id limit 1", nil)
		})
		owner := h.Number(fmt.Sprintf("select member_id from codes where id = %d", code.ID))
		void := url.Values{"code": {fmt.Sprint(code.ID)}}
		h.refused(t, staff.Launcher, fmt.Sprintf("/console/members/%d/void", owner%4+1), void, "no such page") // somebody else's
		h.does(t, staff.Launcher, fmt.Sprintf("/console/members/%d/void", owner), void).shows(t, code.Code+" gift void")
		h.refused(t, staff.Launcher, fmt.Sprintf("/console/members/%d/void", owner), void, "")

		audit := h.ask(staff.Admin, "/console/audit", nil)
		audit.shows(t, "void code code "+code.Code+" reserved void console: launcher@shop.example")
		audit.shows(t, fmt.Sprintf("points member %d 42 points 52 points, +10: a broken cup console: launcher@shop.example", h.members[3]))
		audit.shows(t, "offers: yes, newsletter: yes, program: yes offers: no, newsletter: no, program: yes console: marketer@shop.example")
		if strings.Contains(audit.Body, secret) || strings.Contains(audit.Body, "M-1") {
			t.Error("the audit names a member")
		}
		why := h.ask(staff.Marketer, member+"/why/welcome", nil)
		why.shows(t, "welcome is live since")
		h.refusedGet(t, member+"/why/nothing")
	})
}

// TestSupportHelpsAMember sends what was refused once more, and gives a code.
func TestSupportHelpsAMember(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.Do(func(tx *store.Tx) error {
			for state, m := range map[string]int64{"failed": h.members[3], "unknown": h.members[2]} {
				_, err := tx.Exec("update sends set state = @state, reason = 'refused', smtp_code = 550, smtp_text = 'too busy' where run_id = @run and member_id = @m", store.Args{"state": state, "run": h.run, "m": m})
				if err != nil {
					return err
				}
			}
			return nil
		})
		member, other := fmt.Sprintf("/console/members/%d", h.members[3]), fmt.Sprintf("/console/members/%d", h.members[2])
		mail := func(m int64) url.Values {
			return url.Values{"mail": {fmt.Sprint(h.Number(fmt.Sprintf("select id from sends where run_id = %d and member_id = %d", h.run, m)))}}
		}
		h.ask(staff.Marketer, member, nil).shows(t, "Mails that did not arrive spring / offer failed")
		h.ask(staff.Marketer, member, nil).shows(t, "the mail server refuses it · the mail server said 550 too busy Send it again")
		h.ask(staff.Marketer, other, nil).shows(t, "Nobody knows whether it went out. A launcher can decide it.")
		h.ask(staff.Launcher, "/console/", nil).shows(t, "Decide")
		h.ask(staff.Viewer, "/console/unknown", nil).shows(t, fmt.Sprintf("Run %d of spring : 1 mail of which nobody knows", h.run))
		run := fmt.Sprintf("/console/runs/%d", h.run)
		h.ask(staff.Launcher, run, nil).shows(t, "They were sent")
		decide := mail(h.members[2])
		h.refused(t, staff.Launcher, other+"/resolve", decide, "Say whether it was sent or goes again")
		decide.Set("as", "sent")
		h.refused(t, staff.Launcher, member+"/resolve", decide, "no such page") // somebody else's
		h.does(t, staff.Launcher, other+"/resolve", decide).shows(t, "Decided")
		h.refused(t, staff.Launcher, run+"/resolve", url.Values{"as": {"again"}}, "There are no such mails")
		h.ask(staff.Viewer, "/console/unknown", nil).shows(t, "There are no such mails")
		if a := h.ask(staff.Viewer, member, nil); strings.Contains(a.Body, "too busy") {
			t.Error("a viewer sees what the mail server said")
		}
		h.refused(t, staff.Marketer, other+"/again", mail(h.members[3]), "no such page") // somebody else's
		h.refused(t, staff.Marketer, member+"/again", url.Values{"mail": {"x"}}, "no such page")
		h.does(t, staff.Marketer, member+"/again", mail(h.members[3])).shows(t, "It waits to be handed over once more")
		h.refused(t, staff.Marketer, member+"/again", mail(h.members[3]), "is queued")
		if n := h.Number("select count(*) from due d join sends s on s.id = d.send_id where s.state = 'queued' and s.reason = 'again'"); n != 1 {
			t.Errorf("%d mails are due again, want 1", n)
		}

		give := because("a broken cup", "pool", "gift", "key", "K1")
		h.refused(t, staff.Launcher, member+"/code", because(" ", "pool", "gift", "key", "K0"), "Say why")
		h.refused(t, staff.Launcher, member+"/code", because("x", "pool", "gfit", "key", "K0"), "")
		for range 2 { // a form that is sent twice
			a := h.does(t, staff.Launcher, member+"/code", give)
			a.shows(t, "The code is given")
			a.shows(t, "gift issued")
		}
		h.refused(t, staff.Launcher, other+"/code", give, "another booking")
		if n := h.Number(fmt.Sprintf("select count(*) from codes where member_id = %d", h.members[3])); n != 1 {
			t.Errorf("the member has %d codes, want 1", n)
		}
		audit := h.ask(staff.Admin, "/console/audit", nil)
		audit.shows(t, "failed: refused again console: marketer@shop.example")
		audit.shows(t, "unknown: refused sent console: launcher@shop.example")
		audit.shows(t, "of gift: a broken cup console: launcher@shop.example")
	})
}

// orderOf is the number of the newest order of a member.
func (h *house) orderOf(member int64) (number string) {
	h.Do(func(tx *store.Tx) error {
		return tx.One(&number, "select external_id from orders where member_id = @member order by id desc limit 1", store.Args{"member": member})
	})
	return number
}

// TestMailsOfARunAreDecidedTogether says of all mails of a run, and of a single one, that they were sent.
func TestMailsOfARunAreDecidedTogether(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.Welcome(5)
		h.Work()
		h.Do(func(tx *store.Tx) error {
			_, err := tx.Exec("update sends set state = 'unknown', reason = ''", nil)
			if err == nil {
				_, err = tx.Exec("delete from due", nil)
			}
			return err
		})
		page := h.ask(staff.Launcher, "/console/unknown", nil)
		page.shows(t, "spring : 4 mails of which nobody knows")
		page.shows(t, "welcome : 1 mail of which nobody knows")
		h.does(t, staff.Launcher, fmt.Sprintf("/console/runs/%d/resolve", h.run), url.Values{"as": {"sent"}}).shows(t, "Decided")
		if n := h.Number("select count(*) from sends where state = 'unknown'"); n != 1 {
			t.Errorf("%d are unknown, want the single one", n)
		}
		h.ask(staff.Admin, "/console/audit", nil).shows(t, fmt.Sprintf("resolve run %d 4 unknown mails sent console: launcher@shop.example", h.run))
	})
}

func (h *house) refusedGet(t *testing.T, path string) {
	t.Helper()
	if a := h.ask(staff.Marketer, path, nil); a.StatusCode != http.StatusNotFound {
		t.Errorf("%s: %d, want 404", path, a.StatusCode)
	}
}

func TestRulesAreTried(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		try := func(rule string) answer {
			return h.ask(staff.Marketer, "/console/segments", url.Values{"rule": {rule}})
		}
		a := try("orders >= 2 and spent > 20.00")
		a.shows(t, "1 member Members who have at least 2 orders")
		a.shows(t, "4 members in all")
		try("regulars").shows(t, "3 members")
		try("ordrs >= 2").shows(t, "did you mean orders?")
		try("").shows(t, "Named segments")
		try(strings.Repeat("orders >= 2 and ", 300)+"orders >= 1").shows(t, "too long")
		count := func(rule string) answer {
			return h.ask(staff.Marketer, "/console/segments/count", url.Values{"rule": {rule}})
		}
		if a := count("orders >= 2"); a.Body != "3 members: Members who have at least 2 orders." || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("count: %q", a.Body)
		}
		if a := count("orders >="); !strings.Contains(a.Body, "column") {
			t.Errorf("count of half a rule: %q", a.Body)
		}
		if a := count(" "); a.StatusCode != http.StatusNoContent {
			t.Errorf("count of nothing: %d", a.StatusCode)
		}
		h.ask(staff.Viewer, "/console/segments/regulars", nil).shows(t, "3 members Members who have at least 2 orders")
	})
}

// TestASegmentIsToldAtOnce has nothing counted while somebody waits, until they ask.
func TestASegmentIsToldAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.Do(func(tx *store.Tx) error { _, err := membership.Refresh(tx, "", true); return err })
		h.ask(staff.Viewer, "/console/segments", nil).shows(t, "regulars orders >= 2 0 from 0 to 3 in 30 days 3") // 30 days ago, since then, and now
		const page = "/console/segments/regulars?from=2027-01-01&to=2027-03-05"
		h.Console.Live = time.Nanosecond
		quick := h.ask(staff.Viewer, page, nil)
		quick.shows(t, "Inside, as of the last pass 3") // from the days
		quick.shows(t, "3 stays began in these days, and 0 ended")
		quick.shows(t, "Telling whose they are takes longer")
		quick.shows(t, "Counting the parts of its rule takes longer")
		whole := h.ask(staff.Viewer, page+"&count=now", nil)
		whole.shows(t, "3 members came in")
		whole.shows(t, "3 members Members who have at least 2 orders")
		count := func(more string) answer {
			return h.ask(staff.Marketer, "/console/segments/count", url.Values{"rule": {"orders >= 2"}, "count": {more}})
		}
		if a := count(""); a.StatusCode != http.StatusAccepted || a.Body != "Counting all of them …" { // too few for a sample
			t.Errorf("meanwhile: %d %q", a.StatusCode, a.Body)
		}
		if a := count("now"); a.StatusCode != http.StatusOK || a.Body != "3 members: Members who have at least 2 orders." {
			t.Errorf("all: %d %q", a.StatusCode, a.Body)
		}
	})
}

func TestMarketersSendTests(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.SQLite(t))
	h.does(t, staff.Marketer, "/console/send-test/welcome/hello?as=1&lang=en", url.Values{"to": {"me@shop.example"}}).shows(t, "The test mail was handed over")
	if len(h.relay.taken) != 1 || h.relay.taken[0].To != "me@shop.example" {
		t.Errorf("the relay took %v", h.relay.taken)
	}
	which := h.ask(staff.Marketer, "/console/mail/welcome/hello?lang=en", url.Values{"member": {"M-"}})
	which.shows(t, "Which of them?")
	if !strings.Contains(which.Body, fmt.Sprintf(`href="/console/mail/welcome/hello?as=%d&amp;lang=en"`, h.members[1])) {
		t.Error("members who are found cannot be chosen")
	}
	h.refused(t, staff.Marketer, "/console/send-test/welcome/hello", url.Values{"to": {"nobody"}}, "nobody")
	h.ask(staff.Admin, "/console/audit", nil).shows(t, "send test campaign welcome hello console: marketer@shop.example")
}

// TestTodayCountsTheLastDays holds the tiles to the rows behind them.
func TestTodayCountsTheLastDays(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		today := h.ask(staff.Admin, "/console/", nil)
		today.shows(t, "Orders 34 30 in the 30 days before") // one member each day since yesterday, two with 2, and one today
		today.shows(t, "Members who joined 4")
		today.shows(t, "Monday 8 March 08:00 monday")
		rows := h.ask(staff.Admin, "/console/figures/orders", nil)
		if n := len(all(tree(t, rows.Body), "tr")) - 1; n != 34 {
			t.Errorf("%d rows behind 34 orders", n)
		}
		if a := h.ask(staff.Admin, "/console/figures/secrets", nil); a.StatusCode != http.StatusNotFound {
			t.Errorf("a figure that there is not: %d", a.StatusCode)
		}
	})
}

func TestLargeFormsAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.SQLite(t))
	if a := h.ask(staff.Admin, "/console/members", url.Values{"q": {strings.Repeat("x", 70<<10)}}); a.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a form of 70 KB: %d", a.StatusCode)
	}
}
