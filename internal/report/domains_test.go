package report_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// Mails are counted by the domain of their recipients, one provider's two domains as one;
// a domain of few members, which could tell who they are, is named nowhere.
func TestMailsByDomain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		ledger(t, db)
		do(t, db, "delete from sends")
		n := 0
		send := func(domain, state string, ago, times int) {
			for range times {
				n++
				do(t, db, fmt.Sprintf("insert into members (id, external_id, email, created_at, changed_at) values (%d, 'D-%d', 'Someone%d@%s', {now}, {now})", 100+n, n, n, domain),
					fmt.Sprintf(`insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, class, topic, state, queued_at, sent_day) values
						({today-%d}, 1, 'letter', %d, 1, 1, 'offer', 'offers', '%s', {now}, {today-%d})`, ago, 100+n, state, ago))
			}
		}
		send("gmail.com", "sent", 1, 6)
		send("googlemail.com", "bounced", 2, 5)
		send("Big.example", "sent", 29, 4)
		send("big.example", "failed", 0, 2)
		send("big.example", "complained", 0, 1)
		send("big.example", "sent", 30, 3) // longer ago
		send("big.example", "skipped", 0, 3)
		send("anna-moss.example", "sent", 0, 4) // one family
		ask := report.Ask{Day: today, Currency: "EUR"}
		domains := func(limit int) []report.DomainUse {
			return see(t, db, func(tx *store.Tx) ([]report.DomainUse, error) { return report.Domains(tx, today, limit) })
		}
		want := []report.DomainUse{
			{"gmail.com", 2, 11, 11, 0, 5, 0},
			{"big.example", 1, 7, 5, 2, 0, 1},
			{"", 1, 4, 4, 0, 0, 0},
		}
		if got := domains(10); !slices.Equal(got, want) {
			t.Errorf("Domains\n got %+v\nwant %+v", got, want)
		}
		want = []report.DomainUse{want[0], {"", 2, 11, 9, 2, 0, 1}}
		if got := domains(1); !slices.Equal(got, want) {
			t.Errorf("Domains of one\n got %+v\nwant %+v", got, want)
		}
		r, _ := report.ByName("domains")
		table := see(t, db, func(tx *store.Tx) (report.Table, error) { return r.Make(tx, ask) })
		if got, want := strings.Join(table.Rows[1], "|"), "big.example|7|5|2|0|28.6 %|1|20.00 %"; got != want {
			t.Errorf("the row is %s, want %s", got, want)
		}
		if svg := r.Picture(ask, table).Wide; !strings.Contains(svg, "11, 45.5 % lost") || strings.Contains(svg, "anna-moss") {
			t.Errorf("the picture says %s", svg)
		}
	})
}
