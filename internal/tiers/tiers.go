// Package tiers keeps the standing of members: one row of member_tiers for each stay in
// a tier, of which one without an end is the present one.
//
//	order ── facts ── React ──────────── up at once
//	midnight ──────── Night ──────────── the ends of days that are over: kept or down;
//	                                     up by time alone; a tier that is about to end
//	apply, import ─── Settle ─────────── up, and nobody hears of it
//	                  Past ───────────── what was before there were tiers, and what is still held by that
//	a person ──────── Set
//
// It promises that a tier is reached in the transaction of what reached it and left at
// the end of its last day only, with that day's orders; that a night which comes late
// decides as one in time would have; and that everything that becomes of a stay is an
// event of ours (source regulars), by which campaigns start: tier.up for each step,
// tier.kept, tier.down, tier.ending. What happened longer ago than news_within, or came
// in as history, mails nobody.
//
// How long a tier is kept is the business of loyalty (TierAfter); what its rule means,
// that of segments. A program without tiers costs nothing.
package tiers

import (
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// Tiers are those of a version, from the lowest.
type Tiers struct {
	v       *versions.Version
	list    []program.Tier
	ladder  loyalty.Ladder
	quiet   bool        // the first night: what holds has held before there were tiers
	pending loyalty.Day // so many days from an order's it may undo what it did
}

// Of returns the tiers of a version; nil: it has none.
func Of(v *versions.Version) *Tiers {
	l := v.Program.Loyalty
	if l == nil || len(l.Tiers) == 0 {
		return nil
	}
	t := &Tiers{v: v, list: l.Tiers, ladder: ladderOf(l)}
	if l.Points != nil {
		t.pending = loyalty.Day(l.Points.Pending)
	}
	return t
}

func ladderOf(l *program.Loyalty) (ladder loyalty.Ladder) {
	for _, tier := range l.Tiers {
		ladder.Tiers = append(ladder.Tiers, loyalty.Tenure{Keep: tier.Keep, Year: tier.KeepYear, Grace: tier.Grace})
	}
	ladder.DownOne = l.Points != nil && l.Points.DownOne
	return ladder
}

// inForce returns the tiers of the version in force; nil: there are none.
func inForce(tx *store.Tx) (*Tiers, error) {
	v, err := versions.Active(tx)
	if err != nil {
		return nil, versions.IgnoreNoProgram(err)
	}
	return Of(v), nil
}

// Names are the names of the tiers, from the lowest.
func (t *Tiers) Names() []string {
	names := make([]string, len(t.list))
	for i, tier := range t.list {
		names[i] = tier.Name
	}
	return names
}

// place is where a tier stands: 1 is the lowest, 0 is none, or one that is no more.
func (t *Tiers) place(name string) int { return slices.Index(t.Names(), name) + 1 }

// name is the name of the tier at a place, "" for none.
func (t *Tiers) name(place int) string {
	if place == 0 {
		return ""
	}
	return t.list[place-1].Name
}

func (t *Tiers) today(tx *store.Tx) loyalty.Day { return t.v.Day(tx.At) }
