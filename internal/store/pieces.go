package store

import (
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Pieces reads what a SELECT finds, in its order, without ever holding more than n rows
// of it: row reads one, as of Each, and whenever n have come, and at the end, piece takes
// them. piece may ask and write with tx, of which the SELECT sees nothing, but not call
// Pieces. So much goes through the program sooner than in one INSERT … SELECT, since
// Postgres copies rows in at half of what it takes to insert them one by one.
func (tx *Tx) Pieces(text string, args Args, n int, row func(scan func(into ...any) error) error, piece func() error) error {
	next, done, err := tx.pieces(text, args, n)
	if err != nil {
		return err
	}
	for {
		found := 0
		if err := next(func(scan func(into ...any) error) error { found++; return row(scan) }); err != nil {
			return err
		}
		if found > 0 {
			if err := piece(); err != nil {
				return err
			}
		}
		if found < n {
			return done()
		}
	}
}

// pieces returns how to read the next n rows, and what to do after the last.
func (tx *Tx) pieces(text string, args Args, n int) (next func(row func(scan func(into ...any) error) error) error, done func() error, err error) {
	if tx.Postgres() {
		// Postgres would else plan for the first tenth of the rows.
		if _, err := tx.Exec("set local cursor_tuple_fraction = 1", nil); err != nil {
			return nil, nil, err
		}
		_, err = tx.Exec("declare pieces no scroll cursor for "+text, args)
		next = func(row func(scan func(into ...any) error) error) error {
			return tx.fetch(fmt.Sprintf("fetch forward %d from pieces", n), row)
		}
		return next, func() error { _, err := tx.Exec("close pieces", nil); return err }, err
	}
	// SQLite would see what is written meanwhile.
	drop := func() error { _, err := tx.Exec("drop table if exists temp.pieces", nil); return err }
	if err := drop(); err != nil {
		return nil, nil, err
	}
	_, err = tx.Exec("create temporary table pieces as "+text, args)
	from := 0
	next = func(row func(scan func(into ...any) error) error) error {
		err := tx.Each("select * from temp.pieces where rowid > @from and rowid <= @upto order by rowid", Args{"from": from, "upto": from + n}, row)
		from += n
		return err
	}
	return next, drop, err
}

// fetch is Each for a cursor, whose columns are other ones each time it is declared.
func (tx *Tx) fetch(text string, row func(scan func(into ...any) error) error) error {
	if err := tx.flush(); err != nil {
		return err
	}
	_, err := tx.send(statement{text: text, q: text, vars: []any{pgx.QueryExecModeDescribeExec}, row: row})
	return err
}
