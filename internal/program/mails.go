package program

import (
	"fmt"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/segments"
	"regulars/templates"
)

// file is a mail file of a campaign.
type file struct{ path, mail, language, ext string }

// mailReader reads the mails of one campaign.
type mailReader struct {
	*loader
	c     *folder
	files []file // of the folder, sorted
	known templates.Fields
}

// readMails parses the mails that the steps send and names the files that are
// missing.
func (r *loader) readMails(c *folder) {
	m := mailReader{loader: r, c: c, known: r.program.mailFields(c.Campaign)}
	m.known.Pictures = r.pictures
	for _, path := range sortedKeys(r.files) {
		name, inside := strings.CutPrefix(path, c.path)
		if !inside || strings.HasPrefix(name, "README") {
			continue
		}
		if mail, language, ext, ok := templates.SplitName(name); ok {
			m.files = append(m.files, file{path, mail, language, ext})
		}
	}
	r.texts[c.Name] = map[string]map[string]*templates.Mail{}
	for _, step := range c.Steps {
		for _, s := range append([]Step{step}, step.Choose...) {
			m.known.Coupon = m.known.Coupon || s.Coupon != ""
			switch {
			case s.Mail == "":
			case s.Issues:
				m.readIssues()
			default:
				m.readTexts(c.sent[s.Mail], s.Mail)
			}
		}
	}
}

// MailFields is what the mails of a campaign may read; a code, if any of its steps gives
// one.
func (p *Program) MailFields(c *Campaign) templates.Fields {
	f := p.mailFields(c)
	for _, step := range c.Steps {
		for _, s := range append([]Step{step}, step.Choose...) {
			f.Coupon = f.Coupon || s.Coupon != ""
		}
	}
	return f
}

// mailFields is what every mail of a campaign may read, before a step gave a code.
func (p *Program) mailFields(c *Campaign) templates.Fields {
	f := templates.Fields{
		Attributes: shown(p.Attributes, nil),
		Launch:     shown(c.Start.Launch, c.Start.Links),
		Order:      c.Start.Kind == "event" && hasOrder(c.Start.Event),
		Event:      c.Start.Kind == "event",
		Service:    c.Class == loyalty.Service,
		Own:        p.Said(),
	}
	if l := p.Loyalty; l != nil {
		f.Points, f.Tiers, f.Missing, f.Rewards = l.Points != nil, l.Tiers != nil, l.Missing(), l.Rewards != nil
		f.Referral = l.Referral != nil
		for _, c := range l.Cards {
			f.Cards = append(f.Cards, c.Name)
		}
	}
	switch {
	case c.Start.Kind == "milestone" && c.Start.Figure.Money():
		f.Milestone = templates.Money
	case c.Start.Kind == "milestone":
		f.Milestone = templates.Number
	}
	return f
}

// readIssues parses every issue of a recurring campaign. That a date has none is
// no mistake: it is skipped, and the marketer is told the day before.
func (r *mailReader) readIssues() {
	at := r.c.sent[issuesFolder]
	var issues []string
	for _, f := range r.files {
		date, ok := strings.CutPrefix(f.mail, issuesFolder+"/")
		if !ok {
			continue
		}
		day, err := loyalty.ParseDay(date)
		if err != nil {
			r.mails[f.path] = true
			r.fileProblem(f.path, Error, fmt.Sprintf("%q is not a date, so no issue has this name", date), "call it like issues/2027-06-21."+r.first()+".md")
			continue
		}
		if t := r.c.Start.Schedule; t != nil && !t.On(day) {
			r.problems = append(r.problems, Problem{File: f.path, Level: Warning, Never: true,
				Message: fmt.Sprintf("%s is no date of the timetable (%s), so this issue is never sent", day, t),
				Hint:    fmt.Sprintf("the dates around it are %s and %s", t.Before(day), t.After(day))})
		}
		issues = append(issues, f.mail)
	}
	slices.Sort(issues)
	if len(issues) == 0 {
		r.warnAt(at, "there is no issue yet, and a date without one is skipped", "write "+r.c.path+"issues/DATE."+r.first()+".md")
	}
	for _, issue := range slices.Compact(issues) {
		r.readTexts(at, issue)
	}
}

// readTexts parses one mail in all its languages. Without the first language's file
// it cannot be sent; readers of another get the first language's.
func (r *mailReader) readTexts(at *node, mail string) {
	texts := map[string]*templates.Mail{}
	there := map[string]bool{}
	var idle []file // that no step sends
	for _, f := range r.files {
		if r.c.sent[f.mail] == nil {
			idle = append(idle, f)
		}
		if f.mail != mail {
			continue
		}
		r.mails[f.path] = true
		switch known := slices.Contains(r.program.Languages, f.language); {
		case f.language == "":
			r.fileProblem(f.path, Error, "the file's name has no language", "call it like "+strings.TrimSuffix(f.path, f.ext)+r.first()+"."+f.ext)
			continue
		case !known && len(r.program.Languages) > 0: // else it was said at languages
			r.fileProblem(f.path, Error, fmt.Sprintf("%q is not one of the program's languages", f.language), "add it to languages in program.yaml, or delete the file")
			continue
		case known && there[f.language]:
			r.fileProblem(f.path, Error, "the mail is there as .html and as .md", "keep one of the two")
			continue
		}
		there[f.language] = true
		parsed, problems := templates.ParseMail(f.path, []byte(r.loader.files[f.path]), r.known)
		r.takeProblems(problems)
		if parsed != nil {
			texts[f.language] = parsed
		}
	}
	for i, l := range r.program.Languages {
		if there[l] {
			continue
		}
		level, hint := Warning, fmt.Sprintf("until it is there, readers of %s get %s", l, r.first())
		if i == 0 {
			level, hint = Error, "write it: it serves everybody whose language has no file"
		}
		var names []string
		for _, f := range idle {
			if f.language == l {
				names = append(names, f.mail)
			}
		}
		if near := loyalty.Nearest(mail, names); near != "" {
			hint = fmt.Sprintf("is it %s%s.%s.md?", r.c.path, near, l)
		}
		r.report(at, level, fmt.Sprintf("the file %s%s.%s.md is missing", r.c.path, mail, l), hint)
	}
	r.texts[r.c.Name][mail] = texts
}

// first is the language that serves everybody who has none of the others.
func (r *loader) first() string { return firstOf(r.program.Languages) }

func firstOf(languages []string) string {
	if len(languages) == 0 {
		return "en"
	}
	return languages[0]
}

func (r *loader) takeProblems(problems []templates.Problem) {
	for _, p := range problems {
		level := Error
		if p.Warning {
			level = Warning
		}
		r.problems = append(r.problems, Problem{p.File, p.Line, p.Column, p.Text, p.Try, level, false})
	}
}

// Missing is the kind of what a member lacks for the next tier: that of the one figure
// which each tier asks to rise, Text where these are several or of several kinds, and None
// where it cannot be told.
func (l *Loyalty) Missing() (kind templates.Kind) {
	for _, t := range l.Tiers {
		if t.When == nil || len(t.When.Goals()) == 0 {
			return templates.None
		}
		goals := t.When.Goals()
		as := templates.Number
		if goals[0].Money {
			as = templates.Money
		}
		if kind == templates.None && len(goals) == 1 {
			kind = as
		}
		if len(goals) > 1 || as != kind {
			kind = templates.Text
		}
	}
	return kind
}

// shown says how mails show values of these types.
func shown(types map[string]segments.Type, links []string) map[string]templates.Kind {
	as := map[segments.Type]templates.Kind{
		segments.Bool: templates.Bool, segments.Number: templates.Number, segments.Money: templates.Money,
		segments.Text: templates.Text, segments.Date: templates.Date, segments.List: templates.Texts, segments.Any: templates.Text,
	}
	all := map[string]templates.Kind{}
	for name, t := range types {
		all[name] = as[t]
		if slices.Contains(links, name) {
			all[name] = templates.Link
		}
	}
	return all
}
