package templates

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Problem is something wrong with a mail file, in the words of the person who wrote it.
type Problem struct {
	File    string
	Line    int    // from 1
	Column  int    // from 1, in characters
	Text    string // what is wrong
	Try     string // what would be right; "" when there is nothing to say
	Warning bool   // the mail can be sent, but should be looked at
}

// Mail is one checked mail file. It may be used by many goroutines at once.
type Mail struct {
	File      string
	Language  string // BCP 47, from the file's name; "" when the name has none
	FromName  string // front matter from_name: the sender's name for this mail; "" the program's
	Subject   string // as written, with its actions
	Preheader string // as written
	Referral  bool   // it may show the member's referral code or link

	known   Fields
	fields  map[string]map[string]Kind // known's catalogue
	words   Words                      // of Language
	engines engines
}

// ParseMail reads and checks a mail file: front matter between two lines of ---,
// each line "key: the rest of the line", then the body, Markdown in a .md file and
// the inside of a page in an .html file. The Mail is nil when one of the problems
// is more than a warning. file is the name in the problems; its ending decides
// what the body is, and the word before that is the language.
func ParseMail(file string, src []byte, known Fields) (*Mail, []Problem) {
	text := strings.TrimPrefix(string(src), "\ufeff") // editors add it, and line ends of two bytes
	s, problems := readSource(file, strings.ReplaceAll(text, "\r\n", "\n"))
	if p, bad := s.unreadable(len(src)); bad {
		return nil, []Problem{p}
	}
	if serious(problems) {
		return nil, problems
	}
	m := &Mail{File: file, known: known, fields: known.catalogue(), FromName: s.keys["from_name"].text,
		Subject: s.keys["subject"].text, Preheader: s.keys["preheader"].text, Referral: known.Referral && strings.Contains(text, "referral")}
	_, m.Language, _, _ = SplitName(file)
	m.words = WordsIn(known.Own, m.Language)
	parts, lists, more := s.parts(known)
	if problems = append(problems, more...); serious(problems) {
		return nil, problems
	}
	if lists != nil {
		m.fields[standingRoot] = lists
	}
	if m.engines, more = s.compile(parts); !serious(more) {
		more = append(more, m.tryOut(s)...)
	}
	if problems = append(append(problems, more...), s.foreign()...); serious(problems) {
		return nil, problems
	}
	return m, problems
}

func serious(problems []Problem) bool {
	for _, p := range problems {
		if !p.Warning {
			return true
		}
	}
	return false
}

// unreadable reports what no mail file may be.
func (s *source) unreadable(size int) (Problem, bool) {
	if size > maxSource {
		return s.problem(0, "", "the file has more than %d kB", maxSource/1000), true
	}
	for i, r := range s.text {
		if _, size := utf8.DecodeRuneInString(s.text[i:]); r == utf8.RuneError && size == 1 {
			return s.problem(i, "save the file as UTF-8", "this is not UTF-8"), true
		}
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return s.problem(i, "", "a control character (U+%04X) is here", r), true
		}
	}
	return Problem{}, false
}

// parts are the checked pieces of a mail, ready for the template engines.
type parts struct{ subject, preheader, html, text string }

// parts checks the mail; lists are those of the member's standing that it shows.
func (s *source) parts(known Fields) (p parts, lists map[string]Kind, problems []Problem) {
	c := &checker{source: s, known: known}
	p.subject = c.line("subject")
	p.preheader = c.line("preheader")
	if at := strings.Index(s.keys["from_name"].text, "{{"); at >= 0 {
		c.report(s.keys["from_name"].start+at, "write it plainly, like from_name: Anna's Pets", "the sender's name is the same for everybody")
	}
	actions, problems := s.scan(s.body, len(s.text))
	c.problems = append(c.problems, problems...)
	c.check(actions)
	if strings.TrimSpace(s.text[s.body:]) == "" {
		c.report(s.body, "", "the mail has no text")
	}
	if serious(c.problems) {
		return p, nil, c.problems
	}
	p.html, p.text, problems = s.bodies(actions, known)
	return p, c.shown, append(c.problems, problems...)
}

// line checks the actions of a value of the front matter and puts them back.
func (c *checker) line(key string) string {
	value := c.keys[key]
	actions, problems := c.scan(value.start, value.start+len(value.text))
	c.problems = append(c.problems, problems...)
	c.check(actions)
	var b strings.Builder
	at := value.start
	for _, a := range actions {
		b.WriteString(c.text[at:a.start] + a.final)
		at = a.end
	}
	return b.String() + c.text[at:value.start+len(value.text)]
}

// bodies turns the body into the templates of both parts.
func (s *source) bodies(actions []action, known Fields) (html, text string, problems []Problem) {
	foreign := strings.HasSuffix(s.file, ".html")
	d := s.prepare(actions, !foreign)
	html = d.text
	if !foreign {
		html, problems = s.markdown(d, known)
		problems = append(problems, s.leftOut(d)...)
	}
	if problems = append(problems, s.checkMarkup(d, html, foreign)...); serious(problems) {
		return "", "", problems
	}
	bare := withoutNotes(html)
	text = d.finish(plain(d, bare))
	if !foreign {
		return d.finish(bare), text, problems
	}
	return d.finish(d.keptNotes(html)), text, problems
}

// finish puts the actions back and fills in what both parts have of the brand.
// Braces in the text itself are written as an action, so that they stay text.
func (d *draft) finish(s string) string {
	var b strings.Builder
	for {
		start, end, n, inLink := d.marker.next(s)
		if n < 0 || n >= len(d.actions) {
			b.WriteString(strings.ReplaceAll(s, "{{", `{{"{{"}}`))
			break
		}
		b.WriteString(strings.ReplaceAll(s[:start], "{{", `{{"{{"}}`))
		if inLink && !d.actions[n].control() {
			b.WriteString(d.actions[n].textual)
		} else {
			b.WriteString(d.actions[n].final)
		}
		s = s[end:]
	}
	const code = "{{$.coupon.code}}"
	dressed := strings.ReplaceAll(b.String(), "<"+couponTag+">"+code+"</"+couponTag+">", fmt.Sprintf(couponHTML, code))
	return strings.ReplaceAll(dressed, boxSign+code, fmt.Sprintf(couponText, code))
}
