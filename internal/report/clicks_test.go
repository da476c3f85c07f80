package report_test

import (
	"context"
	"slices"
	"testing"

	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// What people opened and clicked is counted by mail and by link; what machines did is not.
func TestMailsAndLinksOfCampaigns(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		ledger(t, db)
		do(t, db, "update sends set state = 'bounced' where id = 2",
			`insert into touches (send_id, member_id, campaign_id, kind, at, day, person, link) values
			 (1, 1, 1, 'open',  {now-9h}, {today}, true,  ''),
			 (1, 1, 1, 'open',  {now-8h}, {today}, true,  ''),
			 (1, 1, 1, 'click', {now-8h}, {today}, true,  'https://shop.example/sale{q}m=ana#top'),
			 (1, 1, 1, 'click', {now-7h}, {today}, true,  'https://shop.example/sale{q}m=ana'),
			 (2, 2, 1, 'click', {now-7h}, {today}, true,  'https://shop.example/sale#x{q}y'),
			 (2, 2, 1, 'click', {now-7h}, {today}, false, 'https://shop.example/scanned'),
			 (2, 2, 1, 'open',  {now-7h}, {today}, false, ''),
			 (4, 1, 2, 'click', {now-2h}, {today}, true,  'https://shop.example/back')`)
		err := db.Update(context.Background(), func(tx *store.Tx) error { // in a statement the sign would stand for an argument
			_, err := tx.Exec("update touches set link = replace(link, '{q}', @q)", store.Args{"q": "?"})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		letter := report.MailUse{Campaign: "newsletter", Mail: "letter", Sent: 2, Bounced: 1, Opened: 1, Clicked: 2}
		all := []report.MailUse{letter, {Campaign: "win-back", Mail: "1-miss-you", Sent: 1, Clicked: 1}, {Campaign: "win-back", Mail: "2-gift", Sent: 1}}
		for campaign, want := range map[string][]report.MailUse{"": all, "newsletter": all[:1], "nothing": nil} {
			if got := see(t, db, func(tx *store.Tx) ([]report.MailUse, error) { return report.Mails(tx, campaign) }); !slices.Equal(got, want) {
				t.Errorf("Mails(%q)\n got %+v\nwant %+v", campaign, got, want)
			}
		}
		links := []report.LinkUse{{"newsletter", "letter", "https://shop.example/sale", 2, 3}, {"win-back", "1-miss-you", "https://shop.example/back", 1, 1}}
		for campaign, want := range map[string][]report.LinkUse{"": links, "win-back": links[1:]} {
			if got := see(t, db, func(tx *store.Tx) ([]report.LinkUse, error) { return report.Links(tx, campaign, 10) }); !slices.Equal(got, want) {
				t.Errorf("Links(%q)\n got %+v\nwant %+v", campaign, got, want)
			}
		}
		for figure, want := range map[string]int64{"sent": letter.Sent, "bounced": letter.Bounced, "complained": letter.Complained, "opened": letter.Opened, "clicked": letter.Clicked} {
			rows := see(t, db, func(tx *store.Tx) ([]report.MailRow, error) { return report.MailRows(tx, letter, figure, 0, 10) })
			if int64(len(rows)) != want {
				t.Errorf("%d rows behind %d %s", len(rows), want, figure)
			}
		}
		// What turns out to be a machine's is a person's no longer.
		do(t, db, "update touches set person = false where kind = 'click' and send_id = 2")
		if rows := see(t, db, func(tx *store.Tx) ([]report.MailRow, error) { return report.MailRows(tx, letter, "clicked", 0, 10) }); len(rows) != 1 || rows[0].ID != 1 {
			t.Errorf("clicked by people: %+v, want send 1", rows)
		}
	})
}

// The mails of a campaign come from its runs and from single ones; leafed through they
// come each once, the newest first, also where two runs were frozen side by side.
func TestTheRowsBehindAFigureAreLeafedThrough(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		ledger(t, db)
		do(t, db, `delete from sends`, `delete from runs`,
			`insert into runs (id, occurrence_id, campaign_id, version_id, step, class, state, expires_at, started_at) values
			 (91, 901, 1, 1, 'letter', 'offer', 'done', {now}, {now}), (92, 902, 1, 1, 'letter', 'offer', 'done', {now}, {now}),
			 (93, 903, 1, 1, 'letter', 'offer', 'done', {now}, {now}), (94, 904, 2, 1, 'letter', 'offer', 'done', {now}, {now})`,
			`insert into sends (id, day, occurrence_id, step, member_id, campaign_id, version_id, run_id, class, topic, state, queued_at, handed_at) values
			 (1001, {today}, 901, 'letter', 1, 1, 1, 91,   'offer', 'offers', 'sent', {now}, {now}),
			 (1002, {today}, 902, 'letter', 1, 1, 1, 92,   'offer', 'offers', 'sent', {now}, {now}),
			 (1003, {today}, 901, 'letter', 2, 1, 1, 91,   'offer', 'offers', 'sent', {now}, {now}),
			 (1004, {today}, 905, 'letter', 1, 1, 1, null, 'offer', 'offers', 'sent', {now}, {now}),
			 (1005, {today}, 902, 'letter', 2, 1, 1, 92,   'offer', 'offers', 'bounced', {now}, {now}),
			 (1006, {today}, 903, 'letter', 1, 1, 1, 93,   'offer', 'offers', 'skipped', {now}, null),
			 (1007, {today}, 904, 'letter', 1, 2, 1, 94,   'offer', 'offers', 'sent', {now}, {now}),
			 (1008, {today}, 903, 'second', 2, 1, 1, 93,   'offer', 'offers', 'sent', {now}, {now}),
			 (1009, {today}, 906, 'letter', 2, 1, 1, null, 'offer', 'offers', 'sent', {now}, {now})`)
		do(t, db, `insert into touches (send_id, member_id, campaign_id, kind, at, day, person)
			select id, member_id, campaign_id, 'open', queued_at, day, id <> 1004 from sends where id <> 1002`)
		for figure, want := range map[string][]int64{"sent": {1009, 1005, 1004, 1003, 1002, 1001}, "opened": {1009, 1005, 1003, 1001}, "clicked": nil} {
			for _, limit := range []int{1, 2, 3, 10} {
				var got []int64
				for before := int64(0); ; before = got[len(got)-1] {
					rows := see(t, db, func(tx *store.Tx) ([]report.MailRow, error) {
						return report.MailRows(tx, report.MailUse{Campaign: "newsletter", Mail: "letter"}, figure, before, limit)
					})
					for _, r := range rows {
						got = append(got, r.ID)
					}
					if len(rows) < limit {
						break
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s, leafed through by %d: %v, want %v", figure, limit, got, want)
				}
			}
		}
	})
}
