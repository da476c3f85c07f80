package segments

// Type is what a field of a rule holds.
type Type int

// The types of fields. Any is the property of an event, whose type is decided
// by what it is compared with.
const (
	Bool Type = iota + 1
	Number
	Money // minor units of the program's currency; written in rules as 59.90
	Text
	Date // a day: written "2027-06-21"
	List // of texts
	Any
)

var typeNames = [...]string{"nothing", "yes or no", "number", "money", "text", "date", "list", "value"}

// String returns the type's name in a marketer's words.
func (t Type) String() string { return typeNames[t] }

// a returns the type's name with its article.
func (t Type) a() string {
	switch t {
	case Bool:
		return "yes or no"
	case Money:
		return "an amount of money"
	}
	return "a " + t.String()
}

// ParseType reads the name of a type as it stands in program.yaml under
// attributes, and in a launch campaign's values: text, link or url, number, money,
// date or list. A link is a text.
func ParseType(name string) (t Type, ok bool) {
	t, ok = map[string]Type{"text": Text, "link": Text, "url": Text, "number": Number, "money": Money, "date": Date, "list": List}[name]
	return t, ok
}
