package membership

import (
	"context"
	"fmt"

	"regulars/internal/happenings"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// entry is a stay that no campaign has seen yet.
type entry struct {
	SegmentID int64
	MemberID  int64
	EnteredAt loyalty.Instant
}

// hearEntered writes down who entered segments, for the campaigns that start by it.
// Who entered before a campaign went live is not its affair.
func hearEntered(tx *store.Tx, v *versions.Version, stays []entry) error {
	var all []happenings.Fresh
	for _, e := range stays {
		f := happenings.Fresh{Kind: happenings.Entered, Member: e.MemberID, About: happenings.About{Segment: e.SegmentID, Entered: e.EnteredAt}}
		for _, c := range v.Live("enters") {
			if s, ok := v.Segment(c.Start.Segment); ok && s.ID == e.SegmentID && !e.EnteredAt.Before(c.Since.Time) {
				f.Reactions = append(f.Reactions, c.ID)
			}
		}
		all = append(all, f)
	}
	return happenings.Keep(tx, all)
}

// hearLeft writes down for the campaigns that end on leaving a segment that the
// members ("in" what) who are not inside have left it.
func hearLeft(tx *store.Tx, v *versions.Version, s versions.Segment, members string, out []int64) error {
	var campaigns []int64
	for _, c := range v.Campaigns {
		if c.Start.Segment == s.Name && c.EndsBy("leaves") {
			campaigns = append(campaigns, c.ID)
		}
	}
	if len(campaigns) == 0 {
		return nil
	}
	var found []struct{ MemberID, CampaignID int64 }
	err := tx.All(&found, `
		select distinct p.member_id, p.campaign_id
		from   passages p
		where  p.state in ('ready', 'sending') and p.campaign_id in @campaigns and p.member_id in `+members+` and not exists
		       (select 1 from segment_members i where i.segment_id = @segment and i.member_id = p.member_id and i.left_at is null)
		order  by 1, 2`, store.Args{"campaigns": campaigns, "segment": s.ID, "now": tx.At, "ids": store.IDs(out)})
	if err != nil {
		return err
	}
	var all []happenings.Fresh
	for _, p := range found {
		all = append(all, happenings.Fresh{Kind: happenings.Left, Member: p.MemberID, About: happenings.About{Segment: s.ID}, Reactions: []int64{p.CampaignID}})
	}
	return happenings.Keep(tx, all)
}

// entriesAtOnce is how many stays one transaction deals with.
const entriesAtOnce = 1000

// Entries writes down for campaigns whom the nightly pass let into their segments,
// and returns how many stays it dealt with.
func Entries(ctx context.Context, db *store.DB) (n int, err error) {
	waiting := false // who has nothing to do does not take the lock of a writer
	err = db.View(ctx, func(tx *store.Tx) error {
		return tx.One(&waiting, "select exists (select 1 from segment_members where not handled)", nil)
	})
	if err != nil || !waiting {
		return 0, err
	}
	err = db.Update(ctx, func(tx *store.Tx) error {
		n = 0
		v, err := versions.Active(tx)
		if err != nil {
			return versions.IgnoreNoProgram(err)
		}
		var claimed []entry
		err = tx.All(&claimed, `
			update segment_members
			set    handled = true
			where  not handled and (segment_id, member_id, entered_at) in (
				select segment_id, member_id, entered_at from segment_members where not handled
				order  by segment_id, member_id limit @most `+tx.SkipLocked()+`)
			returning segment_id, member_id, entered_at`, store.Args{"most": entriesAtOnce})
		if n = len(claimed); n == 0 || err != nil {
			return err
		}
		return hearEntered(tx, v, claimed)
	})
	if err != nil {
		return 0, fmt.Errorf("who entered segments: %w", err)
	}
	return n, nil
}
