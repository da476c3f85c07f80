package importer

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"regulars/internal/loyalty"
	"regulars/segments"
)

// Fields of files, beside consent.TOPIC, ids.SOURCE and the program's attributes.
var (
	memberFields = []string{"birthday", "tags", "joined", "joined_at", "referred_by", "consent_source", "consent_at", "consent_text", "points"}
	orderFields  = []string{"order", "at", "total", "order_total", "line_total", "price", "quantity", "discount", "tax", "shipping", "currency", "status", "product", "name", "category", "brand", "labels", "coupon", "shop"}
)

// fieldsOf returns the fields of a kind of file, nil if there is no such kind.
func fieldsOf(kind string) []string {
	var person []string
	for _, t := range texts(&loyalty.Member{}) {
		person = append(person, t.field)
	}
	switch kind {
	case "members":
		return slices.Concat(person, memberFields)
	case "orders":
		return slices.Concat(orderFields, person)
	case "suppressions":
		return []string{"email"}
	case "points":
		return []string{"member", "points", "last_day"}
	}
	return nil
}

// columns says which field stands in which column of a file.
type columns struct {
	at      map[string]int // field → index
	header  []string
	ignored []string                     // columns that are no field
	fields  []string                     // of the row being read
	values  map[string]map[string]string // of the format: field → what stands there → what we call it
}

// mapColumns finds the fields of a kind of file in a header: those that somebody
// named, which must be there, then those of the file's format, then those of their
// own names, compared without case, and with spaces, hyphens or underscores between
// words.
func mapColumns(kind string, header []string, f format, given map[string]string, attributes map[string]segments.Type) (*columns, error) {
	known := fieldsOf(kind)
	if known == nil {
		return nil, fmt.Errorf("there is nothing to import as %q: members, orders, suppressions or points", kind)
	}
	c := &columns{at: map[string]int{}, header: header, values: f.values}
	taken := map[int]bool{}
	for _, field := range slices.Sorted(maps.Keys(given)) {
		name, ok := fieldName(kind, strings.ToLower(field), known, attributes)
		if !ok {
			return nil, fmt.Errorf("%s is not a field of %s: %s%s", field, kind, strings.Join(known, ", "), families(kind, attributes))
		}
		is := func(h string) bool { return strings.EqualFold(h, given[field]) }
		i := slices.IndexFunc(header, is)
		if i < 0 {
			return nil, fmt.Errorf("the file has no column %s for %s: it has %s", given[field], field, strings.Join(header, ", "))
		}
		if slices.IndexFunc(header[i+1:], is) >= 0 {
			return nil, fmt.Errorf("the file has two columns %s: give one of them another name", header[i])
		}
		c.at[name], taken[i] = i, true
	}
	for field, column := range f.columns[kind] {
		i := slices.IndexFunc(header, func(h string) bool { return strings.EqualFold(h, column) })
		if _, there := c.at[field]; i >= 0 && !there && !taken[i] {
			c.at[field], taken[i] = i, true
		}
	}
	mapped := maps.Clone(c.at)
	var left []int // columns that are no field by their own name
	for i, h := range header {
		if taken[i] {
			continue
		}
		name, ok := fieldName(kind, plainly(h, known), known, attributes)
		_, elsewhere := mapped[name]
		before, twice := c.at[name]
		switch {
		case !ok || elsewhere || f.columns[kind] != nil:
			left = append(left, i)
		case twice:
			return nil, fmt.Errorf("the file has two columns for %s, %s and %s: give one of them another name, or name the right one with --map %s=COLUMN", name, header[before], h, name)
		default:
			c.at[name] = i
		}
	}
	for _, i := range left {
		name := otherwise[strings.Join(words(header[i]), " ")]
		if _, there := c.at[name]; there || !slices.Contains(known, name) || f.columns[kind] != nil {
			c.ignored = append(c.ignored, header[i])
			continue
		}
		c.at[name] = i
	}
	return c, nil
}

// otherwise are names that many systems give to fields of ours. The price of a
// line is among them because without it an order's total looks like a line's.
var otherwise = map[string]string{
	"lineitem price": "price", "line item price": "price", "unit price": "price", "item price": "price", "item cost": "price", "price per unit": "price",
	"line amount": "line_total", "line item total": "line_total", "lineitem total": "line_total", "item total": "line_total", "line subtotal": "line_total", "row total": "line_total",
	"order total amount": "order_total",
}

// words are the words of a column's name.
func words(name string) []string {
	return strings.FieldsFunc(strings.ToLower(name), func(c rune) bool { return c == ' ' || c == '_' || c == '-' || c == '\u00a0' })
}

// plainly is a column's name as our fields are written, if it is one of theirs.
func plainly(name string, known []string) string {
	if plain := strings.Join(words(name), "_"); slices.Contains(known, plain) {
		return plain
	}
	return strings.ToLower(name)
}

// fieldName returns the field that a name means.
func fieldName(kind, name string, known []string, attributes map[string]segments.Type) (string, bool) {
	if slices.Contains(known, name) {
		return name, true
	}
	family, rest, dotted := strings.Cut(name, ".")
	switch {
	case kind == "suppressions":
		return "", false
	case dotted && family == "ids" && rest != "":
		return name, true
	case kind != "members":
		return "", false
	case dotted && family == "consent" && slices.Contains([]string{loyalty.Offers, loyalty.Newsletter, loyalty.Program}, rest):
		return name, true
	case dotted && family == "attributes" && attributes[rest] != 0:
		return name, true
	case attributes[name] != 0:
		return "attributes." + name, true
	}
	return "", false
}

// families are the fields that are not a fixed list, for an error.
func families(kind string, attributes map[string]segments.Type) string {
	switch kind {
	case "members":
		more := ", consent.TOPIC, ids.SOURCE"
		if len(attributes) > 0 {
			more += " or an attribute of the program: " + strings.Join(slices.Sorted(maps.Keys(attributes)), ", ")
		}
		return more
	case "orders":
		return " or ids.SOURCE"
	}
	return ""
}

// name returns the column of a field as the header writes it.
func (c *columns) name(field string) string {
	if i, ok := c.at[field]; ok {
		return c.header[i]
	}
	return field
}

func (c *columns) has(field string) bool { _, ok := c.at[field]; return ok }

// get returns a field of the row, trimmed; "" if the file does not have it.
func (c *columns) get(field string) string {
	i, ok := c.at[field]
	if !ok {
		return ""
	}
	text := norm.NFC.String(strings.TrimSpace(c.fields[i]))
	if ours, known := c.values[field][strings.ToLower(text)]; known {
		return ours
	}
	return text
}

// family returns the fields consent.…, ids.… or attributes.… of the row that are
// not empty, by what stands behind the dot.
func (c *columns) family(name string) map[string]string {
	var all map[string]string
	for field := range c.at {
		if rest, ok := strings.CutPrefix(field, name+"."); ok && c.get(field) != "" {
			if all == nil {
				all = map[string]string{}
			}
			all[rest] = c.get(field)
		}
	}
	return all
}

// parseFlag reads yes or no, as spreadsheets write them; nil: empty.
func parseFlag(text string) (*bool, error) {
	yes, no := true, false
	switch strings.ToLower(text) {
	case "":
		return nil, nil
	case "true", "yes", "y", "1", "t":
		return &yes, nil
	case "false", "no", "n", "0", "f":
		return &no, nil
	}
	return nil, fmt.Errorf("%q is neither yes nor no", text)
}

// ParseMap reads field=column,… as --map takes it: which column of the header
// holds which of our fields.
func ParseMap(text string) (map[string]string, error) {
	columns := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		field, column, ok := strings.Cut(part, "=")
		field, column = strings.TrimSpace(field), strings.TrimSpace(column)
		switch _, twice := columns[field]; {
		case !ok || field == "" || column == "":
			return nil, fmt.Errorf("%q should be field=column", part)
		case twice:
			return nil, fmt.Errorf("%s is mapped twice", field)
		}
		columns[field] = column
	}
	return columns, nil
}
