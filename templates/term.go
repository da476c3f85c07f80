package templates

import (
	"fmt"
	htmltemplate "html/template"
	"slices"
	"strings"
	texttemplate "text/template"
	"text/template/parse"
)

// term is a part of an action that has a value.
type term struct {
	value    func(*filling) any // a constant's may be asked with nil
	constant bool
}

func always(v any) term { return term{func(*filling) any { return v }, true} }

// pipe is the value of a condition, a list or an argument in brackets.
func (c *compiler) pipe(p *parse.PipeNode) term {
	if len(p.Decl) > 0 || len(p.Cmds) != 1 {
		c.refuse("%s", p)
		return always(nil)
	}
	return c.command(p.Cmds[0])
}

func (c *compiler) command(cmd *parse.CommandNode) term {
	if name, ok := cmd.Args[0].(*parse.IdentifierNode); ok {
		return c.call(name.Ident, cmd.Args[1:])
	}
	if len(cmd.Args) != 1 {
		c.refuse("%s", cmd)
		return always(nil)
	}
	return c.operand(cmd.Args[0])
}

func (c *compiler) operand(n parse.Node) term {
	switch n := n.(type) {
	case *parse.PipeNode:
		return c.pipe(n)
	case *parse.StringNode:
		return always(n.Text)
	case *parse.BoolNode:
		return always(n.True)
	case *parse.NumberNode:
		return c.number(n)
	case *parse.DotNode:
		return term{func(f *filling) any { return f.dot }, false}
	case *parse.FieldNode:
		if len(n.Ident) == 1 {
			return c.ofItem(n.Ident[0])
		}
	case *parse.VariableNode:
		if n.Ident[0] == "$" {
			return c.path(n.Ident[1:])
		}
	}
	c.refuse("%s", n)
	return always(nil)
}

// number is a number in the template, of the type that the engines give it.
func (c *compiler) number(n *parse.NumberNode) term {
	switch {
	case strings.Trim(n.Text, "0123456789") == "" && n.IsInt && (n.Text == "0" || n.Text[0] != '0'):
		return always(int(n.Int64))
	case strings.Trim(n.Text, "0123456789.") == "" && n.IsFloat:
		return always(n.Float64)
	}
	c.refuse("the number %s", n.Text) // 0x10, 1e3, 1_000, 'a'
	return always(nil)
}

// ofItem is .name in a range through the items of a list.
func (c *compiler) ofItem(field string) term {
	return term{func(f *filling) any {
		item, _ := f.dot.(map[string]any)
		v, ok := item[field]
		if !ok {
			f.fail("an item without %s", field)
		}
		return v
	}, false}
}

// path is $.env, $.coupon or $.member.first_name.
func (c *compiler) path(names []string) term {
	switch {
	case len(names) == 1 && names[0] == "env":
		return always(c.env)
	case len(names) == 1 && c.mail.fields[names[0]] != nil && names[0] != "shop" && names[0] != "links":
		root := names[0]
		return term{func(f *filling) any { return f.root(root) }, false}
	case len(names) == 2 && names[0] == "look" && names[1] == "footer" && c.mail.known.Stranger:
		return always(c.look["shop"])
	case len(names) == 2 && names[0] == "look" && names[1] != "pixel" && names[1] != "conditions":
		if v, ok := c.look[names[1]]; ok {
			return always(v)
		}
	case len(names) == 2 && names[0] == "shop":
		b := c.env.brand
		if v, ok := map[string]any{"name": clean(b.Name), "url": webLink(b.URL), "address": clean(b.Address)}[names[1]]; ok {
			return always(v)
		}
	case len(names) == 2 && (names[0] == "look" || names[0] == "mail" || c.mail.fields[names[0]][names[1]] != None):
		n := c.slot(names[0], names[1])
		return term{func(f *filling) any { return f.slot(n) }, false}
	}
	c.refuse("$.%s", strings.Join(names, "."))
	return always(nil)
}

// call is a function with its arguments. It is constant when they are: functions
// look at nothing else.
func (c *compiler) call(name string, args []parse.Node) term {
	if name == "property" {
		return c.property(args)
	}
	var terms []term
	constant := true
	for _, a := range args {
		t := c.operand(a)
		terms = append(terms, t)
		constant = constant && t.constant
	}
	if name == "and" || name == "or" {
		return term{untilSure(terms, name == "or"), constant && len(terms) > 0}
	}
	fn := calls()[name]
	if fn == nil && c.page {
		fn = pageCalls()[name]
	}
	value := bound(fn, terms)
	if value == nil {
		c.refuse("the function %s with %d arguments", name, len(args))
		return always(nil)
	}
	if constant && c.err == nil {
		f := &filling{}
		if v := value(f); f.err == nil {
			return always(v)
		}
		c.refuse("the function %s with what it is given", name)
	}
	return term{value, false}
}

// property is a field of an event that need not have it: $.event and its name.
func (c *compiler) property(args []parse.Node) term {
	if len(args) == 2 && args[0].String() == "$.event" {
		if name, ok := args[1].(*parse.StringNode); ok {
			n := c.slot("event", name.Text)
			return term{func(f *filling) any { return f.slot(n) }, false}
		}
	}
	c.refuse("property")
	return always(nil)
}

// untilSure is and or or: the first value that decides, else the last.
func untilSure(terms []term, decides bool) func(*filling) any {
	return func(f *filling) (v any) {
		for _, t := range terms {
			if v = t.value(f); truth(v) == decides {
				return v
			}
		}
		return v
	}
}

// bound gives a function its arguments; nil when they cannot be its.
func bound(fn any, args []term) func(*filling) any {
	arg := func(f *filling, n int) any { return args[n].value(f) }
	text := func(f *filling, n int) string {
		s, ok := arg(f, n).(string)
		if !ok {
			f.fail("a %T where a text is wanted", arg(f, n))
		}
		return s
	}
	lang := func(f *filling) *env { e, _ := arg(f, 0).(*env); return e }
	switch fn := fn.(type) {
	case func() htmltemplate.HTML:
		return when(len(args) == 0, func(*filling) any { return fn() })
	case func(string) htmltemplate.HTML:
		return when(len(args) == 1, func(f *filling) any { return fn(text(f, 0)) })
	case func(any) string:
		return when(len(args) == 1, func(f *filling) any { return fn(arg(f, 0)) })
	case func(any) bool:
		return when(len(args) == 1, func(f *filling) any { return fn(arg(f, 0)) })
	case func(any, any) bool:
		return when(len(args) == 2, func(f *filling) any { return fn(arg(f, 0), arg(f, 1)) })
	case func(any, any) any:
		return when(len(args) == 2, func(f *filling) any { return fn(arg(f, 0), arg(f, 1)) })
	case func(string, any) string:
		return when(len(args) == 2, func(f *filling) any { return fn(text(f, 0), arg(f, 1)) })
	case func(*env, any) string:
		return when(len(args) == 2, func(f *filling) any { return fn(lang(f), arg(f, 1)) })
	case func(*env, any) any:
		return when(len(args) == 2, func(f *filling) any { return fn(lang(f), arg(f, 1)) })
	case func(*env, any) figure:
		return when(len(args) == 2, func(f *filling) any { return fn(lang(f), arg(f, 1)) })
	case func(*env, any, string) string:
		return when(len(args) == 3, func(f *filling) any { return fn(lang(f), arg(f, 1), text(f, 2)) })
	case func(*env, any, string, string) any:
		return when(len(args) == 4, func(f *filling) any { return fn(lang(f), arg(f, 1), text(f, 2), text(f, 3)) })
	case func(*env, any, string, string) string:
		return when(len(args) == 4, func(f *filling) any { return fn(lang(f), arg(f, 1), text(f, 2), text(f, 3)) })
	case func(*env, ...any) string:
		return when(len(args) > 1, func(f *filling) any {
			var rest []any
			for n := range args[1:] {
				rest = append(rest, arg(f, n+1))
			}
			return fn(lang(f), rest...)
		})
	}
	return nil
}

func when(fits bool, value func(*filling) any) func(*filling) any {
	if fits {
		return value
	}
	return nil
}

// truth is what the engines take for true.
func truth(v any) bool {
	switch v := v.(type) {
	case string:
		return v != ""
	case bool:
		return v
	}
	yes, _ := texttemplate.IsTrue(v)
	return yes
}

// written is a value as the engines print it.
func written(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case fmt.Stringer: // figure, amount, moment
		return v.String(), true
	case bool, int, float64:
		return fmt.Sprint(v), true
	}
	return "", false
}

// slot is where a value of a mail is kept while it is filled in, so that it is
// worked out once, and only if it is shown.
func (c *compiler) slot(root, field string) int {
	key := [2]string{root, field}
	if n, ok := c.numbers[key]; ok {
		return n
	}
	c.slots = append(c.slots, nil)
	n := len(c.slots) - 1
	c.numbers[key] = n
	c.slots[n] = c.reader(root, field)
	return n
}

// reader works out root.field, as values and look do it for all fields.
func (c *compiler) reader(root, field string) func(*filling) any {
	kind, e := c.mail.fields[root][field], c.env
	given := func(f *filling, field string) any { return f.given.Value(root, field) }
	plain := func(f *filling) any {
		if root != standingRoot && !f.given.Has(root) {
			return f.fail("there is no %s", root)
		}
		if itemFields(kind) != nil {
			return e.items(kind, given(f, field))
		}
		return e.value(kind, given(f, field))
	}
	switch {
	case root == "mail" && field == "subject":
		return func(f *filling) any { return f.subject }
	case root == "mail" && field == "preheader":
		return func(f *filling) any { return f.preheader }
	case root == "look" && field == "pixel":
		return func(f *filling) any { return webLink(clean(f.pixel)) }
	case root == "look" && field == "conditions":
		ends, minimum := c.slot("coupon", "ends"), c.slot("coupon", "minimum")
		return func(f *filling) any {
			if !f.given.Has("coupon") {
				return e.conditions(nil, nil)
			}
			return e.conditions(f.slot(ends), f.slot(minimum))
		}
	case root == "links":
		return c.link(field)
	case root == "given": // what the caller gave as a link, also to a stranger
		return func(f *filling) any { return webLink(clean(f.given.Value("links", field))) }
	case root == "event" && kind == None:
		kind = anything
	case root == "coupon" && field == "gives":
		return func(f *filling) any {
			if !f.given.Has(root) {
				return f.fail("there is no %s", root)
			}
			return e.gives(func(field string) any { return given(f, field) })
		}
	case root == "member" && field == "name":
		return func(f *filling) any {
			if name := fullName(given(f, "first_name"), given(f, "last_name")); f.given.Has(root) && name != "" {
				return name
			}
			return plain(f)
		}
	}
	return plain
}

// link is one of the member's own. Who is no customer yet has nothing to
// unsubscribe from.
func (c *compiler) link(field string) func(*filling) any {
	n := c.slot("given", field)
	if c.mail.known.Stranger && slices.Contains([]string{"unsubscribe", "preferences"}, field) {
		return func(*filling) any { return "" }
	}
	return func(f *filling) any { return f.slot(n) }
}
