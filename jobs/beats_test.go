package jobs_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regulars/internal/consent"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/jobs"
)

func held(t *testing.T, db *store.DB) (h consent.HoldRow) {
	t.Helper()
	err := db.View(context.Background(), func(tx *store.Tx) error {
		all, err := consent.Held(tx)
		h = all[consent.HoldAll]
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// goesBack makes the database what it was so many beats ago.
func goesBack(t *testing.T, db *store.DB, beats int) {
	t.Helper()
	err := db.Update(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Exec("update beats set n = n - @n", store.Args{"n": beats})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Fault 32: a database that is older than what was noted outside it holds everything,
// whichever of the two kept the note; one that only goes on never does.
func TestADatabaseThatGoesBackHoldsEverything(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"file", "redis"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				file, redisOf := filepath.Join(t.TempDir(), "noted"), ""
				if where == "redis" {
					redisOf = given(t)
				}
				begin := func() {
					t.Helper()
					b := jobs.Beats{DB: db, Log: slog.New(slog.DiscardHandler)}
					if b.File = file; where == "redis" {
						r := asking(t, redisOf)
						b.Redis, b.File = &r, ""
					}
					if err := b.Start(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				for range 5 {
					begin()
				}
				if h := held(t, db); h.Because != "" {
					t.Fatalf("a database that goes on: %+v", h)
				}
				goesBack(t, db, 3)
				begin()
				if h := held(t, db); h.ByWhom != consent.ByItself || !strings.Contains(h.Because, "restored from an older copy") {
					t.Fatalf("a database that went back: %+v, want everything held", h)
				}
				err := db.Update(context.Background(), func(tx *store.Tx) error { _, err := consent.Release(tx, consent.HoldAll); return err })
				if err != nil {
					t.Fatal(err)
				}
				begin()
				if h := held(t, db); h.Because != "" {
					t.Errorf("after a person has released it: %+v, want nothing held any more", h)
				}
				notes, _ := filepath.Glob(file + ".*")
				if where == "file" && len(notes) != 1 {
					t.Fatalf("notes: %v, want one", notes)
				}
				for _, note := range notes {
					if info, err := os.Stat(note); err != nil || info.Mode().Perm() != 0o600 {
						t.Errorf("the note: %v, %v; want a file that only we can read", info, err)
					}
				}
			})
		})
	}
}

// A record of noes has each once, across restarts, and holds when it is taken in by an
// older database, for strangers too.
func TestTheRecordOfNoes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		do := func(f func(tx *store.Tx) error) {
			t.Helper()
			if err := db.Update(context.Background(), f); err != nil {
				t.Fatal(err)
			}
		}
		var ana, bo int64
		key := func(b byte) []byte { return append(make([]byte, 31), b) }
		do(func(tx *store.Tx) error {
			for i, id := range []*int64{&ana, &bo} {
				err := tx.One(id, "insert into members (external_id, email, email_key, created_at, changed_at) values (@x, 'x@example.test', @key, @now, @now) returning id",
					store.Args{"x": []string{"M-1", "M-2"}[i], "key": key(byte(i + 1)), "now": tx.At})
				if err != nil {
					return err
				}
			}
			return nil
		})
		file := filepath.Join(t.TempDir(), "noes.csv")
		write := func() int {
			t.Helper()
			ctx, stop := context.WithCancel(context.Background())
			stop() // it writes once more at its end
			j := jobs.Journal{DB: db, File: file, Log: slog.New(slog.DiscardHandler)}
			if err := j.Run(ctx); err != nil {
				t.Fatal(err)
			}
			text, _ := os.ReadFile(file)
			return strings.Count(string(text), "\n")
		}
		do(func(tx *store.Tx) error {
			if err := consent.Suppress(tx, key(9), consent.HardBounce, "relay"); err != nil {
				return err
			}
			return consent.Refuse(tx, ana, []string{loyalty.Offers}, consent.How{At: tx.At, Source: "one-click"})
		})
		if n := write(); n != 3 {
			t.Fatalf("%d lines, want the head and two noes", n)
		}
		do(func(tx *store.Tx) error {
			return consent.Refuse(tx, bo, []string{loyalty.Newsletter}, consent.How{At: tx.At, Source: "page"})
		})
		do(func(tx *store.Tx) error { // of an address that no member has any more
			return consent.RefuseAddress(tx, key(5), []string{loyalty.Offers}, "one-click")
		})
		for range 3 {
			if n := write(); n != 5 {
				t.Fatalf("%d lines, want the head and four noes, each once", n)
			}
		}
		do(func(tx *store.Tx) error { // the copy is from before all of this, and does not know bo
			for _, text := range []string{"delete from consents", "delete from member_topics", "delete from suppressions", "delete from refusals", "delete from members where external_id = 'M-2'"} {
				if _, err := tx.Exec(text, nil); err != nil {
					return err
				}
			}
			return consent.Set(tx, ana, loyalty.Offers, true, consent.How{At: tx.At.Plus(-time.Hour), Source: "checkout"})
		})
		in, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		var sum consent.Recalled
		err = consent.ReadNoes(in, func(piece []consent.No) error {
			do(func(tx *store.Tx) error { return consent.Recall(tx, piece, &sum) })
			return nil
		})
		if want := (consent.Recalled{Read: 4, Refusals: 1, Suppressions: 1, Strangers: 2}); err != nil || sum != want {
			t.Errorf("taken in: %+v, %v; want %+v", sum, err, want)
		}
		do(func(tx *store.Tx) error {
			var yes int
			if err := tx.One(&yes, "select count(*) from member_topics where granted", nil); err != nil || yes != 0 {
				t.Errorf("%d topics are agreed to, %v; want none: the no came later", yes, err)
			}
			if reason, _, err := consent.Suppressed(tx, key(9)); reason == "" {
				t.Errorf("an address gets mails though it bounced: %v", err)
			}
			for b, topic := range map[byte]string{2: loyalty.Newsletter, 5: loyalty.Offers} { // they come, with a yes from before
				var id int64
				if err := tx.One(&id, "insert into members (external_id, email, email_key, created_at, changed_at) values (@x, 'x@example.test', @key, @now, @now) returning id",
					store.Args{"x": fmt.Sprint("N-", b), "key": key(b), "now": tx.At}); err != nil {
					return err
				}
				if err := consent.Set(tx, id, topic, true, consent.How{At: tx.At.Plus(-time.Hour), Source: "checkout"}); err != nil {
					return err
				}
				if err := consent.Inherit(tx, []int64{id}); err != nil {
					return err
				}
				if err := tx.One(&yes, "select count(*) from member_topics where granted and member_id = @id", store.Args{"id": id}); err != nil || yes != 0 {
					t.Errorf("an address gets %s though it said no: %v", topic, err)
				}
			}
			return nil
		})
	})
}

// Fault 18: a database that is full is known, and so is the end of it.
func TestAFullDatabaseIsKnown(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	fill := func(pages string) error {
		return db.Update(context.Background(), func(tx *store.Tx) error {
			var n int64
			if err := tx.One(&n, "pragma max_page_count = "+pages, nil); err != nil {
				return err
			}
			_, err := tx.Exec("insert into settings (key, value) values ('large', hex(randomblob(100000))) on conflict (key) do update set value = excluded.value || excluded.value", nil)
			return err
		})
	}
	sense := jobs.DiskSense(db)
	if got := sense(t.Context()); got != nil {
		t.Fatalf("a sound database: %v", got)
	}
	if err := fill("1"); err == nil { // no fewer than there are
		t.Fatal("the database took what it had no room for")
	}
	for range 2 { // until it takes writes again
		if got := sense(t.Context()); len(got) != 1 || got[0].Kind != "disk" || !strings.Contains(got[0].What, "disk is full") {
			t.Fatalf("a full database: %v", got)
		}
	}
	if err := fill("1000000"); err != nil {
		t.Fatal(err)
	}
	if got := sense(t.Context()); got != nil {
		t.Errorf("a database that takes writes again: %v", got)
	}
}
