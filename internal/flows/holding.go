package flows

import (
	"regulars/internal/rules"
	"regulars/internal/store"
	"regulars/segments"
)

// holding returns the passages for whose members a rule holds now: one statement
// for all that stand alike to the rule.
func (j *steps) holding(all []*passage, rule *segments.Rule) (map[int64]bool, error) {
	type standing struct{ occurrence, event, order int64 }
	personal, shared := rules.Reads(rule)
	groups, order := map[standing][]*passage{}, []standing{}
	for _, t := range all {
		var s standing
		if personal {
			s.event, s.order = t.EventID, t.OrderID
		}
		if shared {
			s.occurrence = t.OccurrenceID
		}
		if groups[s] == nil {
			order = append(order, s)
		}
		groups[s] = append(groups[s], t)
	}
	held := map[int64]bool{}
	for _, s := range order {
		q := rules.Ask(j.tx, j.day, store.Args{})
		if err := j.tell(q, s.occurrence, s.event, s.order); err != nil {
			return nil, err
		}
		members, err := rules.Whose(q, membersOf(groups[s]), rule)
		if err != nil {
			return nil, err
		}
		for _, t := range groups[s] {
			held[t.ID] = members[t.MemberID]
		}
	}
	return held, nil
}

// tell gives a question what its rules may read beside the member.
func (j *steps) tell(q *rules.Question, occurrence, event, order int64) (err error) {
	if q.As.Occurrence = occurrence; occurrence != 0 {
		if q.As.Launch, err = rules.LaunchValues(j.tx, occurrence); err != nil {
			return err
		}
	}
	if event == 0 && order == 0 {
		return nil
	}
	k := [2]int64{event, order}
	t, known := j.triggers[k]
	if !known {
		if t, err = rules.ReadTrigger(j.tx, event, order); err != nil {
			return err
		}
		j.triggers[k] = t
	}
	q.As.Order, q.As.Event = t.Order, t.Event
	return nil
}
