package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// Each reads what All reads, nothings and marks in texts included; where its function
// fails, that is the error, and the transaction goes on.
func TestEachReadsRowsOneByOne(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		at := loyalty.At(storetest.Start)
		err := db.Update(context.Background(), func(tx *store.Tx) error {
			var got []string
			columns := []string{"n bigint", "name text", "at timestamptz", "gap double precision"}
			half := 0.5
			text := "select r.n, r.name, r.at, r.gap, 'is @n ''so''' from " + tx.Wide(columns...) + " where r.n > @n order by r.n"
			args := tx.Wider([][]any{{int64(1), "left out", at, &half}, {int64(2), "a?", at, &half}, {nil, "nobody", at, (*float64)(nil)}, {int64(3), "it's", loyalty.Instant{}, (*float64)(nil)}}, columns...)
			args["n"] = 1
			read := func(scan func(...any) error) error {
				var n *int64
				var name, literal string
				var when loyalty.Instant
				var gap *float64
				err := scan(&n, &name, &when, &gap, &literal)
				if err == nil {
					got = append(got, fmt.Sprintf("%d %s %t %t %s", *n, name, when.Equal(at.Time), gap != nil, literal))
				}
				return err
			}
			if err := tx.Each(text, args, read); err != nil {
				return err
			}
			if want := "[2 a? true true is @n 'so' 3 it's false false is @n 'so']"; fmt.Sprint(got) != want {
				t.Errorf("Each read %v, want %s", got, want)
			}
			enough := errors.New("enough")
			if err := tx.Each(text, args, func(func(...any) error) error { return enough }); !errors.Is(err, enough) {
				t.Errorf("Each whose function fails = %v, want its error", err)
			}
			got = nil
			if err := tx.Each(text, args, read); err != nil || len(got) != 2 {
				t.Errorf("after that Each read %v, %v", got, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
