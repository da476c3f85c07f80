package segments

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"regulars/internal/loyalty"
)

func (c *checker) call(s *syntax) *call {
	c.parts++
	e, err := c.entry(s)
	switch {
	case err != nil:
		panic(err)
	case e.in == nil && !s.called:
		panic(fail(s.pos, "%s needs brackets: it is written %s", e.name, e.usage()))
	case e.in == nil:
		panic(fail(s.pos, "%s is a condition by itself and is not compared", e.name))
	}
	use := &call{entry: e, pos: s.pos, typ: e.typ, currency: c.scope.Currency, except: c.scope.FavouritesExcept, lifecycle: c.scope.Lifecycle, booked: c.scope.Booked, cards: c.scope.Cards, prices: c.scope.Rewards, graces: c.scope.Graces}
	args := c.span(use, s, c.filter(use, c.subject(use, s, s.kids)))
	if e.climbs {
		c.climbs(use, s)
	}
	switch {
	case len(args) > 0 && !args[0].operand():
		panic(fail(args[0].begins(), "%s takes no condition: it is written %s", e.name, e.usage()))
	case len(args) > 0:
		panic(tooMany(e, s, args[0]))
	case s.called && len(s.kids) == 0:
		panic(fail(s.pos, "the brackets are empty: write %s", e.usage()))
	}
	return use
}

// subject checks the text, the number or the date field that the entry wants
// first, and returns the arguments that follow it.
func (c *checker) subject(call *call, s *syntax, args []*syntax) (rest []*syntax) {
	switch e := call.entry; {
	case !e.dated && e.what == "" && e.count == "":
		return args
	case len(args) == 0 && e.dated:
		panic(fail(s.pos, "%s needs a date field: %s", e.name, e.example()))
	case len(args) == 0 && e.count != "":
		panic(fail(s.pos, "%s needs the number of %s: %s", e.name, e.count, e.example()))
	case len(args) == 0:
		panic(fail(s.pos, `%s needs the %s: %s`, e.name, e.what, e.written()))
	case !args[0].operand():
		panic(fail(args[0].begins(), "%s takes no condition here: it is written %s", e.name, e.usage()))
	case e.dated && args[0].form != formName:
		panic(fail(args[0].pos, "%s takes the name of a date field without quotes", e.name))
	case e.dated:
		call.of = c.call(args[0])
		if call.of.typ == Any {
			call.of.typ = Date
		}
		if call.of.typ != Date {
			panic(fail(args[0].pos, "%s counts from a date, and %s is %s", e.name, call.of.name, call.of.typ.a()))
		}
	case e.count != "":
		const most = 10000
		n, err := strconv.ParseInt(args[0].word, 10, 64)
		if args[0].form != formNumber || err != nil || n < 2 || n > most {
			panic(fail(args[0].pos, "%s takes a whole number of %s from 2 to %d: %s", e.name, e.count, most, e.example()))
		}
		call.count = n
	default:
		call.what = c.textArgument(call, args[0], call.check)
		c.existing(call, args[0])
		if e.what == "tier" {
			c.goalOf(call, args[0])
		}
	}
	return args[1:]
}

// textArgument checks a text in quotes, or one that is known at the start.
func (c *checker) textArgument(of *call, s *syntax, check func(string) string) operand {
	if s.form != formName {
		return operand{lit: c.text(of.name, s, check), pos: s.pos}
	}
	if _, err := c.entry(s); err != nil && !s.called && !strings.Contains(s.word, ".") {
		panic(unquoted(s))
	}
	arg := c.call(s)
	if arg.typ == Any {
		arg.typ = Text
	}
	if !arg.fixed() || arg.typ != Text || check != nil {
		panic(fail(s.pos, `%s takes a text in quotes here, not the field %s`, of.name, arg.name))
	}
	return operand{call: arg}
}

func (c *checker) existing(of *call, s *syntax) {
	names := map[string][]string{"pool": c.scope.AllPools, "campaign": c.scope.Campaigns, "card": namesIn(c.scope.Cards), "reward": namesIn(c.scope.Rewards), "tier": c.scope.Tiers}[of.entry.what]
	if of.name == "unused" {
		switch names = c.scope.Pools; {
		case names == nil:
			panic(fail(s.pos, "unused asks for a code given in the same campaign: it can stand only in the steps of one; elsewhere ask with holds_code"))
		case s.form != formText:
			panic(fail(s.pos, `unused takes the name of a pool in quotes`))
		}
	}
	if ours := of.entry.what == "card" || of.entry.what == "reward" || of.entry.what == "tier"; ours && s.form != formText {
		panic(fail(s.pos, "%s takes the name of a %s in quotes", of.name, of.entry.what))
	} else if ours && names != nil && len(names) == 0 {
		panic(fail(s.pos, "the program has no %ss: they are written in loyalty.yaml", of.entry.what))
	}
	if names != nil && s.form == formText && !slices.Contains(names, s.word) {
		panic(unknown(s.pos, of.entry.what, s.word, names))
	}
}

// namesIn are the keys of a map, nil of none.
func namesIn[V any](m map[string]V) []string {
	if m == nil {
		return nil
	}
	return slices.AppendSeq([]string{}, maps.Keys(m))
}

// filter checks the condition on the properties of the events that are looked at.
func (c *checker) filter(call *call, args []*syntax) (rest []*syntax) {
	if !call.filtered || len(args) == 0 || args[0].form == formText {
		return args
	}
	inside := &checker{scope: c.scope, opened: c.opened, within: call.name}
	call.filter = inside.condition(args[0])
	c.parts += inside.parts
	return args[1:]
}

// ownProperty reports whether a name inside a condition on an event means one of
// its properties: no group of its own and no brackets.
func (c *checker) ownProperty(s *syntax) bool {
	group, _, dotted := strings.Cut(s.word, ".")
	return !s.called && !(dotted && slices.Contains([]string{"launch", "order", "event"}, group))
}

// span checks a time span: "90d", or two dates.
func (c *checker) span(call *call, s *syntax, args []*syntax) (rest []*syntax) {
	e := call.entry
	switch {
	case !e.window || len(args) == 0 && !e.spanned:
		return args
	case len(args) == 0 && e.foretold():
		panic(fail(s.pos, "%s needs a time span that begins today: %s", e.name, e.example()))
	case len(args) == 0:
		panic(fail(s.pos, "%s needs a time span: %s or %s", e.name, e.withSpan(), e.between()))
	case !args[0].operand():
		return args // said to be no condition
	case args[0].form != formText:
		panic(fail(args[0].pos, `a time span stands in quotes, as in %s`, e.withSpan()))
	case dateForm.MatchString(args[0].word):
		call.window = c.dates(call, args)
		args = args[2:]
	default:
		w, wrong := parseWindow(args[0].word)
		if wrong != nil {
			panic(fail(args[0].pos, "%s", notASpan(e, s, args[0], wrong)))
		}
		call.window, args = &w, args[1:]
		if len(args) > 0 && args[0].form == formText && dateForm.MatchString(args[0].word) {
			panic(fail(args[0].pos, `a time span is either like "90d" or between two dates: %s`, e.between()))
		}
	}
	w := call.window
	long := map[byte]int{'d': 365, 'w': 52, 'm': 12, 'y': 1}[w.unit]
	switch {
	case w.unit == thisYear && (e.ahead || e.yearly() || e.foretold()):
		panic(fail(s.pos, "this year is over as far as it lies behind, and %s looks ahead: %s", e.name, e.withSpan()))
	case e.foretold() && w.fixed():
		panic(fail(s.pos, "%s looks ahead from today and takes no dates: %s", e.name, e.example()))
	case (e.ahead || e.yearly()) && (w.fixed() && w.to-w.from >= 365 || !w.fixed() && w.n > long):
		panic(fail(s.pos, "%s looks at a year at most: %s", e.name, e.withSpan()))
	}
	return args
}

func (c *checker) dates(of *call, args []*syntax) *window {
	if len(args) < 2 || args[1].form != formText {
		panic(fail(args[0].pos, "a time span between dates needs both, the last one included: %s", of.between()))
	}
	var days [2]loyalty.Day
	for i, s := range args[:2] {
		days[i], _ = loyalty.ParseDay(c.date(of, s).text)
	}
	switch {
	case days[1] < days[0]:
		panic(fail(args[1].pos, `the time span ends before it begins: write "%s", "%s"`, args[1].word, args[0].word))
	case days[1]-days[0] > 36525:
		panic(fail(args[1].pos, "the time span is longer than a century"))
	}
	return &window{from: days[0], to: days[1]}
}

// entry finds what a name means at this place: inside a condition on an event a
// property of it, elsewhere a field.
func (c *checker) entry(s *syntax) (*entry, *Error) {
	e := find(catalogue(), s.word)
	if s.called && s.word == short {
		e = find(catalogue(), shortOf)
	}
	group, name, _ := strings.Cut(s.word, ".")
	typ, own := c.scope.Attributes[s.word]
	launched, declared := c.scope.Launch[name]
	if c.scope.Earning && c.within == "" {
		if own, err := c.earned(s, e); own != nil || err != nil {
			return own, err
		}
	}
	switch {
	case c.within != "" && c.ownProperty(s):
		return property(s.word), nil
	case c.within != "" && s.called && (e == nil || !e.given):
		return nil, fail(s.pos, "in the brackets of %s stand properties of the event, like page == \"boots\"; join %s with and outside of them", c.within, s.word)
	case e != nil && strings.HasPrefix(e.name, "order.") && !c.scope.Order:
		return nil, fail(s.pos, "%s can be read only in a campaign that starts with an event of an order", e.name)
	case e != nil:
		return e, nil
	case own:
		return attribute(s.word, typ), nil
	case group == "launch" && declared:
		return launchValue(name, launched), nil
	case group == "launch" && name != "" && c.scope.Launch == nil:
		return nil, fail(s.pos, "%s can be read only in a campaign that starts with a launch", s.word)
	case group == "launch" && name != "":
		return nil, unknown(s.pos, "launch value", name, slices.Sorted(maps.Keys(c.scope.Launch)))
	case group == "event" && name != "" && c.scope.Event:
		return eventProperty(name), nil
	case group == "event" && name != "":
		return nil, fail(s.pos, "%s can be read only in a campaign that starts with an event", s.word)
	}
	return nil, c.unknownField(s)
}

func find(entries []*entry, name string) *entry {
	for _, e := range entries {
		if e.name == name {
			return e
		}
	}
	return nil
}

// unknownField says what is wrong with a name that means nothing here.
func (c *checker) unknownField(s *syntax) *Error {
	if _, ok := c.scope.Segments[s.word]; ok {
		return &Error{Offset: s.pos, Near: []string{s.word},
			Message: s.word + ` is a segment: write in_segment("` + s.word + `")`}
	}
	if e := find(earnFields(), s.word); e != nil {
		return fail(s.pos, "%s can be read only in a condition on how points are earned, in loyalty.yaml", s.word)
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
	e := unknown(s.pos, "field", s.word, known)
	if len(meant) > 0 {
		e.Near = meant[:min(3, len(meant))]
	}
	switch {
	case len(e.Near) > 0:
		written := slices.Clone(e.Near)
		for i, name := range written {
			if entry := find(catalogue(), name); entry != nil {
				written[i] = entry.named()
			}
		}
		e.Message = "there is no field called " + s.word + "; did you mean " + alternatives(written) + "?"
		return e
	case !s.called:
		e.strange = true
		e.Message += "; a field of your own is declared under attributes in program.yaml"
	}
	e.Message += "; `regulars segment fields` lists them all"
	return e
}
