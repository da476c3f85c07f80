package marketing_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/internal/delivery/smtp"
	"regulars/internal/embedded"
	"regulars/internal/marketing"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// apply puts a small program in force.
func apply(t *testing.T, db *store.DB) {
	t.Helper()
	files := map[string]string{
		"program.yaml": `
shop:      {name: Anna's Pets, url: https://shop.example, address: "Kauppakatu 1, 00100 Helsinki"}
mail:      {from: "Anna <anna@shop.example>", alerts: "Anna <anna@shop.example>, bo@shop.example"}
languages: [en]
currency:  EUR
zone:      Europe/Helsinki
`,
		"segments.yaml":                   "all: orders >= 0\n",
		"pools.yaml":                      "gift: {kind: imported, percent: 15, valid_for: 14d, low: 10}\n",
		"campaigns/letter/campaign.yaml":  "live: true\nstart: {launch: {}}\nclass: offer\ntopic: offers\nfor: all\nsteps:\n  - mail: 1-letter\n    coupon: gift\n",
		"campaigns/letter/1-letter.en.md": "---\nsubject: News\n---\n\nCome and see us: {{ coupon.code }}\n",
	}
	p, _, problems := program.Load(files)
	if program.Blocked(problems) {
		t.Fatal(problems)
	}
	if _, err := marketing.New(db).Apply(context.Background(), program.Version{Program: p, Files: files}, "ann", ""); err != nil {
		t.Fatal(err)
	}
}

func exec(t *testing.T, db *store.DB, statements ...string) {
	t.Helper()
	err := db.Update(context.Background(), func(tx *store.Tx) error {
		for _, s := range statements {
			if _, err := tx.Exec(s, store.Args{"now": tx.At}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

const paused = `insert into runs (id, occurrence_id, campaign_id, version_id, step, class, state, because, audience, expires_at, started_at)
	select ID, ID, c.id, 1, '1-letter', 'offer', 'paused', 'WHY', 9, @now, @now from campaigns c where c.name = 'letter'`

func TestPeopleAreToldOfTroubleOnceAnHourByAllReplicas(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		now := time.Date(2027, 6, 21, 9, 0, 0, 0, time.UTC)
		db = db.Clock(func() time.Time { return now })
		apply(t, db)
		sink, err := embedded.NewSink(embedded.SinkOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer sink.Close()
		o, err := smtp.ParseURL("smtp://" + sink.Addr() + "?tls=off")
		if err != nil {
			t.Fatal(err)
		}
		relay := smtp.New(o)
		defer relay.Close(context.Background())
		alerts := &marketing.Alerts{DB: db, Transport: relay, Secret: []byte("secret"), Log: slog.New(slog.DiscardHandler)}
		seen := 0
		told := func(why string, want ...string) {
			t.Helper()
			var replicas sync.WaitGroup
			for range 3 {
				replicas.Go(func() {
					if err := alerts.Pass(context.Background()); err != nil && !strings.Contains(err.Error(), "not taken") {
						t.Error(err)
					}
				})
			}
			replicas.Wait()
			var got []string
			for _, m := range sink.Mails()[seen:] {
				got = append(got, strings.TrimSuffix(m.To, "@shop.example")+": "+m.Subject)
				if text := string(m.Source); strings.Contains(text, "Korhonen") || strings.Contains(text, "ana@") || !strings.Contains(text, "What to do: ") {
					t.Errorf("%s: the mail names a member, or says nothing to do:\n%s", why, text)
				}
			}
			seen = len(sink.Mails())
			var all []string
			for _, w := range want {
				all = append(all, "anna: [Regulars] "+w, "bo: [Regulars] "+w)
			}
			slices.Sort(got)
			slices.Sort(all)
			if !slices.Equal(got, all) {
				t.Errorf("%s: told\n%s\nwant\n%s", why, strings.Join(got, "\n"), strings.Join(all, "\n"))
			}
		}
		low := "pool gift runs low (0 left, and its low is 10)"
		told("a pool that runs low", low)
		run := func(id, why string) string { return strings.NewReplacer("ID", id, "WHY", why).Replace(paused) }
		exec(t, db, run("1", "by hand"), run("2", "by hand: Korhonen complained"), run("3", "mails cannot be made: the name of Ana Korhonen"))
		exec(t, db, `insert into setbacks (scope, work, because, since, tries, retry_at)
			select 'campaign:' || c.id, 'reactions', 'value ana@example.test is odd', @now, 3, @now from campaigns c where c.name = 'letter'`)
		letter := "campaign letter is set aside (reactions, tried 3 times)"
		third := "run 3 of letter is paused: mails cannot be made"
		told("a brake and a setback; who paused by hand knows", third, letter)
		now = now.Add(59 * time.Minute)
		told("the same within the hour")
		exec(t, db, run("4", "12 of the first 200 addresses do not exist"), "update setbacks set tries = 4")
		told("another run within the hour")
		now = now.Add(2 * time.Minute)
		told("another run an hour later; another try is no news", third)

		sink.Script(func(stage embedded.Stage, _ string) embedded.Reply {
			if stage == embedded.AtMail {
				return embedded.Reply{Code: 451, Text: "4.3.0 later"}
			}
			return embedded.Reply{}
		})
		now = now.Add(24 * time.Hour)
		told("a relay that takes none")
		sink.Script(nil)
		now = now.Add(5 * time.Minute)
		told("all of it again after a day", low, third, strings.Replace(letter, "3", "4", 1))

		exec(t, db, "update runs set state = 'sending'")
		told("the runs go on")
		exec(t, db, "update runs set state = 'paused' where id > 2")
		told("and stop within the hour")
		now = now.Add(time.Hour)
		told("and stop again", third)

		exec(t, db, "delete from runs", "delete from setbacks", "update pools set removed_at = @now", "update segments set as_of_day = 0 where as_of_day is null",
			"insert into passes (name, day, finished_at) values ('facts', 20990, @now)", "update segments set as_of_day = 20990")
		now = now.Add(26 * time.Hour)
		told("a night that takes its time")
		now = now.Add(2 * time.Hour)
		told("a night that was missed", "the last nightly pass that came to its end is of 2027-06-21")

		exec(t, db, `insert into facts (member_id, joined, country, language, consent_offers, consent_newsletter, consent_program, orders, order_days, spent, quantity, points)
			values (1, true, '', 'en', false, false, false, 0, 0, 0, 0, 90000)`,
			`update settings set value = '{"Liability": 100000, "PointWorth": 1000, "Warn": 800}' where key = 'budget'`)
		nearly := "80% of the budget of points is used, points are worth 900.00 of 1000.00 EUR"
		told("a budget of which most is used", nearly)
		now = now.Add(2 * time.Hour)
		exec(t, db, "update facts set points = 95000")
		told("a little more of it is no news")
		exec(t, db, "update facts set points = 100000")
		told("all of it is", "all of the budget of points is used, points are worth 1000.00 of 1000.00 EUR")

		var sends int
		err = db.View(context.Background(), func(tx *store.Tx) error { return tx.One(&sends, "select count(*) from sends", nil) })
		if err != nil || sends != 0 {
			t.Errorf("%d sends, %v: an alert is no send", sends, err)
		}
	})
}
