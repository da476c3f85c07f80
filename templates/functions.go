package templates

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"regulars/internal/loyalty"
)

// function is one that mails may call. There are no others.
type function struct {
	least, most int  // arguments, the piped one included
	env         bool // takes the mail's language first
	gives       Kind
	how         string // as it is written
}

// functions lists what may be called in a mail.
func functions() map[string]function {
	return map[string]function{
		"default": {2, 2, false, anything, `member.first_name | default "friend"`},
		"money":   {1, 1, true, Text, `money event.price`},
		"date":    {1, 2, true, Text, `coupon.ends | date "short"`},
		"number":  {1, 1, true, Text, `number event.count`},
		"ordinal": {1, 1, true, Text, `ordinal milestone.value`},
		"upper":   {1, 1, true, Text, `upper member.first_name`},
		"lower":   {1, 1, true, Text, `lower coupon.gives`},
		"title":   {1, 1, true, Text, `title member.first_name`},
		"join":    {2, 2, false, Text, `member.tags | join ", "`},
		"count":   {1, 1, true, Number, `count order.lines`},
		"plural":  {3, 3, true, Text, `plural member.orders "order" "orders"`},
		"eq":      {2, 2, false, Bool, `eq member.country "FI"`},
		"ne":      {2, 2, false, Bool, `ne member.country "FI"`},
		"lt":      {2, 2, false, Bool, `lt member.orders 5`},
		"le":      {2, 2, false, Bool, `le member.orders 5`},
		"gt":      {2, 2, false, Bool, `gt order.total 50`},
		"ge":      {2, 2, false, Bool, `ge order.total 50`},
		"and":     {2, 5, false, Bool, `and coupon member.first_name`},
		"or":      {2, 5, false, Bool, `or (eq member.country "FI") (eq member.country "SE")`},
		"not":     {1, 1, false, Bool, `not coupon`},

		"card":      {1, 1, true, Text, `card "coffee"`},
		"statement": {1, 1, false, Entries, `statement "1m"`},
	}
}

// calls are the functions as the template engines get them; and and or are their
// own, which stop at the first answer. "holds", "urlpart", "property", "says" and
// "cardpart" are put in by the checker and cannot be written in a mail.
func calls() map[string]any {
	all := cardCalls()
	maps.Copy(all, map[string]any{
		"default": func(fallback, v any) any {
			if empty(v) {
				return fallback
			}
			return v
		},
		"money":   (*env).showMoney,
		"date":    (*env).showDate,
		"number":  func(e *env, v any) any { return e.property(v) },
		"ordinal": (*env).showOrdinal,
		"upper":   func(e *env, v any) string { return cases.Upper(e.tag()).String(fmt.Sprint(v)) },
		"lower":   func(e *env, v any) string { return cases.Lower(e.tag()).String(fmt.Sprint(v)) },
		"title": func(e *env, v any) string {
			return cases.Title(e.tag(), cases.NoLower).String(fmt.Sprint(v))
		},
		"join":   func(sep string, v any) string { return strings.Join(texts(v), sep) },
		"count":  (*env).count,
		"plural": (*env).plural,
		"eq":     equal,
		"ne":     func(a, b any) bool { return !empty(a) && !empty(b) && !equal(a, b) },
		"lt":     func(a, b any) bool { return ordered(a, b, -1) },
		"le":     func(a, b any) bool { return ordered(a, b, -1, 0) },
		"gt":     func(a, b any) bool { return ordered(a, b, 1) },
		"ge":     func(a, b any) bool { return ordered(a, b, 0, 1) },
		"not":    falsy,
		"property": func(event map[string]any, name string) (any, error) {
			if event == nil {
				return nil, fmt.Errorf("there is no value for event.%s", name)
			}
			if v, ok := event[name]; ok {
				return v, nil
			}
			return "", nil
		},
		"says":    func(e *env, key any) string { return e.words.Say(fmt.Sprint(key)) },
		"holds":   func(v any) bool { return !falsy(v) },
		"urlpart": func(v any) string { return strings.ReplaceAll(url.QueryEscape(fmt.Sprint(v)), "+", "%20") },
	})
	return all
}

func (e *env) tag() language.Tag {
	t, err := language.Parse(e.lang)
	if err != nil {
		return language.English
	}
	return t
}

// showMoney writes an amount; a plain number counts in whole units: 5 is €5.00.
func (e *env) showMoney(v any) string {
	if a, ok := v.(amount); ok {
		return a.String()
	}
	n, ok := number(v)
	if !ok {
		return fmt.Sprint(v)
	}
	minor, err := loyalty.ParseMoney(fmt.Sprintf("%f", n), e.currency)
	if err != nil {
		return fmt.Sprint(v)
	}
	return amount{minor, e}.String()
}

// showDate takes the style before the date, as a pipe does, or after it.
func (e *env) showDate(vs ...any) string {
	v, style := vs[len(vs)-1], ""
	if len(vs) > 1 {
		style = fmt.Sprint(vs[0])
		if dateStyle(fmt.Sprint(v)) {
			v, style = vs[0], fmt.Sprint(v)
		}
	}
	if m, ok := e.dayOf(v); ok {
		return m.styled(style)
	}
	return fmt.Sprint(v)
}

// dateStyle says whether s is a way in which date can write a day.
func dateStyle(s string) bool { return s == "short" || s == "long" || s == "weekday" }

func (e *env) showOrdinal(v any) string {
	if n, ok := number(v); ok {
		return e.words.sayOf("writing.ordinal", n)
	}
	return fmt.Sprint(v)
}

func (e *env) count(v any) figure {
	if n, ok := number(v); ok {
		return figure{v: n, env: e}
	}
	if l := reflect.ValueOf(v); l.IsValid() && l.Kind() == reflect.Slice {
		return figure{v: float64(l.Len()), env: e}
	}
	return figure{env: e}
}

// plural writes a number with its word: 1 order, 5 orders.
func (e *env) plural(v any, one, more string) string {
	n := e.count(v)
	if formOf(plural.Cardinal, cmp.Or(e.lang, e.words.Lang), n.v) == "one" {
		return n.String() + " " + one
	}
	return n.String() + " " + more
}

// empty says that there is nothing to show. Zero is something.
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []string:
		return len(v) == 0
	case []map[string]any:
		return len(v) == 0
	case map[string]any:
		return v == nil
	}
	return false
}

// falsy is what {{ if }} takes for no: nothing, false and zero.
func falsy(v any) bool {
	if b, ok := v.(bool); ok {
		return !b
	}
	if a, ok := v.(amount); ok {
		return a.minor == 0
	}
	if _, text := v.(string); !text {
		if n, ok := number(v); ok {
			return n == 0
		}
	}
	return empty(v)
}

// equal compares as people do: numbers by value, money with whole units, texts
// exactly. Nothing equals nothing else.
func equal(a, b any) bool { return ordered(a, b, 0) }

// ordered says whether a stands to b in one of the ways (-1 less, 0 same, 1 more).
func ordered(a, b any, ways ...int) bool {
	c, comparable := compare(a, b)
	return comparable && slices.Contains(ways, c)
}

func compare(a, b any) (int, bool) {
	if empty(a) || empty(b) {
		return 0, false
	}
	if x, ok := a.(bool); ok {
		y, both := b.(bool)
		return map[bool]int{true: 0, false: 1}[x == y], both
	}
	if x, y, ok := days(a, b); ok {
		return cmp.Compare(x, y), true
	}
	if x, ok := measure(a); ok {
		if y, ok := measure(b); ok {
			return cmp.Compare(x, y), true
		}
	}
	return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)), true
}

// days compares when at least one side is a date and the other can be read as one.
func days(a, b any) (x, y loyalty.Day, ok bool) {
	m, isDay := a.(moment)
	other, isOther := b.(moment)
	switch {
	case isDay && isOther:
		return m.day, other.day, true
	case isDay:
		other, ok = m.env.dayOf(b)
	case isOther:
		m, ok = other.env.dayOf(a)
	}
	return m.day, other.day, ok
}

// measure is a number's value, and money's in whole units.
func measure(v any) (float64, bool) {
	if a, ok := v.(amount); ok {
		var units float64
		_, err := fmt.Sscan(loyalty.FormatMoney(a.minor, a.env.currency), &units)
		return units, err == nil
	}
	if _, text := v.(string); text {
		return 0, false
	}
	return number(v)
}
