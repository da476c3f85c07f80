package tiers

import "regulars/internal/store"

// Merge has a member who was made one with another keep the higher of the two stays,
// with its reason and through the later of two days in one tier, and reach what both
// together hold. The other's stays remain with their row, as what they were. Nobody is
// told. Both members are locked and the facts are those of one.
func Merge(tx *store.Tx, from, into int64) error {
	t, err := inForce(tx)
	if err != nil {
		return err
	}
	var now []struct {
		MemberID int64
		Tier     string
		Last     int64
	}
	args := store.Args{"from": from, "into": into}
	if err := tx.All(&now, "select member_id, tier, coalesce(last_day, 9999999) as last from member_tiers where left_day is null and member_id in (@from, @into)", args); err != nil {
		return err
	}
	place := map[int64][2]int64{from: {-1, 0}, into: {-1, 0}}
	for _, s := range now {
		p := int64(0)
		if t != nil {
			p = int64(t.place(s.Tier))
		}
		place[s.MemberID] = [2]int64{p, s.Last}
	}
	leaves, steps := from, []string{}
	if a, b := place[from], place[into]; a[0] > b[0] || a[0] == b[0] && a[1] > b[1] {
		leaves = into
		steps = append(steps, "update member_tiers set member_id = case when member_id = @from then cast(@into as bigint) else cast(@from as bigint) end where member_id in (@from, @into)")
	}
	today, err := tx.Today()
	if err != nil {
		return err
	}
	args["today"], args["leaves"] = int64(today), leaves
	steps = append(steps, "update facts set tier_at = null where member_id in (@from, @into)")
	for _, step := range append([]string{"update member_tiers set left_day = @today where left_day is null and member_id = @leaves"}, steps...) {
		if _, err := tx.Exec(step, args); err != nil {
			return err
		}
	}
	if t == nil {
		return nil
	}
	return t.raise(tx, t.today(tx), []int64{into}, notAtAll)
}
