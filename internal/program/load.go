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

// reading is one Load: the files, what is made of them so far, and what is wrong.
type reading struct {
	files    map[string]string
	program  *Program
	texts    Texts
	problems []Problem

	segments map[string]string // name → rule, for in_segment; unsound ones stand as everybody
	mails    map[string]bool   // files that some step sends
	was      map[string]string // former name → campaign
	unclear  map[string]bool   // campaigns whose steps could not all be read

	lost    []string // files that cannot be read at all, which was said
	refused bool     // the YAML file being read has a part that a program has no use for
	blind   bool     // one of the program's three files could not be read

	named []Named // by what comes in, in rules and starts
}

// Load reads a program from its files, path → text, as ReadDir returns them and
// the database keeps them. It says everything that is wrong at once, in the order
// of the files.
//
// The program is never nil, but only to be acted on when the problems are not
// Blocked: until then it holds what could be read. While one of its own three files
// cannot be read, campaigns are only checked for being YAML. Texts holds the mails that are
// right, by campaign, mail and language; an issue is the mail "issues/2027-06-21".
func Load(files map[string]string) (*Program, Texts, []Problem) {
	r := load(files)
	return r.program, r.texts, inOrder(r.problems)
}

func load(files map[string]string) *reading {
	r := &reading{files: files, program: &Program{}, texts: Texts{}, segments: map[string]string{}, mails: map[string]bool{}, was: map[string]string{}, unclear: map[string]bool{}}
	r.readEncoding()
	r.readWords() // before the topics, which have names in each language
	r.readShop()
	r.wordless()
	r.readPools() // rules may ask for their codes
	r.readSegments()
	names := r.campaignNames()
	if len(names) > mostNamed {
		r.fileProblem("campaigns", Error, fmt.Sprintf("there are %d campaigns, and a program has at most %d", len(names), mostNamed), "leave out those that are over")
		names = names[:mostNamed]
	}
	for _, name := range names {
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
func (r *reading) readEncoding() {
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
			r.blind = r.blind || name == shopFile || name == segmentsFile || name == poolsFile
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
	report := func(found, starters, message, hint string) {
		if found != starters {
			return
		}
		before, _, _ := strings.Cut(text, starters)
		line, column := placeAfter(before)
		problems = append(problems, Problem{shopFile, line, column, message, hint, Warning, false})
	}
	report(p.Shop.Name, starterName, "the shop still has the starter's name, and a campaign is live", "name: the name that members know")
	report(p.Shop.Address, starterAddress, "the shop still has the starter's address, and a campaign is live", "address: the shop's postal address; every mail shows it, as the law asks")
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
			warn(file, fmt.Sprintf("the next date, %s, has no issue: nothing goes out on it", day), fmt.Sprintf("write %sissues/%s.%s.md", CampaignsRoot+c.Name+"/", day, first(p.Languages)))
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
func (r *reading) few(pairs []pair) []pair {
	if len(pairs) <= mostNamed {
		return pairs
	}
	r.errorAt(pairs[mostNamed].key, fmt.Sprintf("there are %d here, and a program has at most %d", len(pairs), mostNamed), "leave out those that nothing uses")
	return pairs[:mostNamed]
}

// scope is what every rule of the program may read.
func (r *reading) scope() segments.Scope {
	return segments.Scope{Currency: r.program.Currency, Lifecycle: r.program.Lifecycle, Attributes: r.program.Attributes, Segments: r.segments,
		AllPools: r.askable(), Campaigns: r.campaignNames(), FavouritesExcept: r.program.FavouritesExcept}
}

// askable are the pools that rules may ask about; nil: they cannot be told.
func (r *reading) askable() []string {
	if r.blind {
		return nil
	}
	names := []string{}
	for _, p := range r.program.Pools {
		names = append(names, p.Name)
	}
	return names
}

// campaignNames returns the folders below campaigns, sorted.
func (r *reading) campaignNames() []string {
	var names []string
	for file := range r.files {
		if name := campaignOf(file); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
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

// file reports a problem with a file as a whole.
func (r *reading) fileProblem(file string, level Level, message, hint string) {
	r.problems = append(r.problems, Problem{File: file, Message: message, Hint: hint, Level: level})
}

// checkLayout reports the files that nothing reads.
func (r *reading) checkLayout() {
	for file := range r.files {
		base := path.Base(file)
		switch {
		case file == shopFile, file == segmentsFile, file == poolsFile, wordsOf(file) != "", r.mails[file], strings.HasPrefix(base, "README"):
		case strings.HasPrefix(file, CampaignsRoot) && strings.Count(file, "/") == 2 && base == campaignFile:
		default:
			r.strayFile(file, base)
		}
	}
}

func (r *reading) strayFile(file, base string) {
	folder := path.Dir(file)
	mail := extensionOf(base)
	switch yaml := strings.TrimSuffix(base, ".yml") + ".yaml"; {
	case mail != "" && mail != base && strings.HasPrefix(folder+"/", CampaignsRoot):
		r.fileProblem(file, Error, "nothing reads a file with this ending", "call it "+mail)
	case file == CampaignsRoot+campaignFile:
		r.fileProblem(file, Error, "nothing reads this file: each campaign has a folder of its own", "move it to "+CampaignsRoot+"NAME/"+campaignFile)
	case strings.HasSuffix(base, ".yml"):
		r.fileProblem(file, Error, "nothing reads a .yml file", "call it "+yaml)
	case strings.HasSuffix(base, ".yaml"):
		wanted := []string{shopFile, segmentsFile, poolsFile}
		if strings.HasPrefix(file, CampaignsRoot) {
			wanted = []string{campaignFile}
		}
		r.fileProblem(file, Error, "nothing reads this file", suggest(base, wanted, "a program has program.yaml, segments.yaml, pools.yaml and campaigns/NAME/campaign.yaml"))
	case r.unclear[campaignOf(file)]:
	case strings.HasPrefix(folder+"/", CampaignsRoot) && folder != "campaigns":
		r.fileProblem(file, Warning, "no step of the campaign sends this file", "name it in a step, or delete it")
	default:
		r.fileProblem(file, Warning, "nothing reads this file", "mails stand in the folder of their campaign")
	}
}

// checkName reports a name of a segment, pool, campaign or mail that would not
// do as part of a file name, a rule or a command.
func (r *reading) checkName(at *node, what, name string) bool {
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

// standardTopics are the topics of a program that names none.
func standardTopics(languages []string) map[string]map[string]string {
	names := map[string]string{loyalty.Offers: "Offers", loyalty.Newsletter: "Newsletter", loyalty.Program: "The program"}
	topics := map[string]map[string]string{}
	for topic, name := range names {
		topics[topic] = map[string]string{}
		for _, l := range languages {
			topics[topic][l] = name
		}
	}
	return topics
}
