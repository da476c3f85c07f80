package delivery_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// TestTextsOfAnotherVersionAreOnlyInItsMails: of a run, a part goes with the texts of
// one version, a part with those of the next, and the rest with the first again.
func TestTextsOfAnotherVersionAreOnlyInItsMails(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		next := load(func(all map[string]string) {
			all["campaigns/letter/1-letter.en.md"] = strings.ReplaceAll(all["campaigns/letter/1-letter.en.md"], "come and see us", "we have moved")
		})
		s.next, s.nextTexts = next.program, next.texts
		members := s.members(9)
		s.run("letter", members, 3)
		s.exec("update chunks set not_before = @later", store.Args{"later": db.Now().Add(24 * time.Hour)})
		sender := s.sender()
		for n, version := range []int{1, 2, 1} {
			s.exec("update sends set version_id = @version where state = 'queued'", store.Args{"version": version})
			s.exec("update chunks set not_before = @now where n = @n", store.Args{"now": db.Now().Add(-time.Hour), "n": n})
			if _, err := sender.Work(context.Background(), 0); err != nil {
				t.Fatal(err)
			}
			want, other := "come and see us", "we have moved"
			if version == 2 {
				want, other = other, want
			}
			for i := 3 * n; i < 3*n+3; i++ {
				body := s.wire.bodies[fmt.Sprintf("m%d@example.test", i)]
				if !strings.Contains(body, fmt.Sprint("Dear Ana", i)) || !strings.Contains(body, want) || strings.Contains(body, other) {
					t.Errorf("the letter to member %d is not of version %d:\n%s", i, version, body)
				}
			}
		}
		if filled, full := sender.Letters(); filled != 9 || full != 0 {
			t.Errorf("%d letters were filled in, %d were made in full, want 9 and 0", filled, full)
		}
	})
}
