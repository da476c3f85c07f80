package tiers

import (
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// Until is the last day on which a member has a tier as things stand: the one through which
// it is kept, and the grace after it, if no person said the day. Mails, pages, tills, rules
// and our events call that day until; nil: the tier has none. The day without the grace,
// on which it is decided whether the tier is kept, stands beside it where a person looks
// into a member's tier.
func Until(p *program.Program, tier string, keptThrough *loyalty.Day, exact bool) *loyalty.Day {
	if keptThrough == nil || p.Loyalty == nil {
		return keptThrough
	}
	place := 1 + slices.IndexFunc(p.Loyalty.Tiers, func(t program.Tier) bool { return t.Name == tier })
	until := ladderOf(p.Loyalty).Ends(loyalty.Stay{Tier: place, Last: *keptThrough, Exact: exact})
	return &until
}

// UntilOf is Until of the tier that a member has now.
func UntilOf(tx *store.Tx, p *program.Program, member int64) (*loyalty.Day, error) {
	var stays []struct {
		Tier    string
		LastDay *loyalty.Day
		Exact   bool
	}
	err := tx.All(&stays, "select tier, last_day, exact from member_tiers where member_id = @member and left_day is null", store.Args{"member": member})
	if err != nil || len(stays) == 0 {
		return nil, err
	}
	return Until(p, stays[0].Tier, stays[0].LastDay, stays[0].Exact), nil
}
