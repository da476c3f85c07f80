// Package shoptest is a shop with a program for tests: its clock stands where a test
// sets it, and its passes do what is due.
package shoptest

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/internal/apply"
	"regulars/internal/coupon"
	"regulars/internal/engine"
	"regulars/internal/flows"
	"regulars/internal/intake"
	"regulars/internal/isolation"
	"regulars/internal/loyalty"
	"regulars/internal/membership"
	"regulars/internal/norms"
	plan "regulars/internal/program"
	"regulars/internal/runs"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/internal/tiers"
	"regulars/internal/versions"
)

// Shop is a shop with a program, whose clock the test sets.
type Shop struct {
	T   *testing.T
	DB  *store.DB
	Now time.Time
	N   int // events so far
}

// Program is a program directory: what program.yaml adds to the usual, the
// segments, pools, and campaigns by name.
type Program struct {
	Zone      string // "": Europe/Helsinki
	More      string
	Segments  string
	Pools     string
	Campaigns map[string]string
	Extra     map[string]string // further files
}

// Files writes the program out, with a mail in English for each that a step names.
func (p Program) Files() map[string]string {
	zone := p.Zone
	if zone == "" {
		zone = "Europe/Helsinki"
	}
	files := map[string]string{"program.yaml": `
shop: {name: Anna's Pets, url: https://shop.example, address: "Kauppakatu 1, Helsinki"}
mail: {from: "Anna <anna@shop.example>"}
languages: [en]
currency: EUR
zone: ` + zone + "\n" + p.More}
	if p.Segments != "" {
		files["segments.yaml"] = p.Segments
	}
	if p.Pools != "" {
		files["pools.yaml"] = p.Pools
	}
	for name, text := range p.Campaigns {
		folder := "campaigns/" + name + "/"
		files[folder+"campaign.yaml"] = text
		for _, m := range mailNames.FindAllStringSubmatch(text, -1) {
			files[folder+m[1]+".en.md"] = "---\nsubject: " + m[1] + "\n---\nHello.\n"
		}
	}
	maps.Copy(files, p.Extra)
	return files
}

var mailNames = regexp.MustCompile(`mail: ([a-z0-9-]+)(?:[\s,}]|$)`)

// Each runs a test on both engines in a shop with that program in force.
func Each(t *testing.T, p Program, f func(t *testing.T, s *Shop)) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) { f(t, Open(t, db, p)) })
}

func Open(t *testing.T, db *store.DB, p Program) *Shop {
	t.Helper()
	s := &Shop{T: t, Now: storetest.Start}
	s.DB = db.Clock(func() time.Time { return s.Now })
	s.Apply(p)
	return s
}

func (s *Shop) Do(f func(tx *store.Tx) error) {
	s.T.Helper()
	if err := s.DB.Update(context.Background(), f); err != nil {
		s.T.Fatal(err)
	}
}

func (s *Shop) Apply(p Program) (done versions.Applied) {
	s.T.Helper()
	s.Do(func(tx *store.Tx) (err error) { done, err = apply.Apply(tx, p.Files(), "anna", ""); return err })
	return done
}

// Join makes members who have joined, with consent to everything and an address.
// Their ids are returned.
func (s *Shop) Join(n int) []int64 {
	s.T.Helper()
	var ids []int64
	s.Do(func(tx *store.Tx) error {
		ids = nil
		var last int64
		if err := tx.One(&last, "select coalesce(max(id), 0) from members", nil); err != nil {
			return err
		}
		var members, keys, topics [][]any
		day := loyalty.DayOf(s.Now, time.UTC)
		for i := range n {
			id := last + int64(i) + 1
			name := fmt.Sprintf("M-%d", id)
			ids = append(ids, id)
			members = append(members, []any{id, name, name + "@example.test", []byte(name), s.Now.UTC(), int64(day), s.Now.UTC(), s.Now.UTC()})
			keys = append(keys, []any{"id", name, id})
			for _, topic := range []string{"offers", "newsletter", "program"} {
				topics = append(topics, []any{id, topic, true, s.Now.UTC()})
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
		return Refresh(tx, ids)
	})
	return ids
}

// Bought gives each member so many paid orders, one a day, the last of them so
// many days ago: history that starts nothing.
func (s *Shop) Bought(members []int64, orders, daysAgo int) {
	s.T.Helper()
	s.Do(func(tx *store.Tx) error {
		var rows [][]any
		for _, m := range members {
			for i := range orders {
				at := s.Now.AddDate(0, 0, -daysAgo-i).UTC()
				rows = append(rows, []any{"test", fmt.Sprintf("O-%d-%d-%d", m, daysAgo, i), m, at,
					int64(loyalty.DayOf(at, time.UTC)), "paid", true, int64(1000), int64(1), at})
			}
		}
		if _, err := tx.Bulk("orders", []string{"source", "external_id", "member_id", "at", "day", "status", "counts", "total", "quantity", "changed_at"}, rows); err != nil {
			return err
		}
		return Refresh(tx, members)
	})
}

// Event has something happen to a member now, through the shop's door.
func (s *Shop) Event(kind string, member int64, change func(e *loyalty.Event)) {
	s.T.Helper()
	s.EventLater(kind, member, change)
	s.React()
}

// EventLater is event, to which campaigns have still to react.
func (s *Shop) EventLater(kind string, member int64, change func(e *loyalty.Event)) {
	s.T.Helper()
	s.N++
	e := loyalty.Event{Source: "test", Type: kind, ID: fmt.Sprintf("e-%d", s.N), At: loyalty.At(s.Now)}
	e.Member.ID = fmt.Sprintf("M-%d", member)
	if change != nil {
		change(&e)
	}
	results, err := intake.New(s.DB).Apply(context.Background(), []loyalty.Event{e}, intake.Live)
	if err != nil || results[0].State != intake.Stored {
		s.T.Fatalf("%s of member %d: %v, %v", kind, member, results, err)
	}
}

// React has campaigns do what everything so far sets off.
func (s *Shop) React() {
	s.T.Helper()
	for n := 1; n > 0; {
		var err error
		if n, err = flows.React(context.Background(), s.DB); err != nil {
			s.T.Fatal(err)
		}
	}
}

// Order has a member buy something for so much, now.
func (s *Shop) Order(member, total int64, lines ...loyalty.Line) {
	s.T.Helper()
	s.Event(loyalty.OrderPlaced, member, func(e *loyalty.Event) {
		e.Order = &loyalty.Order{ID: fmt.Sprintf("order-%d", s.N), Status: loyalty.Paid, Total: total, HasTotal: true, Lines: lines}
	})
}

// Work does everything that is due now, but hands nothing over.
func (s *Shop) Work() {
	s.T.Helper()
	ctx := context.Background()
	passes := []func(context.Context, *store.DB) (int, error){isolation.Forget, intake.NewDay, norms.Refresh, membership.Forecasts, tiers.Night, membership.Segments, flows.Settle, membership.Entries,
		runs.NewZones, flows.Dates, runs.Timetable, flows.React, flows.Advance, runs.FinishRuns}
	for range 10_000 {
		did := 0
		for _, pass := range passes {
			n, err := pass(ctx, s.DB)
			if err != nil {
				s.T.Fatal(err)
			}
			did += n
		}
		if did == 0 {
			return
		}
	}
	s.T.Fatal("the passes do not come to an end")
}

// Deliver plays delivery: it brings every queued single mail to a final state.
func (s *Shop) Deliver(state string) {
	s.T.Helper()
	s.Do(func(tx *store.Tx) error {
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

// At moves the clock to a wall time of the shop and does what is due.
func (s *Shop) At(at string) {
	s.T.Helper()
	s.Now = Helsinki(s.T, at)
	s.Work()
}

func Helsinki(t *testing.T, at string) time.Time {
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

// Ledger is what stands in the ledger: "step state reason" with how often.
func (s *Shop) Ledger() string {
	s.T.Helper()
	return s.Counted("select step || ' ' || state || case when reason <> '' then ' ' || reason else '' end as what, count(*) as n from sends group by 1")
}

// Passages is how passages stand: "state reason" with how often.
func (s *Shop) Passages() string {
	s.T.Helper()
	return s.Counted("select state || case when reason <> '' then ' ' || reason else '' end as what, count(*) as n from passages group by 1")
}

func (s *Shop) Counted(query string) string {
	s.T.Helper()
	var rows []struct {
		What string
		N    int64
	}
	s.All(&rows, query, nil)
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

func (s *Shop) All(dest any, query string, args store.Args) {
	s.T.Helper()
	if err := s.DB.View(context.Background(), func(tx *store.Tx) error { return tx.All(dest, query, args) }); err != nil {
		s.T.Fatal(err)
	}
}

func (s *Shop) Number(query string) (n int64) {
	s.T.Helper()
	if err := s.DB.View(context.Background(), func(tx *store.Tx) error { return tx.One(&n, query, nil) }); err != nil {
		s.T.Fatal(err)
	}
	return n
}

// Want compares what a test found with what it wants.
func (s *Shop) Want(about, got, want string) {
	s.T.Helper()
	if got != want {
		s.T.Errorf("%s: %q, want %q", about, got, want)
	}
}

// Dated plays the mark: codes whose mail goes out now get their last day.
func Dated(tx *store.Tx) error {
	_, err := tx.Exec("update codes set state = 'issued', valid_until = @until where valid_until is null",
		store.Args{"until": int64(loyalty.DayOf(tx.At.Time, time.UTC)) + 14})
	return err
}

// Number3 counts third mails.
func (s *Shop) Number3() string {
	return fmt.Sprint(s.Number("select count(*) from sends where step = '3-last-call'"))
}

// RedeemOne has one of the codes used.
func (s *Shop) RedeemOne() {
	s.T.Helper()
	s.Do(func(tx *store.Tx) error {
		_, err := tx.Exec("update codes set state = 'redeemed' where id = (select min(id) from codes)", nil)
		return err
	})
}

// Joining is what a shop says when somebody joins.
func Joining(member int64) func(*loyalty.Event) {
	return func(e *loyalty.Event) {
		yes := true
		e.Member.Joined, e.Member.Email = &yes, fmt.Sprintf("m-%d@example.test", member)
		e.Member.Consent = map[string]bool{"offers": true, "newsletter": true}
	}
}

func Boots() loyalty.Line { return loyalty.Line{Category: "Boots", Quantity: 1, Total: 1000} }

// Refresh computes facts, of tables that the planner has seen.
func Refresh(tx *store.Tx, members []int64) error {
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

// Loaded is the program as its files say.
func Loaded(t *testing.T, p Program) *plan.Program {
	t.Helper()
	parsed, _, problems := plan.Load(p.Files())
	if plan.Blocked(problems) {
		t.Fatal(problems)
	}
	return parsed
}

// Lapsed is a segment and BackPool a pool for WinBack.
const (
	Lapsed   = "lapsed: orders >= 2 and days_since_last_order > 90\n"
	BackPool = "back: {kind: generated, pattern: BACK-########, percent: 15, valid_for: 14d, checkout: asks_us}\n"
	winBack  = `live: true
start: {enters: lapsed, time: 10:00, existing: %s}
until: [order, leaves]
again: 180d
steps:
  - mail: 1-we-miss-you
  - wait: 7d at 10:00
  - mail: 2-a-gift
    coupon: back
  - wait: 3d before coupon ends
  - if: unused("back")
    mail: 3-last-call
`
)

// WinBack is a program with a flow for those who lapse.
func WinBack(existing string) Program {
	return Program{Segments: Lapsed, Pools: BackPool, Campaigns: map[string]string{"win-back": fmt.Sprintf(winBack, existing)}}
}

// Together runs f in so many goroutines and waits for them.
func Together(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := f(i); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// Until runs a pass until it finds nothing to do.
func Until(db *store.DB, pass func(context.Context, *store.DB) (int, error)) error {
	for {
		n, err := pass(context.Background(), db)
		if n == 0 || err != nil {
			return err
		}
	}
}

// Stock puts codes into an imported pool.
func (s *Shop) Stock(pool string, n int) {
	s.T.Helper()
	s.Do(func(tx *store.Tx) error {
		_, err := coupon.Import(tx, pool, func(yield func(string) bool) {
			for i := range n {
				if !yield(fmt.Sprintf("%s-%04d", pool, i)) {
					return
				}
			}
		})
		return err
	})
}

// Welcome has a new member join now.
func (s *Shop) Welcome(member int64) {
	s.T.Helper()
	s.Event("member.joined", member, Joining(member))
}

// NextDue is the next moment at which something is due.
func (s *Shop) NextDue() time.Time {
	s.T.Helper()
	next, err := engine.New(s.DB, nil).NextDue(context.Background())
	if err != nil {
		s.T.Fatal(err)
	}
	return next
}

// Tour is a program with a flow for those who join.
func Tour(steps string) Program {
	return Program{Campaigns: map[string]string{"tour": "live: true\nstart: joins\nsteps:\n" + steps}}
}

// Retry lets the pauses of setbacks and of reactions that were put off pass.
func (s *Shop) Retry() {
	s.T.Helper()
	s.Do(func(tx *store.Tx) error {
		if _, err := tx.Exec("update reactions set retry_at = "+tx.Machine()+" where retry_at is not null", nil); err != nil {
			return err
		}
		return tx.RetrySetbacks()
	})
}

// SetBack is what is set aside: scope, work, why.
func (s *Shop) SetBack() string {
	s.T.Helper()
	var all []string
	s.Do(func(tx *store.Tx) error {
		set, err := tx.Setbacks()
		for _, b := range set {
			all = append(all, b.Scope+" "+b.Work+" "+b.Because)
		}
		return err
	})
	return strings.Join(all, ", ")
}

// Harm has the database refuse rows of a table about some members; heal ends that.
func (s *Shop) Harm(table, when, condition string) {
	s.T.Helper()
	s.Do(func(tx *store.Tx) error {
		if !tx.Postgres() {
			_, err := tx.Exec("create trigger harmed before "+when+" on "+table+" when "+condition+" begin select raise(abort, 'harmed'); end", nil)
			return err
		}
		if _, err := tx.Exec("create function harmed() returns trigger language plpgsql as $$ begin raise exception 'harmed'; end $$", nil); err != nil {
			return err
		}
		_, err := tx.Exec("create trigger harmed before "+when+" on "+table+" for each row when ("+condition+") execute function harmed()", nil)
		return err
	})
}

func (s *Shop) Heal() {
	s.T.Helper()
	s.Do(func(tx *store.Tx) error {
		text := "drop trigger harmed"
		if tx.Postgres() {
			text = "drop function harmed() cascade"
		}
		_, err := tx.Exec(text, nil)
		return err
	})
}
