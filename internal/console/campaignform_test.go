package console_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"regulars/internal/staff"
)

// draft begins a change of the program and returns its page.
func (h *house) draft(t *testing.T, title string) string {
	h.does(t, staff.Marketer, "/console/proposals", url.Values{"title": {title}})
	return fmt.Sprintf("/console/proposals/%d", h.Number("select max(id) from proposals"))
}

// typed are the fields of the form of a page as they stand, without script.
func (a answer) typed(t *testing.T, action string) url.Values {
	form := url.Values{}
	for _, f := range all(tree(t, a.Body), "form") {
		if to, _ := attr(f, "action"); to != action {
			continue
		}
		for _, in := range all(f, "input") {
			name, _ := attr(in, "name")
			value, _ := attr(in, "value")
			if kind, _ := attr(in, "type"); kind != "checkbox" || hasAttr(in, "checked") {
				form.Set(name, value)
			}
		}
		for _, s := range all(f, "select") {
			name, _ := attr(s, "name")
			for i, o := range all(s, "option") {
				value, is := attr(o, "value")
				if !is {
					value = words(o)
				}
				if i == 0 || hasAttr(o, "selected") {
					form.Set(name, value)
				}
			}
		}
	}
	return form
}

// TestACampaignIsSetByAForm begins one and changes another, without script.
func TestACampaignIsSetByAForm(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		change := h.draft(t, "a drop")
		path := change + "/campaign"
		form := h.ask(staff.Marketer, path, nil).typed(t, path)
		for name, value := range map[string]string{"name": "spring-drop", "kind": "at", "start.at.at": "2027-06-18 18:00", "for": "regulrs", "class": "offer",
			"mail.1": "drop", "coupon.1": "gift", "wait.2": "2d before coupon ends", "mail.2": "last-days", "only.2": `unused("gift")`} {
			form.Set(name, value)
		}
		form.Set("do", "show")
		shown := h.ask(staff.Marketer, path, form)
		shown.shows(t, "start: {at: 2027-06-18 18:00} for: regulrs class: offer steps: - mail: drop coupon: gift - wait: 2d before coupon ends - mail: last-days if: unused(\"gift\")")
		shown.shows(t, `did you mean "regulars"?`)
		if a := h.ask(staff.Marketer, change, nil); strings.Contains(a.Body, "spring-drop") {
			t.Error("showing has saved")
		}
		form = shown.typed(t, path)
		form.Set("name", "spring-drop")
		form.Set("for", "regulars")
		form.Set("do", "save")
		saved := h.does(t, staff.Marketer, path, form)
		saved.shows(t, "Saved, in the draft alone")
		saved.shows(t, "the file campaigns/spring-drop/last-days.en.md is missing")
		saved.shows(t, "Texts: en: to be written")
		h.ask(staff.Marketer, change, nil).shows(t, "5 + - mail: drop")

		welcome := path + "/welcome"
		page := h.ask(staff.Marketer, welcome, nil)
		page.shows(t, "A choice among mails")
		form = page.typed(t, welcome)
		form.Set("wait.2", "4d")
		form.Set("do", "save")
		h.does(t, staff.Marketer, welcome, form).shows(t, "- wait: 4d - if: orders >= 1 mail: thanks - choose: - {if: regulars, mail: one}")
		if a := h.ask(staff.Marketer, welcome, form); a.StatusCode != 422 || !strings.Contains(a.Body, "has changed since") {
			t.Errorf("an old form: %d", a.StatusCode)
		}
		h.refused(t, staff.Launcher, welcome, form, "draft")
		h.refused(t, staff.Marketer, path+"/nowhere", form, "no such page")
	})
}

// TestAReadyMadeCampaignIsTaken looks at one and takes it, without script.
func TestAReadyMadeCampaignIsTaken(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		change := h.draft(t, "win them back")
		list := h.ask(staff.Marketer, change+"/library", nil)
		list.shows(t, "win-back Wins back members who have stopped ordering")
		page := h.ask(staff.Marketer, change+"/library/win-back", nil)
		page.shows(t, "lapsed:")
		frame := ""
		for _, f := range all(tree(t, page.Body), "iframe") {
			if src, _ := attr(f, "src"); strings.Contains(src, "2-a-gift") {
				frame = src
			}
		}
		mail := h.ask(staff.Marketer, frame, nil)
		if !strings.Contains(mail.Body, "unsubscribe") && !strings.Contains(mail.Body, "Unsubscribe") || !strings.Contains(mail.Header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("the mail is shown as %.300s", mail.Body)
		}
		h.does(t, staff.Marketer, change+"/library/win-back", url.Values{"name": {"back"}}).shows(t, "start: {enters: lapsed")
		h.ask(staff.Marketer, change, nil).shows(t, "+ win-back:")
		h.refused(t, staff.Marketer, change+"/library/win-back", url.Values{"name": {"back"}}, "already")
		h.ask(staff.Marketer, change+"/library/welcome", nil).shows(t, "Its mails")
	})
}
