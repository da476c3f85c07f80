package templates

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// markup goes through a body's HTML tag by tag and refuses what a mail may not
// have, or what would reach out of the body: tags left open, controls that begin
// inside a tag and end outside of it, scripts, styles for the whole page.
type markup struct {
	*source
	*draft
	foreign  bool // written by hand: tags and attributes are looked at, too
	open     []openTag
	blocks   []openBlock
	others   []int // where conditional comments for all but Outlook began
	problems []Problem
	at       int // offset in the body
}

type openTag struct {
	name string
	at   int
}

type openBlock struct{ action, depth int }

// checkMarkup looks at a body with markers. foreign: an .html file, whose offsets
// are the draft's; otherwise our own Markdown renderer wrote it.
func (s *source) checkMarkup(d *draft, body string, foreign bool) []Problem {
	m := &markup{source: s, draft: d, foreign: foreign}
	z := html.NewTokenizer(strings.NewReader(body))
	for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
		raw := string(z.Raw())
		m.token(kind, z.Token(), raw)
		m.at += len(raw)
		if len(m.problems) >= maxProblems || len(m.open) > 100 {
			break
		}
	}
	for _, t := range m.open {
		m.bad(t.at, "</"+t.name+">", "<%s> is never closed", t.name)
	}
	for _, at := range m.others {
		m.bad(at, "<!--<![endif]-->", "this conditional comment is never ended")
	}
	return m.problems
}

// bad reports at an offset of the body; in Markdown the place is only known of actions.
func (m *markup) bad(at int, try, format string, args ...any) {
	from := m.body
	if m.foreign {
		from = m.origin(at)
	}
	m.problems = append(m.problems, m.problem(from, try, format, args...))
}

func (m *markup) badAction(n int, format string, args ...any) {
	m.problems = append(m.problems, m.problem(m.actions[n].start, "", format, args...))
}

func (m *markup) token(kind html.TokenType, t html.Token, raw string) {
	switch kind {
	case html.TextToken:
		if i := strings.IndexByte(raw, '<'); i >= 0 {
			m.bad(m.at+i, "&lt;", "a < by itself")
		}
		m.controls(raw)
	case html.StartTagToken, html.SelfClosingTagToken:
		m.whole(raw, "tag")
		m.start(t)
	case html.EndTagToken:
		m.whole(raw, "tag")
		m.end(t.Data)
	case html.CommentToken:
		m.note(raw)
	case html.DoctypeToken:
		m.bad(m.at, "", "write the inside of the mail only: the page around it is the shop's layout")
	}
}

func (m *markup) start(t html.Token) {
	if m.foreign {
		m.allowed(t)
	}
	if !isVoid(t.Data) {
		m.open = append(m.open, openTag{t.Data, m.at})
	}
}

func (m *markup) end(name string) {
	if isVoid(name) {
		return
	}
	fits := len(m.open) > 0 && m.open[len(m.open)-1].name == name
	switch last := len(m.blocks) - 1; {
	case last >= 0 && (!fits || m.blocks[last].depth == len(m.open)): // in Markdown only a control across the edge of bold or a link makes one
		m.badAction(m.blocks[last].action, "this block begins outside of <%s> and does not end before </%s>", name, name)
	case !fits:
		m.bad(m.at, "", "</%s> does not fit what is open before it", name)
	}
	for i := len(m.open) - 1; i >= 0; i-- {
		if m.open[i].name == name {
			m.open = m.open[:i]
			return
		}
	}
}

// controls follows the blocks in text: each must end among the tags where it began.
func (m *markup) controls(text string) {
	for _, n := range m.marker.all(text) {
		switch m.actions[n].verb {
		case "if", "range":
			m.blocks = append(m.blocks, openBlock{n, len(m.open)})
		case "else", "else if", "end":
			if len(m.blocks) == 0 {
				continue // said already
			}
			last := len(m.blocks) - 1
			if m.blocks[last].depth != len(m.open) {
				m.badAction(n, "this {{ %s }} stands at another depth than its beginning: put both inside or both outside of bold, lists and the like", m.actions[n].verb)
			}
			if m.actions[n].verb == "end" {
				m.blocks = m.blocks[:last]
			}
		}
	}
}

// whole looks at actions within a tag or a comment: whole blocks only may stand there.
func (m *markup) whole(raw, place string) bool {
	depth, all := 0, m.marker.all(raw)
	for _, n := range all {
		switch m.actions[n].verb {
		case "if", "range":
			depth++
		case "end":
			depth--
		}
		if depth < 0 {
			m.badAction(n, "this block ends inside a %s, but does not begin there", place)
			return false
		}
	}
	if depth > 0 {
		m.badAction(all[0], "this block begins inside a %s, but does not end there", place)
	}
	return true
}

func (m *markup) allowed(t html.Token) {
	if _, _, n, _ := m.marker.next(t.Data); n >= 0 {
		m.badAction(n, "an action cannot be the name of a tag")
		return
	}
	if !slices.Contains(mailTags(), t.Data) {
		m.bad(m.at, meant(nearest(t.Data, mailTags())), "<%s> is not possible in a mail", t.Data)
	}
	for _, a := range t.Attr {
		m.attribute(t.Data, a)
	}
}

func (m *markup) attribute(tag string, a html.Attribute) {
	if _, _, n, _ := m.marker.next(a.Key); n >= 0 {
		m.badAction(n, "an action can stand in a value, like href=\"{{ … }}\", not in place of an attribute")
		return
	}
	switch {
	case strings.HasPrefix(a.Key, "aria-"):
	case !slices.Contains(mailAttributes(), a.Key):
		m.bad(m.at, "", "<%s %s=…> is not possible in a mail", tag, a.Key)
	case a.Key == "href" || a.Key == "src":
		if why := badLink(m.draft, strings.TrimSpace(a.Val)); why != "" {
			m.bad(m.at, "https://shop.example/…", "%s", why)
		}
	}
}

func mailTags() []string {
	return strings.Fields("a abbr b big blockquote br caption center code col colgroup dd div dl dt em font h1 h2 h3 h4 h5 h6 hr i img li " +
		"ol p pre s small span strong sub sup table tbody td tfoot th thead tr u ul")
}

func mailAttributes() []string {
	return strings.Fields("align alt bgcolor border cellpadding cellspacing class color cols colspan dir face height href id lang role rowspan " +
		"scope size span src start style target title type valign width")
}

func isVoid(tag string) bool {
	return slices.Contains(strings.Fields("br hr img col wbr input area base embed link meta param source track"), tag)
}

// withoutNotes drops comments, which are for those who write the mail.
func withoutNotes(body string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(body))
	for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
		if kind != html.CommentToken {
			b.Write(z.Raw())
		}
	}
	return b.String()
}
