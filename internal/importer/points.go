package importer

import (
	"context"
	"errors"
	"fmt"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/store"
)

// broughtRow is a row of a file of points.
type broughtRow struct {
	row    row
	member string
	points.Brought
}

// points takes the points in that members bring from elsewhere, once in a lifetime each.
func (r *reader) points(ctx context.Context) error {
	for _, field := range []string{"member", "points"} {
		if !r.cols.has(field) {
			return fmt.Errorf("the file has no column %s: name it with --map %s=COLUMN", field, field)
		}
	}
	var rows []broughtRow
	err := r.each(ctx, func(row row) error {
		b, wrong := r.brought(row)
		if wrong != nil {
			wrong.Line = row.line
			return r.refuse(row.written(), *wrong)
		}
		if rows = append(rows, b); len(rows) < batchRows {
			return nil
		}
		defer func() { rows = nil }()
		return r.bring(ctx, rows)
	})
	if err != nil {
		return err
	}
	return r.bring(ctx, rows)
}

func (r *reader) brought(row row) (broughtRow, *loyalty.Note) {
	b := broughtRow{row: row, member: intake.ReadID(r.cols.get("member"))}
	n, exact, err := loyalty.ParseExact(r.cols.get("points"), 0)
	switch {
	case b.member == "":
		return b, &loyalty.Note{Field: "member", Reason: "is empty"}
	case err != nil:
		return b, &loyalty.Note{Field: "points", Reason: err.Error()}
	case !exact || n < 1 || n > loyalty.Most:
		return b, &loyalty.Note{Field: "points", Reason: fmt.Sprintf("%q is not a whole number of points from 1 on", r.cols.get("points"))}
	}
	b.N = n
	if text := r.cols.get("last_day"); text != "" {
		if b.LastDay, err = loyalty.ParseDay(text); err != nil {
			return b, &loyalty.Note{Field: "last_day", Reason: err.Error()}
		}
		if today := r.shop.Today(); b.LastDay < today {
			return b, &loyalty.Note{Field: "last_day", Reason: fmt.Sprintf("%s is over: today is %s", b.LastDay, today)}
		}
	}
	return b, nil
}

// bring books rows, and refuses those of whom nobody knows and who have brought some.
func (r *reader) bring(ctx context.Context, rows []broughtRow) error {
	names := make([]string, len(rows))
	for i, b := range rows {
		names[i] = b.member
	}
	var refused map[int]string
	err := r.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		refused = map[int]string{}
		known, err := intake.Members(tx, names)
		if err != nil {
			return err
		}
		var list []points.Brought
		first := map[int64]int{}
		for i := range rows {
			rows[i].Member = known[rows[i].member]
			before, again := first[rows[i].Member]
			switch {
			case rows[i].Member == 0:
				refused[i] = fmt.Sprintf("there is no member %q", rows[i].member)
			case again:
				refused[i] = fmt.Sprintf("the same member stands in line %d", rows[before].row.line)
			default:
				first[rows[i].Member] = i
				list = append(list, rows[i].Brought)
			}
		}
		if len(list) == 0 {
			return nil
		}
		had, err := intake.BringPoints(tx, list, "import")
		if err != nil {
			return err
		}
		for member := range had {
			refused[first[member]] = "has brought points before: that is done once; `regulars points give` books more"
		}
		if r.DryRun {
			return errDryRun
		}
		return nil
	})
	if err != nil && !errors.Is(err, errDryRun) {
		return err
	}
	r.tally.New += int64(len(rows) - len(refused))
	for i, b := range rows {
		if reason := refused[i]; reason != "" {
			if err := r.refuse(b.row.written(), loyalty.Note{Line: b.row.line, Field: "member", Reason: reason}); err != nil {
				return err
			}
		}
	}
	return nil
}

// errDryRun ends a transaction that is only to show what it would do.
var errDryRun = errors.New("dry run")
