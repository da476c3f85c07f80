package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"regulars/internal/apply"
	"regulars/internal/engine"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/membership"
	plan "regulars/internal/program"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/segments"
)

// Segments measures rules and segments over a made-up shop.
type Segments struct {
	DB      *store.DB // empty, to be thrown away
	Members int
	Orders  int
	Seed    uint64
	Rounds  int // how often each is measured; 0: 5

	// Watch, if not nil, hears of each stage as it begins, and through what it
	// returns how much of its total is done. That may be called by two goroutines
	// at once.
	Watch func(stage string, total int64) (tick func(n int64))
}

// Begin is the moment at which the made-up shop stands: a Wednesday morning.
var Begin = time.Date(2027, 3, 3, 9, 0, 0, 0, time.UTC)

// Day is the shop's day so many midnights after Begin.
func Day(n int) loyalty.Day { return loyalty.DayOf(Begin, time.UTC) + loyalty.Day(n) }

// Full is the size for which the targets are meant.
const (
	FullMembers = 1_000_000
	FullOrders  = 10_000_000
)

// Outcome is what was measured.
type Outcome struct {
	Members int64    `json:"members"`
	Orders  int64    `json:"orders"`
	Lines   int64    `json:"lines"`
	Seed    uint64   `json:"seed"`
	Figures []Figure `json:"figures"`
	Nightly []Stay   `json:"segments"`
}

// Full reports whether the shop has the size for which the targets are meant.
func (o Outcome) Full() bool { return o.Members >= FullMembers && o.Orders >= FullOrders }

// Missed returns what did not meet its target.
func (o Outcome) Missed() (works []string) {
	for _, f := range o.Figures {
		if f.Target != "" && !f.Met {
			works = append(works, f.Work)
		}
	}
	return works
}

// Figure is one thing measured, against its peer where it has one.
type Figure struct {
	Work   string        `json:"work"`
	Took   time.Duration `json:"took_ns,omitempty"` // the median
	Bytes  int64         `json:"bytes,omitempty"`
	Found  int64         `json:"found,omitempty"` // members, or rows
	Ratio  float64       `json:"ratio,omitempty"` // to Peer
	Peer   string        `json:"peer,omitempty"`
	Target string        `json:"target,omitempty"` // "": only told
	Met    bool          `json:"met"`

	Ours     time.Duration `json:"cpu_ours_ns,omitempty"`     // of this process for each member, where it is measured
	Database time.Duration `json:"cpu_database_ns,omitempty"` // of the server's processes
}

// Stay is a segment of the nightly pass and how long it took.
type Stay struct {
	Segment string        `json:"segment"`
	Members int64         `json:"members"`
	Took    time.Duration `json:"took_ns"`
}

// Run makes the shop and measures. The peer and what is compared with it take
// turns, so that a busy moment of the machine meets both.
func (s Segments) Run(ctx context.Context) (Outcome, error) {
	if s.Rounds == 0 {
		s.Rounds = 5
	}
	clock := engine.NewClock(Begin)
	m := &measuring{Segments: s, clock: clock, db: s.DB.Clock(clock.Now), times: map[string][]time.Duration{}, found: map[string]int64{}}
	m.world = newWorld(s.Members, s.Orders, s.Seed, Day(0))
	return m.run(ctx)
}

// measuring is a run under way.
type measuring struct {
	Segments
	clock *engine.Clock
	db    *store.DB
	world *world
	times map[string][]time.Duration
	found map[string]int64
	stays []Stay
}

func (m *measuring) watch(stage string, total int64) func(int64) {
	if m.Watch == nil {
		return func(int64) {}
	}
	return m.Watch(stage, total)
}

func (m *measuring) run(ctx context.Context) (out Outcome, err error) {
	if err := m.world.load(ctx, m.db, m.watch); err != nil {
		return out, fmt.Errorf("making the shop: %w", err)
	}
	if err := m.world.loadFacts(ctx, m.db, m.watch); err != nil {
		return out, err
	}
	err = m.db.Update(ctx, func(tx *store.Tx) error {
		_, err := apply.Apply(tx, program(), "bench", "")
		return err
	})
	if err != nil {
		return out, fmt.Errorf("applying the program: %w", err)
	}
	if err := m.ask(ctx); err != nil {
		return out, err
	}
	if err := m.nights(ctx); err != nil {
		return out, err
	}
	return m.outcome(ctx)
}

// question is something that is asked in each round.
type question struct {
	work string
	ask  func(*store.Tx) (int64, error)
}

// The names of what is measured.
const (
	countOrders = "count(*) over the orders"
	overFacts   = "a rule on recency, frequency and money, over facts"
	overOrders  = "the same rule over the raw orders"
	inAWindow   = "a rule with a category and a span of time"
	fillAll     = "20 segments filled the first time"
	night       = "the nightly pass over 20 segments"
	preview     = "the slowest of %d rules over facts, as typed"
	memory      = "memory of this process at its highest"
)

func (m *measuring) questions() []question {
	list := []question{
		{countOrders, m.count("select count(*) from orders")},
		{overFacts, m.rule(valuable)},
		{overOrders, m.count(valuableRaw)},
		{inAWindow, m.rule(windowed)},
	}
	for _, text := range typed {
		list = append(list, question{text, m.rule(text)})
	}
	return list
}

func (m *measuring) count(query string) func(*store.Tx) (int64, error) {
	return func(tx *store.Tx) (n int64, err error) {
		err = tx.One(&n, query, store.Args{"day": int64(m.world.today)})
		return n, err
	}
}

// rule asks as `segment count` does: from the text to the number.
func (m *measuring) rule(text string) func(*store.Tx) (int64, error) {
	return func(tx *store.Tx) (int64, error) {
		rule, err := segments.Parse(text, segments.Scope{Currency: "EUR"})
		if err != nil {
			return 0, err
		}
		return report.Audience{Rule: rule, Day: m.world.today}.Count(tx)
	}
}

// ask asks every question in turn, first once to warm up.
func (m *measuring) ask(ctx context.Context) error {
	questions := m.questions()
	tick := m.watch("measuring rules", int64((m.Rounds+1)*len(questions)))
	for round := range m.Rounds + 1 {
		for _, q := range questions {
			began := time.Now()
			err := m.db.View(ctx, func(tx *store.Tx) (err error) {
				m.found[q.work], err = q.ask(tx)
				return err
			})
			if err != nil {
				return fmt.Errorf("%s: %w", q.work, err)
			}
			if round > 0 {
				m.times[q.work] = append(m.times[q.work], time.Since(began))
			}
			tick(1)
		}
	}
	if a, b := m.found[overFacts], m.found[overOrders]; a != b {
		return fmt.Errorf("the rule %s keeps %d members over facts and %d over the raw orders: facts are wrong", valuable, a, b)
	}
	return nil
}

// nights lets midnights pass, the first of which only fills the segments.
func (m *measuring) nights(ctx context.Context) error {
	const nights = 3
	tick := m.watch("nights", (nights+1)*int64(len(nightly)))
	for n := range nights + 1 {
		m.clock.Set(Begin.AddDate(0, 0, n))
		began := time.Now()
		if err := m.midnight(ctx, tick); err != nil {
			return fmt.Errorf("night %d: %w", n, err)
		}
		work := night
		if n == 0 {
			work = fillAll
		}
		m.times[work] = append(m.times[work], time.Since(began))
	}
	m.found[night] = int64(len(nightly))
	return m.checkStays(ctx)
}

// newDay does what a worker does for the day, and after an apply, to its end.
func newDay(ctx context.Context, db *store.DB) error {
	for {
		if n, err := intake.NewDay(ctx, db); n == 0 || err != nil {
			return err
		}
	}
}

// midnight does what the engine's pass does to facts and segments, and keeps how
// long each segment took.
func (m *measuring) midnight(ctx context.Context, tick func(int64)) error {
	if err := newDay(ctx, m.db); err != nil {
		return err
	}
	m.stays = m.stays[:0]
	for {
		began := time.Now()
		n, err := membership.Segments(ctx, m.db)
		if err != nil || n == 0 {
			return err
		}
		m.stays = append(m.stays, Stay{Took: time.Since(began)})
		tick(1)
	}
}

// checkStays names the segments, in the order in which the pass takes them, and
// makes sure that each holds exactly those for whom its rule holds.
func (m *measuring) checkStays(ctx context.Context) error {
	return m.db.View(ctx, func(tx *store.Tx) error {
		v, err := versions.Active(tx)
		if err != nil {
			return err
		}
		var rows []struct {
			Name   string
			Inside int64
		}
		err = tx.All(&rows, `
			select s.name, (select count(*) from segment_members i where i.segment_id = s.id and i.left_at is null) as inside
			from   segments s order by s.id`, nil)
		if err != nil {
			return err
		}
		if len(rows) != len(m.stays) {
			return fmt.Errorf("the nightly pass took %d segments of %d", len(m.stays), len(rows))
		}
		for i, row := range rows {
			at := slices.IndexFunc(v.Program.Segments, func(s plan.Segment) bool { return s.Name == row.Name })
			want, err := report.Audience{Rule: v.Program.Segments[at].Rule, Day: v.Day(tx.At)}.Count(tx)
			if err != nil {
				return err
			}
			if row.Inside != want {
				return fmt.Errorf("segment %s holds %d members, and its rule holds for %d", row.Name, row.Inside, want)
			}
			m.stays[i].Segment, m.stays[i].Members = row.Name, row.Inside
		}
		return nil
	})
}

// size is an outcome that says how large the shop is, and no more.
func (m *measuring) size(ctx context.Context) (Outcome, error) {
	var size struct{ Members, Orders, Lines int64 }
	err := m.db.View(ctx, func(tx *store.Tx) error {
		return tx.One(&size, "select (select count(*) from members) as members, (select count(*) from orders) as orders, (select count(*) from order_lines) as lines", nil)
	})
	return Outcome{Members: size.Members, Orders: size.Orders, Lines: size.Lines, Seed: m.Seed}, err
}

func (m *measuring) outcome(ctx context.Context) (out Outcome, err error) {
	if out, err = m.size(ctx); err != nil {
		return out, err
	}
	out.Nightly = m.stays
	slowest := slices.MaxFunc(typed, func(a, b string) int { return int(median(m.times[a]) - median(m.times[b])) })
	peak := peakMemory()
	facts, raw, all := m.figure(overFacts), m.figure(overOrders), m.figure(countOrders)
	window, pass := m.figure(inAWindow), m.figure(night)
	fastest := m.figure(slowest)
	fastest.Work = fmt.Sprintf(preview, len(typed))
	out.Figures = []Figure{
		all,
		facts.against(all, "< 0.5 ×", func(r float64) bool { return r < 0.5 }),
		raw.against(facts, ">= 20 ×", func(r float64) bool { return r >= 20 }),
		window.against(raw, "< 1 ×", func(r float64) bool { return r < 1 }),
		m.figure(fillAll),
		pass.against(raw, "< 20 ×", func(r float64) bool { return r < 20 }),
		fastest.under(300 * time.Millisecond),
		{Work: memory, Bytes: peak, Target: "< 200 MB", Met: peak < 200_000_000},
	}
	return out, nil
}

func (m *measuring) figure(work string) Figure {
	return Figure{Work: work, Took: median(m.times[work]), Found: m.found[work]}
}

// against compares a figure with its peer's.
func (f Figure) against(peer Figure, target string, met func(ratio float64) bool) Figure {
	f.Peer, f.Target = peer.Work, target
	f.Ratio = float64(f.Took) / float64(max(1, peer.Took))
	f.Met = met(f.Ratio)
	return f
}

// under compares a figure with a limit of its own.
func (f Figure) under(limit time.Duration) Figure {
	f.Target, f.Met = "< "+limit.String(), f.Took < limit
	return f
}
