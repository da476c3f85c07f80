package segments

import (
	"slices"
	"strings"

	"regulars/internal/loyalty"
)

// Scope is what a rule may read at the place where it stands.
type Scope struct {
	Currency   string            // ISO 4217; decides the decimals of money. "": EUR
	Lifecycle  Lifecycle         // the days between stages. Zero: DefaultLifecycle
	Attributes map[string]Type   // declared in program.yaml
	Segments   map[string]string // name → its rule, for in_segment
	Self       string            // the segment whose rule this is; "": none
	Launch     map[string]Type   // values of a launch campaign, read as launch.NAME
	Order      bool              // started by an event that has an order: order.…
	Event      bool              // started by an event: event.…
	Pools      []string          // pools of the campaign, for unused; nil: not inside a campaign's steps

	AllPools  []string // of the program; nil: their names are not checked
	Campaigns []string // of the program; nil: their names are not checked
	Tiers     []string // of the program, from the lowest; nil: their names are not checked

	TierRules map[string]string         // tier → its rule, for missing_for_tier
	Graces    map[string]loyalty.Period // of the tiers that have one
	Cards     map[string]int64          // card → how many stamps fill it; nil: their names are not checked
	Rewards   map[string]Price          // nil: their names are not checked
	Booked    bool                      // the program keeps points itself: orders and events change them

	Earning bool // on how points are earned: what is known of the order or event, and the tier

	FavouritesExcept []string // categories that no favourite is, nor is in
}

// Rule is a checked rule. It is immutable and may be used from many goroutines.
// Two rules are the same if their texts and scopes are; == and reflect say nothing.
type Rule struct {
	text  string
	root  node
	parts int   // with the rules of other segments written out
	uses  []use // the fields that it reads, those of other segments too, but not the properties of events
}

func newRule(text string, root node, parts int) *Rule {
	return &Rule{text, root, parts, usesIn(root, "")}
}

// Parse reads and checks a rule. The error is always an *Error.
func Parse(text string, s Scope) (*Rule, error) {
	return located(text, func() *Rule { return newChecker(s).parse(text) })
}

// ParseNamed reads what may be a rule or the bare name of a segment, as the keys
// for and except of a campaign take it. The error is always an *Error.
func ParseNamed(text string, s Scope) (*Rule, error) {
	name := strings.TrimSpace(text)
	if _, ok := s.Segments[name]; !ok {
		return Parse(text, s)
	}
	return located(text, func() *Rule {
		n := newChecker(s).segment(name, strings.Index(text, name))
		return newRule(text, n, n.rule.parts)
	})
}

// located is caught with the error's line and column in the text.
func located[T any](text string, read func() T) (T, error) {
	made, err := caught(read)
	if err != nil {
		return made, err.locate(text)
	}
	return made, nil
}

// CheckAttribute says whether a field of program.yaml's attributes may bear this
// name: letters, digits and underscores, and not a word of the language.
func CheckAttribute(name string) error {
	switch {
	case name == "" || wordEnd(name) != len(name) || strings.ContainsAny(name, ".-") || !isLetter([]rune(name)[0]):
		return fail(0, "%q cannot be the name of a field: use letters, digits and underscores, as in shoe_size", name).locate(name)
	case isKeyword(strings.ToLower(name)), slices.Contains([]string{"launch", "order", "event"}, name), find(catalogue(), name) != nil:
		return fail(0, "%s has a meaning in rules already: choose another name", name).locate(name)
	}
	return nil
}

// Text returns the rule as it was written.
func (r *Rule) Text() string { return r.text }

// Reads returns the names of the catalogue's fields that the rule reads, sorted,
// those of other segments included.
func (r *Rule) Reads() []string { return r.names(func(*call) bool { return true }) }

// WithoutHistory returns those fields that have no past: they answer with today's
// value whatever day is asked for.
func (r *Rule) WithoutHistory() []string {
	return r.names(func(c *call) bool { return c.undated || c.stocked() })
}

func (r *Rule) names(which func(*call) bool) []string {
	var names []string
	for _, u := range r.uses {
		if which(u.call) {
			names = append(names, u.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Change is what may have become different about a member.
type Change struct {
	Everything bool     `json:",omitempty"` // somebody new, say
	Profile    bool     `json:",omitempty"` // joining, country, language, birthday, tags, consent, attributes
	Orders     bool     `json:",omitempty"` // orders and their lines
	Points     bool     `json:",omitempty"` // a balance that was told us; what we book follows orders and events
	Mails      bool     `json:",omitempty"` // what they did with a mail; that one was sent is looked at every night
	Events     []string `json:",omitempty"` // events of these types have happened
}

// Of returns the change that an event of a type is by itself: what it may say of
// the member's profile apart.
func Of(eventType string) Change {
	return Change{Orders: strings.HasPrefix(eventType, "order."), Points: eventType == loyalty.PointsChanged || strings.HasPrefix(eventType, "tier."), Events: []string{eventType}}
}

// And returns both changes together.
func (c Change) And(d Change) Change {
	return Change{c.Everything || d.Everything, c.Profile || d.Profile, c.Orders || d.Orders, c.Points || d.Points, c.Mails || d.Mails,
		slices.Concat(c.Events, d.Events)}
}

// TouchedBy says whether a change of a member can change the answer for them, be
// it through another segment. What it cannot tell counts as touched.
func (r *Rule) TouchedBy(change Change) bool {
	touched := map[source]bool{fromMember: change.Profile, fromOrders: change.Orders, fromPoints: change.Points, fromMails: change.Mails, fromCodes: true}
	return change.Everything || r.any(func(c *call) bool {
		if c.from == fromEvents {
			return c.what.call != nil && len(change.Events) > 0 || slices.Contains(change.Events, c.what.lit.text)
		}
		if c.from == fromPoints && c.booked && (change.Orders || len(change.Events) > 0) {
			return true
		}
		return touched[c.from]
	})
}

func (r *Rule) any(which func(*call) bool) bool {
	return slices.ContainsFunc(r.uses, func(u use) bool { return which(u.call) })
}
