package webhook

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"regulars/internal/loyalty"
)

// fields is a JSON object that is read field by field; what was read is taken
// out, so that rest is what nobody knew. The first mistake is kept, and reading
// goes on with zero values. A nil *fields is an absent object: all is empty.
type fields struct {
	path   string // "order." before the names of its fields
	values map[string]any
	first  **FieldError    // shared by the objects of one event
	notes  *[]loyalty.Note // shared, too: what was left out
	soft   bool            // what is wrong is left out

	asked   *[]string // the names of its fields that we know
	unknown *[]string // what is said of others; shared like first
}

// newFields returns the object at the top of an event.
func newFields(path string, value any) (*fields, error) {
	object, ok := value.(map[string]any)
	if !ok {
		return nil, &FieldError{Field: "event", Reason: "is not an object"}
	}
	return &fields{path: path, values: object, first: new(*FieldError), notes: new([]loyalty.Note), asked: new([]string), unknown: new([]string)}, nil
}

// optional returns the same object, of which what is wrong is left out with a note:
// for all that is neither money nor identity, time or status.
func (f *fields) optional() *fields {
	if f == nil {
		return nil
	}
	soft := *f
	soft.soft = true
	return &soft
}

// note notes a value that is left out, or taken in another way than it is written.
func (f *fields) note(name, reason string, args ...any) {
	*f.notes = append(*f.notes, loyalty.Note{Field: cmp.Or(strings.TrimSuffix(f.path+name, "."), "event"), Reason: fmt.Sprintf(reason, args...)})
}

// err returns the first mistake.
func (f *fields) err() error {
	if *f.first == nil {
		return nil
	}
	return *f.first
}

func (f *fields) wrong(name, reason string, args ...any) {
	if f.soft {
		f.note(name, reason, args...)
		return
	}
	if *f.first == nil {
		*f.first = &FieldError{Field: cmp.Or(strings.TrimSuffix(f.path+name, "."), "event"), Reason: fmt.Sprintf(reason, args...)}
	}
}

// has reports whether the object says something about the field; null says nothing.
func (f *fields) has(name string) bool {
	if f == nil {
		return false
	}
	*f.asked = append(*f.asked, name)
	return f.values[name] != nil
}

func (f *fields) take(name string) any {
	if f == nil {
		return nil
	}
	*f.asked = append(*f.asked, name)
	v, there := f.values[name]
	if there {
		delete(f.values, name)
	}
	return v
}

// text returns a string. Many systems write ids as numbers: a whole number is
// taken as the text that stands there.
func (f *fields) text(name string) string {
	return f.asText(name, f.take(name))
}

func (f *fields) asText(name string, value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		if strings.Trim(v.String(), "0123456789") == "" {
			return v.String()
		}
	}
	f.wrong(name, "is not a text")
	return ""
}

// decimal returns a number as it is written, in quotes or not.
func (f *fields) decimal(name string) (text string, given bool) {
	switch v := f.take(name).(type) {
	case nil:
		return "", false
	case json.Number:
		return v.String(), true
	case string:
		return v, true
	}
	f.wrong(name, "is not a number")
	return "", false
}

// money returns an amount in minor units, and whether there was one.
func (f *fields) money(name, currency string) (int64, bool) {
	text, given := f.decimal(name)
	if !given {
		return 0, false
	}
	n, exact, err := loyalty.ParseExact(text, loyalty.CurrencyDigits(currency))
	switch {
	case err != nil:
		f.wrong(name, "%v", err)
	case !exact:
		f.note(name, "%q has more decimals than %s: it is taken as %s", text, currency, loyalty.FormatMoney(n, currency))
	}
	return n, true
}

// pieces returns how many pieces were sold. What is sold by weight is one.
func (f *fields) pieces(name string) int64 {
	text, given := f.decimal(name)
	if !given {
		return 0
	}
	n, weighed, err := loyalty.ParsePieces(text)
	switch {
	case err != nil:
		f.wrong(name, "%v", err)
	case weighed:
		f.note(name, "%q is no number of pieces: it counts as one, as what is sold by weight does", text)
	}
	return n
}

// whole returns a number without decimals.
func (f *fields) whole(name string) int64 {
	text, given := f.decimal(name)
	if !given {
		return 0
	}
	n, exact, err := loyalty.ParseExact(text, 0)
	switch {
	case err != nil:
		f.wrong(name, "%v", err)
	case !exact:
		f.wrong(name, "%q is not a whole number", text)
	}
	return n
}

// instant returns a moment: RFC 3339, with its offset.
func (f *fields) instant(name string) loyalty.Instant {
	text := f.text(name)
	if text == "" {
		return loyalty.Instant{}
	}
	t, err := time.Parse(time.RFC3339, text)
	switch {
	case err != nil && withoutOffset(text):
		f.wrong(name, "%q has no offset from UTC: write it like 2026-11-22T10:00:00Z or 2026-11-22T12:00:00+02:00", text)
	case err != nil:
		f.wrong(name, "%q is not a moment like 2026-11-22T10:00:00Z", text)
	}
	return loyalty.At(t)
}

// instantOrDay returns a moment, or the shop's day when there is no time with it.
func (f *fields) instantOrDay(name string) (loyalty.Instant, loyalty.Day) {
	if text, ok := f.peek(name).(string); ok {
		if day, err := loyalty.ParseDay(strings.TrimSpace(text)); err == nil {
			f.take(name)
			return loyalty.Instant{}, day
		}
	}
	return f.instant(name), 0
}

// peek returns a field and leaves it to be read.
func (f *fields) peek(name string) any {
	if f == nil {
		return nil
	}
	return f.values[name]
}

func withoutOffset(text string) bool {
	_, err := time.Parse("2006-01-02T15:04:05", text)
	return err == nil
}

// flag returns true or false, nil when the field says nothing.
func (f *fields) flag(name string) *bool {
	switch v := f.take(name).(type) {
	case nil:
	case bool:
		return &v
	default:
		f.wrong(name, "is neither true nor false")
	}
	return nil
}

// object returns an object within, nil when there is none.
func (f *fields) object(name string) *fields {
	return f.asObject(name, f.take(name))
}

func (f *fields) asObject(name string, value any) *fields {
	switch v := value.(type) {
	case nil:
	case map[string]any:
		return &fields{path: f.path + name + ".", values: v, first: f.first, notes: f.notes, soft: f.soft, asked: new([]string), unknown: f.unknown}
	default:
		f.wrong(name, "is not an object")
	}
	return nil
}

func (f *fields) list(name string, most int) []any {
	v := f.take(name)
	list, ok := v.([]any)
	switch {
	case v != nil && !ok:
		f.wrong(name, "is not a list")
	case len(list) > most:
		f.wrong(name, "has %d entries: at most %d", len(list), most)
		return nil
	}
	return list
}

// objects returns a list of objects.
func (f *fields) objects(name string, most int) []*fields {
	var all []*fields
	for i, v := range f.list(name, most) {
		item := fmt.Sprintf("%s[%d]", name, i)
		if o := f.asObject(item, v); o != nil {
			all = append(all, o)
		} else {
			f.wrong(item, "is not an object")
		}
	}
	return all
}

// tags returns a list of texts: nil when the field says nothing, empty when it
// says that there are none.
func (f *fields) tags(name string) []string {
	if !f.has(name) {
		return nil
	}
	list := f.list(name, maxTags)
	if list == nil {
		return nil
	}
	tags := []string{}
	for i, v := range list {
		if tag := f.asText(fmt.Sprintf("%s[%d]", name, i), v); tag != "" {
			tags = append(tags, tag)
		}
	}
	return tags
}

// texts returns an object whose values are texts, nil when there is none.
func (f *fields) texts(name string) map[string]string {
	o := f.object(name)
	if o == nil {
		return nil
	}
	m := map[string]string{}
	for key := range o.rest() {
		m[key] = o.text(key)
	}
	return m
}

// flags returns an object whose values are true or false, nil when there is none.
func (f *fields) flags(name string) map[string]bool {
	o := f.object(name)
	if o == nil {
		return nil
	}
	m := map[string]bool{}
	for key := range o.rest() {
		if v := o.flag(key); v != nil {
			m[key] = *v
		}
	}
	return m
}

// rest returns what was not read. Nulls say nothing and are left out.
func (f *fields) rest() map[string]any {
	if f == nil {
		return nil
	}
	var left map[string]any
	for name, v := range f.values {
		if v != nil {
			put(&left, name, v)
		}
	}
	if left != nil && !f.bounded(left) {
		return nil
	}
	return left
}

// bounded reports whether what nobody asked for is within bounds.
func (f *fields) bounded(left map[string]any) bool {
	if len(left) > maxFields {
		f.wrong("", "has %d fields that we do not know: at most %d", len(left), maxFields)
		return false
	}
	for name, v := range left {
		if depth(v) > maxDepth {
			f.wrong(name, "is nested deeper than %d", maxDepth)
			return false
		}
	}
	if b, err := json.Marshal(left); err != nil || len(b) > maxProperties {
		f.wrong("", "has more than %d KB of fields that we do not know", maxProperties>>10)
		return false
	}
	return true
}

func depth(value any) int {
	deepest := 0
	switch v := value.(type) {
	case map[string]any:
		for _, item := range v {
			deepest = max(deepest, depth(item))
		}
	case []any:
		for _, item := range v {
			deepest = max(deepest, depth(item))
		}
	default:
		return 0
	}
	return deepest + 1
}

// otherNames are what shops call fields of ours, far as it is spelled from them.
var otherNames = map[string]string{
	"qty": "quantity", "count": "quantity", "amount": "total", "price": "total", "sum": "total", "value": "total",
	"sku": "product", "product_id": "product", "item": "product", "title": "name", "vendor": "brand", "type": "category",
	"mail": "email", "tel": "phone", "mobile": "phone", "tz": "time_zone", "lang": "language", "locale": "language",
	"customer": "member", "time": "at", "date": "at", "created_at": "at", "items": "lines", "discount_codes": "coupons",
}

// say notes the fields that are left in an object because nobody asked for them,
// and what becomes of them. Of an object that people extend, whose fields are
// kept by their names, only those that look like a mistake are said.
func (f *fields) say(kept string, extended bool) {
	if f == nil || len(f.values) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(f.values)) {
		if f.values[name] == nil {
			continue
		}
		meant := otherNames[strings.ToLower(name)]
		if !slices.Contains(*f.asked, meant) {
			meant = loyalty.Nearest(name, *f.asked)
		}
		if extended && meant == "" {
			continue
		}
		note := fmt.Sprintf("%s%s is no field of ours: it is %s", f.path, name, kept)
		if meant != "" {
			note += fmt.Sprintf("; %s%s is one", f.path, meant)
		}
		if len(*f.unknown) < maxUnknown {
			*f.unknown = append(*f.unknown, note)
		}
	}
}

// maxUnknown is how many fields of one event are said to be unknown.
const maxUnknown = 20
