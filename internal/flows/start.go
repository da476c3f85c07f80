package flows

import (
	"fmt"
	"maps"
	"strings"

	"regulars/internal/isolation"
	"regulars/internal/loyalty"
	"regulars/internal/occurrence"
	"regulars/internal/rules"
	"regulars/internal/store"
	"regulars/segments"
)

// The states of a passage.
const (
	Ready    = "ready"    // its next step is due at wake_at
	Sending  = "sending"  // its mail is in the ledger and not yet in a final state
	Done     = "done"     // after the last step
	Exited   = "exited"   // ended early: reason
	Recorded = "recorded" // a milestone that was reached without a mail
)

// Start is a start of a campaign for some members.
type Start struct {
	Key    string          // of the occurrence
	Wake   loyalty.Instant // when the first step is due
	Where  string          // a condition in SQL over f and m; "": none
	Args   store.Args      // of Where
	Limit  int             // at most so many, by member id; 0: all
	Launch map[string]any  // what rules read as launch.…

	members []int64         // only these; nil: all
	rule    *segments.Rule  // a further condition: of the event, of the segment; nil: none
	since   loyalty.Instant // when what started it came in: waits count from then; none: now

	event, order int64           // what started it; 0: nothing
	read         rules.Trigger   // and what rules read of it
	reached      int64           // the milestone; 0: none
	ownAct       loyalty.Instant // the member's act that did; none: it came by itself
}

// Begin starts the campaign for those of the members who are there, for whom it is,
// who may start it again, and returns the passages begun: at most one per occurrence
// and member whatever runs beside. Those in the holdout get a passage that is over.
// With a rule that cannot be answered yet it starts nobody, and holds up nothing
// else: membership.Forecasts writes down why.
func Begin(t isolation.Turn, s Start) (passages []int64, err error) {
	if s.members != nil && len(s.members) == 0 {
		return nil, nil
	}
	day := t.V.Day(t.Tx.At)
	opened, _, err := occurrence.Open(t.Tx, occurrence.Occurrence{Campaign: t.ID, Key: s.Key, Day: day})
	if err != nil {
		return nil, err
	}
	if s.since.IsZero() {
		s.since = t.Tx.At
	}
	orNull := func(id int64) *int64 {
		if id == 0 {
			return nil
		}
		return &id
	}
	q := rules.Ask(t.Tx, day, store.Args{
		"since": s.since, "campaign": t.ID, "occurrence": opened, "version": t.V.ID, "day": int64(day), "now": t.Tx.At, "wake": s.Wake,
		"event": orNull(s.event), "order": orNull(s.order), "act": s.ownAct,
	})
	maps.Copy(q.Args, s.Args)
	q.As.Order, q.As.Event, q.As.Launch = s.read.Order, s.read.Event, s.Launch
	out, limit := t.C.HeldOut("f.member_id"), ""
	if s.Limit > 0 {
		limit = fmt.Sprintf("limit %d", s.Limit)
	}
	err = q.All(&passages, `
		insert into passages (campaign_id, occurrence_id, member_id, version_id, day, started_at, event_id, order_id,
		                      own_act_at, state, reason, wake_at, base_at)
		select cast(@campaign as bigint), cast(@occurrence as bigint), f.member_id, cast(@version as bigint), cast(@day as bigint),
		       `+t.Tx.Instant("@since")+`, cast(@event as bigint), cast(@order as bigint), `+t.Tx.Instant("@act")+`,
		       case when `+out+` then 'exited' else 'ready' end,
		       case when `+out+` then 'holdout' else '' end,
		       case when `+out+` then null else `+t.Tx.Instant("@wake")+` end, `+t.Tx.Instant("@since")+`
		from   facts f join members m on m.id = f.member_id
		where  `+s.conditions(t, q)+`
		order  by f.member_id `+limit+`
		on conflict (occurrence_id, member_id) do nothing
		returning id`)
	if rules.Unready(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", t.C.Name, err)
	}
	return passages, nil
}

// conditions says for whom the campaign starts, over f and m.
func (s Start) conditions(t isolation.Turn, q *rules.Question) string {
	all := []string{rules.Present}
	if s.members != nil {
		all = append(all, "f.member_id in "+q.Among(s.members))
	}
	if s.Where != "" {
		all = append(all, s.Where)
	}
	if t.C.Topic == loyalty.Program && t.C.Class != loyalty.Service {
		all = append(all, "f.joined") // known is not joined
	}
	all = append(all, q.Holds(s.rule), q.Holds(t.C.For), q.Fails(t.C.Except))
	if !t.C.Again.Each { // who had it does not start it again, or not for a while
		since := ""
		if t.C.Again.After > 0 {
			q.Args["again"] = q.Args["day"].(int64) - int64(t.C.Again.After)
			since = " and p.day > @again"
		}
		all = append(all, "not exists (select 1 from passages p where p.member_id = f.member_id and p.campaign_id = @campaign and p.state <> 'recorded'"+since+")")
	}
	return strings.Join(all, "\n\t\tand    ")
}

// occurrenceKey is the key of an occurrence that many members share as long as each
// may start only once, and of one per trigger otherwise.
func occurrenceKey(t isolation.Turn, once, trigger string) string {
	switch {
	case t.C.Again.Each:
		return trigger
	case t.C.Again.After > 0:
		return once + ":" + t.V.Day(t.Tx.At).String()
	}
	return once
}

// firstAt returns when a mail that the campaign sends at a time of day is due for who
// starts now: the next time that clocks in the shop show it.
func firstAt(t isolation.Turn) loyalty.Instant {
	if t.C.Start.Time == nil {
		return t.Tx.At
	}
	for day := t.V.Day(t.Tx.At); ; day++ {
		if at := loyalty.At(t.C.Start.Time.On(day, t.V.Program.Zone)); !at.Before(t.Tx.At.Time) {
			return at
		}
	}
}
