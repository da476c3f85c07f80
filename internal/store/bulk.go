package store

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"regulars/internal/loyalty"
)

// Copied is from how many rows on a COPY, with ids that are taken before, is faster on
// Postgres than one statement that does all.
const Copied = 200

// Bulk adds many rows to a table, or to a temporary one, in the order given, and
// returns how many. On Postgres it is a COPY and all or nothing. The names of
// the table and its columns are the program's own, never input.
func (tx *Tx) Bulk(table string, columns []string, rows [][]any) (int64, error) {
	if len(rows) == 0 {
		return 0, nil
	}
	if tx.Postgres() {
		return tx.copy(table, columns, rows)
	}
	return tx.insertMany(table, columns, rows)
}

// TakeIDs takes the next n ids of a table, for rows that are written with theirs.
func (tx *Tx) TakeIDs(table string, n int) ([]int64, error) {
	ids := make([]int64, n)
	if !tx.Postgres() {
		last, err := tx.takeUpTo(table, n)
		if err != nil {
			return nil, fmt.Errorf("taking %d ids of %s: %w", n, table, err)
		}
		for i := range ids {
			ids[i] = last - int64(n) + 1 + int64(i)
		}
		return ids, nil
	}
	var taken string // in one text, which is read sooner than as many rows
	err := tx.One(&taken, `
		select string_agg(cast(nextval(s.name) as text), ' ')
		from  (select cast(pg_get_serial_sequence(@table, 'id') as regclass) as name offset 0) s, generate_series(1, @n)`, Args{"table": table, "n": n})
	if err != nil {
		return nil, fmt.Errorf("taking %d ids of %s: %w", n, table, err)
	}
	for i := range ids {
		next, rest, _ := strings.Cut(taken, " ")
		if ids[i], err = strconv.ParseInt(next, 10, 64); err != nil {
			return nil, fmt.Errorf("taking %d ids of %s: %w", n, table, err)
		}
		taken = rest
	}
	return ids, nil
}

// takeUpTo takes n ids on SQLite, which keeps the last one of a table once it has one, and
// returns the last of them.
func (tx *Tx) takeUpTo(table string, n int) (last int64, err error) {
	args := Args{"table": table, "n": n}
	err = tx.One(&last, "update sqlite_sequence set seq = seq + @n where name = @table returning seq", args)
	if errors.Is(err, ErrNotFound) {
		err = tx.One(&last, "insert into sqlite_sequence (name, seq) values (@table, @n) returning seq", args)
	}
	return last, err
}

// LastID is the last id that a row of a table has got so far, by whomever; 0: none has. What
// this transaction writes from now on gets higher ones.
func (tx *Tx) LastID(table string) (last int64, err error) {
	text := "select coalesce(pg_sequence_last_value(cast(pg_get_serial_sequence(@table, 'id') as regclass)), 0)"
	if !tx.Postgres() {
		text = "select coalesce(max(seq), 0) from sqlite_sequence where name = @table"
	}
	if err = tx.One(&last, text, Args{"table": table}); err != nil {
		return 0, fmt.Errorf("the last id of %s: %w", table, err)
	}
	return last, nil
}

func (tx *Tx) copy(table string, columns []string, rows [][]any) (n int64, err error) {
	row := make([]any, len(columns)) // each is written before the next is asked for
	return tx.copyFrom(table, columns, pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
		row = row[:0]
		for _, v := range rows[i] {
			row = append(row, copyable(v))
		}
		return row, nil
	}))
}

func (tx *Tx) copyFrom(table string, columns []string, source pgx.CopyFromSource) (n int64, err error) {
	if err := tx.flush(); err != nil {
		return 0, err
	}
	raw := tx.conn.Raw(func(c any) error {
		n, err = c.(*stdlib.Conn).Conn().CopyFrom(tx.Context(), pgx.Identifier{table}, columns, source)
		return nil // an error of COPY must not throw the connection away
	})
	if err == nil {
		err = raw
	}
	if err != nil {
		return n, fmt.Errorf("copying into %s: %w", table, tx.translate(err))
	}
	return n, nil
}

// Stream adds the rows that next returns, until it returns nil, without ever
// holding all of them, and returns how many. What next returned is read before it
// is called again. On Postgres it is one COPY.
func (tx *Tx) Stream(table string, columns []string, next func() ([]any, error)) (n int64, err error) {
	if tx.Postgres() {
		return tx.copyFrom(table, columns, pgx.CopyFromFunc(func() ([]any, error) {
			row, err := next()
			for i, v := range row {
				row[i] = copyable(v)
			}
			return row, err
		}))
	}
	for {
		rows, err := gather(next)
		if err != nil {
			return n, err
		}
		some, err := tx.insertMany(table, columns, rows)
		if n += some; err != nil || len(rows) < gathered {
			return n, err
		}
	}
}

// gathered is how many rows of a stream SQLite takes at a time.
const gathered = 500

// gather takes rows for one statement.
func gather(next func() ([]any, error)) (rows [][]any, err error) {
	for len(rows) < gathered {
		row, err := next()
		if err != nil || row == nil {
			return rows, err
		}
		rows = append(rows, slices.Clone(row))
	}
	return rows, nil
}

// copyable turns our own types into what COPY's binary format takes.
func copyable(v any) any {
	switch v := v.(type) {
	case loyalty.Instant:
		if v.IsZero() {
			return nil
		}
		return v.Time
	case loyalty.Day:
		return int64(v)
	default:
		return v
	}
}

// liteVars is how many arguments one SQLite statement takes, with room to spare.
const liteVars = 30_000

func (tx *Tx) insertMany(table string, columns []string, rows [][]any) (int64, error) {
	one := "(" + strings.TrimSuffix(strings.Repeat("?,", len(columns)), ",") + ")"
	head := "insert into " + table + " (" + strings.Join(columns, ", ") + ") values "
	step := min(len(rows), max(1, min(500, liteVars/len(columns))))
	full := head + strings.TrimSuffix(strings.Repeat(one+",", step), ",")
	var n int64
	for len(rows) > 0 {
		k := min(step, len(rows))
		text := full
		if k < step {
			text = head + strings.TrimSuffix(strings.Repeat(one+",", k), ",")
		}
		vars := make([]any, 0, k*len(columns))
		for _, row := range rows[:k] {
			vars = append(vars, row...)
		}
		// Straight to the driver: GORM's own assembling would cost more than the insert.
		r, err := tx.g.Statement.ConnPool.ExecContext(tx.Context(), text, vars...)
		if err != nil {
			return n, fmt.Errorf("inserting into %s: %w", table, tx.translate(err))
		}
		k64, _ := r.RowsAffected() // SQLite always knows
		n += k64
		rows = rows[k:]
	}
	return n, nil
}

// translate maps a driver's error as GORM does for its own statements.
func (tx *Tx) translate(err error) error {
	if t, ok := tx.g.Dialector.(interface{ Translate(error) error }); ok {
		return t.Translate(err)
	}
	return err
}

// Temp makes a temporary table that goes with the transaction and is empty now.
// columns is its definition in types that both engines know.
func (tx *Tx) Temp(table, columns string) error {
	if tx.Postgres() {
		_, err := tx.Exec("create temporary table "+table+" ("+columns+") on commit drop", nil)
		return err
	}
	// SQLite's last for the connection, which is the one that all writers share.
	if _, err := tx.Exec("create temporary table if not exists "+table+" ("+columns+")", nil); err != nil {
		return err
	}
	_, err := tx.Exec("delete from temp."+table, nil)
	return err
}

// Believed is how many rows the planner believes a table to have, as of when it looked
// last; 0 on SQLite, whose plans do not depend on it.
func (tx *Tx) Believed(table string) (n int64, err error) {
	if !tx.Postgres() {
		return 0, nil
	}
	err = tx.One(&n, "select greatest(cast(reltuples as bigint), 0) from pg_class where oid = cast(@table as regclass)", Args{"table": table})
	return n, err
}

// Analyze refreshes the planner's idea of a table after a bulk change.
func (tx *Tx) Analyze(table string) error {
	if !tx.Postgres() {
		return nil
	}
	_, err := tx.Exec("analyze "+table, nil)
	return err
}
