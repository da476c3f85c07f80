package templates

import (
	"fmt"
	"strconv"
	"strings"
)

// Limits of one mail file. They hold before anything is parsed, since a template
// or a page nested deeply enough ends the process.
const (
	maxSource   = 100_000 // bytes of a file
	maxActions  = 500     // {{ … }} in it
	maxAction   = 400     // bytes of one
	maxDepth    = 8       // {{ if }} inside {{ if }} …
	maxParens   = 5       // ( ( … inside one action
	maxQuotes   = 10      // > > > … and nested lists
	maxOutput   = 400_000 // bytes of HTML, and of text, for one member
	maxList     = 100     // items that a range goes through
	maxValue    = 2_000   // characters of one value
	maxProblems = 20      // then the rest of the file is not looked at
)

// action is one {{ … }} of a mail file.
type action struct {
	start, end int    // of the whole, braces included, in the file
	text       string // what stands between the braces, trimmed
	inner      int    // offset of text in the file
	verb       string // if | else | else if | range | end, "" for one that prints
	final      string // what the templates get, braces included; checked and rewritten
	textual    string // the same inside a longer link in the text part
	table      bool   // it is a statement, which is a table
}

// control says that the action prints nothing by itself.
func (a action) control() bool { return a.verb != "" }

// scan finds the actions in text[from:to] of the file.
func (s *source) scan(from, to int) ([]action, []Problem) {
	var found []action
	for at := from; at < to; {
		i := strings.Index(s.text[at:to], "{{")
		if stray := strings.Index(s.text[at:to], "}}"); stray >= 0 && (i < 0 || stray < i) {
			return found, []Problem{s.problem(at+stray, "", "}} without {{ before it")}
		}
		if i < 0 {
			break
		}
		a, p := s.oneAction(at+i, to)
		if p != nil {
			return found, []Problem{*p}
		}
		if found = append(found, a); len(found) > maxActions {
			return found, []Problem{s.problem(a.start, "", "more than %d actions in one mail", maxActions)}
		}
		at = a.end
	}
	return found, nil
}

func (s *source) oneAction(start, to int) (action, *Problem) {
	end := closing(s.text[start+2 : to])
	fail := func(try, text string) (action, *Problem) {
		p := s.problem(start, try, "%s", text)
		return action{}, &p
	}
	switch {
	case end < 0:
		return fail("write }} on the same line", "this action is never closed")
	case end > maxAction:
		return fail("", "this action is too long")
	}
	inside := s.text[start+2 : start+2+end]
	switch {
	case strings.HasPrefix(inside, "-") || strings.HasSuffix(inside, "-"):
		return fail("{{ "+strings.Trim(inside, "- ")+" }}", "{{- and -}} are not needed here")
	case strings.HasPrefix(strings.TrimSpace(inside), "/*"):
		return fail("<!-- a note -->", "notes are written as in HTML")
	case strings.TrimSpace(inside) == "":
		return fail("{{ member.first_name }}", "there is nothing between {{ and }}")
	}
	text := strings.TrimSpace(inside)
	depth := 0
	for _, c := range text {
		if c == '(' {
			depth++
		} else if c == ')' {
			depth--
		}
		if depth > maxParens {
			return fail("", "too many ( inside each other")
		}
	}
	a := action{start: start, end: start + 2 + end + 2, text: text}
	switch words := strings.Fields(text); words[0] {
	case "if", "else", "range", "end", "with", "define", "block":
		a.verb = words[0]
		if a.verb == "else" && len(words) > 1 && words[1] == "if" {
			a.verb = "else if"
		}
	}
	a.inner = start + 2 + strings.Index(inside, text)
	return a, nil
}

// closing returns the offset of the }} that ends an action, -1 when it is not on
// the same line. Braces inside quotes do not count.
func closing(s string) int {
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\n':
			return -1
		case quote == '"' && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '`':
			quote = c
		case c == '}' && i+1 < len(s) && s[i+1] == '}':
			return i
		}
	}
	return -1
}

// marker stands for action n while Markdown and HTML are worked on: letters and
// digits only, so that neither of them sees anything in it.
type marker struct{ prefix string }

const markDigits = 4

// of writes the marker of action n. row: the action stands between list items or
// table rows, not in one.
func (m marker) of(n int, row bool) string {
	kind := "x"
	if row {
		kind = "r"
	}
	return fmt.Sprintf("%s%0*d%s", m.prefix, markDigits, n, kind)
}

// next finds the first marker in s: where it begins and ends, the action's
// number and whether it stands between rows. n is -1 when there is none.
func (m marker) next(s string) (start, end, n int, row bool) {
	for from := 0; ; {
		i := strings.Index(s[from:], m.prefix)
		if i < 0 {
			return 0, 0, -1, false
		}
		start = from + i
		end = start + len(m.prefix) + markDigits + 1
		if end <= len(s) {
			if n, err := strconv.ParseUint(s[start+len(m.prefix):end-1], 10, 31); err == nil && (s[end-1] == 'x' || s[end-1] == 'r') {
				return start, end, int(n), s[end-1] == 'r'
			}
		}
		from = start + 1
	}
}

// replace puts f's answer in the place of each marker.
func (m marker) replace(s string, f func(n int, row bool) string) string {
	var b strings.Builder
	for {
		start, end, n, row := m.next(s)
		if n < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:start])
		b.WriteString(f(n, row))
		s = s[end:]
	}
}

// all lists the numbers of the markers in s, in order.
func (m marker) all(s string) (found []int) {
	m.replace(s, func(n int, _ bool) string { found = append(found, n); return "" })
	return found
}
