package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"regulars/internal/loyalty"
)

// Args are the named arguments of a statement: @name in the text. A slice
// expands to a list, as in "id in @ids".
type Args = map[string]any

// Tx is a transaction. It must not be used after its function returned, nor by
// two goroutines at once.
type Tx struct {
	// At is the one business moment of the transaction.
	At loyalty.Instant

	g      *gorm.DB
	conn   *sql.Conn
	shared *shared
	hints  []func()
	roomy  bool // AboutEverybody was called
	tries  int  // how many Try are under way, one inside the other
	read   map[any]any

	queue []statement // for Postgres, and not sent yet
	sent  bool        // anything was
	late  error       // of a statement whose answer nobody awaited
}

// Context returns the context that the transaction runs under.
func (tx *Tx) Context() context.Context { return tx.g.Statement.Context }

// Postgres reports whether the database is Postgres; otherwise it is SQLite.
func (tx *Tx) Postgres() bool { return tx.g.Name() == Postgres }

// Engine returns "postgres" or "sqlite".
func (tx *Tx) Engine() string { return tx.g.Name() }

// AfterCommit has hint called once the transaction has lasted: for waking a
// worker, never for what must not be lost.
func (tx *Tx) AfterCommit(hint func()) { tx.hints = append(tx.hints, hint) }

// Try runs f so that the transaction goes on as if f had done nothing when it
// fails. A failure that ends the transaction anyway, since the database is away
// or the context is over, comes back as it is.
func (tx *Tx) Try(f func() error) error {
	if tx.late != nil {
		return tx.late
	}
	tx.tries++
	defer func() { tx.tries-- }()
	point := fmt.Sprint("try", tx.tries) // a name of its own for each that is inside another
	if err := tx.savepoint(point); err != nil {
		return err
	}
	hints := len(tx.hints)
	err := tx.whole(f())
	unsent := slices.IndexFunc(tx.queue, func(s statement) bool { return s.q == "savepoint "+point })
	if err == nil {
		if unsent >= 0 && unsent == len(tx.queue)-1 { // f asked nothing
			tx.queue = tx.queue[:unsent]
			return nil
		}
		if err = tx.command("release savepoint " + point); err == nil {
			return nil
		}
		unsent = -1
	}
	tx.hints = tx.hints[:hints]
	tx.Reread()
	if tx.Context().Err() != nil || Away(err) || conflict(err) {
		tx.queue = nil
		return err
	}
	if unsent >= 0 { // nothing that f asked for has run
		tx.queue = tx.queue[:unsent]
		return &Undone{err}
	}
	tx.queue = nil
	for _, undo := range []string{"rollback to savepoint ", "release savepoint "} {
		if undone := tx.command(undo + point); undone != nil {
			return errors.Join(err, undone)
		}
	}
	tx.late = nil
	return &Undone{err}
}

// savepoint is where a Try goes back to. On Postgres it goes with the first statement of the
// Try that is waited for: one that was left before the Try and fails on the way there ends
// the transaction, as there is nothing to go back to yet.
func (tx *Tx) savepoint(name string) error {
	if !tx.Postgres() {
		return tx.command("savepoint " + name)
	}
	return tx.leave(command("savepoint " + name))
}

// command runs a statement without arguments.
func (tx *Tx) command(text string) error {
	if !tx.Postgres() {
		return tx.g.Exec(text).Error
	}
	_, err := tx.send(command(text))
	return err
}

// Undone is the error of a Try of which nothing is left in the transaction.
type Undone struct{ Err error }

func (u *Undone) Error() string { return u.Err.Error() }
func (u *Undone) Unwrap() error { return u.Err }

// Exec runs a statement and returns how many rows it touched.
func (tx *Tx) Exec(text string, args Args) (int64, error) {
	q, vars, err := bind(text, args)
	if err != nil {
		return 0, err
	}
	if tx.Postgres() && len(vars) > 0 && !spread(vars) {
		tag, err := tx.send(straightened(text, q, vars))
		return tag.RowsAffected(), err
	}
	if err := tx.flush(); err != nil { // without arguments it may be several statements
		return 0, err
	}
	r := tx.g.Exec(q, vars...)
	return r.RowsAffected, tx.explain(r.Error, text)
}

// All scans every row into dest, a pointer to a slice of structs (columns in
// snake case) or of scalars. What stood there before is forgotten, also where no row
// is found.
func (tx *Tx) All(dest any, text string, args Args) error {
	q, vars, err := bind(text, args)
	if err != nil {
		return err
	}
	if list := reflect.ValueOf(dest).Elem(); !list.IsNil() { // what is an empty list stays one
		list.Set(reflect.MakeSlice(list.Type(), 0, 0))
	}
	_, err = tx.scan(dest, q, vars)
	return tx.explain(err, text)
}

// One scans the first row into dest, a pointer to a struct or a scalar. Without
// a row it answers ErrNotFound.
func (tx *Tx) One(dest any, text string, args Args) error {
	q, vars, err := bind(text, args)
	if err != nil {
		return err
	}
	found, err := tx.scan(dest, q, vars)
	if err == nil && !found {
		return ErrNotFound
	}
	return tx.explain(err, text)
}

// scan reads rows into dest, and reports whether there was one. GORM's own Scan would
// write the statement out with all its arguments each time, for a log that we do not keep.
func (tx *Tx) scan(dest any, q string, vars []any) (found bool, err error) {
	if err := tx.flush(); err != nil {
		return false, err
	}
	rows, err := tx.g.Raw(q, vars...).Rows()
	if err != nil {
		return false, err
	}
	defer rows.Close()
	if !rows.Next() {
		return false, rows.Err()
	}
	return true, tx.g.ScanRows(rows, dest)
}

// Query streams rows. They must be closed before the next statement of tx.
func (tx *Tx) Query(text string, args Args) (*sql.Rows, error) {
	q, vars, err := bind(text, args)
	if err != nil {
		return nil, err
	}
	if err := tx.flush(); err != nil {
		return nil, err
	}
	rows, err := tx.g.Raw(q, vars...).Rows()
	return rows, tx.explain(err, text)
}

// Each calls f with every row, in their order: scan reads its columns, as that of
// sql.Rows. Of thousands of rows it takes a fraction of the time of All and Query, for
// on Postgres nothing stands between the driver and the variables. f asks nothing of tx.
func (tx *Tx) Each(text string, args Args, f func(scan func(into ...any) error) error) error {
	if !tx.Postgres() {
		rows, err := tx.Query(text, args)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := f(rows.Scan); err != nil {
				return err
			}
		}
		return tx.explain(rows.Err(), text)
	}
	s, err := straight(text, args)
	if err != nil {
		return err
	}
	s.row = f
	_, err = tx.send(s)
	return err
}

// numbered gives the question marks of a statement the numbers that Postgres wants.
func numbered(text string) string {
	var b strings.Builder
	b.Grow(len(text) + 64)
	for n := 0; ; {
		i := strings.IndexAny(text, "?'")
		if i < 0 {
			break
		}
		end := i
		if text[i] == '\'' {
			end = quoted(text, i)
		}
		b.WriteString(text[:end])
		if text = text[end:]; end == i {
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
			text = text[1:]
		}
	}
	b.WriteString(text)
	return b.String()
}

// explain adds the head of the statement to an error, never its arguments.
func (tx *Tx) explain(err error, text string) error {
	if err == nil {
		return nil
	}
	if err = tx.translate(err); errors.Is(err, gorm.ErrDuplicatedKey) {
		return err
	}
	head := strings.Join(strings.Fields(text), " ")
	if len(head) > 80 {
		head = head[:80] + "…"
	}
	return fmt.Errorf("%s: %w", head, err)
}

// bind turns @name arguments into positional ones. A name that args lack, and a
// question mark in the text, are mistakes of the program and reported as such.
func bind(text string, args Args) (string, []any, error) {
	var b strings.Builder
	b.Grow(len(text))
	vars := make([]any, 0, len(args))
	for i := 0; i < len(text); {
		plain := strings.IndexAny(text[i:], "'-?@")
		if plain < 0 {
			b.WriteString(text[i:])
			break
		}
		b.WriteString(text[i : i+plain])
		i += plain
		switch c := text[i]; {
		case c == '\'':
			end := quoted(text, i)
			b.WriteString(text[i:end])
			i = end
		case c == '-' && strings.HasPrefix(text[i:], "--"):
			for i < len(text) && text[i] != '\n' {
				i++
			}
		case c == '?':
			return "", nil, fmt.Errorf("store: a question mark in %q", text)
		case c == '@' && i+1 < len(text) && !isName(text[i+1]):
			b.WriteByte(c) // part of an operator: @>
			i++
		case c == '@':
			end := i + 1
			for end < len(text) && isName(text[end]) {
				end++
			}
			v, ok := args[text[i+1:end]]
			if !ok {
				return "", nil, fmt.Errorf("store: no argument %s for %q", text[i:end], text)
			}
			b.WriteByte('?')
			vars = append(vars, v)
			i = end
		default:
			b.WriteByte(c)
			i++
		}
	}
	return b.String(), vars, nil
}

// quoted returns the end of the string literal that begins at i. A doubled
// quote reads as two literals side by side, which is the same text.
func quoted(text string, i int) int {
	if end := strings.IndexByte(text[i+1:], '\''); end >= 0 {
		return i + end + 2
	}
	return len(text)
}

func isName(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// JSON returns v as JSON text, to bind where JSONParam stands. Numbers that JSON
// cannot write, NaN and infinities, become null: a value from outside never ends the
// process. Doors refuse them before.
func JSON(v any) string {
	b, err := json.Marshal(v)
	var unwritable *json.UnsupportedValueError
	if errors.As(err, &unwritable) {
		b, err = json.Marshal(writable(v))
	}
	if err != nil {
		panic(fmt.Sprintf("store: %T is not JSON: %v", v, err)) // a type of ours that cannot be encoded
	}
	return string(b)
}

// writable is a value without the numbers that JSON cannot write.
func writable(v any) any {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
	case float32:
		return writable(float64(v))
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, one := range v {
			out[name] = writable(one)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, one := range v {
			out[i] = writable(one)
		}
		return out
	case []float64:
		out := make([]any, len(v))
		for i, one := range v {
			out[i] = writable(one)
		}
		return out
	}
	return v
}

// SkipLocked ends a subquery that picks rows to claim. Without it two Postgres
// transactions may pick the same row. SQLite has one writer and needs nothing.
func (tx *Tx) SkipLocked() string {
	if tx.Postgres() {
		return "for update skip locked"
	}
	return ""
}

// ForUpdate ends a query that locks the rows it reads.
func (tx *Tx) ForUpdate() string {
	if tx.Postgres() {
		return "for update"
	}
	return ""
}

// LockTable lets nobody else change a table, or lock rows of it, until the transaction
// ends. SQLite has one writer and needs nothing.
func (tx *Tx) LockTable(table string) error {
	if !tx.Postgres() {
		return nil
	}
	_, err := tx.Exec("lock table "+table+" in exclusive mode", nil)
	return err
}

// Machine is the database's own present moment, as SQL: for leases and retries.
func (tx *Tx) Machine() string { return tx.MachineIn(0) }

// MachineIn is the database's own present moment plus d, as SQL.
func (tx *Tx) MachineIn(d time.Duration) string {
	if tx.Postgres() {
		return fmt.Sprintf("(clock_timestamp() + interval '%d microseconds')", d.Microseconds())
	}
	return fmt.Sprintf("(cast(unixepoch('subsec') * 1000000 as integer) + %d)", d.Microseconds())
}

// Micros is the instant expr in microseconds since 1970, as SQL: for arithmetic.
func (tx *Tx) Micros(expr string) string {
	if tx.Postgres() {
		return "cast(extract(epoch from " + expr + ") * 1000000 as bigint)"
	}
	return expr
}

// Instant is the parameter name (with its @), or null, as an instant, as SQL: for
// where Postgres cannot see the type from its place.
func (tx *Tx) Instant(name string) string {
	if tx.Postgres() {
		return "cast(" + name + " as timestamptz)"
	}
	return name
}

// NextID is the next id of a table that numbers its rows, as SQL for the select list of
// one statement: whoever has one inserts the row with it, in this transaction.
func (tx *Tx) NextID(table string) string {
	if tx.Postgres() {
		return "nextval('" + table + "_id_seq')"
	}
	return "(select coalesce(max(seq), 0) from sqlite_sequence where name = '" + table + "') + row_number() over ()"
}

// JSONParam is the parameter name (with its @) as a JSON value, as SQL.
func (tx *Tx) JSONParam(name string) string {
	if tx.Postgres() {
		return "cast(cast(" + name + " as text) as jsonb)"
	}
	return name
}

// JSONEach is a table expression with one bigint column, value, that holds the
// numbers of a JSON array: a parameter with its @, or a column. Postgres takes JSON
// for a hundred rows, and would read all of a small table for two ids; it takes an
// array that it cannot see into for ten, and so plans each statement once.
func (tx *Tx) JSONEach(array string) string {
	if tx.Postgres() {
		if strings.HasPrefix(array, "@") {
			return "(select value from unnest((select cast(translate(cast(" + array + " as text), '[]', '{}') as bigint[]))) e(value)) ids"
		}
		return "(select cast(e.value as bigint) as value from jsonb_array_elements_text(" + array + ") e(value)) ids"
	}
	return "(select value from json_each(" + array + ")) ids"
}
