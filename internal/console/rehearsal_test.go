package console_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"regulars/internal/marketing"
	"regulars/internal/rehearsal"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/jobs"
)

// rehearsed is what a rehearsal might come to.
func rehearsed() rehearsal.Outcome {
	campaign := func(mails, codes int64, days map[string]int64) *rehearsal.Campaign {
		return &rehearsal.Campaign{Mails: mails, Codes: codes, ByDay: days, ByMail: map[string]int64{"offer": mails - 1, "reminder": 1}, Skipped: map[string]int64{"capped": 3}}
	}
	before := rehearsal.Outcome{Campaigns: map[string]*rehearsal.Campaign{"old": {Mails: 7}, "spring": {Mails: 5}}}
	return rehearsal.Outcome{From: "2027-02-01", To: "2027-03-31", Through: "2027-03-30", Members: 4000, Played: 400, Currency: "EUR", Against: &before,
		Campaigns: map[string]*rehearsal.Campaign{
			"spring": campaign(120, 40, map[string]int64{"2027-02-14": 100, "2027-03-05": 20}),
			"friday": campaign(30, 0, map[string]int64{"2027-03-05": 30}),
			"quiet":  {NotTried: "it is started by hand, and a rehearsal launches nothing"}},
		Got:      []rehearsal.Got{{Mails: 1, Members: 90}, {Mails: 2, Members: 30}},
		Pools:    map[string]*rehearsal.Pool{"gift": {Codes: 40, Gives: "5.00 EUR off", Cost: 20000, Budget: 10000}},
		Wallets:  map[string]*rehearsal.Wallet{"points": {Earned: 900, Left: 700, Members: 20, Worth: 700}},
		Tiers:    map[string]int64{"silver": 12},
		Unplayed: 2, Because: "a thing", Notes: []string{"rewards of the past are not played"}}
}

func TestAChangeIsRehearsed(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		marketer := h.Marketer.As("console: marketer@shop.example")
		text := "live: true\nstart: joins\nsteps:\n  - mail: hello\n    coupon: gift\n"
		var err error
		if h.change, err = marketer.Begin(t.Context(), "shorter"); err == nil {
			err = marketer.WriteFile(t.Context(), h.change, "campaigns/welcome/campaign.yaml", &text)
		}
		if err != nil {
			t.Fatal(err)
		}
		page := fmt.Sprintf("/console/proposals/%d/rehearsal", h.change)
		do := fmt.Sprintf("/console/proposals/%d/rehearse", h.change)
		if a := h.ask(staff.Marketer, strings.TrimSuffix(page, "/rehearsal"), nil); !strings.Contains(a.Body, `href="`+page+`"`) {
			t.Error("the page of a change does not lead to its rehearsal")
		}
		a := h.ask(staff.Marketer, page, nil)
		a.shows(t, "Which days?")
		if !strings.Contains(a.Body, `<option value="2027-01" selected>January 2027</option>`) || !strings.Contains(a.Body, `<option value="2027-03" selected>March 2027</option>`) || !strings.Contains(a.Body, "June 2027") {
			t.Errorf("the months are not those around March 2027: %s", a.Body)
		}
		for _, months := range [][2]string{{"2027-03", "2027-02"}, {"2026-01", "2027-03"}, {"march", "2027-03"}, {"", ""}} {
			h.refused(t, staff.Marketer, do, url.Values{"from": {months[0]}, "to": {months[1]}}, "at most six months")
		}
		h.refused(t, staff.Marketer, "/console/proposals/99/rehearse", url.Values{"from": {"2027-02"}, "to": {"2027-03"}}, "no such page")
		form := url.Values{"from": {"2027-02"}, "to": {"2027-03"}, "against": {"yes"}}
		h.does(t, staff.Marketer, do, form).shows(t, "It waits for a worker")
		h.does(t, staff.Marketer, do, form)
		var row jobs.Row
		h.Do(func(tx *store.Tx) (err error) { row, err = jobs.Rehearsing(tx, h.change); return err })
		if v := row.Values(); v["from"] != "2027-02-01" || v["to"] != "2027-03-31" || v["against"] != "yes" || v["everyone"] != "" || h.Number("select count(*) from jobs where kind = 'rehearse'") != 1 {
			t.Errorf("job %+v", row)
		}
		h.Do(func(tx *store.Tx) error {
			_, err := tx.Exec("update jobs set state = 'running', progress = @told where id = @id", store.Args{"id": row.ID, "told": `{"read":300,"total":1200,"seconds":125}`})
			return err
		})
		a = h.ask(staff.Marketer, page, nil)
		a.shows(t, "25 percent are played, about 2m")
		if !strings.Contains(a.Body, `data-live="5"`) || strings.Contains(a.Body, "Which days?") {
			t.Error("the page is not looked at again, or asks for another rehearsal")
		}
		h.does(t, staff.Marketer, page+"/cancel", url.Values{}).shows(t, "It ends with what it has at hand")
		h.Do(func(tx *store.Tx) error {
			_, err := tx.Exec("update jobs set state = 'failed', outcome = 'a mistake' where id = @id", store.Args{"id": row.ID})
			return err
		})
		h.ask(staff.Marketer, page, nil).shows(t, "The last rehearsal came to nothing a mistake")
		h.refused(t, staff.Marketer, page+"/cancel", url.Values{}, "can't be cancelled")

		h.Do(func(tx *store.Tx) error {
			p, err := marketing.ProposalOf(tx, h.change)
			if err == nil {
				err = rehearsal.Keep(tx, h.change, p.Seen(1), rehearsed())
			}
			return err
		})
		a = h.ask(staff.Marketer, page, nil)
		for _, what := range []string{"1 Feb 2027 to 30 Mar 2027", "400 of 4,000 members were played", "Mails 150 By the program in force: 12", "Members with a mail 120 of 4,000", "They cost at most €200.00",
			"5 Mar 2027 50 friday 30, spring 20", "spring offer: 119 reminder: 1 120 5 40 3", "friday new", "it is started by hand", "no more by this change: old", "one mail 90 2 mails 30 no mail 3,880",
			"had just had another 6", "€100.00 above the budget", "points 900 0 0 0 700 €7.00", "silver 12", "2 events of the past could not be played, the first of them a thing", "Rewards of the past are not played"} {
			a.shows(t, what)
		}
		if !strings.Contains(a.Body, "2027-03-05: 50 mails (friday 30, spring 20)") {
			t.Error("the calendar does not say what goes out on a day")
		}
		if strings.Contains(words(tree(t, a.Body)), "is other by now") {
			t.Error("what was rehearsed is called old")
		}
		text = strings.Replace(text, "true", "false", 1)
		if err := marketer.WriteFile(t.Context(), h.change, "campaigns/welcome/campaign.yaml", &text); err != nil {
			t.Fatal(err)
		}
		h.ask(staff.Marketer, page, nil).shows(t, "the change or the program in force is other by now")
		h.ask(staff.Admin, "/console/audit", nil).shows(t, fmt.Sprintf("rehearse change %d of the program", h.change))
	})
}
