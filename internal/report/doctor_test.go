package report_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// doctor knows a shop with one offer per 16 hours and quiet nights.
func doctor() report.Doctor {
	return report.Doctor{
		Since: loyalty.At(storetest.Start.AddDate(0, 0, -30)), Today: today,
		Caps: []loyalty.Cap{{N: 1, Per: 16 * time.Hour}, {N: 3, Per: 7 * 24 * time.Hour}},
		Quiet: func(_ int64, class, _ string, _, handed loyalty.Instant) bool {
			return class != loyalty.Service && handed.Hour() < 8
		},
	}
}

// findings returns the names of the checks that found something, with what it was.
func findings(t testing.TB, db *store.DB, d report.Doctor) (names []string, found []report.Finding) {
	t.Helper()
	for _, c := range d.Examine(context.Background(), db) {
		if c.Error != "" {
			t.Errorf("check %q: %s", c.Name, c.Error)
		}
		if c.Do == "" || c.Took == "" {
			t.Errorf("check %q says neither what to do (%q) nor how long it took (%q)", c.Name, c.Do, c.Took)
		}
		if len(c.Findings) > 0 {
			names = append(names, c.Name)
			found = append(found, c.Findings...)
		}
	}
	return names, found
}

func TestAHealthyDatabaseHasNoFindings(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if names, found := findings(t, db, report.Doctor{Today: today}); names != nil {
			t.Errorf("an empty database: %v: %v", names, found)
		}
		people(t, db)
		ledger(t, db)
		for _, harmless := range []struct{ claim, statement string }{
			{"an old refusal that an import told us of later does not undo a newer yes",
				`insert into consents (member_id, topic, granted, at, source, recorded_at) values (1, 'offers', false, {now-3000h}, 'import', {now-300h})`},
			{"a mail on the wire when somebody unsubscribes",
				`insert into consents (member_id, topic, granted, at, source, recorded_at) values (2, 'offers', false, {now-216h}, 'page', {now-216h})`},
			{"a refusal that a later yes has undone before the mail",
				`insert into consents (member_id, topic, granted, at, source, recorded_at) values
				 (1, 'offers', false, {now-80h}, 'page', {now-80h}), (1, 'offers', true, {now-79h}, 'page', {now-79h})`},
			{"another program's mail to who wants no newsletter",
				`insert into consents (member_id, topic, granted, at, source, recorded_at) values (1, 'newsletter', false, {now-400h}, 'page', {now-400h})`},
			{"a batch that is being written now",
				`insert into batches (run_id, chunk, fence, send_ids, marked_at) values (1, 1, 1, '[1]', {now-2s})`},
			{"a skipped date", `insert into occurrences (id, campaign_id, key, day, at, decision, reason) values (50, 1, '2027-03-01', {today-2}, {now-48h}, 'skipped', 'late')`},
		} {
			do(t, db, harmless.statement)
			if names, found := findings(t, db, doctor()); names != nil {
				t.Errorf("%s: %v: %v, want no findings", harmless.claim, names, found)
			}
		}
	})
}

func TestEachCheckFindsWhatBreaksIt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		check  string
		broken []string
		want   report.Finding
	}{
		{"a mail goes to a member once per occurrence and step",
			[]string{`insert into sends (id, day, occurrence_id, step, member_id, campaign_id, version_id, class, topic, state, queued_at)
				 values (7, {today}, 2, '1-miss-you', 1, 2, 1, 'offer', 'offers', 'skipped', {now-1h})`},
			report.Finding{Place: "sends 4 and 7", What: "both are step 1-miss-you of occurrence 2 to member 1"}},
		{"the audience of a run is the sum of its sends",
			[]string{"update runs set audience = 4 where id = 1"},
			report.Finding{Place: "run 1", What: "audience 4, sends 3"}},
		{"the counts of mails are what the ledger holds",
			[]string{"delete from sends where id = 5"},
			report.Finding{Place: "campaign 2, 2-gift of 2027-02-28", What: "1 mails sent are counted, the ledger holds 0"}},
		{"the counts of mails are what the ledger holds",
			[]string{`insert into counts (campaign_id, day, run_id, step, class, sent_day, state, reason, n)
				 values (3, {today-3}, 0, 'thanks', 'earned', -1, 'skipped', 'capped', 2)`},
			report.Finding{Place: "campaign 3, thanks of 2027-02-28", What: "2 mails skipped: capped are counted, the ledger holds 0"}},
		// D10 of loyalty.md
		{"a member is in one tier at a time",
			[]string{`insert into member_tiers (member_id, tier, since_day, since_at, left_day, version_id) values
			 (1, 'silver', 20000, {now-48h}, 20010, 1), (1, 'gold', 20009, {now-24h}, null, 1), (2, 'silver', 20000, {now-48h}, 20010, 1), (2, 'gold', 20010, {now-24h}, null, 1)`,
				"update facts set tier = 'gold' where member_id in (1, 2)"},
			report.Finding{Place: "member 1", What: "is in silver since day 20000 and in gold since day 20009"}},
		// D14 of loyalty.md
		{"a full card gave a code, and took its stamps",
			[]string{`insert into claims (id, member_id, reward, price, state, source, key, body, at, day) values (1, 1, 'visits', 6, 'done', 'card', '1 visits 1', '', {now-1h}, {today})`},
			report.Finding{Place: "claim 1", What: "of card visits has 0 rows of 6 stamps and no code"}},
		// D11 of loyalty.md
		{"who brought a friend is rewarded once, and only for a friend",
			[]string{`insert into referrals (id, referrer_id, friend_id, state, at, day) values (1, 1, 2, 'rewarded', {now-1h}, {today})`},
			report.Finding{Place: "referral 1", What: "is rewarded: 0 rewards, 0 points"}},
		// D7 of loyalty.md
		{"a claim took its points once, and gave them back if it came to nothing",
			[]string{`insert into claims (id, member_id, reward, price, state, source, key, body, at, day) values (1, 1, 'latte', 300, 'reversed', 'till', 'k', '', {now-1h}, {today})`,
				`insert into claims (id, member_id, reward, price, state, source, key, body, at, day) values (2, 1, 'latte', 0, 'done', 'till', 'k2', '', {now-1h}, {today})`},
			report.Finding{Place: "claim 1", What: "of latte for 300 points is reversed: 0 were taken, 0 came back"}},
		// D7 of loyalty.md
		{"a code for points can be used when its claim is done, and not when that came to nothing",
			[]string{`insert into claims (id, member_id, reward, price, state, source, key, body, at, day, code_id) values (9, 1, 'latte', 0, 'done', 'till', 'k', '', {now-1h}, {today}, 3)`,
				"update codes set occurrence_id = -9, member_id = 1 where id = 3"},
			report.Finding{Place: "claim 9", What: "of latte is done, and its code 3 free"}},
		// D13 of loyalty.md
		{"no reward is held for longer than a till may",
			[]string{`insert into claims (id, member_id, reward, price, state, source, key, body, at, day, held_until) values (1, 1, 'latte', 0, 'held', 'till', 'k', '', {now-48h}, {today}, {now-24h})`},
			report.Finding{Place: "claim 1", What: "of latte is held since 2027-03-01 10:00:00"}},
		{"a finished run has nothing pending",
			[]string{"update sends set state = 'deferred' where id = 3", "insert into due (send_id, lane, not_before) values (3, 'bulk', {now+1h})"},
			report.Finding{Place: "run 1", What: "1 sends still deferred"}},
		{"what waits singly can be found by a worker",
			[]string{"delete from due"},
			report.Finding{Place: "send 6", What: "queued since 2027-02-22 10:00:00 but not due"}},
		{"what is over waits for nothing",
			[]string{"insert into due (send_id, lane, not_before) values (4, 'bulk', {now})"},
			report.Finding{Place: "send 4", What: "due, but sent"}},
		{"a passage that waits for a mail has one under way",
			[]string{"update passages set state = 'sending' where id = 1"},
			report.Finding{Place: "passage 1", What: "waits for a mail of step 2-gift that is over"}},
		{"nothing is handed over later than 5 seconds after an unsubscription",
			[]string{`insert into consents (member_id, topic, granted, at, source, recorded_at) values (1, 'offers', false, {now-49h6s}, 'one-click', {now-49h6s})`},
			report.Finding{Place: "send 5", What: "handed over at 2027-03-01 09:00:00, unsubscribed from offers at 2027-03-01 08:59:54"}},
		{"a code belongs to the member of its mail",
			[]string{"update sends set code_id = 2 where id = 4"},
			report.Finding{Place: "send 4", What: "code 2 is of member 2"}},
		{"a code whose mail was sent is issued",
			[]string{"delete from redemptions", "update codes set state = 'reserved' where id = 1", "update sends set code_id = null where id = 4"},
			report.Finding{Place: "code 1", What: "still reserved, but send 5 went out at 2027-03-01 09:00:00"}},
		{"a code is redeemed as often as it may be",
			[]string{"delete from redemptions"},
			report.Finding{Place: "code 1", What: "redeemed, with 0 redemptions"}},
		{"a code is redeemed as often as it may be",
			[]string{"insert into redemptions (code_id, pool_id, member_id, order_id, at, day) values (1, 1, 2, 3, {now-1h}, {today})"},
			report.Finding{Place: "code 1", What: "redeemed, with 2 redemptions"}},
		{"a pool gives no more than its stock",
			[]string{"update codes set state = 'expired' where id = 3"},
			report.Finding{Place: "pool gift", What: "3 codes given of a stock of 2"}},
		{"a pool's counters are what a recount gives",
			[]string{"update pools set given = given + 1 where name = 'gift'"},
			report.Finding{Place: "pool gift", What: "made, given, open, free, reserved, issued, void, spent: counted 3, 3, 2, 1, 0, 1, 0, 450; there are 3, 2, 2, 1, 0, 1, 0, 450"}},
		{"every date of a timetable has a run or a recorded skip",
			[]string{"insert into occurrences (id, campaign_id, key, day, at, decision) values (50, 1, '2027-03-01', {today-2}, {now-48h}, 'started')"},
			report.Finding{Place: "campaign newsletter", What: "date 2027-03-01 was started without a run"}},
		{"no date of a timetable is overdue",
			[]string{"update timetable set next_at = {now-11m}"},
			report.Finding{Place: "campaign newsletter", What: "was due at 2027-03-03 09:49:00"}},
		{"nothing is left of erased members",
			[]string{"insert into members (id, external_id, card, created_at, changed_at, erased_at) values (90, 'gone', '0042', {now}, {now}, {now})"},
			report.Finding{Place: "member 90", What: "erased, but data is left"}},
		{"no batch outlives its chunk's lease",
			[]string{"insert into chunks (run_id, n, lo, hi, next_id, not_before, fence) values (1, 1, 1, 3, 1, {now-216h}, 2)",
				"insert into batches (run_id, chunk, fence, send_ids, marked_at) values (1, 1, 1, '[1]', {now-6m})"},
			report.Finding{Place: "run 1, chunk 1", What: "sends in the air since 2027-03-03 09:54:00"}},
		{"facts are what orders and events say",
			[]string{"update facts set spent = spent + 1, first_day = null where member_id = 1"},
			report.Finding{Place: "member 1", What: "facts differ"}},
		{"facts are what orders and events say",
			[]string{"delete from facts where member_id = 2"},
			report.Finding{Place: "member 2", What: "facts differ"}},
		{"facts are what orders and events say",
			[]string{"update facts set consent_offers = false where member_id = 2"},
			report.Finding{Place: "member 2", What: "facts differ"}},
		{"no member got more offers than the caps allow",
			[]string{"update sends set handed_at = {now-60h} where id = 5"},
			report.Finding{Place: "member 1", What: "send 5 is one too many for a cap"}},
		{"nothing was handed over in quiet hours",
			[]string{"update sends set handed_at = {now-55h} where id = 5"},
			report.Finding{Place: "send 5", What: "handed over at 2027-03-01T03:00:00Z, a quiet hour there"}},
	} {
		t.Run(tt.want.Place+" "+tt.want.What, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				people(t, db)
				ledger(t, db)
				do(t, db, tt.broken...)
				names, found := findings(t, db, doctor())
				if !slices.Equal(names, []string{tt.check}) || !slices.Equal(found, []report.Finding{tt.want}) {
					t.Errorf("after %q\ngot  %q: %v\nwant %q: %v", tt.broken, names, found, tt.check, tt.want)
				}
			})
		})
	}
}

func TestACheckIsBoundedInTimeAndInWords(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		for i := range 30 {
			do(t, db, fmt.Sprintf("insert into due (send_id, lane, not_before) values (%d, 'bulk', {now})", 100+i))
		}
		if _, found := findings(t, db, doctor()); len(found) != 20 {
			t.Errorf("%d findings of 30 are listed, want 20", len(found))
		}
		d := doctor()
		d.Limit = time.Nanosecond
		for _, c := range d.Examine(context.Background(), db) {
			if want := "took longer than 1ns"; c.Error != want {
				t.Errorf("check %q: error %q, want %q", c.Name, c.Error, want)
			}
		}
	})
}

func TestFindingsCountsTheCheapChecks(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		ledger(t, db)
		if got := see(t, db, report.Findings); got != 0 {
			t.Errorf("Findings of a healthy database = %d, want 0", got)
		}
		do(t, db, "insert into due (send_id, lane, not_before) values (4, 'bulk', {now})", "update timetable set next_at = {now-11m}",
			"update facts set spent = spent + 1")
		if got := see(t, db, report.Findings); got != 2 {
			t.Errorf("Findings = %d, want 2: the overdue date and the send that is over; comparing all facts is not cheap", got)
		}
	})
}

// What becomes of claims is read once, and not once for each of them: each check of a shop
// with many ends in the time that it has.
func TestAShopOfManyClaimsIsExaminedInTime(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const many = 30_000
		err := db.Update(context.Background(), func(tx *store.Tx) error {
			var claims, entries [][]any
			for i := range int64(many) {
				id, wallet, source := i+1, "visits", "card"
				if i%2 == 1 {
					wallet, source = "points", "till"
				}
				claims = append(claims, []any{id, id, "visits", 3, "done", source, fmt.Sprint(id), []byte{}, id, tx.At, int64(today)})
				entries = append(entries, []any{id, wallet, tx.At, int64(today), "redeem", -3, fmt.Sprint("claim:", id), id, 1})
			}
			if _, err := tx.Bulk("claims", []string{"id", "member_id", "reward", "price", "state", "source", "key", "body", "code_id", "at", "day"}, claims); err != nil {
				return err
			}
			if _, err := tx.Bulk("entries", []string{"member_id", "wallet", "at", "day", "kind", "amount", "cause", "claim_id", "version_id"}, entries); err != nil {
				return err
			}
			if err := tx.Analyze("claims"); err != nil {
				return err
			}
			return tx.Analyze("entries")
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range doctor().Examine(context.Background(), db) {
			if c.Error != "" || strings.Contains(c.Name, "took its") && len(c.Findings) > 0 {
				t.Errorf("check %q: %s, %d findings", c.Name, c.Error, len(c.Findings))
			}
		}
	})
}
