package intake

import "regulars/internal/store"

// rel is the JSON parameter @rows as a table r: see store.Tx.Values.
func rel(tx *store.Tx, columns ...string) string { return tx.Values(columns...) }

// relRows encodes rows for rel.
func relRows(rows [][]any) string { return store.Rows(rows) }

// ids is the JSON array for tx.JSONEach.
func ids[T any](list []T, id func(T) int64) string {
	numbers := make([]int64, len(list))
	for i, v := range list {
		numbers[i] = id(v)
	}
	return store.JSON(numbers)
}
