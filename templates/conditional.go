package templates

import (
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

// Outlook on Windows reads what stands in conditional comments, and nobody else
// does; or the other way round:
//
//	<!--[if mso]> for Outlook alone <![endif]-->
//	<!--[if !mso]><!--> for all others <!--<![endif]-->
//
// In an HTML mail they are kept. What stands in them is filled in and escaped as
// everywhere; the text part leaves out what only Outlook sees.
var (
	onlyOutlook = regexp.MustCompile(`(?s)^(<!--\s*\[if\s+([^\]]*)\]>)(.*?)(<!\s*\[endif\]\s*-->)$`)
	othersBegin = regexp.MustCompile(`^(?:<!--\s*\[if\s+([^\]]*)\]>(?:<!)?\s*(?:--\s*)?-->|<!\[if\s+([^\]]*)\]>)$`)
	othersEnd   = regexp.MustCompile(`^(?:<!--\s*<!\s*\[endif\]\s*-->|<!\[endif\]>)$`)
	inMarkdown  = regexp.MustCompile(`<!(?:--)?\s*\[if\b`)
	likeOne     = regexp.MustCompile(`^<!(?:--)?\s*(?:<!\s*)?\[(?:if|endif)\b`)
	condition   = regexp.MustCompile(`^[A-Za-z0-9 .!&|()]+$`)
)

// keptNotes returns a body without the notes of those who write the mail. The
// edges of conditional comments become actions, since html/template drops every
// comment; so what stands between them is escaped like the rest.
func (d *draft) keptNotes(body string) string {
	var b strings.Builder
	edge := func(raw string) {
		d.actions = append(d.actions, action{final: fmt.Sprintf("{{conditional %q}}", raw)})
		b.WriteString(d.marker.of(len(d.actions)-1, false))
	}
	z := html.NewTokenizer(strings.NewReader(body))
	for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
		raw := string(z.Raw())
		if kind != html.CommentToken {
			b.WriteString(raw)
			continue
		}
		if othersBegin.MatchString(raw) || othersEnd.MatchString(raw) {
			edge(raw)
		} else if parts := onlyOutlook.FindStringSubmatch(raw); parts != nil {
			edge(parts[1])
			b.WriteString(parts[3])
			edge(parts[4])
		}
	}
	return b.String()
}

// leftOut warns of conditional comments in Markdown, where all comments are notes.
func (s *source) leftOut(d *draft) []Problem {
	at := inMarkdown.FindStringIndex(d.text)
	if at == nil {
		return nil
	}
	p := s.problem(d.origin(at[0]), "write the mail as an .html file to have them", "conditional comments for Outlook are left out of a Markdown mail")
	p.Warning = true
	return []Problem{p}
}

// note looks at a comment: one of Outlook's as at the rest of the mail, any other
// may hold no action.
func (m *markup) note(raw string) {
	begin, only := othersBegin.FindStringSubmatch(raw), onlyOutlook.FindStringSubmatch(raw)
	switch {
	case !likeOne.MatchString(raw):
		for _, n := range m.marker.all(raw) {
			m.badAction(n, "an action inside a note")
		}
	case begin != nil:
		m.condition(begin[1] + begin[2])
		m.others = append(m.others, m.at)
	case othersEnd.MatchString(raw) && len(m.others) == 0:
		m.bad(m.at, "", "this <![endif] ends no conditional comment")
	case othersEnd.MatchString(raw):
		m.others = m.others[:len(m.others)-1]
	case only != nil:
		m.condition(only[2])
		m.forOutlook(only[3], m.at+len(only[1]))
	default:
		m.bad(m.at, "<!--[if mso]>…<![endif]-->", "this conditional comment is not ended by <![endif]-->")
	}
}

// condition holds what stands after the if to what Outlook understands.
func (m *markup) condition(text string) {
	if !condition.MatchString(text) || len(m.marker.all(text)) > 0 {
		m.bad(m.at, "<!--[if mso]>", "a conditional comment asks for something like mso, !mso or gte mso 9")
	}
}

// forOutlook looks at what only Outlook sees. Its tags need not fit each other: a
// table may be opened in one comment and closed in the next. Blocks must.
func (m *markup) forOutlook(text string, from int) {
	if !m.whole(text, "conditional comment") {
		return
	}
	at := m.at
	defer func() { m.at = at }()
	m.at = from
	z := html.NewTokenizer(strings.NewReader(text))
	for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
		raw := string(z.Raw())
		switch kind {
		case html.StartTagToken, html.SelfClosingTagToken:
			m.whole(raw, "tag")
			if t := z.Token(); ofOffice(t.Data) {
				m.officeTag(t)
			} else {
				m.allowed(t)
			}
		case html.EndTagToken:
			m.whole(raw, "tag")
		case html.CommentToken, html.DoctypeToken:
			m.bad(m.at, "", "a conditional comment holds no other")
		}
		m.at += len(raw)
	}
}

// ofOffice reports tags that Outlook alone knows: <v:roundrect>, <o:p>, <xml>; and
// <style>, which is for the whole page but seen by nobody else.
func ofOffice(tag string) bool { return strings.Contains(tag, ":") || tag == "xml" || tag == "style" }

func (m *markup) officeTag(t html.Token) {
	for _, a := range t.Attr {
		switch _, _, n, _ := m.marker.next(a.Key); {
		case n >= 0:
			m.badAction(n, "an action can stand in a value, like href=\"{{ … }}\", not in place of an attribute")
		case strings.HasPrefix(a.Key, "on"):
			m.bad(m.at, "", "<%s %s=…> is not possible in a mail", t.Data, a.Key)
		case a.Key == "href" || a.Key == "src":
			if why := badLink(m.draft, strings.TrimSpace(a.Val)); why != "" {
				m.bad(m.at, "https://shop.example/…", "%s", why)
			}
		}
	}
}
