package versions

import (
	"fmt"
	"slices"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/segments"
)

// Gives reports whether a step of the campaign hands codes out.
func (c *Campaign) Gives() bool {
	for _, step := range c.Steps {
		if step.Coupon != "" {
			return true
		}
		for _, choice := range step.Choose {
			if choice.Coupon != "" {
				return true
			}
		}
	}
	return false
}

// EndedBy returns the campaigns whose passages end in a way.
func (v *Version) EndedBy(kind string) (ids []int64) {
	for _, c := range v.Campaigns {
		if c.EndsBy(kind) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// EndsBy reports whether passages of the campaign end in a way.
func (c *Campaign) EndsBy(kind string) bool {
	for _, u := range c.Until {
		if u.Kind == kind {
			return true
		}
	}
	return false
}

// RulesOf are all rules that a campaign reads, that of its segment included.
func (v *Version) RulesOf(c *Campaign) (rules []*segments.Rule) {
	add := func(r *segments.Rule) {
		if r != nil {
			rules = append(rules, r)
		}
	}
	add(c.For)
	add(c.Except)
	add(c.Start.Where)
	if s, ok := v.Segment(c.Start.Segment); ok {
		add(s.Rule)
	}
	for _, u := range c.Until {
		add(u.Rule)
	}
	for _, s := range c.Steps {
		for _, choice := range append([]program.Step{s}, s.Choose...) {
			add(choice.If)
		}
	}
	return rules
}

// ReadBy reports whether a segment's rule reads what changed.
func (v *Version) ReadBy(change segments.Change) bool {
	return slices.ContainsFunc(v.Segments, func(s Segment) bool { return s.Rule.TouchedBy(change) })
}

// TopicOf returns the topic of a step's mail.
func (c *Campaign) TopicOf(step program.Step) string {
	if step.Topic != "" {
		return step.Topic
	}
	return c.Topic
}

// offerLasts is how long an offer may be on its way at least: over a night's
// quiet hours and a relay's temporary refusals.
const offerLasts = 24 * time.Hour

// Expires returns when a mail that is queued now is too late, none for never:
// what members have earned or must be told is never dropped.
func (c *Campaign) Expires(now loyalty.Instant) loyalty.Instant {
	if c.Class != loyalty.Offer {
		return loyalty.Instant{}
	}
	return now.Plus(max(offerLasts, c.Late) + c.Capped.Defer)
}

// StartsBy reports whether entering a segment sets a live campaign off.
func (v *Version) StartsBy(segment string) bool {
	return slices.ContainsFunc(v.Live("enters"), func(c *Campaign) bool { return c.Start.Segment == segment })
}

// HeldOut is the condition that a member belongs to the holdout of a campaign.
func (c *Campaign) HeldOut(member string) string {
	if c.Holdout == 0 {
		return "false"
	}
	return fmt.Sprintf("(%s < %d)", loyalty.BucketSQL(fmt.Sprintf("cast(%d as bigint)", c.ID), member), c.Holdout)
}
