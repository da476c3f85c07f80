package console

import (
	"net/http"
	"strconv"
)

// perPage is how many rows a list shows at once.
const perPage = 100

// paged reads a page of a list, the newest rows first: those before the row that ?before
// names, or from the newest on. older is the row before which the next page begins; 0:
// there is none.
func paged[T any](r *http.Request, read func(before int64, limit int) ([]T, error), id func(T) int64) (rows []T, older int64, err error) {
	before, _ := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64) // else from the newest
	rows, err = read(max(before, 0), perPage+1)
	if len(rows) > perPage {
		rows = rows[:perPage]
		older = id(rows[perPage-1])
	}
	return rows, older, err
}
