package jobs

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regulars/internal/consent"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	lost := errors.New("connection refused")
	long := store.Beat{N: 100, Unseen: 2 * time.Hour}
	ago := store.Beat{N: 100, Unseen: time.Minute}
	n := func(n int64) noted { return noted{N: n} }
	for _, tt := range []struct {
		name      string
		b         Beats
		out       outside
		last      int64
		unsure    bool
		behind    int64
		silent    bool
		elsewhere int64
	}{
		{"it goes on", Beats{first: ago}, outside{here: n(100)}, 100, false, 0, false, 0},
		{"it went back", Beats{first: ago}, outside{here: n(101)}, 100, false, 101, false, 0},
		{"it went back before its first beat", Beats{}, outside{here: n(7)}, 0, false, 7, false, 0},
		{"nothing is noted, a moment ago", Beats{first: ago}, outside{}, 100, false, 0, false, 0},
		{"nothing is noted, long ago", Beats{first: long}, outside{}, 100, false, 0, true, 0},
		{"the note cannot be read", Beats{first: ago}, outside{unread: lost}, 100, true, 0, false, 0},
		{"one of two notes is as far as the database", Beats{first: ago}, outside{here: n(98), unread: lost}, 100, false, 0, false, 0},
		{"one of two notes is of long ago", Beats{first: ago}, outside{here: n(50), unread: lost}, 100, true, 0, false, 0},
		{"one of two notes is further", Beats{first: ago}, outside{here: n(150), unread: lost}, 100, false, 150, false, 0},
		{"a database that was never at work", Beats{}, outside{unread: lost}, 0, false, 0, false, 0},
		{"the note cannot be read for a young database", Beats{first: store.Beat{N: 3}}, outside{unread: lost}, 3, true, 0, false, 0},
		{"another replica is at work meanwhile", Beats{first: ago, looks: 3}, outside{unread: lost}, 101, false, 0, false, 0},
		{"the note is read at last, and is further", Beats{first: ago, looks: 3}, outside{here: n(150)}, 100, false, 150, false, 0},
		{"the last look", Beats{first: ago, looks: 179}, outside{unread: lost}, 100, true, 0, false, 0},
		{"after a quarter of an hour the note is lost", Beats{first: ago, looks: 180}, outside{unread: lost}, 100, false, 0, false, 0},
		{"after a quarter of an hour, in a silent database", Beats{first: long, looks: 180}, outside{unread: lost}, 100, false, 0, true, 0},
		{"a new place, not behind any", Beats{first: long}, outside{elsewhere: n(100)}, 100, false, 0, false, 0},
		{"a new place behind another", Beats{first: ago}, outside{elsewhere: n(150)}, 100, true, 0, false, 150},
		{"where work goes on: a clone", Beats{first: ago, looks: 1, elsewhere: n(150)}, outside{elsewhere: n(151)}, 100, false, 0, false, 150},
		{"where nobody has moved yet", Beats{first: ago, looks: 3, elsewhere: n(150)}, outside{elsewhere: n(150)}, 100, true, 0, false, 150},
		{"where nobody is at work: restored elsewhere", Beats{first: ago, looks: 4, elsewhere: n(150)}, outside{elsewhere: n(150)}, 100, false, 150, false, 150},
		{"a clone that has a note of its own", Beats{first: ago}, outside{here: n(99), elsewhere: n(150)}, 100, false, 0, false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := tt.b.judge(tt.out, store.Beat{N: tt.last})
			if v.unsure != "" != tt.unsure || v.behind.N != tt.behind || v.silent != tt.silent || tt.b.elsewhere.N != tt.elsewhere {
				t.Errorf("judge(%+v) = %+v, elsewhere %d", tt.out, v, tt.b.elsewhere.N)
			}
		})
	}
}

func holdsOf(t *testing.T, db *store.DB) (all consent.Holds) {
	t.Helper()
	err := db.View(context.Background(), func(tx *store.Tx) (err error) { all, err = consent.Held(tx); return err })
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func beatsOf(t *testing.T, db *store.DB, file string) *Beats {
	t.Helper()
	b := &Beats{DB: db, File: file, Log: slog.New(slog.DiscardHandler)}
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

func beatIs(t *testing.T, db *store.DB, n int64) {
	t.Helper()
	err := db.Update(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Exec("update beats set n = @n", store.Args{"n": n})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Until a note that is there can be read, bulk mails and offers wait and nothing is
// written over it; what it says in the end is done.
func TestANoteThatCannotBeReadIsWaitedFor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		says  string
		stops string
	}{{"100 2026-01-01 00:00:00 UTC", ""}, {"500 2026-01-01 00:00:00 UTC", consent.HoldAll}} {
		storetest.Each(t, func(t *testing.T, db *store.DB) {
			file := filepath.Join(t.TempDir(), "noted")
			b := beatsOf(t, db, file)
			beatIs(t, db, 100)
			if err := os.Remove(b.mine); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(b.mine, 0o700); err != nil { // no file, whoever reads it
				t.Fatal(err)
			}
			b = beatsOf(t, db, file)
			for range 3 {
				held := holdsOf(t, db)
				if _, offers := held.Stops(1, "offer", false); !offers {
					t.Fatalf("%+v: an offer goes", held)
				}
				if _, bulk := held.Stops(1, "program", true); !bulk {
					t.Fatalf("%+v: a bulk mail goes", held)
				}
				if _, single := held.Stops(1, "earned", false); single {
					t.Fatalf("%+v: an earned mail waits", held)
				}
				if err := b.pass(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Remove(b.mine); err != nil {
				t.Fatalf("the note was written over: %v", err)
			}
			if err := os.WriteFile(b.mine, []byte(b.id+" "+tt.says+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := b.pass(t.Context()); err != nil {
				t.Fatal(err)
			}
			held := holdsOf(t, db)
			if _, all := held[consent.HoldAll]; all != (tt.stops != "") || len(held) > 1 {
				t.Errorf("the note says %s: %+v, want %q held", tt.says, held, tt.stops)
			}
			if text, err := os.ReadFile(b.mine); err != nil || strings.Contains(string(text), tt.says) {
				t.Errorf("the note is %q, %v; want it to go on", text, err)
			}
		})
	}
}

// What a person let go does not wait again.
func TestAPersonLetsGoWhatWaitsForANote(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	file := filepath.Join(t.TempDir(), "noted")
	b := beatsOf(t, db, file)
	if err := errors.Join(os.Remove(b.mine), os.Mkdir(b.mine, 0o700)); err != nil {
		t.Fatal(err)
	}
	b = beatsOf(t, db, file)
	err := db.Update(t.Context(), func(tx *store.Tx) error { _, err := consent.Release(tx, consent.HoldUnsure); return err })
	if err := errors.Join(err, b.pass(t.Context())); err != nil {
		t.Fatal(err)
	}
	if held := holdsOf(t, db); len(held) > 0 {
		t.Errorf("%+v, want nothing held", held)
	}
}

// A clone and its original keep notes of their own, though they share a file: neither
// is held for the other's sake, and each is when it goes back itself.
func TestACloneHasANoteOfItsOwn(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "noted")
	original, clone := storetest.SQLite(t), storetest.SQLite(t)
	pepper := strings.Repeat("ab", 32)
	for _, db := range []*store.DB{original, clone} {
		if err := db.Update(t.Context(), func(tx *store.Tx) error { return tx.SetSetting(store.SettingPepper, pepper) }); err != nil {
			t.Fatal(err)
		}
	}
	beatsOf(t, original, file)
	beatIs(t, original, 900)
	at := beatsOf(t, original, file)
	beatsOf(t, clone, filepath.Join(t.TempDir(), "another"))
	beatIs(t, clone, 500)
	c := beatsOf(t, clone, file)
	if held := holdsOf(t, clone); held[consent.HoldUnsure].Because == "" {
		t.Fatalf("%+v: nobody asks whether the original is at work", held)
	}
	if err := errors.Join(at.pass(t.Context()), c.pass(t.Context())); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		beatsOf(t, clone, file)
		beatsOf(t, original, file)
	}
	if a, b := holdsOf(t, original), holdsOf(t, clone); len(a)+len(b) > 0 {
		t.Fatalf("original %+v, clone %+v: want nothing held", a, b)
	}
	beatIs(t, original, 700)
	beatsOf(t, original, file)
	if held := holdsOf(t, original); held[consent.HoldAll].Because == "" {
		t.Error("the clone's note hides that the original went back")
	}
}

// A copy that is restored in another place is held like one in the same: nobody is at
// work in the first place any more.
func TestARestoreElsewhereIsNoticed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "noted")
	original, copied := storetest.SQLite(t), storetest.SQLite(t)
	for _, db := range []*store.DB{original, copied} {
		if err := db.Update(t.Context(), func(tx *store.Tx) error { return tx.SetSetting(store.SettingPepper, strings.Repeat("cd", 32)) }); err != nil {
			t.Fatal(err)
		}
	}
	beatsOf(t, copied, filepath.Join(t.TempDir(), "another"))
	beatsOf(t, original, file)
	beatIs(t, original, 900)
	beatsOf(t, original, file)
	b := beatsOf(t, copied, file)
	for range still {
		if held := holdsOf(t, copied); held[consent.HoldUnsure].Because == "" {
			t.Fatalf("%+v, want bulk mails and offers to wait", held)
		}
		if err := b.pass(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	held := holdsOf(t, copied)
	if !strings.Contains(held[consent.HoldAll].Because, "restored from an older copy") || len(held) != 1 {
		t.Errorf("%+v, want everything held", held)
	}
}
