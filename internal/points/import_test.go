package points_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"regulars/internal/importer"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/program"
	"regulars/internal/store"
)

// Members bring their points once; each row that is not taken is named with its line.
func TestImport(t *testing.T) {
	each(t, program.Points{Earn: onePer(100), Expire: loyalty.Expiry{After: loyalty.Period{Months: 12}}}, func(t *testing.T, s shop) {
		m := s.Join(2)
		text := fmt.Sprintf("member,points,last_day\nM-%d,120,%s\nM-%d,40,\nnobody,5,\nM-%d,1.5,\nM-%d,7,\nM-%d,7,2001-01-01\n",
			m[0], s.Now.AddDate(0, 0, 3).Format("2006-01-02"), m[1], m[1], m[1], m[1])
		path := filepath.Join(t.TempDir(), "points.csv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		take := func() (tally string, refused []int) {
			f := importer.File{Kind: "points", Path: path, Refused: func(n loyalty.Note) { refused = append(refused, n.Line) }}
			got, err := importer.New(s.DB).Import(context.Background(), f)
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(refused)
			return got.String(), refused
		}
		if tally, refused := take(); tally != "6 read, 2 new, 0 updated, 0 unchanged, 4 refused" || !slices.Equal(refused, []int{4, 5, 6, 7}) {
			t.Errorf("import: %s, lines %v refused", tally, refused)
		}
		s.want(t, m[0], "brought", "120, 0 pending, 1 rows")
		if tally, _ := take(); tally != "6 read, 0 new, 0 updated, 0 unchanged, 6 refused" {
			t.Errorf("import again: %s", tally)
		}
		s.to(4)
		s.want(t, m[0], "ended by the file's own day", "0, 0 pending, 2 rows")
		s.want(t, m[1], "ends by the program", "40, 0 pending, 1 rows")
	})
}

// The night late by days is the night on time: only when the rows were written differs.
func TestALateNight(t *testing.T) {
	each(t, program.Points{Earn: onePer(100), Expire: loyalty.Expiry{After: loyalty.Period{Days: 10}}}, func(t *testing.T, s shop) {
		m := s.Join(1)[0]
		s.order(loyalty.OrderPlaced, m, "a", total(5000))
		s.Now = s.Now.AddDate(0, 0, 15) // and no night in between
		var ended []points.Ending
		s.Do(func(tx *store.Tx) (err error) {
			before, err := points.StatementOf(tx, m, points.All)
			if err == nil && before.Balance != 0 {
				t.Errorf("before the night the balance is %d, want 0: the points have ended", before.Balance)
			}
			if err == nil {
				ended, err = intake.EndPoints(tx, 10)
			}
			return err
		})
		if len(ended) != 1 || ended[0].Remains != 50 {
			t.Errorf("ended: %+v, want 50 of one lot", ended)
		}
		var day int64
		s.Do(func(tx *store.Tx) error { return tx.One(&day, "select day from entries where kind = 'expire'", nil) })
		if want := loyalty.DayOf(s.Now, s.Now.Location()) - 4; loyalty.Day(day) != want {
			t.Errorf("the row is of %s, want %s", loyalty.Day(day), want)
		}
		s.to(0)
	})
}
