package flows

import (
	"fmt"
	"maps"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/occurrence"
	"regulars/internal/rules"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/segments"
)

// The states of a passage.
const (
	Ready    = "ready"    // its next step is due at wake_at
	Sending  = "sending"  // its mail is in the ledger and not yet in a final state
	done     = "done"     // after the last step
	Exited   = "exited"   // ended early: reason
	Recorded = "recorded" // a milestone that was reached without a mail
)

// begin is a start of a campaign for some members.
type Start struct {
	C    *versions.Campaign
	Key  string          // of the occurrence
	Wake loyalty.Instant // when the first step is due
	// since is when what started it came in: waits count from then. None: now.
	since loyalty.Instant

	members []int64        // these; nil: all that where names
	rule    *segments.Rule // a further condition: of the event, of the segment; nil: none
	Where   string         // and one in SQL over f and m; "": none
	Args    store.Args     // of where
	Limit   int            // at most so many, by member id; 0: all

	event, order int64           // what started it; 0: nothing
	ownAct       loyalty.Instant // the member's act that did; none: it came by itself
	orderValues  *segments.Order // what rules read as order.…
	eventValues  map[string]any  // and as event.…
	Launch       map[string]any  // and as launch.…
}

// start starts a campaign for those of the members who are there, for whom it
// is, who may start it again, and returns the passages begun: at most one per
// occurrence and member whatever runs beside. Those in the holdout get a passage
// that is over. With a rule that cannot be answered yet it starts nobody, and
// holds up nothing else: Forecasts writes down why.
func Begin(tx *store.Tx, v *versions.Version, s Start) ([]int64, error) {
	day := v.Day(tx.At)
	if s.members != nil && len(s.members) == 0 {
		return nil, nil
	}
	occ, _, err := occurrence.Open(tx, occurrence.Occurrence{Campaign: s.C.ID, Key: s.Key, Day: day})
	if err != nil {
		return nil, err
	}
	if s.since.IsZero() {
		s.since = tx.At
	}
	q := rules.Ask(tx, day, store.Args{
		"since": s.since, "campaign": s.C.ID, "occurrence": occ, "version": v.ID, "day": int64(day), "now": tx.At, "wake": s.Wake,
		"event": orNull(s.event), "order": orNull(s.order), "act": s.ownAct,
	})
	maps.Copy(q.Args, s.Args)
	q.As.Order, q.As.Event, q.As.Launch = s.orderValues, s.eventValues, s.Launch
	var ids []int64
	err = q.All(&ids, s.statement(q))
	if rules.Unready(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", s.C.Name, err)
	}
	return ids, nil
}

func orNull(id int64) *int64 {
	if id == 0 {
		return nil
	}
	return &id
}

// statement is the one INSERT that starts a campaign.
func (s Start) statement(q *rules.Question) string {
	conditions := s.conditions(q)
	out := s.C.HeldOut("f.member_id")
	limit := ""
	if s.Limit > 0 {
		limit = fmt.Sprintf("\n\t\tlimit  %d", s.Limit)
	}
	return `
		insert into passages (campaign_id, occurrence_id, member_id, version_id, day, started_at, event_id, order_id,
		                      own_act_at, state, reason, wake_at, base_at)
		select cast(@campaign as bigint), cast(@occurrence as bigint), f.member_id, cast(@version as bigint), cast(@day as bigint),
		       ` + q.Tx.Instant("@since") + `, cast(@event as bigint), cast(@order as bigint), ` + q.Tx.Instant("@act") + `,
		       case when ` + out + ` then 'exited' else 'ready' end,
		       case when ` + out + ` then 'holdout' else '' end,
		       case when ` + out + ` then null else ` + q.Tx.Instant("@wake") + ` end, ` + q.Tx.Instant("@since") + `
		from   facts f join members m on m.id = f.member_id
		where  ` + conditions + `
		order  by f.member_id` + limit + `
		on conflict (occurrence_id, member_id) do nothing
		returning id`
}

// conditions says for whom the campaign starts, over f and m.
func (s Start) conditions(q *rules.Question) string {
	all := []string{rules.Present}
	if s.members != nil {
		all = append(all, "f.member_id in "+q.Among(s.members))
	}
	if s.Where != "" {
		all = append(all, s.Where)
	}
	if s.C.Topic == loyalty.Program && s.C.Class != loyalty.Service {
		all = append(all, "f.joined") // known is not joined
	}
	all = append(all, q.Holds(s.rule), q.Holds(s.C.For), q.Fails(s.C.Except), s.mayStart(q))
	return strings.Join(all, "\n\t\tand    ")
}

// lock picks at most so many members for whom the campaign starts and locks
// them, so that what happens to them meanwhile is seen or waits. More says
// whether others are left, or are locked by somebody else just now.
func (s Start) lock(tx *store.Tx, day loyalty.Day, most int) (members []int64, more bool, err error) {
	q := rules.Ask(tx, day, store.Args{"campaign": s.C.ID, "day": int64(day), "most": most})
	maps.Copy(q.Args, s.Args)
	var found []int64
	err = q.All(&found, `
		select f.member_id
		from   facts f join members m on m.id = f.member_id
		where  `+s.conditions(q)+`
		order  by f.member_id
		limit  @most`)
	if err != nil || len(found) == 0 {
		return nil, false, err
	}
	members, err = tx.LockMembers(found)
	return members, len(found) == most || len(members) < len(found), err
}

// mayStart is the condition that a member may start the campaign (again).
func (s Start) mayStart(q *rules.Question) string {
	if s.C.Again.Each {
		return "true"
	}
	since := ""
	if s.C.Again.After > 0 {
		q.Args["again"] = q.Args["day"].(int64) - int64(s.C.Again.After)
		since = " and p.day > @again"
	}
	return "not exists (select 1 from passages p where p.member_id = f.member_id and p.campaign_id = @campaign and p.state <> 'recorded'" + since + ")"
}

// occasion is the key of an occurrence that many members share as long as each
// may start only once, and of one per trigger otherwise.
func occurrenceKey(c *versions.Campaign, once, trigger string, day loyalty.Day) string {
	switch {
	case c.Again.Each:
		return trigger
	case c.Again.After > 0:
		return once + ":" + day.String()
	}
	return once
}

// at returns when a mail that a campaign sends at a time of day is due for who
// starts now: the next time that clocks in the shop show it.
func firstAt(c *versions.Campaign, now loyalty.Instant, v *versions.Version) loyalty.Instant {
	if c.Start.Time == nil {
		return now
	}
	today := v.Day(now)
	for day := today; ; day++ {
		if t := loyalty.At(c.Start.Time.On(day, v.Program.Zone)); !t.Before(now.Time) {
			return t
		}
	}
}
