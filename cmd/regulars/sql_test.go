package main

import (
	"context"
	"strings"

	"regulars/internal/store"
)

// tx runs f in a transaction on the shop's database, beside the program. It keeps no
// connection: a server has a hundred for all tests.
func (s shop) tx(f func(*store.Tx) error) error {
	address, _ := strings.CutPrefix(s.env[0], "DATABASE_URL=")
	db, err := store.Open(context.Background(), address, store.Options{Conns: 2})
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Update(context.Background(), f)
}

// sql runs statements in the shop's database; {machine} is its own present moment.
func (s shop) sql(statements ...string) {
	s.t.Helper()
	err := s.tx(func(tx *store.Tx) error {
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
