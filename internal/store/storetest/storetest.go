// Package storetest runs a test on every engine that the machine has: on SQLite
// always, on Postgres when it finds one at TEST_DATABASE_URL or on localhost's
// standard port. Without Postgres the part is skipped and says so; with CI=true
// that is a failure.
package storetest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"regulars/internal/patiently"
	"regulars/internal/store"
)

// Start is the business moment at which test databases begin to stand: a
// Wednesday noon in Helsinki.
var Start = time.Date(2027, 3, 3, 10, 0, 0, 0, time.UTC)

// Each runs f once per engine on a fresh, migrated database whose business time
// stands at Start.
func Each(t *testing.T, f func(t *testing.T, db *store.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, SQLite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f(t, Postgres(t))
	})
}

// OnOne has a test that plays a whole history play it on one engine alone where time is
// short: it skips on the other.
func OnOne(t *testing.T, engine string, on string) {
	t.Helper()
	if on != engine && hurried(t) {
		t.Skipf("time is short: a whole history plays on %s alone; with -timeout 60m on both", engine)
	}
}

// hurried reports whether time is short: in CI, and in the ten minutes that go test gives a
// package by itself.
func hurried(t *testing.T) bool {
	until, ends := t.Deadline()
	return os.Getenv("CI") == "true" || ends && time.Until(until) < 20*time.Minute
}

// SQLite returns a fresh database in a file of the test's own.
func SQLite(t testing.TB) *store.DB {
	t.Helper()
	return open(t, File(t), store.Options{})
}

// File returns the address of an empty, migrated database in a file of the test's own.
func File(t testing.TB) string {
	t.Helper()
	empty, err := migrated()
	if err != nil {
		t.Fatal("making a database ready for the tests: ", err)
	}
	file := filepath.Join(t.TempDir(), "test.db")
	if err := os.WriteFile(file, empty, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + file
}

// migrated is the file of an SQLite database as the migrations leave it. They run
// once in a process.
var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "regulars-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "empty.db")
	db, err := store.Open(context.Background(), "sqlite:"+file, store.Options{Create: true})
	if err != nil {
		return nil, err
	}
	if err := db.Migrate(context.Background()); err != nil {
		db.Close()
		return nil, err
	}
	if err := db.Close(); err != nil { // which leaves everything in the one file
		return nil, err
	}
	return os.ReadFile(file)
})

// Postgres returns a fresh database of the test's own.
func Postgres(t testing.TB) *store.DB {
	t.Helper()
	return open(t, Database(t), store.Options{Conns: 12})
}

// Database returns the address of an empty, migrated database on the Postgres for
// tests, which is the test's own until it ends.
func Database(t testing.TB) string {
	t.Helper()
	where := Where(t)
	ctx, cancel := context.WithTimeout(context.Background(), patiently.AtMost)
	defer cancel()
	s, err := take(ctx, where)
	if err != nil {
		t.Fatal("making a database ready for the test: ", err)
	}
	t.Cleanup(s.give)
	return named(where, s.name)
}

// Where returns the address of a Postgres for tests, and skips the test when
// there is none.
func Where(t testing.TB) string {
	t.Helper()
	where := answering()
	const missing = "no Postgres at TEST_DATABASE_URL or on localhost:5432: the Postgres half of this test did not run"
	switch {
	case where != "":
	case os.Getenv("CI") == "true":
		t.Fatal(missing)
	default:
		t.Skip(missing)
	}
	return where
}

// answering is the address of a Postgres that answers, "" where there is none. It is
// looked for once in a process.
var answering = sync.OnceValue(func() string {
	candidates := []string{
		"postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable",
		"postgres://postgres:postgres@127.0.0.1:5432/postgres?sslmode=disable",
	}
	if given := os.Getenv("TEST_DATABASE_URL"); given != "" {
		candidates = []string{given}
	}
	for _, where := range candidates {
		if answers(where) {
			return where
		}
	}
	return ""
})

func answers(where string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), patiently.AtMost) // where nobody listens, it says so at once
	defer cancel()
	db, err := store.Open(ctx, where, store.Options{Conns: 1})
	if err != nil {
		return false
	}
	db.Close()
	return true
}

func open(t testing.TB, where string, o store.Options) *store.DB {
	t.Helper()
	o.Now = func() time.Time { return Start }
	db, err := store.Open(context.Background(), where, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}
