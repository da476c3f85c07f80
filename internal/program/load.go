package program

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"regulars/internal/loyalty"
	"regulars/segments"
	"regulars/templates"
)

// The files of a program directory that have a name of their own.
const (
	shopFile      = "program.yaml"
	segmentsFile  = "segments.yaml"
	poolsFile     = "pools.yaml"
	campaignFile  = "campaign.yaml"
	CampaignsRoot = "campaigns/"
	issuesFolder  = "issues"
)

// ownFiles are those of the program itself.
var ownFiles = []string{shopFile, segmentsFile, poolsFile, loyaltyFile}

// loader is one Load: the files, what is made of them so far, and what is wrong.
type loader struct {
	files    map[string]string
	program  *Program
	texts    Texts
	problems []Problem

	tiers     []string // of loyalty.yaml: names, from the lowest
	tierRules map[string]string
	cards     map[string]int64
	rewards   map[string]segments.Price
	graces    map[string]loyalty.Period // of tiers
	segments  map[string]string         // name → rule, for in_segment; unsound ones stand as everybody
	mails     map[string]bool           // files that some step sends
	was       map[string]string         // former name → campaign
	unclear   map[string]bool           // campaigns whose steps could not all be read

	lost    []string // files that cannot be read at all, which was said
	refused bool     // the YAML file being read has a part that a program has no use for
	blind   bool     // one of the program's own files could not be read

	pictures map[string]templates.Picture

	named []Named // by what comes in, in rules and starts
}

// Load reads a program from its files, path → text, as ReadDir returns them and
// the database keeps them. It says everything that is wrong at once, in the order
// of the files.
//
// The program is never nil, but only to be acted on when the problems are not
// Blocked: until then it holds what could be read. While one of its own files
// cannot be read, campaigns are only checked for being YAML. Texts holds the mails that are
// right, by campaign, mail and language; an issue is the mail "issues/2027-06-21".
func Load(files map[string]string) (*Program, Texts, []Problem) {
	r := load(files)
	return r.program, r.texts, inOrder(r.problems)
}

func load(files map[string]string) *loader {
	r := &loader{files: files, program: &Program{}, texts: Texts{}, segments: map[string]string{}, mails: map[string]bool{}, was: map[string]string{}, unclear: map[string]bool{}}
	r.readEncoding()
	r.pictures = r.readPictures()
	r.readWords() // before the topics, which have names in each language
	r.readShop()
	r.wordless()
	r.readPools() // rules may ask for their codes
	r.readLoyaltyNames()
	r.readSegments()
	r.readLoyalty() // its rules may ask for segments
	names := r.campaignNames()
	if len(names) > mostNamed {
		r.fileProblem("campaigns", Error, fmt.Sprintf("there are %d campaigns, and a program has at most %d", len(names), mostNamed), "leave out those that are over")
	}
	for _, name := range names[:min(len(names), mostNamed)] {
		r.readCampaign(name)
	}
	r.addConfirm()
	if !r.blind {
		r.checkLayout()
	}
	return r
}

// readEncoding reports the files that are not UTF-8 text, which no database would
// keep as they are, and goes on as if they were: words that cannot be read do not
// hide what else is wrong.
func (r *loader) readEncoding() {
	kept := maps.Clone(r.files)
	for name, text := range kept {
		at := strings.IndexFunc(text, func(c rune) bool { return c == 0 || c == utf8.RuneError })
		if at < 0 || utf8.ValidString(text) && !strings.ContainsRune(text, 0) {
			continue
		}
		what := "this is not UTF-8 text"
		if strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") {
			what = "the file is UTF-16 text"
		}
		line, column := placeAfter(text[:at])
		r.problems = append(r.problems, Problem{name, line, column, what, "save it as UTF-8", Error, false})
		if what[:8] == "the file" {
			delete(kept, name)
			r.blind = r.blind || slices.Contains(ownFiles, name)
			r.lost = append(r.lost, name)
			continue
		}
		kept[name] = strings.ReplaceAll(strings.ToValidUTF8(text, "?"), "\x00", "?")
	}
	r.files = kept
}

// Check is Load for somebody who is about to apply the files at a moment: it warns
// of what is past by then, too, and of campaigns that go live in the starter's name.
func Check(files map[string]string, now time.Time) (*Program, Texts, []Problem) {
	p, texts, problems := Load(files)
	return p, texts, inOrder(slices.Concat(problems, p.past(now, texts), p.nameless(files[shopFile])))
}

// What the starter says in place of the shop's own.
const (
	starterName    = "Your Shop"
	starterAddress = "Street 1, 00100 City"
)

// nameless warns of what the starter says of the shop where a campaign is live.
func (p *Program) nameless(text string) (problems []Problem) {
	if !slices.ContainsFunc(p.Campaigns, func(c *Campaign) bool { return c.Live && c.Name != ConfirmCampaign }) {
		return nil
	}
	for _, s := range []struct{ found, starters, what, hint string }{
		{p.Shop.Name, starterName, "name", "name: the name that members know"},
		{p.Shop.Address, starterAddress, "address", "address: the shop's postal address; every mail shows it, as the law asks"},
	} {
		if s.found == s.starters {
			before, _, _ := strings.Cut(text, s.starters)
			line, column := placeAfter(before)
			problems = append(problems, Problem{shopFile, line, column, "the shop still has the starter's " + s.what + ", and a campaign is live", s.hint, Warning, false})
		}
	}
	return problems
}

// placeAfter is the line and the column, in characters, that follow a text.
func placeAfter(text string) (line, column int) {
	return strings.Count(text, "\n") + 1, utf8.RuneCountInString(text[strings.LastIndexByte(text, '\n')+1:]) + 1
}

// past warns of what can never happen as of a moment: campaigns that start no more,
// codes that have ended, and a next date for which nobody has written.
func (p *Program) past(now time.Time, texts Texts) (problems []Problem) {
	today := loyalty.DayOf(now, p.Zone)
	warn := func(file, message, hint string) {
		problems = append(problems, Problem{File: file, Message: message, Hint: hint, Level: Warning, Never: true})
	}
	for _, c := range p.Campaigns {
		file := CampaignsRoot + c.Name + "/" + campaignFile
		if c.Live && c.Start.Kind == "at" && !c.Start.Clock.On(c.Start.Date, p.Zone).After(now) {
			warn(file, fmt.Sprintf("the start on %s is past: the campaign starts no more", c.Start.Date), "set a later date, or leave it for the record")
		}
		if day, ok := c.NextIssue(now, p.Zone); ok && c.Live && len(texts[c.Name][issuesFolder+"/"+day.String()]) == 0 {
			warn(file, fmt.Sprintf("the next date, %s, has no issue: nothing goes out on it", day), fmt.Sprintf("write %sissues/%s.%s.md", CampaignsRoot+c.Name+"/", day, firstOf(p.Languages)))
		}
	}
	for _, pool := range p.Pools {
		if pool.ValidUntil != 0 && pool.ValidUntil < today {
			warn(poolsFile, fmt.Sprintf("the codes of pool %s ended on %s", pool.Name, pool.ValidUntil), "set a later valid_until, or leave it for the record")
		}
	}
	return problems
}

// mostNamed bounds the segments, the pools and the campaigns of a program. Rules
// that name each other in a long row cost the square of their number.
const mostNamed = 500

// few returns the pairs of a file if there are not too many; the rest is reported.
func (r *loader) few(pairs []pair) []pair {
	if len(pairs) <= mostNamed {
		return pairs
	}
	r.errorAt(pairs[mostNamed].key, fmt.Sprintf("there are %d here, and a program has at most %d", len(pairs), mostNamed), "leave out those that nothing uses")
	return pairs[:mostNamed]
}

// campaignNames returns the folders below campaigns, sorted.
func (r *loader) campaignNames() []string {
	names := map[string]bool{}
	for file := range r.files {
		names[campaignOf(file)] = true
	}
	delete(names, "")
	return sortedKeys(names)
}

// campaignOf returns the campaign in whose folder a file stands, "" for none.
func campaignOf(file string) string {
	below, inside := strings.CutPrefix(file, CampaignsRoot)
	name, _, folder := strings.Cut(below, "/")
	if !inside || !folder {
		return ""
	}
	return name
}

func (r *loader) report(at *node, level Level, message, hint string) {
	r.problems = append(r.problems, Problem{at.src.file, at.line, at.col, message, hint, level, false})
}

func (r *loader) errorAt(at *node, message, hint string) { r.report(at, Error, message, hint) }
func (r *loader) warnAt(at *node, message, hint string)  { r.report(at, Warning, message, hint) }

// notYet reports a part of the format that this version knows and does not do.
func (r *loader) notYet(at *node, what string) {
	r.report(at, NotYet, fmt.Sprintf("%q belongs to the format, but this version does not do it", what), "leave it out for now")
}

// fileProblem reports a problem with a file as a whole.
func (r *loader) fileProblem(file string, level Level, message, hint string) {
	r.problems = append(r.problems, Problem{File: file, Message: message, Hint: hint, Level: level})
}

// checkLayout reports the files that nothing reads.
func (r *loader) checkLayout() {
	for file := range r.files {
		folder, base := path.Split(file)
		below := strings.HasPrefix(file, CampaignsRoot)
		ext := path.Ext(base)
		mail := strings.TrimSuffix(base, ext) + map[string]string{".md": ".md", ".markdown": ".md", ".mdown": ".md", ".html": ".html", ".htm": ".html"}[strings.ToLower(ext)]
		switch {
		case IsPicture(file), slices.Contains(ownFiles, file), wordsOf(file) != "", r.mails[file], strings.HasPrefix(base, "README"):
		case below && strings.Count(file, "/") == 2 && base == campaignFile:
		case below && path.Ext(mail) != "" && mail != base && folder != CampaignsRoot:
			r.fileProblem(file, Error, "nothing reads a file with this ending", "call it "+mail)
		case file == CampaignsRoot+campaignFile:
			r.fileProblem(file, Error, "nothing reads this file: each campaign has a folder of its own", "move it to "+CampaignsRoot+"NAME/"+campaignFile)
		case ext == ".yml":
			r.fileProblem(file, Error, "nothing reads a .yml file", "call it "+strings.TrimSuffix(base, ext)+".yaml")
		case ext == ".yaml":
			wanted := ownFiles
			if below {
				wanted = []string{campaignFile}
			}
			r.fileProblem(file, Error, "nothing reads this file", suggest(base, wanted, "a program has program.yaml, segments.yaml, pools.yaml, loyalty.yaml and campaigns/NAME/campaign.yaml"))
		case r.unclear[campaignOf(file)]:
		case below && folder != CampaignsRoot:
			r.fileProblem(file, Warning, "no step of the campaign sends this file", "name it in a step, or delete it")
		default:
			r.fileProblem(file, Warning, "nothing reads this file", "mails stand in the folder of their campaign")
		}
	}
}

// checkName reports a name of a segment, pool, campaign or mail that would not
// do as part of a file name, a rule or a command.
func (r *loader) checkName(at *node, what, name string) bool {
	const marks = "-_"
	good := name != "" && len(name) <= 80 && !strings.ContainsAny(name[:1], marks)
	for _, c := range name {
		good = good && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(marks, c))
	}
	if !good {
		r.errorAt(at, fmt.Sprintf("%q does not do as the name of %s", name, what), "use letters without accents, digits, - and _")
	}
	return good
}

// NextIssue returns the next date for which a recurring campaign needs an issue.
func (c *Campaign) NextIssue(now time.Time, zone *time.Location) (loyalty.Day, bool) {
	if c.Start.Schedule == nil || !slices.ContainsFunc(c.Steps, func(s Step) bool { return s.Issues }) {
		return 0, false
	}
	day, _ := c.Start.Schedule.Next(now, zone)
	return day, day != loyalty.Never
}
