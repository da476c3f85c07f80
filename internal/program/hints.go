package program

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"regulars/internal/loyalty"
)

// typographic reports what word processors and web pages put into a line and YAML
// does not take for what it looks like: blanks that are none, and curly quotes
// around a value.
func (r *reading) typographic(src *source, i int, line string) bool {
	column := func(at int) *node { return &node{src: src, line: i + 1, col: utf8.RuneCountInString(line[:at]) + 1} }
	body, _, _ := strings.Cut(line, " #")
	if at := strings.IndexFunc(body, func(c rune) bool { return unicode.Is(unicode.Zs, c) && c != ' ' }); at >= 0 && structural(body, at) {
		r.errorAt(column(at), "a blank stands here that is none for YAML (a no-break space, as web pages and word processors have them)", "delete it and type a blank")
		return true
	}
	if m := curly.FindStringIndex(body); m != nil {
		at := m[0] + strings.IndexAny(body[m[0]:], "“”„")
		r.errorAt(column(at), "YAML knows no curly quotes", `write straight ones: "…"`)
		return true
	}
	return false
}

// structural reports whether a place in a line is its indentation, or follows
// the colon or the dash that begins a value.
func structural(line string, at int) bool {
	before := strings.TrimRightFunc(line[:at], unicode.IsSpace)
	return before == "" || strings.HasSuffix(before, ":") || strings.HasSuffix(before, "-")
}

var curly = regexp.MustCompile(`(?:^|[:,\[{-])\s*[“”„]`)

// dashHint explains a list whose dashes YAML does not take for ones; "" when that
// is not what is wrong.
func (s *source) dashHint(line int) (at int, words, hint string) {
	for l := max(1, line-1); l <= min(line, len(s.lines)); l++ {
		if glued.MatchString(s.lines[l-1]) {
			return l, "no blank stands after the -", "begin each item of a list with - and a blank, as in - mail: hello"
		}
	}
	if line >= 1 && line <= len(s.lines) && strings.HasPrefix(strings.TrimSpace(s.lines[line-1]), "- ") {
		return line, "this - is indented unlike the - above it", "indent all items of a list alike"
	}
	return 0, "", ""
}

var glued = regexp.MustCompile(`^\s*-[A-Za-z_]+:(\s|$)`)

// bracketed adds to a complaint about a value that several in one belong in
// brackets.
func bracketed(n *node, hint string) string {
	if n.form != scalar || !n.plain || !strings.Contains(n.text, ",") {
		return hint
	}
	var parts []string
	for part := range strings.SplitSeq(n.text, ",") {
		parts = append(parts, strings.TrimSpace(part))
	}
	return "several stand in brackets: [" + strings.Join(parts, ", ") + "]"
}

// namedMoney are currencies as people call them.
var namedMoney = map[string]string{
	"€": "EUR", "euro": "EUR", "euros": "EUR", "$": "USD", "us$": "USD", "dollar": "USD", "dollars": "USD", "£": "GBP", "pound": "GBP", "pounds": "GBP",
	"¥": "JPY", "yen": "JPY", "kr": "SEK, NOK or DKK", "krona": "SEK", "krone": "NOK or DKK", "chf.": "CHF", "zł": "PLN", "nt$": "TWD", "ден": "MKD",
}

// namedLanguages are languages as people call them.
var namedLanguages = map[string]string{
	"english": "en", "finnish": "fi", "suomi": "fi", "swedish": "sv", "german": "de", "deutsch": "de", "french": "fr", "spanish": "es", "italian": "it",
	"dutch": "nl", "nederlands": "nl", "greek": "el", "macedonian": "mk", "chinese": "zh-Hant or zh-Hans", "danish": "da", "norwegian": "nb", "polish": "pl",
}

// called ends a complaint with the code of what people call so.
func called(names map[string]string, name string) string {
	if code := names[strings.ToLower(name)]; code != "" {
		return ": write " + code
	}
	return ""
}

// calling is the file that was probably meant to be program.yaml, and what to do.
func (r *reading) calling() string {
	for _, file := range sortedKeys(r.files) {
		folder, base, inside := strings.Cut(file, "/")
		switch {
		case inside && base == shopFile:
			return fmt.Sprintf("the program stands in the folder %s: name that one", folder)
		case !inside && (strings.EqualFold(file, shopFile) || loyalty.Nearest(file, []string{shopFile}) != ""):
			return fmt.Sprintf("call %s program.yaml", file)
		}
	}
	return "a program begins with program.yaml, which says who sends, in which language, currency and zone"
}

// extensionOf returns how a mail's file should end that ends in another way of
// writing Markdown or HTML; "" when it is not a mail's.
func extensionOf(base string) string {
	dot := strings.LastIndexByte(base, '.')
	ext := strings.ToLower(base[dot+1:])
	switch {
	case slices.Contains([]string{"md", "markdown", "mdown"}, ext):
		return base[:dot] + ".md"
	case slices.Contains([]string{"html", "htm"}, ext):
		return base[:dot] + ".html"
	}
	return ""
}
