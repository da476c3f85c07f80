package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// lookedThrough is the setting that says up to which mail the ledger was looked through
// for what is too old, and in which month. A month begins at the first mail again: what
// was needed then may be needed no more.
const lookedThrough = "forgotten_sends"

// forgetSends looks through the next mails of the ledger that are older than the program
// keeps them, and deletes those that are over and that no promise needs, with what people
// did with them. What is counted of them stays. It returns how many it has looked at.
func forgetSends(tx *store.Tx, today loyalty.Day) (int, error) {
	v, err := versions.Active(tx)
	if err != nil {
		return 0, versions.IgnoreNoProgram(err)
	}
	if v.Program.KeepSends == (loyalty.Period{}) { // for ever
		return 0, nil
	}
	since := v.Program.KeepSends.Before(today)
	if err := store.SetLedgerSince(tx, since); err != nil {
		return 0, err
	}
	first, _ := loyalty.MonthOf(today)
	month := fmt.Sprintf("%d ", int64(first))
	text, err := tx.SettingOr(lookedThrough, func() string { return month + "0" })
	if err != nil {
		return 0, err
	}
	var from int64
	if id, same := strings.CutPrefix(text, month); same {
		if from, err = strconv.ParseInt(id, 10, 64); err != nil {
			return 0, fmt.Errorf("setting %s: %w", lookedThrough, err)
		}
	}
	args := store.Args{"from": from, "most": retainAtOnce, "day": int64(since), "before": loyalty.At(since.Start(v.Program.Zone)), "proof": store.IDs(proofs(v, today-since))}
	var old, ids []int64
	err = tx.All(&old, "select id from (select id, queued_at from sends where id > @from order by id limit @most) next where queued_at < @before order by id", args)
	if err != nil || len(old) == 0 {
		return 0, err
	}
	args["old"] = store.IDs(old) // by their ids: the plan is to read these rows alone
	if err := tx.All(&ids, "select id from sends where id in "+tx.In("@old")+" and "+forgettable(tx)+" order by id", args); err != nil {
		return 0, fmt.Errorf("which mails are too old: %w", err)
	}
	if len(ids) > 0 {
		for _, statement := range forgetting {
			if _, err := tx.Exec(fmt.Sprintf(statement, tx.In("@ids")), store.Args{"ids": store.IDs(ids)}); err != nil {
				return 0, fmt.Errorf("mails that are too old: %w", err)
			}
		}
	}
	return len(old), tx.SetSetting(lookedThrough, month+strconv.FormatInt(old[len(old)-1], 10))
}

// forgetting deletes mails, and what is noted of them.
var forgetting = []string{
	"delete from touches where send_id in %s",
	"delete from returned where send_id in %s",
	"delete from unknown_mails where send_id in %s",
	`delete from touched where (campaign_id, step, kind, send_id) in
		(select s.campaign_id, s.step, k.kind, s.id from sends s, (select 'open' as kind union all select 'click') k where s.id in %s)`,
	"delete from sends where id in %s",
}

// forgettable is the condition on sends that nothing needs: they are over since long, and
// so are their runs and passages; their code is used up or over; nobody asks whether the
// member had a mail of the campaign, which of one that is gone nobody knows.
func forgettable(tx *store.Tx) string {
	return `state in ('sent', 'failed', 'skipped', 'bounced', 'complained') and day < @day and coalesce(done_at, queued_at) < @before
		and    campaign_id not in ` + tx.In("@proof") + `
		and   (run_id is null or not exists (select 1 from campaigns c where c.id = sends.campaign_id and c.removed_at >= @before))
		and   (run_id is null or exists (select 1 from runs r where r.id = sends.run_id and r.finished_at is not null))
		and    not exists (select 1 from passages p where p.occurrence_id = sends.occurrence_id and p.member_id = sends.member_id and p.state in ('ready', 'sending'))
		and    not exists (select 1 from codes k join pools p on p.id = k.pool_id where k.id = sends.code_id and p.kind <> 'shared' and k.state in ('reserved', 'issued'))`
}

// proofs are the campaigns for everybody that ask the ledger whether a member had them,
// however long ago or further back than so many days. Those of single members ask
// passages, which stay.
func proofs(v *versions.Version, days loyalty.Day) []int64 {
	ids := []int64{}
	for _, c := range v.Campaigns {
		asks := !c.Again.Each && (c.Again.After == 0 || c.Again.After > int(days))
		if c.Broken != nil || asks && slices.Contains(program.ForEverybody, c.Start.Kind) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}
