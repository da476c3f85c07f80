package membership

import (
	"regulars/internal/happenings"
	"regulars/internal/isolation"
	"regulars/internal/store"
	"regulars/segments"
)

// Inside reports whether a member is in a segment now.
func Inside(tx *store.Tx, segment, member int64) (bool, error) {
	var n int
	err := tx.One(&n, "select count(*) from segment_members where segment_id = @segment and member_id = @member and left_at is null",
		store.Args{"segment": segment, "member": member})
	return n > 0, err
}

// React puts the members of happenings into the segments where they now
// belong. An import mails nobody: for whom history came in beside, none of it starts
// a campaign.
func React(t isolation.Turn, all []happenings.Happening) error {
	live, past := changed{}, changed{}
	for _, h := range all {
		what := segments.Change{Everything: true}
		switch {
		case h.About.Change != nil:
			what = *h.About.Change
		case h.About.Happened != nil:
			what = h.About.Happened.Changed(t.V, h.TakenAt)
		}
		into := live
		if h.Past() {
			into = past
		}
		into[h.MemberID] = into[h.MemberID].And(what)
	}
	for m, what := range live {
		if before, both := past[m]; both {
			past[m] = before.And(what)
			delete(live, m)
		}
	}
	if err := reevaluate(t.Tx, t.V, past, true); err != nil {
		return err
	}
	return reevaluate(t.Tx, t.V, live, false)
}
