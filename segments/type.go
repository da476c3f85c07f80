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

var typeNames = [...]string{Bool: "yes or no", Number: "number", Money: "money", Text: "text", Date: "date", List: "list", Any: "value"}

// String returns the type's name in a marketer's words.
func (t Type) String() string {
	if t < Bool || t > Any {
		return "nothing"
	}
	return typeNames[t]
}

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
func ParseType(name string) (Type, bool) {
	switch name {
	case "text", "link", "url":
		return Text, true
	case "number":
		return Number, true
	case "money":
		return Money, true
	case "date":
		return Date, true
	case "list":
		return List, true
	}
	return 0, false
}
