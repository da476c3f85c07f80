package program

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"regulars/internal/loyalty"
	"regulars/segments"
	"regulars/templates"
)

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
		p.removed(gone[name], old)
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
	default:
		p.goesLive(was, c)
		p.different("campaign", c.Name, was.aspects(), c.aspects())
		p.textsOf(was, c)
	}
}

func (p *comparison) goesLive(was, c *Campaign) {
	switch {
	case c.Live && !was.Live:
		p.add("campaign", c.Name, "campaign %s goes live: it starts %s", c.Name, c.Start.Words(p.next.Program.Currency)).Counts = p.touches(c)
	case was.Live && !c.Live:
		p.add("campaign", c.Name, "campaign %s is a draft again: it sends nothing more", c.Name)
	}
}

// touches are the members whom a campaign that goes live would mail at once, or
// whom a date would if it came today.
func (p *comparison) touches(c *Campaign) []Count {
	n := Count{}
	switch {
	case c.Start.Kind == "enters" && c.Start.Existing != Existing{}:
		n.Words, n.PerDay = "members are inside already and start now", c.Start.Existing.PerDay
		n.Rules = append(n.Rules, rulesOf(p.next.Program)[c.Start.Segment])
	case c.Start.Kind == "at", c.Start.Kind == "every", c.Start.Kind == "launch" && len(c.Start.Launch) == 0:
		n.Words = "members would get it today, as far as they consent"
	default:
		return nil
	}
	n.Rules = present(append(n.Rules, c.For))
	n.Not = present([]*segments.Rule{c.Except})
	return []Count{n}
}

func present(rules []*segments.Rule) []*segments.Rule {
	return slices.DeleteFunc(rules, func(r *segments.Rule) bool { return r == nil })
}

// textsOf compares the mail files of a campaign.
func (p *comparison) textsOf(was, c *Campaign) {
	old, next := p.old.mails(was.Name), p.next.mails(c.Name)
	var added, changed, removed []string
	for _, name := range sortedKeys(next) {
		if text, known := old[name]; !known {
			added = append(added, name)
		} else if text != next[name] {
			changed = append(changed, name)
		}
	}
	for _, name := range sortedKeys(old) {
		if _, still := next[name]; !still {
			removed = append(removed, name)
		}
	}
	for _, set := range []struct {
		what  string
		names []string
	}{{"new", added}, {"changed", changed}, {"removed", removed}} {
		if len(set.names) > 0 {
			p.add("campaign", c.Name, "campaign %s: texts %s: %s", c.Name, set.what, strings.Join(set.names, ", "))
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

// removed says that a campaign is gone, and stops when a new one may be the same
// under another name.
func (p *comparison) removed(gone *Campaign, old map[string]*Campaign) {
	for _, c := range p.next.Program.Campaigns {
		if gone.Live && old[c.Name] == nil && !p.follows(c) && alike(gone, c) {
			p.add("campaign", c.Name, "campaign %s looks like %s under another name, and who had that one's mails would get them again: write was: %s into %s; if it is another campaign, apply once without it",
				c.Name, gone.Name, gone.Name, CampaignsRoot+c.Name+"/"+campaignFile).Stops = true
		}
	}
	p.add("campaign", gone.Name, "campaign %s is removed: it starts nobody, and those under way get nothing more", gone.Name)
}

// follows reports whether a campaign says which of the old ones it was.
func (p *comparison) follows(c *Campaign) bool {
	return c.Was != "" && p.old.Program.Campaign(c.Was) != nil
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
		return fmt.Sprintf("for the date %s%s%s", s.Field, beforeText(s.Before), clock)
	case "event":
		return "on the event " + s.Event
	case "at":
		return fmt.Sprintf("on %s at %s", s.Date, s.Clock)
	case "every":
		return "every " + s.Schedule.String()
	}
	return "when somebody launches it"
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
	if len(s.At) == 1 && s.At[0] == 1 {
		unit = strings.TrimSuffix(unit, "s")
	}
	switch {
	case s.Every > 0 && len(values) > 0:
		return inWords(values) + unit + ", then every " + show(s.Every)
	case s.Every > 0:
		return "every " + show(s.Every) + unit
	}
	return inWords(values) + unit
}

// beforeText writes the days before a date, " 30 and 7 days before"; "" on the day itself.
func beforeText(days []int) string {
	if len(days) == 1 && days[0] == 0 {
		return ""
	}
	var texts []string
	for _, d := range days {
		texts = append(texts, strconv.Itoa(d))
	}
	return ", " + inWords(texts) + " days before,"
}
