package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"regulars/internal/console"
	"regulars/internal/staff"
	"regulars/internal/store"
)

// An admin makes a token, sees it once, sees who made it, and ends it; whoever signed in a
// while ago proves once more who they are.
func TestTokensAreMadeAndEndedInTheConsole(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		make := url.Values{"name": {"till-4"}, "scope": {"read", "redeem"}, "source": {"till-4"}}
		h.aWhileAgo(staff.Admin)
		if a := h.ask(staff.Admin, "/console/settings/tokens", make); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("a token by whoever signed in a while ago: %d", a.StatusCode)
		}
		h.justNow(staff.Admin)
		a := h.ask(staff.Admin, "/console/settings/tokens", make)
		token := regexp.MustCompile(`rgl_[A-Za-z0-9_-]{43}`).FindString(a.Body)
		if a.StatusCode != http.StatusOK || token == "" || a.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("making a token: %d, %q %s", a.StatusCode, token, words(tree(t, a.Body)))
		}
		h.wellMade(t, "the page with a new token", a.Body)
		page := h.ask(staff.Admin, "/console/settings", nil)
		page.shows(t, "till-4 brings the order numbers of till-4 read, redeem")
		page.shows(t, "by admin@shop.example never")
		if strings.Contains(page.Body, token) {
			t.Error("the token is shown a second time")
		}
		got, err := staff.TokenOf(t.Context(), h.Shop.DB, token)
		if err != nil || got.Name != "till-4" {
			t.Errorf("the token is %+v, %v", got, err)
		}
		h.ask(staff.Admin, "/console/settings", nil).shows(t, "admin@shop.example "+h.Shop.DB.Now().UTC().Format("2 Jan 2006"))
		for what, form := range map[string]url.Values{
			"A token till-4 is there already": make, "not “two words”": {"name": {"two words"}, "scope": {"read"}}, "at least one scope": {"name": {"all"}}, "There is no scope": {"name": {"all"}, "scope": {"admin"}},
		} {
			a := h.ask(staff.Admin, "/console/settings/tokens", form)
			if got := strings.NewReplacer(`"`, "", "“", "", "”", "").Replace(words(tree(t, a.Body))); a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(got, strings.NewReplacer("“", "", "”", "").Replace(what)) {
				t.Errorf("%s: %d %s", what, a.StatusCode, got)
			}
		}
		if a := h.ask(staff.Admin, "/console/settings/tokens/end", url.Values{"name": {"till-4"}}); a.StatusCode != http.StatusSeeOther {
			t.Errorf("ending the token: %d", a.StatusCode)
		}
		if _, err := staff.TokenOf(t.Context(), h.Shop.DB, token); err == nil {
			t.Error("the token is good after it was ended")
		}
		if a := h.ask(staff.Admin, "/console/settings/tokens/end", url.Values{"name": {"till-4"}}); a.StatusCode != http.StatusNotFound {
			t.Errorf("ending it twice: %d", a.StatusCode)
		}
		h.Do(func(tx *store.Tx) error {
			acts, err := staff.Audit(tx, 0, 2)
			if len(acts) != 2 || acts[1].Act != "token made" || acts[1].After != "read,redeem" || acts[0].Act != "token ended" || acts[0].Before != "read,redeem" || acts[0].By != "console: admin@shop.example" {
				t.Errorf("the audit says %+v", acts)
			}
			return err
		})
	})
}

// Settings tell what is set, and no secret.
func TestSettingsAreTold(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.Surroundings = console.Surroundings{Doors: []console.Door{{Path: "/hooks/shopify", Setting: "HOOK_SECRET_SHOPIFY", Open: true}, {Path: "/hooks/stripe", Setting: "HOOK_SECRET_STRIPE"}}}
		page := h.ask(staff.Admin, "/console/settings", nil)
		for _, what := range []string{"/hooks/shopify HOOK_SECRET_SHOPIFY set", "/hooks/stripe HOOK_SECRET_STRIPE not set", "Zone ", "Currency EUR", "How long mails are kept", "nobody else could apply a change", "All of this stands in program.yaml"} {
			page.shows(t, what)
		}
		h.wellMade(t, "settings", page.Body)
		to := regexp.MustCompile(`<a href="(/console/program/versions/1/files/program.yaml)#(L\d+)">Zone</a>`).FindStringSubmatch(page.Body)
		if to == nil {
			t.Fatalf("the zone leads to no line: %s", page.Body)
		}
		file := h.ask(staff.Admin, to[1], nil)
		if _, line, there := strings.Cut(file.Body, `<div id="`+to[2]+`">`); !there || !strings.Contains(line[:60], "<code>zone: ") {
			t.Errorf("line %s of the file: %.80s", to[2], line)
		}
		begun := h.ask(staff.Admin, "/console/proposals", url.Values{"title": {"another zone"}, "file": {"program.yaml"}})
		if at := begun.Header.Get("Location"); !strings.HasSuffix(at, "/files/program.yaml") {
			t.Errorf("a change that is begun at a file leads to %s", at)
		} else {
			h.ask(staff.Admin, to[1], nil).shows(t, "In the draft “another zone”")
		}
		h.Do(func(tx *store.Tx) error {
			_, err := tx.Exec("update users set password = 'chosen' where role = 'launcher'", nil)
			return err
		})
		h.ask(staff.Admin, "/console/settings", nil).shows(t, "a change is applied by somebody else than its author: one other may")
	})
}

// justNow has a user have proved just now who they are.
func (h *house) justNow(role staff.Role) {
	h.Do(func(tx *store.Tx) error {
		_, err := tx.Exec("update sessions set proved_at = "+tx.MachineIn(-time.Second)+" where user_id in (select id from users where role = @role)", store.Args{"role": string(role)})
		return err
	})
}
