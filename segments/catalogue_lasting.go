package segments

// lastingFields read date fields, other segments and whether anything is known.
func lastingFields() []*entry {
	return []*entry{
		{name: "days_since", typ: Number, dated: true, from: fromMember,
			noun: "days since a date field", says: "whose {of} was {n} ago", unit: "day",
			in: fromDate{}},
		{name: "days_until", typ: Number, dated: true, from: fromMember,
			noun: "days until a date field", says: "whose {of} is {n} ahead", unit: "day",
			also: []string{"days_before", "days_to", "until"},
			in:   fromDate{until: true}},
		{name: "in_segment", typ: Bool, what: "segment", from: fromGiven,
			noun: "is in the segment", says: "who are in {x}", also: []string{"segment", "segments"}},
		{name: "known", typ: Bool, dated: true, from: fromGiven,
			noun: "whether a field has a value", says: "whose {of} is known", also: []string{"has", "exists", "is_set"}},
	}
}
