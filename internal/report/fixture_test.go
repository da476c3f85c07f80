package report_test

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// today is the shop's day on which test databases stand.
var today = loyalty.DayOf(storetest.Start, time.UTC)

var placeholder = regexp.MustCompile(`\{(now|today)([+-]\w+)?\}`)

// do runs statements in one transaction. {now-3h} is an instant, {today-3} a day.
func do(t testing.TB, db *store.DB, statements ...string) {
	t.Helper()
	args := store.Args{}
	fill := func(m string) string {
		part := placeholder.FindStringSubmatch(m)
		if part[1] == "today" {
			days, _ := strconv.Atoi(part[2])
			return fmt.Sprint(int64(today) + int64(days))
		}
		away, _ := time.ParseDuration(part[2])
		name := fmt.Sprintf("t%d", len(args))
		args[name] = loyalty.At(storetest.Start.Add(away))
		return "cast_" + name + "_"
	}
	err := db.Update(context.Background(), func(tx *store.Tx) error {
		for _, s := range statements {
			s = placeholder.ReplaceAllStringFunc(s, fill)
			for name := range args { // a parameter that stands alone has no type on Postgres
				instant := "@" + name
				if tx.Postgres() {
					instant = "cast(@" + name + " as timestamptz)"
				}
				s = strings.ReplaceAll(s, "cast_"+name+"_", instant)
			}
			if _, err := tx.Exec(s, args); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// see runs f in a transaction that only reads, and returns what it answers.
func see[T any](t testing.TB, db *store.DB, f func(*store.Tx) (T, error)) T {
	t.Helper()
	var got T
	err := db.View(context.Background(), func(tx *store.Tx) (err error) { got, err = f(tx); return err })
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// people lets Ana (2 orders, one refunded in part), Ben (1 order) and Cleo (an
// order only) come in as a shop would send them. Their ids are 1, 2 and 3.
func people(t testing.TB, db *store.DB) {
	t.Helper()
	joined := func(id, email string) loyalty.Event {
		yes := true
		return loyalty.Event{Source: "standard", Type: loyalty.MemberJoined, ID: "join-" + id, At: loyalty.At(storetest.Start.AddDate(0, 0, -60)),
			Member: loyalty.Member{ID: id, Email: email, FirstName: id, Card: "CARD-" + id, Phone: "+358 40 " + id[len(id)-1:] + "00",
				Joined: &yes, Consent: map[string]bool{loyalty.Offers: true}}}
	}
	placed := func(order, member string, daysAgo int, total int64) loyalty.Event {
		e := loyalty.Event{Source: "standard", Type: loyalty.OrderPlaced, ID: "order-" + order, At: loyalty.At(storetest.Start.AddDate(0, 0, -daysAgo)),
			Member: loyalty.Member{ID: member}}
		e.Order = &loyalty.Order{ID: order, Total: total, HasTotal: true}
		return e
	}
	refund := placed("O-1", "M-1", 30, 0)
	refund.Type, refund.ID, refund.Order = loyalty.OrderRefunded, "refund-O-1", &loyalty.Order{ID: "O-1"}
	refund.Refund = &loyalty.Refund{ID: "R-1", Total: 1000}
	takeIn(t, db, joined("M-1", "ana@example.test"), joined("M-2", "ben@example.test"),
		placed("O-1", "M-1", 40, 5000), refund, placed("O-2", "M-1", 2, 3000), placed("O-3", "M-2", 20, 2000), placed("O-4", "M-3", 1, 700))
	do(t, db, "update consents set recorded_at = at")
}

func takeIn(t testing.TB, db *store.DB, events ...loyalty.Event) {
	t.Helper()
	for _, e := range events { // one by one, so that ids are given in this order
		results, err := intake.New(db).Apply(context.Background(), []loyalty.Event{e}, intake.Live)
		if err != nil || results[0].State != intake.Stored {
			t.Fatalf("event %s: %+v, %v", e.ID, results, err)
		}
	}
}

// ledger writes what three campaigns did: a finished run of the newsletter, a
// win-back with a code that Ana has used, a milestone of Ben's on its way.
func ledger(t testing.TB, db *store.DB) {
	t.Helper()
	do(t, db,
		`insert into campaigns (id, name, live, live_since) values
		 (1, 'newsletter', true, {now-1000h}), (2, 'win-back', true, {now-1000h}), (3, 'milestone', true, {now-1000h})`,
		`insert into pools (id, name, kind, spec) values
		 (1, 'gift', 'generated', '{"Name":"gift","Kind":"generated","Stock":2,"Uses":0}'), (2, 'all', 'shared', '{"Name":"all","Kind":"shared","Code":"ALL"}')`,
		`insert into codes (id, pool_id, code, folded, state, occurrence_id, member_id, reserved_at, issued_at, redeemed_at) values
		 (1, 1, 'GIFT-1', 'G1FT1', 'redeemed', 2, 1, {now-72h}, {now-72h}, {now-48h}),
		 (2, 1, 'GIFT-2', 'G1FT2', 'issued', 9, 2, {now-72h}, {now-72h}, null)`,
		`insert into codes (id, pool_id, code, folded, state) values (3, 1, 'GIFT-3', 'G1FT3', 'free'), (4, 2, 'ALL', 'A11', 'issued')`,
		`insert into redemptions (code_id, pool_id, member_id, order_id, at, day, discount) values (1, 1, 1, 2, {now-48h}, {today-2}, 450)`,
		`insert into occurrences (id, campaign_id, key, day, at, decision) values
		 (1, 1, '2027-02-22', {today-9}, {now-216h}, 'started'), (2, 2, 'passage:1', {today-3}, {now-72h}, 'started'), (3, 3, 'orders:1', {today}, {now-1h}, 'started')`,
		`insert into runs (id, occurrence_id, campaign_id, version_id, step, class, state, audience, expires_at, started_at, finished_at) values
		 (1, 1, 1, 1, 'letter', 'offer', 'finished', 0, {now-192h}, {now-216h}, {now-215h})`,
		send(1, 1, 1, "letter", 1, 1, "sent", "-216h", "4"),
		send(2, 1, 2, "letter", 1, 1, "sent", "-216h", "4"),
		send(3, 1, 3, "letter", 1, 1, "skipped", "", "null"),
		"update runs set audience = 3 where id = 1",
		send(4, 2, 1, "1-miss-you", 2, 0, "sent", "-72h", "1"),
		send(5, 2, 1, "2-gift", 2, 0, "sent", "-49h", "1"),
		send(6, 3, 2, "thanks", 3, 0, "queued", "", "null"),
		`update sends set reason = 'no_consent' where id = 3`,
		`insert into due (send_id, lane, not_before) values (6, 'urgent', {now-1m})`,
		`insert into passages (id, campaign_id, occurrence_id, member_id, version_id, day, started_at, step, step_name, state, base_at) values
		 (1, 2, 2, 1, 1, {today-3}, {now-72h}, 2, '2-gift', 'done', {now-49h}), (2, 3, 3, 2, 1, {today}, {now-1h}, 1, 'thanks', 'sending', {now-1h})`,
		`insert into timetable (campaign_id, zone, spec, next_at, next_key) values (1, 'UTC', 'every monday 08:00', {now+118h}, '2027-03-08')`,
	)
}

// send is the statement that writes a row of the ledger; run 0 is none, handed ""
// is not at all.
func send(id, occurrence, member int64, step string, campaign, run int, state, handed, code string) string {
	class, topic, runID, moment, sentDay := "offer", "offers", "null", "null", "null"
	if campaign == 3 {
		class, topic = "earned", "program"
	}
	if run != 0 {
		runID = fmt.Sprint(run)
	}
	if handed != "" {
		moment = "{now" + handed + "}"
		away, _ := time.ParseDuration(handed)
		sentDay = fmt.Sprint(int64(loyalty.DayOf(storetest.Start.Add(away), time.UTC)))
	}
	return fmt.Sprintf(`insert into sends (id, day, occurrence_id, step, member_id, campaign_id, version_id, run_id, class, topic, state, code_id, queued_at, handed_at, done_at, sent_day)
		values (%d, {today-3}, %d, '%s', %d, %d, 1, %s, '%s', '%s', '%s', %s, {now-216h}, %s, %s, %s)`,
		id, occurrence, step, member, campaign, runID, class, topic, state, code, moment, moment, sentDay)
}
