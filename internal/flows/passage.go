package flows

import (
	"fmt"

	"regulars/internal/isolation"
	"regulars/internal/loyalty"
	"regulars/internal/rules"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/segments"
)

// passage is one member's way through the campaign, as its steps need it.
type passage struct {
	ID, OccurrenceID, MemberID, VersionID int64
	EventID, OrderID                      int64 // what started it
	Step                                  int   // that it takes next
	StartedAt                             loyalty.Instant
	BaseAt                                loyalty.Instant // from when its next wait counts
	TimeZone                              string
	Gone                                  string // erased, merged; "": the member is there
}

// load locks those of the passages that are due now, each with its member.
func load(tx *store.Tx, ids []int64) (all []*passage, err error) {
	err = tx.All(&all, `
		select p.id, p.occurrence_id, p.member_id, p.version_id, coalesce(p.event_id, 0) as event_id, coalesce(p.order_id, 0) as order_id,
		       p.step, p.started_at, p.base_at, m.time_zone,
		       case when m.erased_at is not null then 'erased' when m.merged_into is not null then 'merged' else '' end as gone
		from   passages p join members m on m.id = p.member_id
		where  p.id in `+tx.In("@ids")+` and p.state = 'ready' and p.wake_at <= @now
		order  by p.id `+tx.ForUpdateOf("p"), store.Args{"ids": store.IDs(ids), "now": tx.At})
	return all, err
}

// resumeIn puts a passage that stood in another version of the program after the last
// step that it has passed, by name.
func (p *passage) resumeIn(t isolation.Turn) error {
	if p.VersionID != t.V.ID {
		old, err := versions.Of(t.Tx, p.VersionID)
		if err != nil {
			return err
		}
		if c := old.Program.Same(t.C.Campaign); c != nil {
			p.Step = resume(c.Steps, t.C.Steps, p.Step)
		}
	}
	p.Step = min(p.Step, len(t.C.Steps))
	return nil
}

// idsOf is the ids of passages as a parameter.
func idsOf(all []*passage) string {
	ids := make([]int64, len(all))
	for i, p := range all {
		ids[i] = p.ID
	}
	return store.IDs(ids)
}

func divide(all []*passage, is func(*passage) bool) (yes, no []*passage) {
	for _, p := range all {
		if is(p) {
			yes = append(yes, p)
		} else {
			no = append(no, p)
		}
	}
	return yes, no
}

// answers asks rules about the members of passages in one transaction.
type answers struct {
	isolation.Turn
	triggers map[[2]int64]rules.Trigger // what rules read of what started a passage
}

// holding returns the passages for whose members a rule holds now: one statement
// for all that stand alike to the rule.
func (a *answers) holding(all []*passage, rule *segments.Rule) (map[int64]bool, error) {
	type standing struct{ occurrence, event, order int64 }
	personal, shared := rules.Reads(rule)
	groups, order := map[standing][]*passage{}, []standing{}
	for _, p := range all {
		var s standing
		if personal {
			s.event, s.order = p.EventID, p.OrderID
		}
		if shared {
			s.occurrence = p.OccurrenceID
		}
		if groups[s] == nil {
			order = append(order, s)
		}
		groups[s] = append(groups[s], p)
	}
	held := map[int64]bool{}
	for _, s := range order {
		q, err := a.question(s.occurrence, s.event, s.order)
		if err != nil {
			return nil, err
		}
		var members []int64
		for _, p := range groups[s] {
			members = append(members, p.MemberID)
		}
		found, err := rules.Whose(q, members, rule)
		if err != nil {
			return nil, err
		}
		for _, p := range groups[s] {
			held[p.ID] = found[p.MemberID]
		}
	}
	return held, nil
}

// question is one that knows what rules may read beside the member; 0: nothing.
func (a *answers) question(occurrence, event, order int64) (q *rules.Question, err error) {
	q = rules.Ask(a.Tx, a.V.Day(a.Tx.At), store.Args{})
	if q.As.Occurrence = occurrence; occurrence != 0 {
		if q.As.Launch, err = rules.LaunchValues(a.Tx, occurrence); err != nil {
			return nil, err
		}
	}
	key := [2]int64{event, order}
	what, known := a.triggers[key]
	if !known {
		if what, err = rules.ReadTrigger(a.Tx, event, order); err != nil {
			return nil, err
		}
		a.triggers[key] = what
	}
	q.As.Order, q.As.Event = what.Order, what.Event
	return q, nil
}

// shown is the newest code that a passage was mailed or is about to be.
type shown struct {
	id   int64
	ends *loyalty.Day // nil: no end
}

// shownTo returns the codes of passages, by passage.
func shownTo(t isolation.Turn, all []*passage) (map[int64]shown, error) {
	codes := map[int64]shown{}
	if len(all) == 0 || !t.C.Gives() {
		return codes, nil
	}
	var rows []struct {
		Passage, Code int64
		ValidUntil    *int64
	}
	err := t.Tx.All(&rows, `
		select p.id as passage, c.id as code, c.valid_until
		from   passages p
		join   sends s on s.occurrence_id = p.occurrence_id and s.member_id = p.member_id
		join   codes c on c.id = s.code_id
		where  p.id in `+t.Tx.In("@ids")+`
		order  by s.id`, store.Args{"ids": idsOf(all)})
	if err != nil {
		return nil, fmt.Errorf("codes that were shown: %w", err)
	}
	for _, row := range rows {
		one := shown{id: row.Code}
		if row.ValidUntil != nil {
			day := loyalty.Day(*row.ValidUntil)
			one.ends = &day
		}
		codes[row.Passage] = one
	}
	return codes, nil
}
