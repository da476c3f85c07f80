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

// readMails parses the mails that the steps send, names the files that are
// missing and those that nobody sends.
func (r *reading) readMails(c *folder) {
	files := r.mailFiles(c)
	known := templates.Fields{
		Attributes: kinds(r.program.Attributes, nil),
		Launch:     kinds(c.Start.Launch, c.Start.Links),
		Order:      c.Start.Kind == "event" && hasOrder(c.Start.Event),
		Event:      c.Start.Kind == "event",
		Milestone:  milestone(c.Start),
		Service:    c.Class == loyalty.Service,
		Own:        r.program.Words,
	}
	r.texts[c.Name] = map[string]map[string]*templates.Mail{}
	for _, step := range c.Steps {
		for _, s := range append([]Step{step}, step.Choose...) {
			known.Coupon = known.Coupon || s.Coupon != ""
			r.readMailOf(c, s, files, known)
		}
	}
}

// mailFiles lists the mail files of the campaign's folder, sorted.
func (r *reading) mailFiles(c *folder) (files []file) {
	for _, path := range sortedKeys(r.files) {
		name, inside := strings.CutPrefix(path, c.path)
		if !inside || strings.HasPrefix(name, "README") {
			continue
		}
		if mail, language, ext, ok := templates.SplitName(name); ok {
			files = append(files, file{path, mail, language, ext})
		}
	}
	return files
}

// readMailOf parses the files of one step's mail, or of all its issues.
func (r *reading) readMailOf(c *folder, s Step, files []file, known templates.Fields) {
	switch {
	case s.Mail == "":
	case s.Issues:
		r.readIssues(c, files, known)
	default:
		r.readTexts(c, c.sent[s.Mail], s.Mail, of(files, s.Mail), known)
	}
}

func of(files []file, mail string) []file {
	return slices.DeleteFunc(slices.Clone(files), func(f file) bool { return f.mail != mail })
}

// readIssues parses every issue of a recurring campaign. That a date has none is
// no mistake: it is skipped, and the marketer is told the day before.
func (r *reading) readIssues(c *folder, files []file, known templates.Fields) {
	var issues []string
	for _, f := range files {
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
		if t := c.Start.Schedule; t != nil && !t.On(day) {
			r.problems = append(r.problems, Problem{File: f.path, Level: Warning, Never: true,
				Message: fmt.Sprintf("%s is no date of the timetable (%s), so this issue is never sent", day, t),
				Hint:    fmt.Sprintf("the dates around it are %s and %s", t.Before(day), t.After(day))})
		}
		issues = append(issues, f.mail)
	}
	slices.Sort(issues)
	if len(issues) == 0 {
		r.warnAt(c.sent[issuesFolder], "there is no issue yet, and a date without one is skipped", "write "+c.path+"issues/DATE."+r.first()+".md")
	}
	for _, issue := range slices.Compact(issues) {
		r.readTexts(c, c.sent[issuesFolder], issue, of(files, issue), known)
	}
}

// readTexts parses one mail in all its languages.
func (r *reading) readTexts(c *folder, at *node, mail string, files []file, known templates.Fields) {
	texts := map[string]*templates.Mail{}
	there := map[string]bool{}
	for _, f := range files {
		r.mails[f.path] = true
		if !r.checkLanguage(f, there[f.language]) {
			continue
		}
		there[f.language] = true
		parsed, problems := templates.ParseMail(f.path, []byte(r.files[f.path]), known)
		r.takeProblems(problems)
		if parsed != nil {
			texts[f.language] = parsed
		}
	}
	for i, l := range r.program.Languages {
		if !there[l] {
			r.missing(c, at, i == 0, file{c.path + mail + "." + l + ".md", mail, l, "md"})
		}
	}
	r.texts[c.Name][mail] = texts
}

// missing names a mail file that is not there. Without the first language's the
// mail cannot be sent; another's readers get the first language's.
func (r *reading) missing(c *folder, at *node, first bool, f file) {
	level, hint := Warning, fmt.Sprintf("until it is there, readers of %s get %s", f.language, r.first())
	if first {
		level, hint = Error, "write it: it serves everybody whose language has no file"
	}
	if near := r.misnamed(c, f); near != "" {
		hint = fmt.Sprintf("is it %s?", near)
	}
	r.report(at, level, "the file "+f.path+" is missing", hint)
}

// misnamed returns a file of the folder that no step sends and whose name is near
// to a missing one's.
func (r *reading) misnamed(c *folder, f file) string {
	var idle []string
	for _, other := range r.mailFiles(c) {
		if other.language == f.language && c.sent[other.mail] == nil {
			idle = append(idle, other.mail)
		}
	}
	if near := nearest(f.mail, idle); near != "" {
		return c.path + near + "." + f.language + "." + f.ext
	}
	return ""
}

// checkLanguage reports a mail file whose language is not one of the program's,
// or stands there a second time.
func (r *reading) checkLanguage(f file, twice bool) bool {
	switch {
	case f.language == "":
		r.fileProblem(f.path, Error, "the file's name has no language", "call it like "+strings.TrimSuffix(f.path, f.ext)+r.first()+"."+f.ext)
	case len(r.program.Languages) == 0: // said at languages
		return true
	case !slices.Contains(r.program.Languages, f.language):
		r.fileProblem(f.path, Error, fmt.Sprintf("%q is not one of the program's languages", f.language), suggest(f.language, nil, "add it to languages in program.yaml, or delete the file"))
	case twice:
		r.fileProblem(f.path, Error, "the mail is there as .html and as .md", "keep one of the two")
	default:
		return true
	}
	return false
}

// first is the language that serves everybody who has none of the others.
func (r *reading) first() string {
	if len(r.program.Languages) == 0 {
		return "en"
	}
	return r.program.Languages[0]
}

func (r *reading) takeProblems(problems []templates.Problem) {
	for _, p := range problems {
		level := Error
		if p.Warning {
			level = Warning
		}
		r.problems = append(r.problems, Problem{p.File, p.Line, p.Column, p.Text, p.Try, level, false})
	}
}

// milestone says how mails show the milestone that started their campaign.
func milestone(s Start) templates.Kind {
	switch {
	case s.Kind != "milestone":
		return templates.None
	case s.Figure.Money():
		return templates.Money
	}
	return templates.Number
}

// kinds says how mails show values of these types.
func kinds(types map[string]segments.Type, links []string) map[string]templates.Kind {
	shown := map[segments.Type]templates.Kind{
		segments.Bool: templates.Bool, segments.Number: templates.Number, segments.Money: templates.Money,
		segments.Text: templates.Text, segments.Date: templates.Date, segments.List: templates.Texts, segments.Any: templates.Text,
	}
	all := map[string]templates.Kind{}
	for name, t := range types {
		all[name] = shown[t]
		if slices.Contains(links, name) {
			all[name] = templates.Link
		}
	}
	return all
}
