package flows

import (
	"context"
	"fmt"
	"time"

	"regulars/internal/happenings"
	"regulars/internal/isolation"
	"regulars/internal/loyalty"
	"regulars/internal/rules"
	"regulars/internal/store"
)

// Advance takes passages that are due as far as they can go now: to their next
// mail, to a wait, or to their end. It returns how many it took. Many workers may
// call it at once: each passage is claimed first.
func Advance(ctx context.Context, db *store.DB) (int, error) {
	return isolation.Each(ctx, db, isolation.Work{
		Name: "passages", Limit: isolation.Quick,
		Due: func(tx *store.Tx) (ids []int64, err error) {
			err = tx.All(&ids, `
				select id
				from  (select c.id, (select min(p.wake_at) from passages p where p.campaign_id = c.id and p.wake_at <= @now) as first
				       from campaigns c where c.live) w
				where  first is not null
				order  by first, id`, store.Args{"now": tx.At})
			return ids, err
		},
		Do: func(t isolation.Turn, only []int64) (int, error) {
			ids, err := claim(t.Tx, t.Id, only)
			if len(ids) == 0 || err != nil {
				return 0, err
			}
			return len(ids), take(t, ids, false)
		},
		Pieces: func(tx *store.Tx, campaign int64) (ids []int64, err error) {
			err = tx.All(&ids, duePassages(""), store.Args{"campaign": campaign, "now": tx.At, "most": happenings.Stride})
			return ids, err
		},
		PutOff: putOffPassage,
	})
}

// duePassages asks for passages of @campaign that are due, some of them perhaps.
func duePassages(among string) string {
	return "select id from passages where campaign_id = @campaign and wake_at <= @now and state = 'ready' " + among + " order by wake_at, id limit @most "
}

// claim locks passages of a campaign that are due, or some of these. Those of a
// draft wait until it is live again.
func claim(tx *store.Tx, campaign int64, only []int64) (ids []int64, err error) {
	among := ""
	if only != nil {
		among = "and id in " + tx.In("@only")
	}
	err = tx.All(&ids, duePassages(among)+tx.SkipLocked(),
		store.Args{"campaign": campaign, "now": tx.At, "most": happenings.Stride, "only": store.IDs(only)})
	return ids, err
}

// putOffPassage lets a passage that fails by itself wait, the longer the longer it
// has been due, and keeps the reason.
func putOffPassage(tx *store.Tx, _, passage int64, why error) error {
	var base loyalty.Instant
	err := tx.One(&base, "select base_at from passages where id = @id", store.Args{"id": passage})
	if err != nil {
		return store.IgnoreNotFound(err)
	}
	pause := min(6*time.Hour, max(time.Minute, tx.At.Sub(base.Time)))
	_, err = tx.Exec("update passages set wake_at = @wake, reason = @why where id = @id and state = 'ready'",
		store.Args{"id": passage, "wake": tx.At.Plus(pause), "why": failedReason + store.Brief(why)})
	return err
}

// failedReason begins the reason of a passage that waits because its step failed.
const failedReason = "failed: "

// traveller is a passage on its way.
type passage struct {
	ID           int64
	CampaignID   int64
	OccurrenceID int64
	MemberID     int64
	VersionID    int64
	Day          int64
	EventID      int64
	OrderID      int64
	Step         int // that it takes next
	StartedAt    loyalty.Instant
	BaseAt       loyalty.Instant
	TimeZone     string
	Gone         string // erased, merged; "": the member is there
}

// take takes passages of the campaign on that the transaction has locked; begun says
// that they have begun in it.
func take(t isolation.Turn, ids []int64, begun bool) error {
	all, err := passages(t.Tx, ids)
	if err != nil {
		return err
	}
	if t.C == nil { // gone since
		return end(t.Tx, idsOf(all), "removed")
	}
	j := &steps{tx: t.Tx, v: t.V, c: t.C, day: t.V.Day(t.Tx.At), begun: begun,
		at: make([][]*passage, len(t.C.Steps)+1), triggers: map[[2]int64]rules.Trigger{}}
	gone := map[string][]int64{}
	for _, p := range all {
		if p.Gone != "" {
			gone[p.Gone] = append(gone[p.Gone], p.ID)
			continue
		}
		if err := j.join(p); err != nil {
			return err
		}
	}
	for reason, ids := range gone {
		if err := end(t.Tx, ids, reason); err != nil {
			return err
		}
	}
	return j.run()
}

// travellers loads locked passages in their order.
func passages(tx *store.Tx, ids []int64) (all []*passage, err error) {
	err = tx.All(&all, `
		select p.id, p.campaign_id, p.occurrence_id, p.member_id, p.version_id, p.day, coalesce(p.event_id, 0) as event_id,
		       coalesce(p.order_id, 0) as order_id, p.step, p.started_at, p.base_at, m.time_zone,
		       case when m.erased_at is not null then 'erased' when m.merged_into is not null then 'merged' else '' end as gone
		from   passages p join members m on m.id = p.member_id
		where  p.id in `+tx.In("@ids")+`
		order  by p.id`, store.Args{"ids": store.IDs(ids)})
	return all, err
}

func idsOf(all []*passage) []int64 {
	ids := make([]int64, len(all))
	for i, t := range all {
		ids[i] = t.ID
	}
	return ids
}

func membersOf(all []*passage) []int64 {
	ids := make([]int64, len(all))
	for i, t := range all {
		ids[i] = t.MemberID
	}
	return ids
}

// pairs is a table of two columns, id and other, as SQL. Both are numbers of ours.
func pairs(rows [][2]int64) string {
	text := make([]byte, 0, 24*len(rows)+64)
	text = append(text, "(select column1 as id, column2 as other from (values "...)
	for i, row := range rows {
		if i > 0 {
			text = append(text, ',')
		}
		text = fmt.Appendf(text, "(%d,%d)", row[0], row[1])
	}
	return string(append(text, ") v)"...))
}

// microsAs is a number of microseconds since 1970 as an instant, as SQL.
func microsAs(tx *store.Tx, expr string) string {
	if tx.Postgres() {
		return "timestamptz 'epoch' + " + expr + " * interval '1 microsecond'"
	}
	return expr
}

// patience is how long a passage that found no code waits before it asks again.
const patience = time.Hour
