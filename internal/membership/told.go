package membership

import (
	"regulars/internal/loyalty"
	"regulars/internal/outbox"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// tell has other systems hear who entered or left a segment. What history moved is no
// news for them.
func tell(tx *store.Tx, kind string, s versions.Segment, members []int64, quiet bool) error {
	if quiet {
		return nil
	}
	all := make([]outbox.News, len(members))
	for i, m := range members {
		all[i] = outbox.News{Member: m, Detail: map[string]string{"segment": s.Name}}
	}
	return outbox.Tell(tx, kind, all)
}

// tellAll is tell of all whom this transaction has moved. Whom an import brought, to which
// nobody has reacted yet, is left out.
func tellAll(tx *store.Tx, s versions.Segment, quiet bool) error {
	if quiet {
		return nil
	}
	detail := outbox.Detail(tx, "segment", "cast(@name as text)")
	for _, moved := range []struct{ kind, at string }{{loyalty.ToldLeft, "left_at"}, {loyalty.ToldEntered, "entered_at"}} {
		err := outbox.TellOf(tx, moved.kind, `
			select x.member_id as n, x.member_id, `+detail+` as detail
			from   segment_members x
			where  x.segment_id = @segment and x.`+moved.at+` = @now
			and    not exists (select 1 from reactions w join happenings h on h.id = w.happening_id
			                   where w.campaign_id = 0 and w.member_id = x.member_id and h.kind in ('history', 'learned'))`,
			store.Args{"segment": s.ID, "name": s.Name, "now": tx.At})
		if err != nil {
			return err
		}
	}
	return nil
}
