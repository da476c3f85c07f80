package report

import (
	"encoding/json"
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/plot"
	"regulars/internal/store"
)

// Counted is a report as a job counted it, for pages: what a large shop's takes is too
// long for whoever asks.
type Counted struct {
	AsOf loyalty.Instant `json:"-"`
	Head []string
	Rows [][]string
	Note string
	Drawing
}

// CountedMonth is a month as a job counted it.
type CountedMonth struct {
	Month    MonthFigures
	Pictures []string // on a wide screen
	Slim     []string // the same on a narrow one, where it is another
}

// Counted is the month as it is kept.
func (m MonthFigures) Counted() CountedMonth {
	c := CountedMonth{Month: m}
	for _, d := range m.Pictures {
		c.Pictures, c.Slim = append(c.Pictures, d.Wide), append(c.Slim, d.Slim)
	}
	return c
}

// Drawings are its pictures; one that was kept long ago has none for narrow screens.
func (c CountedMonth) Drawings() (all []Drawing) {
	for i, wide := range c.Pictures {
		d := Drawing{Wide: wide}
		if i < len(c.Slim) {
			d.Slim = c.Slim[i]
		}
		all = append(all, d)
	}
	return all
}

// SVG is its pictures, one below the other.
func (c CountedMonth) SVG() string {
	return plot.Below("The month "+c.Month.Month, "The pictures of the month, as of the end of "+c.Month.Last.String()+".", c.Pictures...)
}

// Count makes a report to be kept.
func (r Named) Count(tx *store.Tx, ask Ask) (Counted, error) {
	t, err := r.Make(tx, ask)
	if err != nil {
		return Counted{}, err
	}
	return Counted{Head: t.Head, Rows: t.Rows, Note: t.Note, Drawing: r.Picture(ask, t)}, nil
}

// KeepCounted keeps what was counted under a name, as of the end of a day; 0 is the
// present one. What was kept before is gone.
func KeepCounted(tx *store.Tx, name string, day loyalty.Day, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("keeping report %s: %w", name, err)
	}
	_, err = tx.Exec(`
		insert into kept_reports (name, day, as_of, body) values (@name, @day, @now, @body)
		on conflict (name, day) do update set as_of = excluded.as_of, body = excluded.body`,
		store.Args{"name": name, "day": int64(day), "now": tx.At, "body": string(text)})
	return err
}

// LastCounted reads what was kept under a name into a value, and returns when it was
// counted; store.ErrNotFound where nothing was.
func LastCounted(tx *store.Tx, name string, day loyalty.Day, into any) (asOf loyalty.Instant, err error) {
	var row struct {
		AsOf loyalty.Instant
		Body string
	}
	err = tx.One(&row, "select as_of, body from kept_reports where name = @name and day = @day", store.Args{"name": name, "day": int64(day)})
	if err == nil {
		err = json.Unmarshal([]byte(row.Body), into)
	}
	return row.AsOf, err
}
