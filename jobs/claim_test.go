package jobs

import (
	"context"
	"slices"
	"testing"

	"regulars/internal/engine"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// More rehearsals than the recovery pass looks at wait for their one place: whoever
// enqueues something else after them is seen all the same.
func TestJobsThatWaitForAPlaceHideNoOthers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var due []engine.Work
		var last int64
		err := db.Update(context.Background(), func(tx *store.Tx) (err error) {
			for range jobsSeen + 5 {
				if _, _, err = Enqueue(tx, Order{Kind: "rehearse", Values: map[string]string{"change": "1", "from": "2027-03-01", "to": "2027-03-02"}}); err != nil {
					return err
				}
			}
			if last, _, err = Enqueue(tx, Order{Kind: "refresh"}); err != nil {
				return err
			}
			due, err = dueJobs(tx)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(due) != jobsSeen+1 || !slices.Contains(due, engine.Work{Kind: "job.refresh", ID: last}) {
			t.Errorf("of %d rehearsals and a refresh it sees %v", jobsSeen+5, due)
		}
	})
}
