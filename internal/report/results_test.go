package report_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/segments"
)

func TestResultsOfCampaigns(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		ledger(t, db)
		// Ana was mailed the shared code of the newsletter with Ben; Ana used it.
		do(t, db, "insert into redemptions (code_id, pool_id, member_id, order_id, at, day, discount) values (4, 2, 1, 2, {now-48h}, {today-2}, 100)",
			"update sends set state = 'failed' where id = 6")
		for _, tt := range []struct {
			campaign string
			since    loyalty.Day
			want     []report.Result
		}{
			{"", 0, []report.Result{
				{Campaign: "milestone", Members: 1, Failed: 1},
				// Ana's order of 30.00 after the letter; Ben's was before it.
				{Campaign: "newsletter", Members: 3, Mailed: 2, Sent: 2, Skipped: 1, Ordered: 1, Revenue: 3000, Codes: 2, Redeemed: 1},
				// Two mails went before that one order, and both show one code.
				{Campaign: "win-back", Members: 1, Mailed: 1, Sent: 2, Ordered: 1, Revenue: 3000, Codes: 1, Redeemed: 1},
			}},
			{"win-back", 0, []report.Result{
				{Campaign: "win-back", Step: "1-miss-you", Members: 1, Mailed: 1, Sent: 1, Ordered: 1, Revenue: 3000, Codes: 1, Redeemed: 1},
				{Campaign: "win-back", Step: "2-gift", Members: 1, Mailed: 1, Sent: 1, Ordered: 1, Revenue: 3000, Codes: 1, Redeemed: 1},
			}},
			{"", today + 1, nil},
			{"nothing of this name", 0, nil},
		} {
			got := see(t, db, func(tx *store.Tx) ([]report.Result, error) { return report.Results(tx, tt.campaign, tt.since) })
			if !slices.Equal(got, tt.want) {
				t.Errorf("Results(%q, %d)\n got %+v\nwant %+v", tt.campaign, tt.since, got, tt.want)
			}
		}
		do(t, db, "update orders set at = {now-20h} where external_id = 'O-2'", "update sends set done_at = {now-400h}, handed_at = {now-400h} where id = 1")
		got := see(t, db, func(tx *store.Tx) ([]report.Result, error) { return report.Results(tx, "newsletter", 0) })
		if got[0].Ordered != 0 {
			t.Errorf("an order 15 days after the mail counts: %+v", got)
		}
		reasons := see(t, db, func(tx *store.Tx) (map[string]int64, error) { return report.Reasons(tx, "newsletter", 0) })
		if want := map[string]int64{"no_consent": 1}; !maps.Equal(reasons, want) {
			t.Errorf("Reasons = %v, want %v", reasons, want)
		}
	})
}

func TestFiguresOfPoolsOrdersAndDays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if got := orders(t, db); got == nil || len(got) != 0 {
			t.Errorf("Orders of an empty database = %#v, want an empty list", got)
		}
		people(t, db)
		ledger(t, db)
		do(t, db, "insert into redemptions (code_id, pool_id, member_id, order_id, at, day, discount) values (4, 2, 1, 2, {now-48h}, {today-2}, 100)")
		pools := see(t, db, report.Pools)
		if want := []report.PoolUse{{Pool: "all", Given: 2, Redeemed: 1, Discount: 100}, {Pool: "gift", Given: 2, Redeemed: 1, Free: 1, Discount: 450}}; !slices.Equal(pools, want) {
			t.Errorf("Pools\n got %+v\nwant %+v", pools, want)
		}
		months := orders(t, db)
		want := []report.Month{
			{Month: "2027-01", Orders: 1, Revenue: 4000, Members: 1}, // of 50.00, 10.00 were given back
			{Month: "2027-02", Orders: 1, Revenue: 2000, Members: 1},
			{Month: "2027-03", Orders: 2, Revenue: 3700, Members: 2},
		}
		if !slices.Equal(months, want) {
			t.Errorf("Orders\n got %+v\nwant %+v", months, want)
		}
		days := see(t, db, func(tx *store.Tx) ([]report.DayCount, error) {
			return report.MailsByDay(tx, today-3, today)
		})
		if want := []report.DayCount{{Day: today - 3, Mails: 1}, {Day: today - 2, Mails: 1}, {Day: today - 1}, {Day: today}}; !slices.Equal(days, want) {
			t.Errorf("MailsByDay\n got %+v\nwant %+v", days, want)
		}
	})
}

func TestReportsSayFromWhenTheyKnow(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		ledger(t, db)
		made := func(name string) report.Table {
			r, ok := report.ByName(name)
			if !ok {
				t.Fatalf("there is no report %s", name)
			}
			return see(t, db, func(tx *store.Tx) (report.Table, error) { return r.Make(tx, report.Ask{Day: today, Currency: "EUR"}) })
		}
		before := made("campaigns")
		do(t, db, "delete from sends where campaign_id = 2", "insert into settings (key, value) values ('ledger_since', '{today}')")
		after := made("campaigns")
		if before.Note != "" || !strings.Contains(after.Note, today.String()) {
			t.Errorf("notes %q and %q, want none while all is kept, and then from when on", before.Note, after.Note)
		}
		cells := func(t report.Table) string { return fmt.Sprint(t.Rows) }
		if got, want := cells(after), strings.Replace(cells(before), "[win-back 2 0 0 0 0 1 1 1]", "[win-back 2 0 0 0 0 0 0 0]", 1); got != want || got == cells(before) {
			t.Errorf("campaigns: %s, want %s", got, want)
		}
	})
}

func TestTheLedgerIsListed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		ledger(t, db)
		do(t, db, "update sends set smtp_code = 250, smtp_text = 'ok' where id = 5", "update sends set smtp_text = 'dropped' where id = 4")
		sends := see(t, db, func(tx *store.Tx) ([]report.Send, error) {
			return report.Sends(tx, report.SendFilter{State: "sent", Limit: 2})
		})
		if len(sends) != 2 || sends[0].ID != 5 || sends[0].Member != "M-1" || sends[0].Code != "GIFT-1" || sends[0].Reply != "250 ok" || sends[1].Reply != "dropped" {
			t.Errorf("Sends = %+v, want 5 and 4", sends)
		}
		for filter, want := range map[report.SendFilter]int{{Limit: 99}: 6, {Run: 1, Limit: 99}: 3, {ID: 6, Limit: 99}: 1, {State: "unknown", Limit: 99}: 0} {
			got := see(t, db, func(tx *store.Tx) ([]report.Send, error) { return report.Sends(tx, filter) })
			if len(got) != want {
				t.Errorf("Sends(%+v): %d rows, want %d", filter, len(got), want)
			}
		}
		runs := see(t, db, func(tx *store.Tx) ([]report.Run, error) { return report.Runs(tx, 0) })
		if len(runs) != 1 || runs[0].Sent != 2 || runs[0].Audience != 3 || runs[0].State != "finished" {
			t.Errorf("Runs = %+v, want one, finished, 2 of 3 sent", runs)
		}
		if got := see(t, db, func(tx *store.Tx) ([]report.Run, error) { return report.Runs(tx, 77) }); len(got) != 0 {
			t.Errorf("Runs(77) = %+v, want none", got)
		}
	})
}

// A campaign's runs are found however many there were of others since, page by page.
func TestRunsOfACampaignAreFoundAmongMany(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		ledger(t, db)
		var many []string
		for id := 2; id <= 61; id++ {
			many = append(many, fmt.Sprintf(`insert into runs (id, occurrence_id, campaign_id, version_id, step, class, state, audience, expires_at, started_at)
				values (%d, %[1]d, 2, 1, 'mail', 'offer', 'finished', 0, {now}, {now})`, id))
		}
		do(t, db, many...)
		page := func(campaign string, before int64, limit int) (ids []int64) {
			for _, r := range see(t, db, func(tx *store.Tx) ([]report.Run, error) { return report.NewestRuns(tx, campaign, before, limit) }) {
				ids = append(ids, r.ID)
			}
			return ids
		}
		if got := page("newsletter", 0, 20); !reflect.DeepEqual(got, []int64{1}) {
			t.Errorf("the newsletter's runs are %v, want 1", got)
		}
		if got := page("", 0, 2); !reflect.DeepEqual(got, []int64{61, 60}) {
			t.Errorf("the newest are %v", got)
		}
		if got := page("", 3, 20); !reflect.DeepEqual(got, []int64{2, 1}) {
			t.Errorf("those before 3 are %v", got)
		}
		if got := page("nothing", 0, 20); len(got) != 0 {
			t.Errorf("a campaign that there is not has runs %v", got)
		}
	})
}

func TestMembersAreFoundAndShown(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		ledger(t, db)
		do(t, db, "insert into segments (id, name, rule, as_of_day) values (1, 'vip', 'orders >= 2', {today})",
			"insert into segment_members (segment_id, member_id, entered_at, entered_day) values (1, 1, {now-48h}, {today-2})",
			"insert into segment_members (segment_id, member_id, entered_at, entered_day, left_at, left_day) values (1, 2, {now-48h}, {today-2}, {now-24h}, {today-1})")
		for text, want := range map[string][]string{
			"m-": {"M-1", "M-2", "M-3"}, "M-3": {"M-3"}, "ANA@example.test": {"M-1"}, "CARD-M-2": {"M-2"}, "+358 40 100": {"M-1"},
			"%": nil, "_": nil, `\`: nil, "": {"M-1", "M-2", "M-3"}, "nobody": nil,
		} {
			var got []string
			for _, m := range see(t, db, func(tx *store.Tx) ([]report.Member, error) { return report.FindMembers(tx, text) }) {
				got = append(got, m.ID)
			}
			if !slices.Equal(got, want) {
				t.Errorf("FindMembers(%q) = %v, want %v", text, got, want)
			}
		}
		m := see(t, db, func(tx *store.Tx) (report.Member, error) { return report.ShowMember(tx, 1) })
		if m.ID != "M-1" || m.Orders != 2 || m.Spent != 7000 || *m.LastDay != today-2 || !slices.Equal(m.Segments, []string{"vip"}) || len(m.Sends) != 3 || m.Sends[0].Code != "GIFT-1" {
			t.Errorf("ShowMember(1) = %+v", m)
		}
		if m := see(t, db, func(tx *store.Tx) (report.Member, error) { return report.ShowMember(tx, 3) }); m.JoinedAt != (loyalty.Instant{}) || len(m.Segments) != 0 || len(m.Sends) != 1 {
			t.Errorf("ShowMember(3) = %+v, want somebody known from an order only", m)
		}
		moves := see(t, db, func(tx *store.Tx) ([]report.Move, error) { return report.Moves(tx, "vip", today-1) })
		if want := []report.Move{{Member: "M-2", At: loyalty.At(storetest.Start.AddDate(0, 0, -1))}}; !slices.Equal(moves, want) {
			t.Errorf("Moves = %+v, want %+v", moves, want)
		}
		list := see(t, db, report.Segments)
		if want := []report.Segment{{Name: "vip", Rule: "orders >= 2", Members: 1}}; !slices.Equal(list, want) {
			t.Errorf("Segments = %+v, want %+v", list, want)
		}
	})
}

func TestAudiencesOfTodayAndOfAnEarlierDay(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		two, err := segments.Parse("orders >= 2", segments.Scope{Currency: "EUR"})
		if err != nil {
			t.Fatal(err)
		}
		joined, err := segments.Parse("joined", segments.Scope{Currency: "EUR"})
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			claim string
			a     report.Audience
			want  []string
		}{
			{"today", report.Audience{Rule: two, Day: today}, []string{"M-1"}},
			{"before the second order", report.Audience{Rule: two, Day: today - 3, Past: true}, nil},
			{"on the day of it", report.Audience{Rule: two, Day: today - 2, Past: true}, []string{"M-1"}},
		} {
			var got []string
			n := see(t, db, func(tx *store.Tx) (int64, error) {
				if err := tt.a.Members(tx, func(id string) error { got = append(got, id); return nil }); err != nil {
					return 0, err
				}
				return tt.a.Count(tx)
			})
			if !slices.Equal(got, tt.want) || n != int64(len(tt.want)) {
				t.Errorf("%s: %v, %d of them, want %v", tt.claim, got, n, tt.want)
			}
		}
		has := see(t, db, func(tx *store.Tx) (bool, error) { return report.Audience{Rule: two, Day: today}.Has(tx, 2) })
		if has {
			t.Error("Has(2) = true, want false: Ben has one order")
		}
		got := see(t, db, func(tx *store.Tx) ([]int64, error) {
			both, err := report.All(tx, []*segments.Rule{joined, two}, nil, today)
			if err != nil {
				return nil, err
			}
			one, err := report.All(tx, []*segments.Rule{joined}, []*segments.Rule{two}, today)
			return []int64{both, one}, err
		})
		if want := []int64{1, 1}; !reflect.DeepEqual(got, want) {
			t.Errorf("All = %v, want %v", got, want)
		}
	})
}

func orders(t *testing.T, db *store.DB) []report.Month {
	t.Helper()
	return see(t, db, func(tx *store.Tx) ([]report.Month, error) { return report.Orders(tx, today) })
}

// The named reports over three customers: what they say, as of today and of an
// earlier day, in words and for programs.
func TestNamedReports(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, r := range report.Reports() { // of an empty shop
			answer := see(t, db, func(tx *store.Tx) (report.Table, error) { return r.Make(tx, report.Ask{Day: today, Currency: "EUR"}) })
			if answer.Value == nil || len(answer.Head) == 0 || r.Says == "" {
				t.Errorf("report %s of an empty database: %+v", r.Name, answer)
			}
		}
		people(t, db)
		line := func(order, n int64, category string, total int64) string {
			return fmt.Sprintf(`insert into order_lines (order_id, n, member_id, day, counts, product, category, brand, quantity, total)
				select id, %d, member_id, day, counts, 'P%[1]d', '%s', '', 1, %d from orders where external_id = 'O-%d'`, n, category, total, order)
		}
		do(t, db, line(1, 1, "tea", 3000), line(1, 2, "coffee", 2000), line(2, 1, "coffee", 3000), line(3, 1, "tea", 1000), line(3, 2, "coffee", 1000), line(4, 1, "", 700))
		for _, tt := range []struct {
			name string
			day  loyalty.Day
			want [][]string
		}{
			{"categories", today, [][]string{{"coffee", "3", "2", "3", "60.00", "56.1 %"}, {"tea", "2", "2", "2", "40.00", "37.4 %"}, {"(none)", "1", "1", "1", "7.00", "6.5 %"}}},
			{"categories", today - 3, [][]string{{"tea", "2", "2", "2", "40.00", "57.1 %"}, {"coffee", "2", "2", "2", "30.00", "42.9 %"}}},
			{"cohorts", today, [][]string{{"2027-01", "1", "0", "1"}, {"2027-02", "1", "0", ""}, {"2027-03", "1", "", ""}}},
			{"favourites", today, [][]string{{"coffee", "2", "1"}}}, // Ben spent as much on tea
			{"milestones", today, [][]string{{"2027-01", "1", "0", "0", "0", "0"}, {"2027-02", "1", "0", "0", "0", "0"}, {"2027-03", "1", "0", "0", "0", "0"}}},
			{"orders", today - 3, [][]string{{"2027-01", "1", "40.00", "1"}, {"2027-02", "1", "20.00", "1"}}},
			{"pairs", today, [][]string{{"coffee", "tea", "2"}}},
			{"repeat", today, [][]string{{"1 or more", "3", "100.0 %", "3"}, {"2 or more", "1", "33.3 %", "1"}, {"3 or more", "0", "0.0 %", "0"},
				{"5 or more", "0", "0.0 %", "0"}, {"10 or more", "0", "0.0 %", "0"}, {"20 or more", "0", "0.0 %", "0"}}},
			{"shops", today, [][]string{{"(none)", "4", "3", "0", "97.00", "100.0 %"}}},
			{"top", today, [][]string{{"M-1", "70.00", "2"}, {"M-2", "20.00", "1"}, {"M-3", "7.00", "1"}, {"the top tenth, 1 of 3", "70.00", "72.2 % of all"}, {"spent as much as the last of these: 1", "70.00", ""}}},
			{"top", today - 3, [][]string{{"M-1", "40.00", "1"}, {"M-2", "20.00", "1"}, {"the top tenth, 1 of 2", "40.00", "66.7 % of all"}, {"spent as much as the last of these: 1", "40.00", ""}}},
		} {
			r, ok := report.ByName(tt.name)
			if !ok || !r.Dated {
				t.Errorf("ByName(%s) = %+v, %t", tt.name, r, ok)
				continue
			}
			answer := see(t, db, func(tx *store.Tx) (report.Table, error) {
				return r.Make(tx, report.Ask{Day: tt.day, Past: tt.day != today, Currency: "EUR"})
			})
			if !reflect.DeepEqual(answer.Rows, tt.want) {
				t.Errorf("report %s on %s\n got %q\nwant %q", tt.name, tt.day, answer.Rows, tt.want)
			}
		}
		s := see(t, db, func(tx *store.Tx) (report.Summary, error) { return report.Summarise(tx, today) })
		if s.Members != 2 || s.Customers != 3 || s.Orders != 4 || s.Amount != 9700 || s.Average != 2425 || s.Again != 1 || s.RecentOrders != 4 || s.Free != 0 || s.Repeated != 0 {
			t.Errorf("Summarise = %+v", s)
		}
		if _, ok := report.ByName("nothing"); ok {
			t.Error("there is a report named nothing")
		}
	})
}
