package templates

import (
	"regexp"
	"slices"
	"strings"
	"text/template/parse"
)

// checker goes through the actions of one mail in order, holds each against the
// fields and functions there are, and writes it anew for the template engines:
// member.first_name becomes $.member.first_name, a condition goes through holds,
// and functions that show something get the mail's language.
type checker struct {
	*source
	known    Fields
	blocks   []block
	shown    map[string]Kind // lists of what the member has in the program
	problems []Problem
}

// block is an open {{ if }} or {{ range }}.
type block struct {
	verb    string
	at      int
	hadElse bool
	within  Kind     // what a range goes through: a list
	sure    []string // roots and fields that are known to be there inside of it
}

// check fills in the final form of each action.
func (c *checker) check(actions []action) {
	c.blocks = nil
	for i := range actions {
		c.one(&actions[i])
	}
	for _, b := range c.blocks {
		c.report(b.at, "write {{ end }} where it is to end", "{{ %s }} is never closed", b.verb)
	}
}

func (c *checker) report(at int, try, format string, args ...any) {
	c.problems = append(c.problems, c.problem(at, try, format, args...))
}

func (c *checker) one(a *action) {
	switch a.verb {
	case "if", "range":
		c.open(a)
	case "else", "else if":
		c.otherwise(a)
	case "end":
		c.close(a)
	case "with", "define", "block":
		c.report(a.inner, "{{ if coupon }}…{{ end }}", "mails have if, else, range and end, but no %s", a.verb)
		c.blocks = append(c.blocks, block{verb: a.verb, at: a.start, within: anything})
	default:
		c.print(a)
	}
}

func (c *checker) open(a *action) {
	b := block{verb: a.verb, at: a.start}
	if len(c.blocks) == maxDepth {
		c.report(a.start, "", "more than %d blocks inside each other", maxDepth)
	}
	if a.verb == "range" && c.inside() != None {
		c.report(a.start, "", "a range inside a range is not possible")
	}
	e, ok := c.expression(a, strings.TrimPrefix(a.text, a.verb))
	if ok {
		a.final = "{{if holds " + e.text + "}}"
		b.sure = e.sure
	}
	if ok && a.verb == "range" {
		b.within = e.kind
		a.final = "{{range " + e.text + "}}"
		if e.kind != Texts && itemFields(e.kind) == nil {
			c.report(a.inner, "{{ range order.lines }}", "range goes through a list only")
		}
	}
	if !ok {
		b.within = anything // its inside cannot be judged
	}
	c.blocks = append(c.blocks, b)
}

func (c *checker) otherwise(a *action) {
	if len(c.blocks) == 0 {
		c.report(a.start, "", "{{ %s }} without {{ if }} before it", a.verb)
		return
	}
	b := &c.blocks[len(c.blocks)-1]
	if b.hadElse {
		c.report(a.start, "", "a second {{ else }}")
	}
	b.sure, b.within, a.final = nil, None, "{{else}}"
	if a.verb == "else" {
		b.hadElse = true
		c.bare(a, "else")
		return
	}
	if b.verb == "range" {
		c.report(a.start, "", "{{ else if }} belongs to {{ if }}, not to {{ range }}")
		return
	}
	_, rest, _ := strings.Cut(a.text, "if")
	if e, ok := c.expression(a, rest); ok {
		a.final, b.sure = "{{else if holds "+e.text+"}}", e.sure
	}
}

func (c *checker) close(a *action) {
	if len(c.blocks) == 0 {
		c.report(a.start, "", "{{ end }} without {{ if }} or {{ range }} before it")
		return
	}
	c.bare(a, "end")
	c.blocks = c.blocks[:len(c.blocks)-1]
	a.final = "{{end}}"
}

// bare refuses words after else and end.
func (c *checker) bare(a *action, verb string) {
	if a.text != verb {
		c.report(a.inner, "{{ "+verb+" }}", "{{ %s }} stands alone", verb)
	}
}

func (c *checker) print(a *action) {
	e, ok := c.expression(a, a.text)
	if !ok {
		return
	}
	switch e.kind {
	case group:
		c.report(a.inner, "{{ "+c.firstField(a.text)+" }}", "%s has several fields: name one", a.text)
		return
	case Lines, Cards, Rewards:
		c.report(a.inner, items[e.kind].how+"…{{ end }}", "a list is shown with range")
		return
	case Entries:
		c.table(a)
	case Texts:
		c.report(a.inner, `{{ `+a.text+` | join ", " }}`, "a list is shown with join")
		return
	}
	if slices.Contains([]string{"member.first_name", "member.last_name", "member.name"}, e.field) && !slices.Contains(c.sure(), e.field) {
		p := c.problem(a.inner, `{{ `+a.text+` | default "friend" }}`, "not every member has told us their %s", strings.TrimPrefix(e.field, "member."))
		p.Warning = true
		c.problems = append(c.problems, p)
	}
	a.final, a.textual = "{{"+e.text+"}}", "{{urlpart "+e.text+"}}"
}

// table allows {{ statement "1m" }} where a table can stand.
func (c *checker) table(a *action) {
	begin, end := c.lineAt(a.start)
	switch {
	case c.inside() != None:
		c.report(a.start, "", "a table inside a range is not possible")
	case a.start < c.body:
		c.report(a.inner, "write it in the mail's text", "the statement is a table")
	case !strings.HasSuffix(c.file, ".md"):
		c.report(a.inner, items[Entries].how+"…{{ end }}", "in a page its rows are shown with range")
	case strings.TrimSpace(c.text[begin:end]) != c.text[a.start:a.end]:
		c.report(a.inner, "write it on a line of its own, or show its rows with "+items[Entries].how+"…{{ end }}", "the statement is a table")
	}
	a.table = true
}

func (c *checker) firstField(root string) string {
	if usual := map[string]string{"member": "member.first_name", "coupon": "coupon.code", "milestone": "milestone.value", "points": "points.balance", "tier": "tier.name", "referral": "referral.link"}[root]; usual != "" {
		return usual
	}
	for _, n := range c.known.names() {
		if strings.HasPrefix(n, root+".") {
			return n
		}
	}
	return root + ".…"
}

// inside is what the range around the present action goes through, None outside.
func (c *checker) inside() Kind {
	for _, b := range c.blocks {
		if b.within != None {
			return b.within
		}
	}
	return None
}

// sure lists what the blocks around the present action have made certain.
func (c *checker) sure() (all []string) {
	for _, b := range c.blocks {
		all = append(all, b.sure...)
	}
	return all
}

// expression reads what stands in an action after its verb, which is the end of
// a.text.
func (c *checker) expression(a *action, text string) (expr, bool) {
	body := strings.TrimSpace(text)
	at := a.inner + len(a.text) - len(strings.TrimLeft(text, " \t"))
	if body == "" {
		c.report(a.inner, "{{ "+a.verb+" coupon }}", "%s needs something to look at", a.verb)
		return expr{}, false
	}
	if p, bad := c.oddSigns(at, body); bad {
		c.problems = append(c.problems, p)
		return expr{}, false
	}
	t := parse.New("mail")
	t.Mode = parse.SkipFuncCheck
	tree, err := t.Parse("{{"+body+"}}", "{{", "}}", map[string]*parse.Tree{})
	if err != nil {
		c.report(at, "", "this action cannot be read: %s", parserSays(err))
		return expr{}, false
	}
	x := expression{checker: c, offset: at - 2}
	if len(tree.Root.Nodes) == 1 {
		if print, ok := tree.Root.Nodes[0].(*parse.ActionNode); ok {
			e := x.pipe(print.Pipe)
			return e, !x.failed
		}
	}
	c.report(at, "", "mails have {{ if }}, {{ else }}, {{ range }} and {{ end }} only")
	return expr{}, false
}

// parserSays puts the parser's commonest complaints into other words.
func parserSays(err error) string {
	_, says, _ := strings.Cut(strings.TrimPrefix(err.Error(), "template: mail:"), ": ")
	return strings.NewReplacer(
		"unclosed left paren", "a ( is never closed", "unexpected right paren", "a ) without (", "unexpected EOF", "it ends too soon",
		"missing value for command", "nothing stands where a value is expected", "unterminated quoted string", `a " is never closed`,
		"{{break}} outside {{range}}", "mails have no break", "{{continue}} outside {{range}}", "mails have no continue",
	).Replace(says)
}

// oddSigns catches what people write who know other languages.
func (c *checker) oddSigns(at int, body string) (Problem, bool) {
	plain := withoutStrings(body)
	for _, odd := range []struct{ sign, try, text string }{
		{"“", `{{ member.first_name | default "friend" }}`, `use straight quotes: "…"`},
		{"”", `{{ member.first_name | default "friend" }}`, `use straight quotes: "…"`},
		{"'", `{{ member.first_name | default "friend" }}`, `use double quotes: "…"`},
		{"||", `or (eq member.country "FI") (eq member.country "SE")`, "|| is written or"},
		{"&&", "and coupon member.first_name", "&& is written and"},
		{"==", `eq member.country "FI"`, "== is written eq, in front"},
		{"!=", `ne member.country "FI"`, "!= is written ne, in front"},
		{">=", "ge order.total 50", ">= is written ge, in front"},
		{"<=", "le order.total 50", "<= is written le, in front"},
		{">", "gt order.total 50", "> is written gt, in front"},
		{"<", "lt order.total 50", "< is written lt, in front"},
		{"$", "member.first_name", "there are no variables"},
		{":=", "", "there are no variables"},
	} {
		if i := strings.Index(plain, odd.sign); i >= 0 {
			return c.problem(at+i, odd.try, "%s", odd.text), true
		}
	}
	return Problem{}, false
}

// withoutStrings blanks out what stands between quotes, keeping all offsets.
func withoutStrings(s string) string {
	b := []byte(s)
	quote := byte(0)
	for i := 0; i < len(b); i++ {
		switch {
		case quote == '"' && b[i] == '\\' && i+1 < len(b):
			b[i], b[i+1] = ' ', ' '
			i++
		case quote != 0 && b[i] != quote:
			b[i] = ' '
		case quote != 0:
			quote = 0
		case b[i] == '"' || b[i] == '`':
			quote = b[i]
		}
	}
	return string(b)
}

// foreignMarks are the marks of other mail programs for a member's name and the
// like. Here they are plain text, which members would read.
var foreignMarks = []*regexp.Regexp{
	regexp.MustCompile(`(\*\|[A-Za-z0-9_:]+\|\*)`),
	regexp.MustCompile(`(\[\[\s*[A-Za-z_.]+\s*\]\])`),
	regexp.MustCompile(`(%%?[A-Za-z]*_?[A-Z]{3,}%%?)`),
	regexp.MustCompile(`(?:^|[^{])(\{\s*[A-Za-z_.]+\s*\})(?:[^}]|$)`),
}

// foreign warns of the marks of other mail programs.
func (s *source) foreign() (problems []Problem) {
	for _, mark := range foreignMarks {
		for _, at := range mark.FindAllStringSubmatchIndex(s.text, -1) {
			p := s.problem(at[2], "write {{ member.first_name | default \"friend\" }}, or what it stands for", "members would read %s as it stands", s.text[at[2]:at[3]])
			p.Warning = true
			problems = append(problems, p)
		}
	}
	return problems
}
