package main

import (
	"context"
	"strings"

	"regulars/internal/store"
)

// db opens the shop's database beside the program.
func (s shop) db() *store.DB {
	s.t.Helper()
	address, _ := strings.CutPrefix(s.env[0], "DATABASE_URL=")
	db, err := store.Open(context.Background(), address, store.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { db.Close() })
	return db
}

// sql runs statements in the shop's database; {machine} is its own present moment.
func (s shop) sql(statements ...string) {
	s.t.Helper()
	err := s.db().Update(context.Background(), func(tx *store.Tx) error {
		for _, text := range statements {
			if _, err := tx.Exec(strings.ReplaceAll(text, "{machine}", tx.Machine()), nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}
