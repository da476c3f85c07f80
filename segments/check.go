package segments

import (
	"slices"
	"strings"
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

func (c *checker) parse(text string) (*Rule, *Error) {
	s, err := parse(text)
	if err != nil {
		return nil, err
	}
	root, err := c.condition(s)
	if err != nil {
		return nil, err
	}
	return &Rule{text, root, c.parts}, nil
}

// condition checks what must be true or false.
func (c *checker) condition(s *syntax) (node, *Error) {
	c.parts++
	switch s.form {
	case formAnd:
		parts, err := c.conditions(s.kids)
		return allOf(parts), err
	case formOr:
		parts, err := c.conditions(s.kids)
		return anyOf(parts), err
	case formNot:
		of, err := c.condition(s.kids[0])
		return negation{of}, err
	case formCompare:
		return c.comparison(s)
	case formIn:
		return c.membership(s)
	case formBool:
		return always(s.word == "true"), nil
	case formName:
		return c.named(s)
	}
	return nil, fail(s.pos, "%s is only a value: compare it with a field, as in orders >= 3", s.show())
}

func (c *checker) conditions(kids []*syntax) ([]node, *Error) {
	parts := make([]node, len(kids))
	for i, kid := range kids {
		if i > 0 && kid.form.literal() {
			if err := again(kids[i-1], kid); err != nil {
				return nil, err
			}
		}
		part, err := c.condition(kid)
		if err != nil {
			return nil, err
		}
		parts[i] = part
	}
	return parts, nil
}

// named checks a field that stands as a condition by itself.
func (c *checker) named(s *syntax) (node, *Error) {
	switch {
	case s.word == "in_segment" && s.called && c.within == "":
		name, err := c.segmentName(s)
		if err != nil {
			return nil, err
		}
		return c.inSegment(name, s.kids[0].pos)
	case s.word == "known" && s.called:
		return c.known(s)
	}
	call, err := c.call(s)
	if err != nil {
		return nil, c.orSegment(s, err)
	}
	switch call.typ {
	case Any:
		call.typ = Bool
	case Bool:
	default:
		return nil, fail(s.pos, "%s is %s, not a condition; a condition is %s", s.word, call.typ.a(), call.example())
	}
	return isTrue{call}, nil
}

// known checks known(field).
func (c *checker) known(s *syntax) (node, *Error) {
	if len(s.kids) == 1 && s.kids[0].form == formText {
		return nil, fail(s.kids[0].pos, "known takes the name of a field without quotes: known(%s)", s.kids[0].word)
	}
	if len(s.kids) != 1 || s.kids[0].form != formName {
		return nil, fail(s.pos, "known asks whether a field has a value: known(country)")
	}
	of, err := c.call(s.kids[0])
	switch {
	case err != nil:
		return nil, err
	case of.typ == Bool:
		return nil, fail(of.pos, "%s is always either yes or no", of.name)
	case of.typ == Any:
		of.typ = Text
	}
	return hasValue{of}, nil
}

// comparison checks field op value. A value on the left is put to the right.
func (c *checker) comparison(s *syntax) (node, *Error) {
	left, right, op := s.kids[0], s.kids[1], s.word
	for _, side := range s.kids {
		if values := side.values(); values != "" && left.form == formName {
			return nil, fail(side.pos, "several values are asked with in: %s in (%s)", left.word, values)
		}
		if !side.operand() {
			return nil, fail(s.pos, "conditions are joined with and, or and not; %s compares fields with values", op)
		}
	}
	if left.form != formName {
		left, right, op = right, left, mirror(op)
	}
	if left.form != formName {
		if i := slices.IndexFunc(s.kids, func(kid *syntax) bool { return kid.form == formText && find(catalogue(), kid.word) != nil }); i >= 0 {
			return nil, fail(s.kids[i].pos, "a field stands without quotes: %s", s.kids[i].word)
		}
		return nil, fail(left.pos, "both sides of %s are fixed values: one must be a field", s.word)
	}
	if right.form == formText && !left.called {
		if use := c.uses(left.word, right.word); use != "" {
			return nil, fail(left.pos, "what belongs to %s stands in brackets: %s", left.word, use)
		}
	}
	call, err := c.call(left)
	if err != nil {
		return nil, err
	}
	if right.form == formName {
		if c.within != "" && c.ownProperty(right) {
			return nil, unquoted(right)
		}
		if err := c.wordFor(call, right); err != nil {
			return nil, err
		}
		if _, err := c.entry(right); err != nil && call.typ == Text && !right.called && !strings.Contains(right.word, ".") {
			e := unquoted(right)
			if len(err.Near) > 0 {
				e.Message += "; or did you mean the field " + alternatives(err.Near) + "?"
			}
			return nil, e
		}
		return c.fields(s, call, op, right)
	}
	return c.withValue(s, call, op, right)
}

// withValue checks field op literal.
func (c *checker) withValue(s *syntax, call *call, op string, right *syntax) (node, *Error) {
	if call.typ == Any {
		call.typ = right.means(op)
	}
	if call.typ == Bool && right.form == formBool && (op == "==" || op == "!=") {
		if (right.word == "true") == (op == "==") {
			return isTrue{call}, nil
		}
		return negation{isTrue{call}}, nil
	}
	if call.typ == List && op == "!=" {
		return nil, fail(right.pos, "%s is a list: write %s not in %[1]s", call.name, right.show())
	}
	v, err := c.literal(call, right)
	if err != nil {
		return nil, err
	}
	if err := ordered(s, call, op); err != nil {
		return nil, err
	}
	return compare{call, op, []operand{{lit: v, pos: right.pos}}}, nil
}

// fields checks field op field.
func (c *checker) fields(s *syntax, left *call, op string, other *syntax) (node, *Error) {
	right, err := c.call(other)
	if err != nil {
		return nil, err
	}
	if err := c.agree(left, right, op); err != nil {
		return nil, err
	}
	switch {
	case left.typ == Bool && right.typ == Bool:
		return nil, fail(s.pos, "%s and %s are conditions: join them with and, or and not", left.name, right.name)
	case left.typ == List || right.typ == List:
		return nil, fail(s.pos, `a list is asked with in, as in "club" in tags`)
	case left.typ != right.typ:
		return nil, fail(s.pos, "%s is %s and %s is %s: they cannot be compared", left.name, left.typ.a(), right.name, right.typ.a())
	}
	if err := ordered(s, left, op); err != nil {
		return nil, err
	}
	return compare{left, op, []operand{{call: right}}}, nil
}

// agree gives a property of an event the type of what it is compared with.
func (c *checker) agree(a, b *call, op string) *Error {
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
			return fail(one.pos, "%s is a property of the event and has no currency: compare it with a number", one.name)
		}
	}
	return nil
}

// ordered refuses < and > for texts.
func ordered(s *syntax, call *call, op string) *Error {
	if call.typ != Text || op == "==" || op == "!=" {
		return nil
	}
	return fail(s.pos, "%s is a text: texts are compared with ==, != and in, not with %s", call.name, s.word)
}

// membership checks field in (values) and "value" in list.
func (c *checker) membership(s *syntax) (node, *Error) {
	left, right := s.kids[0], s.kids[1]
	switch {
	case !left.operand():
		return nil, fail(s.pos, "before in stands a field or a text")
	case right.form == formName:
		return c.contains(s, left, right)
	case left.form != formName:
		return nil, fail(left.pos, "both sides of in are fixed values: one must be a field")
	case len(right.kids) == 0:
		return nil, fail(right.pos, "the list is empty")
	}
	call, err := c.call(left)
	if err != nil {
		return nil, err
	}
	if call.typ == Any {
		call.typ = right.kids[0].means("==")
	}
	switch call.typ {
	case Bool:
		return nil, fail(s.pos, "%s is %s and cannot be one of several values", call.name, call.typ.a())
	case List:
		return c.overlap(call, right)
	}
	with := make([]operand, len(right.kids))
	for i, item := range right.kids {
		if with[i], err = c.item(call, item); err != nil {
			return nil, err
		}
	}
	return compare{call, "in", with}, nil
}

// item checks a value of a list: a literal, or what is known at the start.
func (c *checker) item(of *call, s *syntax) (operand, *Error) {
	if of.typ == Text && c.bare(s) {
		return operand{}, unquoted(s)
	}
	if s.form != formName {
		v, err := c.literal(of, s)
		return operand{lit: v, pos: s.pos}, err
	}
	call, err := c.call(s)
	if err != nil {
		return operand{}, err
	}
	if err := c.agree(call, of, "=="); err != nil {
		return operand{}, err
	}
	switch {
	case !call.fixed():
		return operand{}, fail(s.pos, "a list holds fixed values, and %s differs from member to member", call.name)
	case call.typ != of.typ:
		return operand{}, fail(s.pos, "%s is %s and %s is %s: they cannot be compared", of.name, of.typ.a(), call.name, call.typ.a())
	}
	return operand{call: call}, nil
}

// contains checks "club" in tags.
func (c *checker) contains(s, left, right *syntax) (node, *Error) {
	if left.form == formText && !right.called {
		if use := c.uses(right.word, left.word); use != "" {
			return nil, fail(right.pos, "%s is asked with brackets: %s", right.word, use)
		}
	}
	list, err := c.call(right)
	switch {
	case err != nil:
		return nil, err
	case list.typ == Any:
		list.typ = List
	case list.typ != List:
		return nil, fail(right.pos, `%s is %s, not a list; a list is written in ("FI", "SE")`, list.name, list.typ.a())
	}
	if left.form == formName && !c.bare(left) {
		if l, err := c.call(left); err == nil && !l.fixed() {
			return nil, fail(left.pos, `before in %s stands a text in quotes, not the field %s`, list.name, l.name)
		}
	}
	what, err := c.textArgument(list, left, nil)
	if err != nil {
		return nil, err
	}
	return contains{list, []operand{what}}, nil
}

// overlap checks tags in ("club", "vip"): the list holds any of them.
func (c *checker) overlap(list *call, right *syntax) (node, *Error) {
	n := contains{call: list}
	for _, item := range right.kids {
		what, err := c.textArgument(list, item, nil)
		if err != nil {
			return nil, err
		}
		n.what = append(n.what, what)
	}
	return n, nil
}
