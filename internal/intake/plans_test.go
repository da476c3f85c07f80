package intake_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"regulars/internal/flows"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// What one member's event does, and what that sets off where rules go by facts, reads no
// table as a whole, though nobody has ever analysed one: Postgres then takes each for a
// small one.
func TestNothingAboutOneMemberReadsAllOfATableThatWasNeverAnalysed(t *testing.T) {
	t.Parallel()
	const members = 20_000
	db := storetest.Postgres(t)
	d := newDoor(t, db)
	d.program("", map[string]string{"fifth": fifth,
		"pools.yaml":    "cup: {kind: generated, pattern: \"CUP-####-####-####\", item: Tea, worth: 2.40, valid_for: 60d, checkout: asks_us}\n",
		"loyalty.yaml":  "points: {earn: [1 per 1.00], expire: {unused: 12m}}\ncards: {food: {stamp: 'category \"food\"', of: 10, gives: cup}}\n",
		"segments.yaml": "loyal: orders >= 3\nbig: spent >= 50\nlate: days_since_last_order > 30\ntea: order_days >= 1 and orders < 2\ndrinker: bought_category(\"tea\")\nabstainer: not bought_category(\"tea\") and orders(\"5d\") >= 1\n"})
	day := int64(loyalty.DayOf(db.Now(), time.UTC)) - 10
	tables := storetest.NeverAnalysed(t, db, "members", "member_keys", "facts", "orders", "order_lines", "events", "refusals", "consents", "member_topics", "entries", "lots", "claims", "codes", "draws")
	beside, err := db.Beside(context.Background(), 2) // whose connections report what they have read when they end
	if err != nil {
		t.Fatal(err)
	}
	other, n := newDoor(t, beside), 0
	orders := func(known string) {
		for range 8 { // after some times a connection keeps its plans
			n++
			comes := placed(fmt.Sprint("n", n), fmt.Sprint("P-", n), fmt.Sprint("N-", n), 0, 100)
			comes.Member.Email, comes.Member.Consent = fmt.Sprint("n", n, "@shop.test"), map[string]bool{"offers": true}
			buys := placed(fmt.Sprint("e", n), fmt.Sprint("O-", n), fmt.Sprint(known, 1500+n), 0, 6000)
			buys.Order.Lines[0].Quantity = 10 // the card is full
			back := event(loyalty.OrderRefunded, fmt.Sprint("b", n), 1, loyalty.Member{ID: buys.Member.ID})
			back.Order, back.Refund = &loyalty.Order{ID: buys.Order.ID}, &loyalty.Refund{ID: "b", Total: 1000}
			other.Stored(buys, back, comes)
			for done := 1; done > 0; {
				if done, err = flows.React(context.Background(), beside); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	orders("Y-") // whose plans are those of an empty shop
	err = db.Update(context.Background(), func(tx *store.Tx) error {
		for _, text := range []string{
			"insert into members (id, external_id, named, created_at, changed_at) select i, 'X-' || i, true, @now, @now from generate_series(1000, @to) i",
			"insert into member_keys (kind, value, member_id) select 'id', 'X-' || i, i from generate_series(1000, @to) i",
			"insert into orders (source, external_id, member_id, at, day, status, counts, total, changed_at) select 'shop', 'X-' || i, i, @now, @day, 'paid', true, 100, @now from generate_series(1000, @to) i",
			"insert into order_lines (order_id, n, member_id, day, counts, category) select i, 9, i, @day, true, 'tea' from generate_series(1000, @to) i",
			"insert into events (source, external_id, member_id, type, at, day, received_at) select 'shop', 'X-' || i, i, 'order.placed', @now, @day, @now from generate_series(1000, @to) i",
			"insert into entries (member_id, wallet, kind, amount, at, day, opens_day, order_id, cause, version_id) select i, 'points', 'earn', 60, @now, @day, @day, i, 'earn:' || i, 1 from generate_series(1000, @to) i",
			"insert into lots (credit_id, member_id, wallet, opens_day, remains) select e.id, e.member_id, e.wallet, e.day, e.amount from entries e where e.member_id >= 1000",
			"insert into claims (member_id, reward, source, state, price, at, day, body, key) select i, 'food', 'card', 'done', 10, @now, @day, '', 'X-' || i from generate_series(1000, @to) i",
			"insert into codes (pool_id, code, folded, state, occurrence_id, member_id) select p.id, 'X-' || i, 'X' || i, 'issued', -100000 - i, i from pools p, generate_series(1000, @to) i",
			"insert into draws (debit_id, credit_id, amount) select -i, id, 1 from (select id, row_number() over (order by id) as i from entries where member_id >= 1000) e",
			"insert into refusals (email_key, topic, at, source) select decode(md5('' || i), 'hex'), 'offers', @now, 'a page' from generate_series(1000, @to) i",
			"insert into consents (member_id, topic, granted, at, source, recorded_at) select i, 'offers', true, @now, 'shop', @now from generate_series(1000, @to) i",
			"insert into member_topics (member_id, topic, granted, changed_at) select i, 'offers', true, @now from generate_series(1000, @to) i",
			"insert into facts (member_id, joined, country, language, consent_offers, consent_newsletter, consent_program, orders, order_days, spent, quantity, first_day, last_day, points) select i, false, '', '', false, false, false, 1, 1, 100, 0, @day, @day, 0 from generate_series(1000, @to) i",
			"insert into segment_members (segment_id, member_id, entered_at, entered_day, handled) select s.id, i, @now, @day, true from segments s, generate_series(1000, @to) i where s.name = 'tea'",
		} {
			if _, err := tx.Exec(text, store.Args{"to": 1000 + members, "now": tx.At, "day": day}); err != nil {
				return fmt.Errorf("%s: %w", text, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	tables.Count(t)
	orders("X-")
	if got := d.One("select count(*) from segment_members i join segments s on s.id = i.segment_id where s.name = 'big'"); got != "16" {
		t.Fatalf("%s members entered the segment, want the 16 who ordered", got)
	}
	beside.Close()
	tables.Fewer(t, members)
}
