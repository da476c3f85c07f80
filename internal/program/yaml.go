package program

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
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
func (r *loader) yaml(file string) *node {
	text := strings.TrimPrefix(r.files[file], "\ufeff")
	src := &source{file, strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")}
	top := &node{src: src, line: 1, col: 1, form: mapping}
	if len(text) > longestYAML {
		r.errorAt(top, fmt.Sprintf("the file is larger than %d kB", longestYAML>>10), "a program's files hold rules and texts, not data")
		return nil
	}
	if !r.readable(src) {
		return nil
	}
	tree, err := parse(text)
	switch {
	case err != nil:
		line, col := 1, 1
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) && syntax.Token != nil && syntax.Token.Position != nil {
			line, col = syntax.Token.Position.Line, syntax.Token.Position.Column
		}
		r.explain(src, line, col)
		return nil
	case len(tree.Docs) > 1:
		for i, line := range src.lines {
			if i > 0 && (strings.HasPrefix(line, "---") || strings.HasPrefix(line, "...")) {
				r.errorAt(&node{src: src, line: i + 1, col: 1}, line[:3]+" begins a second document, and a file holds one", "delete the line")
				return nil
			}
		}
		r.errorAt(top, "the file holds several YAML documents", "delete the lines that begin with --- or %")
		return nil
	case len(tree.Docs) == 0:
		return top
	}
	r.refused = false
	root := r.convert(src, tree.Docs[0].Body)
	switch {
	case r.refused:
		return nil
	case root.form == mapping:
		return root
	case root.form == nothing:
		return top
	}
	r.errorAt(root, fmt.Sprintf("the file holds %s, not keys", root.form), "each line should be key: value, with a blank after the colon")
	return nil
}

// parse calls the parser; its panics, of which foreign bytes have found some, are errors.
func parse(text string) (tree *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("this cannot be read as YAML")
		}
	}()
	return parser.ParseBytes([]byte(text), 0, parser.AllowDuplicateMapKey())
}

var (
	dashes = regexp.MustCompile(`^([-?:&!][^ \t]*[ \t]+)+`)
	glued  = regexp.MustCompile(`^\s*-[A-Za-z_]+:(\s|$)`)
	listed = regexp.MustCompile(`:\s+-\s`)
	twice  = regexp.MustCompile(`:\s+[^\s#].*:(\s|$)`)
	keyed  = regexp.MustCompile(`[^\s:].*:(\s|$)`)
	curly  = regexp.MustCompile(`(?:^|[:,\[{-])\s*[“”„]`)
)

// readable refuses what would only bring the parser to odd words or to its knees,
// and what word processors and web pages put into a line and YAML does not take
// for what it looks like: blanks that are none, and curly quotes around a value.
func (r *loader) readable(src *source) bool {
	depth := 0
	for i, line := range src.lines {
		body := strings.TrimLeft(line, " \t")
		indent := line[:len(line)-len(body)]
		bare, _, _ := strings.Cut(line, " #")
		odd := strings.IndexFunc(bare, func(c rune) bool { return unicode.Is(unicode.Zs, c) && c != ' ' })
		before := ""
		if odd >= 0 {
			before = strings.TrimRightFunc(bare[:odd], unicode.IsSpace)
		}
		depth = max(0, depth+strings.Count(line, "[")+strings.Count(line, "{")-strings.Count(line, "]")-strings.Count(line, "}"))
		at := &node{src: src, line: i + 1, col: 1}
		switch quote := curly.FindStringIndex(bare); {
		case strings.Contains(indent, "\t") && body != "" && body[0] != '#':
			r.errorAt(at, "a tab stands at the beginning of the line, where YAML takes blanks only", "indent with blanks")
		case strings.ContainsFunc(line, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }):
			r.errorAt(at, "the line holds a character that cannot be seen", "delete it")
		case odd >= 0 && (before == "" || strings.HasSuffix(before, ":") || strings.HasSuffix(before, "-")):
			at.col = utf8.RuneCountInString(bare[:odd]) + 1
			r.errorAt(at, "a blank stands here that is none for YAML (a no-break space, as web pages and word processors have them)", "delete it and type a blank")
		case quote != nil:
			at.col = utf8.RuneCountInString(bare[:quote[0]+strings.IndexAny(bare[quote[0]:], "“”„")]) + 1
			r.errorAt(at, "YAML knows no curly quotes", `write straight ones: "…"`)
		case depth > deepestYAML, strings.Count(line, "[")+strings.Count(line, "{") > 10*deepestYAML, len(dashes.FindString(body)) > deepestYAML, len(indent) > 5*deepestYAML:
			r.errorAt(at, "this is nested too deeply to be a program", "")
		default:
			continue
		}
		return false
	}
	return true
}

// explain says in words for a marketer why the parser stopped at a place. Its own
// messages change from version to version and speak of tokens, so they are not read.
func (r *loader) explain(src *source, line, col int) {
	line = min(line, len(src.lines))
	at := func(line, col int, words, hint string) { r.errorAt(&node{src: src, line: line, col: col}, words, hint) }
	for l := max(1, line-1); l <= line; l++ {
		if text := src.lines[l-1]; glued.MatchString(text) {
			at(l, strings.Index(text, "-")+1, "no blank stands after the -", "begin each item of a list with - and a blank, as in - mail: hello")
			return
		}
	}
	text, rest := src.lines[line-1], src.rest(line, col)
	before := strings.TrimRight(text[:len(text)-len(rest)], " ")
	first, _ := utf8.DecodeRuneInString(rest)
	bracket, l, c := src.open(line, col)
	if first == '[' || first == '{' {
		bracket, l, c = first, line, col
	}
	value := before == "" || strings.ContainsRune(":-[{,", rune(before[len(before)-1])) // a value or a key begins here
	under := line < len(src.lines) && keyed.MatchString(src.lines[line]) && indent(src.lines[line]) > indent(text)
	switch {
	case (first == '"' || first == '\'') && strings.Count(strings.ReplaceAll(rest, `\"`, ""), string(first))%2 == 1:
		at(line, col, "this quote is never closed", "add the same quote at the end of the value")
	case value && strings.ContainsRune("@`%*&", first):
		at(line, col, fmt.Sprintf("a value cannot begin with %c in YAML", first), "put the value in quotes")
	case strings.HasSuffix(before, ":") && (first == '>' || first == '|'):
		at(line, col, "a value cannot begin with > or | in YAML, which announce a text over several lines", "put the value in quotes")
	case bracket == '[' && strings.Contains(rest, "]"):
		at(line, col, "something inside [ ] is no value", "write [a, b], and a value with a comma or a bracket in single quotes")
	case bracket == '[':
		at(l, c, "the list that begins with [ is not closed", "close it with ]")
	case bracket == '{' && strings.Contains(rest, "}"):
		at(line, col, "inside { } a comma begins the next key, so this one has no value", "put a value with a comma in single quotes, or write each key on a line of its own")
	case bracket == '{':
		at(l, c, "the group that begins with { is not closed", "each { needs one }")
	case first == '}' || first == ']':
		at(line, col, fmt.Sprintf("this %c closes nothing", first), "delete it, or open it before")
	case strings.HasSuffix(before, `"`) || strings.HasSuffix(before, "'"):
		at(line, col, "text goes on after the closing quote", `put the whole value in single quotes: key: '"a" == "b"'`)
	case strings.HasPrefix(strings.TrimLeft(text, " "), "- "):
		at(line, indent(text)+1, "this - is indented unlike the - above it", "indent all items of a list alike")
	case strings.Contains(text, "\t"):
		at(line, col, "a tab stands where YAML takes blanks only", "use blanks")
	case listed.MatchString(text):
		at(line, col, "a - cannot follow a key on the same line", "put the list on lines of its own, each beginning with -, or write [a, b]")
	case twice.MatchString(text), under && !strings.HasSuffix(text, ":"):
		at(line, col, "a second colon with a blank after it, or a line that is indented as if it belonged to this one", "put a value that holds a colon in quotes, or indent the next line like this one")
	case !keyed.MatchString(text):
		at(line, col, "this line is not key: value", "each line should be key: value, with a blank after the colon")
	default:
		at(line, col, "this line is indented like none of those above it", "begin it in the same column as the lines that it goes with")
	}
}

// indent is how many blanks a line begins with.
func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// open returns the innermost bracket that is open at a place, and where it is; 0 and
// the place itself when none is.
func (s *source) open(line, col int) (bracket rune, atLine, atCol int) {
	type opening struct {
		r         rune
		line, col int
	}
	stack := []opening{{0, line, col}}
	quote, last := rune(0), ' '
	for l, text := range s.lines[:line] {
		for c, r := range []rune(text) {
			if l+1 == line && c+1 >= col {
				break
			}
			switch {
			case quote != 0:
				if r == quote {
					quote = 0
				}
			case (r == '"' || r == '\'') && strings.ContainsRune(" [{,(=", last):
				quote = r
			case r == '#' && last == ' ':
				r = '\n'
			case r == '[' || r == '{':
				stack = append(stack, opening{r, l + 1, c + 1})
			case (r == ']' || r == '}') && len(stack) > 1:
				stack = stack[:len(stack)-1]
			}
			if last = r; r == '\n' {
				break
			}
		}
		last = ' '
	}
	top := stack[len(stack)-1]
	return top.r, top.line, top.col
}
