package templates

import (
	"bufio"
	"bytes"
	"fmt"
	"html"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	ghtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// page turns a draft in Markdown into HTML with the brand's inline styles.
// Besides Markdown it knows two things of its own: a link alone in a paragraph is
// a button, and {{ coupon.code }} alone in one is the coupon box.
type page struct {
	*source
	*draft
	known    Fields
	md       []byte
	out      *strings.Builder
	problems []Problem
}

func (s *source) markdown(d *draft, known Fields) (string, []Problem) {
	p := &page{source: s, draft: d, known: known, md: []byte(d.text), out: &strings.Builder{}}
	if at, deep := tooDeep(d.text); deep {
		return "", []Problem{s.problem(d.origin(at), "", "quotes or lists are nested too deeply")}
	}
	tree := goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Linkify)).
		Parser().Parse(text.NewReader(p.md))
	p.children(tree)
	return p.out.String(), p.problems
}

// tooDeep looks for what Markdown would nest without end.
func tooDeep(s string) (at int, deep bool) {
	for line := range strings.Lines(s) {
		front := line[:len(line)-len(strings.TrimLeft(line, " \t>-*+0123456789.)"))]
		marks := strings.Fields(front) // - - - makes three lists, and alone a line across the page
		across := strings.Trim(strings.Join(marks, ""), "-") == "" || strings.Trim(strings.Join(marks, ""), "*") == ""
		if strings.Count(front, ">") > maxQuotes || len(marks) > maxQuotes && !across || len(front) > 1000 ||
			strings.Count(line, "[") > 100 || strings.Count(line, "![") > 50 {
			return at, true
		}
		at += len(line)
	}
	return 0, false
}

func (p *page) bad(n ast.Node, try, format string, args ...any) {
	p.problems = append(p.problems, p.problem(p.origin(where(n)), try, format, args...))
}

// where finds the offset in the draft of a node that has none by itself.
func where(n ast.Node) int {
	for c := n; c != nil; c = c.FirstChild() {
		if t, ok := c.(*ast.Text); ok {
			return t.Segment.Start
		}
	}
	for c := n; c != nil; c = c.Parent() {
		if t, ok := c.PreviousSibling().(*ast.Text); ok {
			return t.Segment.Stop
		}
		if c.Type() == ast.TypeBlock && c.Lines().Len() > 0 {
			return c.Lines().At(0).Start
		}
	}
	return 0
}

func (p *page) children(n ast.Node) {
	for c := n.FirstChild(); c != nil && len(p.problems) < maxProblems; c = c.NextSibling() {
		p.node(c)
	}
}

// inner renders n's children apart.
func (p *page) inner(n ast.Node) string {
	return p.apart(func() { p.children(n) })
}

// apart returns what write writes.
func (p *page) apart(write func()) string {
	outer := p.out
	p.out = &strings.Builder{}
	write()
	s := p.out.String()
	p.out = outer
	return s
}

func (p *page) wrap(open string, n ast.Node, close string) {
	p.out.WriteString(open)
	p.children(n)
	p.out.WriteString(close)
}

func (p *page) node(n ast.Node) {
	switch n := n.(type) {
	case *ast.Paragraph:
		p.paragraph(n)
	case *ast.Heading:
		level := min(n.Level, 3)
		style := [...]string{h1Style, h2Style, h3Style}[level-1]
		p.wrap(fmt.Sprintf("<h%d style=\"%s\">", level, style), n, fmt.Sprintf("</h%d>\n", level))
	case *ast.List:
		tag, from := "ul", ""
		if n.IsOrdered() {
			tag = "ol"
			if n.Start > 1 {
				from = fmt.Sprintf(` start="%d"`, n.Start)
			}
		}
		p.wrap(fmt.Sprintf("<%s%s style=\"%s\">\n", tag, from, listStyle), n, "</"+tag+">\n")
	case *ast.ListItem:
		before, inside, after := p.rowMarkers(p.inner(n))
		fmt.Fprintf(p.out, "%s<li style=\"%s\">%s</li>\n%s", before, itemStyle, inside, after)
	case *ast.Blockquote:
		inside, open := p.inner(n), "<p style=\""+paragraphStyle+"\">"
		if i := strings.LastIndex(inside, open); i >= 0 { // no margin below the last paragraph
			inside = inside[:i] + "<p style=\"margin:0\">" + inside[i+len(open):]
		}
		p.out.WriteString("<blockquote class=\"quote\" style=\"" + quoteStyle + "\">\n" + inside + "</blockquote>\n")
	case *ast.ThematicBreak:
		p.out.WriteString("<hr class=\"rule\" style=\"" + ruleStyle + "\">\n")
	case *ast.TextBlock:
		p.children(n)
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		p.out.WriteString("<pre class=\"code\" style=\"" + preStyle + "\">" + escape(string(n.Lines().Value(p.md))) + "</pre>\n")
	case *ast.HTMLBlock:
		p.rawBlock(n)
	case *east.Table:
		p.table(n)
	default:
		p.inline(n)
	}
}

func (p *page) paragraph(n *ast.Paragraph) {
	if link, ok := n.FirstChild().(*ast.Link); ok && n.ChildCount() == 1 {
		pictures := 0
		for c := link.FirstChild(); c != nil; c = c.NextSibling() {
			if c.Kind() == ast.KindImage {
				pictures++
			}
		}
		if pictures == 0 {
			fmt.Fprintf(p.out, buttonHTML, p.href(link, link.Destination), p.inner(link))
			return
		}
	}
	inside := p.inner(n)
	start, end, code, _ := p.marker.next(inside)
	controls := true // and nothing else
	rest := p.marker.replace(inside, func(n int, _ bool) string {
		controls = controls && n < len(p.actions) && p.actions[n].control()
		return ""
	})
	switch {
	case code >= 0 && code < len(p.actions) && start == 0 && end == len(inside) && p.actions[code].final == "{{$.coupon.code}}":
		p.out.WriteString("<" + couponTag + ">" + inside + "</" + couponTag + ">\n")
	case controls && strings.TrimSpace(rest) == "":
		p.out.WriteString(inside)
	default:
		fmt.Fprintf(p.out, "<p style=\"%s\">%s</p>\n", paragraphStyle, inside)
	}
}

// rowMarkers takes the controls that are tied to a row out of it: those that open
// go before it, those that close after.
func (p *page) rowMarkers(s string) (before, inside, after string) {
	inside = p.marker.replace(s, func(n int, row bool) string {
		switch {
		case !row:
			return p.marker.of(n, false)
		case p.actions[n].verb == "end":
			after += p.marker.of(n, false)
		default:
			before += p.marker.of(n, false)
		}
		return ""
	})
	return before, inside, after
}

func (p *page) rawBlock(n *ast.HTMLBlock) {
	var raw strings.Builder
	for i := range n.Lines().Len() {
		line := n.Lines().At(i)
		raw.Write(line.Value(p.md))
	}
	if n.HasClosure() {
		raw.Write(n.ClosureLine.Value(p.md))
	}
	if s := strings.TrimSpace(raw.String()); strings.HasPrefix(s, "<!--") && strings.HasSuffix(s, "-->") {
		for _, a := range p.marker.all(s) {
			p.problems = append(p.problems, p.problem(p.actions[a].start, "", "an action inside a note"))
		}
		return
	}
	p.bad(n, "rename the file to .html, or write Markdown", "HTML inside of Markdown")
}

func (p *page) table(n *east.Table) {
	p.out.WriteString("<table class=\"lines\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" style=\"" + tableStyle + "\">\n")
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		cell, style := "td", cellStyle
		if _, head := row.(*east.TableHeader); head {
			cell, style = "th", headStyle
		}
		before, inside, after := p.rowMarkers(p.apart(func() {
			for c := row.FirstChild(); c != nil; c = c.NextSibling() {
				align := alignment(c)
				side := map[bool]string{true: "left", false: "right"}[align == "right"] // the gap between columns
				p.wrap(fmt.Sprintf("<%s class=\"rule\" align=\"%s\" style=\"%s;padding-%s:12px;text-align:%s\">", cell, align, style, side, align), c, "</"+cell+">")
			}
		}))
		p.out.WriteString(before + "<tr>" + inside + "</tr>\n" + after)
	}
	p.out.WriteString("</table>\n")
}

func alignment(n ast.Node) string {
	if c, ok := n.(*east.TableCell); ok && c.Alignment != east.AlignNone {
		return c.Alignment.String()
	}
	return "left"
}

func (p *page) inline(n ast.Node) {
	switch n := n.(type) {
	case *ast.Text:
		p.out.WriteString(p.words(n))
		if n.HardLineBreak() {
			p.out.WriteString("<br>\n")
		} else if n.SoftLineBreak() {
			p.out.WriteByte('\n')
		}
	case *ast.String:
		p.out.WriteString(escape(string(n.Value)))
	case *ast.CodeSpan:
		p.wrap("<code class=\"code\" style=\""+codeStyle+"\">", n, "</code>")
	case *ast.Emphasis:
		tag := [...]string{"em", "strong"}[min(n.Level, 2)-1]
		p.wrap("<"+tag+">", n, "</"+tag+">")
	case *east.Strikethrough:
		p.wrap("<s>", n, "</s>")
	case *ast.Link:
		p.wrap("<a class=\"link\" href=\""+p.href(n, n.Destination)+"\" style=\""+linkStyle+"\">", n, "</a>")
	case *ast.AutoLink:
		to := n.URL(p.md)
		if n.AutoLinkType == ast.AutoLinkEmail && !bytes.HasPrefix(to, []byte("mailto:")) {
			to = append([]byte("mailto:"), to...)
		}
		fmt.Fprintf(p.out, "<a class=\"link\" href=\"%s\" style=\"%s\">%s</a>", p.href(n, to), linkStyle, escape(string(n.Label(p.md))))
	case *ast.Image:
		p.image(n)
	case *ast.RawHTML:
		p.rawInline(n)
	case *ast.LinkReferenceDefinition: // used where it is referred to
	default:
		p.bad(n, "", "%s is not possible in a mail", n.Kind())
	}
}

func (p *page) rawInline(n *ast.RawHTML) {
	raw := string(n.Segments.Value(p.md))
	if !strings.HasPrefix(raw, "<!--") {
		p.problems = append(p.problems, p.problem(p.origin(n.Segments.At(0).Start), "rename the file to .html, or write Markdown", "HTML inside of Markdown"))
	}
}

func (p *page) image(n *ast.Image) {
	alt := p.plain(n)
	if strings.TrimSpace(alt) == "" {
		p.bad(n, "![A bag of coffee](https://…)", "this picture has no text for those who do not see it")
		p.problems[len(p.problems)-1].Warning = true
	}
	if path := string(n.Destination); strings.HasPrefix(path, "pictures/") {
		p.own(n, path, alt)
		return
	}
	src := p.href(n, n.Destination)
	if strings.HasPrefix(src, "mailto:") || strings.HasPrefix(src, "tel:") {
		p.bad(n, "https://shop.example/picture.jpg", "a picture needs a web address")
	}
	fmt.Fprintf(p.out, `<img src="%s" alt="%s" style="%s">`, src, alt, imageStyle)
}

// widest is how wide the column of a mail is, in pixels.
const widest = 536

// own is a picture of the program.
func (p *page) own(n *ast.Image, path, alt string) {
	picture, there := p.known.Pictures[path]
	if !there {
		try := "upload it, or put it into the folder pictures"
		if near := nearest(path, slices.Sorted(maps.Keys(p.known.Pictures))); near != "" {
			try = "did you mean " + near + "?"
		}
		p.bad(n, try, "there is no picture %s", path)
		return
	}
	fmt.Fprintf(p.out, `<img src="%s" alt="%s" width="%d" style="%s">`, pictureSign+picture.Served, alt, min(picture.Width, widest), imageStyle)
}

// plain is the text below a node, as alternative texts need it.
func (p *page) plain(n ast.Node) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			b.WriteString(p.words(t))
			continue
		}
		b.WriteString(p.plain(c))
	}
	return b.String()
}

// words is a text with Markdown's own escapes taken back, safe in HTML.
func (p *page) words(n *ast.Text) string {
	if n.IsRaw() {
		return escape(string(n.Value(p.md)))
	}
	var b strings.Builder
	w := bufio.NewWriter(&b)
	ghtml.DefaultWriter.Write(w, n.Value(p.md))
	w.Flush()
	return strings.ReplaceAll(b.String(), "{", "&#123;")
}

// href checks where a link leads and escapes it for its attribute.
func (p *page) href(n ast.Node, destination []byte) string {
	to := strings.TrimSpace(string(util.URLEscape(destination, true)))
	if why := badLink(p.draft, to); why != "" {
		p.bad(n, "https://shop.example/…", "%s", why)
	}
	return escape(to)
}

// badLink says why a mail cannot link there; "" when it can.
func badLink(d *draft, to string) string {
	if start, _, n, _ := d.marker.next(to); n >= 0 && start == 0 {
		return "" // looked at when it is known
	}
	u, err := url.Parse(to)
	switch {
	case to == "":
		return "this link leads nowhere"
	case err != nil:
		return "this is not an address: " + to
	case u.Scheme == "mailto" || u.Scheme == "tel":
		return ""
	case u.Scheme != "https" && u.Scheme != "http":
		return "a link in a mail needs the whole address, with https://"
	case u.Host == "":
		return "this is not an address: " + to
	}
	return ""
}

// escape makes text safe between tags and in attributes; a brace is escaped too,
// so that no text can become an action.
func escape(s string) string {
	return strings.ReplaceAll(html.EscapeString(s), "{", "&#123;")
}
