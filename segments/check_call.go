package segments

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"regulars/internal/loyalty"
)

// call checks a field or function with its arguments.
func (c *checker) call(s *syntax) (*call, *Error) {
	c.parts++
	e, err := c.entry(s)
	if err != nil {
		return nil, err
	}
	switch {
	case e.in == nil && !s.called:
		return nil, fail(s.pos, "%s needs brackets: it is written %s", e.name, e.usage())
	case e.in == nil:
		return nil, fail(s.pos, "%s is a condition by itself and is not compared", e.name)
	}
	use := &call{entry: e, pos: s.pos, typ: e.typ, currency: c.scope.Currency, except: c.scope.FavouritesExcept, lifecycle: c.scope.Lifecycle}
	args := s.kids
	for _, step := range []func(*call, *syntax, []*syntax) ([]*syntax, *Error){c.subject, c.filter, c.span} {
		if args, err = step(use, s, args); err != nil {
			return nil, err
		}
	}
	switch {
	case len(args) > 0 && !args[0].operand():
		return nil, fail(args[0].begins(), "%s takes no condition: it is written %s", e.name, e.usage())
	case len(args) > 0:
		return nil, tooMany(e, s, args[0])
	case s.called && len(s.kids) == 0:
		return nil, fail(s.pos, "the brackets are empty: write %s", e.usage())
	}
	return use, nil
}

// subject checks the text, the number or the date field that the entry wants
// first, and returns the arguments that follow it.
func (c *checker) subject(call *call, s *syntax, args []*syntax) (rest []*syntax, err *Error) {
	switch e := call.entry; {
	case !e.dated && e.what == "" && e.count == "":
		return args, nil
	case len(args) == 0 && e.dated:
		return nil, fail(s.pos, "%s needs a date field: %s", e.name, e.example())
	case len(args) == 0 && e.count != "":
		return nil, fail(s.pos, "%s needs the number of %s: %s", e.name, e.count, e.example())
	case len(args) == 0:
		return nil, fail(s.pos, `%s needs the %s: %s`, e.name, e.what, e.written())
	case !args[0].operand():
		return nil, fail(args[0].begins(), "%s takes no condition here: it is written %s", e.name, e.usage())
	case e.dated:
		call.of, err = c.dateArgument(call, args[0])
	case e.count != "":
		call.count, err = countArgument(call, args[0])
	default:
		if call.what, err = c.textArgument(call, args[0], call.check); err == nil {
			err = c.existing(call, args[0])
		}
	}
	return args[1:], err
}

// countArgument checks a number of groups.
func countArgument(of *call, s *syntax) (int64, *Error) {
	const most = 10000
	n, err := strconv.ParseInt(s.word, 10, 64)
	if s.form != formNumber || err != nil || n < 2 || n > most {
		return 0, fail(s.pos, "%s takes a whole number of %s from 2 to %d: %s", of.name, of.entry.count, most, of.example())
	}
	return n, nil
}

// textArgument checks a text in quotes, or one that is known at the start.
func (c *checker) textArgument(of *call, s *syntax, check func(string) string) (operand, *Error) {
	if s.form != formName {
		v, err := c.text(of.name, s, check)
		return operand{lit: v, pos: s.pos}, err
	}
	if _, err := c.entry(s); err != nil && !s.called && !strings.Contains(s.word, ".") {
		return operand{}, unquoted(s)
	}
	arg, err := c.call(s)
	if err != nil {
		return operand{}, err
	}
	if arg.typ == Any {
		arg.typ = Text
	}
	if !arg.fixed() || arg.typ != Text || check != nil {
		return operand{}, fail(s.pos, `%s takes a text in quotes here, not the field %s`, of.name, arg.name)
	}
	return operand{call: arg}, nil
}

func (c *checker) dateArgument(of *call, s *syntax) (*call, *Error) {
	if s.form != formName {
		return nil, fail(s.pos, "%s takes the name of a date field without quotes", of.name)
	}
	arg, err := c.call(s)
	switch {
	case err != nil:
		return nil, err
	case arg.typ == Any:
		arg.typ = Date
	case arg.typ != Date:
		return nil, fail(s.pos, "%s counts from a date, and %s is %s", of.name, arg.name, arg.typ.a())
	}
	return arg, nil
}

// existing checks that the pool or the campaign that an entry names is there.
func (c *checker) existing(of *call, s *syntax) *Error {
	if of.name == "unused" {
		return c.campaignsPool(s)
	}
	names := map[string][]string{"pool": c.scope.AllPools, "campaign": c.scope.Campaigns}[of.entry.what]
	if names == nil || s.form != formText || slices.Contains(names, s.word) {
		return nil
	}
	return unknown(s.pos, of.entry.what, s.word, names)
}

// campaignsPool checks the argument of unused.
func (c *checker) campaignsPool(s *syntax) *Error {
	switch {
	case c.scope.Pools == nil:
		return fail(s.pos, "unused asks for a code given in the same campaign: it can stand only in the steps of one; elsewhere ask with holds_code")
	case s.form != formText:
		return fail(s.pos, `unused takes the name of a pool in quotes`)
	case !slices.Contains(c.scope.Pools, s.word):
		return unknown(s.pos, "pool", s.word, c.scope.Pools)
	}
	return nil
}

// filter checks the condition on the properties of the events that are looked at.
func (c *checker) filter(call *call, _ *syntax, args []*syntax) (rest []*syntax, err *Error) {
	if !call.filtered || len(args) == 0 || args[0].form == formText {
		return args, nil
	}
	inside := &checker{scope: c.scope, opened: c.opened, within: call.name}
	call.filter, err = inside.condition(args[0])
	c.parts += inside.parts
	return args[1:], err
}

// ownProperty reports whether a name inside a condition on an event means one of
// its properties: no group of its own and no brackets.
func (c *checker) ownProperty(s *syntax) bool {
	group, _, dotted := strings.Cut(s.word, ".")
	return !s.called && !(dotted && slices.Contains([]string{"launch", "order", "event"}, group))
}

// inside finds what a name means in a condition on an event.
func (c *checker) inside(s *syntax) (*entry, *Error) {
	e := find(catalogue(), s.word)
	switch {
	case c.ownProperty(s):
		return property(s.word), nil
	case s.called && (e == nil || !e.given):
		return nil, fail(s.pos, "in the brackets of %s stand properties of the event, like page == \"boots\"; join %s with and outside of them", c.within, s.word)
	}
	return c.anywhere(s)
}

// span checks a time span: "90d", or two dates.
func (c *checker) span(call *call, s *syntax, args []*syntax) (rest []*syntax, err *Error) {
	e := call.entry
	switch {
	case !e.window || len(args) == 0 && !e.spanned:
		return args, nil
	case len(args) == 0 && e.foretold():
		return nil, fail(s.pos, "%s needs a time span that begins today: %s", e.name, e.example())
	case len(args) == 0:
		return nil, fail(s.pos, "%s needs a time span: %s or %s", e.name, e.withSpan(), e.between())
	case !args[0].operand():
		return args, nil // said to be no condition
	case args[0].form != formText:
		return nil, fail(args[0].pos, `a time span stands in quotes, as in %s`, e.withSpan())
	case dateForm.MatchString(args[0].word):
		call.window, err = c.dates(call, args)
		args = args[min(2, len(args)):]
	default:
		var w window
		var wrong error
		if w, wrong = parseWindow(args[0].word); wrong != nil {
			return nil, fail(args[0].pos, "%s", notASpan(e, s, args[0], wrong))
		}
		call.window, args = &w, args[1:]
		if len(args) > 0 && args[0].form == formText && dateForm.MatchString(args[0].word) {
			return nil, fail(args[0].pos, `a time span is either like "90d" or between two dates: %s`, e.between())
		}
	}
	if err == nil && e.foretold() && call.window.fixed() {
		return nil, fail(s.pos, "%s looks ahead from today and takes no dates: %s", e.name, e.example())
	}
	if err == nil && (e.ahead || e.yearly()) {
		err = withinAYear(call, s)
	}
	return args, err
}

// dates checks a time span between two dates.
func (c *checker) dates(of *call, args []*syntax) (*window, *Error) {
	if len(args) < 2 || args[1].form != formText {
		return nil, fail(args[0].pos, "a time span between dates needs both, the last one included: %s", of.between())
	}
	var days [2]loyalty.Day
	for i, s := range args[:2] {
		v, err := c.date(of, s)
		if err != nil {
			return nil, err
		}
		days[i], _ = loyalty.ParseDay(v.text)
	}
	if days[1] < days[0] {
		return nil, fail(args[1].pos, `the time span ends before it begins: write "%s", "%s"`, args[1].word, args[0].word)
	}
	if days[1]-days[0] > 36525 {
		return nil, fail(args[1].pos, "the time span is longer than a century")
	}
	return &window{from: days[0], to: days[1]}, nil
}

// withinAYear refuses a longer time span for what comes every year.
func withinAYear(of *call, s *syntax) *Error {
	w := of.window
	long := map[byte]int{'d': 365, 'w': 52, 'm': 12, 'y': 1}[w.unit]
	if w.fixed() && w.to-w.from < 365 || !w.fixed() && w.n <= long {
		return nil
	}
	return fail(s.pos, "%s looks at a year at most: %s", of.name, of.withSpan())
}

// entry finds what a name means at this place.
func (c *checker) entry(s *syntax) (*entry, *Error) {
	if c.within != "" {
		return c.inside(s)
	}
	return c.anywhere(s)
}

// anywhere finds what a name means outside the condition on an event.
func (c *checker) anywhere(s *syntax) (*entry, *Error) {
	if e := find(catalogue(), s.word); e != nil {
		if strings.HasPrefix(e.name, "order.") && !c.scope.Order {
			return nil, fail(s.pos, "%s can be read only in a campaign that starts with an event of an order", e.name)
		}
		return e, nil
	}
	if typ, ok := c.scope.Attributes[s.word]; ok {
		return attribute(s.word, typ), nil
	}
	group, name, _ := strings.Cut(s.word, ".")
	switch {
	case group == "launch" && name != "":
		return c.launched(s, name)
	case group == "event" && name != "" && c.scope.Event:
		return eventProperty(name), nil
	case group == "event" && name != "":
		return nil, fail(s.pos, "%s can be read only in a campaign that starts with an event", s.word)
	}
	return nil, c.unknownField(s)
}

func (c *checker) launched(s *syntax, name string) (*entry, *Error) {
	typ, ok := c.scope.Launch[name]
	switch {
	case ok:
		return launchValue(name, typ), nil
	case c.scope.Launch == nil:
		return nil, fail(s.pos, "%s can be read only in a campaign that starts with a launch", s.word)
	}
	return nil, unknown(s.pos, "launch value", name, slices.Sorted(maps.Keys(c.scope.Launch)))
}

func find(entries []*entry, name string) *entry {
	for _, e := range entries {
		if e.name == name {
			return e
		}
	}
	return nil
}

// unknownField explains a name that means nothing here.
func (c *checker) unknownField(s *syntax) *Error {
	if _, ok := c.scope.Segments[s.word]; ok {
		return &Error{Offset: s.pos, Near: []string{s.word},
			Message: s.word + ` is a segment: write in_segment("` + s.word + `")`}
	}
	if say := c.foreign(s); say != "" {
		return fail(s.pos, "%s", say)
	}
	known := slices.Sorted(maps.Keys(c.scope.Attributes))
	var meant []string
	for _, e := range catalogue() {
		if strings.HasPrefix(e.name, "order.") && !c.scope.Order {
			continue
		}
		known = append(known, e.name)
		if slices.Contains(e.also, strings.ToLower(s.word)) {
			meant = append(meant, e.name)
		}
	}
	for name := range c.scope.Launch {
		known = append(known, "launch."+name)
	}
	return unknownField(s, meant, known)
}

func unknownField(s *syntax, meant, known []string) *Error {
	e := unknown(s.pos, "field", s.word, known)
	if len(meant) > 0 {
		e.Near = meant[:min(3, len(meant))]
	}
	if len(e.Near) > 0 {
		written := make([]string, len(e.Near))
		for i, name := range e.Near {
			written[i] = name
			if entry := find(catalogue(), name); entry != nil {
				written[i] = entry.named()
			}
		}
		e.Message = "there is no field called " + s.word + "; did you mean " + alternatives(written) + "?"
		return e
	}
	if !s.called {
		e.Message += "; a field of your own is declared under attributes in program.yaml"
	}
	e.Message += "; `regulars segment fields` lists them all"
	return e
}
