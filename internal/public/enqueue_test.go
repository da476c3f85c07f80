package public_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestJobsAreEnqueuedAndShown(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		var woken []string
		h.Wake = func(job int64, kind string) { woken = append(woken, fmt.Sprint(kind, " ", job)) }
		h.open()
		for _, tt := range []struct {
			claim, body string
			want        map[string]string
		}{
			{"a job", `{"kind": "refresh", "values": {"segment": "fans"}, "key": "k-1"}`,
				map[string]string{"job.id": "1", "job.kind": "refresh", "job.state": "queued", "job.enqueued_by": "api: launch-only", "values.segment": "fans", "new": "true", "job.run_at": "2027-03-03T10:00:00Z"}},
			{"the same key is the same job", `{"kind": "refresh", "values": {"segment": "other"}, "key": "k-1"}`, map[string]string{"job.id": "1", "values.segment": "fans", "new": "false"}},
			{"another without a key is another", `{"kind": "refresh"}`, map[string]string{"new": "true"}},
			{"numbers and flags are texts", `{"kind": "generate", "values": {"pool": "gift", "count": 100}}`, map[string]string{"values.count": "100"}},
			{"later, by the shop's wall clock", `{"kind": "refresh", "at": "2027-06-21T09:00"}`, map[string]string{"job.run_at": "2027-06-21T06:00:00Z"}},
			{"later, with an offset", `{"kind": "refresh", "at": "2027-06-21T09:00:00+02:00"}`, map[string]string{"job.run_at": "2027-06-21T07:00:00Z"}},
		} {
			a := h.as("launch", "POST", "/v1/jobs", tt.body)
			if a.Status != 202 {
				t.Errorf("%s: %d %s, want 202", tt.claim, a.Status, a.Body)
			}
			for field, want := range tt.want {
				if got := a.JSON(field); got != want {
					t.Errorf("%s: %s = %q, want %q", tt.claim, field, got, want)
				}
			}
		}
		if got := fmt.Sprint(woken); len(woken) != 3 || woken[0] != "refresh 1" {
			t.Errorf("woken: %s, want the three that are due now", got)
		}
		list := h.as("read", "GET", "/v1/jobs", "")
		if list.Status != 200 || list.JSON("jobs.0.run_at") != "2027-06-21T07:00:00Z" || list.JSON("jobs.4.key") != "k-1" || list.JSON("jobs.5") != "" {
			t.Errorf("the list: %d %s, want five, the newest first", list.Status, list.Body)
		}
		for query, want := range map[string]string{"?state=done": `{"jobs":[]}`, "?state=queued": `{"jobs":[{"id"`, "?state=lost": `{"error":"state is one of`} {
			if a := h.as("read", "GET", "/v1/jobs"+query, ""); !strings.HasPrefix(a.Body, want) {
				t.Errorf("jobs%s: %s, want %s…", query, a.Body, want)
			}
		}
		if a := h.as("read", "GET", "/v1/jobs/1", ""); a.Status != 200 || a.JSON("job.id") != "1" || a.JSON("values.segment") != "fans" {
			t.Errorf("job 1: %d %s", a.Status, a.Body)
		}
		for _, id := range []string{"99", "x", "-1", "9999999999999999999999"} {
			if a := h.as("read", "GET", "/v1/jobs/"+id, ""); a.Status != 404 {
				t.Errorf("job %s: %d %s, want 404", id, a.Status, a.Body)
			}
		}
	})
}

func TestWhatIsWrongWithAJobIsSaid(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		for _, tt := range []struct {
			body   string
			status int
			field  string
			words  string
		}{
			{`{"kind": "dance"}`, 422, "kind", `there is no job "dance"; there are count, drop, generate`},
			{``, 422, "kind", `there is no job ""`},
			{`{"kind": "generate", "values": {"pool": "gift"}}`, 422, "values.count", "generate needs count=…"},
			{`{"kind": "generate", "values": {"pool": "gift", "count": "5", "colour": "red"}}`, 422, "values.colour", "generate knows no colour"},
			{`{"kind": "refresh", "when": "now"}`, 422, "when", `there is no field "when"; there are kind, values, at, key`},
			{`{"kind": ["refresh"]}`, 422, "kind", "kind is not a text or a number"},
			{`{"kind": "refresh", "at": "tomorrow"}`, 422, "at", `"tomorrow" is not a time like 2027-06-21T09:00`},
			{`{"kind": "refresh", "values": ["a"]}`, 422, "values", "values is not an object"},
			{`{"kind": "refresh", "values": {"segment": {}}}`, 422, "values.segment", "segment is not a text or a number"},
			{`{"kind": "refresh", "key": "` + strings.Repeat("k", 201) + `"}`, 422, "key", "key is longer than 200 bytes"},
			{`{"kind": "launch", "values": {"campaign": "a", "x": "` + strings.Repeat("k", 2001) + `"}}`, 422, "values.x", "x is longer than 2000 bytes"},
			{`[]`, 400, "", "the body is not a JSON object with kind, values, at, key"},
			{`null`, 400, "", "the body is not a JSON object"},
			{`{"kind": "refresh"} {}`, 400, "", "the body is not a JSON object"},
			{`{"kind": "` + strings.Repeat("x", 128<<10) + `"}`, 413, "", "the body is larger than 131072 bytes"},
		} {
			a := h.as("launch", "POST", "/v1/jobs", tt.body)
			if a.Status != tt.status || a.JSON("field") != tt.field || !strings.Contains(a.JSON("error"), tt.words) {
				t.Errorf("%.80s: %d %s\nwant %d, field %q, %q", tt.body, a.Status, a.Body, tt.status, tt.field, tt.words)
			}
		}
		if got := h.one("select count(*) from jobs"); got != "0" {
			t.Errorf("%s jobs were made, want none", got)
		}
	})
}
