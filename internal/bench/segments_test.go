package bench_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"regulars/internal/bench"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// The same code as at full size. Speed is not looked at: the run itself fails
// when the rule over facts, the raw orders or a segment disagree.
func TestASmallBenchmarkOfSegments(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		stages := map[string]bool{}
		out, err := bench.Segments{DB: db, Members: 2000, Orders: 20_000, Seed: 1, Rounds: 1, Watch: func(stage string, total int64) func(int64) {
			stages[stage] = total > 0
			return func(int64) {}
		}}.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if out.Members != 2000 || out.Orders != 20_000 || out.Lines < 25_000 || out.Lines > 45_000 {
			t.Errorf("the shop has %d members, %d orders and %d lines", out.Members, out.Orders, out.Lines)
		}
		for _, f := range out.Figures {
			if f.Took <= 0 && f.Bytes <= 0 || f.Peer != "" && f.Ratio <= 0 || f.Work == "" || f.Target == "" && f.Peer != "" {
				t.Errorf("figure %+v is not whole", f)
			}
		}
		if n := len(out.Figures); n != 8 || len(stages) < 6 {
			t.Errorf("%d figures in the stages %v, want 8 in at least 6", n, stages)
		}
		filled := 0
		for _, s := range out.Nightly {
			if s.Members > 0 && s.Members < 2000 {
				filled++
			}
		}
		if len(out.Nightly) != 20 || filled < 18 {
			t.Errorf("of the %d segments %d have some members: %+v", len(out.Nightly), filled, out.Nightly)
		}
	})
}

// What is made up looks like a shop, is whole, and is the same for the same seed.
func TestTheMadeUpShop(t *testing.T) {
	t.Parallel()
	made := func(seed uint64) (db *store.DB, sum string) {
		db = storetest.Postgres(t)
		if _, err := (bench.Segments{DB: db, Members: 1000, Orders: 10_000, Seed: seed, Rounds: 1}).Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		view(t, db, func(tx *store.Tx) error {
			return tx.One(&sum, `select (select sum(total * id) from orders) || ' ' || (select sum(total * order_id + n) from order_lines)
				|| ' ' || (select sum(spent * member_id) from facts) || ' ' || (select count(*) from member_topics)`, nil)
		})
		return db, sum
	}
	db, first := made(1)
	if _, again := made(1); again != first {
		t.Errorf("seed 1 made two shops: %s and %s", first, again)
	}
	if _, other := made(2); other == first {
		t.Error("seeds 1 and 2 made the same shop")
	}
	view(t, db, func(tx *store.Tx) error {
		for _, tt := range []struct{ claim, query string }{
			{"orders come in the order of time", "select count(*) = 0 from orders a join orders b on b.id = a.id + 1 and b.day < a.day"},
			{"an order is the sum of its lines", `select count(*) = 0 from orders o join (select order_id, sum(total) as total, sum(quantity) as quantity from order_lines group by 1) l
				on l.order_id = o.id where l.total <> o.total or l.quantity <> o.quantity`},
			{"each order has lines", "select count(distinct order_id) = 10000 from order_lines"},
			{"the busiest tenth makes a third of the orders or more",
				"select sum(n) > 3333 from (select count(*) as n from orders group by member_id order by 1 desc limit 100) x"},
			{"some order every month and some never", "select max(orders) > 50 and min(orders) = 0 from facts"},
			{"some orders do not count, some were given back", "select count(*) filter (where not counts) between 200 and 400 and count(*) filter (where refunded > 0) between 100 and 300 from orders"},
			{"every refund has its row", "select count(*) = 0 from orders o full join refunds r on r.order_id = o.id where o.refunded <> coalesce(r.total, 0)"},
			{"the indexes are those of the schema", "select count(*) = 5 from pg_indexes where schemaname = current_schema() and indexname in ('orders_member', 'orders_day', 'order_lines_member', 'order_lines_category', 'order_lines_product')"},
		} {
			var ok bool
			if err := tx.One(&ok, tt.query, nil); err != nil || !ok {
				t.Errorf("%s: %t, %v", tt.claim, ok, err)
			}
		}
		return nil
	})
	for _, c := range (report.Doctor{Today: bench.Day(0)}).Examine(context.Background(), db) {
		if len(c.Findings) > 0 || c.Error != "" {
			t.Errorf("doctor: %s: %v %s", c.Name, c.Findings, c.Error)
		}
	}
}

func TestABenchmarkThatIsInterruptedSaysSo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	_, err := bench.Segments{DB: storetest.Postgres(t), Members: 2000, Orders: 20_000, Seed: 1, Watch: func(stage string, _ int64) func(int64) {
		if strings.HasPrefix(stage, "orders") {
			cancel()
		}
		return func(int64) {}
	}}.Run(ctx)
	if err == nil || ctx.Err() == nil {
		t.Errorf("Run = %v, want it to stop with its context", err)
	}
}

func TestFiguresOfASizeThatTheTargetsAreNotFor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		out  bench.Outcome
		want bool
	}{
		{bench.Outcome{Members: bench.FullMembers, Orders: bench.FullOrders}, true},
		{bench.Outcome{Members: bench.FullMembers - 1, Orders: bench.FullOrders}, false},
		{bench.Outcome{Members: bench.FullMembers, Orders: bench.FullOrders - 1}, false},
	} {
		if got := tt.out.Full(); got != tt.want {
			t.Errorf("Full() of %d members and %d orders = %t, want %t", tt.out.Members, tt.out.Orders, got, tt.want)
		}
	}
	missed := bench.Outcome{Figures: []bench.Figure{{Work: "a", Target: "x", Met: true}, {Work: "b", Target: "y"}, {Work: "c"}}}.Missed()
	if !slices.Equal(missed, []string{"b"}) {
		t.Errorf("Missed() = %v, want b: it has a target", missed)
	}
}

func view(t *testing.T, db *store.DB, f func(*store.Tx) error) {
	t.Helper()
	if err := db.View(context.Background(), f); err != nil {
		t.Fatal(err)
	}
}
