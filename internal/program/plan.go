package program

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"regulars/internal/loyalty"
	"regulars/segments"
	"regulars/templates"
)

// Version is a program with the files that it was read from.
type Version struct {
	Program *Program
	Files   map[string]string
}

// Change is one thing that applying a version would change, in a sentence.
type Change struct {
	Thing  string  `json:"thing"`           // shop | segment | pool | points | tier | card | reward | referral | campaign
	Name   string  `json:"name,omitempty"`  // "" for the shop
	Words  string  `json:"words"`           // "campaign win-back is new and live: it starts when …"
	Stops  bool    `json:"stops,omitempty"` // the version must not be applied as it is; Words say what to do
	Counts []Count `json:"-"`
}

// In reports whether a file of the program is where the change is written. Texts of mails
// say themselves what is other.
func (c Change) In(file string) bool {
	switch c.Thing {
	case "shop":
		return file == shopFile
	case "segment":
		return file == segmentsFile
	case "pool":
		return file == poolsFile
	case "campaign":
		return file == CampaignFile(c.Name)
	}
	return file == loyaltyFile
}

// Count is a number that belongs to a change and that only the database knows:
// members for whom all of Rules hold and none of Not.
type Count struct {
	Words  string // "members are inside now"
	Rules  []*segments.Rule
	Not    []*segments.Rule
	PerDay int // so many of them a day; 0: at once
}

// Stopped reports whether one of the changes keeps the version from being applied.
func Stopped(changes []Change) bool {
	return slices.ContainsFunc(changes, func(c Change) bool { return c.Stops })
}

// Plan says what applying next after old would change: the shop, the segments,
// the pools, points and what goes with them, the campaigns, in this order. The zero Version is no program yet.
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
	p.loyalty()
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

// different adds a change for each setting that is not what it was.
func (p *comparison) different(thing, name string, old, next []setting) {
	orNone := func(text string) string { return cmp.Or(text, "none") }
	for i, n := range next {
		if was := old[i].text; was != n.text {
			p.add(thing, name, "%s: %s, was %s", strings.Join(strings.Fields(thing+" "+name+" "+n.name), " "), orNone(n.text), orNone(was))
		}
	}
}

func (p *comparison) shop() {
	old, next := p.old.Program, p.next.Program
	if len(old.Languages) == 0 {
		p.add("shop", "", "the program of %s begins: %s, %s, in %s", next.Shop.Name, next.Currency, next.Zone, inWords(next.Languages))
		return
	}
	p.different("shop", "", shopKeys().settings(old, old.Currency), shopKeys().settings(next, next.Currency))
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
		p.different("pool", pool.Name, poolKeys().settings(&was, p.old.Program.Currency), poolKeys().settings(&pool, p.next.Program.Currency))
	}
	for _, name := range slices.Sorted(maps.Keys(old)) {
		p.add("pool", name, "pool %s is removed; its codes in members' hands stay good", name)
	}
}

// campaigns compares the folders: new names first find their former ones.
func (p *comparison) campaigns() {
	old := byName(p.old.Program)
	gone := map[string]*Campaign{}
	for name, c := range old {
		if p.next.Program.Campaign(name) == nil && !c.builtIn() {
			gone[name] = c
		}
	}
	for _, c := range p.next.Program.Campaigns {
		if c.builtIn() {
			continue // it comes and goes with join.confirm, which the shop's part says
		}
		was := old[c.Name]
		if renamed := gone[c.Was]; was == nil && renamed != nil {
			p.add("campaign", c.Name, "campaign %s is the new name of %s; who had its mails stays known", c.Name, c.Was)
			delete(gone, c.Was)
			was = renamed
		}
		p.campaign(was, c)
	}
	for _, name := range sortedKeys(gone) {
		for _, c := range p.next.Program.Campaigns { // under another name nobody would know who had its mails
			if gone[name].Live && old[c.Name] == nil && old[c.Was] == nil && alike(gone[name], c) {
				p.add("campaign", c.Name, "campaign %s looks like %s under another name, and who had that one's mails would get them again:"+
					" write was: %s into %s; if it is another campaign, apply once without it",
					c.Name, name, name, CampaignsRoot+c.Name+"/"+campaignFile).Stops = true
			}
		}
		p.add("campaign", name, "campaign %s is removed: it starts nobody, and those under way get nothing more", name)
	}
}

// Campaign returns the campaign of a name, nil when there is none.
func (p *Program) Campaign(name string) *Campaign { return byName(p)[name] }

// Same returns the campaign of p that one of another version is: that of its name
// or its former name, or the one that says it had its name before. nil for none.
func (p *Program) Same(c *Campaign) *Campaign {
	named := byName(p)
	if same := cmp.Or(named[c.Name], named[c.Was]); same != nil {
		return same
	}
	i := slices.IndexFunc(p.Campaigns, func(other *Campaign) bool { return other.Was == c.Name })
	if i < 0 {
		return nil
	}
	return p.Campaigns[i]
}

func byName(p *Program) map[string]*Campaign {
	named := map[string]*Campaign{}
	for _, c := range p.Campaigns {
		named[c.Name] = c
	}
	return named
}

// campaign compares one campaign with what it was; nil: it is new.
func (p *comparison) campaign(was, c *Campaign) {
	switch {
	case was == nil && !c.Live:
		p.add("campaign", c.Name, "campaign %s is new, a draft: it sends nothing", c.Name)
	case was == nil:
		p.add("campaign", c.Name, "campaign %s is new and live: it starts %s", c.Name, c.Start.Words(p.next.Program.Currency)).Counts = p.touches(c)
	case c.Live && !was.Live:
		p.add("campaign", c.Name, "campaign %s goes live: it starts %s", c.Name, c.Start.Words(p.next.Program.Currency)).Counts = p.touches(c)
	case was.Live && !c.Live:
		p.add("campaign", c.Name, "campaign %s is a draft again: it sends nothing more", c.Name)
	}
	if was != nil {
		p.different("campaign", c.Name, campaignKeys().settings(&folder{Campaign: was}, ""), campaignKeys().settings(&folder{Campaign: c}, ""))
		p.textsOf(was, c)
	}
}

// touches are the members whom a campaign that goes live would mail at once, or
// whom a date would if it came today.
func (p *comparison) touches(c *Campaign) []Count {
	some := func(rules ...*segments.Rule) []*segments.Rule {
		return slices.DeleteFunc(rules, func(r *segments.Rule) bool { return r == nil })
	}
	switch {
	case c.Start.Kind == "enters" && c.Start.Existing != Existing{}:
		return []Count{{"members are inside already and start now", some(rulesOf(p.next.Program)[c.Start.Segment], c.For), some(c.Except), c.Start.Existing.PerDay}}
	case c.Start.Kind == "at", c.Start.Kind == "every", c.Start.Kind == "launch" && len(c.Start.Launch) == 0:
		return []Count{{"members would get it today, as far as they consent", some(c.For), some(c.Except), 0}}
	}
	return nil
}

// textsOf compares the mail files of a campaign.
func (p *comparison) textsOf(was, c *Campaign) {
	old, next := p.old.mails(was.Name), p.next.mails(c.Name)
	all := maps.Clone(old)
	maps.Copy(all, next)
	how := map[string][]string{}
	for _, name := range sortedKeys(all) {
		text, before := old[name]
		switch now, still := next[name]; {
		case !before:
			how["new"] = append(how["new"], name)
		case !still:
			how["removed"] = append(how["removed"], name)
		case text != now:
			how["changed"] = append(how["changed"], name)
		}
	}
	for _, what := range []string{"new", "changed", "removed"} {
		if len(how[what]) > 0 {
			p.add("campaign", c.Name, "campaign %s: texts %s: %s", c.Name, what, strings.Join(how[what], ", "))
		}
	}
}

// mails returns the mail files of a campaign's folder.
func (v Version) mails(campaign string) map[string]string {
	texts := map[string]string{}
	for file, text := range v.Files {
		name, inside := strings.CutPrefix(file, CampaignsRoot+campaign+"/")
		if _, _, _, mail := templates.SplitName(name); inside && mail {
			texts[name] = text
		}
	}
	return texts
}

// alike reports whether two campaigns may be one: they start alike, or start in
// the same way and share a mail.
func alike(a, b *Campaign) bool {
	if a.Start.Spec == b.Start.Spec {
		return true
	}
	mails := a.mails()
	return a.Start.Kind == b.Start.Kind && slices.ContainsFunc(b.mails(), func(m string) bool { return slices.Contains(mails, m) })
}

// mails returns the mails of all steps; the issues of a recurring campaign are not one.
func (c *Campaign) mails() (mails []string) {
	for _, step := range c.Steps {
		for _, s := range append([]Step{step}, step.Choose...) {
			if s.Mail != "" && !s.Issues {
				mails = append(mails, s.Mail)
			}
		}
	}
	return mails
}

// Words says when a campaign starts, as the end of a sentence.
func (s Start) Words(currency string) string {
	clock := ""
	if s.Time != nil {
		clock = " at " + s.Time.String()
	}
	switch s.Kind {
	case asks:
		return "when somebody asks to join"
	case "joins":
		return "when a member joins"
	case "enters":
		return fmt.Sprintf("when a member enters %s%s", s.Segment, clock)
	case "milestone":
		return "when a member reaches " + s.milestones(currency)
	case "yearly":
		return fmt.Sprintf("every year for %s%s%s", s.Field, beforeText(s.Before), clock)
	case "date":
		if s.Field == PointsExpireOn {
			return fmt.Sprintf("for the day on which points end%s%s", beforeText(s.Before), clock)
		}
		return fmt.Sprintf("for the date %s%s%s", s.Field, beforeText(s.Before), clock)
	case "event":
		return cmp.Or(ownEvents[s.Event], "on the event "+s.Event)
	case "at":
		return fmt.Sprintf("on %s at %s", s.Date, s.Clock)
	case "every":
		return "every " + s.Schedule.String()
	}
	return "when somebody launches it"
}

// ownEvents says when Regulars itself writes an event, as the end of a sentence.
var ownEvents = map[string]string{
	"tier.up":           "when a member reaches a tier",
	"tier.down":         "when a member comes down from a tier",
	"tier.kept":         "when a member keeps a tier for another time",
	"tier.ending":       "when a member's tier is about to end",
	"card.filled":       "when a punch card is full",
	"referral.pending":  "when a member joins whom another one brought",
	"referral.joined":   "when a friend whom a member brought joins",
	"referral.rewarded": "when a member is rewarded for a friend",
	"reward.claimed":    "when a member claims a reward",
}

// milestones writes "1, 5 and 10 orders, then every 10".
func (s Start) milestones(currency string) string {
	show := func(v int64) string {
		if s.Figure.Money() {
			return loyalty.FormatMoney(v, currency) + " " + currency
		}
		return strconv.FormatInt(v, 10)
	}
	var values []string
	for _, v := range s.At {
		values = append(values, show(v))
	}
	unit := " " + s.Figure.String()
	if s.Figure.Kind == loyalty.PointsEarned {
		unit = " points earned"
	}
	if len(s.At) == 1 && s.At[0] == 1 {
		unit = strings.TrimSuffix(unit, "s")
	}
	switch {
	case s.Every == 0:
		return inWords(values) + unit
	case values == nil:
		return "every " + show(s.Every) + unit
	}
	return inWords(values) + unit + ", then every " + show(s.Every)
}

// beforeText writes the days before a date, " 30 and 7 days before"; "" on the day itself.
func beforeText(days []int) string {
	if len(days) == 1 && days[0] == 0 {
		return ""
	}
	return ", " + inWords(strings.Fields(strings.Trim(fmt.Sprint(days), "[]"))) + " days before,"
}
