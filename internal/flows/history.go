package flows

import (
	"regulars/internal/store"
	"regulars/internal/versions"
)

// Reached has every milestone recorded that members have reached, after an import:
// none of them is mailed, whatever becomes of the orders. The pass that settles
// campaigns does it, for each by itself.
func Reached(tx *store.Tx) error {
	v, err := versions.Active(tx)
	if err != nil {
		return versions.IgnoreNoProgram(err)
	}
	ids := []int64{}
	for _, c := range v.Live("milestone") {
		ids = append(ids, c.ID)
	}
	if len(ids) == 0 {
		return nil
	}
	tx.Wake("clock")
	_, err = tx.Exec("update campaigns set settled = false where id in "+tx.In("@ids"), store.Args{"ids": store.IDs(ids)})
	return err
}
