package segments_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"regulars/internal/forecast"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/segments"
)

// FuzzParse looks for rules that break the parser, errors that point outside the
// rule, and checked rules that cannot be asked.
func FuzzParse(f *testing.F) {
	for _, leaf := range leaves {
		f.Add(leaf)
	}
	for _, rule := range []string{`orders >= 5 and days_since_last_order <= 90`, `not (tag("x") or "y" in tags)`, `country in ["FI", 'SE']`, "größe >", "((((", "\"\\", "1e9 .5 -3", "\xff"} {
		f.Add(rule)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := segments.Parse(text, richScope())
		var e *segments.Error
		switch {
		case err == nil:
			r.Words()
			r.Eval(segments.Known{Day: today})
			for _, engine := range []string{"postgres", "sqlite"} {
				if where, args := r.SQL(segments.Query{Engine: engine, Day: today}); where == "" || strings.Count(where, "@") < len(args) {
					t.Errorf("SQL of %q = %q with %v", text, where, args)
				}
			}
		case !errors.As(err, &e):
			t.Errorf("Parse(%q) = %T", text, err)
		case e.Offset < 0 || e.Offset > len(text) || e.Line < 1 || e.Column < 1 || e.Column > utf8.RuneCountInString(text)+1 || e.Message == "":
			t.Errorf("Parse(%q) = %+v", text, e)
		default:
			segments.FormatError(text, err)
		}
	})
}

// FuzzSQL looks for rules that are right and yet cannot be asked: a database that
// refuses their SQL, or that does not know of every member whether the rule holds.
func FuzzSQL(f *testing.F) {
	db := storetest.SQLite(f)
	err := db.Update(context.Background(), func(tx *store.Tx) error {
		if err := save(tx, []*person{{id: 1, Known: segments.Known{ID: 1, ExternalID: "M-1", Orders: []segments.Order{{Day: today, Counts: true, Total: 1000}}}}, {id: 2}}, nil); err != nil {
			return err
		}
		_, err := tx.Exec("insert into facts "+segments.FactsSelect(tx.Engine(), ""), store.Args{"day": today})
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	for i, leaf := range leaves {
		for range 3 {
			filled := leaf
			for letter, choices := range drawn {
				filled = strings.ReplaceAll(filled, letter, choices[i%len(choices)])
			}
			leaf = filled
		}
		f.Add(leaf)
	}
	norms := &segments.Norms{Gap: 30, Buyers: 1, Forecast: segments.Forecast{Fit: &forecast.Fitted{Model: models[0]}}}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := segments.Parse(text, wideScope)
		if err != nil {
			return
		}
		err = db.View(context.Background(), func(tx *store.Tx) error {
			where, args := r.SQL(segments.Query{Engine: tx.Engine(), Day: today, Norms: norms})
			var n int
			err := tx.One(&n, "select count(*) filter (where "+where+") + count(*) filter (where not ("+where+")) from facts f", args)
			if err == nil && n != 2 {
				t.Errorf("%s holds or not of %d members, want 2\n%s\n%v", text, n, where, args)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
	})
}
