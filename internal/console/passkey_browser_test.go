package console_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"regulars/internal/staff"
	"regulars/internal/store/storetest"
)

// TestPasskeysInABrowser adds a passkey, signs in by it and proves by it who one is, with
// the authenticator that Chromium plays.
func TestPasskeysInABrowser(t *testing.T) {
	t.Parallel()
	p := openTab(t)
	h := newHouse(t, storetest.SQLite(t))
	h.password(staff.Admin)
	var handle http.Handler
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handle.ServeHTTP(w, r) }))
	defer site.Close()
	h.Base = strings.Replace(site.URL, "127.0.0.1", "localhost", 1)
	handle = h.Handler()

	p.do("Page.enable", nil, nil)
	p.do("Emulation.setFocusEmulationEnabled", map[string]any{"enabled": true}, nil)
	p.do("WebAuthn.enable", nil, nil)
	var made struct{ AuthenticatorID string }
	p.do("WebAuthn.addVirtualAuthenticator", map[string]any{"options": map[string]any{"protocol": "ctap2", "transport": "internal", "hasResidentKey": true,
		"hasUserVerification": true, "isUserVerified": true, "automaticPresenceSimulation": true}}, &made)

	p.open(h.Base + "/console/sign-in")
	p.eval("document.querySelector('[data-passkey]').click()")
	p.says("The browser gave no passkey")
	p.eval("document.querySelector('[name=email]').value = 'admin@shop.example'; document.querySelector('[name=password]').value = 'three old birds'; document.querySelector('.first').click()")
	p.says("Sign out")

	p.open(h.Base + "/console/me")
	p.eval("document.querySelector('[name=name]').value = 'this laptop'; document.querySelector('[data-new-passkey] .first').click()")
	p.says("The passkey is added")
	p.says("this laptop")
	p.eval("document.querySelector('form[action=\"/console/sign-out\"] button').click()")
	p.until("location.pathname === '/console/sign-in' && document.readyState === 'complete'")
	p.eval("document.querySelector('[data-passkey]').click()")
	p.says("Sign out")

	h.aWhileAgo(staff.Admin)
	p.open(h.Base + "/console/users")
	p.showsFocus(t)
	p.eval("document.querySelector('section[aria-labelledby=add] [name=email]').value = 'new@shop.example'; document.querySelector('section[aria-labelledby=add] [data-passkey]').click()")
	p.says("The link for new@shop.example")

	h.aWhileAgo(staff.Admin)
	p.do("WebAuthn.setUserVerified", map[string]any{"authenticatorId": made.AuthenticatorID, "isUserVerified": false}, nil)
	p.open(h.Base + "/console/me")
	p.eval("document.querySelector('[data-new-passkey] [name=name]').value = 'another'; document.querySelector('[data-new-passkey] [data-passkey]').click()")
	p.says("The browser gave no passkey")

	p.showsFocus(t)
	if n := h.Number("select count(*) from passkeys where used_at is not null"); n != 1 {
		t.Errorf("%d passkeys have been used", n)
	}
	if got := h.ask(staff.Admin, "/console/audit", nil).Body; strings.Count(got, "signed in by passkey") != 1 {
		t.Errorf("the audit tells of %d sign-ins by passkey", strings.Count(got, "signed in by passkey"))
	}
}
