package marketing

import (
	"context"
	"strings"

	"regulars/internal/consent"
	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Restored is what is due since the moment of a copy, and held.
type Restored struct {
	Runs []struct {
		Run      int64  `json:"run"`
		Campaign string `json:"campaign"`
		Mails    int64  `json:"mails"`
	} `json:"runs"`
	DueSingly
}

// DueSingly is what is due and belongs to no run.
type DueSingly struct {
	Mails    int64 `json:"mails"`
	Passages int64 `json:"passages"` // members whose next step is due
	Jobs     int64 `json:"jobs"`
	Dates    int64 `json:"dates"`       // of timetables, that are to be caught up
	Aside    int64 `json:"codes_aside"` // codes from stock that somebody may have
}

// joined is a new reason with the one that was there, unless it says so already.
func joined(because, was string) string {
	if was == "" || strings.Contains(was, because) {
		return because
	}
	return because + "; " + was
}

func dueSince(tx *store.Tx, since loyalty.Instant) (r Restored, err error) {
	args := store.Args{"now": tx.At, "since": since}
	err = tx.All(&r.Runs, `
		select r.id as run, c.name as campaign, count(*) as mails
		from   runs r join campaigns c on c.id = r.campaign_id
		join   sends s on s.run_id = r.id and s.state in ('queued', 'claimed', 'handing', 'deferred', 'unknown')
		where  r.state in ('sending', 'paused')
		group  by r.id, c.name
		order  by r.id`, args)
	if err != nil {
		return r, err
	}
	err = tx.One(&r.DueSingly, `
		select (select count(*) from due d join sends s on s.id = d.send_id where s.run_id is null and d.not_before <= @now) as mails,
		       (select count(*) from passages where wake_at <= @now) as passages,
		       (select count(*) from jobs where state in ('queued', 'running') and run_at <= @now) as jobs,
		       (select count(*) from timetable t join campaigns c on c.id = t.campaign_id
		        where c.live and c.removed_at is null and t.next_at between @since and @now) as dates,
		       (select count(*) from codes where member_id is null and state = 'aside' and id not in (select code_id from promises)) as aside`, args)
	return r, err
}

// AfterRestore holds everything, and sets codes from stock aside, after the database was restored from a copy, and
// returns what of it may be out already: what was due from the moment of the copy on.
func (m Marketer) AfterRestore(ctx context.Context, since loyalty.Instant, because string) (Restored, error) {
	return update(ctx, m.DB, func(tx *store.Tx) (Restored, error) {
		held, err := consent.Held(tx)
		if err != nil {
			return Restored{}, err
		}
		was, ok := held[consent.HoldAll]
		if !ok || was.ByWhom != consent.ByItself { // else they are set aside already, and a person may have freed some since
			if _, err := coupon.SetAside(tx); err != nil {
				return Restored{}, err
			}
		}
		if err := consent.Hold(tx, consent.HoldAll, joined(because, was.Because), consent.ByItself); err != nil {
			return Restored{}, err
		}
		return dueSince(tx, since)
	})
}
