package norms

import (
	"fmt"
	"strings"

	"regulars/internal/store"
	"regulars/segments"
)

// gap is the median of the members' usual gaps: of an even number the middle
// between the two in the middle. Who ordered on one day only has none.
const gap = `
	with counted as (
	       select f.usual_gap as gap, count(*) as members from $facts f where f.usual_gap is not null group by f.usual_gap),
	     placed as (
	       select gap, sum(members) over (order by gap) as upto, sum(members) over () as everybody from counted)
	select coalesce((min(case when 2 * upto >= everybody then gap end) + min(case when 2 * upto > everybody then gap end)) / 2, 0) from placed`

// computeGap fills in how long members usually wait between orders.
func computeGap(tx *store.Tx, facts string, n *segments.Norms) error {
	err := tx.One(&n.Gap, strings.Replace(gap, "$facts", facts, 1), store.Args{"day": int64(n.Day)})
	if err != nil {
		return fmt.Errorf("how long members wait between orders: %w", err)
	}
	return nil
}
