package flows

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"regulars/internal/isolation"
	"regulars/internal/loyalty"
	"regulars/internal/occurrence"
	"regulars/internal/outbox"
	"regulars/internal/rules"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/segments"
)

// MilestoneKey is the occurrence that all members share who reach a milestone:
// orders:5.
func MilestoneKey(f loyalty.Figure, value int64) string {
	return f.String() + ":" + strconv.FormatInt(value, 10)
}

// Reached has every milestone recorded that members have reached, after an import:
// none of them is mailed, whatever becomes of the orders. The pass that settles
// campaigns does it, for each by itself.
func Reached(tx *store.Tx) error {
	v, err := versions.Active(tx)
	if err != nil {
		return versions.IgnoreNoProgram(err)
	}
	ids := []int64{}
	for _, c := range v.Live("milestone") {
		ids = append(ids, c.ID)
	}
	if len(ids) == 0 {
		return nil
	}
	tx.Wake("flow.settle")
	_, err = tx.Exec("update campaigns set settled = false where id in "+tx.In("@ids"), store.Args{"ids": store.IDs(ids)})
	return err
}

// recordReached records that a member has reached a milestone.
func recordReached(t isolation.Turn, member, value int64) error {
	return record(t, []int64{value}, "select f.member_id, cast(@value as bigint) as reached from facts f where f.member_id = @member",
		store.Args{"member": member, "value": value})
}

// tell has other systems hear who has reached a milestone, by the passages that begin.
func (s Start) tell(t isolation.Turn, passages []int64) error {
	if s.reached == 0 || len(passages) == 0 {
		return nil
	}
	detail := outbox.Detail(t.Tx, "campaign", "cast(@campaign as text)", "figure", "cast(@figure as text)", "reached", "cast(@reached as bigint)", "order", "o.external_id")
	return outbox.TellOf(t.Tx, loyalty.ToldMilestone, `
		select p.id as n, p.member_id, `+detail+` as detail
		from   passages p left join orders o on o.id = p.order_id
		where  p.id in `+t.Tx.In("@ids"),
		store.Args{"ids": store.IDs(passages), "campaign": t.C.Name, "figure": t.C.Start.Figure.String(), "reached": s.reached})
}

// valuesAtOnce is how many milestones one statement records.
const valuesAtOnce = 5000

// recordAll records the milestones that members had reached: of up to 5,000
// milestones in two statements. What members did since is no part of that: while the
// campaign has still to react to somebody, it waits, and leaves those out to whom it
// cannot react. It reports whether it is done.
func recordAll(t isolation.Turn) (bool, error) {
	args := store.Args{"campaign": t.ID}
	var waiting int
	err := t.Tx.One(&waiting, "select count(*) from (select 1 from reactions where campaign_id = @campaign and retry_at is null limit 1) w", args)
	if err != nil || waiting > 0 {
		return false, err
	}
	reached := "select f.member_id, f." + t.C.Start.Figure.Kind + " as reached from facts f"
	switch f := t.C.Start.Figure; f.Kind {
	case loyalty.PointsEarned:
		reached = "select e.member_id, e.n as reached from (" + segments.PointsEarned + " group by member_id) e"
	case loyalty.Referrals:
		reached = "select r.referrer_id as member_id, count(*) as reached from referrals r where r.state = 'rewarded' group by r.referrer_id"
	case "items":
		args["of"] = f.Of
		reached = `
			select l.member_id, cast(sum(l.quantity) as bigint) as reached
			from   order_lines l
			where  l.counts and (l.product = @of or l.name = @of or l.category = @of)
			group  by l.member_id`
	}
	var most int64
	if err := t.Tx.One(&most, "select coalesce(max(r.reached), 0) from ("+reached+") r", args); err != nil {
		return false, err
	}
	for values := range slices.Chunk(loyalty.Milestones{At: t.C.Start.At, Every: t.C.Start.Every}.Crossed(0, most), valuesAtOnce) {
		args["least"] = values[0]
		err := record(t, values, `
			select a.* from (`+reached+`) a
			where  a.reached >= @least
			and    not exists (select 1 from reactions w where w.campaign_id = @campaign and w.member_id = a.member_id)`, args)
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// record keeps that members have reached milestones without a mail: those of the
// values that are not above what reached, a query for member_id and reached, says.
func record(t isolation.Turn, values []int64, reached string, more store.Args) error {
	args := store.Args{"campaign": t.ID, "version": t.V.ID, "day": int64(t.V.Day(t.Tx.At)), "now": t.Tx.At,
		"prefix": t.C.Start.Figure.String() + ":", "values": store.IDs(values), "decision": occurrence.Started}
	maps.Copy(args, more)
	_, err := t.Tx.Exec(`
		insert into occurrences (campaign_id, key, day, at, decision, reason)
		select cast(@campaign as bigint), cast(@prefix as text) || value, cast(@day as bigint), `+t.Tx.Instant("@now")+`, cast(@decision as text), ''
		from   `+t.Tx.JSONEach("@values")+` where true
		order  by value
		on conflict (campaign_id, key) do nothing`, args)
	if err != nil {
		return fmt.Errorf("milestones of %s: %w", t.C.Name, err)
	}
	_, err = t.Tx.Exec(`
		insert into passages (campaign_id, occurrence_id, member_id, version_id, day, started_at, state, base_at)
		select cast(@campaign as bigint), o.id, r.member_id, cast(@version as bigint), cast(@day as bigint),
		       `+t.Tx.Instant("@now")+`, 'recorded', `+t.Tx.Instant("@now")+`
		from   (`+reached+`) r
		join   members m on m.id = r.member_id and `+rules.Present+`
		join   `+t.Tx.JSONEach("@values")+` on value <= r.reached
		join   occurrences o on o.campaign_id = @campaign and o.key = cast(@prefix as text) || value
		where  true
		order  by r.member_id, o.id
		on conflict (occurrence_id, member_id) do nothing`, args)
	if err != nil {
		return fmt.Errorf("recording milestones of %s: %w", t.C.Name, err)
	}
	return nil
}
