package program

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"regulars/internal/loyalty"
	"regulars/segments"
)

// starts are the ways in which a campaign can start, as a person would list them.
const starts = "joins, or one of enters, milestone, yearly, date, event, at, every and launch in { }"

// readStart reads start. Kind stays "" when it cannot be told.
func (r *reading) readStart(c *folder) {
	n := c.g.must("start", "say what starts the campaign: "+starts)
	switch {
	case n == nil:
	case n.form == scalar && n.text == "joins":
		c.Start = Start{Kind: "joins", Spec: "joins"}
	case n.form == list:
		r.errorAt(n, "a campaign has one start, not a list of them", "write it without [ ]; for another start make another campaign")
	case n.form != mapping:
		r.errorAt(n, fmt.Sprintf("%q does not start a campaign", n.text), r.startHint(n.text))
	default:
		r.readStartForm(c, n)
	}
}

func (r *reading) startHint(text string) string {
	word, rest, _ := strings.Cut(text, " ")
	switch near := nearest(word, append(sortedKeys(startPlaces), "joins")); {
	case near == "joins":
		return `did you mean "joins"?`
	case near != "" && rest != "":
		return fmt.Sprintf("write {%s: %s}", near, rest)
	case near != "":
		return fmt.Sprintf("write {%s: …}", near)
	}
	return "a campaign starts with " + starts
}

// startForms read what follows the key that names the kind of a start.
var startForms = []struct {
	kind string
	read func(*reading, *folder, group)
}{
	{"milestone", (*reading).startMilestone}, // before at and every, which it has too
	{"enters", (*reading).startEnters},
	{"yearly", (*reading).startYearly},
	{"date", (*reading).startDate},
	{"event", (*reading).startEvent},
	{"at", (*reading).startAt},
	{"every", (*reading).startEvery},
	{"launch", (*reading).startLaunch},
}

func (r *reading) readStartForm(c *folder, n *node) {
	for _, form := range startForms {
		g := group{r, n}
		if !g.has(form.kind) {
			continue
		}
		g = r.group(n, startPlaces[form.kind])
		c.Start.Kind = form.kind
		form.read(r, c, g)
		c.Start.Spec = c.Start.spec()
		return
	}
	for _, kv := range n.pairs {
		r.errorAt(kv.key, fmt.Sprintf("%q does not start a campaign", kv.key.text), r.startHint(kv.key.text))
		return
	}
	r.errorAt(n, "the start says nothing", "a campaign starts with "+starts)
}

func (r *reading) startEnters(c *folder, g group) {
	n := g.get("enters")
	name := r.words(n)
	if _, ok := r.segments[name]; name != "" && !ok {
		r.errorAt(n, fmt.Sprintf("%q is not a segment", name), suggest(name, sortedKeys(r.segments), "name it in segments.yaml"))
	}
	c.Start.Segment = name
	c.Start.Time = r.clock(g.get("time"))
	if n := g.get("existing"); n != nil {
		c.Start.Existing, _ = read(r, n, existing)
	}
}

func existing(s string) (Existing, error) {
	switch s {
	case "none":
		return Existing{}, nil
	case "all":
		return Existing{All: true}, nil
	}
	count, perDay := strings.CutSuffix(s, " per day")
	n, err := strconv.Atoi(strings.TrimSpace(count))
	if !perDay || err != nil || n < 1 || n > 1e9 {
		return Existing{}, fmt.Errorf("%q does not say what happens to those inside already: none, all or 200 per day", s)
	}
	return Existing{PerDay: n}, nil
}

// clock reads a time of day; nil when none stands there.
func (r *reading) clock(n *node) *loyalty.TimeOfDay {
	t, ok := read(r, n, loyalty.ParseTimeOfDay)
	if !ok {
		return nil
	}
	return &t
}

// morning is when a mail about a day goes out when the file names no time.
func (r *reading) morning(n *node) *loyalty.TimeOfDay {
	if t := r.clock(n); t != nil {
		return t
	}
	return &loyalty.TimeOfDay{Hour: 9}
}

func (r *reading) startMilestone(c *folder, g group) {
	n := g.get("milestone")
	if n != nil && n.text == "referrals" {
		r.notYet(n, "milestone: referrals")
	} else {
		c.Start.Figure, _ = read(r, n, loyalty.ParseFigure)
		r.name(n, segments.ProductOrCategory, c.Start.Figure.Of)
	}
	value := func(n *node) int64 { return r.number(n, 1, 1e12) }
	if c.Start.Figure.Money() {
		value = r.money
	}
	for _, n := range r.each(g.get("at")) {
		v := value(n)
		if count := len(c.Start.At); v > 0 && count > 0 && v <= c.Start.At[count-1] {
			r.errorAt(n, fmt.Sprintf("%s stands after a milestone that is as high or higher", n.text), "write them from the lowest to the highest, each once")
		}
		c.Start.At = append(c.Start.At, v)
	}
	c.Start.Every = value0(value, g.get("every"))
	if !g.has("at") && !g.has("every") {
		r.errorAt(g.n, "nothing says which milestones count", "at: [1, 5, 10], or every: 10, or both")
	}
}

// value0 reads a value that may be missing.
func value0(read func(*node) int64, n *node) int64 {
	if n == nil {
		return 0
	}
	return read(n)
}

func (r *reading) startYearly(c *folder, g group) {
	c.Start.Field = r.oneOf(g.get("yearly"), "birthday", "joined")
	c.Start.Before = r.before(g.get("before"))
	c.Start.Time = r.morning(g.get("time"))
	c.Start.ByMember = r.byMember(g.get("zone"))
}

// before reads how many days before a date: 3d, or a list. None is the day itself.
func (r *reading) before(n *node) []int {
	if n == nil {
		return []int{0}
	}
	var days []int
	for _, item := range r.each(n) {
		d, ok := read(r, item, loyalty.ParseDays)
		if ok && slices.Contains(days, d) {
			r.errorAt(item, fmt.Sprintf("%dd stands in the list twice", d), "keep one of the two")
		} else if ok && d > 364 {
			r.errorAt(item, fmt.Sprintf("%dd before is more than a year", d), "at most 364d")
		} else if ok {
			days = append(days, d)
		}
	}
	return days
}

// byMember reads zone: member's own clock, or the shop's.
func (r *reading) byMember(n *node) bool {
	return n != nil && r.oneOf(n, "member", "shop") == "member"
}

func (r *reading) startDate(c *folder, g group) {
	n := g.get("date")
	name := r.words(n)
	switch t, declared := r.program.Attributes[name]; {
	case name == "":
	case name == "points_expire_on" && !declared:
		r.report(n, NotYet, `"date: points_expire_on" needs points that expire, which this version does not keep`,
			"leave it out for now, or, if your shop sends that date with the member, declare attributes: {points_expire_on: date} in program.yaml")
	case !declared:
		r.errorAt(n, fmt.Sprintf("%q is not an attribute of the program", name), suggest(name, r.dateAttributes(), "declare it in program.yaml: attributes: {"+name+": date}"))
	case t != segments.Date:
		r.errorAt(n, fmt.Sprintf("attribute %s is a %s, not a date", name, t), "name an attribute of type date")
	}
	c.Start.Field = name
	c.Start.Before = r.before(g.get("before"))
	c.Start.Time = r.morning(g.get("time"))
}

func (r *reading) dateAttributes() []string {
	var names []string
	for _, name := range sortedKeys(r.program.Attributes) {
		if r.program.Attributes[name] == segments.Date {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return names
}

func (r *reading) startEvent(c *folder, g group) {
	n := g.get("event")
	c.Start.Event = r.eventType(n, r.words(n))
	c.Start.Where = r.rule(g.get("where"), r.rules(c), segments.Parse)
}

// eventType checks the type of an event. Any name may be the shop's own, but one
// that is nearly ours is probably a slip.
func (r *reading) eventType(n *node, name string) string {
	bad := strings.ContainsFunc(name, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("._-", c))
	})
	r.name(n, segments.EventType, name)
	switch near := nearest(name, loyalty.EventTypes); {
	case name == "":
	case bad:
		r.errorAt(n, fmt.Sprintf("%q does not do as the type of an event", name), "use letters, digits, dots, - and _, like wishlist.added")
	case near != "" && !slices.Contains(loyalty.EventTypes, name):
		r.warnAt(n, fmt.Sprintf("%q is not an event that Regulars knows; it would have to come from your shop", name), fmt.Sprintf("did you mean %q?", near))
	}
	return name
}

func (r *reading) startAt(c *folder, g group) {
	type moment struct {
		day   loyalty.Day
		clock loyalty.TimeOfDay
	}
	m, _ := read(r, g.get("at"), func(s string) (moment, error) {
		day, clock, err := loyalty.ParseLocal(s)
		return moment{day, clock}, err
	})
	c.Start.Date, c.Start.Clock = m.day, m.clock
	c.Start.ByMember = r.byMember(g.get("zone"))
}

func (r *reading) startEvery(c *folder, g group) {
	n := g.get("every")
	if n != nil && n.form == list {
		r.errorAt(n, "a timetable is one value, not a list", "write monday,thursday 08:00")
		return
	}
	if s, ok := read(r, n, loyalty.ParseSchedule); ok {
		c.Start.Schedule = &s
	}
}

func (r *reading) startLaunch(c *folder, g group) {
	n := g.get("launch")
	c.Start.Launch = map[string]segments.Type{}
	if n == nil {
		return
	}
	if n.form != mapping {
		r.errorAt(n, "launch lists the values that the campaign is launched with, and their types", "write {category: text, link: url}, or {} for none")
		return
	}
	for _, kv := range (group{r, n}).pairs() {
		if err := segments.CheckAttribute(kv.key.text); err != nil {
			r.errorAt(kv.key, saying(err), "")
		} else if t, ok := read(r, kv.value, valueType); ok {
			c.Start.Launch[kv.key.text] = t
			if isLink(kv.value.text) {
				c.Start.Links = append(c.Start.Links, kv.key.text)
			}
		}
	}
	slices.Sort(c.Start.Links)
}

func isLink(typeName string) bool { return typeName == "url" || typeName == "link" }

// spec is the start in one line, the same for two files that mean the same.
func (s Start) spec() string {
	var words []string
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	add("%s", s.Kind)
	switch s.Kind {
	case "enters":
		add("%s", s.Segment)
	case "milestone":
		add("%s %v every %d", s.Figure, s.At, s.Every)
	case "yearly", "date":
		add("%s %v", s.Field, s.Before)
	case "event":
		add("%s", s.Event)
	case "at":
		add("%s %s", s.Date, s.Clock)
	case "every":
		if s.Schedule != nil {
			add("%s", s.Schedule)
		}
	case "launch":
		for _, name := range sortedKeys(s.Launch) {
			add("%s: %s", name, s.Launch[name])
		}
	}
	if s.Where != nil {
		add("where %s", s.Where.Text())
	}
	if s.Time != nil {
		add("at %s", s.Time)
	}
	if s.ByMember {
		add("by member")
	}
	return strings.Join(words, " ")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
