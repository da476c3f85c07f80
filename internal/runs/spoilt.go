package runs

import (
	"crypto/rand"
	"fmt"
	"slices"

	"regulars/internal/coupon"
	"regulars/internal/isolation"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// takeUpSpoilt queues the mails of a run again that were skipped since they could not
// be made, before there were so many that the run was stopped: nobody has handed them
// over, and with corrected texts they can go. Each is due by itself, for its chunk is
// past it, and the gate asks everything again. Those whose step gives a code get one
// again, or stay skipped where the pool has none left.
func takeUpSpoilt(t isolation.Turn, run int64) error {
	tx, today := t.Tx, t.V.Day(t.Tx.At)
	var spoilt []struct {
		ID, OccurrenceID, MemberID int64
		Step                       string
	}
	err := tx.All(&spoilt, `
		select id, occurrence_id, member_id, step
		from   sends
		where  run_id = @run and state = 'skipped' and reason = 'render_error' and handed_at is null
		order  by id `+tx.ForUpdate(), store.Args{"run": run})
	if err != nil || len(spoilt) == 0 {
		return err
	}
	to := map[string][]coupon.To{} // by pool
	pool := map[string]string{}    // of a step
	for _, s := range spoilt {
		pool[s.Step] = poolOf(t.C, s.Step)
		if p := pool[s.Step]; p != "" {
			to[p] = append(to[p], coupon.To{Occurrence: s.OccurrenceID, Member: s.MemberID})
		}
	}
	given := map[string]map[coupon.To]int64{}
	for p, all := range to {
		if given[p], err = coupon.GiveEach(tx, p, all, today, rand.Reader); err != nil {
			return err
		}
	}
	var rows [][]any // send, code; 0: none
	for _, s := range spoilt {
		code := int64(0)
		if p := pool[s.Step]; p != "" {
			if code = given[p][coupon.To{Occurrence: s.OccurrenceID, Member: s.MemberID}]; code == 0 {
				continue
			}
		}
		rows = append(rows, []any{s.ID, code})
	}
	if len(rows) == 0 {
		return nil
	}
	table, args := tx.Values("id bigint", "code bigint"), store.Args{"rows": store.Rows(rows), "now": tx.At}
	// Their passages have gone on: the reason says so, as where a person has one sent again.
	_, err = tx.Exec(`
		update sends
		set    state = 'queued', reason = 'again', done_at = null, smtp_text = '', code_id = nullif(r.code, 0)
		from   `+table+`
		where  sends.id = r.id`, args)
	if err != nil {
		return fmt.Errorf("taking up what could not be made: %w", err)
	}
	_, err = tx.Exec(`
		insert into due (send_id, lane, not_before, fence)
		select s.id, case s.class when 'offer' then 'bulk' else 'urgent' end, `+tx.Instant("@now")+`, s.fence
		from   `+table+` join sends s on s.id = r.id
		where  true
		on conflict (send_id) do nothing`, args)
	tx.Wake("mail.urgent")
	tx.Wake("mail.bulk")
	return err
}

// poolOf is the pool of which a step of a campaign gives a code, "" for none.
func poolOf(c *versions.Campaign, step string) string {
	for _, s := range c.Steps {
		for _, choice := range append(slices.Clone(s.Choose), s) {
			if choice.Name == step {
				return choice.Coupon
			}
		}
	}
	return ""
}
