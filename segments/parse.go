package segments

import "strings"

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

// parse reads the syntax of a whole rule.
func parse(src string) (*syntax, *Error) {
	if len(src) > maxBytes {
		return nil, fail(maxBytes, "the rule is longer than %d bytes: name parts of it as segments and use in_segment", maxBytes)
	}
	tokens, err := lex(src)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	if p.peek().kind == tokEnd {
		return nil, fail(p.peek().pos, "the rule is empty; a rule is like orders >= 3")
	}
	s, err := p.either()
	if err != nil {
		return nil, err
	}
	if p.peek().kind != tokEnd {
		return nil, p.leftover()
	}
	return s, nil
}

func (p *parser) peek() token { return p.tokens[p.at] }

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
	if !p.is(text) {
		return false
	}
	p.at++
	return true
}

// node counts what is built, so that a rule stays within its bounds.
func (p *parser) node(s syntax) (*syntax, *Error) {
	if p.nodes++; p.nodes > maxNodes {
		return nil, fail(s.pos, "the rule has too many parts: name some of them as segments and use in_segment")
	}
	return &s, nil
}

func (p *parser) either() (*syntax, *Error) { return p.chain("or", formOr, p.both) }
func (p *parser) both() (*syntax, *Error)   { return p.chain("and", formAnd, p.one) }

// chain reads parts joined by one word; a single part stays itself.
func (p *parser) chain(word string, f form, part func() (*syntax, *Error)) (*syntax, *Error) {
	first, err := part()
	if err != nil || !p.is(word) {
		return first, err
	}
	kids := []*syntax{first}
	for p.accept(word) {
		kid, err := part()
		if err != nil {
			return nil, err
		}
		kids = append(kids, kid)
	}
	return p.node(syntax{form: f, pos: first.pos, kids: kids})
}

func (p *parser) one() (*syntax, *Error) {
	if p.depth++; p.depth > maxDepth {
		return nil, fail(p.peek().pos, "the rule has brackets inside brackets more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	if t := p.peek(); p.accept("not") {
		kid, err := p.one()
		if err != nil {
			return nil, err
		}
		return p.node(syntax{form: formNot, pos: t.pos, kids: []*syntax{kid}})
	}
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	return p.comparison(left)
}

// comparison reads what may follow an operand.
func (p *parser) comparison(left *syntax) (*syntax, *Error) {
	op := p.peek()
	negated := op.kind == tokWord && op.text == "not" && p.tokens[p.at+1].text == "in"
	if negated {
		p.next()
	}
	if p.accept("in") {
		return p.within(left, op, negated)
	}
	if !isComparison(op) {
		return left, nil
	}
	p.next()
	right, err := p.operand()
	if err != nil {
		return nil, err
	}
	if isComparison(p.peek()) {
		return nil, fail(p.peek().pos, "compare two things at a time and join them with and: 1 < orders and orders < 5")
	}
	return p.node(syntax{form: formCompare, pos: op.pos, word: op.text, kids: []*syntax{left, right}})
}

func isComparison(t token) bool {
	return t.kind == tokSymbol && strings.ContainsAny(t.text[:1], "=!<>")
}

// within reads the right side of in.
func (p *parser) within(left *syntax, op token, negated bool) (*syntax, *Error) {
	right, err := p.list()
	if err != nil {
		return nil, err
	}
	in, err := p.node(syntax{form: formIn, pos: op.pos, kids: []*syntax{left, right}})
	if err != nil || !negated {
		return in, err
	}
	return p.node(syntax{form: formNot, pos: op.pos, kids: []*syntax{in}})
}

// list reads ("FI", "SE"), ["FI", "SE"] or the name of a list.
func (p *parser) list() (*syntax, *Error) {
	t := p.peek()
	for open, end := range map[string]string{"(": ")", "[": "]"} {
		if p.accept(open) {
			kids, err := p.several(t, end, p.operand)
			if err != nil {
				return nil, err
			}
			return p.node(syntax{form: formList, pos: t.pos, kids: kids})
		}
	}
	if t.kind == tokWord && (t.text == "the" || t.text == "last") {
		return nil, fail(t.pos, `a time span stands in brackets after its field: orders("90d")`)
	}
	if t.kind != tokWord {
		return nil, fail(t.pos, `after in comes a list, as in country in ("FI", "SE"), or a field that is one`)
	}
	return p.operand()
}

// several reads what stands between commas up to the closing bracket.
func (p *parser) several(open token, end string, one func() (*syntax, *Error)) ([]*syntax, *Error) {
	var kids []*syntax
	for !p.accept(end) {
		if len(kids) > 0 && !p.accept(",") {
			return nil, p.unclosed(open, end)
		}
		if p.peek().kind == tokEnd {
			return nil, p.unclosed(open, end)
		}
		kid, err := one()
		if err != nil {
			return nil, err
		}
		kids = append(kids, kid)
	}
	return kids, nil
}

func (p *parser) unclosed(open token, end string) *Error {
	if p.peek().kind == tokEnd {
		return fail(open.pos, "the bracket %s that opens here is never closed with %s", open.text, end)
	}
	t, prev := p.peek(), p.before(1)
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

func (p *parser) operand() (*syntax, *Error) {
	t := p.next()
	switch {
	case t.kind == tokNumber:
		return p.node(syntax{form: formNumber, pos: t.pos, word: t.text})
	case t.kind == tokText:
		return p.node(syntax{form: formText, pos: t.pos, word: t.text})
	case t.kind == tokWord:
		return p.word(t)
	case t.kind == tokSymbol && t.text == "(":
		return p.bracket(t)
	case t.kind == tokEnd:
		return nil, fail(t.pos, "the rule ends where a field or a value should follow")
	}
	if t.text == "[" {
		return nil, fail(t.pos, "square brackets hold a list after in: write a field by itself, as in orders >= 3")
	}
	return nil, fail(t.pos, "a field or a value should stand before %s", t.text)
}

// bracket reads (rule).
func (p *parser) bracket(open token) (*syntax, *Error) {
	if p.is(")") {
		return nil, fail(open.pos, "the brackets are empty")
	}
	inner, err := p.either()
	if err != nil {
		return nil, err
	}
	if !p.accept(")") {
		if p.peek().kind == tokEnd {
			return nil, p.unclosed(open, ")")
		}
		return nil, p.leftover()
	}
	return inner, nil
}

// word reads true, false, a field or a function with its arguments.
func (p *parser) word(t token) (*syntax, *Error) {
	switch lower := strings.ToLower(t.text); {
	case t.text == "true" || t.text == "false":
		return p.node(syntax{form: formBool, pos: t.pos, word: t.text})
	case t.text == "in" && p.is("segment"):
		return nil, fail(t.pos, `another segment is asked with in_segment("…")`)
	case t.text == "and" || t.text == "or" || t.text == "in" || t.text == "not":
		return nil, fail(t.pos, "a field or a value should stand before %s", t.text)
	case isKeyword(lower):
		return nil, fail(t.pos, "write %s in small letters", lower)
	}
	open := p.peek()
	if !p.accept("(") {
		return p.node(syntax{form: formName, pos: t.pos, word: t.text})
	}
	args, err := p.several(open, ")", p.either)
	if err != nil {
		return nil, err
	}
	return p.node(syntax{form: formName, pos: t.pos, word: t.text, called: true, kids: args})
}

func isKeyword(lower string) bool {
	switch lower {
	case "and", "or", "not", "in", "true", "false":
		return true
	}
	return false
}

// show returns a token as the writer of the rule knows it.
func show(t token) string {
	if t.kind == tokText {
		return `"` + t.text + `"`
	}
	return t.text
}
