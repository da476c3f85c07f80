package person_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/internal/consent"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/person"
	"regulars/internal/points"
	"regulars/internal/store"
)

// marks are what stands for a person in the tests below: each is said once, and none may
// be found after the erasure.
const mark = "zq7mark"

// marked says everything that a shop can say of a person, with the mark in it.
func marked(m *loyalty.Member) {
	m.ID, m.Email, m.Phone, m.Card = mark+"-id", mark+".mail@example.test", "+358 40 7654321", mark+"-card"
	m.IDs = map[string]string{"shopify": mark + "-shopify"}
	m.FirstName, m.LastName, m.Birthday, m.Tags = mark+" First", mark+" Last", "1980-02-28", []string{mark + "-tag"}
	m.Attributes = map[string]any{"dog": mark + " Rex"}
	m.ConsentText, m.ConsentSource = mark+" says yes", "checkout"
}

// seen are the places in all tables where a text stands.
func seen(t *testing.T, s shop, texts ...string) (places []string) {
	t.Helper()
	for _, column := range columnsOf(t, s.DB) {
		table, name, _ := strings.Cut(column, ".")
		for _, text := range texts {
			query := fmt.Sprintf(`select count(*) from %q where instr(lower(cast(%q as text)), lower(@text)) > 0 or instr(%q, cast(@text as blob)) > 0`, table, name, name)
			if s.DB.Engine() == store.Postgres {
				query = fmt.Sprintf(`select count(*) from %q where position(lower(@text) in lower(cast(%q as text))) > 0 or position(lower(@hex) in cast(%q as text)) > 0`, table, name, name)
			}
			var n int
			err := s.DB.View(t.Context(), func(tx *store.Tx) error {
				return tx.One(&n, query, store.Args{"text": text, "hex": fmt.Sprintf("%x", text)})
			})
			if err != nil {
				t.Fatal(err)
			}
			if n > 0 {
				places = append(places, fmt.Sprintf("%s: %s", column, text))
			}
		}
	}
	return places
}

// everything has a marked person go through every door.
func everything(s shop) int64 {
	s.joins(7, nil)
	event := func(kind string, change func(e *loyalty.Event)) {
		s.Event(kind, 0, func(e *loyalty.Event) {
			marked(&e.Member)
			change(e)
		})
	}
	event(loyalty.MemberJoined, func(e *loyalty.Event) {
		e.Member.Consent, e.Member.ConsentAt, e.Member.ReferredBy = map[string]bool{"offers": true}, e.At, "M-7"
	})
	id := s.find(mark + "-id")
	event(loyalty.OrderPlaced, func(e *loyalty.Event) {
		e.Order = &loyalty.Order{ID: "O-1", Status: loyalty.Paid, Total: 30000, HasTotal: true, Lines: []loyalty.Line{{Product: "coffee", Quantity: 6, Total: 30000}}}
	})
	event("review.written", func(e *loyalty.Event) { e.Properties = map[string]any{"text": mark + " writes"} })
	s.joins(8, func(m *loyalty.Member) { m.ReferredBy = mark + "-id" })
	s.Do(func(tx *store.Tx) error {
		for _, h := range []points.Hand{
			{Member: id, N: 40, Because: mark + " was sorry", Key: "till:" + mark, By: "anna"},
			{Member: id, N: -5, Because: mark + " again", By: "anna"},
		} {
			if _, err := intake.BookByHand(tx, h); err != nil {
				return err
			}
		}
		for i, hold := range []bool{true, false} {
			if err := intake.WithPoints(tx, func(r *points.Rules) ([]int64, error) {
				_, err := r.Claim(tx, points.Ask{Member: id, Reward: "latte", Source: "till", Key: fmt.Sprint(mark, i), Order: mark + "-receipt", Due: -1, Hold: hold, By: "anna"}, strings.NewReader(strings.Repeat("some randomness ", 99)))
				return []int64{id}, err
			}); err != nil {
				return err
			}
		}
		if err := consent.Set(tx, id, "newsletter", true, consent.How{At: tx.At, Source: "page", Said: mark + " clicked", IP: "203.0.113.77"}); err != nil {
			return err
		}
		args := store.Args{"now": tx.At, "id": id, "body": []byte(`{"customer":{"email":"` + mark + `.mail@example.test"}}`), "key": mark + "-till"}
		for _, text := range []string{
			"insert into hooks (source, external_id, received_at, state, body) values ('shopify', '1', @now, 'stored', @body)",
			`insert into early_events (source, external_id, order_id, at, received_at, event) values ('shop', 'x', 'y', @now, @now, '{"by":"` + mark + `-id"}')`,
			`insert into jobs (kind, payload, key, lane, state, run_at, enqueued_by, enqueued_at) values ('launch', '{"member":"` + mark + `-id"}', 'k1', 'urgent', 'queued', @now, 'cli', @now)`,
			`insert into jobs (kind, payload, lane, state, run_at, enqueued_by, enqueued_at, outcome) values ('import', '{}', 'urgent', 'done', @now, 'cli', @now, 'row 1: ` + mark + `.mail@example.test')`,
			"insert into touches (send_id, member_id, campaign_id, kind, at, day, person, link) select id, member_id, campaign_id, 'click', " + tx.Instant("@now") + `, 1, true, 'https://shop.example/for/` + mark + `' from sends where member_id = @id`,
			"update sends set smtp_text = '550 no such user <" + mark + ".mail@example.test>' where member_id = @id",
			"insert into redemptions (code_id, pool_id, member_id, at, day, key) select id, pool_id, member_id, " + tx.Instant("@now") + `, 1, @key from codes where member_id = @id order by id limit 1`,
			"update codes set state = 'redeemed' where id in (select code_id from redemptions where key = @key)",
		} {
			if _, err := tx.Exec(text, args); err != nil {
				return fmt.Errorf("%s: %w", text, err)
			}
		}
		return nil
	})
	return id
}

func TestNothingOfAnErasedPersonIsLeft(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		id := everything(s)
		texts := []string{mark, "7654321", "203.0.113.77"}
		if places := seen(t, s, texts...); len(places) < 20 {
			t.Fatalf("the person stands in %d places only: %v", len(places), places)
		}
		orders, sends := s.Number("select sum(total) from orders"), s.Number("select count(*) from sends")
		e := s.erase(id)
		if e.Points == 0 || e.Codes == 0 || e.Claims != 1 || e.Orders != 1 || e.Passages == 0 {
			t.Errorf("it said %+v", e)
		}
		for _, place := range seen(t, s, texts...) {
			t.Errorf("still there: %s", place)
		}
		person.Shred(t.Context(), s.DB)
		for _, file := range []string{s.DB.File(), s.DB.File() + "-wal"} {
			if content, err := os.ReadFile(file); err == nil && s.DB.Engine() == store.SQLite && bytes.Contains(content, []byte(mark)) {
				t.Errorf("%s still says it somewhere", file)
			}
		}
		s.doctor()
		if again := s.erase(id); !again.Again {
			t.Errorf("erased twice: %+v", again)
		}
		s.Work()
		s.deliver()
		s.Work()
		s.doctor()
		if n := s.Number("select sum(total) from orders"); n != orders {
			t.Errorf("orders come to %d, and came to %d", n, orders)
		}
		if n := s.Number("select count(*) from sends"); n != sends {
			t.Errorf("%d mails, and there were %d", n, sends)
		}
		s.Want("points", fmt.Sprint(s.Number(fmt.Sprintf("select sum(amount) from entries where member_id = %d", id))), "0")
		s.Want("the suppression", s.Counted("select reason as what, count(*) as n from suppressions group by 1"), "1 erased")
		s.Want("proof", s.Counted(fmt.Sprintf("select topic || ' ' || source || ' ' || substr(said, 1, 7) as what, count(*) as n from consents where member_id = %d group by 1", id)),
			"1 newsletter page sha256:, 1 offers checkout sha256:")
	})
}

func (s shop) buysAs(name, email, number string) {
	s.T.Helper()
	s.Event(loyalty.OrderPlaced, 0, func(e *loyalty.Event) {
		e.Member.ID, e.Member.Email = name, email
		e.Order = &loyalty.Order{ID: number, Status: loyalty.Paid, Total: 4000, HasTotal: true}
	})
}

func TestWhoComesBackIsSomebodyNew(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		id := everything(s)
		s.erase(id)
		s.buysAs(mark+"-id", mark+".mail@example.test", "O-2")
		again := s.find(mark + "-id")
		if again == id {
			t.Fatal("the husk was revived")
		}
		s.Want("what is known of them", s.Counted(fmt.Sprintf("select 'orders ' || f.orders || ', joined ' || f.joined as what, count(*) as n from facts f where member_id = %d group by 1", again)),
			map[string]string{store.SQLite: "1 orders 1, joined 0", store.Postgres: "1 orders 1, joined false"}[s.DB.Engine()])
		s.Want("consent", fmt.Sprint(s.Number(fmt.Sprintf("select count(*) from member_topics where granted and member_id = %d", again))), "0")
		for _, tt := range []struct {
			claim string
			at    loyalty.Instant
			want  string
		}{
			{"a yes that nobody knows the time of", loyalty.Instant{}, "1"},
			{"a yes from before", loyalty.At(s.Now.Add(-time.Hour)), "1"},
			{"a yes of today", loyalty.At(s.Now.Add(time.Minute)), "0"},
		} {
			s.Now = s.Now.Add(2 * time.Minute)
			s.Event(loyalty.MemberChanged, 0, func(e *loyalty.Event) {
				e.Member.ID, e.Member.Consent, e.Member.ConsentSource, e.Member.ConsentAt = mark+"-id", map[string]bool{"offers": true}, tt.claim, tt.at
			})
			s.Want(tt.claim, fmt.Sprint(s.Number("select count(*) from suppressions")), tt.want)
		}
	})
}

func TestTheirAddressGetsNothing(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		id := everything(s)
		s.erase(id)
		s.buysAs(mark+"-id", mark+".mail@example.test", "O-2")
		again := s.find(mark + "-id")
		s.Want("their mail", fmt.Sprint(s.Number(fmt.Sprintf("select count(*) from suppressions x join members m on m.email_key = x.email_key where m.id = %d and x.reason = 'erased'", again))), "1")
		// What comes late for the husk's order finds no person to change.
		s.Event(loyalty.OrderRefunded, 0, func(e *loyalty.Event) {
			e.Member, e.Properties = loyalty.Member{}, map[string]any{"note": mark + " called"}
			e.Order, e.Refund = &loyalty.Order{ID: "O-1"}, &loyalty.Refund{ID: "late", Total: 30000}
		})
		s.Event(loyalty.OrderChanged, 0, func(e *loyalty.Event) {
			e.Member.ID = mark + "-id"
			e.Order = &loyalty.Order{ID: "O-1", Status: loyalty.Paid, Total: 29000, HasTotal: true}
		})
		s.Want("whose the old order is", s.Counted("select 'of ' || member_id || ', ' || total as what, count(*) as n from orders where external_id = 'O-1' group by 1"), fmt.Sprintf("1 of %d, 29000", id))
		s.Want("what it said", fmt.Sprint(s.Number("select count(*) from events where type = 'order.refunded' and cast(properties as text) like '%called%'")), "0")
		s.Want("the husk", fmt.Sprint(s.Number("select count(*) from facts where member_id = "+fmt.Sprint(id))), "0")
		s.Work()
		s.doctor()
	})
}

func TestErasingBesideWebhooksLosesNothing(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		id := everything(s)
		var all sync.WaitGroup
		errs := make(chan error, 20)
		for n := range 8 {
			all.Go(func() {
				e := loyalty.Event{Source: "test", Type: loyalty.OrderPlaced, ID: fmt.Sprint("beside-", n), At: loyalty.At(s.Now)}
				e.Member.ID = mark + "-id"
				e.Order = &loyalty.Order{ID: fmt.Sprint("B-", n), Status: loyalty.Paid, Total: 1000, HasTotal: true}
				results, err := intake.New(s.DB).Apply(context.Background(), []loyalty.Event{e}, intake.Live)
				if err == nil && results[0].State != intake.Stored {
					err = fmt.Errorf("order %d: %+v", n, results[0])
				}
				errs <- err
			})
		}
		all.Go(func() {
			errs <- s.DB.Update(context.Background(), func(tx *store.Tx) error { _, err := person.Erase(tx, id, "anna"); return err })
		})
		all.Wait()
		close(errs)
		for err := range errs {
			if err != nil {
				t.Error(err)
			}
		}
		s.React()
		s.Work()
		s.Want("orders", fmt.Sprint(s.Number("select count(*) from orders where external_id like 'B-%'")), "8")
		s.Want("keys of the husk", fmt.Sprint(s.Number(fmt.Sprintf("select count(*) from member_keys where member_id = %d", id))), "0")
		s.doctor()
	})
}

func TestARestoredCopyForgetsThemAgain(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		id := everything(s)
		s.Now = s.Now.Add(1e9)
		s.Do(func(tx *store.Tx) error { // as a record of refusals brings it back
			pepper, err := consent.Pepper(tx)
			if err != nil {
				return err
			}
			key := consent.Key(pepper, mark+".mail@example.test")
			if err := consent.Suppress(tx, key, consent.ErasedWish, "record of refusals"); err != nil {
				return err
			}
			n, err := person.EraseAgain(tx)
			if n != 1 {
				err = errors.Join(err, fmt.Errorf("%d were erased", n))
			}
			return err
		})
		s.Want("erased", fmt.Sprint(s.Number(fmt.Sprintf("select count(*) from members where erased_at is not null and id = %d", id))), "1")
	})
}
