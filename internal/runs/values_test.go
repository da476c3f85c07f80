package runs_test

import (
	"errors"
	"strings"
	"testing"

	"regulars/internal/runs"
	"regulars/internal/shoptest"
	"regulars/internal/store"
)

func TestLaunchValuesAreReadAsTheyAreMeant(t *testing.T) {
	p := shoptest.Program{Segments: vip, Campaigns: map[string]string{
		"sale": "live: true\nstart: {launch: {names: list, percent: number}}\nsteps:\n  - mail: x\n",
	}}
	each(t, p, func(t *testing.T, s *shop) {
		s.Join(1)
		for _, wrong := range []map[string]string{
			{"names": "a", "percent": "NaN"}, {"names": "a", "percent": "inf"}, {"names": "a", "percent": "-Infinity"}, {"names": "a", "percent": "1e999"}, {"names": "a,,b", "percent": "1"},
		} {
			var mistake *runs.Mistake
			if err := s.try(runs.LaunchRequest{Campaign: "sale", Values: wrong}); !errors.As(err, &mistake) {
				t.Errorf("Launch with %v = %v, want a mistake in words", wrong, err)
			}
			if err := s.DB.View(t.Context(), func(tx *store.Tx) error {
				return runs.CheckLaunch(tx, runs.LaunchRequest{Campaign: "sale", Values: wrong})
			}); !errors.As(err, &mistake) {
				t.Errorf("CheckLaunch with %v = %v, want a mistake in words", wrong, err)
			}
		}
		s.launch(runs.LaunchRequest{Campaign: "sale", Values: map[string]string{"names": " Boots , Knives,Dog food ", "percent": "2.5"}})
		s.Do(func(tx *store.Tx) error {
			var vars string
			err := tx.One(&vars, "select cast(vars as text) from occurrences order by id desc limit 1", nil)
			for _, want := range []string{`"Boots"`, `"Knives"`, `"Dog food"`, "2.5"} {
				if !strings.Contains(vars, want) {
					t.Errorf("the values are kept as %s, want %s in it", vars, want)
				}
			}
			return err
		})
	})
}
