package report_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/patiently"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func look(t testing.TB, db *store.DB) report.Status {
	t.Helper()
	for end := time.Now().Add(patiently.AtMost); ; {
		began := time.Now() // the replica says that it is here, as it does every few seconds
		do(t, db, "update replicas set seen_at = "+machine(db, 0)+" where id = 'here'")
		if s := see(t, db, report.Look); time.Since(began) < store.Seen || time.Now().After(end) {
			return s
		}
	}
}

func TestAnEmptyDatabaseNeedsNobody(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := look(t, db)
		if len(s.Needs) > 0 || s.Version != "" || s.Midnight.Day != "" {
			t.Errorf("Look = %+v, want nothing needed, no version, no night", s)
		}
		text, err := json.Marshal(s)
		if err != nil || slices.Contains([]byte(text), 0) {
			t.Error(err)
		}
		for _, o := range s.Oldest {
			if o.Rows != 0 || o.Seconds != 0 {
				t.Errorf("queue %+v, want it empty", o)
			}
		}
		if len(s.Oldest) != 5 {
			t.Errorf("%d queues are named, want all 5", len(s.Oldest))
		}
	})
}

func TestTheStatusSaysWhatGoesOn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		ledger(t, db)
		do(t, db,
			"insert into settings (key, value) values ('active_version', '7')",
			`insert into runs (id, occurrence_id, campaign_id, version_id, step, class, state, audience, expires_at, started_at) values
			 (2, 20, 1, 1, 'letter', 'offer', 'sending', 0, {now+3h}, {now-1h})`,
			send(20, 20, 1, "letter", 1, 2, "sent", "-30s", "null"), send(21, 20, 2, "letter", 1, 2, "queued", "", "null"),
			"update runs set audience = 2 where id = 2",
			`insert into chunks (run_id, n, lo, hi, next_id, not_before, done) values (2, 1, 20, 20, 21, {now-1h}, true), (2, 2, 21, 21, 21, {now+1s}, false)`,
			`insert into passes (name, day, started_at, finished_at) values ('facts', {today-1}, {now-12h}, {now-12h}), ('facts', {today}, {now-1h}, null)`,
			`insert into replicas (id, version, roles, started_at, seen_at) values ('here', '1', 'web,worker', `+machine(db, 0)+", "+machine(db, 0)+`), ('gone', '1', 'web', `+machine(db, 0)+", "+machine(db, -2*time.Minute)+")",
		)
		s := look(t, db)
		if s.Members != 2 || s.Known != 1 || s.Version != "7" || s.Unknown != 0 {
			t.Errorf("%d members, %d known, version %q, %d unknown; want 2, 1, 7, 0", s.Members, s.Known, s.Version, s.Unknown)
		}
		want := report.Run{ID: 2, Campaign: "newsletter", State: "sending", Audience: 2, Pending: 1, Sent: 1, PerMinute: 1, StartedAt: loyalty.At(storetest.Start.Add(-time.Hour))}
		if !slices.Equal(s.Runs, []report.Run{want}) {
			t.Errorf("runs = %+v, want %+v", s.Runs, want)
		}
		if want := []report.Waiting{{Campaign: "milestone", Mails: 1}}; !slices.Equal(s.Waiting, want) {
			t.Errorf("waiting = %+v, want %+v", s.Waiting, want)
		}
		if len(s.Replicas) != 1 || s.Replicas[0].ID != "here" || s.Replicas[0].StartedAt.IsZero() {
			t.Errorf("replicas = %+v, want the one seen in the last minute", s.Replicas)
		}
		if got, want := s.Midnight, (report.Midnight{Day: (today - 1).String(), FinishedAt: loyalty.At(storetest.Start.Add(-12 * time.Hour))}); got != want {
			t.Errorf("midnight = %+v, want %+v", got, want)
		}
		if len(s.Next) != 1 || s.Next[0].Campaign != "newsletter" || s.Next[0].Zone != "UTC" {
			t.Errorf("next = %+v, want the newsletter's date", s.Next)
		}
		if len(s.Needs) > 0 {
			t.Errorf("needs %q, want nothing", s.Needs)
		}
		do(t, db, "insert into segments (id, name, rule, as_of_day) values (1, 'vip', 'orders >= 5', {today-2})")
		if got := look(t, db).Midnight; got.Day != "" {
			t.Errorf("midnight = %+v while a segment is two days behind, want none", got)
		}
	})
}

// machine is the database's own time, moved.
func machine(db *store.DB, d time.Duration) (expr string) {
	_ = db.View(context.Background(), func(tx *store.Tx) error { expr = tx.MachineIn(d); return nil })
	return expr
}

func TestWhatNeedsAPerson(t *testing.T) {
	t.Parallel()
	const due = "update due set not_before = {now-17m}"
	for _, tt := range []struct {
		claim  string
		makeSo []string
		want   []string
	}{
		{"a campaign that is held", []string{"insert into holds (scope, because, by_whom, at) values ('campaign:2', 'wrong texts', 'anna', {now-1h})"},
			[]string{"campaign win-back is held by anna: wrong texts"}},
		{"offers and all that are held", []string{"insert into holds (scope, because, by_whom, at) values ('offers', 'sale is off', 'anna', {now-1h}), ('all', 'fire', 'ben', {now-1m})"},
			[]string{"all offers are held by anna: sale is off", "everything is held by ben: fire"}},
		{"a campaign that failed", []string{"insert into setbacks (scope, work, because, since, tries, retry_at) values ('campaign:2', 'mails', 'pool back: no such pool', {now-1h}, 3, {now})"},
			[]string{"campaign win-back is set aside (mails, tried 3 times): pool back: no such pool"}},
		{"clocks that are apart", []string{"update replicas set clock_ahead = 5000000"}, []string{"the clock of replica here is 5s ahead of the database's"}},
		{"clocks that agree", []string{"update replicas set clock_ahead = -1500000"}, nil},
		{"clocks that are far apart", []string{"update replicas set clock_ahead = -60000000"},
			[]string{"the clock of replica here is 1m0s behind the database's: it does no work until they agree"}},
		{"what a replica sees", []string{`update replicas set troubles = '[{"kind": "relay", "what": "the relay is away", "do": "wait"}]'`}, []string{"the relay is away"}},
		{"a run that is paused", []string{"update runs set state = 'paused', because = '12 % of mails came back', finished_at = null"},
			[]string{"run 1 of newsletter is paused: 12 % of mails came back"}},
		{"a date that was skipped", []string{"insert into occurrences (id, campaign_id, key, day, at, decision, reason) values (50, 1, '2027-03-01', {today-2}, {now-48h}, 'skipped', 'late')"},
			[]string{"newsletter did not run on 2027-03-01: late"}},
		{"a newsletter that nobody wrote", []string{"insert into occurrences (id, campaign_id, key, day, at, decision, reason) values (50, 1, '2027-03-01', {today-2}, {now-48h}, 'skipped', 'no_issue')"}, nil},
		{"a date that was skipped long ago is past", []string{"insert into occurrences (id, campaign_id, key, day, at, decision, reason) values (50, 1, '2027-02-01', {today-30}, {now-720h}, 'skipped', 'late')"}, nil},
		{"a queue that waits", []string{due}, []string{"queue urgent has been waiting for 17m0s"}},
		{"what somebody works on does not wait", []string{due, "update due set retry_at = {now+100000h}", "update sends set state = 'claimed' where id = 6"}, nil},
		{"what a worker gave back because its relay is away waits on", []string{due, "update due set retry_at = {now+100000h}"},
			[]string{"queue urgent has been waiting for 17m0s"}},
		{"a queue that waits because of a hold is the hold's affair",
			[]string{due, "insert into holds (scope, because, by_whom, at) values ('campaign:3', 'texts', 'anna', {now-1h})"},
			[]string{"campaign milestone is held by anna: texts"}},
		{"a hold of something else explains no waiting",
			[]string{due, "insert into holds (scope, because, by_whom, at) values ('offers', 'texts', 'anna', {now-1h})"},
			[]string{"all offers are held by anna: texts", "queue urgent has been waiting for 17m0s"}},
		{"a chunk that nobody takes", []string{"update runs set state = 'sending', finished_at = null",
			"insert into chunks (run_id, n, lo, hi, next_id, not_before) values (1, 1, 1, 3, 1, {now-1h})"}, []string{"queue runs has been waiting for 1h0m0s"}},
		{"a passage that nobody takes on", []string{"update passages set state = 'ready', wake_at = {now-20m} where id = 1"},
			[]string{"queue passages has been waiting for 20m0s"}},
		{"a job that nobody does", []string{"insert into jobs (kind, payload, lane, state, run_at, enqueued_by, enqueued_at) values ('launch', '{}', 'chores', 'queued', {now-16m}, 'anna', {now-1h})"},
			[]string{"queue jobs has been waiting for 16m0s"}},
		{"a job that failed", []string{"insert into jobs (id, kind, payload, lane, state, run_at, enqueued_by, enqueued_at, finished_at, outcome) values (8, 'launch', '{}', 'chores', 'failed', {now-1h}, 'anna', {now-1h}, {now-1h}, 'no codes left')"},
			[]string{"job 8 (launch) failed: no codes left"}},
		{"a mail with an unknown outcome", []string{"update sends set state = 'unknown' where id = 5"},
			[]string{"mails of which nobody knows whether they went out: 1 (`regulars sends list --state unknown`)"}},
		{"a night that did not come to its end", []string{"insert into passes (name, day, started_at, finished_at) values ('facts', {today-2}, {now-30h}, {now-28h})"},
			[]string{"the last nightly pass that came to its end is of 2027-03-01"}},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				people(t, db)
				ledger(t, db)
				do(t, db, `insert into replicas (id, version, roles, started_at, seen_at) values ('here', '1', 'web,worker', `+machine(db, 0)+", "+machine(db, 0)+")")
				do(t, db, tt.makeSo...)
				if got := look(t, db).Needs; !slices.Equal(got, tt.want) && len(got)+len(tt.want) > 0 {
					t.Errorf("Needs = %q, want %q", got, tt.want)
				}
			})
		})
	}
}

func TestTheStatusSaysWhichMailsWaitForTheRateOfTheirDomain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if s := look(t, db); s.Rates != nil {
			t.Errorf("nothing waits, and the status says %+v", s.Rates)
		}
		for id, domain := range []any{"gmx.example", "gmail.com", "gmail.com", nil} {
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				_, err := tx.Exec("insert into due (send_id, lane, not_before, waits_for) values (@id, 'bulk', @now, @domain)", store.Args{"id": id + 1, "now": tx.At, "domain": domain})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		want := []report.RateWait{{Domain: "gmail.com", Mails: 2}, {Domain: "gmx.example", Mails: 1}}
		if got := look(t, db).Rates; !slices.Equal(got, want) {
			t.Errorf("the status says %+v, want %+v", got, want)
		}
	})
}

func TestTheStatusSaysWhatWaitsForTheWarmup(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		if s := look(t, db); s.Warmup != nil {
			t.Errorf("without a warm-up the status says %+v", s.Warmup)
		}
		ramp := loyalty.Warmup{From: today, Start: 500, Double: 2, Until: 4000}
		do(t, db, "delete from due", "delete from settings where key in ('warmup', 'zone')", "insert into settings (key, value) values ('zone', 'UTC'), ('warmup', '"+store.JSON(ramp)+"')",
			"insert into warmup_days (day, mails) values ({today}, 500), ({today-1}, 7)")
		next := (today + 1).Start(time.UTC)
		err := db.Update(context.Background(), func(tx *store.Tx) error {
			_, err := tx.Exec("insert into due (send_id, lane, not_before) values (901, 'bulk', @next), (902, 'bulk', @next), (903, 'bulk', @later)",
				store.Args{"next": next, "later": next.Add(time.Hour)})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := look(t, db).Warmup, (report.Warmup{Mails: 500, Limit: 500, Waiting: 2, Until: loyalty.At(next), LastDay: today + 1}); got == nil || *got != want {
			t.Errorf("the warm-up stands at %+v, want %+v", got, want)
		}
	})
}

func TestTheStatusSaysWhatIsUsedOfTheBudget(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		claim := func(key, state, source string, day int) string {
			return fmt.Sprintf(`insert into claims (member_id, reward, price, state, source, key, body, cost, at, day)
				values (1, 'latte', 300, '%s', '%s', '%s', '', 240, {now}, {today%+d})`, state, source, key, day)
		}
		do(t, db, "insert into settings (key, value) values ('currency', 'EUR')",
			`insert into settings (key, value) values ('budget', '{"Liability": 5000, "PointWorth": 1000, "Rewards": 3, "Warn": 800, "Stop": true}')`,
			"update facts set points = -7, points_pending = 0", "update facts set points = 3000, points_pending = 900 where member_id = 1",
			claim("1", "done", "till", 0), claim("2", "held", "till", 0), claim("3", "released", "till", 0), claim("4", "done", "card", 0), claim("5", "done", "till", -31))
		s := look(t, db)
		if got, want := s.Budget.String(), "points are worth 39.00 of 50.00 EUR; 2 of 3 rewards of this month are claimed"; got != want || len(s.Needs) > 0 {
			t.Errorf("budget: %s, needs %q; want %s", got, s.Needs, want)
		}
		do(t, db, "update facts set points = 3100 where member_id = 1", claim("6", "done", "web", 0))
		s = look(t, db)
		_, next := loyalty.MonthOf(today)
		want := []string{"80% of the budget of points is used, points are worth 40.00 of 50.00 EUR",
			"all of this month's budget of rewards is used, 3 of 3 rewards of this month are claimed; none can be claimed before " + next.String()}
		if !slices.Equal(s.Needs, want) {
			t.Errorf("needs %q, want %q", s.Needs, want)
		}
		do(t, db, `update settings set value = '{"Rewards": 1000, "Money": true, "Warn": 500}' where key = 'budget'`)
		if got := look(t, db).Needs; !slices.Equal(got, []string{"50% of this month's budget of rewards is used, rewards of this month cost 7.20 of 10.00 EUR"}) {
			t.Errorf("a budget of money: %q", got)
		}
	})
}
