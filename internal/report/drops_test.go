package report_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden holds a picture to the one that was looked at.
func golden(t *testing.T, name, svg string) {
	t.Helper()
	file := filepath.Join("testdata", name+".svg")
	if *update {
		if err := os.WriteFile(file, []byte(svg), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || string(want) != svg {
		t.Errorf("the picture is not that of %s (%v); -update renews it", file, err)
	}
}

func TestADropIsCountedDayByDay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		do(t, db, "insert into settings (key, value) values ('zone', 'UTC')",
			"insert into campaigns (id, name, live, live_since) values (1, 'spring', true, {now-240h})",
			`insert into pools (id, name, kind, spec) values (1, 'gift', 'generated', '{"Budget": 1500}')`,
			"insert into occurrences (id, campaign_id, key, day, at, decision) values (1, 1, 'a', {today-4}, {now-96h}, 'started'), (2, 1, 'b', {today-90}, {now-2160h}, 'started')",
			`insert into runs (id, occurrence_id, campaign_id, version_id, step, class, state, audience, expires_at, started_at)
			 values (1, 1, 1, 1, 'mail', 'offer', 'finished', 3, {now}, {now-96h}), (2, 2, 1, 1, 'mail', 'offer', 'finished', 3, {now}, {now-2160h})`,
			`insert into codes (id, pool_id, code, folded, state, occurrence_id, member_id) values
			 (1, 1, 'A', 'A', 'redeemed', 1, 1), (2, 1, 'B', 'B', 'redeemed', 1, 2), (3, 1, 'C', 'C', 'issued', 1, 3)`,
			`insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, run_id, class, topic, state, code_id, queued_at, sent_day) values
			 ({today-4}, 1, 'mail', 1, 1, 1, 1, 'offer', 'offers', 'sent', 1, {now}, {today-4}), ({today-4}, 1, 'mail', 2, 1, 1, 1, 'offer', 'offers', 'bounced', 2, {now}, {today-4}),
			 ({today-4}, 1, 'mail', 3, 1, 1, 1, 'offer', 'offers', 'sent', 3, {now}, {today-3}), ({today-4}, 1, 'mail', 4, 1, 1, 1, 'offer', 'offers', 'skipped', null, {now}, null),
			 ({today-4}, 1, 'reminder', 3, 1, 1, 1, 'offer', 'offers', 'sent', 3, {now}, {today})`, // shows the same code again
			`insert into redemptions (code_id, pool_id, member_id, order_id, at, day, discount, undone) values
			 (1, 1, 1, 1, {now-48h}, {today-2}, 300, false), (2, 1, 2, 2, {now}, {today}, 500, false), (2, 1, 2, 3, {now}, {today}, 500, true)`)
		named, _ := report.ByName("drops")
		ask := report.Ask{Day: today, Currency: "EUR"}
		table := see(t, db, func(tx *store.Tx) (report.Table, error) { return named.Make(tx, ask) })
		days := table.Value.([]report.DropDay)
		var got [][3]int64
		for _, d := range days {
			got = append(got, [3]int64{d.Issued, d.Redeemed, d.Discount})
		}
		want := [][3]int64{{2, 0, 0}, {3, 0, 0}, {3, 1, 300}, {3, 1, 300}, {3, 2, 800}}
		if len(got) != len(want) {
			t.Fatalf("%d days: %v, want %v", len(got), got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("day %d: issued, used, discount are %v, want %v", i, got[i], want[i])
			}
		}
		if uses, known := days[4].Enough(); !known || uses != 3 {
			t.Errorf("the budget is enough for %d uses (%v), want 3", uses, known)
		}
		svg := named.Picture(ask, table).Wide
		golden(t, "drops", svg)
		if got := table.Rows[0][8]; got != "15.00" {
			t.Errorf("the budget is said to be %q", got)
		}
		do(t, db, "update pools set spec = '{}'")
		table = see(t, db, func(tx *store.Tx) (report.Table, error) { return named.Make(tx, ask) })
		if got := table.Rows[0][8]; got != "none" {
			t.Errorf("a pool without a budget is said to have one of %q", got)
		}
		yesterday := see(t, db, func(tx *store.Tx) (report.Table, error) {
			return named.Make(tx, report.Ask{Day: today - 1, Past: true, Currency: "EUR"})
		})
		if last := yesterday.Value.([]report.DropDay); len(last) != 4 || last[3].Redeemed != 1 {
			t.Errorf("as of yesterday: %+v", last)
		}
	})
}
