package console_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/jobs"
)

func TestJobsAreRetriedAndCancelled(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		var id int64
		h.Do(func(tx *store.Tx) (err error) {
			if id, _, err = jobs.Enqueue(tx, jobs.Order{Kind: "refresh", By: "anna"}); err != nil {
				return err
			}
			_, err = tx.Exec("update jobs set state = 'failed', outcome = @said where id = @id", store.Args{"id": id, "said": "it broke over " + secret})
			return err
		})
		h.ask(staff.Marketer, "/console/jobs", nil).shows(t, fmt.Sprintf("Bring a segment up to date, %d failed", id))
		for _, path := range []string{"/console/jobs", "/console/"} {
			if a := h.ask(staff.Viewer, path, nil); strings.Contains(a.Body, secret) {
				t.Errorf("%s tells a viewer how a job ended", path)
			}
		}
		if a := h.ask(staff.Launcher, "/console/", nil); !strings.Contains(a.Body, "/console/jobs") {
			t.Error("Today does not lead to the job that failed")
		}
		h.Do(func(tx *store.Tx) error {
			_, _, err := jobs.Enqueue(tx, jobs.Order{Kind: "refresh", By: "anna", At: tx.At.Add(time.Hour)})
			return err
		})
		h.ask(staff.Launcher, "/console/jobs", nil).shows(t, "waits for its time")
		job := fmt.Sprintf("/console/jobs/%d", id)
		h.does(t, staff.Launcher, job+"/retry", url.Values{}).shows(t, "It is queued again")
		h.refused(t, staff.Launcher, job+"/retry", url.Values{}, "neither failed nor been cancelled")
		h.does(t, staff.Launcher, job+"/cancel", url.Values{}).shows(t, fmt.Sprintf("Bring a segment up to date, %d cancelled", id))
		h.refused(t, staff.Launcher, "/console/jobs/99/retry", url.Values{}, "no such page")
		audit := h.ask(staff.Admin, "/console/audit", nil)
		audit.shows(t, fmt.Sprintf("retry job %d (refresh) failed queued console: launcher@shop.example", id))
		audit.shows(t, fmt.Sprintf("cancel job %d (refresh) queued cancelled console: launcher@shop.example", id))
	})
}
