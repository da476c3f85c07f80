package delivery

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

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
	ValidUntil *loyalty.Day // nil: not dated yet, or no end

	pool *program.Pool // as in force: what its end is counted by
	err  error         // why the pool cannot be read
}

func codes(tx *store.Tx, ids []int64) (map[int64]*code, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	all, of, err := codesByID(tx, ids)
	if err == nil {
		err = poolsOf(tx, of)
	}
	if err != nil {
		return nil, fmt.Errorf("loading %d codes: %w", len(ids), err)
	}
	maps.DeleteFunc(all, func(_ int64, c *code) bool { return c.pool == nil })
	return all, nil
}

// codesByID loads codes without their pools, and says which are of each pool.
func codesByID(tx *store.Tx, ids []int64) (all map[int64]*code, of map[int64][]*code, err error) {
	all, of = make(map[int64]*code, len(ids)), map[int64][]*code{}
	err = tx.Each("select c.id, c.code, c.pool_id, c.valid_until from "+tx.RowsOf("codes", "id", "@ids")+" c", store.Args{"ids": store.JSON(ids)}, func(scan func(into ...any) error) error {
		c, pool := &code{}, int64(0)
		err := scan(&c.ID, &c.Code, &pool, &c.ValidUntil)
		all[c.ID], of[pool] = c, append(of[pool], c)
		return err
	})
	return all, of, err
}

// poolsOf gives codes their pools. Each is read once, for all of its codes.
func poolsOf(tx *store.Tx, of map[int64][]*code) error {
	var rows []struct {
		ID   int64
		Spec string
	}
	err := tx.All(&rows, "select id, cast(spec as text) as spec from pools where id in "+tx.In("@ids"), store.Args{"ids": store.IDs(slices.Collect(maps.Keys(of)))})
	if err != nil {
		return err
	}
	for _, r := range rows {
		pool := &program.Pool{}
		if err = json.Unmarshal([]byte(r.Spec), pool); err != nil {
			err = fmt.Errorf("%w: %w", errPool, err)
		}
		for _, c := range of[r.ID] {
			c.pool, c.err = pool, err
		}
	}
	return nil
}

// lastDay is the one that the code has, or gets when a mail of today shows it; 0: none.
func (c *code) lastDay(today loyalty.Day) loyalty.Day {
	if c.ValidUntil != nil {
		return *c.ValidUntil
	}
	return coupon.Pool{Pool: *c.pool}.LastDay(today)
}

// data returns what a mail reads as coupon.…, the end being the one that is written down
// when it was sent.
func (c *code) data(today loyalty.Day) map[string]any {
	d := map[string]any{"code": c.Code, "pool": c.pool.Name}
	gives(d, *c.pool)
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
