package public_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"regulars/internal/consent"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// A link that went to the address before: a no stays possible, and nothing else.
func TestALinkToAnAddressThatTheMemberLeft(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		for name, token := range map[string]func(consent.Kind, int64, int64) string{
			"says where it went": func(kind consent.Kind, member, send int64) string {
				return h.Links.Token(kind, consent.ClaimsOf(member, send, []byte("another address' key")))
			},
			"is from before links said it": func(kind consent.Kind, member, send int64) string { // the ledger knows
				h.exec("update sends set email_key = (select email_key from members m where m.id <> " + fmt.Sprint(member) + " limit 1) where id = " + fmt.Sprint(send))
				return h.Links.Token(kind, consent.Claims{Member: member, Send: send})
			},
		} {
			id := "M" + strings.ReplaceAll(name[:4], " ", "")
			h.join("Other"+id, "en")
			member := h.join(id, "en")
			send := h.mailed(member, "offers")
			if page := h.ask("GET", "/m/"+token(consent.KindPage, member, send), "", "Accept: text/html"); page.Status != http.StatusNotFound {
				t.Errorf("a link that %s: the member's page answers %d, want 404", name, page.Status)
			}
			if page := h.ask("GET", "/confirm/"+token(consent.KindConfirm, member, send), "", "Accept: text/html"); page.Status != http.StatusNotFound {
				t.Errorf("a link that %s: the confirmation page answers %d, want 404", name, page.Status)
			}
			path := "/u/" + token(consent.KindUnsubscribe, member, send)
			if page := h.ask("GET", path, "", "Accept: text/html"); page.Status != http.StatusOK || strings.Contains(page.Body, "checkbox") || !strings.Contains(page.Body, `value="none"`) {
				t.Errorf("a link that %s: the preferences are %d %s, want the one button alone", name, page.Status, page.Body)
			}
			h.exec("update member_topics set granted = false where topic = 'newsletter' and member_id = " + fmt.Sprint(member))
			if page := h.post(path, url.Values{"do": {"save"}, "topic": {"newsletter"}}); page.Status != http.StatusNotFound {
				t.Errorf("a link that %s: saving answers %d, want 404", name, page.Status)
			}
			if page := h.post(path, url.Values{"do": {"none"}}); page.Status != http.StatusOK {
				t.Errorf("a link that %s: the no answers %d, want 200", name, page.Status)
			}
			if got := h.topics(member); strings.Contains(got, "yes") || strings.Contains(got, "true") {
				t.Errorf("a link that %s: after the no %s", name, got)
			}
		}
	})
}
