package console_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"regulars/internal/console"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// provider is one of OpenID Connect. It signs in whoever a test says, and gives its codes
// once, to who has the secret and the verifier.
type provider struct {
	*httptest.Server
	key    *rsa.PrivateKey
	codes  map[string]grant
	issuer string // what it says that it is called
}

// grant is what a code is good for.
type grant struct {
	challenge, redirect string
	claims              map[string]any
	key                 *rsa.PrivateKey
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{key: key, codes: map[string]grant{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, map[string]any{"issuer": p.issuer, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, map[string]any{"keys": []any{map[string]any{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "one",
			"n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes())}}})
	})
	mux.HandleFunc("POST /token", p.token)
	p.Server = httptest.NewServer(mux)
	p.issuer = p.URL
	t.Cleanup(p.Close)
	return p
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // who asked sees what is missing
}

// token gives a token for a code.
func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	code := r.FormValue("code")
	g, is := p.codes[code]
	delete(p.codes, code)
	id, secret, _ := r.BasicAuth()
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !is || id != "regulars" || secret != "the-shops-own" || b64(sum[:]) != g.challenge || r.FormValue("redirect_uri") != g.redirect {
		w.WriteHeader(http.StatusBadRequest)
		answerJSON(w, map[string]string{"error": "invalid_grant"})
		return
	}
	answerJSON(w, map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": signed(g.key, g.claims)})
}

// signed is a token of claims, by RS256.
func signed(key *rsa.PrivateKey, claims map[string]any) string {
	body, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	text := b64([]byte(`{"alg":"RS256","kid":"one"}`)) + "." + b64(body)
	sum := sha256.Sum256([]byte(text))
	sign, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + b64(sign)
}

// withOIDC has a provider beside the console.
func withOIDC(t *testing.T, h *house) *provider {
	t.Helper()
	p := newProvider(t)
	o, unreached, err := staff.NewOIDC(context.Background(), staff.OIDCSettings{Issuer: p.URL, ClientID: "regulars", Secret: "the-shops-own"}, base+console.OIDCBack)
	if err != nil || unreached != nil {
		t.Fatal(err, unreached)
	}
	h.OIDC = o
	return p
}

// come has somebody go to the provider and come back with a token of theirs, which bend
// may change. The address they come back to and their ticket are returned, too.
func (h *house) come(p *provider, start string, bend func(*grant)) (a answer, back, ticket string) {
	h.T.Helper()
	to := h.ask(staff.Nobody, start, nil)
	asked, err := url.Parse(to.Header.Get("Location"))
	if err != nil || to.StatusCode != http.StatusSeeOther || !strings.HasPrefix(asked.String(), p.URL+"/authorize?") || len(to.Cookies()) != 1 {
		h.T.Fatalf("%s: %d %s %v", start, to.StatusCode, asked, err)
	}
	q := asked.Query()
	if q.Get("code_challenge_method") != "S256" || q.Get("redirect_uri") != base+console.OIDCBack || q.Get("response_type") != "code" || !strings.Contains(q.Get("scope"), "email") {
		h.T.Errorf("the provider is asked %s", asked)
	}
	g := grant{q.Get("code_challenge"), q.Get("redirect_uri"), map[string]any{"iss": p.URL, "aud": "regulars", "sub": "7", "nonce": q.Get("nonce"), "email": "Viewer@shop.example", "email_verified": true,
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}, p.key}
	if bend != nil {
		bend(&g)
	}
	code := fmt.Sprintf("code %d", len(q.Get("state"))+len(p.codes))
	p.codes[code] = g
	back = console.OIDCBack + "?" + url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
	ticket = "Cookie: " + to.Cookies()[0].Name + "=" + to.Cookies()[0].Value
	return h.ask(staff.Nobody, back, nil, ticket), back, ticket
}

// TestOneSignsInByOIDC comes in by a provider, with the role that we gave.
func TestOneSignsInByOIDC(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := withOIDC(t, h)
		h.ask(staff.Nobody, "/console/sign-in", nil).shows(t, "Sign in by your company's account")
		a, back, ticket := h.come(p, "/console/oidc", nil)
		if h.as[staff.Viewer] = a.session(); a.session() == "" {
			t.Fatalf("coming back: %d %.300s", a.StatusCode, h.log.String())
		}
		h.ask(staff.Viewer, "/console/me", nil).shows(t, "viewer@shop.example, as viewer")
		h.ask(staff.Admin, "/console/users", nil).shows(t, "by the company's account, last on")
		h.ask(staff.Admin, "/console/audit", nil).shows(t, "signed in by OIDC viewer@shop.example")
		if again := h.ask(staff.Nobody, back, nil, ticket); again.session() != "" || !strings.Contains(again.Body, "used already") {
			t.Errorf("the same code and state once more: %d", again.StatusCode)
		}
		if a := h.ask(staff.Viewer, "/console/me/passkey", url.Values{}); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("a sign-in of which the provider does not say when it was is fresh: %d", a.StatusCode)
		}
		for _, tt := range []struct {
			what, start string
			ago         time.Duration
			fresh       bool
		}{
			{"a minute ago", "/console/oidc", time.Minute, true}, {"an hour ago", "/console/oidc", time.Hour, false},
			{"an hour ago, though it was told to ask", "/console/oidc?again=yes", time.Hour, false}, {"asked once more", "/console/oidc?again=yes", 0, true},
		} {
			a, _, _ := h.come(p, tt.start, func(g *grant) {
				if g.claims["email_verified"] = "true"; tt.ago > 0 {
					g.claims["auth_time"] = time.Now().Add(-tt.ago).Unix()
				}
			})
			h.as[staff.Viewer] = a.session()
			if got := h.ask(staff.Viewer, "/console/me/passkey", url.Values{}).StatusCode == http.StatusOK; got != tt.fresh {
				t.Errorf("who proved at the provider %s is fresh: %v", tt.what, got)
			}
		}
		h.does(t, staff.Admin, "/console/users/role", url.Values{"email": {"viewer@shop.example"}, "role": {"marketer"}})
		if a := h.ask(staff.Viewer, "/console/", nil); a.StatusCode != http.StatusSeeOther {
			t.Errorf("another role leaves the session of OIDC: %d", a.StatusCode)
		}
	})
}

// TestOIDCIsRefused bends one thing of a token after another.
func TestOIDCIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.SQLite(t))
	p := withOIDC(t, h)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	const elsewhere, unknown = "was not accepted here", "Nobody of that address"
	set := func(name string, value any) func(*grant) { return func(g *grant) { g.claims[name] = value } }
	for _, tt := range []struct {
		what string
		bend func(*grant)
		says string
	}{
		{"another nonce", set("nonce", "of another sign-in"), elsewhere},
		{"no nonce", set("nonce", ""), elsewhere},
		{"another audience", set("aud", "another client"), elsewhere},
		{"another issuer", set("iss", "https://evil.example"), elsewhere},
		{"expired", set("exp", time.Now().Add(-time.Hour).Unix()), elsewhere},
		{"an address that is not verified", set("email_verified", false), elsewhere},
		{"an address of which it is not said", set("email_verified", nil), elsewhere},
		{"no address", set("email", ""), elsewhere},
		{"somebody we do not know", set("email", "boss@shop.example"), unknown},
		{"another key", func(g *grant) { g.key = other }, elsewhere},
		{"another verifier", func(g *grant) { g.challenge = "of another" }, elsewhere},
	} {
		a, _, _ := h.come(p, "/console/oidc", tt.bend)
		if a.session() != "" || a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.Body, tt.says) {
			t.Errorf("%s: %d %.300s", tt.what, a.StatusCode, words(all(tree(t, a.Body), "main")[0]))
		}
		h.forgetTries()
	}
	_, back, _ := h.come(p, "/console/oidc", nil)
	_, _, ticket := h.come(p, "/console/oidc", nil)
	for what, headers := range map[string][]string{"without a ticket": nil, "with another's ticket": {ticket}} {
		if a := h.ask(staff.Nobody, back, nil, headers...); a.session() != "" || !strings.Contains(a.Body, "another window") {
			t.Errorf("%s: %d", what, a.StatusCode)
		}
	}
	if n := h.Number("select count(*) from users"); n != int64(len(staff.Roles)) {
		t.Errorf("%d users: somebody was added by signing in", n)
	}
}

// TestPasswordsMayBeOff leaves OIDC and passkeys.
func TestPasswordsMayBeOff(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.SQLite(t))
	h.password(staff.Admin)
	p := withOIDC(t, h)
	h.NoPasswords = true
	if a := h.ask(staff.Nobody, "/console/sign-in", nil); strings.Contains(a.Body, `name="password"`) {
		t.Error("the page asks for a password")
	}
	if a := h.ask(staff.Nobody, "/console/sign-in", url.Values{"email": {"admin@shop.example"}, "password": {"three old birds"}}); a.session() != "" || !strings.Contains(a.Body, "Nobody signs in by a password") {
		t.Errorf("a password: %d", a.StatusCode)
	}
	var link string
	h.Do(func(tx *store.Tx) (err error) {
		link, err = staff.Add(tx, "admin@shop.example", staff.Admin, "test")
		return err
	})
	if a := h.ask(staff.Nobody, "/console/welcome/"+link, url.Values{"password": {"four older birds"}, "again": {"four older birds"}}); a.session() != "" {
		t.Errorf("a link: %d", a.StatusCode)
	}
	h.aWhileAgo(staff.Admin)
	h.refused(t, staff.Admin, "/console/users/remove", url.Values{"email": {"viewer@shop.example"}, "password": {"three old birds"}}, "prove once more")
	h.refused(t, staff.Admin, "/console/me/password", url.Values{"password": {"three old birds"}, "next": {"four older birds"}, "again": {"four older birds"}}, "Nobody signs in by a password")
	if a, _, _ := h.come(p, "/console/oidc", nil); a.session() == "" {
		t.Errorf("OIDC: %d", a.StatusCode)
	}
}

// TestAProviderIsAskedWhatItIs starts with one that is none, and with one that is away.
func TestAProviderIsAskedWhatItIs(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	p.issuer = "https://another.example"
	if _, _, err := staff.NewOIDC(context.Background(), staff.OIDCSettings{Issuer: p.URL, ClientID: "regulars", Secret: "s"}, base); err == nil || !strings.Contains(err.Error(), "OIDC_ISSUER") {
		t.Errorf("a provider that is called something else: %v", err)
	}
	if _, _, err := staff.NewOIDC(context.Background(), staff.OIDCSettings{Issuer: p.URL + "/realm", ClientID: "regulars", Secret: "s"}, base); err == nil {
		t.Error("an address at which there is no provider is taken")
	}
	h := newHouse(t, storetest.SQLite(t))
	away := newProvider(t)
	away.Close()
	o, unreached, err := staff.NewOIDC(context.Background(), staff.OIDCSettings{Issuer: away.URL, ClientID: "regulars", Secret: "s"}, base)
	if err != nil || unreached == nil {
		t.Fatalf("a provider that is away: %v, %v", unreached, err)
	}
	h.OIDC = o
	if a := h.ask(staff.Nobody, "/console/oidc", nil); a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "was not accepted here") {
		t.Errorf("to a provider that is away: %d", a.StatusCode)
	}
}
