package campaign

import (
	"context"
	"fmt"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// stride is how many passages one transaction takes on.
const stride = 1000

// Advance takes passages that are due as far as they can go now: to their next
// mail, to a wait, or to their end. It returns how many it took. Many workers may
// call it at once: each passage is claimed first.
func (b *Book) Advance(ctx context.Context, db *store.DB) (n int, err error) {
	if idle, err := nothing(ctx, db, "select 1 from passages where wake_at <= @now"); idle || err != nil {
		return 0, err
	}
	err = db.Update(ctx, func(tx *store.Tx) error {
		ids, err := claim(tx)
		if n = len(ids); n == 0 || err != nil {
			return err
		}
		return b.take(tx, ids)
	})
	if err != nil {
		return 0, fmt.Errorf("taking passages on: %w", err)
	}
	return n, nil
}

// claim locks passages that are due. Those of a draft wait until it is live again.
func claim(tx *store.Tx) (ids []int64, err error) {
	err = tx.All(&ids, `
		select id
		from   passages
		where  wake_at <= @now
		and    state = 'ready'
		and    campaign_id in (select id from campaigns where live)
		order  by wake_at, id
		limit  @most `+tx.SkipLocked(), store.Args{"now": tx.At, "most": stride})
	return ids, err
}

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

// take takes passages on that the transaction has locked.
func (b *Book) take(tx *store.Tx, ids []int64) error {
	v, err := b.Active(tx)
	if err != nil {
		return err
	}
	all, err := travellers(tx, ids)
	if err != nil {
		return err
	}
	groups, order := map[int64][]*traveller{}, []int64{}
	for _, t := range all {
		if groups[t.CampaignID] == nil {
			order = append(order, t.CampaignID)
		}
		groups[t.CampaignID] = append(groups[t.CampaignID], t)
	}
	for _, id := range order {
		if err := b.takeCampaign(tx, v, v.byID(id), groups[id]); err != nil {
			return fmt.Errorf("passages of campaign %d: %w", id, err)
		}
	}
	return nil
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

func (b *Book) takeCampaign(tx *store.Tx, v *Version, c *Campaign, all []*traveller) error {
	if c == nil { // gone since the transaction began
		return b.exit(tx, idsOf(all), "removed")
	}
	j := &journey{b: b, tx: tx, v: v, c: c, day: v.Day(tx.At), at: make([][]*traveller, len(c.Steps)+1), triggers: map[[2]int64]trigger{}}
	gone := map[string][]int64{}
	for _, t := range all {
		if t.Gone != "" {
			gone[t.Gone] = append(gone[t.Gone], t.ID)
			continue
		}
		if err := j.join(t); err != nil {
			return err
		}
	}
	for reason, ids := range gone {
		if err := b.exit(tx, ids, reason); err != nil {
			return err
		}
	}
	return j.run()
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
