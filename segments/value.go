package segments

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"

	"regulars/internal/loyalty"
)

// value is what a field holds for one member. The zero value is nothing: every
// comparison with it is false.
type value struct {
	typ  Type
	num  float64 // Number, and Money in minor units; exact to 15 digits
	text string  // Text, and Date as 2027-06-21, which sorts as days do
	yes  bool
	list []string
}

func number(n int64) value    { return value{typ: Number, num: float64(n)} }
func money(n int64) value     { return value{typ: Money, num: float64(n)} }
func truth(yes bool) value    { return value{typ: Bool, yes: yes} }
func (v value) nothing() bool { return v.typ == 0 }

// text returns a text; the empty one is nothing.
func text(s string) value {
	if s == "" {
		return value{}
	}
	return value{typ: Text, text: s}
}

// date returns the day that s begins with, and nothing if it begins with none.
func date(s string) value {
	if len(s) < 10 || s[:4] == "0000" {
		return value{}
	}
	if _, err := loyalty.ParseDay(s[:10]); err != nil {
		return value{}
	}
	return value{typ: Date, text: s[:10]}
}

// is compares two values of one type, as SQL does.
func (v value) is(op string, w value) bool {
	if v.nothing() || w.nothing() {
		return false
	}
	order := cmp.Or(cmp.Compare(v.num, w.num), cmp.Compare(v.text, w.text))
	if v.yes != w.yes {
		order = -1
	}
	return map[string]bool{"==": order == 0, "!=": order != 0, "<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[op]
}

// amongst applies an operator to one or, for in, several values.
func (v value) amongst(op string, vs []value) bool {
	if op != "in" {
		return v.is(op, vs[0])
	}
	return slices.ContainsFunc(vs, func(w value) bool { return v.is("==", w) })
}

// plainNumber is the one form in which a text is a number, on both engines too.
var plainNumber = regexp.MustCompile(`^-?[0-9]{1,15}(\.[0-9]{1,40})?$`)

// read returns what JSON gave as a value of the type, or nothing if it is of
// another. Money is read in major units: 59.9 is 5990 in a currency of cents. A text
// may be a whole number, or yes or no: what a shop may have meant as one, though it
// sent 42.
func read(raw any, as Type, currency string) value {
	written, _ := raw.(string)
	if s, ok := raw.(fmt.Stringer); ok { // json.Number, a day
		written = s.String()
	}
	yes, isBool := raw.(bool)
	digits := digits(raw)
	n, err := strconv.ParseFloat(digits, 64)
	switch {
	case as == Number && err == nil:
		return value{typ: Number, num: n}
	case as == Money:
		if minor, err := loyalty.ParseMoney(digits, currency); err == nil {
			return money(minor)
		}
	case as == Text && isBool:
		return text(strconv.FormatBool(yes))
	case as == Text && written == "" && err == nil && n == math.Trunc(n):
		return text(digits)
	case as == Text:
		return text(written)
	case as == Date:
		return date(written)
	case as == Bool && isBool:
		return truth(yes)
	case as == List:
		v := value{typ: List}
		v.list, _ = raw.([]string)
		items, _ := raw.([]any)
		for _, item := range items {
			if s, ok := item.(string); ok {
				v.list = append(v.list, s)
			}
		}
		return v
	}
	return value{}
}

// digits returns a number or the text of one in its plain form, or "".
func digits(raw any) (s string) {
	switch raw := raw.(type) {
	case string:
		s = raw
	case json.Number:
		if f, err := raw.Float64(); err == nil {
			s = strconv.FormatFloat(f, 'f', -1, 64)
		}
	case float64:
		s = strconv.FormatFloat(raw, 'f', -1, 64)
	case int, int64:
		s = fmt.Sprint(raw)
	}
	if !plainNumber.MatchString(s) {
		return ""
	}
	return s
}
