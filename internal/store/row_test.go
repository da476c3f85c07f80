package store_test

import (
	"errors"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

type pass struct {
	Name       string      `gorm:"primaryKey"`
	Day        loyalty.Day `gorm:"primaryKey"`
	StartedAt  loyalty.Instant
	FinishedAt loyalty.Instant
	Note       string
}

func (pass) TableName() string { return "passes" }

type token struct {
	Name   string `gorm:"primaryKey"`
	Hash   []byte
	Scopes string
}

func (token) TableName() string { return "api_tokens" }

func TestRowsAreReadAndWrittenByTheirKey(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			for day := range loyalty.Day(2) {
				if err := tx.Put(&pass{Name: "night", Day: 100 + day, StartedAt: tx.At, Note: "old"}); err != nil {
					return err
				}
			}
			if err := tx.Put(&pass{Name: "night", Day: 100, StartedAt: tx.At, Note: "it's new"}); err != nil {
				return err
			}
			there, err := tx.Change(&pass{Name: "night", Day: 101}, store.Args{"note": "", "finished_at": store.SQL(tx.Machine())})
			if err != nil || !there {
				t.Errorf("Change of a row = %v, %v", there, err)
			}
			if there, err := tx.Change(&pass{Name: "night", Day: 102}, store.Args{"note": ""}); err != nil || there {
				t.Errorf("Change of no row = %v, %v", there, err)
			}
			first, second := pass{Name: "night", Day: 100}, pass{}
			if err := errors.Join(tx.Get(&first), tx.Find(&second, store.Args{"note": ""})); err != nil {
				return err
			}
			if first.Note != "it's new" || !first.StartedAt.Equal(tx.At.Time) || !first.FinishedAt.IsZero() {
				t.Errorf("Get = %+v", first)
			}
			if second.Day != 101 || second.FinishedAt.IsZero() {
				t.Errorf("Find = %+v", second)
			}
			if err := tx.Find(&pass{}, store.Args{"finished_at": nil, "day": int64(100)}); err != nil {
				t.Errorf("Find by null = %v", err)
			}
			if _, err := tx.Exec("insert into api_tokens (name, hash, scopes, created_at) values ('till', @hash, 'redeem', @now)", store.Args{"hash": []byte{1, 2}, "now": tx.At}); err != nil {
				return err
			}
			var till token
			if err := tx.Find(&till, store.Args{"hash": []byte{1, 2}, "revoked_at": nil}); err != nil || till.Name != "till" {
				t.Errorf("Find by bytes = %+v, %v", till, err)
			}
			if there, err := tx.Remove(&first); err != nil || !there {
				t.Errorf("Remove = %v, %v", there, err)
			}
			if err := tx.Get(&pass{Name: "night", Day: 100}); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("Get of a row that is gone = %v, want %v", err, store.ErrNotFound)
			}
			for what, err := range map[string]error{"Get": tx.Get(&pass{Name: "night"}), "Put": tx.Put(&pass{Day: 1})} {
				if err == nil {
					t.Errorf("%s goes by half a key", what)
				}
			}
			if _, err := tx.Remove(&pass{Name: "night"}); err == nil {
				t.Error("Remove goes by half a key")
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}
