package tiers

import (
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// Doubt is a stay for which nothing speaks.
type Doubt struct {
	Member int64
	Tier   string
	Since  loyalty.Day
	Why    string
}

// doubtAtOnce is how many stays Doubts looks at, the newest first.
const doubtAtOnce = 500

// Doubts returns present stays that neither a person has set nor the rule explains, as it
// was in that version: it must have held on the day on which the stay began, on that
// before, or at the end of the stay before. Whose orders have changed since is left out,
// for the rule can no longer be asked what it was asked then.
func Doubts(tx *store.Tx) (doubts []Doubt, err error) {
	var rows []struct {
		MemberID, SinceDay, VersionID int64
		Tier                          string
		BeforeLast                    *int64
		Again                         bool
	}
	err = tx.All(&rows, `
		select s.member_id, s.since_day, s.version_id, s.tier,
		       (select max(p.last_day) from member_tiers p where p.member_id = s.member_id and p.left_day = s.since_day and p.id < s.id) as before_last,
		       exists (select 1 from member_tiers p where p.member_id = s.member_id and p.id < s.id and p.tier = s.tier and p.last_day = s.last_day) as again
		from   member_tiers s
		where  s.left_day is null and s.by_whom = ''
		and    not exists (select 1 from orders o where o.member_id = s.member_id and o.changed_at > s.since_at and o.day <= s.since_day)
		order  by s.id desc limit @most`, store.Args{"most": doubtAtOnce})
	if err != nil {
		return nil, err
	}
	type asked struct {
		version, day int64
		tier         string
	}
	members := map[asked][]int64{}
	for _, r := range rows {
		if r.Again { // given back by an order that was undone
			continue
		}
		days := []int64{r.SinceDay, r.SinceDay - 1}
		if r.BeforeLast != nil {
			days = append(days, *r.BeforeLast)
		}
		for _, day := range days {
			k := asked{r.VersionID, day, r.Tier}
			members[k] = append(members[k], r.MemberID)
		}
	}
	speaks := map[string]bool{} // for a member's stay
	for k, ids := range members {
		v, err := versions.Of(tx, k.version)
		if err != nil {
			return nil, err
		}
		t := Of(v)
		if t == nil || t.place(k.tier) == 0 {
			continue
		}
		whole := len(t.list[t.place(k.tier)-1].When.WithoutHistory()) > 0 || t.ladder.DownOne
		all, err := t.standings(tx, loyalty.Day(k.day), ids)
		if err != nil {
			return nil, fmt.Errorf("version %d on %s: %w", k.version, loyalty.Day(k.day), err)
		}
		for _, s := range all {
			if whole || s.Holds >= t.place(k.tier) {
				speaks[fmt.Sprint(s.Member, " ", k.tier)] = true
			}
		}
	}
	for _, r := range rows {
		if !r.Again && !speaks[fmt.Sprint(r.MemberID, " ", r.Tier)] {
			doubts = append(doubts, Doubt{r.MemberID, r.Tier, loyalty.Day(r.SinceDay),
				fmt.Sprintf("is in %s since %s, which neither its rule in version %d nor a person says", r.Tier, loyalty.Day(r.SinceDay), r.VersionID)})
		}
	}
	return doubts, nil
}
