package templates

import (
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"slices"
	"strings"
	texttemplate "text/template"
	"text/template/parse"
)

// Compiled is a mail made ready to be filled in for many members of one shop. What
// is the same for all of them is worked out once: the layout, the brand, its words
// and links. It may be used by many goroutines at once.
//
// It is made from the very trees that Render executes, with what html/template has
// put into them to escape each value for its place, and calls the same functions on
// the same values. So a mail that it fills is to the byte what Render makes. What
// does not allow that, is refused: in Compile for all members, in Fill for one.
type Compiled struct {
	mail                           *Mail
	env                            *env
	slots                          []func(*filling) any
	subject, preheader, html, text []node
	own                            []int // the slots of the links that are never given to the hook
	unsubscribe                    int   // the slot of the one that must be there, -1 for none
}

// ErrNotCompiled says that a mail, or what one member's shows, needs Render.
var ErrNotCompiled = errors.New("only Render makes this mail")

// Compile prepares the mail for a shop. The brand's Link and Pixel are Fill's matter.
func (m *Mail) Compile(b Brand) (*Compiled, error) {
	b.Link, b.Pixel = nil, ""
	if clean(b.Name) == "" || clean(b.Address) == "" {
		return nil, ErrNoSender
	}
	// This puts the escapers into the tree, if no mail has been rendered yet.
	if err := m.engines.html.Execute(io.Discard, nil); err == nil {
		return nil, fmt.Errorf("%w: its layout shows nothing", ErrNotCompiled)
	}
	c := &compiler{Compiled: &Compiled{mail: m, env: m.env(b), unsubscribe: -1}, numbers: map[[2]string]int{}}
	c.look = c.env.look(nil)
	c.subject = c.part(m.engines.subject.Tree.Root, textTree(m.engines.subject))
	c.preheader = c.part(m.engines.preheader.Tree.Root, textTree(m.engines.preheader))
	c.text = c.part(m.engines.text.Tree.Root, textTree(m.engines.text))
	c.page = true
	c.html = c.part(m.engines.html.Tree.Root, func(name string) *parse.Tree {
		if t := m.engines.html.Lookup(name); t != nil {
			return t.Tree
		}
		return nil
	})
	for _, link := range []string{"unsubscribe", "preferences", "member", "confirm"} {
		c.own = append(c.own, c.slot("links", link))
	}
	if link, shown := c.numbers[[2]string{"referral", "link"}]; shown {
		c.own = append(c.own, link)
	}
	if !m.known.Service {
		c.unsubscribe = c.numbers[[2]string{"given", "unsubscribe"}]
	}
	if c.err != nil {
		return nil, fmt.Errorf("%s: %w: %w", m.File, ErrNotCompiled, c.err)
	}
	return c.Compiled, nil
}

func textTree(t *texttemplate.Template) func(string) *parse.Tree {
	return func(name string) *parse.Tree {
		if t := t.Lookup(name); t != nil {
			return t.Tree
		}
		return nil
	}
}

// compiler turns the trees of one mail into nodes.
type compiler struct {
	*Compiled
	look    map[string]any
	numbers map[[2]string]int // root and field → slot
	lookup  func(string) *parse.Tree
	page    bool // it is the HTML
	depth   int
	err     error // the first thing that it cannot do
}

func (c *compiler) refuse(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

func (c *compiler) part(root parse.Node, lookup func(string) *parse.Tree) []node {
	c.lookup = lookup
	return joined(c.nodes(root))
}

// nodes are what a node of the tree comes to.
func (c *compiler) nodes(n parse.Node) (all []node) {
	if c.depth++; c.depth > 200 {
		c.refuse("it is nested too deeply")
		return nil
	}
	defer func() { c.depth-- }()
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil { // an if without an else
			for _, inner := range n.Nodes {
				all = append(all, c.nodes(inner)...)
			}
		}
	case *parse.TextNode:
		all = c.fixed(string(n.Text))
	case *parse.ActionNode:
		all = c.action(n)
	case *parse.IfNode:
		all = c.choice(n)
	case *parse.RangeNode:
		all = []node{&loop{list: c.pipe(n.Pipe).value, body: joined(c.nodes(n.List)), none: joined(c.nodes(n.ElseList))}}
	case *parse.TemplateNode:
		if t := c.lookup(n.Name); t != nil && c.sameData(n.Pipe) {
			return c.nodes(t.Root)
		}
		c.refuse("the template %s", n.Name)
	default:
		c.refuse("a %T", n)
	}
	return all
}

// sameData reports whether a template is given all that its caller has.
func (c *compiler) sameData(p *parse.PipeNode) bool {
	return p != nil && p.String() == "$"
}

// fixed is text that is the same for everybody, as its part is written.
func (c *compiler) fixed(text string) []node {
	if strings.Contains(text, "\r") {
		c.refuse("a carriage return")
	}
	if c.page {
		return []node{fixed(appendQuoted(nil, colored(text, c.env.brand)))}
	}
	return []node{fixed(text)}
}

// action is a value that is shown.
func (c *compiler) action(n *parse.ActionNode) []node {
	if len(n.Pipe.Decl) > 0 || len(n.Pipe.Cmds) == 0 {
		c.refuse("a variable")
		return nil
	}
	t := c.command(n.Pipe.Cmds[0])
	var escapers []string
	for _, cmd := range n.Pipe.Cmds[1:] {
		escapers = append(escapers, cmd.String())
	}
	p, ok := places[strings.Join(escapers, " ")]
	if ok = ok && c.page == (p != inText); !t.constant {
		if !ok {
			c.refuse("a value in the place of %v", escapers)
			return nil
		}
		return []node{&shown{t.value, p}}
	}
	return c.constant(t.value(nil), p, ok, escapers)
}

// constant is a value that is the same for everybody.
func (c *compiler) constant(v any, p place, known bool, escapers []string) []node {
	if raw, ok := v.(htmltemplate.HTML); ok && p == inPage && slices.Equal(escapers, []string{"_html_template_htmlescaper"}) {
		return c.fixed(string(raw))
	}
	text, ok := written(v)
	if ok && strings.Join(escapers, " ") == "_html_template_cssvaluefilter _html_template_attrescaper" && (text == "left" || text == "right") {
		p, known = inPage, true // of all words of style sheets these the layout asks for
	}
	if !ok || !known {
		c.refuse("%T in the place of %v", v, escapers)
		return nil
	}
	out, ok := p.append(nil, text)
	if !ok {
		c.refuse("a control character")
	}
	return []node{fixed(out)}
}

// choice is an if; what is certain is decided now.
func (c *compiler) choice(n *parse.IfNode) []node {
	t := c.pipe(n.Pipe)
	if c.err == nil && t.constant {
		if truth(t.value(nil)) {
			return c.nodes(n.List)
		}
		return c.nodes(n.ElseList)
	}
	return []node{&choice{t.value, joined(c.nodes(n.List)), joined(c.nodes(n.ElseList))}}
}

// joined puts neighbours that are the same for everybody into one.
func joined(all []node) (out []node) {
	for _, n := range all {
		text, isFixed := n.(fixed)
		if last := len(out) - 1; isFixed && last >= 0 {
			if before, ok := out[last].(fixed); ok {
				out[last] = append(slices.Clip(before), text...)
				continue
			}
		}
		out = append(out, n)
	}
	return out
}
