package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

const addTag = "insert into member_tags (member_id, tag) values (@id, @tag)"

// tag has a member get a tag later.
func tag(tx *store.Tx, id int64, tag string) error {
	return tx.Later("tagging", addTag, store.Args{"id": id, "tag": tag})
}

// badly does so with a tag that is none.
func badly(tx *store.Tx, id int64) error {
	return tx.Later("tagging", addTag, store.Args{"id": id, "tag": nil})
}

func tags(tx *store.Tx) (list []string, err error) {
	err = tx.All(&list, "select tag from member_tags order by tag", nil)
	return list, err
}

// alone is the database over connections of its own, so few that what one transaction
// leaves over in its connection the next one meets.
func alone(t *testing.T, db *store.DB) *store.DB {
	t.Helper()
	few, err := db.Beside(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { few.Close() })
	return few.Share(1)
}

// each runs f on a database whose connection hears every statement for the first time, and
// then when it knows them.
func each(t *testing.T, f func(t *testing.T, db *store.DB, id int64)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var id int64
		update(t, db, func(tx *store.Tx) error { return tx.One(&id, addMember, store.Args{"id": "M-1", "now": tx.At}) })
		db = alone(t, db)
		for _, time := range []string{"first", "second", "third"} {
			update(t, db, func(tx *store.Tx) error { _, err := tx.Exec("delete from member_tags", nil); return err })
			if f(t, db, id); t.Failed() {
				t.Fatalf("the %s time", time)
			}
		}
	})
}

func TestWhatIsDoneLaterStandsInTheOrderOfTheCalls(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB, id int64) {
		steps := []func(tx *store.Tx) error{
			func(tx *store.Tx) error {
				_, err := tx.Exec("update member_tags set tag = tag || @x", store.Args{"x": "1"})
				return err
			},
			func(tx *store.Tx) error {
				_, err := tx.Exec("update member_tags set tag = tag || '2'", nil)
				return err
			},
			func(tx *store.Tx) error {
				return tx.Each("select tag from member_tags where tag <> @x", store.Args{"x": "x"}, func(scan func(...any) error) error { var tag string; return scan(&tag) })
			},
			func(tx *store.Tx) error {
				return tx.Later("", "update member_tags set tag = tag || @x", store.Args{"x": "3"})
			},
			func(tx *store.Tx) error {
				_, err := tx.Bulk("member_tags", []string{"member_id", "tag"}, [][]any{{id, "bulk"}})
				return err
			},
			func(tx *store.Tx) error {
				return tx.Later("", "update member_tags set tag = tag || @x", store.Args{"x": "4"})
			},
			func(tx *store.Tx) error {
				n := 0
				err := tx.Pieces("select tag from member_tags order by tag", nil, 1, func(scan func(...any) error) error { var tag string; return scan(&tag) }, func() error {
					n++
					return tx.Later("", "update member_tags set tag = tag || @x", store.Args{"x": "p"})
				})
				if n != 2 {
					t.Errorf("Pieces found %d, want 2", n)
				}
				return err
			},
			func(tx *store.Tx) error { return tx.SetSetting("a", "b") },
			func(tx *store.Tx) error {
				return tx.Later("", "update member_tags set tag = tag || @x", store.Args{"x": "5"})
			},
			func(tx *store.Tx) error {
				_, err := tx.Exec("update member_tags set tag = tag || @x where member_id in @ids", store.Args{"x": "6", "ids": []int64{id}})
				return err
			},
			func(tx *store.Tx) error {
				return tx.Later("", "update member_tags set tag = tag || @x where member_id in @ids", store.Args{"x": "7", "ids": []int64{id}})
			},
			func(tx *store.Tx) error {
				rows, err := tx.Query("select tag from member_tags", nil)
				if err == nil {
					err = rows.Close()
				}
				return err
			},
		}
		update(t, db, func(tx *store.Tx) error {
			if err := tag(tx, id, "a"); err != nil {
				return err
			}
			for _, step := range steps {
				if err := step(tx); err != nil {
					return err
				}
			}
			return tx.Later("", "update member_tags set tag = tag || @x", store.Args{"x": "8"})
		})
		update(t, db, func(tx *store.Tx) error {
			got, err := tags(tx)
			if want := "[a1234pp5678 bulk4pp5678]"; fmt.Sprint(got) != want {
				t.Errorf("the tags are %v, want %s", got, want)
			}
			return err
		})
	})
}

// broken is what an update ends with, and which tags there are then.
func broken(t *testing.T, db *store.DB, f func(tx *store.Tx) error) (kept []string, err error) {
	t.Helper()
	err = db.Update(context.Background(), f)
	update(t, db, func(tx *store.Tx) (failed error) { kept, failed = tags(tx); return failed })
	return kept, err
}

func TestTheErrorOfWhatIsDoneLaterEndsTheTransaction(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*store.Tx) error{
		"with the next statement": func(tx *store.Tx) error {
			_, err := tx.Exec("update member_tags set tag = @tag", store.Args{"tag": "b"})
			return wrapped(err)
		},
		"with the next that reads rows": func(tx *store.Tx) error {
			return wrapped(tx.Each("select tag from member_tags where tag <> @x", store.Args{"x": "x"}, func(func(...any) error) error { return nil }))
		},
		"with the next of GORM's": func(tx *store.Tx) error { _, err := tags(tx); return wrapped(err) },
		"with the commit":         func(tx *store.Tx) error { return nil },
		"where nobody makes anything of it": func(tx *store.Tx) error {
			tx.Exec("update member_tags set tag = @tag", store.Args{"tag": "b"})
			return nil
		},
		"before a Try": func(tx *store.Tx) error { return wrapped(tx.Try(func() error { return nil })) },
		"before a Try that asks": func(tx *store.Tx) error {
			return wrapped(tx.Try(func() error { _, err := tags(tx); return err }))
		},
		"before a Try inside another": func(tx *store.Tx) error {
			return wrapped(tx.Try(func() error { return wrapped(tx.Try(func() error { _, err := tags(tx); return err })) }))
		},
		"when others were left after it": func(tx *store.Tx) error {
			if err := tx.Later("", "update member_tags set tag = @tag", store.Args{"tag": "b"}); err != nil {
				return err
			}
			return wrapped(tx.Await())
		},
	}
	for name, then := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, db *store.DB, id int64) {
				kept, err := broken(t, db, func(tx *store.Tx) error {
					if err := tag(tx, id, "a"); err != nil {
						return err
					}
					if err := badly(tx, id); err != nil {
						return err
					}
					return then(tx)
				})
				if err == nil || !strings.HasPrefix(err.Error(), "tagging: insert into member_tags") || len(kept) > 0 {
					t.Errorf("Update = %v and kept %v, want the error of the tag, in its words, and nothing", err, kept)
				}
			})
		})
	}
}

// wrapped is an error in the words of somebody else.
func wrapped(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("renaming tags: %w", err)
}

func TestATryUndoesWhatItLeftForLaterAndNoMore(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB, id int64) {
		var undone *store.Undone
		update(t, db, func(tx *store.Tx) error {
			for n, f := range []func() error{
				func() error { return badly(tx, id) },
				func() error { return errors.Join(tag(tx, id, "in vain"), errors.New("no")) },
				func() error {
					if err := badly(tx, id); err != nil {
						return err
					}
					_, err := tags(tx)
					return wrapped(err)
				},
				func() error { badly(tx, id); tags(tx); return nil },
			} {
				if err := tag(tx, id, fmt.Sprint("before ", n)); err != nil {
					return err
				}
				if err := tx.Try(f); !errors.As(err, &undone) {
					t.Errorf("try %d = %v, want one that was undone", n, err)
				} else if n != 1 && !strings.HasPrefix(err.Error(), "tagging: insert") {
					t.Errorf("try %d = %v, want the error of the tag in its words", n, err)
				}
			}
			return tx.Try(func() error { return tag(tx, id, "well") })
		})
		update(t, db, func(tx *store.Tx) error {
			got, err := tags(tx)
			if want := "[before 0 before 1 before 2 before 3 well]"; fmt.Sprint(got) != want {
				t.Errorf("the tags are %v, want %s", got, want)
			}
			return err
		})
	})
}

// A number that is none cannot be sent at all: what stood before it has run nevertheless,
// and the error is that of the statement that has it.
func TestAnArgumentThatCannotBeSentIsTheErrorOfItsStatement(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	var id int64
	update(t, db, func(tx *store.Tx) error { return tx.One(&id, addMember, store.Args{"id": "M-1", "now": tx.At}) })
	db = alone(t, db)
	for range 3 {
		kept, err := broken(t, db, func(tx *store.Tx) error {
			if err := tag(tx, id, "a"); err != nil {
				return err
			}
			_, err := tx.Exec("delete from facts where member_id = @id", store.Args{"id": struct{}{}})
			return err
		})
		if err == nil || !strings.HasPrefix(err.Error(), "delete from facts") || len(kept) > 0 {
			t.Fatalf("Update = %v and kept %v, want the error of what could not be sent, and nothing", err, kept)
		}
	}
}

func TestWhatIsReadLaterIsThereAfterTheNextAnswer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB, id int64) {
		enough := errors.New("enough")
		read := func(tx *store.Tx, into *[]string, fail error) error {
			return tx.EachLater("reading", "select tag from member_tags where member_id = @id", store.Args{"id": id}, func(scan func(...any) error) error {
				var tag string
				err := errors.Join(scan(&tag), fail)
				*into = append(*into, tag)
				return err
			})
		}
		var before, after []string
		update(t, db, func(tx *store.Tx) error {
			for _, err := range []error{read(tx, &before, nil), tag(tx, id, "a"), read(tx, &after, nil), tx.Await()} {
				if err != nil {
					return err
				}
			}
			if len(before) > 0 || fmt.Sprint(after) != "[a]" {
				t.Errorf("read %v and then %v, want nothing and a", before, after)
			}
			return nil
		})
		err := db.Update(context.Background(), func(tx *store.Tx) error {
			read(tx, &after, enough)
			_, err := tx.Exec("delete from member_tags where tag = @tag", store.Args{"tag": "a"})
			return wrapped(err)
		})
		if !errors.Is(err, enough) || !strings.HasPrefix(err.Error(), "reading: ") {
			t.Errorf("Update whose row failed = %v, want that error", err)
		}
		update(t, db, func(tx *store.Tx) error {
			got, err := tags(tx)
			if fmt.Sprint(got) != "[a]" {
				t.Errorf("the tags are %v after a transaction that failed, want [a]", got)
			}
			return err
		})
	})
}

// Whatever a transaction ends with, the next one on its connection begins anew.
func TestNothingOfATransactionThatBrokeOffIsLeftInItsConnection(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB, id int64) {
		stop := errors.New("stop")
		for name, f := range map[string]func(ctx context.Context, cancel func(), tx *store.Tx) error{
			"before anything was sent": func(_ context.Context, _ func(), tx *store.Tx) error { tag(tx, id, "a"); return stop },
			"in the middle": func(_ context.Context, _ func(), tx *store.Tx) error {
				tag(tx, id, "a")
				tags(tx)
				tag(tx, id, "b")
				return stop
			},
			"cancelled before anything was sent": func(_ context.Context, cancel func(), tx *store.Tx) error {
				tag(tx, id, "a")
				cancel()
				return nil
			},
			"cancelled before the commit": func(_ context.Context, cancel func(), tx *store.Tx) error {
				tag(tx, id, "a")
				tags(tx)
				tag(tx, id, "b")
				cancel()
				return nil
			},
			"cancelled before the next statement": func(_ context.Context, cancel func(), tx *store.Tx) error {
				tag(tx, id, "a")
				tags(tx)
				tag(tx, id, "b")
				cancel()
				_, err := tx.Exec("update member_tags set tag = @tag", store.Args{"tag": "c"})
				return err
			},
			"with a panic": func(_ context.Context, _ func(), tx *store.Tx) error { tag(tx, id, "a"); tags(tx); panic("oh") },
		} {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			err := db.Hasty(time.Second).Update(ctx, func(tx *store.Tx) error { return f(ctx, cancel, tx) })
			cancel()
			if err == nil {
				t.Errorf("%s: no error", name)
			}
			update(t, db, func(tx *store.Tx) error {
				got, err := tags(tx)
				if err == nil && len(got) > 0 {
					t.Errorf("%s: kept %v", name, got)
				}
				if err == nil && tx.Postgres() {
					var wait string
					if err = tx.One(&wait, "select current_setting('lock_timeout')", nil); wait != "0" {
						t.Errorf("%s: the next transaction waits %s for a lock", name, wait)
					}
				}
				return err
			})
		}
	})
}
