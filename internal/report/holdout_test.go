package report_test

import (
	"fmt"
	"strings"
	"testing"

	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// Two of the examples of Newcombe, Statistics in Medicine 17 (1998) 873, table II: 56 of 70
// and 48 of 80 differ by 0.0524 to 0.3339, 9 of 10 and 3 of 10 by 0.1705 to 0.8090.
func TestHoldoutsSayWhatACampaignChanged(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		numbers := func(n int) string {
			return fmt.Sprintf("(with recursive x(n) as (select 1 union all select n + 1 from x where n < %d) select n from x) x", n)
		}
		ordered := func(name, member, at, total string, n int) string {
			return fmt.Sprintf("insert into orders (source, external_id, member_id, at, day, status, counts, total, refunded, changed_at) select 'till', '%s' || n, %s, {now%s}, 0, 'paid', true, %s, 0, {now} from %s", name, member, at, total, numbers(n))
		}
		do(t, db,
			"insert into campaigns (id, name, live) values (1, 'letter', true), (2, 'win-back', true), (3, 'all', true)",
			"insert into members (id, external_id, created_at, changed_at) select n, 'M-' || n, {now}, {now} from "+numbers(180),
			// A run that 70 of 150 got and 80 were held out of; the others of the topic's were left out before.
			"insert into occurrences (id, campaign_id, key, day, at, decision) values (1, 1, 'a', {today-30}, {now-720h}, 'started'), (2, 1, 'b', {today-9}, {now-216h}, 'started'), (3, 1, 'before', {today-60}, {now-1440h}, 'started'), (4, 2, 'p', {today-30}, {now-720h}, 'started'), (5, 3, 'x', {today-30}, {now-720h}, 'started')",
			`insert into runs (id, occurrence_id, campaign_id, version_id, step, class, state, audience, expires_at, started_at) values
			 (1, 1, 1, 1, 'a', 'offer', 'finished', 0, {now}, {now-720h}), (2, 2, 1, 1, 'a', 'offer', 'finished', 0, {now}, {now-216h}),
			 (3, 3, 1, 1, 'a', 'offer', 'finished', 0, {now}, {now-1440h}), (5, 5, 3, 1, 'a', 'offer', 'finished', 0, {now}, {now-720h})`,
			`insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, class, topic, state, reason, queued_at)
			 select {today-30}, 1, 'a', n, 1, 1, 'offer', 'offers', case when n <= 70 then 'sent' else 'skipped' end, case when n <= 70 then '' when n <= 150 then 'holdout' else 'no_consent' end, {now-720h} from `+numbers(170),
			"insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, class, topic, state, queued_at) select {today-30}, 1, 'reminder', n, 1, 1, 'offer', 'offers', 'sent', {now-700h} from "+numbers(70),
			"insert into passages (campaign_id, occurrence_id, member_id, version_id, day, started_at, state, base_at) select 1, 1, n, 1, {today-30}, {now-700h}, 'done', {now-700h} from "+numbers(70),
			// Those who were started too lately, before anybody was held out, or of whom nobody was.
			"insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, class, topic, state, queued_at) select {today-9}, 2, 'a', n, 1, 1, 'offer', 'offers', 'sent', {now-216h} from "+numbers(70),
			"insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, class, topic, state, queued_at) select {today-60}, 3, 'a', n, 1, 1, 'offer', 'offers', 'sent', {now-1440h} from "+numbers(70),
			"insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, class, topic, state, queued_at) select {today-30}, 5, 'a', n, 3, 1, 'offer', 'offers', 'sent', {now-720h} from "+numbers(70),
			ordered("in time ", "n", "-700h", "1000", 56), ordered("again ", "n", "-690h", "500", 10), ordered("held ", "70 + n", "-384h", "1000", 48),
			ordered("before ", "n", "-721h", "1000", 70), ordered("late ", "70 + n", "-383h", "1000", 80),
			// Passages, of which some came to no mail: they count for those who were not held out.
			`insert into passages (campaign_id, occurrence_id, member_id, version_id, day, started_at, state, reason, base_at)
			 select 2, 4, 160 + n, 1, {today-30}, {now-720h}, case when n > 12 then 'exited' else 'done' end, case when n > 10 then 'holdout' when n > 8 then 'no_consent' else '' end, {now} from `+numbers(20),
			"delete from orders where member_id > 160",
			ordered("back ", "160 + n", "-600h", "1000", 9), ordered("by itself ", "170 + n", "-600h", "700", 3),
		)
		got := see(t, db, func(tx *store.Tx) ([]report.HeldOut, error) { return report.Holdouts(tx, today) })
		var lines []string
		for _, h := range got {
			lines = append(lines, fmt.Sprintf("%s: %d of %d for %d, held out %d of %d for %d, %+.4f (%.4f to %.4f) %t", h.Campaign, h.Ordered, h.Members, h.Spent, h.HeldOrder, h.Held, h.HeldSpent,
				h.Difference, h.Low, h.High, h.Sure()))
		}
		want := "letter: 56 of 70 for 61000, held out 48 of 80 for 48000, +0.2000 (0.0524 to 0.3339) true\n" +
			"win-back: 9 of 10 for 9000, held out 3 of 10 for 2100, +0.6000 (0.1705 to 0.8090) true"
		if strings.Join(lines, "\n") != want {
			t.Errorf("Holdouts =\n%s\nwant\n%s", strings.Join(lines, "\n"), want)
		}
		if got := see(t, db, func(tx *store.Tx) ([]report.HeldOut, error) { return report.Holdouts(tx, today-20) }); len(got) != 0 {
			t.Errorf("as of a day on which the fourteen were not over: %+v, want none", got)
		}
	})
}
