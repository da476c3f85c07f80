package importer

import (
	"errors"
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
	memberFields = []string{"full_name", "birthday", "tags", "joined", "joined_at", "referred_by", "consent", "consent_source", "consent_at", "consent_text", "refused_at", "suppressed", "points"}
	orderFields  = []string{"order", "order.id", "at", "total", "order_total", "line_total", "line_tax", "price", "quantity", "discount", "tax", "shipping", "refunded", "currency", "status", "cancelled_at",
		"product", "name", "category", "brand", "labels", "coupon", "shop", "event", "full_name"}
)

// onlyNamed are fields that a column has only where somebody or a layout says so: by
// such a name other systems mean other things.
var onlyNamed = []string{"consent", "suppressed", "event", "refunded", "order.id", "full_name", "refused_at"}

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
		return []string{"email", "consent", "suppressed"}
	case "points":
		return []string{"member", "points", "last_day"}
	}
	return nil
}

// columns says which field stands in which column of a file.
type columns struct {
	at      map[string]place
	header  []string
	ignored []string                     // columns that are no field
	fields  []string                     // of the row being read
	packed  []int                        // columns that hold lines of an order
	values  map[string]map[string]string // field → what stands there, in lower case → what we call it
	always  map[string]string            // field → what is true of a row that does not say
	names   []string                     // of at, in their sequence; nil: not sorted yet
}

// sorted are the fields that stand in columns.
func (c *columns) sorted() []string {
	if c.names == nil {
		c.names = slices.Sorted(maps.Keys(c.at))
	}
	return c.names
}

// place is where a field stands: the first of these columns in which there is
// something, each of them several that are joined.
type place [][]int

// mapColumns finds the fields of a kind of file in a header: those that somebody
// named, which must be there, then those of the file's layout, nil if there is none,
// then those of their own names, compared without case, and with spaces, hyphens or
// underscores between words. Columns that somebody leaves out are none of these.
func mapColumns(kind string, header []string, l *layout, given map[string]string, leave []string, attributes map[string]segments.Type) (*columns, error) {
	known := fieldsOf(kind)
	if known == nil {
		return nil, fmt.Errorf("there is nothing to import as %q: members, orders, suppressions or points", kind)
	}
	c := &columns{at: map[string]place{}, header: header}
	taken := map[int]bool{}
	for _, field := range slices.Sorted(maps.Keys(given)) {
		name, ok := fieldName(kind, strings.ToLower(field), known, attributes)
		if !ok {
			return nil, fmt.Errorf("%s is not a field of %s: %s%s", field, kind, strings.Join(known, ", "), families(kind, attributes))
		}
		i := column(header, given[field])
		if i < 0 {
			return nil, fmt.Errorf("the file has no column %s for %s: it has %s", given[field], field, strings.Join(header, ", "))
		}
		if column(header[i+1:], given[field]) >= 0 {
			return nil, fmt.Errorf("the file has two columns %s: give one of them another name", header[i])
		}
		c.at[name], taken[i] = place{{i}}, true
	}
	for _, name := range leave {
		i := column(header, name)
		switch {
		case i < 0:
			return nil, fmt.Errorf("the file has no column %s to leave out: it has %s", name, strings.Join(header, ", "))
		case taken[i]:
			return nil, fmt.Errorf("column %s is mapped, and left out, too", header[i])
		}
		taken[i] = true
		c.ignored = append(c.ignored, header[i])
	}
	if l != nil {
		c.byLayout(kind, known, l, taken)
		return c, nil
	}
	return c, c.byName(kind, known, taken, attributes)
}

// byLayout finds the fields that a layout has. What somebody named otherwise is not
// asked of it.
func (c *columns) byLayout(kind string, known []string, l *layout, named map[int]bool) {
	c.values, c.always = l.values, l.always
	taken := maps.Clone(named)
	_, keyed := c.at["order"]
	for field, names := range l.columns {
		_, there := c.at[field]
		if there || kind == "suppressions" && !slices.Contains(known, field) || keyed && field == "order.id" {
			continue
		}
		var at place
		for _, name := range names {
			if parts := c.parts(name); parts != nil && !named[parts[0]] {
				at = append(at, parts)
			}
		}
		for _, parts := range at {
			for _, i := range parts {
				taken[i] = true
			}
		}
		if at != nil {
			c.at[field] = at
		}
	}
	for i, h := range c.header {
		switch {
		case taken[i]:
		case l.packed != nil && l.packed.MatchString(h):
			c.packed = append(c.packed, i)
		default:
			c.ignored = append(c.ignored, h)
		}
	}
}

// parts returns where the columns A + B + … stand: those that are there, nil if the
// first is not.
func (c *columns) parts(names string) (all []int) {
	for n, name := range strings.Split(names, " + ") {
		i := column(c.header, name)
		if i < 0 && n == 0 {
			return nil
		}
		if i >= 0 {
			all = append(all, i)
		}
	}
	return all
}

// byName finds the fields that stand in columns of their own names.
func (c *columns) byName(kind string, known []string, taken map[int]bool, attributes map[string]segments.Type) error {
	mapped := maps.Clone(c.at)
	var left []int // columns that are no field by their own name
	for i, h := range c.header {
		if taken[i] {
			continue
		}
		name, ok := fieldName(kind, plainly(h, known), known, attributes)
		if slices.Contains(onlyNamed, name) {
			if ok = attributes[name] != 0; ok {
				name = "attributes." + name
			}
		}
		_, elsewhere := mapped[name]
		before, twice := c.at[name]
		switch {
		case !ok || elsewhere:
			left = append(left, i)
		case twice:
			return fmt.Errorf("the file has two columns for %s, %s and %s: give one of them another name, or name the right one with --map %s=COLUMN", name, c.header[before[0][0]], h, name)
		default:
			c.at[name] = place{{i}}
		}
	}
	for _, i := range left {
		called := strings.Join(words(c.header[i]), " ")
		name := otherwise[called]
		if (kind == "members" || kind == "points") && slices.Contains(ids, called) {
			name = "member"
		}
		if _, there := c.at[name]; there || !slices.Contains(known, name) {
			c.ignored = append(c.ignored, c.header[i])
			continue
		}
		c.at[name] = place{{i}}
	}
	return nil
}

// uses are the columns that hold fields, in the order of the header.
func (c *columns) uses() (all []Use) {
	of := map[int][]string{}
	for field, at := range c.at {
		for _, parts := range at {
			for _, i := range parts {
				of[i] = append(of[i], field)
			}
		}
	}
	for _, i := range c.packed {
		of[i] = append(of[i], "lines")
	}
	for i, h := range c.header {
		if slices.Sort(of[i]); of[i] != nil {
			all = append(all, Use{h, strings.Join(of[i], " and ")})
		}
	}
	return all
}

// otherwise are names that many systems give to fields of ours. The price of a
// line is among them because without it an order's total looks like a line's.
var otherwise = map[string]string{
	"lineitem price": "price", "line item price": "price", "unit price": "price", "item price": "price", "item cost": "price", "price per unit": "price",
	"line amount": "line_total", "line item total": "line_total", "lineitem total": "line_total", "item total": "line_total", "line subtotal": "line_total", "row total": "line_total",
	"order total amount": "order_total",
}

// ids are names of a member's id, where rows are of members: in a file of orders, id may
// be the order's.
var ids = []string{"id", "member id", "external id"}

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
	if at, ok := c.at[field]; ok {
		return c.header[at[0][0]]
	}
	return field
}

func (c *columns) has(field string) bool {
	_, ok := c.at[field]
	return ok || c.always[field] != ""
}

// cut reports whether a row of so many fields ends before a field's column.
func (c *columns) cut(field string, there int) bool {
	at, ok := c.at[field]
	return ok && at[0][0] >= there
}

// get returns a field of the row, trimmed; "" if the file does not have it.
func (c *columns) get(field string) string {
	for _, parts := range c.at[field] {
		text := c.joined(parts)
		if words := c.values[field]; words != nil {
			if ours, known := words[strings.ToLower(text)]; known {
				text = ours
			}
		}
		if text != "" {
			return text
		}
	}
	return c.always[field]
}

// joined returns what stands in some columns of the row; "" where the first is empty.
func (c *columns) joined(parts []int) string {
	text := norm.NFC.String(strings.TrimSpace(c.fields[parts[0]]))
	for _, i := range parts[1:] {
		if more := strings.TrimSpace(c.fields[i]); text != "" && more != "" {
			text += " " + more
		}
	}
	return text
}

// family returns the fields consent.…, ids.… or attributes.… of the row that are
// not empty, by what stands behind the dot.
func (c *columns) family(name string) map[string]string {
	var all map[string]string
	for _, field := range c.sorted() {
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
// holds which of our fields. A column with a comma in its name stands in quotes.
func ParseMap(text string) (map[string]string, error) {
	columns := map[string]string{}
	for _, part := range splitQuoted(text) {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if whole, ok := unquote(part); ok {
			part = whole
		}
		field, column, ok := strings.Cut(part, "=")
		field, column = strings.TrimSpace(field), strings.TrimSpace(column)
		if name, quoted := unquote(column); quoted {
			column = name
		}
		switch _, twice := columns[field]; {
		case !ok || field == "" || column == "":
			return nil, fmt.Errorf("%q should be field=column; a column with a comma in its name stands in quotes, as in 'name=\"Item, long\"'", part)
		case twice:
			return nil, fmt.Errorf("%s is mapped twice", field)
		}
		columns[field] = column
	}
	return columns, nil
}

// ParseColumns reads columns of a header, with commas between them; one with a comma in
// its name stands in quotes.
func ParseColumns(text string) (columns []string) {
	for _, part := range splitQuoted(text) {
		part = strings.TrimSpace(part)
		if whole, quoted := unquote(part); quoted {
			part = whole
		}
		if part != "" {
			columns = append(columns, part)
		}
	}
	return columns
}

// splitQuoted splits a text at commas that stand outside of quotes.
func splitQuoted(text string) (parts []string) {
	quoted, from := false, 0
	for i := range len(text) {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case text[i] == ',' && !quoted:
			parts, from = append(parts, text[from:i]), i+1
		}
	}
	return append(parts, text[from:])
}

// unquote returns what stands in quotes, with "" for a quote.
func unquote(text string) (string, bool) {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return text, false
	}
	return strings.ReplaceAll(text[1:len(text)-1], `""`, `"`), true
}

// statuses are what a file may call an order, beside its own words for these.
var statuses = []string{loyalty.Pending, loyalty.Paid, loyalty.Cancelled, loyalty.Refunded, loyalty.Test}

// ParseStatuses reads word=status,… as --status takes it: what a file's words for
// statuses are called here.
func ParseStatuses(text string) (map[string]string, error) {
	words, err := ParseMap(text)
	if err != nil {
		return nil, errors.New(strings.Replace(err.Error(), "field=column; a column", "word=status; a word", 1))
	}
	lower := map[string]string{}
	for word, ours := range words {
		if ours = strings.ToLower(ours); !slices.Contains(statuses, ours) {
			return nil, fmt.Errorf("%q is no status: WORD=%s", ours, strings.Join(statuses, "|"))
		}
		lower[strings.ToLower(word)] = ours
	}
	return lower, nil
}
