package delivery

import (
	"encoding/json"
	"errors"
	"fmt"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// errPool says that the row of a code's pool is damaged.
var errPool = errors.New("the pool of its code cannot be read")

// code is the coupon that goes with a mail.
type code struct {
	ID         int64
	Code       string
	Spec       string
	ValidUntil *loyalty.Day // nil: not dated yet, or no end

	pool program.Pool // as in force: what its end is counted by
	err  error        // why the pool cannot be read
}

func codes(tx *store.Tx, ids []int64) (map[int64]*code, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []code
	err := tx.All(&rows, `
		select c.id, c.code, cast(p.spec as text) as spec, c.valid_until
		from   codes c join pools p on p.id = c.pool_id
		where  c.id in (select value from `+tx.JSONEach("@ids")+`)`, store.Args{"ids": store.JSON(ids)})
	if err != nil {
		return nil, fmt.Errorf("loading %d codes: %w", len(ids), err)
	}
	all := make(map[int64]*code, len(rows))
	for i := range rows {
		if err := json.Unmarshal([]byte(rows[i].Spec), &rows[i].pool); err != nil {
			rows[i].err = fmt.Errorf("%w: %w", errPool, err)
		}
		all[rows[i].ID] = &rows[i]
	}
	return all, nil
}

// lastDay is the one that the code has, or gets when a mail of today shows it; 0: none.
func (c *code) lastDay(today loyalty.Day) loyalty.Day {
	if c.ValidUntil != nil {
		return *c.ValidUntil
	}
	return coupon.Pool{Pool: c.pool}.LastDay(today)
}

// data returns what a mail reads as coupon.…, the end being the one that is written down
// when it was sent.
func (c *code) data(today loyalty.Day) map[string]any {
	d := map[string]any{"code": c.Code, "pool": c.pool.Name}
	gives(d, c.pool)
	if end := c.lastDay(today); end != 0 {
		d["ends"] = end
	}
	return d
}

func gives(d map[string]any, p program.Pool) {
	switch {
	case p.Percent > 0:
		d["percent"] = int64(p.Percent)
	case p.Amount > 0:
		d["amount"] = p.Amount
	case p.Item != "":
		d["item"] = p.Item
	case p.Points > 0:
		d["points"] = p.Points
	case p.Perk != "":
		d["perk"] = p.Perk
	}
	d["free_shipping"] = p.FreeShipping
	if p.Minimum > 0 {
		d["minimum"] = p.Minimum
	}
}
