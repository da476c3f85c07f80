package points

import (
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// limited says no where a member has claimed a reward as often as they may in its length
// of time, today included, and from which day on they may again. What was released or
// reversed does not count. The member is locked, or it is only asked.
func (r *Rules) limited(tx *store.Tx, w program.Reward, member int64) (no *Refused, again loyalty.Day, err error) {
	l := w.AtMost
	if l.N == 0 {
		return nil, 0, nil
	}
	today := r.today(tx)
	var days []int64 // the newest first
	err = tx.All(&days, `
		select day from claims
		where  member_id = @member and reward = @reward and state in ('`+Held+`', '`+Done+`') and source not in ('card', 'referral') and day > @after
		order  by day desc limit @most`,
		store.Args{"member": member, "reward": w.Name, "after": int64(l.Per.Before(today)), "most": l.N})
	if err != nil {
		return nil, 0, fmt.Errorf("how often member %d has claimed %s: %w", member, w.Name, err)
	}
	if int64(len(days)) < l.N {
		return nil, 0, nil
	}
	again = today + 1
	for int64(l.Per.Before(again)) < days[len(days)-1] {
		again++
	}
	often := "once"
	if l.N > 1 {
		often = fmt.Sprintf("%d times", l.N)
	}
	return &Refused{Limit, fmt.Sprintf("%s can be claimed %s in %s: again from %s on", w.Name, often, inDays(l.Per), again)}, again, nil
}

// inDays is a length of time in words.
func inDays(p loyalty.Period) string {
	n, unit := p.Days, "day"
	if p.Months > 0 {
		n, unit = p.Months, "month"
	}
	if n == 1 {
		return "a " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
