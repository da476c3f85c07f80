package program

import (
	"cmp"
	"slices"

	"regulars/segments"
)

// Named is a name in a program directory that no file of it declares: what there
// is of its kind is what came in.
type Named struct {
	segments.Name
	File         string
	Line, Column int
}

// Names returns the names of such kinds in the rules of a program's files, the
// events that start and end its campaigns, and what its pools, milestones and
// favourites name, as a reader goes through the files.
func Names(files map[string]string) []Named {
	all := load(files).named
	slices.SortStableFunc(all, func(a, b Named) int {
		return cmp.Or(cmp.Compare(rank(a.File), rank(b.File)), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(all) // a segment's rule is read twice
}

// Warning says of a name that nobody has it, where it stands.
func (n Named) Warning(message, hint string) Problem {
	return Problem{File: n.File, Line: n.Line, Column: n.Column, Message: message, Hint: hint, Level: Warning}
}

// name keeps a name that stands by itself.
func (r *reading) name(n *node, kind segments.Kind, text string) {
	if n != nil && text != "" {
		r.named = append(r.named, Named{segments.Name{Kind: kind, Text: text}, n.src.file, n.line, n.col})
	}
}

// names keeps the names in a rule whose text begins at a byte of the node's.
func (r *reading) names(n *node, rule *segments.Rule, at int) {
	for _, name := range rule.Names() {
		if name.Segment == "" { // of another segment it is said where that stands
			line, col := n.where(name.Offset + at)
			r.named = append(r.named, Named{name, n.src.file, line, col})
		}
	}
}
