package console_test

import (
	"encoding/csv"
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"regulars/internal/marketing"
	"regulars/internal/report"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/jobs"
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
			"/console/reports/orders":               {`<svg `, `role="img"`, ">Mar 2027</td>", `href="/console/reports/orders/file"`},
			"/console/reports/orders?at=2020-01-31": {`value="2020-01-31"`, "There is nothing to count yet", "file?at=2020-01-31"},
			"/console/reports/summary":              {"average order"},
			"/console/reports/orders/file?as=svg":   {`<svg xmlns=`, "2027-03: "},
			"/console/reports/lifecycle":            {`<svg `, "no order yet", `href="/console/reports/lifecycle/file?as=svg"`},
			"/console/reports/rfm-grid":             {`<svg `, "recency 3, frequency"},
			"/console/reports/tiers":                {`<svg `, "none"},
			"/console/reports/forecast":             {"There is no forecast"},
			"/console/reports/liability":            {`<svg `, "worth, if all are spent"},
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

// TestEveryReportIsATableAPictureAndAFile asks for each as everybody who may.
func TestEveryReportIsATableAPictureAndAFile(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.clicked()
		for _, m := range h.members {
			h.Order(m, 2500)
		}
		pages := map[string]string{"month": "/console/month"}
		for _, r := range report.Reports() {
			pages[r.Name] = "/console/reports/" + r.Name
		}
		for name, page := range pages {
			if a := h.ask(staff.Marketer, page, nil); a.StatusCode != http.StatusOK || !strings.Contains(a.Body, page+"/file") {
				t.Errorf("report %s: %d, and no file to take away", name, a.StatusCode)
			}
			svg := h.ask(staff.Marketer, page+"/file?as=svg", nil)
			if svg.StatusCode != http.StatusOK || !strings.HasPrefix(svg.Body, "<svg ") || svg.Header.Get("Content-Type") != "image/svg+xml; charset=utf-8" {
				t.Errorf("report %s as a picture: %d %.60q", name, svg.StatusCode, svg.Body)
			}
			if err := xml.Unmarshal([]byte(svg.Body), new(struct{ XMLName xml.Name })); err != nil {
				t.Errorf("report %s as a picture: %v", name, err)
			}
			table := h.ask(staff.Marketer, page+"/file", nil)
			if rows, err := csv.NewReader(strings.NewReader(table.Body)).ReadAll(); err != nil || len(rows) == 0 || !strings.HasPrefix(table.Header.Get("Content-Type"), "text/csv") {
				t.Errorf("report %s as CSV: %d %v %.60q", name, table.StatusCode, err, table.Body)
			}
		}
	})
}

// TestReportsStandOnShelves asks for the list: each report has a name for people and a place.
func TestReportsStandOnShelves(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		list := h.ask(staff.Marketer, "/console/reports", nil).Body
		for _, r := range report.Reports() {
			link := `href="/console/reports/` + r.Name + `"><b>`
			if n := strings.Count(list, link); n != 1 || strings.Contains(list, link+r.Name+"<") {
				t.Errorf("report %s stands in the list %d times, or by its name for machines", r.Name, n)
			}
		}
		h.ask(staff.Viewer, "/console/reports", nil).shows(t, "Codes, points and tiers")
		if a := h.ask(staff.Viewer, "/console/reports/repeat?at=2020-01-31", nil); strings.Contains(a.Body, "How often customers have ordered") {
			t.Error("nothing is drawn as a picture")
		}
		h.Do(func(tx *store.Tx) error {
			_, err := tx.Exec("update sends set state = 'skipped', reason = 'no_consent' where member_id = @member", store.Args{"member": h.members[2]})
			return err
		})
		h.ask(staff.Viewer, "/console/reports/reasons", nil).shows(t, "Campaign Reason Members spring has not agreed to such mails 1")
	})
}

// TestEveryPageLeadsToItsHelp asks pages whose views have a topic of their own, too.
func TestEveryPageLeadsToItsHelp(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for page, topic := range map[string]string{"/console/campaigns/welcome": "files", "/console/campaigns/spring": "files", "/console/segments": "rules", "/console/codes": "coupons"} {
			if a := h.ask(staff.Viewer, page, nil); !strings.Contains(a.Body, `href="/console/help/`+topic+`"`) {
				t.Errorf("%s does not lead to help on %s", page, topic)
			}
		}
	})
}

// TestACampaignSaysWhatBecameOfItsMails counts what people did with them, and leads to the rows.
func TestACampaignSaysWhatBecameOfItsMails(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.clicked()
		h.Do(func(tx *store.Tx) error { return store.SetLedgerSince(tx, 20089) })
		page := h.ask(staff.Viewer, "/console/campaigns/spring", nil)
		page.shows(t, "are known of those that began to go out from 1 January 2025 on")
		page.shows(t, "What became of its mails As of")
		h.ask(staff.Viewer, "/console/reports/campaigns", nil).shows(t, "Mails are counted for ever.")
		page.shows(t, "offer 4 1 25 % 0 0 2 50 % — 1")
		page.shows(t, "https://shop.example/sale offer 2 3")
		for figure, want := range map[string]int{"sent": 4, "bounced": 1, "complained": 0, "clicked": 2} {
			a := h.ask(staff.Viewer, "/console/campaigns/spring/mails/"+figure+"/offer", nil)
			if got := max(0, len(all(tree(t, a.Body), "tr"))-1); got != want || a.StatusCode != http.StatusOK {
				t.Errorf("%d rows behind %d %s: %d", got, want, figure, a.StatusCode)
			}
		}
		for _, path := range []string{"spring/mails/opens/offer", "nothing/mails/sent/offer"} {
			h.refusedGet(t, "/console/campaigns/"+path)
		}
	})
}

// TestAMonthStandsOnOnePage opens the present month and those around it.
func TestAMonthStandsOnOnePage(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.clicked()
		page := h.ask(staff.Viewer, "/console/month", nil)
		for _, what := range []string{"The month March 2027 The month is not over yet. As of the end of", "Orders 3 32 in the month before", "sent 3 bounced 1", "Campaigns that most was ordered after", "spring 4 1"} {
			page.shows(t, what)
		}
		if n := strings.Count(page.Body, `role="img"`); n < 2 {
			t.Errorf("%d pictures", n)
		}
		h.ask(staff.Viewer, "/console/month?month=2027-02", nil).shows(t, "The month February 2027 As of the end of")
		for _, bad := range []string{"2027-04", "2027-13", "march", "%3Cscript%3E"} {
			a := h.ask(staff.Viewer, "/console/month?month="+bad, nil)
			if a.StatusCode != http.StatusUnprocessableEntity {
				t.Errorf("month %s: %d", bad, a.StatusCode)
			}
		}
	})
}

// clicked has the mails of spring sent, one of them come back, and two clicked by people.
func (h *house) clicked() {
	h.Do(func(tx *store.Tx) error {
		args := store.Args{"run": h.run, "now": tx.At, "first": h.members[0], "second": h.members[1], "link": "https://shop.example/sale?m=" + secret}
		for _, s := range []string{
			"update sends set state = 'sent', handed_at = queued_at, done_at = queued_at where run_id = @run",
			"update sends set state = 'bounced' where run_id = @run and member_id = @second",
			"insert into touches (send_id, member_id, campaign_id, kind, at, day, person, link) select s.id, s.member_id, s.campaign_id, 'click', " + tx.Instant("@now") + ", s.day, true, cast(@link as text) || n from sends s cross join (select 1 as n union all select 2) x where s.run_id = @run and (s.member_id = @first or s.member_id = @second and n = 1)",
			"insert into touches (send_id, member_id, campaign_id, kind, at, day, person, link) select s.id, s.member_id, s.campaign_id, 'click', " + tx.Instant("@now") + ", s.day, false, 'https://shop.example/sale' from sends s where s.run_id = @run",
		} {
			if _, err := tx.Exec(s, args); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestWhatTakesTooLongIsCountedByAWorker has no report counted while somebody waits.
func TestWhatTakesTooLongIsCountedByAWorker(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.Console.Live = time.Nanosecond
		for _, p := range []struct{ page, post, says, value string }{
			{"/console/reports/orders", "/console/reports/orders/count", "62.00", ""},
			{"/console/month?month=2027-03", "/console/month/count", "€62.00", "2027-03"},
		} {
			h.ask(staff.Viewer, p.page, nil).shows(t, "counting takes longer than a page should")
			form := url.Values{"month": {p.value}}
			h.ask(staff.Viewer, p.post, form)
			h.ask(staff.Viewer, p.post, form) // twice is once
			h.ask(staff.Viewer, p.page, nil).shows(t, "It is being counted, since")
			if n := h.Number("select count(*) from jobs where kind = 'count' and state = 'queued'"); n != 1 {
				t.Fatalf("%s: %d jobs", p.page, n)
			}
			h.count(t)
			a := h.ask(staff.Viewer, p.page, nil)
			a.shows(t, p.says)
			a.shows(t, "As it was counted on")
			if !strings.Contains(a.Body, "role=\"img\"") {
				t.Errorf("%s has no picture", p.page)
			}
		}
		h.Console.Live = 0
		if a := h.ask(staff.Viewer, "/console/reports/orders/file", nil); !strings.Contains(a.Body, "2027-03,3,62.00,2") {
			t.Errorf("the file is not what the page shows:\n%s", a.Body)
		}
		h.ask(staff.Viewer, "/console/reports/top/count", url.Values{}).shows(t, "this is for the role marketer")
	})
}

// count counts what a job waits for, and keeps it as the worker does.
func (h *house) count(t *testing.T) {
	t.Helper()
	h.Do(func(tx *store.Tx) error {
		var payload string
		if err := tx.One(&payload, "select payload from jobs where kind = 'count' and state = 'queued'", nil); err != nil {
			return err
		}
		today, err := tx.Today()
		if err != nil {
			return err
		}
		name := jobs.Row{Payload: payload}.Values()["report"]
		if name == jobs.Month {
			m, _, err := marketing.Month(tx, today)
			if err == nil {
				err = report.KeepCounted(tx, name, jobs.CountedDay(name, today, today), m.Counted())
			}
			return errors.Join(err, h.done(tx))
		}
		ask, err := marketing.Asks(tx, today, false)
		if err != nil {
			return err
		}
		named, _ := report.ByName(name)
		body, err := named.Count(tx, ask)
		if err == nil {
			err = report.KeepCounted(tx, name, jobs.CountedDay(name, today, today), body)
		}
		return errors.Join(err, h.done(tx))
	})
}

// done ends the jobs that wait.
func (h *house) done(tx *store.Tx) error {
	_, err := tx.Exec("update jobs set state = 'done' where state = 'queued'", nil)
	return err
}
