package points

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// What a member has claimed earns nothing when they come for it: no points and no stamp
// (loyalty.md S10). Most tills write such an item with a total of 0, which says so by
// itself. Others write its price and take it off the whole order; of these the order lists
// the code, and the code's pool says which item it is.

// readFree reads of which pools orders list codes that came by a claim, a full card or a
// referral. A till that redeems a code without its order listing it tells no item.
func readFree(tx *store.Tx, orders []int64, byID map[int64]*purchase) error {
	var rows []struct {
		OrderID int64
		Spec    string
	}
	err := tx.All(&rows, `
		select r.order_id, cast(p.spec as text) as spec
		from   redemptions r
		join   codes c on c.id = r.code_id and c.occurrence_id < 0 -- the number of a claim
		join   pools p on p.id = r.pool_id
		where  r.order_id in (select value from `+tx.JSONEach("@ids")+`) and r.listed
		order  by r.order_id, r.id`, store.Args{"ids": store.IDs(orders)})
	if err != nil {
		return fmt.Errorf("what was claimed of %d orders: %w", len(orders), err)
	}
	for _, row := range rows {
		var pool program.Pool
		if err := json.Unmarshal([]byte(row.Spec), &pool); err != nil {
			return fmt.Errorf("a pool of order %d: %w", row.OrderID, err)
		}
		if p := byID[row.OrderID]; p != nil && pool.Item != "" {
			p.free = append(p.free, pool)
		}
	}
	return nil
}

// withoutPrice are lines in which one piece for each pool costs nothing, where its price was
// taken off the order beside them, and how much that is in all. Of several pieces that may
// be meant it is the cheapest.
func withoutPrice(lines []loyalty.Line, paid int64, free []program.Pool) (all []loyalty.Line, off int64) {
	beside := -paid // what the lines say that nobody paid
	for _, l := range lines {
		beside += l.Total
	}
	all = slices.Clone(lines)
	for _, pool := range free {
		best, price := -1, beside-off+1
		for i, l := range all {
			if l.Total > 0 && l.Quantity > 0 && l.Total/l.Quantity < price && meant(pool, l) {
				best, price = i, l.Total/l.Quantity
			}
		}
		if best < 0 {
			continue
		}
		piece := all[best]
		piece.Quantity, piece.Total = 1, 0
		all[best].Quantity, all[best].Total = all[best].Quantity-1, all[best].Total-price
		all, off = append(all, piece), off+price
	}
	return all, off
}

// meant reports whether a line is of what a pool gives: by its name, or by what the pool is
// for.
func meant(pool program.Pool, l loyalty.Line) bool {
	return strings.EqualFold(l.Name, pool.Item) || strings.EqualFold(l.Product, pool.Item) || slices.Contains(pool.Products, l.Product) || slices.Contains(pool.Categories, l.Category)
}
