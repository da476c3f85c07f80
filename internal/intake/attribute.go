package intake

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"regulars/internal/loyalty"
	"regulars/segments"
)

// plainNumber is what rules read as a number.
var plainNumber = regexp.MustCompile(`^-?[0-9]{1,15}(\.[0-9]{1,40})?$`)

// readAttribute brings the value of an attribute of the program into the form in
// which rules read its type. The error says why it is none, and what would be right.
func (s Shop) readAttribute(value any, typ segments.Type) (any, error) {
	switch typ {
	case segments.Number, segments.Money:
		return readNumber(value)
	case segments.Date:
		return s.readDate(value)
	case segments.List:
		return readList(value)
	}
	return readText(value)
}

func readNumber(value any) (any, error) {
	text := ""
	switch v := value.(type) {
	case json.Number:
		text = v.String()
		if n, err := v.Float64(); err == nil && n > -1e15 && n < 1e15 {
			return v, nil
		}
	case string:
		if text = strings.TrimSpace(v); plainNumber.MatchString(text) {
			return json.Number(text), nil
		}
	case int, int64, float64:
		return v, nil
	default:
		return nil, fmt.Errorf("is not a number like 42 or 42.5")
	}
	return nil, fmt.Errorf("%s is not a number like 42 or 42.5", loyalty.Quoted(text))
}

// readDate returns a day. A moment is the shop's day at that moment.
func (s Shop) readDate(value any) (any, error) {
	text, ok := value.(string)
	if !ok {
		return nil, fmt.Errorf("is not a date like 2026-12-24")
	}
	text = strings.TrimSpace(text)
	if day, err := loyalty.ParseDay(text); err == nil && day >= loyalty.Date(1, 1, 1) {
		return day.String(), nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return loyalty.DayOf(at, s.Zone).String(), nil
	}
	if len(text) > 10 && (text[10] == 'T' || text[10] == ' ') { // a time without an offset is of that day
		if day, err := loyalty.ParseDay(text[:10]); err == nil && withoutOffset(text[11:]) {
			return day.String(), nil
		}
	}
	return nil, fmt.Errorf("%s is not a date like 2026-12-24", loyalty.Quoted(text))
}

func withoutOffset(text string) bool {
	_, rest, ok := loyalty.ReadTimeOfDay(text)
	return ok && rest == ""
}

func readList(value any) (any, error) {
	switch v := value.(type) {
	case []string:
		return v, nil
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			text, err := readText(item)
			if err != nil {
				return nil, fmt.Errorf(`is not a list of texts like ["a", "b"]`)
			}
			list[i] = text
		}
		return list, nil
	}
	return nil, fmt.Errorf(`is not a list of texts like ["a", "b"]`)
}

func readText(value any) (any, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case json.Number:
		return v.String(), nil
	}
	return nil, fmt.Errorf("is not a text")
}

// whole reports whether a database can keep the texts within a value of JSON.
func whole(value any) bool {
	switch v := value.(type) {
	case string:
		return utf8.ValidString(v) && !strings.ContainsRune(v, 0)
	case map[string]any:
		for key, item := range v {
			if !whole(key) || !whole(item) {
				return false
			}
		}
	case []any:
		for _, item := range v {
			if !whole(item) {
				return false
			}
		}
	case []string:
		for _, item := range v {
			if !whole(item) {
				return false
			}
		}
	}
	return true
}
