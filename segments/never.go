package segments

import (
	"fmt"
	"maps"
	"slices"
)

// Never reports whether it can be told from the rules alone that no member is one
// for whom keep holds and except does not. nil keeps everybody, or excepts nobody.
// That it can happen is not said by false: only what contradicts itself in one
// field, or in one clause, is seen.
func Never(keep, except *Rule) bool { return Nobody(keep, nil, except) }

// Nobody is Never for whom two rules keep.
func Nobody(keep, also, except *Rule) bool {
	var all []claim
	for _, r := range []*Rule{keep, also} {
		if r != nil {
			all = append(all, claim{r.root, true})
		}
	}
	if except != nil {
		all = append(all, claim{except.root, false})
	}
	tries := 0
	return contradicts(nil, all, &tries)
}

// claim is a part of a rule that must hold, or must not.
type claim struct {
	node node
	yes  bool
}

// mostTries bounds the ways in which alternatives are combined.
const mostTries = 2000

// contradicts reports whether the leaves and the open parts cannot all be as their
// signs say.
func contradicts(leaves, open []claim, tries *int) bool {
	if *tries++; *tries > mostTries {
		return false
	}
	for len(open) > 0 {
		s := open[len(open)-1]
		open = open[:len(open)-1]
		var parts []node
		every := true
		switch n := s.node.(type) {
		case always:
			if bool(n) != s.yes {
				return true
			}
		case negation:
			parts, s.yes = []node{n.of}, !s.yes
		case inSegment:
			parts = []node{n.rule.root}
		case allOf:
			parts, every = n, s.yes
		case anyOf:
			parts, every = n, !s.yes
		default:
			leaves = append(leaves, s)
		}
		if every {
			for _, p := range parts {
				open = append(open, claim{p, s.yes})
			}
			continue
		}
		return !slices.ContainsFunc(parts, func(p node) bool { // one of them is enough
			return !contradicts(leaves[:len(leaves):len(leaves)], append(open[:len(open):len(open)], claim{p, s.yes}), tries)
		})
	}
	return clash(leaves)
}

// clash reports whether leaves cannot hold together: one and its opposite, or
// comparisons of one field that no value meets.
func clash(leaves []claim) bool {
	said := map[string]bool{}
	fields := map[string][]claim{}
	for _, l := range leaves {
		words := l.node.words()
		if before, ok := said[words]; ok && before != l.yes {
			return true
		}
		said[words] = l.yes
		if c, ok := l.node.(compare); ok && c.constant() {
			fields[c.call.same()] = append(fields[c.call.same()], l)
		}
	}
	return slices.ContainsFunc(slices.Collect(maps.Values(fields)), noValue)
}

// constant reports whether a field is compared with values that stand in the rule.
func (n compare) constant() bool {
	open := func(o operand) bool { return o.call != nil || o.lit.nothing() }
	return !slices.ContainsFunc(n.with, open) && n.call.filter == nil && n.call.of == nil && n.call.what.call == nil
}

// same is the same for two uses of a field that have one value.
func (c *call) same() string {
	window := ""
	if c.window != nil {
		window = fmt.Sprintf("%+v", *c.window)
	}
	return fmt.Sprintf("%s %+v %d %s", c.name, c.what.lit, c.count, window)
}

// noValue reports whether comparisons of one field leave no value: among those that
// stand in them, what lies just beside, and nothing.
func noValue(all []claim) bool {
	candidates := []value{{}}
	for _, l := range all {
		for _, o := range l.node.(compare).with {
			below, above := o.lit, o.lit
			below.num, above.num = o.lit.num-0.25, o.lit.num+0.25
			if o.lit.text != "" {
				below.text, above.text = o.lit.text[:len(o.lit.text)-1]+"\x01", o.lit.text+"\x01"
			}
			candidates = append(candidates, o.lit, below, above, value{typ: o.lit.typ, yes: !o.lit.yes, num: o.lit.num, text: o.lit.text})
		}
	}
	return !slices.ContainsFunc(candidates, func(v value) bool {
		return !slices.ContainsFunc(all, func(l claim) bool {
			n := l.node.(compare)
			return v.amongst(n.op, values(n.with, nil)) != l.yes
		})
	})
}
