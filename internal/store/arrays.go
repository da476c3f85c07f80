package store

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"regulars/internal/loyalty"
)

// Wide is Values for thousands of rows, which Wider binds: Postgres gets each column as
// an array, and has no JSON to read. The arrays are taken apart side by side in a select
// list: behind "from" each of them would be put into a store of its own first, which takes
// Postgres more than a dozen rows do.
func (tx *Tx) Wide(columns ...string) string {
	if !tx.Postgres() {
		return tx.Values(columns...)
	}
	arrays := make([]string, len(columns))
	for i, c := range columns {
		name, kind, _ := strings.Cut(c, " ")
		arrays[i] = fmt.Sprintf("unnest(cast(@column%d as %s[])) as %s", i, kind, name)
	}
	return "(select " + strings.Join(arrays, ", ") + ") r"
}

// Wider binds the rows of Wide, whose columns are of types that it knows: text, bigint,
// boolean, double precision, timestamptz, bytea, jsonb. But for a text, nil and no instant
// are null, and no JSON is its null.
func (tx *Tx) Wider(rows [][]any, columns ...string) Args {
	if !tx.Postgres() {
		return Args{"rows": Rows(rows)}
	}
	args := make(Args, len(columns))
	for i, c := range columns {
		_, kind, _ := strings.Cut(c, " ")
		args[fmt.Sprintf("column%d", i)] = column(rows, i, kind)
	}
	return args
}

// column is one column of rows, as Postgres' driver writes an array of its type.
func column(rows [][]any, i int, kind string) array {
	switch kind {
	case "text":
		list := make([]string, len(rows))
		for n, row := range rows {
			list[n] = row[i].(string)
		}
		return array{list}
	case "bigint":
		list := make([]*int64, len(rows))
		for n, row := range rows {
			switch v := row[i].(type) {
			case int64:
				list[n] = &v
			case int:
				whole := int64(v)
				list[n] = &whole
			case *int64:
				list[n] = copied(v)
			case loyalty.Day:
				list[n] = (*int64)(&v)
			case *loyalty.Day:
				list[n] = copied((*int64)(v))
			}
		}
		return array{list}
	case "boolean":
		list := make([]bool, len(rows))
		for n, row := range rows {
			list[n] = row[i].(bool)
		}
		return array{list}
	case "jsonb":
		list := make([]string, len(rows))
		for n, row := range rows {
			if list[n] = string(row[i].(json.RawMessage)); list[n] == "" {
				list[n] = "null"
			}
		}
		return array{list}
	case "double precision":
		list := make([]*float64, len(rows))
		for n, row := range rows {
			list[n] = copied(row[i].(*float64))
		}
		return array{list}
	case "timestamptz":
		list := make([]*time.Time, len(rows))
		for n, row := range rows {
			if at := row[i].(loyalty.Instant); !at.IsZero() {
				list[n] = &at.Time
			}
		}
		return array{list}
	case "bytea":
		list := make([][]byte, len(rows))
		for n, row := range rows {
			list[n] = row[i].([]byte)
		}
		return array{list}
	}
	panic("store: no array of " + kind) // a type that the program has not asked for until now
}

// copied is what a pointer points at now: the statement may be sent later.
func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// Array binds a list, as it is now, as one argument of a statement for Postgres:
// cast(@names as text[]).
func Array[T string | int64 | *int64 | time.Time](list []T) any {
	own := slices.Clone(list)
	if pointers, is := any(own).([]*int64); is {
		for i, p := range pointers {
			pointers[i] = copied(p)
		}
	}
	return array{own}
}

// array is a list that is one argument of a statement, and not as many as it has items.
type array struct{ list any }

func (a array) Value() (driver.Value, error) { return a.list, nil }
