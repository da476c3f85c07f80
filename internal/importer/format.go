package importer

import (
	"maps"
	"slices"
)

// format is how a system writes its exports. Another one is a file <format>.go, its
// row in formats and a small example in testdata: --format takes its name.
type format struct {
	// columns are the fields of ours by kind of file, each with the column that holds
	// it; a column that the file lacks is as if it was empty, and others are no fields.
	columns map[string]map[string]string

	// values are the words that the system has for some of ours, in lower case, by field.
	values map[string]map[string]string
}

// formats are those that we know, by name. A plain csv has our own names.
var formats = map[string]format{"csv": {}, "shopify": shopify}

// Formats are the names of the formats that we know.
func Formats() []string { return slices.Sorted(maps.Keys(formats)) }
