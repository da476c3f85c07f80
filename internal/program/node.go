package program

import (
	"fmt"
	"slices"
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

// rest returns what stands in a line from a column on.
func (s *source) rest(line, col int) string {
	if line < 1 || line > len(s.lines) || col < 1 {
		return ""
	}
	runes := []rune(s.lines[line-1])
	return string(runes[min(col-1, len(runes)):])
}

// where returns the line and column of the character that stands at a byte
// offset of the node's text. It walks the file beside the text, so that quotes,
// escapes and the joints of a folded text do not shift it.
func (n *node) where(offset int) (line, col int) {
	line, col = n.line, n.col
	if strings.TrimSpace(n.text) == "" {
		return line, col
	}
	switch first := n.src.rest(line, col); {
	case strings.HasPrefix(first, `"`), strings.HasPrefix(first, "'"):
		col++
	case strings.HasPrefix(first, "|"), strings.HasPrefix(first, ">"):
		line, col = line+1, 1
	}
	for i, r := range n.text {
		if unicode.IsSpace(r) {
			if i >= offset {
				break
			}
			continue
		}
		for {
			rest := n.src.rest(line, col)
			if at := strings.IndexRune(rest, r); at >= 0 {
				col += utf8.RuneCountInString(rest[:at])
				break
			}
			if line, col = line+1, 1; line > len(n.src.lines) {
				return n.line, n.col
			}
		}
		if i >= offset {
			break
		}
		col++
	}
	return line, col
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

// bracketed adds to a complaint about a value that several in one belong in
// brackets.
func bracketed(n *node, hint string) string {
	if n.form != scalar || !n.plain || !strings.Contains(n.text, ",") {
		return hint
	}
	return "several stand in brackets: [" + strings.Join(strings.FieldsFunc(n.text, func(c rune) bool { return c == ',' || c == ' ' }), ", ") + "]"
}

// convert turns goccy's tree into ours. What the format has no use for (anchors,
// aliases, tags, keys that are no words) is refused.
func (r *loader) convert(src *source, n ast.Node) *node {
	c := &node{src: src, line: 1, col: 1}
	if n == nil {
		return c
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		c.line, c.col = t.Position.Line, t.Position.Column
	}
	refuse := func(message, hint string) {
		r.refused = true
		r.errorAt(c, message, hint)
	}
	const plainly = "write the value out where it is used, or put it in quotes"
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.AnchorNode:
		refuse("& names a value for later in YAML, which a program does not use", plainly)
	case *ast.AliasNode, *ast.MergeKeyNode:
		refuse("* and << repeat a value in YAML, which a program does not use", plainly)
	case *ast.TagNode:
		refuse("! gives a value a type in YAML, which a program does not use", "leave it out, or put the value in quotes")
	case *ast.MappingKeyNode:
		refuse("? begins a key of several parts in YAML, which a program does not use", "write key: value")
	case *ast.NullNode:
		if n.GetToken().Type == token.NullType {
			c.form, c.text, c.plain = scalar, n.GetToken().Value, true
		}
	case *ast.LiteralNode:
		c.form, c.text = scalar, n.Value.Value
	case *ast.SequenceNode:
		c.form = list
		for _, v := range n.Values {
			c.items = append(c.items, r.convert(src, v))
		}
	case *ast.MappingNode:
		c.form, values = mapping, n.Values
	case *ast.MappingValueNode:
		c.form, values = mapping, []*ast.MappingValueNode{n}
	case ast.ScalarNode:
		t := n.GetToken()
		c.form, c.text, c.plain = scalar, t.Value, t.Type != token.SingleQuoteType && t.Type != token.DoubleQuoteType
	default:
		refuse("this part of YAML has no place in a program", "write key: value")
	}
	for _, v := range values {
		key := r.convert(src, v.Key)
		switch {
		case key.form == scalar && slices.ContainsFunc(c.pairs, func(kv pair) bool { return kv.key.text == key.text }):
			r.errorAt(key, fmt.Sprintf("the key %q stands here a second time", key.text), "keep one of the two")
		case key.form == scalar:
			c.pairs = append(c.pairs, pair{key, r.convert(src, v.Value)})
		case !r.refused:
			r.refused = true
			r.errorAt(key, "this part of YAML has no place in a program", "write key: value")
		}
	}
	if len(c.pairs) > 0 {
		c.line, c.col = c.pairs[0].key.line, c.pairs[0].key.col
	}
	return c
}
