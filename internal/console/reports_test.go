package console_test

import (
	"net/http"
	"strings"
	"testing"

	"regulars/internal/staff"
)

// TestReportsAreShownDrawnAndHandedOut opens one as of today and as of a day.
func TestReportsAreShownDrawnAndHandedOut(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, m := range h.members {
			h.Order(m, 2500)
		}
		if a := h.ask(staff.Viewer, "/console/reports", nil); !strings.Contains(a.Body, `href="/console/reports/cohorts"`) {
			t.Errorf("the list of reports: %d %s", a.StatusCode, a.Body)
		}
		for path, wants := range map[string][]string{
			"/console/reports/orders":               {`<svg `, `role="img"`, "<td>2027-03</td>", `href="/console/reports/orders/file"`},
			"/console/reports/orders?at=2020-01-31": {`value="2020-01-31"`, "There is nothing to count yet", "file?at=2020-01-31"},
			"/console/reports/summary":              {"average order"},
			"/console/reports/orders/file":          {"month,orders,revenue,members\n", "\n2027-03,"},
		} {
			a := h.ask(staff.Viewer, path, nil)
			for _, want := range wants {
				if a.StatusCode != http.StatusOK || !strings.Contains(a.Body, want) {
					t.Errorf("%s: %d without %q", path, a.StatusCode, want)
				}
			}
		}
		for path, want := range map[string]int{"/console/reports/orders?at=yesterday": 422, "/console/reports/nothing": 404, "/console/reports/top": 403, "/console/reports/top/file": 403, "/console/reports/nothing/file": 404} {
			if a := h.ask(staff.Viewer, path, nil); a.StatusCode != want {
				t.Errorf("%s: %d, want %d", path, a.StatusCode, want)
			}
		}
	})
}
