package segments

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	unicodenorm "golang.org/x/text/unicode/norm"
)

// tokenKind is the sort of a token.
type tokenKind int

const (
	tokEnd tokenKind = iota
	tokWord
	tokNumber
	tokText
	tokSymbol // a comparison, a bracket or a comma
)

// token is one piece of a rule. text is a word as written, a number's digits, a
// text without its quotes, or a symbol.
type token struct {
	kind tokenKind
	text string
	pos  int // bytes from the start
}

// lexer cuts a rule into tokens.
type lexer struct {
	src  string
	pos  int
	prev token
}

// lex returns all tokens of a rule, the last of kind tokEnd.
func lex(src string) (tokens []token) {
	if !utf8.ValidString(src) {
		panic(fail(0, "the rule is not readable text (UTF-8)"))
	}
	l := &lexer{src: src}
	for l.prev.kind != tokEnd || tokens == nil {
		l.prev = l.next()
		tokens = append(tokens, l.prev)
	}
	return tokens
}

func (l *lexer) next() token {
	rest := strings.TrimLeft(l.src[l.pos:], " \t\r\n\u00a0")
	l.pos = len(l.src) - len(rest)
	c, _ := utf8.DecodeRuneInString(rest)
	switch {
	case rest == "":
		return token{tokEnd, "", l.pos}
	case c == '"' || c == '\'':
		return l.quoted(byte(c))
	case c >= '0' && c <= '9', (c == '-' || c == '.') && len(rest) > 1 && isDigit(rest[1]):
		return l.number()
	case isLetter(c):
		t := l.take(tokWord, wordEnd(rest))
		if strings.ContainsFunc(t.text, func(c rune) bool { return unicode.Is(unicode.Latin, c) }) &&
			strings.ContainsFunc(t.text, func(c rune) bool { return unicode.In(c, unicode.Cyrillic, unicode.Greek) }) {
			panic(fail(t.pos, "%s has letters of two alphabets, some of which look alike: type it anew", t.text))
		}
		return t
	}
	return l.symbol(rest)
}

func (l *lexer) take(kind tokenKind, n int) token {
	t := token{kind, l.src[l.pos : l.pos+n], l.pos}
	l.pos += n
	return t
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c rune) bool { return c == '_' || unicode.IsLetter(c) }

// wordEnd returns the length of the word that s begins with. Points join the
// parts of launch.category; a hyphen between letters belongs to the word so that
// the name of a segment is found whole and the message can say what to write.
func wordEnd(s string) int {
	for i, c := range s {
		if isLetter(c) || unicode.IsDigit(c) || unicode.IsMark(c) {
			continue
		}
		after, _ := utf8.DecodeRuneInString(s[i+1:])
		if (c != '.' && c != '-') || !isLetter(after) {
			return i
		}
	}
	return len(s)
}

var separated = regexp.MustCompile(`^[0-9]{1,3}(?:['_\x{a0}\x{202f}][0-9]{3})+`)

// number reads 12, -3, 59.90 and .5.
func (l *lexer) number() token {
	s := l.src[l.pos:]
	if day := bareDate.FindString(s); day != "" {
		panic(fail(l.pos, `a date stands in quotes%s`, yearFirstAs(day)))
	}
	if n := separated.FindString(s); n != "" {
		panic(fail(l.pos, "write numbers without separators: %s", strings.NewReplacer("'", "", "_", "", "\u00a0", "", "\u202f", "").Replace(n)))
	}
	n := len(s) - len(strings.TrimLeft(s[1:], "0123456789."))
	after, _ := utf8.DecodeRuneInString(s[n:])
	switch {
	case isLetter(after):
		panic(l.numberAndWord(s[:n], s[:n+wordEnd(s[n:])]))
	case after == '%':
		panic(fail(l.pos, "rules do not count in percent: write the number alone"))
	case isCurrencySign(after):
		panic(fail(l.pos+n, "write the amount without a currency sign: %s", s[:n]))
	case strings.Contains(s[:n], ".."):
		panic(fail(l.pos, "a range is two comparisons, as in orders >= 1 and orders <= 5"))
	case strings.Count(s[:n], ".") > 1:
		panic(fail(l.pos, `%s is not a number: numbers have one point and no separators, like 1000.50; a date stands in quotes, as "2027-06-21"`, s[:n]))
	case strings.HasSuffix(s[:n], "."):
		panic(fail(l.pos, "%s ends with a point: write %s", s[:n], s[:n-1]))
	}
	return l.take(tokNumber, n)
}

// yearFirstAs says how to write a day, if it is clear which one is meant.
func yearFirstAs(day string) string {
	switch meant := dayMeant(day); meant {
	case "":
		return `, with the year first, as "2027-06-21"`
	case day:
		return `: "` + day + `"`
	default:
		return `, with the year first: "` + meant + `"`
	}
}

// numberAndWord says what is wrong with 90d, 50kr, 5k and 1e3.
func (l *lexer) numberAndWord(number, whole string) *Error {
	if span := spanMeant(whole); span != "" {
		return fail(l.pos, `write the number of days alone: %s; a time span stands in quotes and brackets, as in orders("%s")`, daysMeant(whole), span)
	}
	if currencyWord(whole[len(number):]) {
		return fail(l.pos, "write the amount without its currency: %s", number)
	}
	return fail(l.pos, "%s is neither a number nor a name; a number is written in digits, like 1000 or 59.90", whole)
}

func isCurrencySign(c rune) bool { return unicode.Is(unicode.Sc, c) }

// quoted reads a text in double or single quotes. Inside it \" \' and \\ stand
// for the character after the backslash.
func (l *lexer) quoted(quote byte) token {
	var b strings.Builder
	for i := l.pos + 1; i < len(l.src); i++ {
		switch c := l.src[i]; {
		case c == quote:
			t := token{tokText, unicodenorm.NFC.String(b.String()), l.pos} // as what it is compared with
			l.pos = i + 1
			return t
		case c == '\\':
			i++
			if i == len(l.src) || !strings.ContainsRune(`"'\`, rune(l.src[i])) {
				panic(fail(i-1, `write \\ for a backslash inside a text`))
			}
			b.WriteByte(l.src[i])
		case c < ' ' || c == 0x7f:
			panic(fail(i, "a text ends on its line and has no control characters"))
		case c >= utf8.RuneSelf && utf8.RuneStart(c) && l.hidden(i) != 0:
			panic(fail(i, "an invisible character (U+%04X) stands inside the text: delete it", l.hidden(i)))
		default:
			b.WriteByte(c)
		}
	}
	panic(l.unclosed(quote))
}

// hidden returns the character at i if nobody can see it and no writing needs it.
func (l *lexer) hidden(i int) rune {
	c, _ := utf8.DecodeRuneInString(l.src[i:])
	switch {
	case c == 0xad || c == 0x200b || c == 0x2060 || c == 0xfeff, c >= 0x202a && c <= 0x202e, c >= 0x2066 && c <= 0x2069, c >= 0x80 && c < 0xa0:
		return c
	}
	return 0
}

// unclosed says what is wrong with a quote that has no partner.
func (l *lexer) unclosed(quote byte) *Error {
	rest := l.src[l.pos+1:]
	switch {
	case strings.TrimSpace(rest) == "" && l.prev.kind == tokWord:
		return fail(l.pos, `a text stands between two quotes: "%s"`, l.prev.text)
	case strings.TrimSpace(rest) == "":
		return fail(l.pos, `this quote has no partner: a text stands between two, as in "FI"`)
	case strings.ContainsAny(rest, `"'“”‘’`):
		return fail(l.pos, "the text that begins here has no closing %c: it ends with the same quote that it begins with", quote)
	}
	return fail(l.pos, "the text that begins here has no closing %c", quote)
}

// meant are signs of other languages and of word processors, and what to write.
var meant = []struct{ sign, write string }{
	{"&&", "and"}, {"||", "or"}, {"&", "and"}, {"|", "or"},
	{"=>", ">="}, {"=<", "<="}, {"<>", "!="}, {"===", "=="}, {"!==", "!="}, {":=", "=="}, {"><", "!="},
	{"≥", ">="}, {"⩾", ">="}, {"≧", ">="}, {"≤", "<="}, {"⩽", "<="}, {"≦", "<="}, {"≠", "!="}, {"＝＝", "=="}, {"＝", "=="},
	{"−", "-"}, {"–", "-"}, {"∈", "in"}, {"∧", "and"}, {"∨", "or"}, {"¬", "not"},
}

// slips are other signs that people write, by what they look like, and what to say of
// them; {before} stands for the token before.
var slips = []struct {
	after func(before token) bool // nil: any
	form  *regexp.Regexp
	say   string
}{
	{token.number, regexp.MustCompile(`^%`), "rules do not count in percent: write the number alone"},
	{nil, regexp.MustCompile(`^[{}]`), "rules have no curly brackets: a field stands by itself, as in orders >= 3," +
		` and a list in round ones, as in country in ("FI", "SE")`},
	{nil, regexp.MustCompile(`^([$@:#%])[$@:#%]*[{\pL_]`), "write the name of a field by itself, as in orders >= 3, without $1"},
	{nil, regexp.MustCompile(`^(--|//|/\*|#)`), "a rule holds no comments: write them on a line of their own in segments.yaml, after #"},
	{nil, regexp.MustCompile("^([“”„‟«»‘’‚‹›´`＂＇])"), `write straight quotes, "…", instead of $1`},
	{token.number, regexp.MustCompile(`^\p{Sc}`), "write the amount without a currency sign: {before}"},
	{token.opens, regexp.MustCompile(`^\*`), "* stands for nothing in a rule: in brackets stands a text in quotes"},
	{token.noValue, regexp.MustCompile(`^\+\s*([0-9][0-9.]*)`), "write $1 without a sign"},
	{token.noValue, regexp.MustCompile(`^-\s*([0-9][0-9.]*)`), "write -$1 in one piece, without a space"},
	{nil, regexp.MustCompile(`^([-+/%^])`), "rules do not calculate: $1 has no meaning here; compare a field with a number or with another field"},
	{token.word, regexp.MustCompile(`^\.`), "after {before}. comes a name, as in order.total; a rule ends without a point"},
	{nil, regexp.MustCompile(`^!`), "write not instead of !"},
	{nil, regexp.MustCompile(`^:`), "write == to compare"},
	{nil, regexp.MustCompile(`^~`), `rules know no patterns: texts are compared whole, as in country == "FI"`},
	{nil, regexp.MustCompile(`^;`), "a semicolon joins nothing: write and or or between conditions, and commas in a list"},
	{nil, regexp.MustCompile(`^\.`), "a point stands only inside numbers and names: a rule ends without one"},
	{nil, regexp.MustCompile(`^\?`), "a rule states who is in: it ends without a question mark"},
	{nil, regexp.MustCompile(`^@`), "write the name of a field by itself, as in orders >= 3, without @"},
	{nil, regexp.MustCompile(`^\\`), `a backslash stands only before a quote inside a text`},
}

func (t token) number() bool  { return t.kind == tokNumber }
func (t token) word() bool    { return t.kind == tokWord }
func (t token) opens() bool   { return t.text == "(" || t.text == "," || t.kind == tokEnd }
func (t token) noValue() bool { return t.kind == tokEnd || t.kind == tokSymbol && t.text != ")" }

// symbol reads what is neither word nor value.
func (l *lexer) symbol(rest string) token {
	senseless := func(form string, args ...any) { panic(fail(l.pos, form, args...)) }
	if m := inPieces.FindStringSubmatch(rest); m != nil {
		senseless("write %s= in one piece, without a space", m[1])
	}
	for _, m := range meant {
		if strings.HasPrefix(rest, m.sign) {
			senseless("write %s instead of %s", m.write, m.sign)
		}
	}
	for _, s := range []string{"==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", ","} {
		if strings.HasPrefix(rest, s) {
			return l.take(tokSymbol, len(s))
		}
	}
	for _, s := range slips {
		if at := s.form.FindStringSubmatchIndex(rest); at != nil && (s.after == nil || s.after(l.prev)) {
			senseless("%s", strings.ReplaceAll(string(s.form.ExpandString(nil, s.say, rest, at)), "{before}", l.prev.text))
		}
	}
	c, n := utf8.DecodeRuneInString(rest)
	e := find(catalogue(), l.prev.text)
	switch {
	case isCurrencySign(c):
		number := amountMeant(strings.TrimRight(leadingNumber.FindString(rest[n:]), ".,"))
		senseless("write the amount without a currency sign%s", strings.TrimSuffix(": "+number, ": "))
	case c == '*' && habit(l.prev.text) != "":
		senseless("%s", habit(l.prev.text))
	case c == '*':
		senseless("rules do not calculate: * has no meaning here; compare a field with a number or with another field")
	case c == '=' && l.prev.word() && e != nil && e.what != "":
		senseless("what belongs to %s stands in brackets: %s", l.prev.text, e.named())
	case c == '=':
		senseless("write == to compare")
	case c > 0xff00 && c < 0xff5f:
		senseless("write %c instead of the wide %c", c-0xfee0, c)
	case unicode.IsNumber(c):
		senseless("write numbers with the digits 0 to 9")
	case !unicode.IsPrint(c):
		senseless("an invisible character (U+%04X) stands here: delete it", c)
	}
	panic(fail(l.pos, `the sign %c has no meaning in a rule; a text stands in quotes, as in tag("club")`, c))
}

var (
	inPieces      = regexp.MustCompile(`^([<>=!])\s+=`)
	leadingNumber = regexp.MustCompile(`^\s*[0-9][0-9.,]*`)
)
