package coupon

import (
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// NoteDay notes how the pools of the program in force stand, as the end of a day: from
// that on the course of a stock is drawn. It is called when the day is just over; called
// once more for the same day it changes nothing.
func NoteDay(tx *store.Tx, day loyalty.Day) error {
	pools, err := Statuses(tx, day+1)
	if err != nil {
		return err
	}
	for _, p := range pools {
		var remains any // null: no limit
		if p.Left >= 0 {
			remains = p.Left
		}
		_, err := tx.Exec(`
			insert into pool_days (pool_id, day, remains, given, used, ended, spent)
			values (@pool, @day, @remains, @given, @used, @ended, @spent)
			on conflict (pool_id, day) do nothing`,
			store.Args{"pool": p.ID, "day": int64(day), "remains": remains, "given": p.Given(), "used": p.Redeemed, "ended": p.Expired, "spent": p.Spent})
		if err != nil {
			return fmt.Errorf("noting how pool %s stands: %w", p.Name, err)
		}
	}
	return nil
}
