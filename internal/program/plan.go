package program

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"regulars/segments"
)

// Version is a program with the files that it was read from.
type Version struct {
	Program *Program
	Files   map[string]string
}

// Change is one thing that applying a version would change, in a sentence.
type Change struct {
	Thing  string  `json:"thing"`           // shop | segment | pool | campaign
	Name   string  `json:"name,omitempty"`  // "" for the shop
	Words  string  `json:"words"`           // "campaign win-back is new and live: it starts when …"
	Stops  bool    `json:"stops,omitempty"` // the version must not be applied as it is; Words say what to do
	Counts []Count `json:"-"`
}

// Count is a number that belongs to a change and that only the database knows:
// members for whom all of Rules hold and none of Not.
type Count struct {
	Words  string // "members are inside now"
	Rules  []*segments.Rule
	Not    []*segments.Rule
	PerDay int // so many of them a day; 0: at once
}

// String returns the sentence.
func (c Change) String() string {
	if c.Stops {
		return "stop: " + c.Words
	}
	return c.Words
}

// Stopped reports whether one of the changes keeps the version from being applied.
func Stopped(changes []Change) bool {
	return slices.ContainsFunc(changes, func(c Change) bool { return c.Stops })
}

// Plan says what applying next after old would change: the shop, the segments,
// the pools, the campaigns, in this order. The zero Version is no program yet.
//
// A live campaign that is gone while a new one looks like it stops the plan:
// under a new name nobody would know who had its mails already, unless the new
// one says "was".
func Plan(old, next Version) []Change {
	if old.Program == nil {
		old.Program = &Program{}
	}
	p := comparison{old: old, next: next}
	p.shop()
	p.segments()
	p.pools()
	p.campaigns()
	return p.changes
}

// comparison is one Plan.
type comparison struct {
	old, next Version
	changes   []Change
}

func (p *comparison) add(thing, name, format string, args ...any) *Change {
	p.changes = append(p.changes, Change{Thing: thing, Name: name, Words: fmt.Sprintf(format, args...)})
	return &p.changes[len(p.changes)-1]
}

// different adds a change for each aspect that is not what it was.
func (p *comparison) different(thing, name string, old, next []aspect) {
	for i, n := range next {
		if was := old[i].text; was != n.text {
			p.add(thing, name, "%s: %s, was %s", spaced(thing, name, n.name), orNone(n.text), orNone(was))
		}
	}
}

// spaced joins the words that are there.
func spaced(words ...string) string {
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

func (p *comparison) shop() {
	old, next := p.old.Program, p.next.Program
	if len(old.Languages) == 0 {
		p.add("shop", "", "the program of %s begins: %s, %s, in %s", next.Shop.Name, next.Currency, next.Zone, inWords(next.Languages))
		return
	}
	p.different("shop", "", old.aspects(), next.aspects())
	if old.Currency != next.Currency {
		p.add("shop", "", "amounts are kept in %s and would be read as %s: a program keeps its currency", old.Currency, next.Currency).Stops = true
	}
}

func (p *comparison) segments() {
	old, next := rulesOf(p.old.Program), rulesOf(p.next.Program)
	for _, s := range p.next.Program.Segments {
		was, known := old[s.Name]
		switch {
		case !known:
			c := p.add("segment", s.Name, "segment %s is new: %s", s.Name, s.Rule.Words())
			c.Counts = []Count{{Words: "members are inside now", Rules: []*segments.Rule{s.Rule}}}
		case was.Text() != s.Rule.Text():
			c := p.add("segment", s.Name, "segment %s: %s, was %s", s.Name, s.Rule.Text(), was.Text())
			c.Counts = movesBetween(was, s.Rule)
		case p.next.Program.Rejudges(p.old.Program, s.Rule):
			c := p.add("segment", s.Name, "segment %s: %s, whose stages or scores are divided otherwise", s.Name, s.Rule.Text())
			if !s.Rule.ReadsScores() { // those are counted when they are computed anew
				c.Counts = movesBetween(was, s.Rule)
			}
		}
	}
	for _, name := range sortedKeys(old) {
		if next[name] == nil {
			p.add("segment", name, "segment %s is removed", name)
		}
	}
}

// movesBetween are who comes and goes when a rule takes the place of another.
func movesBetween(was, is *segments.Rule) []Count {
	return []Count{
		{Words: "members come in", Rules: []*segments.Rule{is}, Not: []*segments.Rule{was}},
		{Words: "members drop out", Rules: []*segments.Rule{was}, Not: []*segments.Rule{is}},
	}
}

func rulesOf(p *Program) map[string]*segments.Rule {
	rules := map[string]*segments.Rule{}
	for _, s := range p.Segments {
		rules[s.Name] = s.Rule
	}
	return rules
}

func (p *comparison) pools() {
	old := map[string]Pool{}
	for _, pool := range p.old.Program.Pools {
		old[pool.Name] = pool
	}
	for _, pool := range p.next.Program.Pools {
		was, known := old[pool.Name]
		delete(old, pool.Name)
		if !known {
			p.add("pool", pool.Name, "pool %s is new (%s)", pool.Name, pool.Kind)
			continue
		}
		p.different("pool", pool.Name, was.aspects(p.old.Program.Currency), pool.aspects(p.next.Program.Currency))
	}
	for _, name := range slices.Sorted(maps.Keys(old)) {
		p.add("pool", name, "pool %s is removed; its codes in members' hands stay good", name)
	}
}
