package bench

import (
	"context"
	"fmt"
	"maps"
	"time"

	"regulars/internal/apply"
	"regulars/internal/engine"
	"regulars/internal/intake"
	"regulars/internal/isolation"
	"regulars/internal/loyalty"
	"regulars/internal/membership"
	"regulars/internal/norms"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/tiers"
)

// Night measures what a midnight costs a shop with points, tiers and a card: all that the
// engine does once a day for members, and what one asks in the morning.
type Night struct {
	DB      *store.DB // on Postgres, empty, to be thrown away
	Members int
	Orders  int
	Seed    uint64
	Watch   func(stage string, total int64) (tick func(n int64)) // as of Segments
}

// nightParts are what engine.SegmentPass consists of.
var nightParts = []struct {
	name string
	do   func(context.Context, *store.DB) (int, error)
}{
	{"forgotten setbacks", isolation.Forget},
	{"points that opened and ended, birthdays, facts", intake.NewDay},
	{"norms", norms.Refresh},
	{"forecasts", membership.Forecasts},
	{"tiers and cards", tiers.Night},
	{"segments", membership.Segments},
}

const (
	wholeNight = "the night"
	nightLimit = time.Minute
	liability  = "report liability"
	askLimit   = 2 * time.Second
)

// Run makes the shop, has its first night, which fills what later ones keep, and measures
// the second.
func (n Night) Run(ctx context.Context) (out Outcome, err error) {
	clock := engine.NewClock(Begin)
	m := &measuring{Segments: Segments{DB: n.DB, Members: n.Members, Orders: n.Orders, Seed: n.Seed, Watch: n.Watch},
		clock: clock, db: n.DB.Clock(clock.Now), times: map[string][]time.Duration{}, found: map[string]int64{}}
	m.world = newWorld(n.Members, n.Orders, n.Seed, Day(0))
	if err := m.world.load(ctx, m.db, m.watch); err != nil {
		return out, fmt.Errorf("making the shop: %w", err)
	}
	files := maps.Clone(program())
	files["loyalty.yaml"], files["pools.yaml"] = beans, cup
	err = m.db.Update(ctx, func(tx *store.Tx) error {
		_, err := apply.Apply(tx, files, "bench", "")
		return err
	})
	if err != nil {
		return out, fmt.Errorf("applying the program: %w", err)
	}
	if err := m.loadPoints(ctx); err != nil {
		return out, fmt.Errorf("making the ledger of points: %w", err)
	}
	if err := m.world.loadFacts(ctx, m.db, m.watch); err != nil {
		return out, err
	}
	if _, err := m.midnightOf(ctx, "the first night"); err != nil {
		return out, err
	}
	clock.Set(Begin.AddDate(0, 0, 1))
	figures, err := m.midnightOf(ctx, wholeNight)
	if err != nil {
		return out, err
	}
	asked, err := m.askLiability(ctx)
	if err != nil {
		return out, err
	}
	out, err = m.size(ctx)
	out.Figures = append(figures, asked)
	return out, err
}

// loadPoints books what each order earned, and a stamp for each tea, as intake would have
// had the program been there from the first: all of it is still there.
func (m *measuring) loadPoints(ctx context.Context) error {
	build, err := shed(ctx, m.db, "entries", "lots")
	if err != nil {
		return err
	}
	const slice = 500_000
	tick := m.watch("points", int64(m.Orders))
	for from := 0; from < m.Orders; from += slice {
		err := m.db.Update(ctx, func(tx *store.Tx) error {
			if err := roomy(tx); err != nil {
				return err
			}
			args := store.Args{"from": from, "to": from + slice}
			const summed = "select set_config('regulars.summed', 'yes', true)" // the sums follow, all at once
			for _, text := range []string{summed, `
				insert into entries (member_id, wallet, at, day, kind, amount, cause, order_id, version_id, opens_day)
				select o.member_id, 'points', o.at, o.day, 'earn', greatest(1, (o.total - o.refunded) / 100), 'order:' || o.id || ':1', o.id, v.id, o.day + 14
				from   orders o, (select max(id) as id from versions) v
				where  o.counts and o.id > @from and o.id <= @to order by o.id`, summed, `
				insert into entries (member_id, wallet, at, day, kind, amount, cause, order_id, version_id, opens_day)
				select o.member_id, 'tea', o.at, o.day, 'earn', l.n, 'order:' || o.id || ':1', o.id, v.id, o.day
				from  (select order_id, sum(quantity) as n from order_lines where category = 'tea' and order_id > @from and order_id <= @to group by order_id) l
				join   orders o on o.id = l.order_id and o.counts, (select max(id) as id from versions) v
				order  by o.id`, `
				insert into lots (credit_id, member_id, wallet, opens_day, remains)
				select id, member_id, wallet, opens_day, amount from entries where id > (select coalesce(max(credit_id), 0) from lots) order by id`} {
				if _, err := tx.Exec(text, args); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		tick(slice)
	}
	if err := build(m.watch); err != nil {
		return err
	}
	err = m.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`
			insert into point_moves (what, month, day, n)
			select 'earn', '', day, sum(amount) from entries where wallet = 'points' group by day
			union  all
			select 'sales', '', day, sum(total - refunded) from orders where counts group by day`, nil)
		return err
	})
	if err != nil {
		return err
	}
	for _, table := range []string{"entries", "lots", "point_moves"} {
		if err := m.db.Vacuum(ctx, table); err != nil {
			return err
		}
	}
	return nil
}

// midnightOf does what the engine does once a day, and returns how long each part of it
// took and the whole.
func (m *measuring) midnightOf(ctx context.Context, name string) (figures []Figure, err error) {
	tick := m.watch(name, int64(len(nightParts)))
	whole := Figure{Work: name}
	for _, p := range nightParts {
		f := Figure{Work: p.name}
		began := time.Now()
		for did := 1; did > 0; f.Found += int64(did) {
			if did, err = p.do(ctx, m.db); err != nil {
				return nil, fmt.Errorf("%s, %s: %w", name, p.name, err)
			}
		}
		f.Took = time.Since(began)
		whole.Took += f.Took
		figures = append(figures, f)
		tick(1)
	}
	return append(figures, whole.under(nightLimit)), nil
}

// askLiability asks what all points are worth.
func (m *measuring) askLiability(ctx context.Context) (Figure, error) {
	named, _ := report.ByName("liability")
	began := time.Now()
	err := m.db.View(ctx, func(tx *store.Tx) error {
		_, err := named.Make(tx, report.Ask{Day: loyalty.DayOf(m.clock.Now(), time.UTC), Currency: "EUR"})
		return err
	})
	return Figure{Work: liability, Took: time.Since(began)}.under(askLimit), err
}
