package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"regulars/internal/apply"
	"regulars/internal/marketing"
	"regulars/internal/report"
	"regulars/internal/store"
)

// deskProgram is the shop's program for the console: flows, a newsletter, a drop with codes,
// points, tiers, a card and rewards.
func deskProgram() map[string]string {
	files := maps.Clone(program())
	files["program.yaml"] += "tracking: {clicks: true, opens: true}\nwebhooks:\n  till: {url: https://till.shop.example/told, events: [code.*]}\n"
	files["loyalty.yaml"] = beans
	files["pools.yaml"] = cup + `drop: {kind: generated, pattern: "DROP-####-####-####", percent: 15, valid_for: 30d, checkout: asks_us}
own:  {kind: imported, amount: 5.00}
sale: {kind: shared, code: SALE10, percent: 10}
`
	mail := func(subject string) string {
		return "---\nsubject: " + subject + "\n---\nHello {{ member.first_name }}, see [the shop]({{ shop.url }}/news).\n"
	}
	for name, text := range map[string]string{
		"welcome/campaign.yaml":  "live: true\nstart: joins\nsteps:\n  - mail: hello\n  - wait: 3d at 10:00\n  - mail: more\n",
		"welcome/hello.en.md":    mail("Welcome"),
		"welcome/more.en.md":     mail("More of us"),
		"news/campaign.yaml":     "live: true\nstart: {every: monday 08:00}\ntopic: newsletter\nsteps:\n  - mail: news\n",
		"news/news.en.md":        mail("News"),
		"drop/campaign.yaml":     "live: true\nstart: {launch: {about: text}}\ntopic: offers\nclass: offer\nsteps:\n  - mail: drop\n    coupon: drop\n",
		"drop/drop.en.md":        "---\nsubject: For you, {{ launch.about }}\n---\nHello {{ member.first_name }}, your code is {{ coupon.code }}.\n",
		"win-back/campaign.yaml": "live: true\nstart: {enters: lapsed, time: 10:00}\nuntil: order\ntopic: offers\nclass: offer\nsteps:\n  - mail: first\n  - wait: 7d at 10:00\n  - mail: second\n",
		"win-back/first.en.md":   mail("We miss you"),
		"win-back/second.en.md":  mail("Still here"),
	} {
		files["campaigns/"+name] = text
	}
	return files
}

// What is said of the schema of a shop that is kept: its rows are there, and what comes of
// them with the nights, too.
const (
	filled  = "the shop of bench pages: its nights are to come"
	settled = "the shop of bench pages"
)

// openShop makes the shop as it stands when somebody opens the console in the morning after
// the second night, or what is missing of one that was kept.
func (p *pagesOpened) openShop(ctx context.Context) error {
	var has struct {
		Members bool
		Said    string
	}
	err := p.db.View(ctx, func(tx *store.Tx) error {
		return tx.One(&has, `
			select exists (select from members) as members, coalesce(obj_description(oid, 'pg_namespace'), '') as said
			from   pg_namespace where nspname = current_schema()`, nil)
	})
	switch {
	case err != nil:
		return err
	case !has.Members:
		if err := p.fillShop(ctx); err != nil {
			return err
		}
		if err := p.say(ctx, filled); err != nil {
			return err
		}
	case has.Said != filled && has.Said != settled:
		return errors.New("somebody's members are in this database already, or a part of such a shop: a new one is needed")
	}
	p.clock.Set(Begin.AddDate(0, 0, mornings-1))
	if has.Members && has.Said == settled {
		return nil
	}
	for n := range mornings { // what was done of a night is not done again
		p.clock.Set(Begin.AddDate(0, 0, n))
		if _, err := p.midnightOf(ctx, fmt.Sprintf("night %d", n+1)); err != nil {
			return err
		}
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	return p.say(ctx, settled)
}

// say notes at the schema how far the shop is.
func (p *pagesOpened) say(ctx context.Context, what string) error {
	return p.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec("do $$ begin execute format('comment on schema %I is ''"+what+"''', current_schema()); end $$", nil)
		return err
	})
}

// fillShop writes members, orders and points as for a night, and all that pages tell of
// beside it.
func (p *pagesOpened) fillShop(ctx context.Context) error {
	m := p.measuring
	if err := m.world.load(ctx, m.db, m.watch); err != nil {
		return fmt.Errorf("making the shop: %w", err)
	}
	files := deskProgram()
	older := maps.Clone(files) // one to compare with and roll back to
	older["campaigns/news/news.en.md"] = "---\nsubject: Old news\n---\nHello.\n"
	for _, files := range []map[string]string{older, files} {
		err := m.db.Update(ctx, func(tx *store.Tx) error { _, err := apply.Apply(tx, files, "bench", ""); return err })
		if err != nil {
			return fmt.Errorf("applying the program: %w", err)
		}
	}
	if err := m.loadPoints(ctx); err != nil {
		return fmt.Errorf("making the ledger of points: %w", err)
	}
	if err := m.world.loadFacts(ctx, m.db, m.watch); err != nil {
		return err
	}
	if err := p.loadMails(ctx); err != nil {
		return fmt.Errorf("making the ledger of mails: %w", err)
	}
	return p.loadDesk(ctx)
}

// statement is one of many that fill a table.
type statement struct{ about, text string }

// fill runs statements, each in a transaction of its own, while triggers of tables rest:
// what they keep is counted at the end, all at once.
func (p *pagesOpened) fill(ctx context.Context, stage string, all []statement, args store.Args) error {
	tick := p.watch(stage, int64(len(all)))
	for _, s := range all {
		err := p.db.Update(ctx, func(tx *store.Tx) error {
			if err := roomy(tx); err != nil {
				return err
			}
			_, err := tx.Exec(s.text, args)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", s.about, err)
		}
		tick(1)
	}
	return nil
}

// A weekly newsletter goes out for so many weeks, and a drop with a code for each so many
// times, each to every tenth member; the last of the drops is still on its way.
const (
	weeks = 80
	drops = 12
	tenth = 10
)

// outcomes is what becomes of mails, by a number h.
const outcomes = `
	case when h % 1000 < 920 then 'sent' when h % 1000 < 970 then 'skipped' when h % 1000 < 985 then 'failed' when h % 1000 < 998 then 'bounced' when h % 1000 < 999 then 'complained' else 'sent' end`

// loadMails writes runs and flows of three years with what became of each mail.
func (p *pagesOpened) loadMails(ctx context.Context) error {
	build, err := shed(ctx, p.db, "sends", "touches", "codes")
	if err != nil {
		return err
	}
	args := store.Args{"today": int64(p.world.today), "now": Begin, "weeks": weeks, "drops": drops}
	all := []statement{{"triggers", "alter table sends disable trigger user; alter table touches disable trigger user; alter table redemptions disable trigger user"}}
	all = append(all, statement{"starts", `
		insert into occurrences (campaign_id, key, day, at, decision)
		select c.id, case c.name when 'news' then 'week:' || n when 'drop' then 'launch:' || n else 'passage:' || n end, @today - 7 * n, cast(@now as timestamptz) - 7 * n * interval '1 day', 'started'
		from   campaigns c, generate_series(1, @weeks) n
		where  n <= case c.name when 'news' then @weeks when 'drop' then @drops else 1 end`},
		statement{"runs", `
		insert into runs (occurrence_id, campaign_id, version_id, step, class, state, because, audience, expires_at, started_at, finished_at)
		select o.id, o.campaign_id, v.id, c.name, 'offer',
		       case when o.key = 'launch:1' then 'sending' else 'finished' end, '', 1, o.at + interval '10 days', o.at, case when o.key <> 'launch:1' then o.at + interval '1 hour' end
		from   occurrences o join campaigns c on c.id = o.campaign_id, (select max(id) as id from versions) v
		where  c.name in ('news', 'drop') order by o.at`},
		statement{"codes of drops", `
		insert into codes (pool_id, code, folded, state, occurrence_id, member_id, reserved_at, issued_at, valid_until)
		select k.id, 'DROP-' || o.id || '-' || m.id, 'DROP' || lpad(cast(o.id as text), 4, '0') || lpad(cast(m.id as text), 9, '0'),
		       case when m.id / 10 % 7 = 0 then 'redeemed' when o.day + 30 < @today then 'expired' else 'issued' end, o.id, m.id, o.at, o.at, o.day + 30
		from   occurrences o join campaigns c on c.id = o.campaign_id and c.name = 'drop', pools k, generate_series(0, (select max(id) from members) / 10 - 1) g, lateral (select g * 10 + 1 + o.id % 10 as id) m
		where  k.name = 'drop' order by o.id, m.id`},
		statement{"codes that wait", `
		insert into codes (pool_id, code, folded, state, stock) select k.id, 'OWN-' || n, 'OWN' || lpad(cast(n as text), 8, '0'), 'free', true from pools k, generate_series(1, (select max(id) from members) / 10) n where k.name = 'own'`})
	for n := range tenth { // a part of the ledger at a time
		all = append(all, statement{"mails of runs", strings.NewReplacer("{part}", fmt.Sprint(n), "{outcome}", outcomes).Replace(`
		insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, run_id, class, topic, state, reason, code_id, queued_at, handed_at, done_at, sent_day)
		select day, occurrence_id, step, member_id, campaign_id, version_id, run_id, class, topic, state,
		       case when state = 'skipped' then case when h % 3 = 0 then 'cap' when h % 3 = 1 then 'no consent' else 'suppressed' end else '' end, code_id,
		       at, case when state not in ('skipped', 'queued') then at end, case when state <> 'queued' then at end, case when state not in ('skipped', 'queued', 'failed') then day end
		from  (select r.*, case when r.was = 'sending' and g % 2 = 0 then 'queued' else {outcome} end as state, m.id as member_id, h, k.id as code_id
		       from  (select r.id as run_id, r.occurrence_id, r.campaign_id, r.version_id, r.step, r.class, r.state as was, case r.step when 'drop' then 'offers' else 'newsletter' end as topic, o.day, r.started_at as at
		              from runs r join occurrences o on o.id = r.occurrence_id where r.id % 10 = {part}) r
		       cross  join generate_series(0, (select max(id) from members) / 10 - 1) g
		       cross  join lateral (select g * 10 + 1 + r.occurrence_id % 10 as id) m
		       cross  join lateral (select (m.id * 7919 + r.run_id * 104729) % 999983 as h) h
		       left   join codes k on r.step = 'drop' and k.occurrence_id = r.occurrence_id and k.member_id = m.id) s
		order  by run_id, member_id`)})
	}
	for _, flow := range []struct{ campaign, class, topic, steps string }{ // and for how many of the members each step is
		{"welcome", "earned", "program", "('hello', 1), ('more', 1)"},
		{"win-back", "offer", "offers", "('first', 3), ('second', 6)"},
	} {
		all = append(all, statement{"mails of flows", strings.NewReplacer("{campaign}", flow.campaign, "{class}", flow.class, "{topic}", flow.topic, "{steps}", flow.steps, "{outcome}", outcomes).Replace(`
		insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, class, topic, state, reason, queued_at, handed_at, done_at, sent_day)
		select day, occurrence_id, step, id, campaign_id, version_id, '{class}', '{topic}', state, case when state = 'skipped' then 'no consent' else '' end, at, case when state <> 'skipped' then at end, at, case when state not in ('skipped', 'failed') then day end
		from  (select x.*, case when h % 100000 = 7 or id = 6 then 'unknown' else {outcome} end as state
		       from  (select o.id as occurrence_id, c.id as campaign_id, v.id as version_id, k.step, m.id,
		              @today - m.id * 31 % 1000 as day, cast(@now as timestamptz) - (m.id * 31 % 1000) * interval '1 day' as at, (m.id * 7919 + length(k.step)) % 999983 as h
		              from  members m, (values {steps}) k (step, every), occurrences o join campaigns c on c.id = o.campaign_id and c.name = '{campaign}', (select max(id) as id from versions) v
		              where m.id % k.every = 0 and m.joined_day is not null or m.id = 6) x) s
		order  by id, step`)})
	}
	all = append(all,
		statement{"audiences", "update runs r set audience = s.n from (select run_id, count(*) as n from sends where run_id is not null group by run_id) s where s.run_id = r.id"},
		statement{"chunks", `
		insert into chunks (run_id, n, lo, hi, next_id, not_before, done)
		select run_id, b, min(id), max(id), min(id), cast(@now as timestamptz) + interval '1 day', false
		from  (select run_id, id, (row_number() over (order by id) - 1) / 500 as b from sends where run_id = (select id from runs where state = 'sending') and state = 'queued') s group by run_id, b`},
		statement{"what is unknown", "insert into unknown_mails (send_id, campaign_id) select id, campaign_id from sends where state = 'unknown'"},
		statement{"what came back", "insert into returned (send_id, campaign_id, step) select id, campaign_id, step from sends where state in ('bounced', 'complained')"},
		statement{"opens and clicks", `
		insert into touches (send_id, member_id, campaign_id, kind, at, day, person, link)
		select s.id, s.member_id, s.campaign_id, k.kind, s.done_at, s.day, s.id % 11 <> 0, case k.kind when 'click' then 'https://shop.example/news/' || s.id % 40 else '' end
		from   sends s join (values ('open', 6), ('click', 20)) k (kind, every) on s.id % k.every = 0 where s.state = 'sent'`},
		statement{"touched", "insert into touched (campaign_id, step, kind, send_id) select distinct s.campaign_id, s.step, t.kind, s.id from touches t join sends s on s.id = t.send_id where t.person"},
		statement{"codes used", `
		insert into redemptions (code_id, pool_id, member_id, at, day, discount, key)
		select k.id, k.pool_id, k.member_id, k.issued_at + interval '3 days', k.valid_until - 27, 250 + k.id % 900, 'till-' || k.id from codes k where k.state = 'redeemed'`},
		statement{"what was spent", "update pools p set spent = n.spent from (select pool_id, sum(discount) as spent from redemptions group by pool_id) n where n.pool_id = p.id"})
	if err := p.fill(ctx, "mails, opens, clicks and codes", all, args); err != nil {
		return err
	}
	return build(p.watch)
}

// loadDesk writes what else pages tell of.
func (p *pagesOpened) loadDesk(ctx context.Context) error {
	args := store.Args{"today": int64(p.world.today), "now": Begin}
	err := p.fill(ctx, "what else pages tell of", []statement{
		{"keys", "insert into member_keys (kind, value, member_id) select 'email', email, id from members"},
		{"answers about consent", `
		insert into consents (member_id, topic, granted, at, source, said, recorded_at)
		select member_id, topic, granted, changed_at, 'checkout', 'I want to hear of this shop.', changed_at from member_topics`},
		{"passages", `
		insert into passages (campaign_id, occurrence_id, member_id, version_id, day, started_at, step, step_name, state, wake_at, base_at)
		select c.id, o.id, m.id, v.id, @today - 1, cast(@now as timestamptz) - interval '1 day', 1, 'first', 'ready', cast(@now as timestamptz) + (1 + m.id % 9) * interval '1 day', cast(@now as timestamptz)
		from   members m, occurrences o join campaigns c on c.id = o.campaign_id and c.name = 'win-back', (select max(id) as id from versions) v where m.id % 10 = 3`},
		{"stocks", `
		insert into pool_days (pool_id, day, remains, given, used, ended, spent)
		select p.id, @today - n, case p.kind when 'imported' then 100000 - n end, 90 * (400 - n), 9 * (400 - n), 0, 9000 * (400 - n) from pools p, generate_series(1, 400) n`},
		{"friends", `
		insert into referrals (referrer_id, friend_id, state, at, day, opens_day)
		select m.id + 1, m.id, case when m.id % 5000 = 50 then 'pending' else 'rewarded' end, cast(@now as timestamptz) - (m.id % 700) * interval '1 day', @today - m.id % 700, @today - m.id % 700 + 14 from members m where m.id % 50 = 0 and m.id < (select max(id) from members)`},
		{"claims", `
		insert into claims (member_id, reward, price, state, source, key, body, at, day, cost)
		select m.id, 'cup', 300, 'done', 'till', 'receipt-' || m.id, '', cast(@now as timestamptz) - (m.id % 300) * interval '1 day', @today - m.id % 300, 240 from members m where m.id % 20 = 0`},
		{"deliveries that came", `
		insert into hooks (source, external_id, received_at, state, reason, topic, body)
		select 'shopify', 'd-' || n, cast(@now as timestamptz) - (n % 20) * interval '1 hour', case when n % 40 = 0 then 'parked' else 'stored' end, case when n % 40 = 0 then 'line ' || n % 3 || ': no price' else '' end, 'orders/create', case when n % 40 = 0 then cast('{"id": 1}' as bytea) end
		from   generate_series(1, 1000 + (select max(id) from members) / 5) n`},
		{"deliveries that go", `
		insert into hook_deliveries (destination_id, type, at, detail, state, attempts, next_at, because, written_at, done_at)
		select d.id, 'code.redeemed', cast(@now as timestamptz), '{}', case when n % 500 = 0 then 'dead' else 'delivered' end, 1, cast(@now as timestamptz), case when n % 500 = 0 then 'answered 500' else '' end, cast(@now as timestamptz), cast(@now as timestamptz)
		from   hook_destinations d, generate_series(1, 1000 + (select max(id) from members) / 5) n`},
		{"jobs", `
		insert into jobs (kind, payload, lane, state, run_at, enqueued_by, enqueued_at, started_at, finished_at, outcome)
		select 'count', '{"report": "orders", "at": "2027-01-01"}', 'chores', case when n % 50 = 0 then 'failed' else 'done' end, cast(@now as timestamptz) - n * interval '1 minute', 'console: anna', cast(@now as timestamptz) - n * interval '1 minute', cast(@now as timestamptz) - n * interval '1 minute', cast(@now as timestamptz) - n * interval '1 minute', 'counted'
		from   generate_series(1, (select max(id) from members) / 50) n`},
		{"acts", `
		insert into audit (at, by_whom, act, about, before, after)
		select cast(@now as timestamptz) - n * interval '1 minute', 'console: anna@shop.example', 'give points', 'member ' || n, '100', '120: the bag was torn' from generate_series(1, (select max(id) from members) / 2) n`},
		{"triggers", "alter table sends enable trigger user; alter table touches enable trigger user; alter table redemptions enable trigger user"},
	}, args)
	if err != nil {
		return err
	}
	marketer := marketing.Marketer{DB: p.db}.As("bench")
	change, err := marketer.Begin(ctx, "another newsletter")
	if err != nil {
		return err
	}
	text := "---\nsubject: Other news\n---\nHello {{ member.first_name }}.\n"
	return marketer.WriteFile(ctx, change, "campaigns/news/news.en.md", &text)
}

// settle does what workers do now and then: counts, names, what campaigns came to.
func (p *pagesOpened) settle(ctx context.Context) error {
	tick := p.watch("counts, names and figures", int64(p.Members))
	if err := p.db.Update(ctx, func(tx *store.Tx) error {
		if err := roomy(tx); err != nil {
			return err
		}
		_, err := store.Recount(tx)
		return err
	}); err != nil {
		return fmt.Errorf("counting the mails: %w", err)
	}
	for {
		var n int
		err := p.db.Update(ctx, func(tx *store.Tx) (err error) { n, err = report.FoldNames(tx); return err })
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		tick(int64(n))
	}
	var tables []string
	err := p.db.View(ctx, func(tx *store.Tx) error {
		return tx.All(&tables, "select tablename from pg_tables where schemaname = current_schema() order by tablename", nil)
	})
	if err != nil {
		return err
	}
	for _, table := range tables {
		if err := p.db.Vacuum(ctx, `"`+table+`"`); err != nil {
			return err
		}
	}
	for n := 1; n > 0; {
		if n, err = report.CountFigures(ctx, p.db); err != nil {
			return err
		}
	}
	return nil
}

// heaviest is the member who ordered most, whose page has most to read.
func (p *pagesOpened) heaviest(ctx context.Context) (member struct{ ID, Orders int64 }, err error) {
	err = p.db.View(ctx, func(tx *store.Tx) error {
		return tx.One(&member, "select member_id as id, orders from facts order by orders desc, member_id limit 1", nil)
	})
	return member, err
}
