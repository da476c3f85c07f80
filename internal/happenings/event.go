package happenings

import (
	"regulars/internal/loyalty"
	"regulars/internal/outbox"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/segments"
)

// Happened is a live event as intake has stored it, with what it changed, or what
// changed without one: Event is 0 then. The caller holds the lock on the member's row.
type Happened struct {
	Member int64
	Event  int64 // events.id
	Type   string
	At     loyalty.Instant // when it happened, by its sender
	Order  int64           // orders.id; 0: the event has none

	// Before and After are the member's figures around this event, as of today.
	Before, After Measured

	// Tier is what the member held before the event, "" for none and where it is not known.
	Tier string

	// Tierless says that it is known that the member held none.
	Tierless bool `json:"-"`

	// Spent is what the member has spent from a day to another, this event included; nil:
	// that is not at hand.
	Spent func(first, last loyalty.Day) int64 `json:"-"`

	// Joined says that by this event the member joined the program.
	Joined bool

	// Asked says that by it the member asked to join, and has yet to confirm it;
	// Mail, that a mail is to ask whether it was them.
	Asked, Mail bool

	// New says that nobody knew the member until now; Profile, that the event, or one
	// that came in with it, changed what is known of the person: joining, country,
	// language, tags, consent, attributes.
	New, Profile bool
}

// Changed is what the event may have changed of its member. Somebody new may
// belong anywhere; and one with an event of a day to come is unknown until then.
func (e Happened) Changed(v *versions.Version, now loyalty.Instant) segments.Change {
	c := segments.Of(e.Type)
	c.Orders = c.Orders || e.Order != 0
	// A program that keeps points itself books pending ones and stamps, too.
	c.Points = c.Points || e.Before.Points != e.After.Points || v.Program.Loyalty != nil
	c.Profile = e.Profile || e.Joined
	c.Everything = e.New || v.Day(e.At) > v.Day(now)
	return c
}

// Measured are a member's rising figures at a moment.
type Measured struct {
	Orders, Spent, Points int64
	Referrals             int64            `json:",omitempty"` // only of what no event of the member's tells
	Items                 map[string]int64 // by loyalty.Figure.Of: those that Figures asks for; by "": points earned
}

// of returns one figure.
func (m Measured) of(f loyalty.Figure) int64 {
	switch f.Kind {
	case "orders":
		return m.Orders
	case "spent":
		return m.Spent
	case "points":
		return m.Points
	case loyalty.Referrals:
		return m.Referrals
	}
	return m.Items[f.Of]
}

// tellOfJoins tells other systems who has joined, where that is news.
func tellOfJoins(tx *store.Tx, news bool, events []Happened) error {
	var all []outbox.News
	for _, e := range events {
		if news && e.Joined {
			all = append(all, outbox.News{Member: e.Member})
		}
	}
	return outbox.Tell(tx, loyalty.ToldJoined, all)
}
