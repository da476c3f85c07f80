package store

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"regulars/internal/loyalty"
)

// Values is the JSON parameter @rows, an array of arrays, as a table r with these
// columns, each a name and a type. One statement thus serves one row as well as
// five thousand, on both engines.
func (tx *Tx) Values(columns ...string) string {
	from := "json_each(@rows)"
	if tx.Postgres() {
		from = "jsonb_array_elements(" + tx.JSONParam("@rows") + ") e(value)"
	}
	list := make([]string, len(columns))
	for i, c := range columns {
		name, kind, _ := strings.Cut(c, " ")
		list[i] = valueAt(tx.Postgres(), i, kind) + " as " + name
	}
	return "(select " + strings.Join(list, ", ") + " from " + from + ") r"
}

// valueAt is the i-th value of a row as a type.
func valueAt(postgres bool, i int, kind string) string {
	text := fmt.Sprintf("(value ->> %d)", i)
	switch {
	case kind == "text":
		return text
	case kind == "jsonb":
		return fmt.Sprintf("(value -> %d)", i)
	case kind == "bytea" && postgres:
		return "decode(" + text + ", 'hex')"
	case kind == "bytea":
		return "unhex(" + text + ")"
	case kind == "timestamptz" && postgres:
		return "(timestamptz 'epoch' + cast(" + text + " as bigint) * interval '1 microsecond')"
	case kind == "timestamptz":
		return "cast(" + text + " as bigint)"
	}
	return "cast(" + text + " as " + kind + ")"
}

// Column encodes a list for Values: rows of one value each.
func Column[T any](list []T) string {
	rows := make([][]any, len(list))
	for i, v := range list {
		rows[i] = []any{v}
	}
	return Rows(rows)
}

// Rows encodes rows for Values: instants as microseconds, bytes in hex.
func Rows(rows [][]any) string {
	if rows == nil {
		return "[]"
	}
	for _, row := range rows {
		for i, v := range row {
			switch v := v.(type) {
			case loyalty.Instant:
				row[i] = nil
				if !v.IsZero() {
					row[i] = v.UnixMicro()
				}
			case []byte:
				row[i] = nil
				if v != nil {
					row[i] = hex.EncodeToString(v)
				}
			case json.RawMessage:
				if v == nil {
					row[i] = json.RawMessage("{}")
				}
			}
		}
	}
	return JSON(rows)
}
