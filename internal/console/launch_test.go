package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"regulars/internal/staff"
	"regulars/internal/store"
)

// hidden reads the hidden fields of the form that leads to a path, beside what is typed.
func (a answer) hidden(t *testing.T, action string, typed ...string) url.Values {
	t.Helper()
	form := url.Values{}
	for _, f := range all(tree(t, a.Body), "form") {
		if to, _ := attr(f, "action"); to != action {
			continue
		}
		for _, input := range all(f, "input") {
			if kind, _ := attr(input, "type"); kind == "hidden" {
				name, _ := attr(input, "name")
				value, _ := attr(input, "value")
				form.Add(name, value)
			}
		}
	}
	if len(form) == 0 {
		t.Fatalf("no form leads to %s: %.500s", action, words(all(tree(t, a.Body), "main")[0]))
	}
	for i := 0; i+1 < len(typed); i += 2 {
		form.Set(typed[i], typed[i+1])
	}
	return form
}

// aWhileAgo has the sessions of a role be older than what counts as fresh.
func (h *house) aWhileAgo(as staff.Role) {
	h.T.Helper()
	h.Do(func(tx *store.Tx) error {
		_, err := tx.Exec("update sessions set proved_at = null, began_at = "+tx.MachineIn(-16*60e9)+" where user_id in (select id from users where role = @role)", store.Args{"role": string(as)})
		return err
	})
}

func TestLaunchersLaunch(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		page, start := "/console/campaigns/spring/launch", "/console/campaigns/spring/launch/start"
		h.ask(staff.Launcher, "/console/campaigns/spring", nil).shows(t, "Launch it")
		if a := h.ask(staff.Marketer, "/console/campaigns/spring", nil); strings.Contains(a.Body, page) {
			t.Error("who may not launch is shown the button")
		}
		h.ask(staff.Launcher, page, nil).shows(t, "Headline a text")
		h.refused(t, staff.Launcher, "/console/campaigns/welcome/launch", url.Values{}, "not launched by hand: it starts when a member joins")
		h.refused(t, staff.Launcher, page, url.Values{"value.headline": {"Sun"}, "limit": {"-3"}}, "no number of mails")

		h.Do(func(tx *store.Tx) error { // nobody has had the first one
			_, err := tx.Exec("delete from sends where run_id = @run", store.Args{"run": h.run})
			return err
		})
		h.does(t, staff.Marketer, fmt.Sprintf("/console/members/%d/topics", h.members[0]), url.Values{"topic": {"program"}}) // and one wants no more
		asked := h.ask(staff.Launcher, page, url.Values{"value.headline": {"Sun"}})
		asked.shows(t, "Members who get it 3")
		asked.shows(t, "has not agreed to such mails 1")
		asked.shows(t, "Subject offer")
		asked.shows(t, "Mail 3 members?")
		frame, _ := attr(all(tree(t, asked.Body), "iframe")[0], "src")
		if mail := h.ask(staff.Launcher, frame, nil); !strings.Contains(mail.Body, "Sun is here.") {
			t.Errorf("the mail does not read as typed: %.300s", mail.Body)
		}
		if n := h.Number("select count(*) from runs"); n != 1 {
			t.Fatalf("a look started something: %d runs", n)
		}
		form := asked.hidden(t, start)
		if form.Get("value.headline") != "Sun" || form.Get("agreed") != "3" {
			t.Errorf("the question holds %v", form)
		}
		grown := asked.hidden(t, start, "agreed", "1")
		h.refused(t, staff.Launcher, start, grown, "3 members would be mailed by now, and you agreed to 1")
		h.refused(t, staff.Launcher, start, asked.hidden(t, start, "agreed", ""), "Say yes to a number")

		h.does(t, staff.Launcher, start, form).shows(t, "It has begun")
		again := h.ask(staff.Launcher, start, form) // the button was pressed twice
		if again.StatusCode != http.StatusSeeOther || h.Number("select count(*) from runs") != 2 {
			t.Errorf("pressed twice: %d, %d runs", again.StatusCode, h.Number("select count(*) from runs"))
		}
		other := h.ask(staff.Admin, page, url.Values{"value.headline": {"Sun"}})
		other.shows(t, "launched with the same values today already")
		h.ask(staff.Admin, "/console/audit", nil).shows(t, "launch campaign spring occurrence "+fmt.Sprint(h.Number("select max(id) from occurrences"))+" console: launcher@shop.example")
	})
}

// TestLaunchesToManyAskForThePassword has a session that is a while old.
func TestLaunchesToManyAskForThePassword(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.Many = 2
		h.password(staff.Launcher)
		page, start := "/console/campaigns/spring/launch", "/console/campaigns/spring/launch/start"
		h.Do(func(tx *store.Tx) error {
			_, err := tx.Exec("delete from sends where run_id = @run", store.Args{"run": h.run})
			return err
		})
		typed := url.Values{"value.headline": {"Sun"}}
		if a := h.ask(staff.Launcher, page, typed); strings.Contains(a.Body, `name="password"`) {
			t.Error("whoever signed in just now is asked for the password")
		}
		h.aWhileAgo(staff.Launcher)
		asked := h.ask(staff.Launcher, page, typed)
		if !regexp.MustCompile(`<input name="password" type="password"`).MatchString(asked.Body) {
			t.Error("whoever signed in a while ago is not asked for the password")
		}
		h.refused(t, staff.Launcher, start, asked.hidden(t, start), "prove once more")
		h.refused(t, staff.Launcher, start, asked.hidden(t, start, "password", "four old birds"), "not your password")
		if n := h.Number("select count(*) from runs"); n != 1 {
			t.Fatalf("it was launched without the password: %d runs", n)
		}
		h.does(t, staff.Launcher, start, asked.hidden(t, start, "password", "three old birds")).shows(t, "It has begun")
		if a := h.ask(staff.Launcher, page, url.Values{"value.headline": {"Rain"}}); strings.Contains(a.Body, `name="password"`) {
			t.Error("whoever gave the password just now is asked for it again")
		}
	})
}
