package bench

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/segments"
)

// load writes the world into an empty database, whose day is the world's. Its facts are
// to follow (loadFacts).
func (w *world) load(ctx context.Context, db *store.DB, watch func(stage string, total int64) (tick func(n int64))) error {
	if err := w.loadMembers(ctx, db, watch("members", int64(w.members))); err != nil {
		return err
	}
	build, err := shed(ctx, db, "orders", "order_lines")
	if err != nil {
		return err
	}
	// Two COPYs side by side, each of which walks through the same orders.
	tick := watch("orders and their lines", 2*int64(w.orders))
	two, both := errgroup.WithContext(ctx)
	two.Go(func() error { return w.loadOrders(both, db, tick) })
	two.Go(func() error { return w.loadLines(both, db, tick) })
	if err := two.Wait(); err != nil {
		return err
	}
	if err := build(watch); err != nil {
		return err
	}
	tidy := []string{"members", "member_topics", "orders", "order_lines", "refunds"}
	tick = watch("tidying", int64(len(tidy)))
	for _, table := range tidy {
		if err := db.Vacuum(ctx, table); err != nil {
			return err
		}
		tick(1)
	}
	return nil
}

func (w *world) loadMembers(ctx context.Context, db *store.DB, tick func(int64)) error {
	return db.Update(ctx, func(tx *store.Tx) error {
		columns := []string{"id", "external_id", "language", "country", "joined_at", "joined_day", "created_at", "changed_at", "first_name", "last_name", "email"}
		if !w.named {
			columns = columns[:8]
		}
		id, row := 0, make([]any, len(columns))
		_, err := tx.Stream("members", columns, func() ([]any, error) {
			if id == w.members {
				return nil, nil
			}
			id++
			tick(1)
			p := w.member(id)
			row[0], row[1], row[2], row[3], row[4], row[5] = int64(id), fmt.Sprintf("M-%07d", id), p.language, p.country, nil, nil
			day := w.first() + loyalty.Day(p.from)
			if p.joined {
				row[4], row[5] = day.UTC(), day
			}
			row[6], row[7] = day.UTC(), day.UTC()
			if w.named {
				row[8], row[9], row[10] = p.called()
			}
			return row, nil
		})
		if err != nil {
			return err
		}
		return w.loadTopics(tx)
	})
}

func (w *world) loadTopics(tx *store.Tx) error {
	topics := []string{loyalty.Offers, loyalty.Newsletter, loyalty.Program}
	n, row := 0, make([]any, 4)
	_, err := tx.Stream("member_topics", []string{"member_id", "topic", "granted", "changed_at"}, func() ([]any, error) {
		for ; n < 3*w.members; n++ {
			p, topic := w.member(1+n/3), n%3
			if p.topics[topic] < 0 {
				continue
			}
			row[0], row[1], row[2], row[3] = int64(p.id), topics[topic], p.topics[topic] == 1, (w.first() + loyalty.Day(p.from)).UTC()
			n++
			return row, nil
		}
		return nil, nil
	})
	return err
}

func (w *world) loadOrders(ctx context.Context, db *store.DB, tick func(int64)) error {
	return db.Update(ctx, func(tx *store.Tx) error {
		columns := []string{"id", "source", "external_id", "member_id", "at", "day", "status", "counts", "total", "refunded", "discount", "quantity", "shop", "changed_at"}
		next, row := w.walk(), make([]any, len(columns))
		_, err := tx.Stream("orders", columns, func() ([]any, error) {
			s := next()
			if s == nil {
				return nil, nil
			}
			tick(1)
			row[0], row[1], row[2], row[3], row[4], row[5] = int64(s.id), "bench", fmt.Sprintf("O-%09d", s.id), int64(s.member), s.at, s.day
			row[6], row[7], row[8], row[9], row[10], row[11] = s.status, s.status == loyalty.Paid, s.total, s.refunded, s.discount, s.quantity
			row[12], row[13] = tills[s.shop], s.at
			return row, nil
		})
		if err != nil {
			return err
		}
		_, err = tx.Exec(`insert into refunds (order_id, external_id, at, total) select id, 'R-' || id, at, refunded from orders where refunded > 0`, nil)
		return err
	})
}

// tills are the points of sale; the first is the web shop.
var tills = func() (names [21]string) {
	names[0] = "web"
	for i := 1; i < len(names); i++ {
		names[i] = fmt.Sprintf("till-%d", i)
	}
	return names
}()

func (w *world) loadLines(ctx context.Context, db *store.DB, tick func(int64)) error {
	return db.Update(ctx, func(tx *store.Tx) error {
		columns := []string{"order_id", "n", "member_id", "day", "counts", "product", "name", "category", "brand", "quantity", "total"}
		next, row := w.walk(), make([]any, len(columns))
		s, n := &sale{}, 0
		_, err := tx.Stream("order_lines", columns, func() ([]any, error) {
			if n == len(s.lines) {
				if s, n = next(), 0; s == nil {
					return nil, nil
				}
				tick(1)
			}
			l := s.lines[n]
			n++
			row[0], row[1], row[2], row[3], row[4], row[5] = int64(s.id), int32(n), int64(s.member), s.day, s.status == loyalty.Paid, l.sku
			row[6], row[7], row[8], row[9], row[10] = l.name, l.category, l.brand, l.quantity, l.total
			return row, nil
		})
		return err
	})
}

// loadFacts computes everybody's facts in one statement, and says that the pass
// of the day is done.
func (w *world) loadFacts(ctx context.Context, db *store.DB, watch func(stage string, total int64) (tick func(n int64))) error {
	tick := watch("facts", 1)
	defer tick(1)
	err := db.Update(ctx, func(tx *store.Tx) error {
		if err := roomy(tx); err != nil {
			return err
		}
		if _, err := tx.Exec("insert into facts "+segments.FactsSelect(tx.Engine(), ""), store.Args{"day": w.today}); err != nil {
			return err
		}
		_, err := tx.Exec("insert into passes (name, day, started_at, finished_at, note) values ('facts', @day, @now, @now, '0')",
			store.Args{"day": int64(w.today), "now": tx.At})
		return err
	})
	if err != nil {
		return err
	}
	return db.Vacuum(ctx, "facts")
}

// roomy gives a transaction that handles whole tables room to sort in.
func roomy(tx *store.Tx) error {
	if !tx.Postgres() {
		return nil
	}
	_, err := tx.Exec("set local work_mem = '256MB'; set local maintenance_work_mem = '512MB'", nil)
	return err
}

// shed drops the indexes of tables that no constraint needs and returns what
// builds them again as they were: over all rows at once that takes half the time.
func shed(ctx context.Context, db *store.DB, tables ...string) (build func(watch func(string, int64) func(int64)) error, err error) {
	if db.Engine() != store.Postgres {
		return func(func(string, int64) func(int64)) error { return nil }, nil // its indexes are cheap to keep
	}
	built, total := map[string][]string{}, 0
	err = db.Update(ctx, func(tx *store.Tx) error {
		for _, table := range tables {
			var found []struct{ Name, Definition string }
			err := tx.All(&found, `
				select i.indexname as name, i.indexdef as definition from pg_indexes i
				where  i.schemaname = current_schema() and i.tablename = @table
				and    not exists (select 1 from pg_constraint c where c.conname = i.indexname)
				order  by i.indexname`, store.Args{"table": table})
			if err != nil {
				return err
			}
			for _, f := range found {
				if _, err := tx.Exec(`drop index "`+f.Name+`"`, nil); err != nil {
					return err
				}
				built[table] = append(built[table], f.Definition)
				total++
			}
		}
		return nil
	})
	return func(watch func(string, int64) func(int64)) error {
		tick := watch("indexes", int64(total))
		side, ctx := errgroup.WithContext(ctx)
		for _, definitions := range built {
			side.Go(func() error { return create(ctx, db, definitions, tick) })
		}
		return side.Wait()
	}, err
}

func create(ctx context.Context, db *store.DB, definitions []string, tick func(int64)) error {
	for _, definition := range definitions {
		err := db.Update(ctx, func(tx *store.Tx) error {
			if err := roomy(tx); err != nil {
				return err
			}
			_, err := tx.Exec(definition, nil)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", definition, err)
		}
		tick(1)
	}
	return nil
}
