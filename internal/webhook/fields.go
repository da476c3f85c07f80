package webhook

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"regulars/internal/loyalty"
)

// fields is a JSON object that is read field by field; rest is what nobody has read. The
// first mistake is kept, and reading goes on with zero values. A nil *fields is an absent
// object: all is empty.
type fields struct {
	in     *fields // the object that this one is a field of; nil: none
	name   string  // its name there
	nth    int     // where it stands in the list of that name, or one
	values []value
	said   *said // shared by the objects of one event
	n      int   // tells it from the others of the event
	soft   bool  // what is wrong is left out
}

// said is what is said of one event.
type said struct {
	first   *FieldError    // mistake
	notes   []loyalty.Note // what was left out
	unknown []string       // of fields that we do not know
	asked   []asked        // the fields that we do
	objects int
}

type asked struct {
	object int
	name   string
}

const one = -1

// newFields returns the object at the top of an event. Its room is that of the event before.
func newFields(v value, room []asked) (*fields, error) {
	if v.kind != object {
		return nil, &FieldError{Field: "event", Reason: "is not an object"}
	}
	return &fields{nth: one, values: v.items, said: &said{asked: room[:0]}}, nil
}

// path is what stands before the names of the object's fields: "order.".
func (f *fields) path() string {
	switch {
	case f.in == nil:
		return ""
	case f.nth == one:
		return f.in.path() + f.name + "."
	}
	return f.in.path() + entry(f.name, f.nth) + "."
}

// entry names one of a list.
func entry(name string, nth int) string { return name + "[" + strconv.Itoa(nth) + "]" }

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
	f.said.notes = append(f.said.notes, loyalty.Note{Field: f.called(name), Reason: fmt.Sprintf(reason, args...)})
}

// called is how the sender knows a field.
func (f *fields) called(name string) string {
	return cmp.Or(strings.TrimSuffix(f.path()+name, "."), "event")
}

// err returns the first mistake.
func (f *fields) err() error {
	if f.said.first == nil {
		return nil
	}
	return f.said.first
}

func (f *fields) wrong(name, reason string, args ...any) {
	if f.soft {
		f.note(name, reason, args...)
		return
	}
	if f.said.first == nil {
		f.said.first = &FieldError{Field: f.called(name), Reason: fmt.Sprintf(reason, args...)}
	}
}

// find returns a field that nobody has read, nil when there is none.
func (f *fields) find(name string) *value {
	for i := range f.values {
		if v := &f.values[i]; v.name == name && !v.taken {
			return v
		}
	}
	return nil
}

func (f *fields) ask(name string) { f.said.asked = append(f.said.asked, asked{f.n, name}) }

// has reports whether the object says something about the field; null says nothing.
func (f *fields) has(name string) bool {
	if f == nil {
		return false
	}
	f.ask(name)
	v := f.find(name)
	return v != nil && v.kind != null
}

func (f *fields) take(name string) value {
	if f == nil {
		return value{}
	}
	f.ask(name)
	v := f.find(name)
	if v == nil {
		return value{}
	}
	v.taken = true
	return *v
}

// text returns a string. Many systems write ids as numbers: a whole number is
// taken as the text that stands there.
func (f *fields) text(name string) string {
	return f.asText(name, f.take(name))
}

func (f *fields) asText(name string, v value) string {
	switch v.kind {
	case null:
		return ""
	case text:
		return strings.TrimSpace(v.text)
	case number:
		if strings.Trim(v.text, "0123456789") == "" {
			return v.text
		}
	}
	f.wrong(name, "is not a text")
	return ""
}

// decimal returns a number as it is written, in quotes or not.
func (f *fields) decimal(name string) (written string, given bool) {
	switch v := f.take(name); v.kind {
	case null:
		return "", false
	case number, text:
		return v.text, true
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
	if v := f.peek(name); v.kind == text {
		if day, err := loyalty.ParseDay(strings.TrimSpace(v.text)); err == nil {
			f.take(name)
			return loyalty.Instant{}, day
		}
	}
	return f.instant(name), 0
}

// peek returns a field and leaves it to be read.
func (f *fields) peek(name string) value {
	if f == nil {
		return value{}
	}
	if v := f.find(name); v != nil {
		return *v
	}
	return value{}
}

func withoutOffset(text string) bool {
	_, err := time.Parse("2006-01-02T15:04:05", text)
	return err == nil
}

// flag returns true or false, nil when the field says nothing.
func (f *fields) flag(name string) *bool {
	switch v := f.take(name); v.kind {
	case null:
	case yes, no:
		is := v.kind == yes
		return &is
	default:
		f.wrong(name, "is neither true nor false")
	}
	return nil
}

// object returns an object within, nil when there is none.
func (f *fields) object(name string) *fields {
	return f.asObject(name, one, f.take(name))
}

func (f *fields) asObject(name string, nth int, v value) *fields {
	switch v.kind {
	case null:
	case object:
		f.said.objects++
		return &fields{in: f, name: name, nth: nth, values: v.items, said: f.said, n: f.said.objects, soft: f.soft}
	default:
		if nth != one {
			name = entry(name, nth)
		}
		f.wrong(name, "is not an object")
	}
	return nil
}

// list returns what is in a list, false when there is none.
func (f *fields) list(name string, most int) ([]value, bool) {
	v := f.take(name)
	switch {
	case v.kind == null:
	case v.kind != list:
		f.wrong(name, "is not a list")
	case len(v.items) > most:
		f.wrong(name, "has %d entries: at most %d", len(v.items), most)
	default:
		return v.items, true
	}
	return nil, false
}

// objects returns a list of objects.
func (f *fields) objects(name string, most int) []*fields {
	items, _ := f.list(name, most)
	if len(items) == 0 {
		return nil
	}
	all := make([]*fields, 0, len(items))
	for i, v := range items {
		if o := f.asObject(name, i, v); o != nil {
			all = append(all, o)
		} else {
			f.wrong(entry(name, i), "is not an object")
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
	items, there := f.list(name, maxTags)
	if !there {
		return nil
	}
	tags := []string{}
	for i, v := range items {
		if tag := f.asText(entry(name, i), v); tag != "" {
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
	for i := range f.values {
		if v := &f.values[i]; v.kind != null && !v.taken {
			put(&left, v.name, v.plain())
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
	if f == nil {
		return
	}
	var names, known []string
	for i := range f.values {
		if v := &f.values[i]; v.kind != null && !v.taken {
			names = append(names, v.name)
		}
	}
	if names == nil {
		return
	}
	slices.Sort(names)
	for _, a := range f.said.asked {
		if a.object == f.n {
			known = append(known, a.name)
		}
	}
	path := f.path()
	for _, name := range names {
		meant := otherNames[strings.ToLower(name)]
		if !slices.Contains(known, meant) {
			meant = loyalty.Nearest(name, known)
		}
		if extended && meant == "" {
			continue
		}
		note := fmt.Sprintf("%s%s is no field of ours: it is %s", path, name, kept)
		if meant != "" {
			note += fmt.Sprintf("; %s%s is one", path, meant)
		}
		if len(f.said.unknown) < maxUnknown {
			f.said.unknown = append(f.said.unknown, note)
		}
	}
}

// maxUnknown is how many fields of one event are said to be unknown.
const maxUnknown = 20
