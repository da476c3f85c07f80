package store_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// endless never comes to an end by itself.
const endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n where i < 0"

func TestAQuestionEndsAfterItsTime(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for range 3 { // the connection is good for the next question
			err := db.Ask(context.Background(), 20*time.Millisecond, func(tx *store.Tx) error {
				var n int64
				return tx.One(&n, endless, nil)
			})
			if !errors.Is(err, store.ErrTooLong) {
				t.Fatalf("Ask an endless question = %v, want ErrTooLong", err)
			}
		}
		var n int
		err := db.Ask(context.Background(), time.Hour, func(tx *store.Tx) error { return tx.One(&n, "select 7", nil) })
		if err != nil || n != 7 {
			t.Errorf("Ask a short one = %d, %v", n, err)
		}
	})
}

// The statement's own limit holds even when nobody cancels: Postgres ends what a
// client that is gone has left behind.
func TestPostgresEndsAQuestionByItself(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	var limit string
	err := db.Ask(context.Background(), 90_001*time.Millisecond, func(tx *store.Tx) error {
		return tx.One(&limit, "select current_setting('statement_timeout')", nil)
	})
	if err != nil || limit != "90001ms" {
		t.Errorf("statement_timeout inside Ask = %q, %v, want 90001ms", limit, err)
	}
	err = db.View(context.Background(), func(tx *store.Tx) error {
		return tx.One(&limit, "select current_setting('statement_timeout')", nil)
	})
	if err != nil || limit == "90001ms" {
		t.Errorf("statement_timeout after it = %q, %v: it stayed", limit, err)
	}
}

func TestAQuestionIsInterruptedAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, cancel := context.WithCancel(context.Background())
		asking := make(chan struct{})
		go func() {
			<-asking
			cancel()
		}()
		err := db.Ask(ctx, 0, func(tx *store.Tx) error {
			close(asking)
			var n int64
			return tx.One(&n, endless, nil)
		})
		if !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrTooLong) {
			t.Errorf("Ask and interrupt = %v, want context.Canceled alone", err)
		}
	})
}

func TestAQuestionWritesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		write := func(tx *store.Tx) error {
			_, err := tx.Exec("insert into settings (key, value) values ('written', 'by a question')", nil)
			return err
		}
		if err := db.Ask(context.Background(), time.Hour, write); err == nil {
			t.Error("Ask let a statement write")
		}
		if err := db.View(context.Background(), write); err == nil {
			t.Error("View let a statement write")
		}
	})
}

func TestQuestionsAboutEverybodyHaveRoomUntilTheirEnd(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	const ask = "select current_setting('work_mem') || ' ' || current_setting('jit') || ' ' || current_setting('max_parallel_workers_per_gather')"
	setting := func(prepare func(*store.Tx) error) (s string) {
		err := db.View(context.Background(), func(tx *store.Tx) error {
			if err := prepare(tx); err != nil {
				return err
			}
			if err := prepare(tx); err != nil { // twice is once
				return err
			}
			return tx.One(&s, ask, nil)
		})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	plain := setting(func(*store.Tx) error { return nil })
	if got := setting((*store.Tx).AboutEverybody); !strings.HasPrefix(got, "32MB off ") || strings.HasSuffix(got, " 0") {
		t.Errorf("settings of AboutEverybody: %s", got)
	}
	if got := setting((*store.Tx).InBackground); got != "32MB off 0" {
		t.Errorf("settings of InBackground: %s", got)
	}
	if got := setting(func(*store.Tx) error { return nil }); got != plain {
		t.Errorf("settings after them: %s, want %s again", got, plain)
	}
	lite := storetest.SQLite(t)
	if err := lite.View(context.Background(), (*store.Tx).InBackground); err != nil {
		t.Errorf("InBackground on SQLite: %v", err)
	}
}

// What comes in again and again is planned once for a connection.
func TestKeptPlansAreMadeOnce(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	const ask = "select count(*) from facts where member_id in (select cast(value as bigint) from jsonb_array_elements_text(cast(cast(@ids as text) as jsonb))) and orders >= @n"
	var plans struct{ Generic, Custom int }
	update(t, db, func(tx *store.Tx) error {
		if err := tx.ByKeptPlans(); err != nil {
			return err
		}
		for range 3 {
			var n int
			if err := tx.One(&n, ask, store.Args{"ids": "[1, 2]", "n": 0}); err != nil {
				return err
			}
		}
		return tx.One(&plans, "select coalesce(sum(generic_plans), 0) as generic, coalesce(sum(custom_plans), 0) as custom from pg_prepared_statements where statement like '%from facts where member_id in%' and statement not like '%pg_prepared%'", nil)
	})
	if plans.Generic != 3 || plans.Custom != 0 {
		t.Errorf("of three times %d went by a kept plan and %d by one of their own", plans.Generic, plans.Custom)
	}
	if err := storetest.SQLite(t).View(context.Background(), (*store.Tx).ByKeptPlans); err != nil {
		t.Errorf("ByKeptPlans on SQLite: %v", err)
	}
}

// A question whose time is over when its last answer is there took too long, too, or was
// just in time.
func TestAQuestionEndsThatIsAnsweredTooLate(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for range 5 {
			err := db.Ask(t.Context(), time.Millisecond, func(tx *store.Tx) error {
				for began := time.Now(); time.Since(began) < 10*time.Millisecond; {
					runtime.Gosched()
				}
				return nil
			})
			if err != nil && !errors.Is(err, store.ErrTooLong) {
				t.Fatalf("Ask = %v, want ErrTooLong", err)
			}
		}
	})
}
