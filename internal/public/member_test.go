package public_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"regulars/internal/consent"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestTheMembersPageShowsPointsAndGoodCodes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		ana, ben := h.join("M-1", "en-GB"), h.join("M-2", "fi")
		h.give("gift", "GIFT-GOOD", ana, "20890")
		h.give("coffee", "COFFEE-1", ana, "null")
		h.give("gift", "GIFT-PAST", ana, "20879")
		h.give("gift", "GIFT-ON-ITS-WAY", ana, "null")
		h.exec("update codes set state = 'reserved' where code = 'GIFT-ON-ITS-WAY'")
		h.give("gift", "GIFT-BENS", ben, "null")
		h.exec("update sends set code_id = (select id from codes where code = 'SUMMER')")
		h.exec(fmt.Sprintf("update sends set code_id = (select min(c.id) from codes c join pools p on p.id = c.pool_id where p.kind = 'shared') where id = %d", h.mailed(ana, "offers")))
		h.deliver("p", `{"type": "points.changed", "id": "p", "at": "2027-03-03T09:00:00Z", "member": {"id": "M-1"}, "balance": 12345}`)
		a := h.ask("GET", h.token("m", ana, 0), "", "Accept: text/html")
		for _, want := range []string{"<b>12,345</b>", "−€5.00", "GIFT-GOOD", "on orders from €25.00 · valid until 13 March 2027", "COFFEE-1", "a coffee, &lt;free&gt;", `href="../u/`, `<html lang="en">`} {
			if !strings.Contains(a.Body, want) {
				t.Errorf("the page lacks %q:\n%s", want, a.Body)
			}
		}
		shown := regexp.MustCompile(`(href|action)="[^"]*"`).ReplaceAllString(a.Body, "") // a token is made of any letters
		for _, no := range []string{"GIFT-PAST", "GIFT-ON-ITS-WAY", "GIFT-BENS", "M-1", "example.test"} {
			if strings.Contains(shown, no) {
				t.Errorf("the page shows %q", no)
			}
		}
		link := regexp.MustCompile(`href="\.\./(u/[^"]+)"`).FindStringSubmatch(a.Body)
		if page := h.ask("GET", "/"+link[1], ""); page.Status != 200 || !strings.Contains(page.Body, "Mails from") {
			t.Errorf("its link to the preferences: %d %s", page.Status, page.Body)
		}
		if a := h.ask("GET", h.token("m", h.join("M-3", "el"), 0), ""); !strings.Contains(a.Body, "Δεν έχετε κωδικούς") {
			t.Errorf("the page of somebody without codes:\n%s", a.Body)
		}
	})
}

// Whoever a mail was forwarded to has its links, too.
func TestNoPageBehindALinkNamesItsMember(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		ana, ben := h.join("M-1", "en"), h.join("M-2", "en")
		h.exec("update members set first_name = 'Anastasia', last_name = 'Featherstone', phone = '+358401234567', card = '4711'")
		h.give("gift", "GIFT-BENS", ben, "null")
		send := h.mailed(ana, "newsletter")
		for _, kind := range []consent.Kind{"m", "u", "confirm"} {
			link := h.token(kind, ana, send)
			for what, a := range map[string]answer{"GET": h.ask("GET", link, ""), "POST": h.post(link, url.Values{"do": {"none"}})} {
				if a.Status >= 500 || len(a.Body) == 0 {
					t.Errorf("%s %s: %d", what, kind, a.Status)
				}
				shown := regexp.MustCompile(`(href|action|value)="[^"]*"`).ReplaceAllString(a.Body, "")
				for _, no := range []string{"Anastasia", "Featherstone", "example.test", "40123", "4711", "M-1", "GIFT-BENS"} {
					if strings.Contains(shown, no) {
						t.Errorf("%s %s shows %q", what, kind, no)
					}
				}
			}
		}
	})
}

func TestADoubleOptInIsConfirmedByItsButton(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		member := h.join("M-1", "en")
		send := h.mailed(member, "newsletter")
		h.post(h.token("u", member, send), url.Values{"do": {"none"}})
		link := h.token("confirm", member, send)
		if a := h.ask("GET", link, ""); a.Status != 200 || !strings.Contains(a.Body, "Do you want to receive this: Newsletter?") || !strings.Contains(a.Body, "<button") {
			t.Errorf("the page: %d %s", a.Status, a.Body)
		}
		if got := h.topics(member); got != "newsletter no, offers no, program no" {
			t.Errorf("opening it: topics %q", got)
		}
		// A moment later: of two answers at one moment the refusal stands.
		h.DB = db.At(storetest.Start.Add(1e9))
		h.open()
		if a := h.post(link, nil); a.Status != 200 || !strings.Contains(a.Body, "Your subscription is confirmed: Newsletter.") {
			t.Errorf("the button: %d %s", a.Status, a.Body)
		}
		if got := h.topics(member); got != "newsletter yes, offers no, program no" {
			t.Errorf("after the button: topics %q", got)
		}
		if got, want := h.evidence(member), fmt.Sprintf("newsletter|yes|confirmation page|Do you want to receive this: Newsletter?|192.0.2.1|%d", send); got != want {
			t.Errorf("kept %q, want %q", got, want)
		}
		if a := h.ask("GET", h.token("confirm", member, 0), "", "Accept: text/html"); a.Status != 404 {
			t.Errorf("a link whose mail is not to be found: %d, want 404: nobody can tell what they would agree to", a.Status)
		}
	})
}
