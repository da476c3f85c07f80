package tiers_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/report"
	"regulars/internal/shoptest"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/internal/store/storetest/watched"
	"regulars/internal/tiers"
)

// fillCDNOW writes each row of the real orders as one of a member who is known by it.
func (s *shop) fillCDNOW() {
	s.T.Helper()
	watched.Skip(s.T)
	dir := os.Getenv("REGULARS_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	file, err := os.Open(filepath.Join(dir, "data", "cdnow", "orders.csv"))
	if err != nil {
		s.T.Skipf("no shared data at %s: this test did not run (REGULARS_DATA names the folder that holds it)", dir)
	}
	defer file.Close()
	all, err := csv.NewReader(file).ReadAll()
	if err != nil {
		s.T.Fatal(err)
	}
	ids := map[string]int64{}
	var members, orders [][]any
	for i, row := range all[1:] {
		day, err := loyalty.ParseDay(row[1])
		if err != nil {
			s.T.Fatal(err)
		}
		total, err := loyalty.ParseMoney(row[3], "USD")
		if err != nil {
			s.T.Fatal(err)
		}
		if ids[row[0]] == 0 {
			ids[row[0]] = int64(len(ids) + 1)
			members = append(members, []any{ids[row[0]], row[0], day.UTC(), day.UTC()})
		}
		orders = append(orders, []any{"cdnow", fmt.Sprint(i), ids[row[0]], day.UTC(), int64(day), "paid", true, total, day.UTC()})
	}
	s.Do(func(tx *store.Tx) error {
		if _, err := tx.Bulk("members", []string{"id", "external_id", "created_at", "changed_at"}, members); err != nil {
			return err
		}
		_, err := tx.Bulk("orders", []string{"source", "external_id", "member_id", "at", "day", "status", "counts", "total", "changed_at"}, orders)
		return err
	})
	s.Do(func(tx *store.Tx) error { _, err := tx.Exec("analyze", nil); return err })
}

const ofCDNOW = `
tiers:
  silver:   {when: spent("12m") >= 100.00, keep: 12m}
  gold:     {when: spent("12m") >= 250.00, keep: 12m}
  platinum: {when: spent("12m") >= 500.00, keep: 12m}
`

// holding is how many members have no tier, silver, gold and platinum.
func (s *shop) holding() string {
	s.T.Helper()
	return fmt.Sprint(s.Number("select count(*) from members m where not exists (select 1 from member_tiers t where t.member_id = m.id and t.left_day is null)"),
		s.Number("select count(*) from member_tiers where left_day is null and tier = 'silver'"),
		s.Number("select count(*) from member_tiers where left_day is null and tier = 'gold'"),
		s.Number("select count(*) from member_tiers where left_day is null and tier = 'platinum'"))
}

// Tiers that are new are held by those who hold them by O21 and O22; the figures were
// computed by independent scripts.
func TestTiersOfCDNOWByTheirRules(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		storetest.OnOne(t, store.Postgres, db.Engine())
		s := &shop{shoptest.Open(t, db, shoptest.Program{Zone: "UTC"})}
		s.fillCDNOW()
		for _, c := range []struct{ id, on, want string }{
			{"O21", "1997-12-31", "18350 3574 1192 454"},
			{"O22", "1998-03-31", "20278 2115 818 359"},
			{"O22", "1998-06-30", "20687 1891 666 326"},
		} {
			s.Now = shoptest.Helsinki(t, c.on+" 22:00")
			s.Apply(shoptest.Program{Zone: "UTC"})
			s.Do(func(tx *store.Tx) error { _, err := tx.Exec("delete from member_tiers", nil); return err })
			if _, err := intake.RebuildFacts(context.Background(), s.DB); err != nil {
				t.Fatal(err)
			}
			s.Apply(shoptest.Program{Zone: "UTC", Extra: map[string]string{"loyalty.yaml": ofCDNOW}})
			s.Want(c.id+" on "+c.on, s.holding(), c.want)
		}
	})
}

// A night after each of 545 days comes to the members of O23 and the moves of O24, on
// the engine that takes less time.
func TestNightsOfCDNOW(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("545 nights take a minute")
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if db.Engine() == store.Postgres {
			t.Skip("545 nights take a minute on SQLite and two here")
		}
		s := &shop{shoptest.Open(t, db, shoptest.Program{Zone: "UTC"})}
		s.fillCDNOW()
		s.Now = loyalty.Date(1997, 1, 1).UTC().Add(time.Hour)
		s.Apply(shoptest.Program{Zone: "UTC", Extra: map[string]string{"loyalty.yaml": ofCDNOW}})
		for end := loyalty.Date(1998, 7, 2).UTC(); s.Now.Before(end); s.Now = s.Now.AddDate(0, 0, 1) {
			for _, pass := range []func(context.Context, *store.DB) (int, error){intake.NewDay, tiers.Night} {
				if err := shoptest.Until(s.DB, pass); err != nil {
					t.Fatal(s.Now, err)
				}
			}
		}
		s.Want("O23", s.holding(), "19580 2363 1102 525")
		// The highest of several steps says until when it is kept.
		s.Want("O24", s.Counted(`
			select type || case when type = 'tier.kept' then '' else ' ' || (properties ->> 'tier') end as what, count(*) as n from events
			where  type <> 'tier.ending' and (type <> 'tier.up' or properties ->> 'until' is not null)
			group  by 1`), "1902 tier.down , 24 tier.down gold, 138 tier.down silver, 357 tier.kept, 1987 tier.up gold, 600 tier.up platinum, 5761 tier.up silver")
		s.Do(func(tx *store.Tx) error {
			q := report.TiersOf{Tiers: []report.Tier{{Name: "silver"}, {Name: "gold"}, {Name: "platinum"}}, From: loyalty.Date(1996, 12, 31), Day: loyalty.Date(1998, 7, 1)}
			r, err := q.Report(tx)
			members, kept := []int64{}, int64(0)
			for _, tier := range r.Tiers {
				members, kept = append(members, tier.Members), kept+tier.Kept
			}
			s.Want("the report", fmt.Sprint(members, kept, r.Jumps), "[19580 2363 1102 525] 357 145")
			return err
		})
	})
}
