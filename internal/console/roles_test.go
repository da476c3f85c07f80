package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// TestEachPageNeedsItsRole asks for everything that there is as everybody.
func TestEachPageNeedsItsRole(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for pattern, needs := range h.Needs() {
			for _, as := range append([]staff.Role{staff.Nobody}, staff.Roles...) {
				var form url.Values
				if strings.HasPrefix(pattern, "POST") {
					form = url.Values{}
				}
				if strings.Contains(pattern, "sign-out") && as != staff.Nobody {
					continue // it would end the session
				}
				a := h.ask(as, h.path(pattern), form)
				signIn := a.StatusCode == http.StatusSeeOther && a.Header.Get("Location") == "/console/sign-in"
				switch {
				case needs == staff.Nobody:
					if signIn || a.StatusCode == http.StatusForbidden {
						t.Errorf("%s as %q: %d, it is open to everybody", pattern, as, a.StatusCode)
					}
				case as == staff.Nobody:
					if !signIn {
						t.Errorf("%s without sign-in: %d %s", pattern, a.StatusCode, a.Header.Get("Location"))
					}
				case as.May(needs):
					if signIn || a.StatusCode == http.StatusForbidden || a.StatusCode >= 500 {
						t.Errorf("%s as %s: %d", pattern, as, a.StatusCode)
					}
				case a.StatusCode != http.StatusForbidden:
					t.Errorf("%s as %s: %d, want 403", pattern, as, a.StatusCode)
				}
			}
		}
	})
}

// refusals is who may ask for what, written down once more beside the routes: the role
// that each needs. A route that is new, or asks for another role, is to be decided here.
const refusals = `
nobody   GET /console/look/{name}
nobody   GET /console/oidc
nobody   GET /console/oidc/back
nobody   GET /console/sign-in
nobody   GET /console/welcome/{link}
nobody   POST /console/passkey
nobody   POST /console/sign-in
nobody   POST /console/sign-in/passkey
nobody   POST /console/welcome/{link}
viewer   GET /console/campaigns
viewer   GET /console/campaigns/{name}
viewer   GET /console/campaigns/{name}/mails/{figure}/{mail...}
viewer   GET /console/codes
viewer   GET /console/codes/{pool}
viewer   GET /console/deliverability
viewer   POST /console/deliverability/count
viewer   GET /console/figures/{figure}
viewer   GET /console/unknown
viewer   GET /console/help
viewer   GET /console/help/{topic}
viewer   GET /console/jobs
viewer   GET /console/loyalty
viewer   GET /console/mail-body/{name}/{mail...}
viewer   GET /console/mail/{name}/{mail...}
viewer   GET /console/me
viewer   GET /console/members/{member}
viewer   GET /console/month
viewer   GET /console/month/file
viewer   POST /console/month/count
viewer   POST /console/reports/{name}/count
viewer   GET /console/program
viewer   GET /console/reports
viewer   GET /console/reports/{name}
viewer   GET /console/reports/{name}/file
viewer   GET /console/runs
viewer   GET /console/runs/{run}
viewer   GET /console/segments
viewer   GET /console/segments/{segment}
viewer   GET /console/{$}
viewer   POST /console/me/passkey
viewer   POST /console/me/passkeys
viewer   POST /console/me/passkeys/{passkey}/remove
viewer   POST /console/me/password
viewer   POST /console/me/password/remove
viewer   POST /console/me/sessions
viewer   POST /console/sign-out
marketer GET /console/import
marketer GET /console/members
marketer GET /console/members/{member}/why/{name}
marketer GET /console/program/versions/{version}
marketer GET /console/program/versions/{version}/files/{file...}
marketer GET /console/program/versions/{version}/zip
marketer GET /console/proposals/{proposal}
marketer GET /console/proposals/{proposal}/campaign
marketer GET /console/proposals/{proposal}/campaign/{name}
marketer GET /console/proposals/{proposal}/files/{file...}
marketer GET /console/proposals/{proposal}/library
marketer GET /console/proposals/{proposal}/library/{entry}
marketer GET /console/library-mail/{proposal}/{entry}/{mail...}
marketer GET /console/proposed-mail/{proposal}/files/{file...}
marketer POST /console/check/{proposal}/files/{file...}
marketer POST /console/codes
marketer POST /console/import
marketer GET /console/import/{upload}
marketer GET /console/import/{upload}/refused.csv
marketer POST /console/import/{upload}/again
marketer POST /console/import/{upload}/cancel
marketer POST /console/import/{upload}/drop
marketer POST /console/import/{upload}/look
marketer POST /console/import/{upload}/start
marketer POST /console/members/{member}/export
launcher GET /console/members/{member}/merge
launcher POST /console/members/{member}/merge
admin    GET /console/members/{member}/erase
admin    POST /console/members/{member}/erase
marketer POST /console/mail/{name}/{mail...}
marketer POST /console/members
marketer POST /console/members/{member}/again
marketer POST /console/members/{member}/suppress
marketer POST /console/members/{member}/topics
marketer POST /console/proposals
marketer POST /console/proposals/{proposal}/campaign
marketer POST /console/proposals/{proposal}/campaign/{name}
marketer POST /console/proposals/{proposal}/library/{entry}
marketer POST /console/proposals/{proposal}/pictures
marketer POST /console/proposals/{proposal}/drop
marketer POST /console/proposals/{proposal}/files/{file...}
marketer POST /console/proposals/{proposal}/new
marketer GET /console/proposals/{proposal}/rehearsal
marketer POST /console/proposals/{proposal}/rehearse
marketer POST /console/proposals/{proposal}/rehearsal/cancel
marketer POST /console/proposals/{proposal}/propose
marketer POST /console/proposals/{proposal}/withdraw
marketer POST /console/segments
marketer POST /console/segments/count
marketer POST /console/send-proposed/{proposal}/files/{file...}
marketer POST /console/send-test/{name}/{mail...}
launcher GET /console/campaigns/{name}/launch
launcher GET /console/program/versions/{version}/rollback
launcher POST /console/campaigns/{name}/hold
launcher POST /console/campaigns/{name}/launch
launcher POST /console/campaigns/{name}/launch/start
launcher POST /console/campaigns/{name}/release
launcher POST /console/codes/void
launcher POST /console/codes/{pool}/stock
launcher POST /console/codes/{pool}/export
launcher POST /console/hold
launcher POST /console/jobs/{job}/cancel
launcher GET /console/jobs/new
launcher POST /console/jobs/new
launcher POST /console/jobs/{job}/retry
launcher POST /console/members/{member}/code
launcher POST /console/members/{member}/points
launcher POST /console/members/{member}/unsuppress
launcher POST /console/members/{member}/void
launcher POST /console/program/versions/{version}/rollback
launcher POST /console/proposals/{proposal}/apply
launcher POST /console/proposals/{proposal}/refuse
launcher POST /console/referrals/{referral}
launcher POST /console/release
launcher POST /console/runs/{run}/cancel
launcher POST /console/runs/{run}/resolve
launcher POST /console/members/{member}/resolve
launcher POST /console/runs/{run}/pause
launcher POST /console/runs/{run}/resume
admin    GET /console/audit
admin    GET /console/audit.csv
admin    GET /console/settings
admin    POST /console/settings/tokens
admin    POST /console/settings/tokens/end
admin    GET /console/webhooks
admin    GET /console/webhooks/{hook}
admin    POST /console/webhooks/{hook}/replay
admin    POST /console/webhooks/{hook}/done
admin    POST /console/webhooks/told
admin    GET /console/users
admin    POST /console/users
admin    POST /console/users/remove
admin    POST /console/users/role
`

// TestEachRouteIsDecidedOn holds the routes to the table, and to what no route may do.
func TestEachRouteIsDecidedOn(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.SQLite(t))
	table := map[string]staff.Role{}
	for line := range strings.Lines(strings.TrimSpace(refusals)) {
		role, pattern, _ := strings.Cut(strings.TrimSpace(line), " ")
		if role == "nobody" {
			role = string(staff.Nobody)
		}
		table[strings.TrimSpace(pattern)] = staff.Role(role)
	}
	needs := h.Needs()
	for pattern, role := range needs {
		if want, is := table[pattern]; !is || want != role {
			t.Errorf("%s needs the role %q, and the table says %q (%v)", pattern, role, want, is)
		}
	}
	for pattern := range table {
		if _, is := needs[pattern]; !is {
			t.Errorf("%s is in the table, and is no route", pattern)
		}
	}
	audit := h.Number("select count(*) from audit")
	for pattern := range needs {
		if !strings.HasPrefix(pattern, "POST") {
			continue
		}
		if a := h.ask(staff.Admin, h.path(pattern), because("evil"), "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"); a.StatusCode != http.StatusForbidden || len(a.Cookies()) != 0 {
			t.Errorf("%s from another site: %d, %v", pattern, a.StatusCode, a.Cookies())
		}
		a := h.ask(staff.Admin, h.path(pattern), nil) // what changes something is not done by a link
		if _, both := needs[strings.Replace(pattern, "POST", "GET", 1)]; !both && a.StatusCode != http.StatusNotFound && a.StatusCode != http.StatusMethodNotAllowed && !strings.Contains(pattern, "/{") {
			t.Errorf("GET of %s: %d", pattern, a.StatusCode)
		}
	}
	if n := h.Number("select count(*) from audit"); n != audit {
		t.Errorf("%d acts came from elsewhere", n-audit)
	}
}

// TestOpenPagesShowNothing lists what is open to everybody: the door alone.
func TestOpenPagesShowNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.SQLite(t))
	var open []string
	for pattern, needs := range h.Needs() {
		if needs == staff.Nobody {
			open = append(open, pattern)
		}
	}
	slices.Sort(open)
	want := []string{"GET /console/look/{name}", "GET /console/oidc", "GET /console/oidc/back", "GET /console/sign-in", "GET /console/welcome/{link}",
		"POST /console/passkey", "POST /console/sign-in", "POST /console/sign-in/passkey", "POST /console/welcome/{link}"}
	if !slices.Equal(open, want) {
		t.Errorf("open to everybody: %q, want %q", open, want)
	}
	for _, path := range []string{"/console/sign-in", "/console/none", "/console/welcome/nobodys", "/console/oidc"} {
		if a := h.ask(staff.Nobody, path, nil); strings.Contains(a.Body, "Anna") {
			t.Errorf("%s names the shop to anybody", path)
		}
	}
}

// TestOnlyThisMachineIsAskedForNoName says who comes in on the embedded default.
func TestOnlyThisMachineIsAskedForNoName(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.SQLite(t))
	for _, tt := range []struct {
		name    string
		open    bool
		headers []string
		in      bool
	}{
		{"at the machine itself", true, []string{"Host: localhost:8080", "Remote: 127.0.0.1:5"}, true},
		{"over IPv6", true, []string{"Host: [::1]:8080", "Remote: [::1]:5"}, true},
		{"not where it is no embedded default", false, []string{"Host: localhost:8080", "Remote: 127.0.0.1:5"}, false},
		{"not from elsewhere", true, []string{"Host: localhost:8080", "Remote: 192.168.1.5:5"}, false},
		{"not by a name that only leads here", true, []string{"Host: evil.example", "Remote: 127.0.0.1:5"}, false},
		{"not through a proxy", true, []string{"Host: localhost:8080", "Remote: 127.0.0.1:5", "X-Forwarded-For: 203.0.113.7"}, false},
		{"not through a tunnel", true, []string{"Host: localhost:8080", "Remote: 127.0.0.1:5", "Forwarded: for=203.0.113.7"}, false},
	} {
		h.Open = tt.open
		a := h.ask(staff.Nobody, "/console/", nil, tt.headers...)
		if got := a.StatusCode == http.StatusOK; got != tt.in {
			t.Errorf("%s: %d", tt.name, a.StatusCode)
		}
		if tt.in && !strings.Contains(a.Body, "no sign-in") {
			t.Errorf("%s: the page does not say that nobody was asked for a name", tt.name)
		}
	}
}

// TestViewersSeeNoMember looks at every page for what says who a member is.
func TestViewersSeeNoMember(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.Do(func(tx *store.Tx) error {
			if _, err := tx.Exec("update runs set state = 'paused', because = 'the brake: "+secret+"'", nil); err != nil {
				return err
			}
			return tx.SetBack(store.ScopeCampaign(1), "mails", fmt.Errorf("a mail: %s", secret))
		})
		h.Welcome(5) // with a code
		h.Work()
		owner := fmt.Sprintf("/console/members/%d", h.Number("select member_id from codes where member_id is not null"))
		if a := h.ask(staff.Marketer, owner, nil); !strings.Contains(a.Body, "GIFT-") {
			t.Error("a marketer does not see a member's code")
		}
		seen := 0
		for _, path := range append(h.pages(), owner) {
			if strings.HasPrefix(path, "/console/help/") { // it is the same everywhere, with examples
				continue
			}
			a := h.ask(staff.Viewer, path, nil)
			for _, word := range []string{secret, "alert(1)", "@example.test", "M-" + fmt.Sprint(h.members[0]), "O-", "GIFT-"} {
				if strings.Contains(a.Body, word) && !(word == "GIFT-" && strings.HasPrefix(path, "/console/mail")) { // there it is made up
					t.Errorf("%s shows a viewer %q", path, word)
				}
			}
			if a.StatusCode == http.StatusOK {
				seen++
			}
		}
		if seen < 15 {
			t.Errorf("a viewer saw only %d pages", seen)
		}
		if a := h.ask(staff.Marketer, fmt.Sprintf("/console/members/%d", h.members[0]), nil); !strings.Contains(a.Body, secret) {
			t.Error("a marketer does not see who a member is")
		}
	})
}

func TestOneSignsIn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, role := range []staff.Role{staff.Admin, staff.Viewer} {
			var link string
			h.Do(func(tx *store.Tx) (err error) {
				link, err = staff.Add(tx, string(role)+"@shop.example", role, "test")
				return err
			})
			if a := h.ask(staff.Nobody, "/console/welcome/"+link, url.Values{"password": {"three old birds"}, "again": {"three old birds"}}); a.StatusCode != http.StatusSeeOther {
				t.Fatalf("choosing a password: %d", a.StatusCode)
			}
		}
		form := func(email, password string) url.Values { return url.Values{"email": {email}, "password": {password}} }
		a := h.ask(staff.Nobody, "/console/sign-in", form("admin@shop.example", "not this"))
		if a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "do not go together") || len(a.Cookies()) > 0 {
			t.Errorf("a wrong password: %d %v", a.StatusCode, a.Cookies())
		}
		a = h.ask(staff.Nobody, "/console/sign-in", form("admin@shop.example", "three old birds"))
		if a.StatusCode != http.StatusSeeOther || len(a.Cookies()) != 1 {
			t.Fatalf("the right password: %d %v", a.StatusCode, a.Cookies())
		}
		if c := a.Cookies()[0]; c.Name != "__Host-regulars" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.MaxAge != 0 {
			t.Errorf("the cookie: %+v", c)
		}
		h.as[staff.Admin] = a.Cookies()[0].Value
		if a := h.ask(staff.Admin, "/console/", nil); a.StatusCode != http.StatusOK || !strings.Contains(a.Body, "admin@shop.example") {
			t.Errorf("with the cookie: %d", a.StatusCode)
		}
		if a := h.ask(staff.Admin, "/console/sign-out", url.Values{}); a.StatusCode != http.StatusSeeOther || a.Cookies()[0].MaxAge >= 0 {
			t.Errorf("sign-out: %d %v", a.StatusCode, a.Cookies())
		}
		if a := h.ask(staff.Admin, "/console/", nil); a.StatusCode != http.StatusSeeOther {
			t.Errorf("signed out: %d", a.StatusCode)
		}
		for range 5 {
			a = h.ask(staff.Nobody, "/console/sign-in", form("viewer@shop.example", "guess"))
		}
		if a = h.ask(staff.Nobody, "/console/sign-in", form("viewer@shop.example", "three old birds")); a.StatusCode != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" {
			t.Errorf("after too many tries: %d", a.StatusCode)
		}
	})
}

func TestALinkChoosesAPassword(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		var link string
		h.Do(func(tx *store.Tx) (err error) {
			link, err = staff.Add(tx, "new@shop.example", staff.Marketer, "test")
			return err
		})
		path := "/console/welcome/" + link
		for range 2 { // as scanners of mail do
			if a := h.ask(staff.Nobody, path, nil); a.StatusCode != http.StatusOK || !strings.Contains(a.Body, "new@shop.example") {
				t.Fatalf("the page of the link: %d", a.StatusCode)
			}
		}
		choose := func(password, again string) answer {
			return h.ask(staff.Nobody, path, url.Values{"password": {password}, "again": {again}})
		}
		if a := choose("four older birds", "four elder birds"); a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "not the same") {
			t.Errorf("two different passwords: %d", a.StatusCode)
		}
		if a := choose("short", "short"); a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "12 characters") {
			t.Errorf("a short password: %d", a.StatusCode)
		}
		a := choose("four older birds", "four older birds")
		if a.StatusCode != http.StatusSeeOther || len(a.Cookies()) != 1 {
			t.Fatalf("a good password: %d", a.StatusCode)
		}
		if a := h.ask(staff.Nobody, path, nil); a.StatusCode != http.StatusGone {
			t.Errorf("the link once it was used: %d", a.StatusCode)
		}
	})
}

// TestNoOtherSitePostsHere tries what a page elsewhere can have a browser send.
func TestNoOtherSitePostsHere(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.SQLite(t))
	hold := url.Values{"because": {"evil"}}
	for _, headers := range [][]string{{"Origin: https://evil.example"}, {"Sec-Fetch-Site: cross-site"}, {"Sec-Fetch-Site: same-site", "Origin: https://other.shop.example"}, {"Origin: null"}} {
		if a := h.ask(staff.Admin, "/console/campaigns/welcome/hold", hold, headers...); a.StatusCode != http.StatusForbidden || !strings.Contains(a.Body, "another site") {
			t.Errorf("%v: %d", headers, a.StatusCode)
		}
	}
	if n := h.Number("select count(*) from holds"); n != 0 {
		t.Errorf("%d holds came from elsewhere", n)
	}
	for _, headers := range [][]string{{"Origin: " + base}, {"Sec-Fetch-Site: same-origin"}, {"Origin: " + base, "Host: behind.proxy.internal"}} {
		if a := h.ask(staff.Admin, "/console/campaigns/welcome/hold", hold, headers...); a.StatusCode != http.StatusSeeOther {
			t.Errorf("our own form, %v: %d", headers, a.StatusCode)
		}
	}
}
