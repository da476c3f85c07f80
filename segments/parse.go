package segments

import (
	"slices"
	"strings"
)

// The bounds of a rule. They keep what one rule can cost within reason; the
// longest rule that a person wrote so far has 400 bytes.
const (
	maxBytes    = 4000
	maxDepth    = 40
	maxNodes    = 300
	maxExpanded = 1500 // with the rules of other segments written out
)

// form is the sort of a syntax node.
type form int

const (
	formAnd form = iota
	formOr
	formNot
	formCompare // word: the operator; two kids
	formIn      // kids: what, list
	formName    // word: the name; kids: arguments; called: with brackets
	formNumber
	formText
	formBool
	formList
)

// syntax is a node of a rule as it was written, before names and types are known.
type syntax struct {
	form   form
	pos    int
	word   string
	called bool
	kids   []*syntax
}

// parser turns tokens into syntax by recursive descent:
//
//	either  = both {"or" both}
//	both    = one {"and" one}
//	one     = "not" one | operand [compare operand | ["not"] "in" list]
//	operand = number | text | true | false | name ["(" arguments ")"] | "(" either ")"
//	arguments = either {"," either}
//	list    = "(" operands ")" | "[" operands "]" | name
type parser struct {
	tokens       []token
	at           int
	depth, nodes int
}

func parse(src string) *syntax {
	if len(src) > maxBytes {
		panic(fail(maxBytes, "the rule is longer than %d bytes: name parts of it as segments and use in_segment", maxBytes))
	}
	p := &parser{tokens: lex(src)}
	if p.peek().kind == tokEnd {
		panic(fail(p.peek().pos, "the rule is empty; a rule is like orders >= 3"))
	}
	s := p.either()
	if p.peek().kind != tokEnd {
		panic(p.leftover())
	}
	return s
}

func (p *parser) peek() token { return p.tokens[p.at] }

// last is the token that was taken last.
func (p *parser) last() token { return p.tokens[max(0, p.at-1)] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != tokEnd {
		p.at++
	}
	return t
}

// is reports whether the next token is that word or symbol.
func (p *parser) is(text string) bool {
	t := p.peek()
	return (t.kind == tokWord || t.kind == tokSymbol) && t.text == text
}

// accept takes the next token if it is that word or symbol.
func (p *parser) accept(text string) bool {
	is := p.is(text)
	if is {
		p.at++
	}
	return is
}

// node counts what is built, so that a rule stays within its bounds.
func (p *parser) node(s syntax) *syntax {
	if p.nodes++; p.nodes > maxNodes {
		panic(fail(s.pos, "the rule has too many parts: name some of them as segments and use in_segment"))
	}
	return &s
}

func (p *parser) either() *syntax { return p.chain("or", formOr, p.both) }
func (p *parser) both() *syntax   { return p.chain("and", formAnd, p.one) }

// chain reads parts joined by one word; a single part stays itself.
func (p *parser) chain(word string, f form, part func() *syntax) *syntax {
	kids := []*syntax{part()}
	for p.accept(word) {
		kids = append(kids, part())
	}
	if len(kids) == 1 {
		return kids[0]
	}
	return p.node(syntax{form: f, pos: kids[0].pos, kids: kids})
}

// one reads a condition, or what may stand in its place.
func (p *parser) one() *syntax {
	if p.depth++; p.depth > maxDepth {
		panic(fail(p.peek().pos, "the rule has brackets inside brackets more than %d deep", maxDepth))
	}
	defer func() { p.depth-- }()
	if t := p.peek(); p.accept("not") {
		return p.node(syntax{form: formNot, pos: t.pos, kids: []*syntax{p.one()}})
	}
	left, op := p.operand(), p.peek()
	negated := op.kind == tokWord && op.text == "not" && p.tokens[p.at+1].text == "in"
	if negated {
		p.next()
	}
	switch {
	case p.accept("in"):
		in := p.node(syntax{form: formIn, pos: op.pos, kids: []*syntax{left, p.list()}})
		if !negated {
			return in
		}
		return p.node(syntax{form: formNot, pos: op.pos, kids: []*syntax{in}})
	case !isComparison(op):
		return left
	}
	p.next()
	right := p.operand()
	if isComparison(p.peek()) {
		panic(fail(p.peek().pos, "compare two things at a time and join them with and: 1 < orders and orders < 5"))
	}
	return p.node(syntax{form: formCompare, pos: op.pos, word: op.text, kids: []*syntax{left, right}})
}

func isComparison(t token) bool {
	return t.kind == tokSymbol && strings.ContainsAny(t.text[:1], "=!<>")
}

// list reads ("FI", "SE"), ["FI", "SE"] or the name of a list.
func (p *parser) list() *syntax {
	t := p.peek()
	for open, end := range map[string]string{"(": ")", "[": "]"} {
		if p.accept(open) {
			return p.node(syntax{form: formList, pos: t.pos, kids: p.several(t, end, p.operand)})
		}
	}
	switch {
	case t.kind == tokWord && (t.text == "the" || t.text == "last"):
		panic(fail(t.pos, `a time span stands in brackets after its field: orders("90d")`))
	case t.kind != tokWord:
		panic(fail(t.pos, `after in comes a list, as in country in ("FI", "SE"), or a field that is one`))
	}
	return p.operand()
}

// several reads what stands between commas up to the closing bracket.
func (p *parser) several(open token, end string, one func() *syntax) (kids []*syntax) {
	for !p.accept(end) {
		if len(kids) > 0 && !p.accept(",") || p.peek().kind == tokEnd {
			panic(p.unclosed(open, end))
		}
		kids = append(kids, one())
	}
	return kids
}

func (p *parser) unclosed(open token, end string) *Error {
	if p.peek().kind == tokEnd {
		return fail(open.pos, "the bracket %s that opens here is never closed with %s", open.text, end)
	}
	t, prev := p.peek(), p.last()
	switch {
	case prev.kind == tokNumber && t.kind == tokWord && spanMeant(prev.text+" "+t.text) != "":
		return fail(prev.pos, `a time span stands in quotes: "%s"`, spanMeant(prev.text+" "+t.text))
	case prev.kind == tokWord && t.kind == tokWord && !isKeyword(t.text):
		return fail(prev.pos, `a text stands in quotes: "%s %s"`, prev.text, t.text)
	case t.kind == tokWord && isKeyword(t.text):
		return fail(t.pos, `the brackets hold values and no conditions: join the conditions, as in tag("club") or tag("vip")`)
	case isComparison(t):
		return fail(t.pos, "close the bracket before %s: a comparison stands outside of it", t.text)
	}
	return fail(t.pos, "a comma or %s is missing before %s", end, show(t))
}

func (p *parser) operand() *syntax {
	t := p.next()
	switch {
	case t.kind == tokNumber:
		return p.node(syntax{form: formNumber, pos: t.pos, word: t.text})
	case t.kind == tokText:
		return p.node(syntax{form: formText, pos: t.pos, word: t.text})
	case t.kind == tokWord:
		return p.word(t)
	case t.kind == tokEnd:
		panic(fail(t.pos, "the rule ends where a field or a value should follow"))
	case t.text == "[":
		panic(fail(t.pos, "square brackets hold a list after in: write a field by itself, as in orders >= 3"))
	case t.text != "(":
		panic(fail(t.pos, "a field or a value should stand before %s", t.text))
	case p.is(")"):
		panic(fail(t.pos, "the brackets are empty"))
	}
	inner := p.either()
	switch {
	case p.accept(")"):
		return inner
	case p.peek().kind == tokEnd:
		panic(p.unclosed(t, ")"))
	}
	panic(p.leftover())
}

// word reads true, false, a field or a function with its arguments.
func (p *parser) word(t token) *syntax {
	switch lower := strings.ToLower(t.text); {
	case t.text == "true" || t.text == "false":
		return p.node(syntax{form: formBool, pos: t.pos, word: t.text})
	case t.text == "in" && p.is("segment"):
		panic(fail(t.pos, `another segment is asked with in_segment("…")`))
	case isKeyword(t.text):
		panic(fail(t.pos, "a field or a value should stand before %s", t.text))
	case isKeyword(lower):
		panic(fail(t.pos, "write %s in small letters", lower))
	}
	s := syntax{form: formName, pos: t.pos, word: t.text}
	if open := p.peek(); p.accept("(") {
		s.called, s.kids = true, p.several(open, ")", p.either)
	}
	return p.node(s)
}

func isKeyword(lower string) bool {
	return slices.Contains([]string{"and", "or", "not", "in", "true", "false"}, lower)
}

func show(t token) string {
	if t.kind == tokText {
		return `"` + t.text + `"`
	}
	return t.text
}
