package segments

import "slices"

// Given reports whether a rule holds by what is known without asking the database: the
// order and the event of q. What it reads of the member has no value here.
func (r *Rule) Given(q Query) bool { return givenHolds(r.root, q.look) }

func givenHolds(n node, at look) bool {
	holds := func(part node) bool { return givenHolds(part, at) }
	switch n := n.(type) {
	case allOf:
		return !slices.ContainsFunc(n, func(part node) bool { return !holds(part) })
	case anyOf:
		return slices.ContainsFunc(n, holds)
	case negation:
		return !holds(n.of)
	case always:
		return bool(n)
	case inSegment:
		return holds(n.rule.root)
	case interface{ holds(look) bool }:
		return n.holds(at)
	}
	return false
}
