package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/jobs"
)

func TestLaunchersEnqueueJobsByAForm(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		const page = "/console/jobs/new"
		queued := func() int64 { return h.Number("select count(*) from jobs where kind in ('refresh', 'generate')") }
		h.ask(staff.Launcher, "/console/jobs", nil).shows(t, "Enqueue a job")
		h.ask(staff.Launcher, page, nil).shows(t, "Fill a pool with codes")
		h.ask(staff.Launcher, page+"?kind=refresh", nil).shows(t, "its name; all segments without it")
		if a := h.ask(staff.Launcher, page+"?kind=launch", nil); a.StatusCode != http.StatusNotFound {
			t.Errorf("a launch without its page: %d", a.StatusCode)
		}
		for want, form := range map[string]url.Values{
			"Generate needs pool=":       {"kind": {"generate"}, "value.count": {"5"}},
			"a number from 1":            {"kind": {"generate"}, "value.pool": {"x"}, "value.count": {"-5"}},
			"no segment":                 {"kind": {"refresh"}, "value.segment": {"regularz"}},
			"That time is past":          {"kind": {"refresh"}, "at": {"2020-01-01T09:00"}},
			"is not a time":              {"kind": {"refresh"}, "at": {"tomorrow"}},
			`true or left out, not "no"`: {"kind": {"refresh"}, "value.facts": {"no"}},
		} {
			if a := h.ask(staff.Launcher, page, form); a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.Body, strings.ReplaceAll(want, `"`, "&#34;")) {
				t.Errorf("%v: %d, want %q", form, a.StatusCode, want)
			}
		}
		if queued() != 0 {
			t.Fatal("what was wrong was enqueued")
		}
		form := url.Values{"kind": {"refresh"}, "value.facts": {"true"}, "key": {"once"}}
		for range 2 {
			h.does(t, staff.Launcher, page, form).shows(t, "It is queued: a worker does it.")
		}
		if queued() != 1 {
			t.Errorf("pressed twice it is %d jobs", queued())
		}
		h.ask(staff.Admin, "/console/audit", nil).shows(t, "(refresh) facts=true")
	})
}

// A launch that is scheduled is a job for its time, with the values that were agreed to.
func TestALaunchIsScheduled(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		page, start := "/console/campaigns/spring/launch", "/console/campaigns/spring/launch/start"
		h.Do(func(tx *store.Tx) error { // nobody has had the first one
			_, err := tx.Exec("delete from sends where run_id = @run", store.Args{"run": h.run})
			return err
		})
		h.ask(staff.Launcher, page, nil).shows(t, "in the shop's time; empty: at once")
		h.refused(t, staff.Launcher, page, url.Values{"value.headline": {"Sun"}, "at": {"2020-01-01T09:00"}}, "That time is past")
		asked := h.ask(staff.Launcher, page, url.Values{"value.headline": {"Sun"}, "limit": {"7"}, "at": {"2040-06-21T09:00"}})
		asked.shows(t, "At that time it goes to everybody whom it is for then")
		form := asked.hidden(t, start)
		h.refused(t, staff.Launcher, start, asked.hidden(t, start, "at", "2020-01-01T09:00"), "That time is past")
		for range 2 {
			h.does(t, staff.Launcher, start, form).shows(t, "It is scheduled.")
		}
		var list []jobs.Row
		h.Do(func(tx *store.Tx) (err error) { list, err = jobs.List(tx, "queued", 10); return err })
		if len(list) != 1 || list[0].Kind != "launch" || list[0].RunAt.UTC().Format("2006-01") != "2040-06" || h.Number("select count(*) from runs") != 1 {
			t.Fatalf("%+v", list)
		}
		if v := list[0].Values(); v["campaign"] != "spring" || v["headline"] != "Sun" || v["limit"] != "7" {
			t.Errorf("it launches %v", v)
		}
		h.does(t, staff.Launcher, fmt.Sprintf("/console/jobs/%d/cancel", list[0].ID), url.Values{}).shows(t, "cancelled")
	})
}
