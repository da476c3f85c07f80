package campaign

import (
	"fmt"
	"maps"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/segments"
)

// The states of a passage.
const (
	ready    = "ready"    // its next step is due at wake_at
	sending  = "sending"  // its mail is in the ledger and not yet in a final state
	done     = "done"     // after the last step
	exited   = "exited"   // ended early: reason
	recorded = "recorded" // a milestone that was reached without a mail
)

// begin is a start of a campaign for some members.
type begin struct {
	c    *Campaign
	key  string          // of the occurrence
	wake loyalty.Instant // when the first step is due
	// since is when what started it came in: waits count from then. None: now.
	since loyalty.Instant

	members []int64        // these; nil: all that where names
	rule    *segments.Rule // a further condition: of the event, of the segment; nil: none
	where   string         // and one in SQL over f and m; "": none
	args    store.Args     // of where
	limit   int            // at most so many, by member id; 0: all

	event, order int64           // what started it; 0: nothing
	ownAct       loyalty.Instant // the member's act that did; none: it came by itself
	orderValues  *segments.Order // what rules read as order.…
	eventValues  map[string]any  // and as event.…
	launch       map[string]any  // and as launch.…
}

// start starts a campaign for those of the members who are there, for whom it
// is, who may start it again, and returns the passages begun: at most one per
// occurrence and member whatever runs beside. Those in the holdout get a passage
// that is over. With a rule that cannot be answered yet it starts nobody, and
// holds up nothing else: Forecasts writes down why.
func (b *Book) start(tx *store.Tx, v *Version, s begin) ([]int64, error) {
	day := v.Day(tx.At)
	if s.members != nil && len(s.members) == 0 {
		return nil, nil
	}
	occ, _, err := open(tx, occurrence{Campaign: s.c.ID, Key: s.key, Day: day})
	if err != nil {
		return nil, err
	}
	if s.since.IsZero() {
		s.since = tx.At
	}
	q := ask(tx, day, store.Args{
		"since": s.since, "campaign": s.c.ID, "occurrence": occ, "version": v.ID, "day": int64(day), "now": tx.At, "wake": s.wake,
		"event": orNull(s.event), "order": orNull(s.order), "act": s.ownAct,
	})
	maps.Copy(q.args, s.args)
	q.as.Order, q.as.Event, q.as.Launch = s.orderValues, s.eventValues, s.launch
	var ids []int64
	err = q.all(&ids, s.statement(q))
	if unready(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", s.c.Name, err)
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
func (s begin) statement(q *question) string {
	conditions := s.conditions(q)
	out := s.c.heldOut("f.member_id")
	limit := ""
	if s.limit > 0 {
		limit = fmt.Sprintf("\n\t\tlimit  %d", s.limit)
	}
	return `
		insert into passages (campaign_id, occurrence_id, member_id, version_id, day, started_at, event_id, order_id,
		                      own_act_at, state, reason, wake_at, base_at)
		select cast(@campaign as bigint), cast(@occurrence as bigint), f.member_id, cast(@version as bigint), cast(@day as bigint),
		       ` + q.tx.Instant("@since") + `, cast(@event as bigint), cast(@order as bigint), ` + q.tx.Instant("@act") + `,
		       case when ` + out + ` then 'exited' else 'ready' end,
		       case when ` + out + ` then 'holdout' else '' end,
		       case when ` + out + ` then null else ` + q.tx.Instant("@wake") + ` end, ` + q.tx.Instant("@since") + `
		from   facts f join members m on m.id = f.member_id
		where  ` + conditions + `
		order  by f.member_id` + limit + `
		on conflict (occurrence_id, member_id) do nothing
		returning id`
}

// conditions says for whom the campaign starts, over f and m.
func (s begin) conditions(q *question) string {
	all := []string{present}
	if s.members != nil {
		all = append(all, "f.member_id in "+q.among(s.members))
	}
	if s.where != "" {
		all = append(all, s.where)
	}
	if s.c.Topic == loyalty.Program && s.c.Class != loyalty.Service {
		all = append(all, "f.joined") // known is not joined
	}
	all = append(all, q.holds(s.rule), q.holds(s.c.For), q.fails(s.c.Except), s.mayStart(q))
	return strings.Join(all, "\n\t\tand    ")
}

// lock picks at most so many members for whom the campaign starts and locks
// them, so that what happens to them meanwhile is seen or waits. More says
// whether others are left, or are locked by somebody else just now.
func (s begin) lock(tx *store.Tx, day loyalty.Day, most int) (members []int64, more bool, err error) {
	q := ask(tx, day, store.Args{"campaign": s.c.ID, "day": int64(day), "most": most})
	maps.Copy(q.args, s.args)
	var found []int64
	err = q.all(&found, `
		select f.member_id
		from   facts f join members m on m.id = f.member_id
		where  `+s.conditions(q)+`
		order  by f.member_id
		limit  @most`)
	if err != nil || len(found) == 0 {
		return nil, false, err
	}
	members, err = lockMembers(tx, found)
	return members, len(found) == most || len(members) < len(found), err
}

// lockMembers locks those of the members that nobody else has locked.
func lockMembers(tx *store.Tx, ids []int64) (locked []int64, err error) {
	err = tx.All(&locked, "select id from members where id in "+inList(tx, "@ids")+" order by id "+tx.SkipLocked(), store.Args{"ids": array(ids)})
	return locked, err
}

// mayStart is the condition that a member may start the campaign (again).
func (s begin) mayStart(q *question) string {
	if s.c.Again.Each {
		return "true"
	}
	since := ""
	if s.c.Again.After > 0 {
		q.args["again"] = q.args["day"].(int64) - int64(s.c.Again.After)
		since = " and p.day > @again"
	}
	return "not exists (select 1 from passages p where p.member_id = f.member_id and p.campaign_id = @campaign and p.state <> 'recorded'" + since + ")"
}

// occasion is the key of an occurrence that many members share as long as each
// may start only once, and of one per trigger otherwise.
func (c *Campaign) occasion(once, trigger string, day loyalty.Day) string {
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
func (c *Campaign) at(now loyalty.Instant, v *Version) loyalty.Instant {
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
