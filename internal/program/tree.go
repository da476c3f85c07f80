package program

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// form is what a node of a YAML file is.
type form int

const (
	nothing form = iota // a key without a value
	scalar
	list
	mapping
)

// String returns the form in words.
func (f form) String() string {
	return [...]string{"nothing", "a single value", "a list", "a group of keys"}[f]
}

// node is a value of a YAML file, as the text that stands there: 0123, dates and
// 5.00 stay what they are, and true is a word.
type node struct {
	src   *source
	line  int // from 1
	col   int // from 1, in characters
	form  form
	text  string // scalar: without its quotes, lines joined as YAML does
	plain bool   // scalar: written without quotes
	items []*node
	pairs []pair
}

// pair is one key of a mapping.
type pair struct{ key, value *node }

// source is the text of one file.
type source struct {
	file  string
	lines []string
}

func newSource(file, text string) *source {
	return &source{file, strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")}
}

// where returns the line and column of the character that stands at a byte
// offset of the node's text. It walks the file beside the text, so that quotes,
// escapes and the joints of a folded text do not shift it.
func (n *node) where(offset int) (line, col int) {
	at := cursor{src: n.src, line: n.line, col: n.col}
	if strings.TrimSpace(n.text) == "" {
		return n.line, n.col
	}
	at.skipOpening()
	for i, r := range n.text {
		if unicode.IsSpace(r) && i < offset {
			continue
		}
		if !unicode.IsSpace(r) && !at.find(r) {
			return n.line, n.col
		}
		if i >= offset {
			return at.line, at.col
		}
		at.col++
	}
	return at.line, at.col
}

// cursor is a place in a file.
type cursor struct {
	src       *source
	line, col int
}

// skipOpening steps over the quote or the | that opens a scalar.
func (c *cursor) skipOpening() {
	switch c.rune() {
	case '"', '\'':
		c.col++
	case '|', '>':
		c.line, c.col = c.line+1, 1
	}
}

// find moves to the next r, or stays and reports false.
func (c *cursor) find(r rune) bool {
	for at := *c; at.line <= len(c.src.lines); at.line, at.col = at.line+1, 1 {
		rest := runesFrom(c.src.lines[at.line-1], at.col)
		for i, s := range rest {
			if s == r {
				c.line, c.col = at.line, at.col+i
				return true
			}
		}
	}
	return false
}

func (c *cursor) rune() rune {
	if rest := c.src.rest(c.line, c.col); rest != "" {
		r, _ := utf8.DecodeRuneInString(rest)
		return r
	}
	return 0
}

func runesFrom(line string, col int) []rune {
	runes := []rune(line)
	return runes[min(col-1, len(runes)):]
}

// rest returns what stands in a line from a column on.
func (s *source) rest(line, col int) string {
	if line < 1 || line > len(s.lines) || col < 1 {
		return ""
	}
	return string(runesFrom(s.lines[line-1], col))
}

// comment returns the comment that ends the line on which a plain scalar ends,
// from its # on, and its place. A # inside quotes begins none.
func (n *node) comment() (text string, line, col int) {
	if n.form != scalar || !n.plain || n.text == "" {
		return "", 0, 0
	}
	line, col = n.where(len(n.text) - 1)
	rest := n.src.rest(line, col)
	i := strings.Index(rest, " #")
	if i < 0 {
		return "", 0, 0
	}
	return rest[i+1:], line, col + utf8.RuneCountInString(rest[:i]) + 1
}

// grow turns goccy's tree into ours. What the format has no use for (anchors,
// aliases, tags, keys that are no words) is refused.
func (r *reading) grow(src *source, n ast.Node) *node {
	grown := &node{src: src, line: 1, col: 1}
	if n == nil {
		return grown
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		grown.line, grown.col = t.Position.Line, t.Position.Column
	}
	switch n := n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode, *ast.MappingKeyNode:
		r.refuse(grown, n)
	case *ast.NullNode:
		if n.GetToken().Type == token.NullType {
			grown.form, grown.text, grown.plain = scalar, n.GetToken().Value, true
		}
	case *ast.LiteralNode:
		grown.form, grown.text = scalar, n.Value.Value
	case *ast.SequenceNode:
		r.growList(grown, n)
	case *ast.MappingNode:
		r.growMapping(grown, n.Values)
	case *ast.MappingValueNode:
		r.growMapping(grown, []*ast.MappingValueNode{n})
	case ast.ScalarNode:
		grown.form, grown.text = scalar, n.GetToken().Value
		grown.plain = !quoted(n.GetToken())
	default:
		r.refuse(grown, n)
	}
	return grown
}

func quoted(t *token.Token) bool {
	return t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType
}

func (r *reading) growList(grown *node, n *ast.SequenceNode) {
	grown.form = list
	for _, v := range n.Values {
		grown.items = append(grown.items, r.grow(grown.src, v))
	}
}

func (r *reading) growMapping(grown *node, values []*ast.MappingValueNode) {
	grown.form = mapping
	for _, v := range values {
		key := r.grow(grown.src, v.Key)
		if key.form != scalar {
			r.refuse(key, v.Key)
			continue
		}
		grown.pairs = append(grown.pairs, pair{key, r.grow(grown.src, v.Value)})
	}
	if len(grown.pairs) > 0 {
		grown.line, grown.col = grown.pairs[0].key.line, grown.pairs[0].key.col
	}
}

// refuse reports a part of YAML that a program has no use for.
func (r *reading) refuse(at *node, n ast.Node) {
	r.refused = true
	const plainly = "write the value out where it is used"
	switch n.(type) {
	case *ast.AnchorNode:
		r.errorAt(at, "& names a value for later in YAML, which a program does not use", plainly+", or put it in quotes")
	case *ast.AliasNode, *ast.MergeKeyNode:
		r.errorAt(at, "* and << repeat a value in YAML, which a program does not use", plainly+", or put it in quotes")
	case *ast.TagNode:
		r.errorAt(at, "! gives a value a type in YAML, which a program does not use", "leave it out, or put the value in quotes")
	case *ast.MappingKeyNode:
		r.errorAt(at, "? begins a key of several parts in YAML, which a program does not use", "write key: value")
	default:
		r.errorAt(at, "this part of YAML has no place in a program", "write key: value")
	}
}
