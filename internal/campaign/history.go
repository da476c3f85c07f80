package campaign

import "regulars/internal/store"

// Reached has every milestone recorded that members have reached, after an import:
// none of them is mailed, whatever becomes of the orders. The pass that settles
// campaigns does it, for each by itself.
func (b *Book) Reached(tx *store.Tx) error {
	v, err := b.Active(tx)
	if err != nil {
		return ignoreNoProgram(err)
	}
	ids := []int64{}
	for _, c := range v.live("milestone") {
		ids = append(ids, c.ID)
	}
	if len(ids) == 0 {
		return nil
	}
	b.hint(tx, "flow.settle")
	_, err = tx.Exec("update campaigns set settled = false where id in "+inList(tx, "@ids"), store.Args{"ids": array(ids)})
	return err
}
