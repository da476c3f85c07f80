package storetest

import (
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"regulars/internal/store"
)

// EachKept runs f once per engine on a database that an older version of the
// program left in a folder: sqlite.db.gz, a copy of the file, and postgres.sql.gz,
// the dump. It is not migrated yet.
func EachKept(t *testing.T, folder string, f func(t *testing.T, db *store.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "kept.db")
		if err := os.WriteFile(file, unpacked(t, filepath.Join(folder, "sqlite.db.gz")), 0o600); err != nil {
			t.Fatal(err)
		}
		f(t, open(t, "sqlite:"+file, store.Options{}))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		where := Database(t) // made anew for the next test, since it is not as the migrations leave it
		c, err := pgx.Connect(context.Background(), where)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(context.Background())
		dump := "drop schema public cascade; create schema public; " + string(unpacked(t, filepath.Join(folder, "postgres.sql.gz")))
		if _, err := c.PgConn().Exec(context.Background(), dump).ReadAll(); err != nil {
			t.Fatal("reading the dump: ", err)
		}
		f(t, open(t, where, store.Options{Conns: 12}))
	})
}

func unpacked(t *testing.T, file string) []byte {
	t.Helper()
	packed, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	z, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
