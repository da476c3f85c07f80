package program

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	yaml "github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Limits on one YAML file. A program's largest is a few thousand characters;
// what goes beyond is a mistake, or meant to make the parser sweat.
const (
	longestYAML = 256 << 10
	deepestYAML = 40
)

// yaml reads one YAML file into a mapping; nil, with problems, when it is none.
// An empty file is an empty mapping.
func (r *reading) yaml(file string) *node {
	text := strings.TrimPrefix(r.files[file], "\ufeff")
	src := newSource(file, text)
	empty := &node{src: src, line: 1, col: 1, form: mapping}
	if !r.readable(src, text) {
		return nil
	}
	tree, err := parse(text)
	switch {
	case err != nil:
		r.explain(src, err)
		return nil
	case len(tree.Docs) > 1:
		r.severalDocuments(src)
		return nil
	case len(tree.Docs) == 0:
		return empty
	}
	r.refused = false
	root := r.grow(src, tree.Docs[0].Body)
	switch {
	case r.refused:
		return nil
	case root.form == mapping:
		return root
	case root.form == nothing:
		return empty
	}
	r.errorAt(root, fmt.Sprintf("the file holds %s, not keys", root.form), "each line should be key: value, with a blank after the colon")
	return nil
}

// readable refuses what would only bring the parser to odd words or to its knees.
func (r *reading) readable(src *source, text string) bool {
	top := &node{src: src, line: 1, col: 1}
	switch {
	case len(text) > longestYAML:
		r.errorAt(top, fmt.Sprintf("the file is larger than %d kB", longestYAML>>10), "a program's files hold rules and texts, not data")
		return false
	case !utf8.ValidString(text):
		r.errorAt(top, "the file is not UTF-8 text", "save it as UTF-8")
		return false
	}
	depth := 0
	for i, line := range src.lines {
		body := strings.TrimLeft(line, " \t")
		indent := line[:len(line)-len(body)]
		depth = max(0, depth+strings.Count(line, "[")+strings.Count(line, "{")-strings.Count(line, "]")-strings.Count(line, "}"))
		at := &node{src: src, line: i + 1, col: 1}
		switch {
		case strings.Contains(indent, "\t") && body != "" && body[0] != '#':
			r.errorAt(at, "a tab stands at the beginning of the line, where YAML takes blanks only", "indent with blanks")
			return false
		case strings.ContainsFunc(line, control):
			r.errorAt(at, "the line holds a character that cannot be seen", "delete it")
			return false
		case r.typographic(src, i, line):
			return false
		case depth > deepestYAML, strings.Count(line, "[")+strings.Count(line, "{") > 10*deepestYAML, len(dashes.FindString(body)) > deepestYAML, len(indent) > 5*deepestYAML:
			r.errorAt(at, "this is nested too deeply to be a program", "")
			return false
		}
	}
	return true
}

var dashes = regexp.MustCompile(`^([-?:&!][^ \t]*[ \t]+)+`)

func control(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// parse calls the parser; its panics, of which foreign bytes have found some, are errors.
func parse(text string) (tree *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("this cannot be read as YAML")
		}
	}()
	return parser.ParseBytes([]byte(text), 0)
}

func (r *reading) severalDocuments(src *source) {
	for i, line := range src.lines {
		if i > 0 && (strings.HasPrefix(line, "---") || strings.HasPrefix(line, "...")) {
			r.errorAt(&node{src: src, line: i + 1, col: 1}, line[:3]+" begins a second document, and a file holds one", "delete the line")
			return
		}
	}
	r.errorAt(&node{src: src, line: 1, col: 1}, "the file holds several YAML documents", "delete the lines that begin with --- or %")
}

// explain turns a syntax error of the parser into words for a marketer.
func (r *reading) explain(src *source, err error) {
	at := &node{src: src, line: 1, col: 1}
	var syntax *yaml.SyntaxError
	if !errors.As(err, &syntax) || syntax.Token == nil || syntax.Token.Position == nil {
		r.errorAt(at, err.Error(), "each line should be key: value, with a blank after the colon")
		return
	}
	at.line, at.col = syntax.Token.Position.Line, syntax.Token.Position.Column
	if line, words, hint := src.dashHint(at.line); words != "" && notKeyed.MatchString(syntax.Message) {
		r.errorAt(&node{src: src, line: line, col: 1 + len(src.lines[line-1]) - len(strings.TrimLeft(src.lines[line-1], " "))}, words, hint)
		return
	}
	for _, e := range explanations {
		if m := e.match.FindStringSubmatch(syntax.Message); m != nil {
			words := e.words
			if len(m) > 1 {
				words = fmt.Sprintf(words, m[1])
			}
			if e.opening != "" {
				at.line, at.col = src.opening(at.line, at.col, e.opening)
			}
			r.errorAt(at, words, e.hint)
			return
		}
	}
	r.errorAt(at, "this is not YAML: "+syntax.Message, "each line should be key: value, with a blank after the colon")
}

// notKeyed are the parser's messages about a line that is not key: value.
var notKeyed = regexp.MustCompile(`unexpected key name|non-map value|block sequence entries|value is not allowed in this context`)

// explanations say in plain words what the parser's messages mean, first match wins.
var explanations = []struct {
	match   *regexp.Regexp
	words   string
	hint    string
	opening string // the bracket that the message is about; "": the place is right as it is
}{
	{match: regexp.MustCompile(`^mapping key ("[^"]*") already defined`), words: "the key %s stands here a second time", hint: "keep one of the two"},
	{match: regexp.MustCompile(`mapping value is not allowed`), words: "a second colon with a blank after it, or a line that is indented as if it belonged to this one", hint: "put a value that holds a colon in quotes, or indent the next line like this one"},
	{match: regexp.MustCompile(`map key-value is pre-defined`), words: "text goes on after the closing quote", hint: "put the whole value in single quotes: key: '\"a\" == \"b\"'"},
	{match: regexp.MustCompile(`could not find flow map content`), words: "inside { } a comma begins the next key, so this one has no value", hint: "put a value with a comma in single quotes, or write each key on a line of its own"},
	{match: regexp.MustCompile(`',' or '\]' must be specified`), words: "the list that begins with [ is not closed", hint: "close it with ]", opening: "["},
	{match: regexp.MustCompile(`'\}'|flow map`), words: "the group that begins with { is not closed, or closed twice", hint: "each { needs one }"},
	{match: regexp.MustCompile(`end character of (?:double|single)-quote`), words: "this quote is never closed", hint: "add the same quote at the end of the value"},
	{match: regexp.MustCompile(`^'(.)' is a reserved character`), words: "a value cannot begin with %s in YAML", hint: "put the value in quotes"},
	{match: regexp.MustCompile(`directive`), words: "a value cannot begin with %% in YAML", hint: "put the value in quotes"},
	{match: regexp.MustCompile(`alias|anchor`), words: "a value cannot begin with * or & in YAML", hint: "put the value in quotes"},
	{match: regexp.MustCompile(`header option`), words: "a value cannot begin with > or | in YAML, which announce a text over several lines", hint: "put the value in quotes"},
	{match: regexp.MustCompile(`unexpected key name|non-map value`), words: "this line is not key: value", hint: "each line should be key: value, with a blank after the colon"},
	{match: regexp.MustCompile(`block sequence entries are not allowed`), words: "a - cannot follow a key on the same line", hint: "put the list on lines of its own, each beginning with -, or write [a, b]"},
	{match: regexp.MustCompile(`value is not allowed in this context|invalid key`), words: "this line is indented like none of those above it", hint: "begin it in the same column as the lines that it goes with"},
	{match: regexp.MustCompile(`cannot start any token`), words: "a tab stands where YAML takes blanks only", hint: "use blanks"},
}

// opening returns the last bracket at or before a place that its line leaves
// open: the parser notices only where the next line begins.
func (s *source) opening(line, col int, bracket string) (int, int) {
	closing := map[string]string{"[": "]"}[bracket]
	for l := min(line, len(s.lines)); l >= 1; l-- {
		text := s.lines[l-1]
		if i := strings.LastIndex(text, bracket); i > strings.LastIndex(text, closing) {
			return l, utf8.RuneCountInString(text[:i]) + 1
		}
	}
	return line, col
}
