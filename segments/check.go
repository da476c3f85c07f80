package segments

import (
	"maps"
	"slices"
	"strings"

	"regulars/internal/loyalty"
)

// checker turns syntax into a checked rule: names become entries of the
// catalogue, literals become values of the type that their place wants.
type checker struct {
	scope Scope
	*opened
	parts  int
	within string // the function in whose brackets a condition on an event is checked; "": none
}

// opened are the segments read so far while one rule is checked.
type opened struct {
	rules map[string]*Rule
	path  []string // those being read now: one that comes again is a circle
}

func newChecker(s Scope) *checker {
	if s.Currency == "" {
		s.Currency = "EUR"
	}
	if s.Lifecycle == (Lifecycle{}) {
		s.Lifecycle = DefaultLifecycle()
	}
	c := &checker{scope: s, opened: &opened{rules: map[string]*Rule{}}}
	if s.Self != "" {
		c.path = []string{s.Self}
	}
	return c
}

func (c *checker) parse(text string) *Rule {
	root := c.condition(parse(text))
	return newRule(text, root, c.parts)
}

func (c *checker) condition(s *syntax) node {
	c.parts++
	switch s.form {
	case formAnd:
		return allOf(c.conditions(s.kids))
	case formOr:
		return anyOf(c.conditions(s.kids))
	case formNot:
		return negation{c.condition(s.kids[0])}
	case formCompare:
		return c.comparison(s)
	case formIn:
		return c.membership(s)
	case formBool:
		return always(s.word == "true")
	case formName:
		return c.named(s)
	}
	panic(fail(s.pos, "%s is only a value: compare it with a field, as in orders >= 3", s.show()))
}

func (c *checker) conditions(kids []*syntax) []node {
	parts := make([]node, len(kids))
	for i, kid := range kids {
		if i > 0 && kid.form.literal() {
			again(kids[i-1], kid)
		}
		parts[i] = c.condition(kid)
	}
	return parts
}

// named checks a field that stands as a condition by itself.
func (c *checker) named(s *syntax) node {
	switch {
	case s.word == "in_segment" && s.called && c.within == "":
		return c.inSegment(c.segmentName(s), s.kids[0].pos)
	case s.word == "known" && s.called:
		return c.known(s)
	}
	if _, err := c.entry(s); err != nil {
		if near := loyalty.Near(s.word, slices.Sorted(maps.Keys(c.scope.Segments))); err.strange && len(near) > 0 {
			panic(&Error{Offset: s.pos, Near: near,
				Message: "there is no field called " + s.word + "; did you mean the segment " + alternatives(near) + "?"})
		}
		panic(err)
	}
	call := c.call(s)
	switch call.typ {
	case Any:
		call.typ = Bool
	case Bool:
	default:
		panic(fail(s.pos, "%s is %s, not a condition; a condition is %s", s.word, call.typ.a(), call.example()))
	}
	return isTrue{call}
}

func (c *checker) known(s *syntax) node {
	if len(s.kids) == 1 && s.kids[0].form == formText {
		panic(fail(s.kids[0].pos, "known takes the name of a field without quotes: known(%s)", s.kids[0].word))
	}
	if len(s.kids) != 1 || s.kids[0].form != formName {
		panic(fail(s.pos, "known asks whether a field has a value: known(country)"))
	}
	of := c.call(s.kids[0])
	switch of.typ {
	case Bool:
		panic(fail(of.pos, "%s is always either yes or no", of.name))
	case Any:
		of.typ = Text
	}
	return hasValue{of}
}

// comparison checks field op value. A value on the left is put to the right.
func (c *checker) comparison(s *syntax) node {
	left, right, op := s.kids[0], s.kids[1], s.word
	for _, side := range s.kids {
		if values := side.values(); values != "" && left.form == formName {
			panic(fail(side.pos, "several values are asked with in: %s in (%s)", left.word, values))
		}
		if !side.operand() {
			panic(fail(s.pos, "conditions are joined with and, or and not; %s compares fields with values", op))
		}
	}
	if left.form != formName {
		left, right, op = right, left, mirror(op)
	}
	if left.form != formName {
		for _, kid := range s.kids {
			if kid.form == formText && find(catalogue(), kid.word) != nil {
				panic(fail(kid.pos, "a field stands without quotes: %s", kid.word))
			}
		}
		panic(fail(left.pos, "both sides of %s are fixed values: one must be a field", s.word))
	}
	if use := textLeftOut(left, right); use != "" {
		panic(fail(left.pos, "what belongs to %s stands in brackets: %s", left.word, use))
	}
	call := c.call(left)
	if call.ranked {
		return c.ranks(s, call, op, right)
	}
	if right.form == formName {
		if c.within != "" && c.ownProperty(right) {
			panic(unquoted(right))
		}
		c.wordFor(call, right)
		if _, err := c.entry(right); err != nil && call.typ == Text && !right.called && !strings.Contains(right.word, ".") {
			e := unquoted(right)
			if len(err.Near) > 0 {
				e.Message += "; or did you mean the field " + alternatives(err.Near) + "?"
			}
			panic(e)
		}
		return c.fields(s, call, op, right)
	}
	if call.typ == Any {
		call.typ = right.means(op)
	}
	switch {
	case call.typ == Bool && right.form == formBool && (op == "==" || op == "!="):
		if (right.word == "true") == (op == "==") {
			return isTrue{call}
		}
		return negation{isTrue{call}}
	case call.typ == List && op == "!=":
		panic(fail(right.pos, "%s is a list: write %s not in %[1]s", call.name, right.show()))
	}
	v := c.literal(call, right)
	ordered(s, call, op)
	return compare{call, op, []operand{{lit: v, pos: right.pos}}}
}

func (c *checker) fields(s *syntax, left *call, op string, other *syntax) node {
	right := c.call(other)
	agree(left, right, op)
	switch {
	case left.typ == Bool && right.typ == Bool:
		panic(fail(s.pos, "%s and %s are conditions: join them with and, or and not", left.name, right.name))
	case left.typ == List || right.typ == List:
		panic(fail(s.pos, `a list is asked with in, as in "club" in tags`))
	case left.typ != right.typ:
		panic(unlike(s, left, right))
	}
	ordered(s, left, op)
	return compare{left, op, []operand{{call: right}}}
}

func unlike(at *syntax, a, b *call) *Error {
	return fail(at.pos, "%s is %s and %s is %s: they cannot be compared", a.name, a.typ.a(), b.name, b.typ.a())
}

// agree gives a property of an event the type of what it is compared with.
func agree(a, b *call, op string) {
	switch {
	case a.typ == Any && b.typ == Any && op != "==" && op != "!=":
		a.typ, b.typ = Number, Number
	case a.typ == Any && b.typ == Any:
		a.typ, b.typ = Text, Text
	case a.typ == Any:
		a.typ = b.typ
	case b.typ == Any:
		b.typ = a.typ
	}
	for _, one := range []*call{a, b} {
		if one.inner && one.typ == Money {
			panic(fail(one.pos, "%s is a property of the event and has no currency: compare it with a number", one.name))
		}
	}
}

func ordered(s *syntax, call *call, op string) {
	if call.typ == Text && op != "==" && op != "!=" {
		panic(fail(s.pos, "%s is a text: texts are compared with ==, != and in, not with %s", call.name, s.word))
	}
}

// membership checks field in (values) and "value" in list.
func (c *checker) membership(s *syntax) node {
	left, right := s.kids[0], s.kids[1]
	switch {
	case !left.operand():
		panic(fail(s.pos, "before in stands a field or a text"))
	case right.form == formName:
		return c.contains(left, right)
	case left.form != formName:
		panic(fail(left.pos, "both sides of in are fixed values: one must be a field"))
	case len(right.kids) == 0:
		panic(fail(right.pos, "the list is empty"))
	}
	call := c.call(left)
	if call.typ == Any {
		call.typ = right.kids[0].means("==")
	}
	with := make([]operand, len(right.kids))
	for i, item := range right.kids {
		switch call.typ {
		case Bool:
			panic(fail(s.pos, "%s is %s and cannot be one of several values", call.name, call.typ.a()))
		case List:
			with[i] = c.textArgument(call, item, nil)
		default:
			with[i] = c.item(call, item)
		}
	}
	if call.typ == List { // tags in ("club", "vip"): the list holds any of them
		return contains{call, with}
	}
	return compare{call, "in", with}
}

// item checks a value of a list: a literal, or what is known at the start.
func (c *checker) item(of *call, s *syntax) operand {
	if of.ranked && (s.form == formText || s.form == formName && !s.called) {
		c.tier(s)
		return operand{lit: text(s.word), pos: s.pos}
	}
	if of.typ == Text && c.bare(s) {
		panic(unquoted(s))
	}
	if s.form != formName {
		return operand{lit: c.literal(of, s), pos: s.pos}
	}
	call := c.call(s)
	agree(call, of, "==")
	switch {
	case !call.fixed():
		panic(fail(s.pos, "a list holds fixed values, and %s differs from member to member", call.name))
	case call.typ != of.typ:
		panic(unlike(s, of, call))
	}
	return operand{call: call}
}

func (c *checker) contains(left, right *syntax) node {
	if use := textLeftOut(right, left); use != "" {
		panic(fail(right.pos, "%s is asked with brackets: %s", right.word, use))
	}
	list := c.call(right)
	switch list.typ {
	case Any:
		list.typ = List
	case List:
	default:
		panic(fail(right.pos, `%s is %s, not a list; a list is written in ("FI", "SE")`, list.name, list.typ.a()))
	}
	if left.form == formName && !c.bare(left) {
		if _, err := c.entry(left); err == nil {
			if l := c.call(left); !l.fixed() {
				panic(fail(left.pos, `before in %s stands a text in quotes, not the field %s`, list.name, l.name))
			}
		}
	}
	return contains{list, []operand{c.textArgument(list, left, nil)}}
}

func (c *checker) segmentName(s *syntax) string {
	switch kids := s.kids; {
	case len(kids) > 1 && kids[1].form == formText:
		panic(fail(kids[1].pos, `in_segment takes one name: write in_segment("%s") or in_segment("%s")`, kids[0].word, kids[1].word))
	case len(kids) == 1 && kids[0].form == formName && !kids[0].called:
		panic(fail(kids[0].pos, `the name of a segment stands in quotes: in_segment("%s")`, kids[0].word))
	case len(kids) != 1 || kids[0].form != formText || kids[0].word == "":
		panic(fail(s.pos, `in_segment takes the name of one segment in quotes: in_segment("vip")`))
	}
	return s.kids[0].word
}

func (c *checker) inSegment(name string, pos int) node {
	n := c.segment(name, pos)
	if c.parts += n.rule.parts; c.parts > maxExpanded {
		panic(fail(pos, "with all its segments written out the rule has more than %d parts", maxExpanded))
	}
	return n
}

func (c *checker) segment(name string, pos int) inSegment {
	c.noCircle(name, pos)
	if r := c.rules[name]; r != nil {
		return inSegment{name, r}
	}
	text, ok := c.scope.Segments[name]
	if !ok {
		panic(c.unknownSegment(name, pos))
	}
	r := c.inner(name, text, pos)
	c.rules[name] = r
	return inSegment{name, r}
}

// noCircle refuses a segment or a tier whose rule is being read now.
func (c *checker) noCircle(name string, pos int) {
	if at := slices.Index(c.path, name); at >= 0 {
		circle := append(slices.Clone(c.path[at:]), name)
		panic(fail(pos, "the segments go round in a circle: %s; one of them must do without the other", strings.Join(circle, " → ")))
	}
}

// inner reads the rule of a segment or a tier that another rule asks for.
func (c *checker) inner(name, text string, pos int) *Rule {
	c.path = append(c.path, name)
	defer func() { c.path = c.path[:len(c.path)-1] }()
	alone := &checker{scope: c.scope, opened: c.opened}
	alone.scope.Self, alone.scope.Launch, alone.scope.Order, alone.scope.Event, alone.scope.Pools = "", nil, false, false, nil
	r, err := caught(func() *Rule { return alone.parse(text) })
	switch {
	case err != nil && strings.HasPrefix(err.Message, "the segments go round"):
		panic(fail(pos, "%s", err.Message))
	case err != nil:
		panic(fail(pos, "the rule of %s is wrong itself: %v", ruleOf(name), err.locate(text)))
	}
	return r
}

// ruleOf says whose rule it is: a tier's name has its kind with it.
func ruleOf(name string) string {
	if strings.Contains(name, " ") {
		return name
	}
	return "segment " + name
}

// unknownSegment names the nearest segments, or if none is near, those there are.
func (c *checker) unknownSegment(name string, pos int) *Error {
	all := slices.Sorted(maps.Keys(c.scope.Segments))
	e := unknown(pos, "segment", name, all)
	switch {
	case len(e.Near) > 0:
	case len(all) == 0:
		e.Message += "; segments.yaml names none"
	default:
		e.Message += "; there are " + strings.Join(all[:min(8, len(all))], ", ")
		if len(all) > 8 {
			e.Message += " …"
		}
	}
	return e
}
