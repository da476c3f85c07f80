package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

var linkOf = regexp.MustCompile(base + `(/console/welcome/[A-Za-z0-9_-]+)`)

func TestAdminsSayWhoMayComeIn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		user := func(more ...string) url.Values {
			form := url.Values{"email": {"new@shop.example"}}
			for i := 0; i+1 < len(more); i += 2 {
				form.Set(more[i], more[i+1])
			}
			return form
		}
		h.refused(t, staff.Admin, "/console/users", user("role", "owner"), "There is no role")
		a := h.ask(staff.Admin, "/console/users", url.Values{"email": {"no address"}, "role": {"viewer"}})
		if a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("no address: %d", a.StatusCode)
		}
		a = h.ask(staff.Admin, "/console/users", user("role", "marketer"))
		a.shows(t, "The link for new@shop.example")
		link := linkOf.FindStringSubmatch(a.Body)
		if link == nil {
			t.Fatalf("no link is shown: %.300s", words(all(tree(t, a.Body), "main")[0]))
		}
		if a := h.ask(staff.Admin, "/console/users", nil); linkOf.MatchString(a.Body) {
			t.Error("the link is shown a second time")
		}
		chosen := h.ask(staff.Nobody, link[1], url.Values{"password": {"three old birds"}, "again": {"three old birds"}})
		if chosen.StatusCode != http.StatusSeeOther {
			t.Fatalf("the link: %d", chosen.StatusCode)
		}
		session := chosen.Cookies()[0].Value
		in := func() bool {
			return h.ask(staff.Nobody, "/console/", nil, "Cookie: __Host-regulars="+session).StatusCode == http.StatusOK
		}
		if !in() {
			t.Fatal("who chose a password is not in")
		}
		h.does(t, staff.Admin, "/console/users/role", user("role", "viewer")).shows(t, "new@shop.example viewer")
		if in() {
			t.Error("another role left the session")
		}
		h.refused(t, staff.Admin, "/console/users/role", url.Values{"email": {"Admin@shop.example"}, "role": {"viewer"}}, "That is you")
		h.refused(t, staff.Admin, "/console/users/remove", url.Values{"email": {"admin@shop.example"}}, "That is you")
		h.refused(t, staff.Admin, "/console/users/remove", url.Values{"email": {"nobody@shop.example"}}, "no such page")

		h.aWhileAgo(staff.Admin)
		for path, form := range map[string]url.Values{"/console/users": user("role", "viewer"), "/console/users/role": user("role", "admin"), "/console/users/remove": user()} {
			h.refused(t, staff.Admin, path, form, "prove once more")
		}
		h.password(staff.Admin)
		h.aWhileAgo(staff.Admin)
		if a := h.ask(staff.Admin, "/console/users", nil); !strings.Contains(a.Body, `name="password"`) {
			t.Error("a session that is a while old is not asked for the password")
		}
		h.does(t, staff.Admin, "/console/users/remove", user("password", "three old birds")).shows(t, "Removed")
		h.ask(staff.Admin, "/console/audit", nil).shows(t, "user removed new@shop.example viewer console: admin@shop.example")
	})
}

// password gives a user of a role the password of these tests, and a new session.
func (h *house) password(as staff.Role) {
	h.T.Helper()
	var link string
	h.Do(func(tx *store.Tx) (err error) {
		link, err = staff.Add(tx, string(as)+"@shop.example", as, "test")
		return err
	})
	a := h.ask(staff.Nobody, "/console/welcome/"+link, url.Values{"password": {"three old birds"}, "again": {"three old birds"}})
	if len(a.Cookies()) != 1 {
		h.T.Fatalf("a password for a %s: %d", as, a.StatusCode)
	}
	h.as[as] = a.Cookies()[0].Value
}

func TestOneMindsOnesOwnSignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.SQLite(t))
	h.password(staff.Viewer)
	first := h.as[staff.Viewer]
	second := h.ask(staff.Nobody, "/console/sign-in", url.Values{"email": {"viewer@shop.example"}, "password": {"three old birds"}}).Cookies()[0].Value
	is := func(session string) bool {
		return h.ask(staff.Nobody, "/console/", nil, "Cookie: __Host-regulars="+session).StatusCode == http.StatusOK
	}
	h.ask(staff.Viewer, "/console/me", nil).shows(t, "viewer@shop.example, as viewer")
	h.does(t, staff.Viewer, "/console/me/sessions", url.Values{}).shows(t, "signed in here alone")
	if !is(first) || is(second) {
		t.Error("the other session has not ended, or this one has")
	}
	change := func(now, next, again string) url.Values {
		return url.Values{"password": {now}, "next": {next}, "again": {again}}
	}
	h.refused(t, staff.Viewer, "/console/me/password", change("three old birds", "four older birds", "four elder birds"), "not the same")
	h.refused(t, staff.Viewer, "/console/me/password", change("three old birds", "short", "short"), "12 characters")
	h.refused(t, staff.Viewer, "/console/me/password", change("two old birds", "four older birds", "four older birds"), "not your password")
	h.does(t, staff.Viewer, "/console/me/password", change("three old birds", "four older birds", "four older birds")).shows(t, "The password is changed")
	if a := h.ask(staff.Nobody, "/console/sign-in", url.Values{"email": {"viewer@shop.example"}, "password": {"four older birds"}}); a.StatusCode != http.StatusSeeOther {
		t.Errorf("signing in with the new one: %d", a.StatusCode)
	}
	audit := h.ask(staff.Admin, "/console/audit", nil)
	audit.shows(t, "password changed viewer@shop.example console: viewer@shop.example")
	audit.shows(t, "other sessions ended viewer@shop.example 1")
}
