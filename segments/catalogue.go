package segments

import (
	"maps"
	"slices"
	"sync"

	"regulars/internal/loyalty"
)

// entry is one field or function of the language: everything about it stands
// here, for the parser, the explanation and SQL alike.
type entry struct {
	name string
	typ  Type

	// What stands in brackets, in this sequence.
	what     string // a text, in words: category; "": none
	count    string // a whole number, in words: groups; "": none
	dated    bool   // a date field: days_since
	climbs   bool   // looks at the rules of all tiers
	filtered bool   // may have a condition on the properties of the events that are looked at
	window   bool   // may have a time span
	spanned  bool   // must have one
	ahead    bool   // the time span lies ahead and is at most a year
	until    bool   // and goes to the day that is so far away: "30d" is today and 30 days more

	noun   string // what it is, in words: "number of orders"
	says   string // a clause with {n} for the amount, {x} for the text: "who have {n}"; "": whose NOUN is …
	saysIn string // the same where there is a time span, {w}; "": the time span follows
	denies string // the clause of its not, with {never} for never or, in a time span, not; "": except those …
	unit   string // what is counted, in the singular; "": nothing

	from    source
	undated bool // has no past: it answers with today's value whatever day is asked for
	given   bool // known before the statement runs: of the launch, the order, the event
	ranked  bool // the name of a tier, and these have a rank
	inner   bool // stands inside the condition of another: the property of an event
	norm    norm // what it is measured against of all members

	names   Kind                            // of what the texts are names that it is compared with; "": of nothing that comes in
	also    []string                        // names that people try first
	check   func(s string) string           // what is wrong with a text that it is compared with; "": nothing
	checkTo func(c *call, n float64) string // what is wrong with a number that it is compared with

	in reading
}

// source is what a field is computed from, and so which events change it.
type source int

const (
	fromGiven  source = iota
	fromMember        // any event may bring news of the member
	fromOrders
	fromPoints
	fromEvents // of the type named in brackets
	fromCodes
	fromMails // sent by us: no event changes them
	fromID    // nothing changes it
)

// reading is how a field is read in SQL. The tests read it in plain Go, too.
type reading interface {
	// is returns the condition that the field is op one of vs; for a field that
	// is yes or no, without both, the field itself. Never null.
	is(b *builder, c *call, op string, vs []value) string
	// scalar returns the field as an SQL expression, null when there is nothing.
	scalar(b *builder, c *call) string
}

// call is the use of an entry in a rule.
type call struct {
	*entry
	pos      int
	typ      Type // of the entry, or what the property of an event is compared as
	what     operand
	count    int64
	filter   node // what the events that are looked at must be like; nil: anything
	window   *window
	of       *call // the date field of days_since
	currency string
	except   []string // categories that are nobody's favourite

	lifecycle Lifecycle
	booked    bool
	cards     map[string]int64 // of the program
	prices    map[string]Price
	graces    map[string]loyalty.Period // of tiers
	goal      *Goal                     // of missing_for_tier: the first figure that the tier asks to rise
	way       []climb                   // of tier_progress: the tiers, from the lowest
}

// fixed reports whether the value is known before the statement runs.
func (c *call) fixed() bool { return c.given || c.of != nil && c.of.fixed() }

// look is how the value of a field is found: in what is known before the statement
// runs, or, in the tests, in what is known of a member.
type look func(*call) value

// whatValue returns the text in brackets; nothing if a launch left it out.
func (c *call) whatValue(at look) value { return c.what.value(at) }

// operand is a value written in the rule, or another field.
type operand struct {
	call *call
	lit  value
	pos  int // of the value
}

func (o operand) value(at look) value {
	if o.call == nil {
		return o.lit
	}
	return at(o.call)
}

// fixed reports whether the value is known before the statement runs.
func (o operand) fixed() bool { return o.call == nil || o.call.fixed() }

// Field describes an entry of the catalogue, for help and for documentation.
type Field struct {
	Name    string // bought_category
	Usage   string // as it is written: bought_category("…", "90d")
	Example string // in a condition
	Group   string // what it is about: Orders
	Type    Type
	Unit    string // what is counted: order, day; "": nothing
	Words   string // what it is
	Window  bool   // takes a time span, "90d", "12w", "6m", "1y", or two dates instead
	History bool   // answers for past days, too
	Norms   bool   // is measured against all members
}

// Catalogue lists the fields that every rule may read, in the order of the
// documentation.
func Catalogue() []Field {
	var fields []Field
	for _, e := range catalogue() {
		fields = append(fields, e.field())
	}
	return fields
}

// Fields lists what a rule may read that stands in such a place: the catalogue,
// the program's own attributes and the values of a launch.
func Fields(s Scope) []Field {
	fields := Catalogue()
	for _, name := range slices.Sorted(maps.Keys(s.Attributes)) {
		f := attribute(name, s.Attributes[name]).field()
		f.Group, f.Words = "Your own, from program.yaml", "what the shop says of the member"
		fields = append(fields, f)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Launch)) {
		fields = append(fields, launchValue(name, s.Launch[name]).field())
	}
	return fields
}

func (e *entry) field() Field {
	unit := expand(e.unit, "{x} ", "") // of help: words in place of what stands in brackets
	if e.typ == Money {
		unit = "the program's currency"
	}
	return Field{Name: e.name, Usage: e.usage(), Example: e.example(), Group: e.group(), Type: e.typ, Unit: unit, Words: e.noun,
		Window: e.window, History: !e.undated, Norms: e.norm.part != 0}
}

// group is what the entry is about, for people.
func (e *entry) group() string {
	if e.given {
		return "In a campaign: what started it"
	}
	return [...]string{fromGiven: "Other segments, and what is known", fromMember: "The member", fromOrders: "Orders", fromPoints: "Points",
		fromEvents: "Events", fromCodes: "Coupons", fromMails: "More", fromID: "More"}[e.from]
}

// catalogue returns all entries that need no declaration. Nobody may change them.
func catalogue() []*entry {
	entries.Do(func() {
		entries.all = slices.Concat(orderFields(), forecastFields(), rhythmFields(), scoreFields(), boughtFields(), shopFields(), memberFields(), loyaltyFields(), yearlyFields(), eventFields(),
			mailFields(), codeFields(), lastingFields(), startFields())
	})
	return entries.all
}

// entries are made once: a rule looks names up dozens of times.
var entries struct {
	sync.Once
	all []*entry
}
