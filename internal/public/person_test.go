package public_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"regulars/internal/consent"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// What people ask for under the GDPR, by API.
func TestAMemberIsExportedMergedAndErasedByAPI(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h, member := beanHouse(t, db)
		other := h.join("M-2", "en")
		send := h.mailed(member, "offers")
		old := h.token(consent.KindPage, member, send)
		a := h.as("read", "GET", "/v1/members/M-1/export", "")
		var document struct {
			Member struct{ ID string }
			Points []struct{ Reason string }
			Mails  []json.RawMessage
		}
		if err := json.Unmarshal([]byte(a.Body), &document); err != nil || a.Status != 200 || document.Member.ID != "M-1" || len(document.Points) != 1 || document.Points[0].Reason != "brought along" || len(document.Mails) != 1 {
			t.Errorf("the export: %d %s %v", a.Status, a.Body, err)
		}
		if got := a.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("Cache-Control of an export: %q", got)
		}
		h.asks("nobody's export", "GET", "read", "/v1/members/M-9/export", "", 404, `{"error":"there is no member \"M-9\""}`)
		h.asks("into nobody", "POST", "write", "/v1/members/M-1/merge", `{"into": "M-9"}`, 422, `{"error":"there is no member \"M-9\"","field":"member"}`)
		h.asks("into whom?", "POST", "write", "/v1/members/M-1/merge", `{}`, 422, `{"error":"say who stays: into is the shop's id of the other member","field":"into"}`)
		if a := h.as("write", "POST", "/v1/members/M-1/merge", `{"into": "M-2"}`); a.Status != 200 || !strings.Contains(a.Body, `"from":"M-1","into":"M-2"`) || !strings.Contains(a.Body, `"points":350`) {
			t.Errorf("the merge: %d %s", a.Status, a.Body)
		}
		h.asks("again", "POST", "write", "/v1/members/M-1/merge", `{"into": "M-2"}`, 200,
			`{"from":"M-2","into":"M-2","again":true,"orders":0,"events":0,"mails":0,"entries":0,"codes":0,"consents":0,"points":0,"points_pending":0}`)
		if a := h.ask("GET", old, ""); a.Status != 200 || !strings.Contains(a.Body, "350") {
			t.Errorf("the link in an old mail: %d, want the points of who they became", a.Status)
		}
		if a := h.ask("GET", old, ""); strings.Contains(a.Body, "example.test") || strings.Contains(a.Body, ">M-") {
			t.Errorf("the page names somebody: %s", a.Body)
		}
		if a := h.as("write", "POST", "/v1/members/M-1/erase", ""); a.Status != 200 || !strings.Contains(a.Body, `"points_ended":350`) {
			t.Errorf("the erasure: %d %s", a.Status, a.Body)
		}
		h.asks("again", "POST", "write", "/v1/members/M-2/erase", "", 404, `{"error":"there is no member \"M-2\""}`)
		if a := h.ask("GET", old, ""); a.Status != 404 {
			t.Errorf("the link in an old mail of somebody erased: %d", a.Status)
		}
		if got := h.one(fmt.Sprintf("select count(*) from members where id in (%d, %d) and erased_at is not null and email = ''", member, other)); got != "2" {
			t.Errorf("%s rows are husks, want both", got)
		}
	})
}
