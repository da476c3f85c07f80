package public

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"regulars/internal/store"
)

func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var all turns
		first, err := all.take(context.Background(), []string{"email a", "id 1"})
		if err != nil {
			t.Fatal(err)
		}
		if other, err := all.take(context.Background(), []string{"id 2"}); err != nil {
			t.Errorf("another member: %v", err)
		} else {
			other()
		}
		began := time.Now()
		if _, err := all.take(context.Background(), []string{"card 7", "id 1"}); !errors.Is(err, store.ErrLocked) || time.Since(began) != turnWait {
			t.Errorf("the same member: %v after %s, want ErrLocked after %s", err, time.Since(began), turnWait)
		}
		var waiting sync.WaitGroup
		for range 50 { // by names in any order, and twice
			waiting.Go(func() {
				next, err := all.take(context.Background(), []string{"id 1", "email a", "id 1"})
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Millisecond)
				next()
			})
		}
		first()
		waiting.Wait()
		if len(all.turns) != 0 {
			t.Errorf("%d turns are left", len(all.turns))
		}
	})
}
