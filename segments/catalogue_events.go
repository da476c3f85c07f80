package segments

// eventFields look at what happened to a member, whatever the shop calls it.
func eventFields() []*entry {
	return []*entry{
		{name: "events", typ: Number, what: "event", filtered: true, window: true, from: fromEvents,
			noun: "number of events of that name", says: "who had {n}", unit: "{x} event",
			also: []string{"event", "event_count", "events_with", "happened"},
			in:   figure{rows: events, sum: "count(*)"}},
		{name: "days_since_event", typ: Number, what: "event", filtered: true, window: true, from: fromEvents,
			noun: "days since the last event of that name", says: "whose last {x} event{f} was {n} ago", saysIn: "whose last {x} event{f} {w} was {n} ago", unit: "day",
			also: []string{"last_event", "days_since_last_event"},
			in:   days{rows: events, day: "max(e.day)"}},
	}
}

// events are the rows of what happened to a member.
var events = rows{table: "events e", member: "e.member_id", day: "e.day", match: "e.type"}

// property is a property of the events that a condition in brackets looks at; what
// it is compared with decides its type.
func property(name string) *entry {
	return &entry{name: name, typ: Any, from: fromGiven, inner: true, noun: name, in: propertyOf{name}}
}

type propertyOf struct{ name string }

func (r propertyOf) is(b *builder, c *call, op string, vs []value) string {
	a := r.json(c)
	switch {
	case c.typ == Bool:
		return a.as(b, trueForm, "")
	case c.typ == List && vs[0].nothing():
		return "false"
	case c.typ == List:
		return a.as(b, holdsForm, b.bind(vs[0].text))
	}
	return "coalesce(" + b.cmp(a.expr(b), op, vs, c.typ == Number) + ", false)"
}

func (r propertyOf) scalar(b *builder, c *call) string { return r.json(c).expr(b) }

func (r propertyOf) json(c *call) attr { return attr{column: "e.properties", name: r.name, typ: c.typ} }
