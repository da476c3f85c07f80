package delivery_test

import (
	"context"
	"testing"

	"regulars/internal/delivery"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// A mail, its code and when it is due are found by their indexes, also by connections that
// made their plans before the first large run filled the ledger, which nobody has analysed.
func TestNoMailReadsALedgerThatWasNeverAnalysedAsAWhole(t *testing.T) {
	t.Parallel()
	const large = 20_000
	db := empty(t, storetest.Postgres(t))
	s := newShop(t, db)
	ledger := storetest.NeverAnalysed(t, db, "sends", "codes", "due", "batches", "recent_mails")
	beside, err := db.Beside(context.Background(), 2) // whose connections report what they have read when they end
	if err != nil {
		t.Fatal(err)
	}
	people := s.members(160)
	s.give(s.run("drop", people, len(people)/16))
	d := s.sender(func(c *delivery.Config) { c.DB = beside })
	some := func() { // as often as makes a connection keep its plans
		t.Helper()
		for range 8 {
			s.single("hello", people[0])
			people = people[1:]
			if n, err := d.Singles(context.Background(), delivery.Urgent, 100); n != 1 || err != nil {
				t.Fatalf("%d single mails, want 1: %v", n, err)
			}
			if n, err := d.Work(context.Background(), 0); n < 10 || err != nil {
				t.Fatalf("%d mails of a chunk, want 10: %v", n, err)
			}
			if _, err := d.Reap(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	some()
	s.exec(`
		insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, run_id, class, topic, state, queued_at, done_at)
		select day, occurrence_id, 'large', i, campaign_id, version_id, run_id, class, topic, 'sent', queued_at, done_at
		from   (select * from sends where run_id is not null limit 1) s, generate_series(1, cast(@large as int)) i`, store.Args{"large": large})
	s.exec(`
		insert into codes (pool_id, code, folded, state, occurrence_id, member_id, issued_at)
		select pool_id, 'X' || i, 'X' || i, 'issued', occurrence_id, -i, issued_at
		from   (select * from codes limit 1) c, generate_series(1, cast(@large as int)) i`, store.Args{"large": large})
	ledger.Count(t)
	some()
	beside.Close()
	ledger.Fewer(t, large)
}
