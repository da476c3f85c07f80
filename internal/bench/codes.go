package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"regulars/internal/apply"
	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/occurrence"
	"regulars/internal/runs"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// Codes measures how fast the audience of a run is frozen, with and without a code for
// each member. Its peer copies the same rows into a table with the same indexes. All
// take turns. It also measures codes given singly and uses of a shared code, before and
// after as many were given and used as there are members.
type Codes struct {
	DB      *store.DB                                            // on Postgres, empty, to be thrown away
	Members int                                                  // of the audience
	Rounds  int                                                  // the median of which is told
	Watch   func(stage string, total int64) (tick func(n int64)) // as of Segments
}

// FullCodes is the number of members for which the targets are meant.
const FullCodes = 1_000_000

// CodesOutcome is what was measured.
type CodesOutcome struct {
	Members int      `json:"members"`
	Rounds  int      `json:"rounds"`
	Figures []Figure `json:"figures"`
}

// Full reports whether the size is that for which the targets are meant.
func (o CodesOutcome) Full() bool { return o.Members >= FullCodes }

// Missed returns what did not meet its target.
func (o CodesOutcome) Missed() []string { return Outcome{Figures: o.Figures}.Missed() }

// The names of what is measured.
const (
	copied      = "a COPY of the same rows"
	frozen      = "freezing an audience"
	frozenCodes = "freezing it with a code each"
	givenFirst  = "a code given singly, the pool new"
	givenLast   = "a code given singly, after all these"
	usedFirst   = "a use of a shared code, the first ones"
	usedLast    = "a use of a shared code, after as many"
)

const (
	mostFrozen  = 1.6              // times the COPY
	mostCoded   = 10 * time.Second // for FullCodes
	mostSingles = 1000             // transactions of one code or one use
)

// codesShop has two campaigns with the same mail, one with a code for each member, and
// a shared code.
func codesShop() map[string]string {
	return map[string]string{
		"program.yaml":                  letterShop["program.yaml"],
		"pools.yaml":                    letterShop["pools.yaml"] + "all: {kind: shared, code: SPRING, percent: 10, valid_for: 14d}\n",
		"campaigns/coded/campaign.yaml": letterShop["campaigns/letter/campaign.yaml"],
		"campaigns/coded/letter.en.md":  letterShop["campaigns/letter/letter.en.md"],
		"campaigns/plain/campaign.yaml": "live: true\nstart: {launch: {about: text}}\nquiet: off\ntopic: offers\nclass: offer\nsteps:\n  - mail: letter\n",
		"campaigns/plain/letter.en.md":  "---\nsubject: News of {{ launch.about }}\n---\nHello {{ member.first_name }}, here is the news.\n",
	}
}

// coding is one measurement.
type coding struct {
	Codes
	today   loyalty.Day
	figures map[string]*Figure
	times   map[string][]time.Duration
	starts  int // of campaigns so far
}

// Run makes the members and measures everything.
func (c Codes) Run(ctx context.Context) (out CodesOutcome, err error) {
	out = CodesOutcome{Members: c.Members, Rounds: c.Rounds}
	m := &coding{Codes: c, figures: map[string]*Figure{}, times: map[string][]time.Duration{}}
	if err := m.begin(ctx); err != nil {
		return out, fmt.Errorf("making the shop: %w", err)
	}
	if err := m.giveSingly(ctx, givenFirst); err != nil {
		return out, err
	}
	tick := m.watch("freezing audiences", int64(m.Rounds))
	for range m.Rounds {
		if err := m.round(ctx); err != nil {
			return out, err
		}
		tick(1)
	}
	if err := m.giveSingly(ctx, givenLast); err != nil {
		return out, err
	}
	if err := m.useAll(ctx); err != nil {
		return out, err
	}
	out.Figures = m.outcome()
	return out, nil
}

func (m *coding) watch(stage string, total int64) func(int64) {
	if m.Watch == nil {
		return func(int64) {}
	}
	return m.Watch(stage, total)
}

// begin makes the members, all of whom want offers, the program, and the peer's table.
func (m *coding) begin(ctx context.Context) error {
	tick := m.watch("members", 1)
	err := m.DB.Update(ctx, func(tx *store.Tx) (err error) {
		if _, err = apply.Apply(tx, codesShop(), "bench", ""); err != nil {
			return err
		}
		if m.today, err = tx.Today(); err != nil {
			return err
		}
		args := store.Args{"n": m.Members, "now": tx.At, "day": int64(m.today)}
		for _, statement := range []string{`
			insert into members (external_id, email, email_key, first_name, language, joined_at, joined_day, created_at, changed_at)
			select 'M-' || i, 'm-' || i || '@example.test', sha256(convert_to(cast(i as text), 'UTF8')), 'Ana', 'en', @now, @day, @now, @now
			from   generate_series(1, @n) i order by i`, `
			insert into member_topics (member_id, topic, granted, changed_at) select id, 'offers', true, @now from members`,
		} {
			if _, err := tx.Exec(statement, args); err != nil {
				return err
			}
		}
		return peerOfSends(tx)
	})
	if err != nil {
		return err
	}
	if err := m.DB.Vacuum(ctx, "members", "member_topics"); err != nil {
		return err
	}
	if err := (&world{today: m.today}).loadFacts(ctx, m.DB, m.watch); err != nil {
		return err
	}
	tick(1)
	return nil
}

// peerOfSends makes a table with the columns, the indexes and the room of sends.
func peerOfSends(tx *store.Tx) error {
	var room string
	if err := tx.One(&room, "select coalesce(array_to_string(reloptions, ', '), 'fillfactor=100') from pg_class where oid = cast('sends' as regclass)", nil); err != nil {
		return err
	}
	_, err := tx.Exec("create table bench_sends (like sends including all) with ("+room+")", nil)
	return err
}

// round measures the peer and both starts once more. Each finds its tables empty.
func (m *coding) round(ctx context.Context) error {
	for _, part := range []struct {
		work string
		do   func(context.Context) error
	}{
		{copied, m.copy},
		{frozen, func(ctx context.Context) error { return m.launch(ctx, "plain") }},
		{frozenCodes, func(ctx context.Context) error { return m.launch(ctx, "coded") }},
	} {
		err := m.DB.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec("truncate sends, bench_sends, runs, chunks, occurrences, codes", nil)
			return err
		})
		if err != nil {
			return err
		}
		if err := m.timed(ctx, part.work, m.Members, func() error { return part.do(ctx) }); err != nil {
			return err
		}
	}
	return nil
}

// timed runs f, which does n of something, and notes how long it took and what each
// cost the processors.
func (m *coding) timed(ctx context.Context, work string, n int, f func() error) error {
	cost := m.figures[work]
	if cost == nil {
		cost = &Figure{Work: work, Found: int64(n)}
		m.figures[work] = cost
	}
	server, err := m.server(ctx)
	if err != nil {
		return err
	}
	ours, began := cpuOurs(), time.Now()
	if err := f(); err != nil {
		return fmt.Errorf("%s: %w", work, err)
	}
	took := time.Since(began)
	after, err := m.server(ctx)
	rounds := time.Duration(len(m.times[work]) + 1)
	m.times[work] = append(m.times[work], took)
	cost.Ours = (cost.Ours*(rounds-1) + (cpuOurs()-ours)/time.Duration(n)) / rounds
	cost.Database = (cost.Database*(rounds-1) + max(0, after-server)/time.Duration(n)) / rounds
	return err
}

// server is the time that the database's processes have taken for us.
func (m *coding) server(ctx context.Context) (time.Duration, error) {
	return (&ingesting{db: m.DB}).cpuServer(ctx)
}

// copy writes the rows that freeze writes into the peer's table.
func (m *coding) copy(ctx context.Context) error {
	columns := []string{"day", "occurrence_id", "step", "member_id", "campaign_id", "version_id", "run_id", "class", "topic", "state", "reason", "queued_at"}
	return m.DB.Update(ctx, func(tx *store.Tx) error {
		i, row := int64(0), make([]any, len(columns))
		_, err := tx.Stream("bench_sends", columns, func() ([]any, error) {
			if i++; i > int64(m.Members) {
				return nil, nil
			}
			row[0], row[1], row[2], row[3], row[4], row[5] = m.today, int64(1), "letter", i, int64(1), int64(1)
			row[6], row[7], row[8], row[9], row[10], row[11] = int64(1), "offer", "offers", "queued", "", tx.At
			return row, nil
		})
		return err
	})
}

// launch starts a campaign for all, and makes sure that all are in its ledger, with a
// code of their own where it gives one.
func (m *coding) launch(ctx context.Context, campaign string) error {
	m.starts++
	return m.DB.Update(ctx, func(tx *store.Tx) error {
		l, err := runs.Launch(tx, runs.LaunchRequest{Campaign: campaign, Values: map[string]string{"about": "spring"}, Key: strconv.Itoa(m.starts), By: "bench"})
		if err != nil {
			return err
		}
		codes := int64(0)
		if campaign == "coded" {
			codes = int64(m.Members)
		}
		if l.Audience.Mailed != int64(m.Members) || l.Audience.Codes != codes {
			return fmt.Errorf("the run mails %d of %d members, with %d codes", l.Audience.Mailed, m.Members, l.Audience.Codes)
		}
		return nil
	})
}

// singles is how many codes are given singly, and how often the shared one is used.
func (m *coding) singles() int { return min(mostSingles, m.Members/10) }

// giveSingly gives codes to one member after the other, a transaction each.
func (m *coding) giveSingly(ctx context.Context, work string) error {
	var start int64
	err := m.DB.Update(ctx, func(tx *store.Tx) error {
		v, err := versions.Active(tx)
		if err != nil {
			return err
		}
		c, err := v.Campaign("coded")
		if err != nil {
			return err
		}
		start, _, err = occurrence.Open(tx, occurrence.Occurrence{Campaign: c.ID, Key: work, Day: m.today, By: "bench"})
		return err
	})
	if err != nil {
		return err
	}
	return m.each(ctx, work, func(tx *store.Tx, member int64) error {
		return give(tx, "back", coupon.To{Occurrence: start, Member: member}, m.today)
	})
}

// give gives a code as a step of a flow does.
func give(tx *store.Tx, pool string, to coupon.To, today loyalty.Day) error {
	if err := tx.ByIndex(); err != nil {
		return err
	}
	given, err := coupon.GiveEach(tx, pool, []coupon.To{to}, today, rand.Reader)
	if err == nil && given[to] == 0 {
		err = errors.New("no code was given")
	}
	return err
}

// each does something for one member after the other. Its time is the median of these.
func (m *coding) each(ctx context.Context, work string, do func(tx *store.Tx, member int64) error) error {
	tick := m.watch(work, int64(m.singles()))
	var took []time.Duration
	err := m.timed(ctx, work, m.singles(), func() error {
		for i := range m.singles() {
			began := time.Now()
			if err := m.DB.Update(ctx, func(tx *store.Tx) error { return do(tx, int64(i+1)) }); err != nil {
				return err
			}
			took = append(took, time.Since(began))
			tick(1)
		}
		return nil
	})
	m.times[work] = took
	return err
}

// useAll uses the shared code, before and after everybody has.
func (m *coding) useAll(ctx context.Context) error {
	err := m.DB.Update(ctx, func(tx *store.Tx) error {
		return give(tx, "all", coupon.To{Occurrence: 1, Member: 1}, m.today)
	})
	if err != nil {
		return err
	}
	if err := m.use(ctx, usedFirst); err != nil {
		return err
	}
	err = m.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`
			insert into redemptions (code_id, pool_id, member_id, at, day)
			select c.id, c.pool_id, m.id, @now, @day from codes c cross join members m where c.folded = @folded`,
			store.Args{"now": tx.At, "day": int64(m.today), "folded": loyalty.FoldCode("SPRING")})
		return err
	})
	if err != nil {
		return err
	}
	if err := m.DB.Vacuum(ctx, "redemptions"); err != nil {
		return err
	}
	return m.use(ctx, usedLast)
}

func (m *coding) use(ctx context.Context, work string) error {
	return m.each(ctx, work, func(tx *store.Tx, member int64) error {
		if err := tx.ByIndex(); err != nil { // as a till does
			return err
		}
		r, err := coupon.Redeem(tx, coupon.Use{Code: "spring", Member: member, Day: m.today, Key: work + " " + strconv.FormatInt(member, 10)})
		if err == nil && r.Again {
			err = errors.New("the use was recorded before")
		}
		return err
	})
}

func (m *coding) outcome() []Figure {
	of := func(work string) Figure {
		f := *m.figures[work]
		f.Took = median(m.times[work])
		return f
	}
	told := func(float64) bool { return true }
	peer, given, used, coded := of(copied), of(givenFirst), of(usedFirst), of(frozenCodes)
	return []Figure{
		peer,
		of(frozen).against(peer, fmt.Sprintf("<= %.1f ×", mostFrozen), func(r float64) bool { return r <= mostFrozen }),
		coded.against(peer, "<= "+mostCoded.String(), func(float64) bool { return coded.Took <= mostCoded }),
		given,
		of(givenLast).against(given, "", told),
		used,
		of(usedLast).against(used, "", told),
	}
}
