package engine

import (
	"context"
	"slices"
	"strconv"

	"regulars/internal/outbox"
	"regulars/internal/store"
)

// Work is something to be done: a kind of work and the id of the one thing that it
// is about; 0: whatever of the kind is due.
type Work struct {
	Kind string
	ID   int64
}

// String returns the key of a piece of work: "flow.react", "run.deliver:12".
func (w Work) String() string {
	if w.ID == 0 {
		return w.Kind
	}
	return w.Kind + ":" + strconv.FormatInt(w.ID, 10)
}

// asking are the kinds that ask for themselves whether something is due, cheaply:
// Due names them every time.
var asking = []string{SegmentPass, FlowDates, SendReap}

// Due returns what there is to do now and nobody has, in the order of Kinds.
func (e *Engine) Due(ctx context.Context) (due []Work, err error) {
	found := map[string][]Work{}
	for _, kind := range asking {
		found[kind] = []Work{{Kind: kind}}
	}
	err = e.db.View(ctx, func(tx *store.Tx) error {
		today, err := tx.Today()
		if err != nil {
			return err
		}
		var rows []Work
		if err := tx.All(&rows, allDue(tx), store.Args{"now": tx.At, "today": int64(today), "hooks": e.tellable()}); err != nil {
			return err
		}
		for _, w := range rows {
			found[w.Kind] = append(found[w.Kind], w)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, kind := range Kinds {
		due = append(due, found[kind]...)
	}
	return due, nil
}

// tellable are the destinations that webhooks can be sent to from here.
func (e *Engine) tellable() []string {
	if e.poster == nil {
		return []string{""}
	}
	return append(slices.Clone(e.poster.Names()), "")
}

// allDue asks, per kind, whether something is due that nobody has. Each part walks
// its index from the front, so that a long queue costs no more than a short one.
func allDue(tx *store.Tx) string {
	when := func(kind, there string) string {
		return "select '" + kind + "' as kind, 0 as id where exists (" + there + ")\n union all "
	}
	single := func(lane string) string {
		return "select 1 from due where lane = '" + lane + "' and not_before <= @now and (retry_at is null or retry_at <= " + tx.Machine() + ")"
	}
	undone := func(pass string) string {
		return "select 1 where not exists (select 1 from passes where name = '" + pass + "' and day = @today and finished_at is not null)"
	}
	folding := ""
	if tx.Postgres() {
		folding = when(CountsFold, store.CountsUnfolded())
	}
	return folding + when(CodeExpire, undone(passCodes)) +
		when(DataRetain, undone(passRetain)) +
		when(ClaimRelease, "select 1 from claims where state = 'held' and held_until <= @now") +
		when(RunFreeze, `
			select 1 from timetable t join campaigns c on c.id = t.campaign_id
			where  t.next_at <= @now and c.live and `+tx.NotSetBack("'campaign:' || c.id", "timetable")) +
		when(FlowSettle, `
			select 1 from campaigns c
			where  c.live and not c.settled and `+tx.NotSetBack("'campaign:' || c.id", "settling")) +
		when(FlowEnter, "select 1 from segment_members where not handled") +
		when(RunFinish, "select 1 from runs where state in ('sending', 'paused') or state = 'cancelled' and finished_at is null") +
		when(FlowReact, `
			select 1
			from   (select 0 as id, 'segments' as scope union all select id, 'campaign:' || id from campaigns) c
			where  `+tx.NotSetBack("c.scope", "reactions")+`
			and    exists (select 1 from reactions r where r.campaign_id = c.id and (r.retry_at is null or r.retry_at <= `+tx.Machine()+`))`) +
		when(FlowAdvance, `
			select 1 from campaigns c
			where  c.live and `+tx.NotSetBack("'campaign:' || c.id", "passages")+`
			and    exists (select 1 from passages p where p.campaign_id = c.id and p.wake_at <= @now)`) +
		when(MailUrgent, single("urgent")) +
		when(MailBulk, single("bulk")) + `
		select '` + HookPost + `', h.id from (` + outbox.Due(tx) + `) h
		union all
		select '` + RunDeliver + `', r.id
		from   runs r
		where  r.state = 'sending'
		and    exists (select 1 from chunks k where k.run_id = r.id and not k.done and k.not_before <= @now
		               and (k.lease_until is null or k.lease_until <= ` + tx.Machine() + `))
		order  by 2`
}
