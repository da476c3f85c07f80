package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"regulars/internal/console"
	"regulars/internal/delivery/dkim"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// signingKey was made for this test.
const signingKey = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----"

// What has to be published follows from the settings: each record stands there with its
// name and value, and what receivers would not count is said.
func TestRecordsAreTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.SQLite(t))
	page := func(s console.Surroundings) string {
		t.Helper()
		h.Surroundings = s
		a := h.ask(staff.Viewer, "/console/deliverability", nil)
		if a.StatusCode != http.StatusOK {
			t.Fatalf("the page: %d", a.StatusCode)
		}
		h.wellMade(t, "deliverability", a.Body)
		return words(tree(t, a.Body))
	}
	signer := func(domain string) *dkim.Signer { return signs(t, domain) }
	for _, tt := range []struct {
		name         string
		s            console.Surroundings
		says, saysNo []string
	}{
		{"the relay signs, and nobody reads what comes back", console.Surroundings{},
			[]string{"SPF shop.example TXT v=spf1 include:RELAY -all", "Have your relay sign for shop.example", "_dmarc.shop.example TXT v=DMARC1; p=none; rua=mailto:dmarc@shop.example", "BOUNCE_DOMAIN is not set: mails that come back go to the sender", "BASE_URL shop.example A, AAAA"}, []string{"mail2026"}},
		{"a provider tells", console.Surroundings{Doors: []console.Door{{Path: "/hooks/mail/ses", Open: true}}}, []string{"a provider tells by webhook"}, []string{"go to the sender"}},
		{"a provider would", console.Surroundings{Doors: []console.Door{{Path: "/hooks/mail/ses"}}}, []string{"go to the sender"}, nil},
		{"we sign and take what comes back", console.Surroundings{BounceDomain: "bounces.shop.example", DKIM: signer("shop.example")},
			[]string{"SPF bounces.shop.example TXT", "mail2026._domainkey.shop.example TXT v=DKIM1; k=ed25519; p=", "MX bounces.shop.example MX 10 HOST."}, []string{"does not count", "sign for shop.example"}},
		{"we sign for somebody else", console.Surroundings{BounceDomain: "bounces.other.example", DKIM: signer("other.example")},
			[]string{"the sender's domain shop.example, so DMARC does not count it", "the sender's domain shop.example: DMARC does not count the signature"}, nil},
	} {
		got := page(tt.s)
		for _, want := range tt.says {
			if !strings.Contains(got, want) {
				t.Errorf("%s: the page says\n%s\nwant %q in it", tt.name, got, want)
			}
		}
		for _, no := range tt.saysNo {
			if strings.Contains(got, no) {
				t.Errorf("%s: the page says %q", tt.name, no)
			}
		}
	}
}

// A month of mails is counted by a worker where it takes too long for a page.
func TestDomainsAreCountedByAWorker(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.Live = 1
		if a := h.ask(staff.Viewer, "/console/deliverability", nil); !strings.Contains(a.Body, "longer than a page should") {
			t.Errorf("the page does not say that counting takes long: %s", words(tree(t, a.Body)))
		}
		a := h.ask(staff.Viewer, "/console/deliverability/count", url.Values{})
		if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/console/deliverability" {
			t.Errorf("have it counted: %d to %s", a.StatusCode, a.Header.Get("Location"))
		}
		var n int64
		h.Do(func(tx *store.Tx) error {
			return tx.One(&n, "select count(*) from jobs where kind = 'count' and payload ->> 'report' = 'domains'", nil)
		})
		if n != 1 {
			t.Errorf("%d jobs count the domains", n)
		}
	})
}

// Help stands in the console as in the terminal, and is reached from every page.
func TestHelpStandsInTheConsole(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.SQLite(t))
	for page, link := range map[string]string{"segments": "/console/help/rules", "program": "/console/help/files", "codes": "/console/help/coupons", "loyalty": "/console/help/points", "": "/console/help"} {
		found := false
		for _, a := range all(tree(t, h.ask(staff.Viewer, "/console/"+page, nil).Body), "a") {
			href, _ := attr(a, "href")
			found = found || href == link
		}
		if !found {
			t.Errorf("the page %q does not lead to %s", page, link)
		}
	}
	a := h.ask(staff.Viewer, "/console/help/rules", nil)
	if got := words(tree(t, a.Body)); a.StatusCode != http.StatusOK || !strings.Contains(got, "orders >= 2 and days_since_last_order > 90") || !strings.Contains(got, "Next: Mails") {
		t.Errorf("the page on rules: %d\n%s", a.StatusCode, got)
	}
	if a := h.ask(staff.Viewer, "/console/help/rulse", nil); a.StatusCode != http.StatusNotFound || !strings.Contains(words(tree(t, a.Body)), "did you mean “rules”?") {
		t.Errorf("the page on rulse: %d\n%s", a.StatusCode, words(tree(t, a.Body)))
	}
}

func signs(t *testing.T, domain string) *dkim.Signer {
	s, err := dkim.New(domain, []string{"mail2026"}, []byte(signingKey))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// told is what the environment of a shop says that has set all of it.
func told(t *testing.T) console.Surroundings {
	return console.Surroundings{BounceDomain: "bounces.mail.shop.example", DKIM: signs(t, "shop.example"), Doors: []console.Door{
		{Path: "/hooks/standard", Setting: "HOOK_SECRET_STANDARD", Open: true}, {Path: "/hooks/woocommerce", Setting: "HOOK_SECRET_WOOCOMMERCE"}, {Path: "/hooks/mail/postmark", Setting: "HOOK_SECRET_POSTMARK"},
	}}
}
