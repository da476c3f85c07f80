package campaign_test

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"regulars/internal/campaign"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/norms"
	plan "regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// shop is a shop with a program, whose clock the test sets.
type shop struct {
	t    *testing.T
	db   *store.DB
	book *campaign.Book
	now  time.Time
	n    int // events so far
}

// program is a program directory: what program.yaml adds to the usual, the
// segments, pools, and campaigns by name.
type program struct {
	zone      string // "": Europe/Helsinki
	more      string
	segments  string
	pools     string
	campaigns map[string]string
}

// files writes the program out, with a mail in English for each that a step names.
func (p program) files() map[string]string {
	zone := p.zone
	if zone == "" {
		zone = "Europe/Helsinki"
	}
	files := map[string]string{"program.yaml": `
shop: {name: Anna's Pets, url: https://shop.example, address: "Kauppakatu 1, Helsinki"}
mail: {from: "Anna <anna@shop.example>"}
languages: [en]
currency: EUR
zone: ` + zone + "\n" + p.more}
	if p.segments != "" {
		files["segments.yaml"] = p.segments
	}
	if p.pools != "" {
		files["pools.yaml"] = p.pools
	}
	for name, text := range p.campaigns {
		folder := "campaigns/" + name + "/"
		files[folder+"campaign.yaml"] = text
		for _, m := range mailNames.FindAllStringSubmatch(text, -1) {
			files[folder+m[1]+".en.md"] = "---\nsubject: " + m[1] + "\n---\nHello.\n"
		}
	}
	return files
}

var mailNames = regexp.MustCompile(`mail: ([a-z0-9-]+)(?:[\s,}]|$)`)

// each runs a test on both engines in a shop with that program in force.
func each(t *testing.T, p program, f func(t *testing.T, s *shop)) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) { f(t, open(t, db, p)) })
}

func open(t *testing.T, db *store.DB, p program) *shop {
	t.Helper()
	s := &shop{t: t, now: storetest.Start}
	s.db = db.Clock(func() time.Time { return s.now })
	s.book = campaign.NewBook(s.db)
	s.apply(p)
	return s
}

func (s *shop) do(f func(tx *store.Tx) error) {
	s.t.Helper()
	if err := s.db.Update(context.Background(), f); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) apply(p program) (done campaign.Applied) {
	s.t.Helper()
	s.do(func(tx *store.Tx) (err error) { done, err = s.book.Apply(tx, p.files(), "anna", ""); return err })
	return done
}

// join makes members who have joined, with consent to everything and an address.
// Their ids are returned.
func (s *shop) join(n int) []int64 {
	s.t.Helper()
	var ids []int64
	s.do(func(tx *store.Tx) error {
		ids = nil
		var last int64
		if err := tx.One(&last, "select coalesce(max(id), 0) from members", nil); err != nil {
			return err
		}
		var members, keys, topics [][]any
		day := loyalty.DayOf(s.now, time.UTC)
		for i := range n {
			id := last + int64(i) + 1
			name := fmt.Sprintf("M-%d", id)
			ids = append(ids, id)
			members = append(members, []any{id, name, name + "@example.test", []byte(name), s.now.UTC(), int64(day), s.now.UTC(), s.now.UTC()})
			keys = append(keys, []any{"id", name, id})
			for _, topic := range []string{"offers", "newsletter", "program"} {
				topics = append(topics, []any{id, topic, true, s.now.UTC()})
			}
		}
		if _, err := tx.Bulk("members", []string{"id", "external_id", "email", "email_key", "joined_at", "joined_day", "created_at", "changed_at"}, members); err != nil {
			return err
		}
		if tx.Postgres() { // COPY does not move the identity on
			if _, err := tx.Exec("select setval(pg_get_serial_sequence('members', 'id'), (select max(id) from members))", nil); err != nil {
				return err
			}
		}
		if _, err := tx.Bulk("member_keys", []string{"kind", "value", "member_id"}, keys); err != nil {
			return err
		}
		if _, err := tx.Bulk("member_topics", []string{"member_id", "topic", "granted", "changed_at"}, topics); err != nil {
			return err
		}
		return refresh(tx, ids)
	})
	return ids
}

// bought gives each member so many paid orders, one a day, the last of them so
// many days ago: history that starts nothing.
func (s *shop) bought(members []int64, orders, daysAgo int) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		var rows [][]any
		for _, m := range members {
			for i := range orders {
				at := s.now.AddDate(0, 0, -daysAgo-i).UTC()
				rows = append(rows, []any{"test", fmt.Sprintf("O-%d-%d-%d", m, daysAgo, i), m, at,
					int64(loyalty.DayOf(at, time.UTC)), "paid", true, int64(1000), int64(1), at})
			}
		}
		if _, err := tx.Bulk("orders", []string{"source", "external_id", "member_id", "at", "day", "status", "counts", "total", "quantity", "changed_at"}, rows); err != nil {
			return err
		}
		return refresh(tx, members)
	})
}

// event has something happen to a member now, through the shop's door.
func (s *shop) event(kind string, member int64, change func(e *loyalty.Event)) {
	s.t.Helper()
	s.eventLater(kind, member, change)
	s.react()
}

// eventLater is event, to which campaigns have still to react.
func (s *shop) eventLater(kind string, member int64, change func(e *loyalty.Event)) {
	s.t.Helper()
	s.n++
	e := loyalty.Event{Source: "test", Type: kind, ID: fmt.Sprintf("e-%d", s.n), At: loyalty.At(s.now)}
	e.Member.ID = fmt.Sprintf("M-%d", member)
	if change != nil {
		change(&e)
	}
	results, err := intake.New(s.db, s.book).Apply(context.Background(), []loyalty.Event{e}, intake.Live)
	if err != nil || results[0].State != intake.Stored {
		s.t.Fatalf("%s of member %d: %v, %v", kind, member, results, err)
	}
}

// react has campaigns do what everything so far sets off.
func (s *shop) react() {
	s.t.Helper()
	for n := 1; n > 0; {
		var err error
		if n, err = s.book.React(context.Background(), s.db); err != nil {
			s.t.Fatal(err)
		}
	}
}

// order has a member buy something for so much, now.
func (s *shop) order(member, total int64, lines ...loyalty.Line) {
	s.t.Helper()
	s.event(loyalty.OrderPlaced, member, func(e *loyalty.Event) {
		e.Order = &loyalty.Order{ID: fmt.Sprintf("order-%d", s.n), Status: loyalty.Paid, Total: total, HasTotal: true, Lines: lines}
	})
}

// work does everything that is due now, but hands nothing over.
func (s *shop) work() {
	s.t.Helper()
	ctx := context.Background()
	passes := []func(context.Context, *store.DB) (int, error){intake.NewDay, norms.Refresh, s.book.Forecasts, s.book.Segments, s.book.Settle, s.book.Entries,
		s.book.Dates, s.book.Timetable, s.book.React, s.book.Advance, s.book.FinishRuns}
	for range 10_000 {
		did := 0
		for _, pass := range passes {
			n, err := pass(ctx, s.db)
			if err != nil {
				s.t.Fatal(err)
			}
			did += n
		}
		if did == 0 {
			return
		}
	}
	s.t.Fatal("the passes do not come to an end")
}

// deliver plays delivery: it brings every queued single mail to a final state.
func (s *shop) deliver(state string) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		var ids []int64
		if err := tx.All(&ids, "select s.id from sends s left join due d on d.send_id = s.id where s.state = 'queued' and (d.not_before <= @now or s.run_id is not null)",
			store.Args{"now": tx.At}); err != nil {
			return err
		}
		args := store.Args{"ids": store.JSON(ids), "state": state, "now": tx.At}
		in := "(select value from " + tx.JSONEach("@ids") + ")"
		if _, err := tx.Exec("update sends set state = @state, done_at = @now where id in "+in, args); err != nil {
			return err
		}
		if _, err := tx.Exec("delete from due where send_id in "+in, args); err != nil {
			return err
		}
		if _, err := tx.Exec("update chunks set done = true", nil); err != nil {
			return err
		}
		return tx.WakePassages(ids)
	})
}

// at moves the clock to a wall time of the shop and does what is due.
func (s *shop) at(at string) {
	s.t.Helper()
	s.now = helsinki(s.t, at)
	s.work()
}

func helsinki(t *testing.T, at string) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Helsinki")
	if err != nil {
		t.Fatal(err)
	}
	moment, err := time.ParseInLocation("2006-01-02 15:04", at, zone)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

// ledger is what stands in the ledger: "step state reason" with how often.
func (s *shop) ledger() string {
	s.t.Helper()
	return s.counted("select step || ' ' || state || case when reason <> '' then ' ' || reason else '' end as what, count(*) as n from sends group by 1")
}

// passages is how passages stand: "state reason" with how often.
func (s *shop) passages() string {
	s.t.Helper()
	return s.counted("select state || case when reason <> '' then ' ' || reason else '' end as what, count(*) as n from passages group by 1")
}

func (s *shop) counted(query string) string {
	s.t.Helper()
	var rows []struct {
		What string
		N    int64
	}
	s.all(&rows, query, nil)
	all := map[string]int64{}
	for _, row := range rows {
		all[row.What] = row.N
	}
	var words []string
	for _, what := range slices.Sorted(maps.Keys(all)) {
		words = append(words, fmt.Sprintf("%d %s", all[what], what))
	}
	return strings.Join(words, ", ")
}

func (s *shop) all(dest any, query string, args store.Args) {
	s.t.Helper()
	if err := s.db.View(context.Background(), func(tx *store.Tx) error { return tx.All(dest, query, args) }); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) number(query string) (n int64) {
	s.t.Helper()
	if err := s.db.View(context.Background(), func(tx *store.Tx) error { return tx.One(&n, query, nil) }); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// want compares what a test found with what it wants.
func (s *shop) want(about, got, want string) {
	s.t.Helper()
	if got != want {
		s.t.Errorf("%s: %q, want %q", about, got, want)
	}
}

type storeTx = store.Tx

// dated plays the mark: codes whose mail goes out now get their last day.
func dated(tx *store.Tx) error {
	_, err := tx.Exec("update codes set state = 'issued', valid_until = @until where valid_until is null",
		store.Args{"until": int64(loyalty.DayOf(tx.At.Time, time.UTC)) + 14})
	return err
}

// number3 counts third mails.
func (s *shop) number3() string {
	return fmt.Sprint(s.number("select count(*) from sends where step = '3-last-call'"))
}

// redeemOne has one of the codes used.
func (s *shop) redeemOne() {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		_, err := tx.Exec("update codes set state = 'redeemed' where id = (select min(id) from codes)", nil)
		return err
	})
}

// joining is what a shop says when somebody joins.
func joining(member int64) func(*loyalty.Event) {
	return func(e *loyalty.Event) {
		yes := true
		e.Member.Joined, e.Member.Email = &yes, fmt.Sprintf("m-%d@example.test", member)
		e.Member.Consent = map[string]bool{"offers": true, "newsletter": true}
	}
}

func boots() loyalty.Line { return loyalty.Line{Category: "Boots", Quantity: 1, Total: 1000} }

// eachOf is each for a program whose files are written out.
func eachOf(t *testing.T, files map[string]string, f func(t *testing.T, s *shop)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := &shop{t: t, now: storetest.Start}
		s.db = db.Clock(func() time.Time { return s.now })
		s.book = campaign.NewBook(s.db)
		s.do(func(tx *store.Tx) error { _, err := s.book.Apply(tx, files, "anna", ""); return err })
		f(t, s)
	})
}

// refresh computes facts, of tables that the planner has seen.
func refresh(tx *store.Tx, members []int64) error {
	for _, table := range []string{"members", "member_topics", "orders"} {
		if err := tx.Analyze(table); err != nil {
			return err
		}
	}
	if err := intake.RefreshFacts(tx, members); err != nil {
		return err
	}
	return tx.Analyze("facts")
}

// loaded is the program as its files say.
func loaded(t *testing.T, p program) *plan.Program {
	t.Helper()
	parsed, _, problems := plan.Load(p.files())
	if plan.Blocked(problems) {
		t.Fatal(problems)
	}
	return parsed
}
