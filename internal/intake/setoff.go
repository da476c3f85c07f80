package intake

import (
	"slices"

	"regulars/internal/happenings"
	"regulars/internal/loyalty"
)

// measureBefore keeps the figures of a wave's people as they are before it.
func (b *batch) measureBefore(wave []*item) error {
	for _, it := range wave {
		it.before = it.who.measured()
	}
	return b.countItems(wave, func(it *item) *happenings.Measured { return &it.before })
}

// measured are the figures of a person as of the last facts.
func (who *person) measured() happenings.Measured {
	return happenings.Measured{Orders: who.member.Orders, Spent: who.member.Spent, Points: who.member.Points}
}

// countItems counts the figures that live milestones want from order lines, and from the
// ledger of points.
func (b *batch) countItems(wave []*item, into func(*item) *happenings.Measured) error {
	var members []int64
	for _, it := range wave {
		members = append(members, it.who.id)
	}
	for _, f := range b.figures {
		count, err := counted(b.tx, f, members)
		if err != nil {
			return err
		}
		for _, it := range wave {
			m := into(it)
			if m.Items == nil {
				m.Items = map[string]int64{}
			}
			m.Items[f.Of] = count[it.who.id]
		}
	}
	return nil
}

// setOff brings the facts up to date with a wave, writes down what campaigns have to
// react to, and has members reach their tiers.
func (b *batch) setOff(wave []*item) error {
	learned := slices.Clone(b.disowned) // their order was somebody else's
	if err := b.bringUp(wave); err != nil {
		return err
	}
	if err := b.tellRepaid(); err != nil {
		return err
	}
	after := make(map[*item]*happenings.Measured, len(wave))
	for _, it := range wave {
		m := it.who.measured()
		after[it] = &m
	}
	if err := b.countItems(wave, func(it *item) *happenings.Measured { return after[it] }); err != nil {
		return err
	}
	news, history := make([]happenings.Happened, 0, len(wave)), []happenings.Happened(nil)
	for _, it := range wave {
		h := happenings.Happened{
			Member: it.who.id, Event: it.event, Type: it.Type, At: it.At,
			Before: it.before, After: *after[it], Joined: it.joined, Asked: it.asked, Mail: it.mail,
			New: it.who.made || it.who.factless, Profile: it.who.profiled,
		}
		if it.order != nil {
			h.Order = it.order.ID
		}
		if s := it.who.standing; s != nil {
			h.Tier, h.Tierless = s.tier, s.tier == "" && !s.tierAt.IsZero()
			if s.unpacked {
				h.Spent = s.spentIn
			}
		}
		if it.news {
			news = append(news, h)
		} else {
			history = append(history, h)
		}
	}
	if len(history) > 0 {
		if err := happenings.HearHistory(b.tx, history); err != nil {
			return err
		}
	}
	if len(learned) > 0 {
		if err := happenings.Learned(b.tx, learned); err != nil {
			return err
		}
	}
	if err := happenings.Hear(b.tx, news); err != nil || b.shop.tiers == nil {
		return err
	}
	for _, it := range wave { // the next wave looks up who has come to another tier by this one
		if it.who.standing != nil {
			it.who.standing.tierAt = loyalty.Instant{}
		}
	}
	if err := b.shop.tiers.React(b.tx, history, false); err != nil {
		return err
	}
	return b.shop.tiers.React(b.tx, news, true)
}
