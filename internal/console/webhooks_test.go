package console_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"regulars/internal/staff"
	"regulars/internal/store"
)

// TestAdminsDealWithWebhooks deals with what another system told us, and with what one of
// ours did not take.
func TestAdminsDealWithWebhooks(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.Do(func(tx *store.Tx) error {
			for _, id := range []string{"a", "b"} {
				_, err := tx.Exec(`insert into hooks (source, external_id, topic, received_at, state, reason, headers, body) values ('shopify', @id, 'orders/create', @now, 'parked', 'no price', '{}', @body)`,
					store.Args{"id": id, "now": tx.At, "body": []byte("<b>{" + secret + "}</b>")})
				if err != nil {
					return err
				}
			}
			if _, err := tx.Exec("insert into hook_destinations (id, name, url, events, email, disabled) values (1, 'shop', 'https://shop.example/hook', "+tx.JSONParam("@events")+", false, 'it answered 410')", store.Args{"events": `["*"]`}); err != nil {
				return err
			}
			_, err := tx.Exec(`insert into hook_deliveries (destination_id, type, at, detail, state, because, written_at, next_at) values (1, 'code.issued', @now, '{}', 'dead', 'no answer', `+tx.Machine()+`, `+tx.Machine()+`)`, store.Args{"now": tx.At})
			return err
		})
		today := h.ask(staff.Admin, "/console/", nil)
		today.shows(t, "Deal with it")
		if a := h.ask(staff.Launcher, "/console/", nil); strings.Contains(a.Body, "/console/webhooks") {
			t.Error("who may not open it is led to the page of webhooks")
		}
		page := h.ask(staff.Admin, "/console/webhooks", nil)
		page.shows(t, "shopify, 1 orders/create no price")
		page.shows(t, "shop 0 1 no answer not told it answered 410")
		if strings.Contains(page.Body, secret) {
			t.Error("the list shows what deliveries say")
		}
		one := fmt.Sprintf("/console/webhooks/%d", h.Number("select min(id) from hooks"))
		h.ask(staff.Admin, one, nil).shows(t, "<b>{"+secret+"}</b>")
		h.does(t, staff.Admin, one+"/replay", url.Values{}).shows(t, "still waits")
		h.does(t, staff.Admin, one+"/done", url.Values{}).shows(t, "It is dealt with")
		h.refused(t, staff.Admin, "/console/webhooks/99/done", url.Values{}, "no such page")

		steer := func(act string) url.Values { return url.Values{"name": {"shop"}, "act": {act}} }
		h.refused(t, staff.Admin, "/console/webhooks/told", steer("shout"), "Say what is to be done")
		h.refused(t, staff.Admin, "/console/webhooks/told", steer("disable"), "Say why")
		h.does(t, staff.Admin, "/console/webhooks/told", steer("replay")).shows(t, "shop 1 0 not told")
		h.does(t, staff.Admin, "/console/webhooks/told", steer("enable")).shows(t, "shop 1 0 is told")
		h.does(t, staff.Admin, "/console/webhooks/told", because("a move", "name", "shop", "act", "disable")).shows(t, "not told a move")
		audit := h.ask(staff.Admin, "/console/audit", nil)
		audit.shows(t, "deal with delivery 1 of shopify parked done console: admin@shop.example")
		audit.shows(t, "replay webhooks destination shop 1 are sent again console: admin@shop.example")
		audit.shows(t, "disable webhooks destination shop a move console: admin@shop.example")
	})
}
