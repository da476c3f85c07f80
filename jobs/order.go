package jobs

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"regulars/internal/program"
)

// OrderError says what is wrong with a job that somebody wants to enqueue.
type OrderError struct {
	Field   string // "": the kind itself
	Message string
}

func (e *OrderError) Error() string { return e.Message }

// field is one value of a job's payload.
type field struct {
	name     string
	about    string
	required bool
	unless   string                    // a field that may be given in place of this one
	wrong    func(value string) string // says what is wrong with a value; nil: anything goes
}

// limits on what a person may hand over.
const (
	maxValues = 50
	maxName   = 100   // bytes
	maxValue  = 2_000 // bytes
	maxKey    = 200   // bytes
)

// Check says what is wrong with an order as far as that can be told without the
// database: an *OrderError.
func Check(o Order) error {
	_, err := check(o)
	return err
}

// check finds the kind of an order and holds its values to the kind's fields.
func check(o Order) (kind, error) {
	k, ok := kinds[o.Kind]
	switch {
	case !ok:
		return k, &OrderError{"", program.Unknown("job", o.Kind, Kinds())}
	case len(o.Values) > maxValues:
		return k, &OrderError{"", fmt.Sprintf("%d values are too many: at most %d", len(o.Values), maxValues)}
	case len(o.Key) > maxKey || !plain(o.Key):
		return k, &OrderError{"", fmt.Sprintf("the key is not text, or longer than %d bytes", maxKey)}
	}
	for _, f := range k.fields {
		if err := f.check(o); err != nil {
			return k, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Values)) {
		if err := k.allows(o, name); err != nil {
			return k, err
		}
	}
	return k, nil
}

// check holds a field's value to what the field takes.
func (f field) check(o Order) error {
	value := o.Values[f.name]
	switch {
	case value != "" && f.unless != "" && o.Values[f.unless] != "":
		return &OrderError{f.name, fmt.Sprintf("%s takes %s=… or %s=…, not both", o.Kind, f.name, f.unless)}
	case value == "" && f.required && o.Values[f.unless] == "":
		return &OrderError{f.name, fmt.Sprintf("%s needs %s=… (%s)", o.Kind, f.name, f.about)}
	case value == "" || f.wrong == nil || len(value) > maxValue:
		return nil
	}
	if wrong := f.wrong(value); wrong != "" {
		return &OrderError{f.name, fmt.Sprintf("%s=%s: %s", f.name, value, wrong)}
	}
	return nil
}

// allows holds a name and the size of its value to what a kind takes.
func (k kind) allows(o Order, name string) error {
	switch {
	case len(name) > maxName:
		return &OrderError{name[:maxName], fmt.Sprintf("the name of a value is longer than %d bytes", maxName)}
	case len(o.Values[name]) > maxValue:
		return &OrderError{name, fmt.Sprintf("%s is longer than %d bytes", name, maxValue)}
	case !plain(name) || !plain(o.Values[name]):
		return &OrderError{name, fmt.Sprintf("%q is not text", name)}
	case !k.open && !slices.ContainsFunc(k.fields, func(f field) bool { return f.name == name }):
		return &OrderError{name, fmt.Sprintf("%s knows no %s; it takes %s", o.Kind, name, k.takes())}
	}
	return nil
}

// plain reports whether a database can keep text as it is.
func plain(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }

// count says what is wrong with a number of things.
func count(most int) func(string) string {
	return func(value string) string {
		if n, err := strconv.Atoi(value); err != nil || n < 1 || n > most {
			return fmt.Sprintf("a number from 1 to %d", most)
		}
		return ""
	}
}

// Kinds returns the kinds of job that can be enqueued, sorted.
func Kinds() []string { return slices.Sorted(maps.Keys(kinds)) }

// About describes a kind in a line: what it does and which values it takes.
func About(name string) string {
	k := kinds[name]
	return k.about + "; takes " + k.takes()
}

// Field is a value that a kind takes.
type Field struct {
	Name     string
	About    string // in words
	Required bool
}

// Fields returns the values that a kind takes, in the order in which one gives them.
func Fields(name string) (list []Field) {
	for _, f := range kinds[name].fields {
		list = append(list, Field{f.name, f.about, f.required})
	}
	return list
}

// Does says in a line what a kind does.
func Does(name string) string { return kinds[name].about }

func (k kind) takes() string {
	var names []string
	for _, f := range k.fields {
		if name := f.name + "=…"; f.required {
			names = append(names, name)
		} else {
			names = append(names, "["+name+"]")
		}
	}
	if k.open {
		names = append(names, "[field=…]")
	}
	return strings.Join(names, " ")
}
