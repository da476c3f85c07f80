package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func update(t *testing.T, db *store.DB, f func(tx *store.Tx) error) {
	t.Helper()
	if err := db.Update(context.Background(), f); err != nil {
		t.Fatal(err)
	}
}

const addMember = `
	insert into members (external_id, created_at, changed_at)
	values (@id, @now, @now) returning id`

func TestAnInstantComesBackAsItWent(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		at := time.Date(2027, 10, 31, 1, 2, 3, 456789123, time.FixedZone("x", 3*3600))
		update(t, db.At(at), func(tx *store.Tx) error {
			var id int64
			if err := tx.One(&id, addMember, store.Args{"id": "M-1", "now": tx.At}); err != nil {
				return err
			}
			var row struct{ CreatedAt, Latest, JoinedAt loyalty.Instant }
			err := tx.One(&row, `select created_at, (select max(changed_at) from members) as latest, joined_at from members`, nil)
			if err != nil {
				return err
			}
			want := loyalty.At(at)
			if !row.CreatedAt.Equal(want.Time) || !row.Latest.Equal(want.Time) || !row.JoinedAt.IsZero() {
				t.Errorf("read %v, %v and %v, want twice %v and none", row.CreatedAt, row.Latest, row.JoinedAt, want)
			}
			if got := row.CreatedAt.Nanosecond(); got != 456789000 {
				t.Errorf("nanoseconds = %d, want them cut to microseconds", got)
			}
			return nil
		})
	})
}

func TestATransactionLastsWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		stop := errors.New("stop")
		hinted := false
		err := db.Update(context.Background(), func(tx *store.Tx) error {
			tx.AfterCommit(func() { hinted = true })
			if err := tx.SetSetting("a", "1"); err != nil {
				return err
			}
			return stop
		})
		if !errors.Is(err, stop) || hinted {
			t.Errorf("Update = %v, hinted %v, want the function's error and no hint", err, hinted)
		}
		err = db.View(context.Background(), func(tx *store.Tx) error {
			_, err := tx.Setting("a")
			return err
		})
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the setting of a broken transaction: %v, want ErrNotFound", err)
		}
	})
}

func TestATryInsideAnotherUndoesNoMoreAndNoLess(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		bad := errors.New("bad")
		var undone *store.Undone
		update(t, db, func(tx *store.Tx) error {
			add := func(id string) error {
				_, err := tx.Exec("insert into members (external_id, created_at, changed_at) values (@id, @now, @now)", store.Args{"id": id, "now": tx.At})
				return err
			}
			outer := tx.Try(func() error {
				if err := add("outer"); err != nil {
					return err
				}
				if err := tx.Try(func() error { return errors.Join(add("inner"), bad) }); !errors.As(err, &undone) {
					t.Errorf("a failing try inside another: %v, want it undone", err)
				}
				if err := tx.Try(func() error { return add("second") }); err != nil {
					return err
				}
				return bad
			})
			if !errors.As(outer, &undone) {
				t.Errorf("the outer try: %v, want it undone", outer)
			}
			if err := add("kept"); err != nil {
				return err
			}
			return tx.Try(func() error {
				if err := tx.Try(func() error { return errors.Join(add("gone"), bad) }); !errors.As(err, &undone) {
					return err
				}
				return add("beside")
			})
		})
		var names []string
		update(t, db, func(tx *store.Tx) error {
			return tx.All(&names, "select external_id from members order by external_id", nil)
		})
		if want := []string{"beside", "kept"}; !slices.Equal(names, want) {
			t.Errorf("members %v, want %v", names, want)
		}
	})
}

func TestATakenKeyIsADuplicate(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		add := func(tx *store.Tx) error {
			var id int64
			return tx.One(&id, addMember, store.Args{"id": "M-1", "now": tx.At})
		}
		update(t, db, add)
		if err := db.Update(context.Background(), add); !errors.Is(err, store.ErrDuplicate) {
			t.Errorf("a second M-1: %v, want ErrDuplicate", err)
		}
		bulk := func(tx *store.Tx) error {
			_, err := tx.Bulk("members", []string{"external_id", "created_at", "changed_at"}, [][]any{{"M-1", tx.At, tx.At}})
			return err
		}
		if err := db.Update(context.Background(), bulk); !errors.Is(err, store.ErrDuplicate) {
			t.Errorf("M-1 in bulk: %v, want ErrDuplicate", err)
		}
	})
}

func TestBulkKeepsEveryRow(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		update(t, db, func(tx *store.Tx) error {
			var rows [][]any
			for i := range 1234 {
				rows = append(rows, []any{int64(i), fmt.Sprint("tag?@", i)})
			}
			n, err := tx.Bulk("member_tags", []string{"member_id", "tag"}, rows)
			if err != nil || n != 1234 {
				t.Errorf("Bulk = %d, %v, want 1234 rows", n, err)
			}
			var got []int64
			err = tx.All(&got, "select member_id from member_tags where tag in @tags and member_id in (select value from "+tx.JSONEach("@ids")+") order by 1",
				store.Args{"tags": []string{"tag?@7", "tag?@9"}, "ids": store.JSON([]int64{7, 8})})
			if !slices.Equal(got, []int64{7}) {
				t.Errorf("read back %v, want [7]", got)
			}
			return err
		})
	})
}

// TestAFewOfManyAreFoundByTheirIDs guards the pace of single mails: Postgres takes
// a JSON array for a hundred rows, and would read a table of ten thousand for two.
func TestAFewOfManyAreFoundByTheirIDs(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	update(t, db, func(tx *store.Tx) error {
		_, err := tx.Exec(`
			insert into codes (pool_id, code, folded, state)
			select 1, 'CODE-' || n, 'CODE' || n, 'free' from generate_series(1, 12000) n`, nil)
		return err
	})
	update(t, db, func(tx *store.Tx) error {
		if _, err := tx.Exec("analyze codes", nil); err != nil {
			return err
		}
		for range 8 { // a statement that is asked often is planned without its values
			var plan []string
			err := tx.All(&plan, "explain update codes set state = 'void' where id in (select value from "+tx.JSONEach("@ids")+")",
				store.Args{"ids": store.JSON([]int64{7, 8})})
			if err != nil {
				return err
			}
			if text := strings.Join(plan, "\n"); strings.Contains(text, "Seq Scan on codes") {
				t.Fatalf("two codes are looked for among all:\n%s", text)
			}
		}
		return nil
	})
}

func TestMachineTimeGoesForward(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		update(t, db, func(tx *store.Tx) error {
			var ok bool
			err := tx.One(&ok, "select "+tx.Machine()+" < "+tx.MachineIn(time.Minute)+" and "+tx.MachineIn(-time.Minute)+" < "+tx.Machine(), nil)
			if !ok {
				t.Errorf("machine time does not move by a minute")
			}
			return err
		})
	})
}

func TestWritersInARowLoseNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		update(t, db, func(tx *store.Tx) error { return tx.SetSetting("n", "0") })
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() {
				err := db.Share(8).Update(context.Background(), func(tx *store.Tx) error {
					var n int
					if err := tx.One(&n, "select cast(value as integer) from settings where key = 'n' "+tx.ForUpdate(), nil); err != nil {
						return err
					}
					return tx.SetSetting("n", fmt.Sprint(n+1))
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		var got string
		update(t, db, func(tx *store.Tx) (err error) { got, err = tx.Setting("n"); return err })
		if got != "40" {
			t.Errorf("40 writers added up to %s", got)
		}
	})
}

func TestAStatementWithoutItsArgumentIsRefused(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	err := db.View(context.Background(), func(tx *store.Tx) error {
		var n int
		return tx.One(&n, "select @there + @missing", store.Args{"there": 1})
	})
	if err == nil || !strings.Contains(err.Error(), "@missing") {
		t.Errorf("err = %v, want it to name @missing", err)
	}
}

func TestAnOperatorWithAnAtSignIsNoArgument(t *testing.T) {
	t.Parallel()
	err := storetest.Postgres(t).View(context.Background(), func(tx *store.Tx) error {
		var holds bool
		err := tx.One(&holds, "select '[\"a\"]'::jsonb @> jsonb_build_array(cast(@item as text))", store.Args{"item": "a"})
		if err == nil && !holds {
			t.Error("the list does not hold its item")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAViewCannotWrite(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	err := db.View(context.Background(), func(tx *store.Tx) error { return tx.SetSetting("a", "1") })
	if err == nil {
		t.Error("a view wrote")
	}
}

func TestBothEnginesHaveTheSameTablesAndColumns(t *testing.T) {
	t.Parallel()
	columns := func(db *store.DB, text string) (got []string) {
		err := db.View(context.Background(), func(tx *store.Tx) error { return tx.All(&got, text, nil) })
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		return got
	}
	lite := columns(storetest.SQLite(t), `
		select m.name || '.' || c.name || case when c."notnull" = 0 and c.pk = 0 then ' null' else '' end
		from   sqlite_master m, pragma_table_info(m.name) c
		where  m.type = 'table' and m.name not like 'sqlite_%' and m.name not like 'goose%'`)
	pg := columns(storetest.Postgres(t), `
		select table_name || '.' || column_name || case is_nullable when 'YES' then ' null' else '' end
		from   information_schema.columns
		where  table_schema = current_schema() and table_name not like 'goose%'
		and    table_name in (select tablename from pg_tables where schemaname = current_schema())
		and    table_name <> 'count_changes'`) // where writers side by side leave what is to be added up; SQLite has one
	if len(pg) < 100 || !slices.Equal(lite, pg) {
		t.Errorf("columns differ:\nonly SQLite: %v\nonly Postgres: %v", minus(lite, pg), minus(pg, lite))
	}
}

func minus(a, b []string) (left []string) {
	for _, x := range a {
		if !slices.Contains(b, x) {
			left = append(left, x)
		}
	}
	return left
}

func TestMigrateTwiceIsOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if err := db.Migrate(context.Background()); err != nil {
			t.Error(err)
		}
		have, want, err := db.Schema(context.Background())
		if err != nil || have != want || want == 0 {
			t.Errorf("Schema = %d, %d, %v, want the newest twice", have, want, err)
		}
	})
}

func TestAStreamAddsRowsUntilItEnds(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		broken := errors.New("broken")
		until := func(last int, end error) func() ([]any, error) {
			i, row := 0, make([]any, 4) // the same slice each time
			return func() ([]any, error) {
				if i++; i > last {
					return nil, end
				}
				row[0], row[1], row[2], row[3] = int64(i), "offers", i%2 == 0, loyalty.At(storetest.Start)
				return row, nil
			}
		}
		stream := func(last int, end error) error {
			return db.Update(context.Background(), func(tx *store.Tx) error {
				n, err := tx.Stream("member_topics", []string{"member_id", "topic", "granted", "changed_at"}, until(last, end))
				if err == nil && n != int64(last) {
					t.Errorf("Stream = %d rows, want %d", n, last)
				}
				return err
			})
		}
		if err := stream(700, broken); err == nil {
			t.Error("a stream that breaks off was taken for a whole one")
		}
		if err := stream(1234, nil); err != nil {
			t.Fatal(err)
		}
		if err := db.Vacuum(context.Background(), "member_topics"); err != nil {
			t.Error(err)
		}
		var got struct{ N, Members, Granted int64 }
		update(t, db, func(tx *store.Tx) error {
			return tx.One(&got, "select count(*) as n, count(distinct member_id) as members, count(*) filter (where granted) as granted from member_topics", nil)
		})
		if got != struct{ N, Members, Granted int64 }{1234, 1234, 617} {
			t.Errorf("the table holds %+v, want 1234 rows of as many members, 617 granted", got)
		}
	})
}

func TestAScratchDatabaseGoesWhenItIsClosed(t *testing.T) {
	t.Parallel()
	where := storetest.Where(t)
	ctx, cancel := context.WithCancel(context.Background())
	db, err := store.Scratch(ctx, where, store.Options{Conns: 2})
	if err != nil {
		t.Fatal(err)
	}
	var name string
	update(t, db, func(tx *store.Tx) error {
		if err := tx.SetSetting("a", "1"); err != nil { // the schema is there
			return err
		}
		return tx.One(&name, "select current_database()", nil)
	})
	cancel() // as Ctrl-C does
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	outside, err := store.Open(context.Background(), where, store.Options{Conns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	var left int64
	update(t, outside, func(tx *store.Tx) error {
		return tx.One(&left, "select count(*) from pg_database where datname = @name", store.Args{"name": name})
	})
	if left != 0 || !strings.HasPrefix(name, "regulars_scratch_") {
		t.Errorf("database %q is still there after Close", name)
	}
}

func TestAllForgetsWhatStoodThere(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for query, want := range map[string]string{
			"select value from settings where key = 'none of these'": "[]",
			"select cast(7 as bigint)":                               "[7]",
		} {
			ids := []int64{1, 2, 3}
			err := db.View(context.Background(), func(tx *store.Tx) error { return tx.All(&ids, query, nil) })
			if got := fmt.Sprint(ids); err != nil || got != want {
				t.Errorf("All(%s) over three others = %s, %v, want %s", query, got, err, want)
			}
		}
	})
}
