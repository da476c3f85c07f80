package delivery_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/internal/consent"
	"regulars/internal/delivery"
	"regulars/internal/delivery/smtp"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// files is the program that the tests send mails of.
func files() map[string]string {
	mail := func(subject string) string {
		return "---\nsubject: " + subject + "\n---\n\nDear {{ member.first_name | default \"friend\" }}, come and see us.\n"
	}
	return map[string]string{
		"program.yaml": `
shop:      {name: Anna's Pets, url: https://shop.example, address: "Kauppakatu 1, 00100 Helsinki"}
mail:      {from: "Anna <anna@shop.example>", reply_to: help@shop.example, alerts: anna@shop.example}
languages: [en, fi]
currency:  EUR
zone:      Europe/Helsinki
quiet:     21:00-08:00
attributes: {plan: text}
`,
		"segments.yaml": "finns: country == \"FI\"\n",
		"pools.yaml":    "gift: {kind: generated, pattern: GIFT-####-####, percent: 15, valid_for: 14d, checkout: asks_us}\n",

		"campaigns/letter/campaign.yaml":  "live: true\nstart: {launch: {}}\nclass: offer\ntopic: offers\nsteps:\n  - mail: 1-letter\n",
		"campaigns/letter/1-letter.en.md": mail("News for {{ member.first_name }}"),
		"campaigns/letter/1-letter.fi.md": mail("Uutisia"),

		"campaigns/drop/campaign.yaml":  "live: true\nstart: {launch: {}}\nclass: offer\ntopic: offers\nsteps:\n  - mail: 1-drop\n    coupon: gift\n",
		"campaigns/drop/1-drop.en.md":   "---\nsubject: For you\n---\n\n{{ coupon.code }} until {{ coupon.ends | date }}\n",
		"campaigns/drop/1-drop.fi.md":   "---\nsubject: Sinulle\n---\n\n{{ coupon.code }}\n",
		"campaigns/hello/campaign.yaml": "live: true\nstart: joins\nclass: earned\ntopic: program\nuntil: [order]\nsteps:\n  - mail: 1-hello\n  - wait: 7d\n  - mail: 2-later\n",
		"campaigns/hello/1-hello.en.md": mail("Welcome"),
		"campaigns/hello/1-hello.fi.md": mail("Tervetuloa"),
		"campaigns/hello/2-later.en.md": mail("Still here"),
		"campaigns/hello/2-later.fi.md": mail("Yhä täällä"),

		"campaigns/finland/campaign.yaml": "live: true\nstart: {enters: finns}\nclass: offer\ntopic: offers\nuntil: [leaves, 'tag(\"gone\")']\nexcept: country == \"AX\"\nsteps:\n  - mail: 1-moi\n",
		"campaigns/finland/1-moi.en.md":   mail("Moi"),
		"campaigns/finland/1-moi.fi.md":   mail("Moi"),
	}
}

// shop is a database with a program, some members and a relay that does as told.
type shop struct {
	t     *testing.T
	db    *store.DB
	wire  *wire
	relay *smtp.Relay // see overSMTP

	program   *program.Program
	texts     program.Texts
	next      *program.Program // version 2
	nextTexts program.Texts    // its
	pepper    []byte
	ids       map[string]int64 // of campaigns
}

// loaded is the program, read; reading it takes longer than most tests.
type loaded struct {
	program  *program.Program
	texts    program.Texts
	problems []program.Problem
}

var plain = sync.OnceValue(func() loaded { return load() })

func load(change ...func(map[string]string)) (l loaded) {
	all := files()
	for _, f := range change {
		f(all)
	}
	l.program, l.texts, l.problems = program.Load(all)
	return l
}

func newShop(t *testing.T, db *store.DB, change ...func(map[string]string)) *shop {
	t.Helper()
	s := &shop{t: t, db: db, wire: &wire{}, ids: map[string]int64{}}
	read := plain
	if len(change) > 0 {
		read = func() loaded { return load(change...) }
	}
	l := read()
	for _, p := range l.problems {
		if p.Level == program.Error {
			t.Fatalf("the program of the tests: %v", p)
		}
	}
	s.program, s.texts = l.program, l.texts
	s.update(func(tx *store.Tx) (err error) {
		if s.pepper, err = consent.Pepper(tx); err != nil {
			return err
		}
		if err := tx.SetSetting(store.SettingVersion, "1"); err != nil {
			return err
		}
		for _, c := range s.program.Campaigns {
			var id int64
			if err := tx.One(&id, "insert into campaigns (name, live) values (@name, true) returning id", store.Args{"name": c.Name}); err != nil {
				return err
			}
			s.ids[c.Name] = id
		}
		return nil
	})
	return s
}

// empty takes everything out of a database, which is quicker than a new one.
func empty(t *testing.T, db *store.DB) *store.DB {
	t.Helper()
	err := db.Update(context.Background(), func(tx *store.Tx) error {
		for _, table := range []string{"settings", "members", "member_topics", "member_tags", "consents", "suppressions", "facts", "campaigns", "holds",
			"occurrences", "runs", "passages", "sends", "due", "chunks", "batches", "recent_mails", "pools", "codes", "orders", "order_lines", "events", "mail_news", "soft_bounces", "warmup_days"} {
			if _, err := tx.Exec("delete from "+table, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// Version is the one version that most tests have.
func (s *shop) Version(_ context.Context, id int64) (*program.Program, program.Texts, error) {
	switch {
	case id == 1:
		return s.program, s.texts, nil
	case id == 2 && s.next != nil:
		return s.next, s.nextTexts, nil
	}
	return nil, nil, store.ErrNotFound
}

func (s *shop) sender(change ...func(*delivery.Config)) *delivery.Sender {
	c := delivery.Config{
		DB: s.db, Programs: s, Links: consent.NewLinks("https://mail.shop.example", [][]byte{[]byte("key")}), Secret: []byte("secret"),
		Transports: map[string]delivery.Transport{delivery.Urgent: s.wire, delivery.Bulk: s.wire},
		Log:        slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&c)
	}
	return delivery.New(c)
}

func (s *shop) update(f func(*store.Tx) error) {
	s.t.Helper()
	if err := s.db.Update(context.Background(), f); err != nil {
		s.t.Fatal(err)
	}
}

// members adds members who joined and want everything, and returns their ids.
func (s *shop) members(n int) (ids []int64) {
	s.t.Helper()
	s.update(func(tx *store.Tx) error {
		ids = nil
		for i := range n {
			var id int64
			email := fmt.Sprintf("m%d@example.test", i)
			err := tx.One(&id, `
				insert into members (external_id, email, email_key, first_name, country, joined_at, created_at, changed_at)
				values (@id, @email, @key, @name, 'FI', @now, @now, @now) returning id`,
				store.Args{"id": fmt.Sprint("M-", i), "email": email, "key": consent.Key(s.pepper, email), "name": fmt.Sprint("Ana", i), "now": tx.At})
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		if err := each(tx, "member_topics (member_id, topic, granted, changed_at)", "x.value, 'offers', true, @now", ids); err != nil {
			return err
		}
		return each(tx, `facts (member_id, joined, country, language, consent_offers, consent_newsletter, consent_program,
		                        orders, order_days, spent, quantity, points)`, "x.value, true, 'FI', '', true, false, false, 0, 0, 0, 0, 0", ids)
	})
	return ids
}

// each inserts a row per id.
func each(tx *store.Tx, into, values string, ids []int64) error {
	values = strings.ReplaceAll(values, "x.value", "value")
	if tx.Postgres() {
		values = strings.ReplaceAll(values, "@now", "cast(@now as timestamptz)")
	}
	_, err := tx.Exec("insert into "+into+" select "+values+" from "+tx.JSONEach("@ids"),
		store.Args{"ids": store.JSON(ids), "now": tx.At})
	return err
}

// run starts a campaign for members in chunks of a size, and returns its id.
func (s *shop) run(campaign string, members []int64, chunk int) (run int64) {
	s.t.Helper()
	c := s.campaign(campaign)
	s.update(func(tx *store.Tx) error {
		occurrence, err := s.occurrence(tx, c, "launch:"+campaign)
		if err != nil {
			return err
		}
		args := store.Args{"o": occurrence, "c": s.ids[campaign], "step": c.Steps[0].Mail, "class": c.Class, "topic": c.Topic,
			"n": len(members), "now": tx.At, "expires": tx.At.Plus(24 * time.Hour), "ids": store.JSON(members), "day": day(s, tx)}
		err = tx.One(&run, `
			insert into runs (occurrence_id, campaign_id, version_id, step, class, state, audience, expires_at, started_at)
			values (@o, @c, 1, @step, @class, 'sending', 0, @expires, @now) returning id`, args)
		if err != nil {
			return err
		}
		args["run"] = run
		var ids []int64
		err = tx.All(&ids, `
			insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, run_id, class, topic, state, queued_at)
			select cast(@day as bigint), cast(@o as bigint), cast(@step as text), value, cast(@c as bigint), 1, cast(@run as bigint), cast(@class as text), cast(@topic as text), 'queued', `+tx.Instant("@now")+`
			from   `+tx.JSONEach("@ids")+` where true order by value returning id`, args)
		if err == nil {
			_, err = tx.Exec("update runs set audience = @n where id = @run", args)
		}
		if err != nil {
			return err
		}
		for n := 0; n*chunk < len(ids); n++ {
			part := ids[n*chunk : min(len(ids), (n+1)*chunk)]
			_, err := tx.Exec("insert into chunks (run_id, n, lo, hi, next_id, not_before) values (@run, @n, @lo, @hi, @lo, @now)",
				store.Args{"run": run, "n": n, "lo": part[0], "hi": part[len(part)-1], "now": tx.At})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return run
}

// single queues the first mail of a campaign for one member, with its passage.
func (s *shop) single(campaign string, member int64) (send int64) {
	s.t.Helper()
	c := s.campaign(campaign)
	s.update(func(tx *store.Tx) error {
		occurrence, err := s.occurrence(tx, c, fmt.Sprintf("passage:%d", member))
		if err != nil {
			return err
		}
		args := store.Args{"o": occurrence, "c": s.ids[campaign], "m": member, "step": c.Steps[0].Mail, "class": c.Class, "topic": c.Topic,
			"now": tx.At, "day": day(s, tx), "lane": lane(c.Class)}
		_, err = tx.Exec(`
			insert into passages (campaign_id, occurrence_id, member_id, version_id, day, started_at, step, step_name, state, base_at)
			values (@c, @o, @m, 1, @day, @now, 1, @step, 'sending', @now)`, args)
		if err != nil {
			return err
		}
		err = tx.One(&send, `
			insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, class, topic, state, queued_at)
			values (@day, @o, @step, @m, @c, 1, @class, @topic, 'queued', @now) returning id`, args)
		if err != nil {
			return err
		}
		args["s"] = send
		_, err = tx.Exec("insert into due (send_id, lane, not_before) values (@s, @lane, @now)", args)
		return err
	})
	return send
}

func lane(class string) string {
	if class == loyalty.Offer {
		return delivery.Bulk
	}
	return delivery.Urgent
}

func day(s *shop, tx *store.Tx) loyalty.Day { return loyalty.DayOf(tx.At.Time, s.program.Zone) }

func (s *shop) campaign(name string) *program.Campaign {
	for _, c := range s.program.Campaigns {
		if c.Name == name {
			return c
		}
	}
	s.t.Fatalf("the tests have no campaign %s", name)
	return nil
}

func (s *shop) occurrence(tx *store.Tx, c *program.Campaign, key string) (id int64, err error) {
	err = tx.One(&id, `
		insert into occurrences (campaign_id, key, day, at, decision) values (@c, @key, @day, @now, 'started') returning id`,
		store.Args{"c": s.ids[c.Name], "key": key, "day": day(s, tx), "now": tx.At})
	return id, err
}

// exec runs a statement and fails the test when it cannot.
func (s *shop) exec(text string, args store.Args) {
	s.t.Helper()
	s.update(func(tx *store.Tx) error { _, err := tx.Exec(text, args); return err })
}

// states counts the sends by state, and by reason where there is one.
func (s *shop) states() map[string]int {
	s.t.Helper()
	var rows []struct {
		State string
		N     int
	}
	s.view(func(tx *store.Tx) error {
		return tx.All(&rows, `
			select case when reason = '' then state else state || ' ' || reason end as state, count(*) as n
			from   sends group by 1`, nil)
	})
	all := map[string]int{}
	for _, row := range rows {
		all[row.State] = row.N
	}
	return all
}

// number asks for one number.
func (s *shop) number(text string, args store.Args) (n int64) {
	s.t.Helper()
	s.view(func(tx *store.Tx) error { return tx.One(&n, text, args) })
	return n
}

func (s *shop) word(text string, args store.Args) (w string) {
	s.t.Helper()
	s.view(func(tx *store.Tx) error { return tx.One(&w, text, args) })
	return w
}

func (s *shop) view(f func(*store.Tx) error) {
	s.t.Helper()
	if err := s.db.View(context.Background(), f); err != nil {
		s.t.Fatal(err)
	}
}

// want compares the ledger with what it should be.
func (s *shop) want(what string, want map[string]int) {
	s.t.Helper()
	got := s.states()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Errorf("%s: sends are %v, want %v", what, got, want)
	}
}

// atOnce runs f n times side by side.
func (s *shop) atOnce(n int, f func()) {
	var all sync.WaitGroup
	for range n {
		all.Go(f)
	}
	all.Wait()
}
