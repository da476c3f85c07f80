package store

import (
	"errors"
	"fmt"
	"time"

	"regulars/internal/loyalty"
)

// Beat is how far a database has come: a number that rises every few seconds while
// Regulars works. The zero value is a database that has never been at work.
type Beat struct {
	N      int64
	At     loyalty.Instant // when it last rose, by the database's clock
	Unseen time.Duration   // how long ago that is, by the same clock
}

// LastBeat reads the beat.
func LastBeat(tx *Tx) (Beat, error) {
	var row struct {
		N, Unseen int64
		At        loyalty.Instant
	}
	err := tx.One(&row, "select n, at, "+tx.Micros(tx.Machine())+" - "+tx.Micros("at")+" as unseen from beats where id = 1", nil)
	if errors.Is(err, ErrNotFound) {
		return Beat{}, nil
	}
	if err != nil {
		return Beat{}, fmt.Errorf("the database's beat: %w", err)
	}
	return Beat{row.N, row.At, time.Duration(row.Unseen) * time.Microsecond}, nil
}

// RaiseBeat lets the beat rise by one, or to what it is to be at least, and returns it.
func RaiseBeat(tx *Tx, least int64) (Beat, error) {
	_, err := tx.Exec(`
		insert into beats (id, n, at) values (1, @least, `+tx.Machine()+`)
		on conflict (id) do update
		set    n = case when beats.n + 1 > excluded.n then beats.n + 1 else excluded.n end, at = excluded.at`, Args{"least": max(least, 1)})
	if err != nil {
		return Beat{}, fmt.Errorf("raising the database's beat: %w", err)
	}
	return LastBeat(tx)
}
