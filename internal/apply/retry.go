package apply

import (
	"slices"

	"regulars/internal/isolation"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// retry has everything that is set aside or put off tried again at once, by the
// version that is now in force: mails that wait for their text take it from there.
func retry(tx *store.Tx, v *versions.Version) error {
	set, err := tx.Setbacks()
	if err != nil {
		return err
	}
	for _, c := range v.Campaigns {
		if !slices.ContainsFunc(set, func(s store.Setback) bool { return s.Scope == isolation.Scope(c.ID) }) {
			continue
		}
		var steps []string
		for _, s := range c.Steps {
			for _, choice := range append([]program.Step{s}, s.Choose...) {
				steps = append(steps, choice.Name)
			}
		}
		var waiting []int64
		err := tx.All(&waiting, `
			update sends set version_id = @version
			where  id in (select d.send_id from due d join sends s on s.id = d.send_id
			              where  s.campaign_id = @campaign and s.run_id is null and s.state in ('queued', 'deferred'))
			and    step in @steps
			returning id`, store.Args{"version": v.ID, "campaign": c.ID, "steps": append(steps, "")})
		if err != nil {
			return err
		}
		_, err = tx.Exec("update due set retry_at = null where send_id in "+tx.In("@ids"), store.Args{"ids": store.IDs(waiting)})
		if err != nil {
			return err
		}
	}
	if err := tx.RetrySetbacks(); err != nil {
		return err
	}
	_, err = tx.Exec(`
		delete from setbacks
		where  scope like 'campaign:%' and scope not in (select 'campaign:' || id from campaigns where removed_at is null)
		or     scope like 'segment:%' and scope not in (select 'segment:' || id from segments where removed_at is null)`, nil)
	if err != nil {
		return err
	}
	if _, err := tx.Exec("update reactions set retry_at = null where retry_at is not null", nil); err != nil {
		return err
	}
	_, err = tx.Exec("update passages set wake_at = @now where wake_at > @now and state = 'ready' and reason >= 'failed: ' and reason < 'failed;'", store.Args{"now": tx.At})
	for _, work := range []string{"flow.react", "flow.advance", "mail.urgent", "mail.bulk"} {
		tx.Wake(work)
	}
	return err
}
