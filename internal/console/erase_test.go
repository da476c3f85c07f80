package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"regulars/internal/report"
	"regulars/internal/staff"
	"regulars/internal/store"
)

func TestAdminsEraseAMember(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		member := h.members[2]
		page := fmt.Sprintf("/console/members/%d/erase", member)
		var m report.Member
		h.Do(func(tx *store.Tx) (err error) { m, err = report.ShowMember(tx, member); return err })
		erased := func() int64 {
			return h.Number(fmt.Sprintf("select count(*) from members where erased_at is not null and id = %d", member))
		}
		if a := h.ask(staff.Launcher, page, nil); a.StatusCode != http.StatusForbidden {
			t.Errorf("a launcher: %d", a.StatusCode)
		}
		h.ask(staff.Admin, fmt.Sprintf("/console/members/%d", member), nil).shows(t, "Erase this member")
		h.ask(staff.Admin, page, nil).shows(t, "mails that wait: 1")
		h.ask(staff.Admin, page, url.Values{"id": {"M-other"}}).shows(t, "not the id of this member")
		h.aWhileAgo(staff.Admin)
		if a := h.ask(staff.Admin, page, url.Values{"id": {m.ID}}); a.StatusCode != http.StatusUnprocessableEntity || erased() != 0 {
			t.Fatal("who signed in long ago erased a member without a proof")
		}
		h.Do(func(tx *store.Tx) error {
			_, err := tx.Exec("update sessions set proved_at = "+tx.Machine(), nil)
			return err
		})
		if a := h.ask(staff.Admin, page, url.Values{"id": {m.ID}}); a.StatusCode != http.StatusSeeOther || erased() != 1 {
			t.Fatalf("%d, %d erased", a.StatusCode, erased())
		}
		h.ask(staff.Admin, page, nil).shows(t, "erased already")
		h.ask(staff.Admin, "/console/audit", nil).shows(t, "erase")
	})
}
