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

func readStart(r *loader, n *node, c *folder) {
	switch {
	case n.form == scalar && n.text == "joins":
		c.Start = Start{Kind: "joins", Spec: "joins"}
		return
	case n.form == list:
		r.errorAt(n, "a campaign has one start, not a list of them", "write it without [ ]; for another start make another campaign")
		return
	case n.form != mapping:
		r.errorAt(n, fmt.Sprintf("%q does not start a campaign", n.text), startHint(n.text))
		return
	}
	for _, form := range startForms() {
		if kind := form.rows[0].name; (section{r, n}).has(kind) {
			c.Start.Kind = kind
			s := form.fill(r, n, c)
			if kind == "milestone" && !s.has("at") && !s.has("every") {
				r.errorAt(n, "nothing says which milestones count", "at: [1, 5, 10], or every: 10, or both")
			}
			c.Start.Spec = c.Start.spec()
			return
		}
	}
	if len(n.pairs) == 0 {
		r.errorAt(n, "the start says nothing", "a campaign starts with "+starts)
		return
	}
	r.errorAt(n.pairs[0].key, fmt.Sprintf("%q does not start a campaign", n.pairs[0].key.text), startHint(n.pairs[0].key.text))
}

func startHint(text string) string {
	kinds := []string{"joins"}
	for _, form := range startForms() {
		kinds = append(kinds, form.rows[0].name)
	}
	word, rest, _ := strings.Cut(text, " ")
	switch near := loyalty.Nearest(word, slices.Sorted(slices.Values(kinds))); {
	case near == "joins":
		return `did you mean "joins"?`
	case near != "" && rest != "":
		return fmt.Sprintf("write {%s: %s}", near, rest)
	case near != "":
		return fmt.Sprintf("write {%s: …}", near)
	}
	return "a campaign starts with " + starts
}

func readEnters(r *loader, n *node, c *folder) {
	name := r.words(n)
	if _, ok := r.segments[name]; name != "" && !ok {
		r.errorAt(n, fmt.Sprintf("%q is not a segment", name), suggest(name, sortedKeys(r.segments), "name it in segments.yaml"))
	}
	c.Start.Segment = name
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

// String returns the setting as campaign.yaml has it.
func (e Existing) String() string {
	switch {
	case e.All:
		return "all"
	case e.PerDay > 0:
		return fmt.Sprintf("%d per day", e.PerDay)
	}
	return "none"
}

func readFigure(r *loader, n *node, c *folder) {
	c.Start.Figure, _ = parsed(r, n, loyalty.ParseFigure)
	l := r.program.Loyalty
	switch kind := c.Start.Figure.Kind; {
	case kind == loyalty.PointsEarned && (l == nil || l.Points == nil):
		r.errorAt(n, "points_earned is what the program's own points are, and it keeps none", "write points: {earn: …} in loyalty.yaml, or milestone: points for a balance that the shop tells us")
	case kind == loyalty.Referrals && (l == nil || l.Referral == nil):
		r.errorAt(n, "referrals are friends for whom a member was rewarded, and nobody is rewarded for any", "write referral: {friend: POOL, referrer: POOL} in loyalty.yaml")
	}
	r.name(n, segments.ProductOrCategory, c.Start.Figure.Of)
}

// milestoneValue is the kind of a milestone of the start's figure.
func milestoneValue(c *folder) kind[int64] {
	if c.Start.Figure.Money() {
		return amount()
	}
	return whole[int64](1, 1e12)
}

func readMilestones(r *loader, n *node, c *folder) {
	for _, n := range r.each(n) {
		v, _ := milestoneValue(c).read(r, n)
		if count := len(c.Start.At); v > 0 && count > 0 && v <= c.Start.At[count-1] {
			r.errorAt(n, fmt.Sprintf("%s stands after a milestone that is as high or higher", n.text), "write them from the lowest to the highest, each once")
		}
		c.Start.At = append(c.Start.At, v)
	}
}

// readBefore reads how many days before a date: 3d, or a list.
func readBefore(r *loader, n *node, c *folder) {
	c.Start.Before = distinct(r, n, "%dd", func(item *node) (int, bool) {
		d, ok := parsed(r, item, loyalty.ParseDays)
		if d > 364 {
			r.errorAt(item, fmt.Sprintf("%dd before is more than a year", d), "at most 364d")
		}
		return d, ok && d <= 364
	})
}

// PointsExpireOn is the date on which some of a member's points end: a start of
// campaigns in a program that keeps points.
const PointsExpireOn = "points_expire_on"

// ExpireOn reports whether a date is that on which points end, which the ledger knows,
// and no attribute.
func (p *Program) ExpireOn(field string) bool {
	return field == PointsExpireOn && p.Loyalty != nil && p.Loyalty.Points != nil
}

// expires reports whether the program keeps points that end.
func (r *loader) expires() bool {
	l := r.program.Loyalty
	return l != nil && l.Points != nil && l.Points.Expire != (loyalty.Expiry{})
}

func readDateField(r *loader, n *node, c *folder) {
	name := r.words(n)
	c.Start.Field = name
	dates := slices.DeleteFunc(sortedKeys(r.program.Attributes), func(name string) bool { return r.program.Attributes[name] != segments.Date })
	switch t, declared := r.program.Attributes[name]; {
	case name == "":
	case name == PointsExpireOn && r.expires():
		if declared {
			r.warnAt(n, "the date is that on which the program's own points end, not the attribute of this name", "take the attribute out of program.yaml")
		}
	case name == PointsExpireOn && !declared:
		r.errorAt(n, "points_expire_on is the last day of points, and this program has none that end",
			"write points: {expire: …} in loyalty.yaml, or, if your shop sends that date with the member, declare attributes: {points_expire_on: date} in program.yaml")
	case !declared:
		r.errorAt(n, fmt.Sprintf("%q is not an attribute of the program", name), suggest(name, dates, "declare it in program.yaml: attributes: {"+name+": date}"))
	case t != segments.Date:
		r.errorAt(n, fmt.Sprintf("attribute %s is a %s, not a date", name, t), "name an attribute of type date")
	}
}

// eventType checks the type of an event. Any name may be the shop's own, but one
// that is nearly ours is probably a slip.
func (r *loader) eventType(n *node, name string) string {
	if name == "" {
		return ""
	}
	bad := strings.ContainsFunc(name, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("._-", c))
	})
	r.name(n, segments.EventType, name)
	known := slices.Concat(loyalty.EventTypes, loyalty.OwnEvents)
	switch near := loyalty.Nearest(name, known); {
	case bad:
		r.errorAt(n, fmt.Sprintf("%q does not do as the type of an event", name), "use letters, digits, dots, - and _, like wishlist.added")
	case near != "" && !slices.Contains(known, name):
		r.warnAt(n, fmt.Sprintf("%q is not an event that Regulars knows; it would have to come from your shop", name), fmt.Sprintf("did you mean %q?", near))
	}
	if _, kept := r.files[loyaltyFile]; !kept && slices.Contains(loyalty.OwnEvents, name) {
		r.warnAt(n, fmt.Sprintf("Regulars writes %s for a program with a loyalty.yaml only, so it would have to come from your shop", name), "write loyalty.yaml, or name an event of the shop")
	}
	return name
}

func readTimetable(r *loader, n *node, c *folder) {
	if n.form == list {
		r.errorAt(n, "a timetable is one value, not a list", "write monday,thursday 08:00")
		return
	}
	if s, ok := parsed(r, n, loyalty.ParseSchedule); ok {
		c.Start.Schedule = &s
	}
}

func readLaunch(r *loader, n *node, c *folder) {
	c.Start.Launch = map[string]segments.Type{}
	if n.form != mapping {
		r.errorAt(n, "launch lists the values that the campaign is launched with, and their types", "write {category: text, link: url}, or {} for none")
		return
	}
	for _, kv := range (section{r, n}).pairs() {
		t, ok := r.valueType(kv)
		if !ok {
			continue
		}
		c.Start.Launch[kv.key.text] = t
		if kv.value.text == "url" || kv.value.text == "link" {
			c.Start.Links = append(c.Start.Links, kv.key.text)
		}
	}
	slices.Sort(c.Start.Links)
}

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
