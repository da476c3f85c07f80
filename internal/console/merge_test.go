package console_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"regulars/internal/report"
	"regulars/internal/staff"
	"regulars/internal/store"
)

func TestLaunchersMakeTwoMembersOne(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		from, into := h.members[2], h.members[0]
		page := fmt.Sprintf("/console/members/%d/merge", from)
		var a, b report.Member
		h.Do(func(tx *store.Tx) (err error) {
			if a, err = report.ShowMember(tx, from); err == nil {
				b, err = report.ShowMember(tx, into)
			}
			return err
		})
		gone := func() int64 {
			return h.Number(fmt.Sprintf("select count(*) from members where merged_into = %d and id = %d", into, from))
		}
		h.ask(staff.Launcher, fmt.Sprintf("/console/members/%d", from), nil).shows(t, "Make this member one with another")
		h.ask(staff.Launcher, page, nil).shows(t, "The member who stays")
		for said, want := range map[string]string{"": "Name the other member.", a.ID: "Name the other member.", "M-nobody": "M-nobody"} {
			if got := h.ask(staff.Launcher, page, url.Values{"into": {said}}); got.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(got.Body, want) {
				t.Errorf("into %q: %d, want %q", said, got.StatusCode, want)
			}
		}
		h.ask(staff.Launcher, page, url.Values{"into": {b.ID}}).shows(t, a.ID+" becomes "+b.ID)
		h.ask(staff.Launcher, page, url.Values{"into": {b.ID}, "agreed": {"M-other"}}).shows(t, a.ID+" becomes "+b.ID)
		if gone() != 0 {
			t.Fatal("nobody agreed, and they are one")
		}
		if got := h.ask(staff.Launcher, page, url.Values{"into": {b.ID}, "agreed": {b.ID}}); got.StatusCode != http.StatusSeeOther || gone() != 1 {
			t.Fatalf("%d, %d merged", got.StatusCode, gone())
		}
		h.ask(staff.Admin, "/console/audit", nil).shows(t, fmt.Sprintf("merge member %d one with member %d", from, into))
	})
}

func TestMarketersHandOutWhatIsKnownOfAMember(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		member := h.members[0]
		page := fmt.Sprintf("/console/members/%d/export", member)
		got := h.ask(staff.Marketer, page, url.Values{})
		var d struct {
			Member struct{ Email string }
			Orders []any
		}
		if err := json.Unmarshal([]byte(got.Body), &d); err != nil || got.StatusCode != http.StatusOK || d.Member.Email == "" {
			t.Fatalf("%d, %v: %.300s", got.StatusCode, err, got.Body)
		}
		if name := got.Header.Get("Content-Disposition"); name != fmt.Sprintf(`attachment; filename="member-%d.json"`, member) {
			t.Error(name)
		}
		h.ask(staff.Admin, "/console/audit", nil).shows(t, fmt.Sprintf("export member %d", member))
	})
}
