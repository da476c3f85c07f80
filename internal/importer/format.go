package importer

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// layout is one of the tables that a system exports. Another one is a row of layouts
// in the file <format>.go of its system, with a small example in testdata: --format
// takes the system's name, and without it the header tells.
type layout struct {
	format string         // the system, as --format names it
	what   string         // the table, in words: Shopify's orders
	kind   string         // members | orders
	marks  []string       // columns that tell it from all other tables; A|B: one of them
	named  *regexp.Regexp // what the file is called, where the header does not tell; nil: any name

	// columns are our fields, each with the columns that may hold it: the first of them
	// in which something stands counts. A + B are joined. Others are no fields.
	columns map[string][]string

	// packed are the columns of which each holds lines of an order; see packedLines.
	packed *regexp.Regexp

	values map[string]map[string]string // field → the system's word, in lower case → ours
	always map[string]string            // field → what is true of every row that does not say
	zone   string                       // of times without an offset; "": the file's
	dates  Dates                        // what comes first in its birthdays, where they do not tell
	zones  map[string]string            // its names of time zones, in lower case
	never  string                       // why it cannot be taken in, and what can
}

// layouts are the tables that we know, system by system.
var layouts = slices.Concat(shopify, woocommerce, mailchimp, klaviyo, square)

// The formats that are no system's: our own names, and to be found out.
const (
	plain = "csv"
	auto  = "auto"
)

// Formats are the names of the formats that there are.
func Formats() []string {
	names := map[string]bool{}
	for _, l := range layouts {
		names[l.format] = true
	}
	return append([]string{auto, plain}, slices.Sorted(maps.Keys(names))...)
}

// recognise returns the table that a header is of, nil for one with our own names. A
// table of another kind is an error: what would be taken of it is not what was meant.
func recognise(f File, header []string) (*layout, error) {
	if f.Format == plain {
		return nil, nil
	}
	var best *layout
	most := 0
	for i := range layouts {
		l := &layouts[i]
		if n := l.fits(f, header); n > most {
			best, most = l, n
		}
	}
	named := f.Format != "" && f.Format != auto
	switch {
	case best == nil && named:
		return nil, fmt.Errorf("no table that %s exports has this header, as far as we know: %s; --format csv with --map reads any other",
			f.Format, strings.Join(header, ", "))
	case best == nil || f.Kind == "points":
		return nil, nil
	case best.never != "":
		return nil, fmt.Errorf("it is %s: %s", best.what, best.never)
	case best.kind == f.Kind || best.kind == "members" && f.Kind == "suppressions":
		return best, nil
	}
	return nil, fmt.Errorf("it is %s, by its header: import it as %s; if it is not, --format csv with --map reads any other table", best.what, best.kind)
}

// fits returns how many marks of the layout a file has, 0 where one is missing.
func (l *layout) fits(f File, header []string) (n int) {
	if f.Format != "" && f.Format != auto && f.Format != l.format {
		return 0
	}
	for _, mark := range l.marks {
		if !slices.ContainsFunc(strings.Split(mark, "|"), func(name string) bool { return column(header, name) >= 0 }) {
			return 0
		}
		n++
	}
	if l.named != nil {
		if !l.named.MatchString(f.Path) {
			return 0
		}
		n++
	}
	return n
}

// column returns where the header has a name, -1 where it has not.
func column(header []string, name string) int {
	return slices.IndexFunc(header, func(h string) bool { return strings.EqualFold(h, name) })
}

// withColumns returns the columns of a layout with some more.
func withColumns(columns, more map[string][]string) map[string][]string {
	all := maps.Clone(columns)
	maps.Copy(all, more)
	return all
}

// Reading says what a file was taken for.
type Reading struct {
	File    string   // of those in an archive; "": there is one only
	Format  string   // of Formats
	What    string   // Shopify's orders
	Uses    []Use    // in the order of the header
	LeftOut []string // columns that are no field of ours
	How     []string // what only the whole file told: amounts are written with a comma
}

// Use is a column and the field of ours that it holds.
type Use struct{ Column, Field string }

// String says what is used for what: Name as order, Total as order_total.
func (r Reading) String() string {
	uses := make([]string, len(r.Uses))
	for i, u := range r.Uses {
		if uses[i] = u.Column + " as " + u.Field; strings.EqualFold(u.Column, u.Field) {
			uses[i] = u.Column
		}
	}
	return cmp.Or(strings.Join(uses, ", "), "nothing")
}
