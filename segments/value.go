package segments

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
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
	order := 0
	switch {
	case v.typ == Bool && v.yes != w.yes, v.num < w.num, v.text < w.text:
		order = -1
	case v.num > w.num, v.text > w.text:
		order = 1
	}
	switch op {
	case "==":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

// amongst applies an operator to one or, for in, several values.
func (v value) amongst(op string, vs []value) bool {
	if op != "in" {
		return v.is(op, vs[0])
	}
	for _, w := range vs {
		if v.is("==", w) {
			return true
		}
	}
	return false
}

// plainNumber is the one form in which a text is a number, on both engines too.
var plainNumber = regexp.MustCompile(`^-?[0-9]{1,15}(\.[0-9]{1,40})?$`)

// read returns what JSON gave as a value of the type, or nothing if it is of
// another. Money is read in major units: 59.9 is 5990 in a currency of cents.
func read(raw any, as Type, currency string) value {
	switch as {
	case Number:
		return readNumber(raw)
	case Money:
		return readMoney(raw, currency)
	case Text:
		return readText(raw)
	case Date:
		return readDate(raw)
	case List:
		return readList(raw)
	case Bool:
		yes, ok := raw.(bool)
		if !ok {
			return value{}
		}
		return truth(yes)
	}
	return value{}
}

// digits returns a number or the text of one in its plain form, or "".
func digits(raw any) string {
	s := ""
	switch raw := raw.(type) {
	case string:
		s = raw
	case json.Number:
		if f, err := raw.Float64(); err == nil {
			s = strconv.FormatFloat(f, 'f', -1, 64)
		}
	case float64:
		s = strconv.FormatFloat(raw, 'f', -1, 64)
	case int:
		s = strconv.Itoa(raw)
	case int64:
		s = strconv.FormatInt(raw, 10)
	}
	if !plainNumber.MatchString(s) {
		return ""
	}
	return s
}

func readNumber(raw any) value {
	n, err := strconv.ParseFloat(digits(raw), 64)
	if err != nil {
		return value{}
	}
	return value{typ: Number, num: n}
}

func readMoney(raw any, currency string) value {
	minor, err := loyalty.ParseMoney(digits(raw), currency)
	if err != nil {
		return value{}
	}
	return money(minor)
}

// readText reads texts, whole numbers and yes or no: what a shop may have meant
// as a text, though it sent 42.
func readText(raw any) value {
	switch raw := raw.(type) {
	case string:
		return text(raw)
	case bool:
		return text(strconv.FormatBool(raw))
	case fmt.Stringer: // json.Number, a day
		return text(raw.String())
	}
	s := digits(raw)
	if n, err := strconv.ParseFloat(s, 64); err != nil || n != math.Trunc(n) {
		return value{}
	}
	return text(s)
}

func readDate(raw any) value {
	switch raw := raw.(type) {
	case string:
		return date(raw)
	case fmt.Stringer:
		return date(raw.String())
	}
	return value{}
}

func readList(raw any) value {
	v := value{typ: List}
	switch raw := raw.(type) {
	case []string:
		v.list = raw
	case []any:
		for _, item := range raw {
			if s, ok := item.(string); ok {
				v.list = append(v.list, s)
			}
		}
	}
	return v
}
