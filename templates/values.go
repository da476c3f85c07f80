package templates

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"unicode"

	"regulars/internal/loyalty"
)

// figure is a number that shows itself in the mail's language.
type figure struct {
	v      float64
	env    *env
	signed bool // also a plus is written
	own    bool // of the shop's own meaning: it may be a year
}

// String writes the number with the language's marks; what may be a year has none.
func (f figure) String() string {
	switch {
	case f.own && f.v == math.Trunc(f.v) && f.v >= 1000 && f.v < 10_000:
		return plainDigits(f.v)
	case f.signed:
		return f.env.words.change(f.v)
	}
	return f.env.words.number(f.v)
}

// values turns Data into what the templates see: each root of the mail with
// every known field in it, each value of a type of ours that prints itself and
// can do nothing else. A root that Data does not have is nil, so false.
func (e *env) values(known map[string]map[string]Kind, d Data) map[string]any {
	roots := map[string]any{"env": e}
	for root, fields := range known {
		given, _ := d[root].(map[string]any)
		if given == nil && root != standingRoot { // who has nothing there has no cards and no rows
			roots[root] = map[string]any(nil)
			continue
		}
		roots[root] = e.fields(root, given, fields)
	}
	return roots
}

func (e *env) fields(root string, given map[string]any, fields map[string]Kind) map[string]any {
	shown := make(map[string]any, len(fields))
	for field, kind := range fields {
		if itemFields(kind) != nil {
			shown[field] = e.items(kind, given[field])
			continue
		}
		shown[field] = e.value(kind, given[field])
		if n, is := shown[field].(figure); is {
			n.own = root == "launch" || root == "member" && field != "points" && field != "orders"
			shown[field] = n
		}
	}
	switch root {
	case "event":
		for field, v := range given {
			if _, ours := fields[field]; !ours {
				shown[field] = e.value(anything, v)
			}
		}
	case "coupon":
		shown["gives"] = e.gives(func(field string) any { return given[field] })
	case "member":
		if name := fullName(given["first_name"], given["last_name"]); name != "" {
			shown["name"] = name
		}
	}
	return shown
}

func fullName(first, last any) string { return strings.TrimSpace(clean(first) + " " + clean(last)) }

// items makes the items of a list showable.
func (e *env) items(list Kind, v any) []map[string]any {
	given, _ := v.([]map[string]any)
	if len(given) > maxList {
		given = given[:maxList]
	}
	shown := make([]map[string]any, len(given))
	for i, item := range given {
		shown[i] = e.fields("item", item, itemFields(list))
		if booked, ok := item["booked"].(Booked); ok {
			shown[i]["reason"] = clean(e.words.Reason(booked))
		}
	}
	return shown
}

// value makes one value showable; nothing, and what does not fit the kind, is "".
func (e *env) value(kind Kind, v any) any {
	switch kind {
	case Number, Change:
		if n, ok := number(v); ok {
			return figure{v: n, env: e, signed: kind == Change}
		}
		return ""
	case Money:
		if n, ok := e.minor(v); ok {
			return amount{n, e}
		}
		return ""
	case Date:
		if m, ok := e.dayOf(v); ok {
			return m
		}
		return ""
	case Bool:
		return v == true || v == "true"
	case Link:
		return webLink(clean(v))
	case Texts:
		return texts(v)
	case anything:
		return e.property(v)
	}
	if lack, ok := v.([]Lack); ok {
		return e.words.Lacking(lack, e.currency)
	}
	return clean(v)
}

// property shows what a shop sent along with an event of its own.
func (e *env) property(v any) any {
	switch v := v.(type) {
	case bool:
		return v
	case string:
		return clean(v)
	}
	if n, ok := number(v); ok {
		return figure{v: n, env: e, own: true}
	}
	return ""
}

func texts(v any) []string {
	shown := []string{}
	switch v := v.(type) {
	case []string:
		for _, s := range v[:min(len(v), maxList)] {
			shown = append(shown, clean(s))
		}
	case []any:
		for _, s := range v[:min(len(v), maxList)] {
			shown = append(shown, clean(s))
		}
	}
	return shown
}

// clean makes a value one line of plain text: line breaks and tabs are spaces,
// other control characters and those that turn the direction of writing are gone.
func clean(v any) string {
	var s string
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		s = v
	case map[string]any, []any, []map[string]any, []string:
		return ""
	default:
		s = fmt.Sprint(v)
	}
	return oneLine(s, maxValue)
}

// oneLine is clean for text that may have come to be more than limit characters.
func oneLine(s string, limit int) string {
	if len(s) <= limit && loyalty.Plain(s) {
		return s
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) && r != '\u00a0' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r), r == '\ufeff', r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	s = strings.Trim(s, " ")
	for strings.Contains(s, "  ") {
		s = strings.ReplaceAll(s, "  ", " ")
	}
	if r := []rune(s); len(r) > limit {
		s = string(r[:limit-1]) + "…"
	}
	return s
}

// webLink returns s when a mail may link to it, "" otherwise.
func webLink(s string) string {
	if plainLink(s) {
		return s
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return ""
	}
	return u.String()
}

// plainLink reports whether s is an https address that needs no second look: a host
// and a path of signs that stand for themselves, as our own links have.
func plainLink(s string) bool {
	rest, secure := strings.CutPrefix(s, "https://")
	host, path, _ := strings.Cut(rest, "/")
	return secure && host != "" && only(host, "-.") && only(path, "-._~/")
}

// only reports whether s is of letters and digits of ASCII and those signs.
func only(s, signs string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte(signs, c) < 0 {
			return false
		}
	}
	return true
}

// number reads a figure from what databases and JSON make of one.
func number(v any) (float64, bool) {
	var n float64
	switch v := v.(type) {
	case figure:
		n = v.v
	case string:
		f, err := strconv.ParseFloat(v, 64)
		if err != nil {
			return 0, false
		}
		n = f
	case json.Number:
		return number(v.String())
	default:
		r := reflect.ValueOf(v)
		switch {
		case r.IsValid() && r.CanInt():
			n = float64(r.Int())
		case r.IsValid() && r.CanUint():
			n = float64(r.Uint())
		case r.IsValid() && r.CanFloat():
			n = r.Float()
		default:
			return 0, false
		}
	}
	return n, !math.IsNaN(n) && !math.IsInf(n, 0)
}

// minor reads money: a whole number counts in minor units, a decimal (what JSON and
// people write) in the currency's own.
func (e *env) minor(v any) (int64, bool) {
	if a, ok := v.(amount); ok {
		return a.minor, true
	}
	if r := reflect.ValueOf(v); r.IsValid() && r.CanInt() {
		return r.Int(), true
	}
	var text string
	switch v := v.(type) {
	case float64:
		text = strconv.FormatFloat(v, 'f', -1, 64)
	case json.Number:
		text = v.String()
	case string:
		text = v
	default:
		return 0, false
	}
	n, err := loyalty.ParseMoney(text, e.currency)
	return n, err == nil && text != ""
}
