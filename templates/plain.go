package templates

import (
	"bytes"
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// plain writes the text part of a body: what the HTML says, line by line, with
// the address of each link behind its words. Markers stay where they are.
func plain(d *draft, body string) string {
	p := &plainer{draft: d}
	z := html.NewTokenizer(strings.NewReader(body))
	for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
		switch t := z.Token(); kind {
		case html.TextToken:
			p.text(t.Data)
		case html.StartTagToken, html.SelfClosingTagToken:
			p.start(t)
		case html.EndTagToken:
			p.end(t.Data)
		}
	}
	return strings.TrimSpace(string(p.out))
}

// Signs in a text part that is not finished. No value can bring them in, since
// values have no control characters.
const (
	boxSign   = "\x01" // the coupon box follows
	linkOpen  = "\x02"
	linkClose = "\x03"
	listOpen  = "\x04" // a numbered list begins; its first number and listFrom follow
	listFrom  = "\x05"
	listItem  = "\x06" // the number of an item
	listClose = "\x07"
)

type plainer struct {
	*draft
	out    []byte
	lists  []string // what each open list's items begin with
	link   string
	button bool
	from   int   // where the link's words began
	quotes []int // where each open quotation began
	pre    int
	cells  int // of the present table row
	fresh  int // where the words of the present item begin
}

// text adds words, with white space as a page shows it.
func (p *plainer) text(s string) {
	if p.pre > 0 {
		p.write(s)
		return
	}
	blank := func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' || r == '\r' }
	words := strings.FieldsFunc(s, blank)
	if s != "" && blank(rune(s[0])) {
		p.space()
	}
	for i, word := range words {
		if i > 0 {
			p.space()
		}
		p.write(word)
	}
	if len(words) > 0 && blank(rune(s[len(s)-1])) {
		p.space()
	}
}

// space keeps two words apart, unless a line begins here.
func (p *plainer) space() {
	if h := p.head(); len(h) > 0 && h[len(h)-1] != '\n' && p.out[len(p.out)-1] != ' ' {
		p.write(" ")
	}
}

// lines ends the line, and leaves n-1 empty ones. Controls take no room, and a
// paragraph that begins an item stays on its line.
func (p *plainer) lines(n int) {
	if p.fresh > 0 && len(p.out) == p.fresh {
		return
	}
	p.out = bytes.TrimRight(p.out, " ")
	h := p.head()
	if len(h) == 0 {
		return
	}
	for have := len(h) - len(bytes.TrimRight(h, "\n")); have < n; have++ {
		p.write("\n")
	}
}

// head is what has been written, without what takes no room at its end: controls,
// the signs of lists, spaces.
func (p *plainer) head() []byte {
	size := len(p.marker.prefix) + markDigits + 1
	h := p.out
	for {
		h = bytes.TrimRight(h, " "+listClose)
		if bytes.HasSuffix(h, []byte(listFrom)) {
			h = h[:max(bytes.LastIndexByte(h, listOpen[0]), 0)]
			continue
		}
		if len(h) < size {
			return h
		}
		if start, _, n, _ := p.marker.next(string(h[len(h)-size:])); n < 0 || start != 0 || !p.actions[n].control() {
			return h
		}
		h = h[:len(h)-size]
	}
}

func (p *plainer) write(s string) { p.out = append(p.out, s...) }

func (p *plainer) start(t html.Token) {
	switch t.Data {
	case "br":
		p.lines(1)
	case "hr":
		p.lines(2)
		p.write("* * *\n\n")
	case "p", "div", "table", "h1", "h2", "h3", "h4", "h5", "h6", "dl":
		p.lines(2)
	case couponTag:
		p.lines(2)
		p.write(boxSign)
	case "pre":
		p.lines(2)
		p.pre++
	case "blockquote":
		p.lines(2)
		p.quotes = append(p.quotes, len(p.out))
	case "ul", "ol":
		p.list(t)
	case "li":
		p.lines(1)
		begins := "- "
		if len(p.lists) > 0 {
			begins = p.lists[len(p.lists)-1]
		}
		p.write(strings.Repeat("  ", max(len(p.lists)-1, 0)) + begins)
		p.fresh = len(p.out)
	case "tr", "dt", "dd":
		p.lines(1)
		p.cells = 0
	case "td", "th":
		if p.cells++; p.cells > 1 {
			p.write("  ")
		}
	case "img":
		if alt := attr(t, "alt"); alt != "" {
			p.write("[" + alt + "]")
		}
	case "a":
		p.link, p.button, p.from = attr(t, "href"), attr(t, "class") == "button", len(p.out)
	}
}

// list begins a list. Items are numbered when the mail is rendered, since only
// then it is known which of them are there.
func (p *plainer) list(t html.Token) {
	if len(p.lists) == 0 {
		p.lines(2)
	}
	if t.Data == "ul" {
		p.lists = append(p.lists, "- ")
		return
	}
	first, err := strconv.Atoi(attr(t, "start"))
	if err != nil {
		first = 1
	}
	p.lists = append(p.lists, listItem+". ")
	p.write(listOpen + strconv.Itoa(first) + listFrom)
}

func (p *plainer) end(tag string) {
	switch tag {
	case "p", "div", "table", "h1", "h2", "h3", "h4", "h5", "h6", "dl", couponTag:
		p.lines(2)
	case "pre":
		p.pre--
		p.lines(2)
	case "blockquote":
		p.quoted()
	case "ul", "ol":
		last := len(p.lists) - 1
		if last < 0 {
			return
		}
		if p.lists[last] != "- " {
			p.write(listClose)
		}
		p.lists = p.lists[:last]
		p.lines(2 - min(last, 1))
	case "li", "tr":
		p.lines(1)
	case "a":
		p.endLink()
	}
}

// quoted puts > before the lines of the quotation that ends here.
func (p *plainer) quoted() {
	if len(p.quotes) == 0 {
		return
	}
	from := min(p.quotes[len(p.quotes)-1], len(p.out))
	p.quotes = p.quotes[:len(p.quotes)-1]
	inside := strings.TrimSpace(string(p.out[from:]))
	p.out = p.out[:from]
	p.write("> " + strings.ReplaceAll(inside, "\n", "\n> "))
	p.lines(2)
}

// endLink writes where the link leads, unless its words say so: a button's
// address on a line of its own, any other in brackets.
func (p *plainer) endLink() {
	to := strings.TrimPrefix(p.link, "mailto:")
	from := min(p.from, len(p.out))
	words := strings.TrimSpace(string(p.out[from:]))
	switch {
	case p.link == "":
	case words == to && to == p.link:
		p.out = p.out[:from]
		p.address()
	case words == to || "https://"+words == strings.TrimSuffix(to, "/"):
	case p.button:
		p.write(":\n")
		p.address()
	default:
		p.write(" (")
		p.address()
		p.write(")")
	}
	p.link = ""
}

// address writes the link's own. A value in the middle of it is escaped there.
func (p *plainer) address() {
	head, tail := "", p.link
	if start, end, n, _ := p.marker.next(p.link); n >= 0 && start == 0 {
		head, tail = p.link[:end], p.link[end:]
	}
	tail = p.marker.replace(tail, func(n int, _ bool) string { return p.marker.of(n, true) })
	p.write(linkOpen + head + tail + linkClose)
}

func attr(t html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
