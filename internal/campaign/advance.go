package campaign

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// stride is how many passages one transaction takes on.
const stride = 1000

// Advance takes passages that are due as far as they can go now: to their next
// mail, to a wait, or to their end. It returns how many it took. Many workers may
// call it at once: each passage is claimed first.
func (b *Book) Advance(ctx context.Context, db *store.DB) (int, error) {
	return b.apart(ctx, db, work{
		name: "passages", limit: quick,
		due: func(tx *store.Tx) (ids []int64, err error) {
			err = tx.All(&ids, `
				select id
				from  (select c.id, (select min(p.wake_at) from passages p where p.campaign_id = c.id and p.wake_at <= @now) as first
				       from campaigns c where c.live) w
				where  first is not null
				order  by first, id`, store.Args{"now": tx.At})
			return ids, err
		},
		do: func(t turn, only []int64) (int, error) {
			ids, err := claim(t, only)
			if len(ids) == 0 || err != nil {
				return 0, err
			}
			return len(ids), b.take(t, ids, false)
		},
		pieces: func(tx *store.Tx, campaign int64, most int) (all []piece, err error) {
			err = tx.All(&all, duePassages("id, member_id", ""), store.Args{"campaign": campaign, "now": tx.At, "most": most})
			return all, err
		},
		putOff: putOffPassage,
		failed: "select 1 from passages where campaign_id = @campaign and member_id <> @member and state = 'ready' and reason >= 'failed: ' and reason < 'failed;'",
	})
}

// duePassages asks for passages of @campaign that are due, some of them perhaps.
func duePassages(columns, among string) string {
	return "select " + columns + " from passages where campaign_id = @campaign and wake_at <= @now and state = 'ready' " + among + " order by wake_at, id limit @most "
}

// claim locks passages of a campaign that are due, or some of these. Those of a
// draft wait until it is live again.
func claim(t turn, only []int64) (ids []int64, err error) {
	among := ""
	if only != nil {
		among = "and id in " + inList(t.tx, "@only")
	}
	err = t.tx.All(&ids, duePassages("id", among)+t.tx.SkipLocked(),
		store.Args{"campaign": t.id, "now": t.tx.At, "most": t.most, "only": array(only)})
	return ids, err
}

// putOffPassage lets a passage that fails by itself wait, the longer the longer it
// has been due, and keeps the reason.
func putOffPassage(tx *store.Tx, _, passage int64, why error) error {
	var base loyalty.Instant
	err := tx.One(&base, "select base_at from passages where id = @id", store.Args{"id": passage})
	if err != nil {
		return ignoreNotFound(err)
	}
	pause := min(6*time.Hour, max(time.Minute, tx.At.Sub(base.Time)))
	_, err = tx.Exec("update passages set wake_at = @wake, reason = @why where id = @id and state = 'ready'",
		store.Args{"id": passage, "wake": tx.At.Plus(pause), "why": failedReason + brief(why)})
	return err
}

// brief is an error as it is kept with a row.
func brief(err error) string {
	text := err.Error()
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}

func ignoreNotFound(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// failedReason begins the reason of a passage that waits because its step failed.
const failedReason = "failed: "

// traveller is a passage on its way.
type traveller struct {
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
func (b *Book) take(t turn, ids []int64, begun bool) error {
	all, err := travellers(t.tx, ids)
	if err != nil {
		return err
	}
	if t.c == nil { // gone since
		return b.exit(t.tx, idsOf(all), "removed")
	}
	j := &journey{b: b, tx: t.tx, v: t.v, c: t.c, day: t.v.Day(t.tx.At), begun: begun,
		at: make([][]*traveller, len(t.c.Steps)+1), triggers: map[[2]int64]trigger{}}
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
		if err := b.exit(t.tx, ids, reason); err != nil {
			return err
		}
	}
	return j.run()
}

// travellers loads locked passages in their order.
func travellers(tx *store.Tx, ids []int64) (all []*traveller, err error) {
	err = tx.All(&all, `
		select p.id, p.campaign_id, p.occurrence_id, p.member_id, p.version_id, p.day, coalesce(p.event_id, 0) as event_id,
		       coalesce(p.order_id, 0) as order_id, p.step, p.started_at, p.base_at, m.time_zone,
		       case when m.erased_at is not null then 'erased' when m.merged_into is not null then 'merged' else '' end as gone
		from   passages p join members m on m.id = p.member_id
		where  p.id in `+inList(tx, "@ids")+`
		order  by p.id`, store.Args{"ids": array(ids)})
	return all, err
}

func idsOf(all []*traveller) []int64 {
	ids := make([]int64, len(all))
	for i, t := range all {
		ids[i] = t.ID
	}
	return ids
}

func membersOf(all []*traveller) []int64 {
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
