package templates

import (
	"bytes"
	"fmt"
	"html"
	"strings"
	"sync"
)

// Values is what a mail may show, as Data has it, asked field by field.
type Values interface {
	Has(root string) bool         // whether there is that root at all
	Value(root, field string) any // nil: it is not there
}

// Has reports whether the mail has that root.
func (d Data) Has(root string) bool {
	fields, _ := d[root].(map[string]any)
	return fields != nil
}

// Value returns a field's value, nil when it is not there.
func (d Data) Value(root, field string) any {
	fields, _ := d[root].(map[string]any)
	return fields[field]
}

// Filled is a mail for one member as Compiled.Fill leaves it. HTML and Text are what
// Rendered has, with what quoted-printable escapes escaped: every byte by itself,
// so that the fixed pieces were escaped in advance. Their lines are still whole and
// end in \n; a space at the end of one stands as it is.
type Filled struct {
	Subject, FromName, Language string
	HTML, Text                  []byte

	filling filling
}

// Fill makes the mail for one member in the room of into, which may have been used
// before. link and pixel are the brand's for this mail. An error says that Render
// is to be asked, be it for the mail or for what is wrong with the values.
func (c *Compiled) Fill(into *Filled, values Values, link func(url string) string, pixel string) error {
	f := &into.filling
	f.reset(c, values, pixel)
	subject := oneLine(f.line(c.subject), 250)
	preheader := oneLine(f.line(c.preheader), 250)
	f.subject, f.preheader = subject, preheader
	if f.err == nil && subject == "" {
		f.fail("%w", ErrNoSubject)
	}
	if f.err == nil && c.unsubscribe >= 0 && f.slot(c.unsubscribe) == "" {
		f.fail("%w", ErrNoUnsubscribe)
	}
	own := func(to string) bool {
		for _, n := range c.own {
			if f.slot(n) == to {
				return true
			}
		}
		return false
	}
	page := f.write(c.html, &f.page)
	text := f.write(c.text, &f.plain)
	if f.err != nil {
		return f.err
	}
	into.Subject, into.FromName, into.Language = subject, c.mail.FromName, c.env.lang
	if into.HTML = page; link != nil {
		f.linked = f.relink(f.linked[:0], page, own, link)
		into.HTML = f.linked
	}
	f.tidied = appendTidy(f.tidied[:0], text, own, link)
	into.Text = appendQuoted(into.Text[:0], f.tidied)
	if bytes.IndexByte(into.Text, '\r') >= 0 {
		f.fail("a carriage return in a link")
	}
	return f.err
}

// filling is one mail on its way.
type filling struct {
	given     Values
	pixel     string
	slots     []func(*filling) any
	kept      []any
	done      []bool
	dot       any // in a range
	subject   string
	preheader string
	out       []byte
	words     []byte // room for a subject
	page      []byte // room for the HTML
	plain     []byte // room for the text
	linked    []byte // room for the HTML with its links
	tidied    []byte // room for the text with its links
	err       error
}

func (f *filling) reset(c *Compiled, values Values, pixel string) {
	f.given, f.pixel, f.slots, f.dot, f.err = values, pixel, c.slots, nil, nil
	if len(f.kept) < len(c.slots) {
		f.kept, f.done = make([]any, len(c.slots)), make([]bool, len(c.slots))
	}
	clear(f.kept)
	clear(f.done)
}

// fail ends the filling in: Render is to say what is wrong.
func (f *filling) fail(format string, args ...any) any {
	if f.err == nil {
		f.err = fmt.Errorf("%w: "+format, append([]any{ErrNotCompiled}, args...)...)
	}
	return ""
}

func (f *filling) slot(n int) any {
	if !f.done[n] {
		f.kept[n] = f.slots[n](f)
		f.done[n] = true
	}
	return f.kept[n]
}

// root is what a condition sees of a whole root: whether it is there.
func (f *filling) root(name string) any {
	if f.given.Has(name) {
		return map[string]any{}
	}
	return map[string]any(nil)
}

// line writes a subject or preheader.
func (f *filling) line(nodes []node) string { return string(f.write(nodes, &f.words)) }

// write writes a part into some room, which is kept for the next.
func (f *filling) write(nodes []node, room *[]byte) []byte {
	f.out = (*room)[:0]
	f.all(nodes)
	*room = f.out
	// Render stops at maxOutput. It counts before the brand's colours are put in, and
	// before the bytes are escaped; whatever may come near is left to it.
	if len(f.out) > maxOutput/2 {
		f.fail("%w", ErrTooLong)
	}
	return f.out
}

func (f *filling) all(nodes []node) {
	for _, n := range nodes {
		if f.err != nil || len(f.out) > maxOutput {
			return
		}
		n.write(f)
	}
}

// node is a piece of a compiled part.
type node interface{ write(*filling) }

// fixed is the same for everybody.
type fixed []byte

func (n fixed) write(f *filling) { f.out = append(f.out, n...) }

// shown is a value in its place.
type shown struct {
	value func(*filling) any
	place place
}

func (n *shown) write(f *filling) {
	text, ok := written(n.value(f))
	if ok {
		f.out, ok = n.place.append(f.out, text)
	}
	if !ok && f.err == nil {
		f.fail("a value that cannot be written here")
	}
}

// choice is an if.
type choice struct {
	holds     func(*filling) any
	then, not []node
}

func (n *choice) write(f *filling) {
	if truth(n.holds(f)) {
		f.all(n.then)
		return
	}
	f.all(n.not)
}

// loop is a range.
type loop struct {
	list       func(*filling) any
	body, none []node
}

func (n *loop) write(f *filling) {
	before := f.dot
	defer func() { f.dot = before }()
	count := 0
	switch list := n.list(f).(type) {
	case []map[string]any:
		for _, f.dot = range list {
			f.all(n.body)
		}
		count = len(list)
	case []string:
		for _, f.dot = range list {
			f.all(n.body)
		}
		count = len(list)
	default:
		f.fail("a range through a %T", list)
	}
	if f.dot = before; count == 0 {
		f.all(n.none)
	}
}

// quotedHref is how the href=" of a page stands in one whose bytes are escaped; what
// ends its value stands for itself.
var quotedHref = []byte(`href=3D"`)

// relink does to a page whose bytes are escaped what the function relink does.
func (f *filling) relink(out, page []byte, own func(string) bool, hook func(string) string) []byte {
	for {
		at := bytes.Index(page, quotedHref)
		if at < 0 {
			return append(out, page...)
		}
		begin := at + len(quotedHref)
		end := bytes.IndexByte(page[begin:], '"')
		if end < 0 {
			return append(out, page...)
		}
		to := hooked(html.UnescapeString(unquoted(page[begin:begin+end])), own, hook)
		if strings.Contains(to, "\r") {
			f.fail("a carriage return in a link")
		}
		out = append(out, page[:begin]...)
		out = appendQuoted(out, html.EscapeString(to))
		page = page[begin+end:]
	}
}

// FilledPool lends room for mails to those who fill in many.
type FilledPool struct{ pool sync.Pool }

// Get returns room for a mail, to be given back with Put when nothing reads it more.
func (p *FilledPool) Get() *Filled {
	if f, ok := p.pool.Get().(*Filled); ok {
		return f
	}
	return &Filled{}
}

// Put takes room back.
func (p *FilledPool) Put(f *Filled) {
	f.filling.given = nil
	clear(f.filling.kept)
	p.pool.Put(f)
}
