package templates

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"

	"regulars/internal/loyalty"
)

// expr is a checked part of an action, as the template engines get it.
type expr struct {
	text  string
	kind  Kind
	field string   // root.field when it is nothing but that
	sure  []string // what is certain when it holds
}

// expression checks and rewrites one action's tree.
type expression struct {
	*checker
	offset int // of the parsed text in the file
	failed bool
	extra  []string // certain because of what stands before in an and
}

func (x *expression) fail(n parse.Node, try, format string, args ...any) expr {
	return x.failAt(int(n.Position()), try, format, args...)
}

func (x *expression) failAt(pos int, try, format string, args ...any) expr {
	if !x.failed {
		x.report(x.offset+pos, try, format, args...)
	}
	x.failed = true
	return expr{}
}

func (x *expression) pipe(p *parse.PipeNode) expr {
	if len(p.Decl) > 0 {
		return x.fail(p, "", "there are no variables")
	}
	e := x.command(p.Cmds[0], nil)
	for _, cmd := range p.Cmds[1:] {
		if x.failed {
			break
		}
		e = x.command(cmd, &e)
	}
	return e
}

// command is a value by itself, or a function with its arguments; piped is what
// comes in from the left.
func (x *expression) command(cmd *parse.CommandNode, piped *expr) expr {
	name, isName := cmd.Args[0].(*parse.IdentifierNode)
	if isName {
		if f, ok := functions()[name.Ident]; ok {
			return x.call(name, f, cmd.Args[1:], piped)
		}
	}
	if isEarned(cmd.Args[0]) {
		return x.earned(cmd.Args[0], cmd.Args[1:], piped)
	}
	if len(cmd.Args) == 1 && piped == nil {
		return x.operand(cmd.Args[0])
	}
	if isName {
		return x.unknown(name)
	}
	if field, ok := cmd.Args[0].(*parse.ChainNode); ok { // a name that is wrong comes first
		x.chain(field)
	}
	return x.fail(cmd.Args[0], "", "%s is not a function: it takes nothing after or before it", cmd.Args[0])
}

func (x *expression) call(name *parse.IdentifierNode, f function, args []parse.Node, piped *expr) expr {
	n := len(args)
	if piped != nil {
		n++
	}
	if n < f.least || n > f.most || (piped != nil && name.Ident == "plural") {
		return x.fail(name, "{{ "+f.how+" }}", "%s is not used like that", name.Ident)
	}
	var parts []expr
	for _, a := range args {
		for _, before := range parts {
			if name.Ident == "and" { // what stands before has come out true
				x.extra = append(x.extra, before.sure...)
			}
		}
		parts = append(parts, x.operand(a))
		if s, ok := a.(*parse.StringNode); ok && name.Ident == "date" && !dateStyle(s.Text) {
			x.fail(a, `{{ coupon.ends | date "short" }}`, "a date is written short, long or weekday")
		}
	}
	x.extra = nil
	if piped != nil {
		parts = append(parts, *piped)
	}
	if x.failed {
		return expr{}
	}
	if name.Ident == "card" || name.Ident == "statement" {
		text, ok := "", false
		if len(args) == 1 {
			text, ok = quoted(args[0])
		}
		switch at := int(name.Position()); {
		case !ok:
			return x.fail(name, "{{ "+f.how+" }}", "%s is not used like that", name.Ident)
		case name.Ident == "card":
			return x.card(at, text, "")
		default:
			return x.statement(at, text)
		}
	}
	return x.assemble(name, f, parts)
}

func (x *expression) assemble(name *parse.IdentifierNode, f function, parts []expr) expr {
	e := expr{kind: f.gives, text: "(" + name.Ident}
	if f.env {
		e.text += " $.env"
	}
	for _, p := range parts {
		logic := name.Ident == "and" || name.Ident == "or"
		switch {
		case p.kind == group && !logic && name.Ident != "not":
			return x.fail(name, "{{ "+f.how+" }}", "%s needs a field, like %s", name.Ident, x.firstField(strings.TrimPrefix(p.text, "$.")))
		case logic:
			e.text += " (holds " + p.text + ")"
		default:
			e.text += " " + p.text
		}
		if name.Ident == "and" {
			e.sure = append(e.sure, p.sure...)
		}
	}
	e.text += ")"
	if name.Ident == "default" {
		e.kind = parts[1].kind
	}
	return e
}

func (x *expression) operand(n parse.Node) expr {
	switch n := n.(type) {
	case *parse.IdentifierNode:
		return x.root(n)
	case *parse.ChainNode:
		return x.chain(n)
	case *parse.FieldNode:
		return x.dotted(n)
	case *parse.DotNode:
		if x.inside() != Texts {
			return x.fail(n, "{{ member.first_name }}", "the dot alone means something only in a range through texts")
		}
		return expr{text: ".", kind: Text}
	case *parse.StringNode:
		return expr{text: strconv.Quote(n.Text), kind: Text}
	case *parse.NumberNode:
		if n.IsInt || n.IsFloat {
			return expr{text: n.Text, kind: Number}
		}
	case *parse.BoolNode:
		return expr{text: n.String(), kind: Bool}
	case *parse.PipeNode:
		return x.pipe(n)
	}
	return x.fail(n, "", "%s has no meaning in a mail", n)
}

// root is a word alone: coupon in {{ if coupon }}.
func (x *expression) root(n *parse.IdentifierNode) expr {
	if kind, there := x.known.list(n.Ident); there {
		return expr{text: x.show(n.Ident, kind), kind: kind}
	} else if kind != None {
		return x.fail(n, n.Ident+" are written in loyalty.yaml", "the program has no %s", n.Ident)
	}
	if _, ok := x.known.catalogue()[n.Ident]; !ok {
		return x.unknown(n)
	}
	return expr{text: "$." + n.Ident, kind: group, sure: []string{n.Ident}}
}

// unknown is a word that is neither a root nor a function.
func (x *expression) unknown(n *parse.IdentifierNode) expr {
	if f, ok := functions()[n.Ident]; ok {
		return x.fail(n, "{{ "+f.how+" }}", "%s needs something to work on", n.Ident)
	}
	names := slices.Sorted(maps.Keys(functions()))
	names = append(names, "if", "else", "range", "end", "cards", "rewards")
	names = append(names, slices.Sorted(maps.Keys(x.known.catalogue()))...)
	try := nearest(n.Ident, names)
	for _, full := range x.known.names() {
		if _, field, _ := strings.Cut(full, "."); try == "" && plainName(field) == plainName(n.Ident) {
			try = full
		}
	}
	if try == "" {
		return x.fail(n, fmt.Sprintf("a text stands in quotes: %q", n.Ident), "there is no %q%s", n.Ident, x.rootsThere())
	}
	return x.fail(n, meant(try), "there is no %q%s", n.Ident, x.rootsThere())
}

// rootsThere says what a mail reads from.
func (x *expression) rootsThere() string {
	var there []string
	for _, root := range slices.Sorted(maps.Keys(x.known.catalogue())) {
		if x.known.has(root) || slices.Contains(x.extra, root) {
			there = append(there, root)
		}
	}
	return "; this mail has " + strings.Join(there, ", ")
}

// fieldsThere says which fields a root has.
func fieldsThere(root string, fields map[string]Kind) string {
	if len(fields) == 0 {
		return ""
	}
	return "; " + root + " has " + strings.Join(slices.Sorted(maps.Keys(fields)), ", ")
}

// otherWords are names that people and other systems use for our fields.
var otherWords = map[string]string{
	"valid_until": "ends", "valid_to": "ends", "expires": "ends", "expires_at": "ends", "expiry": "ends", "expiry_date": "ends", "expiration": "ends", "end_date": "ends", "until": "ends",
	"discount": "gives", "value": "gives", "offer": "gives", "reward": "gives", "min": "minimum", "minimum_order": "minimum",
	"number": "value", "count": "value", "n": "value", "nth": "value", "amount": "value", "reached": "value", "orders": "value", "level": "value", "kind": "figure",
	"items": "lines", "products": "lines", "line_items": "lines", "sum": "total", "price": "total", "total_price": "total", "placed_at": "date", "created_at": "date", "at": "date", "order_id": "id", "store": "shop",
	"given_name": "first_name", "surname": "last_name", "family_name": "last_name", "lastname": "last_name", "full_name": "name", "mail": "email", "email_address": "email", "birth_date": "birthday", "date_of_birth": "birthday", "born": "birthday",
	"locale": "language", "lang": "language", "balance": "points", "point_balance": "points", "member_id": "id", "external_id": "id", "total_spent": "spent", "revenue": "spent", "joined_at": "joined", "last_purchase": "last_order", "order_count": "orders",
	"website": "url", "link": "url", "site": "url", "street": "address", "postal_address": "address", "opt_out": "unsubscribe", "settings": "preferences", "time": "at", "name": "type",
}

// meantField is the field of a root that was probably meant, "" when none is near.
func meantField(field string, fields map[string]Kind) string {
	names := slices.Sorted(maps.Keys(fields))
	if try := nearest(field, names); try != "" {
		return try
	}
	if other := otherWords[strings.ToLower(field)]; fields[other] != None {
		return other
	}
	longest := ""
	for _, name := range names { // last_order_date means last_order
		if len(name) > max(3, len(longest)) && strings.Contains(plainName(field), plainName(name)) {
			longest = name
		}
	}
	return longest
}

// quoted is what stands in quotes.
func quoted(n parse.Node) (text string, ok bool) {
	if s, ok := n.(*parse.StringNode); ok {
		return s.Text, true
	}
	return "", false
}

// chain is root.field, or (card "coffee").field.
func (x *expression) chain(n *parse.ChainNode) expr {
	if p, ok := n.Node.(*parse.PipeNode); ok && len(p.Cmds) == 1 && len(p.Cmds[0].Args) == 2 && p.Cmds[0].Args[0].String() == "card" {
		if name, ok := quoted(p.Cmds[0].Args[1]); ok {
			return x.card(int(p.Cmds[0].Args[0].Position()), name, strings.Join(n.Field, "."))
		}
	}
	if isEarned(n) { // as an argument it stands in brackets, with its span
		return x.failAt(int(n.Node.Position()), `(points.earned "12m")`, "points.earned takes the span in which they were earned")
	}
	root, ok := n.Node.(*parse.IdentifierNode)
	if !ok {
		return x.fail(n.Node, "{{ member.first_name }}", "a field belongs to member, shop, coupon, order, event, launch, milestone, referral or links")
	}
	if list, _ := x.known.list(root.Ident); list != None {
		return x.fail(root, items[list].how+"{{ .name }}{{ end }}", "%s are a list", root.Ident)
	}
	fields, ok := x.known.catalogue()[root.Ident]
	if !ok {
		return x.unknown(root)
	}
	at := int(root.Position())
	if len(n.Field) > 1 {
		return x.failAt(at, "write "+root.Ident+"."+n.Field[0], "%s.%s has no fields of its own", root.Ident, strings.Join(n.Field, "."))
	}
	field := n.Field[0]
	full := root.Ident + "." + field
	kind := x.known.kind(root.Ident, field)
	if kind == None {
		try := meantField(field, fields)
		switch {
		case try != "":
			try = meant(root.Ident + "." + try)
		case root.Ident == "member":
			try = "a field of your own is declared under attributes in program.yaml"
		case root.Ident == "launch":
			try = "a launch's own values are named in the campaign's start: {launch: {…}}"
		}
		return x.failAt(at, try, "there is no %s%s", full, fieldsThere(root.Ident, fields))
	}
	if !x.known.has(root.Ident) && !slices.Contains(x.sure(), root.Ident) && !slices.Contains(x.extra, root.Ident) {
		try := "write it between {{ if " + root.Ident + " }} and {{ end }}"
		switch root.Ident {
		case "coupon":
			try = "add coupon: POOL to its step in campaign.yaml, or " + try
		case "referral":
			try = "write referral: {friend: POOL, referrer: POOL} in loyalty.yaml, or " + try
		}
		return x.failAt(at, try, "%s", absent[root.Ident])
	}
	e := expr{text: "$." + full, kind: kind, field: full, sure: []string{full}}
	if kind == anything { // the map need not have it
		e.text = fmt.Sprintf("(property $.%s %q)", root.Ident, field)
	}
	return e
}

// absent says why a root has nothing to show in a mail.
var absent = map[string]string{
	"coupon": "this mail's step gives no coupon", "order": "no order starts this campaign", "event": "no event starts this campaign",
	"milestone": "no milestone starts this campaign", "launch": "this campaign is not launched with values",
	"referral": "nobody is rewarded for bringing friends, so members have no code and no link for them",
}

// dotted is .name, which means a field of the item in a range.
func (x *expression) dotted(n *parse.FieldNode) expr {
	at := int(n.Position())
	within := x.inside()
	if within == anything { // said at the range
		x.failed = true
		return expr{}
	}
	fields := itemFields(within)
	if fields == nil {
		try := strings.Join(n.Ident, ".")
		for _, list := range []Kind{Entries, Rewards, Cards, Lines} {
			if itemFields(list)[n.Ident[0]] != None {
				try = items[list].how + "{{ ." + n.Ident[0] + " }}{{ end }}"
			}
		}
		return x.failAt(at, try, "the dot in front means something only in a range, like {{ range order.lines }}")
	}
	kind := fields[n.Ident[0]]
	if kind == None || len(n.Ident) > 1 {
		try := meantField(n.Ident[0], fields)
		if try != "" {
			try = meant("." + try)
		}
		return x.failAt(at, try, "%s has no %s%s", items[within].one, n, fieldsThere("it", fields))
	}
	return expr{text: n.String(), kind: kind}
}

// nearest returns the name that word was probably meant to be, "" when none is near.
func nearest(word string, names []string) string {
	best, found := "", len(word)/3+1
	for _, n := range names {
		if d := loyalty.Apart(plainName(word), plainName(n)); d < found || (d == 0 && found == 0) {
			best, found = n, d
		}
	}
	return best
}

// meant asks whether a name was meant, "" for none.
func meant(name string) string {
	if name == "" {
		return ""
	}
	return "did you mean " + name + "?"
}

// plainName makes FirstName, firstName and first_name alike.
func plainName(s string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(s))
}
