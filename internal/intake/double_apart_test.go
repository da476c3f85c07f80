package intake_test

import (
	"context"
	"testing"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// Two systems that numbered alike before there was one space of numbers: their
// orders are two, whatever night passes.
func TestOrdersOfOneNumberThatAreNotOneStayTwo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.Stored(event(loyalty.MemberJoined, "j", 0, loyalty.Member{ID: "M-1", Email: "a@example.test"}))
		d.Stored(placed("e1", "42", "M-1", 1, 1000), placed("e2", "43", "M-1", 2, 5000))
		for _, text := range []string{
			"insert into orders (source, external_id, member_id, at, day, status, counts, total, quantity, changed_at) select 'import', external_id, member_id, at, day - 400, status, counts, 80000, quantity, changed_at from orders where external_id = '42'",
			"insert into orders (source, external_id, member_id, at, day, status, counts, total, quantity, changed_at) select 'import', external_id, member_id, at, day, status, counts, total, quantity, changed_at from orders where external_id = '43'",
		} {
			if _, err := exec(db, text, nil); err != nil {
				t.Fatal(err)
			}
		}
		for i := 0; i < 100; i++ {
			if n, err := intake.NewDay(context.Background(), db.At(at(60*48).Time)); err != nil {
				t.Fatal(err)
			} else if n == 0 {
				break
			}
		}
		if got := d.One("select count(*) || ' ' || count(case when external_id = '42' then 1 end) from orders"); got != "3 2" {
			t.Errorf("orders, and of them of number 42: %s, want 3 2", got)
		}
	})
}

func TestTwoEventsOfOneIDSideBySide(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.Stored(event(loyalty.MemberJoined, "j", 0, loyalty.Member{ID: "M-1", Email: "a@example.test"}))
		cancelled := about(loyalty.OrderCancelled, "x", 2, nil)
		cancelled.Order.ID = "O-1"
		results := d.Answers(placed("x", "O-1", "M-1", 1, 1000), cancelled, placed("x", "O-1", "M-1", 1, 1000))
		if results[0].State != intake.Stored || results[1].State != intake.Refused || results[1].Field != "id" || results[2].State != intake.Duplicate {
			t.Errorf("answers: %+v, want stored, refused by its id, duplicate", results)
		}
		if r := d.Answers(event("visit", "v", 3, loyalty.Member{ID: "5E12", Phone: "040 123 4567", Country: "Finland"})); r[0].State != intake.Stored {
			t.Errorf("an id like 5E12: %+v, want it stored", r[0])
		}
		if got := d.One("select phone from members where external_id = '5E12'"); got != "+358401234567" {
			t.Errorf("a phone beside its country in words is kept as %s", got)
		}
	})
}
