package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"sync"
	"time"

	"regulars/internal/consent"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/segments"
	"regulars/templates"
)

// plan is what a version of the program says about one mail of a campaign. It
// never changes.
type plan struct {
	version  int64
	program  *program.Program
	campaign *program.Campaign
	mail     string
	policy   consent.Policy
	rules    rules
	texts    texts
	flow     bool // the campaign has a next step that waits for this mail

	reading sync.Once
	from    string // the sender's address, see sender

	counting sync.Once
	shown    map[string]templates.Shown // see standing
}

// planKey tells plans apart.
type planKey struct {
	version        int64
	campaign, mail string
}

// issues is the step of a campaign that has one mail per date.
const issues = "issues"

// issueDate is the date in the key of an occurrence of a timetable, which may
// have a zone after it.
func issueDate(key string) string { return key[:min(len(key), len("2006-01-02"))] }

// plans reads what versions of the program say about mails, and keeps those that
// were used last. It is safe for concurrent use.
type plans struct {
	db       *store.DB
	programs Programs
	onlyTo   *regexp.Regexp
	known    *store.Recent[planKey, *plan]
	log      *slog.Logger
	zoned    sync.Map // the shop's zone → *consent.Zones
	inForce  inForce
}

// keptPlans is how many mails are kept ready to be written.
const keptPlans = 500

// read reads a plan and keeps it; nil when the campaign is gone.
func (p *plans) read(ctx context.Context, k planKey) (*plan, error) {
	prog, all, err := p.programs.Version(ctx, k.version)
	if err != nil {
		return nil, fmt.Errorf("version %d: %w", k.version, err)
	}
	c, err := p.campaignIn(ctx, prog, k.campaign)
	if c == nil || err != nil {
		return nil, err
	}
	zones, _ := p.zoned.LoadOrStore(prog.Zone.String(), consent.NewZones(prog.Zone))
	found := &plan{
		version: k.version, program: prog, campaign: c, mail: k.mail,
		policy: consent.PolicyFor(prog, c, zones.(*consent.Zones), p.onlyTo),
		rules:  rulesOf(prog, c),
		texts:  texts{prog.Languages, all[c.Name][k.mail], &sync.Map{}},
		flow:   len(c.Steps) > 1,
	}
	p.known.Put(k, found)
	return found, nil
}

// campaignIn returns the campaign of that name, or the one that has another name
// in prog, since it was renamed or got its old name back; nil when there is none.
func (p *plans) campaignIn(ctx context.Context, prog *program.Program, name string) (*program.Campaign, error) {
	if c := named(prog, name); c != nil {
		return c, nil
	}
	active, err := p.active(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	now, _, err := p.programs.Version(ctx, active)
	if err != nil {
		return nil, fmt.Errorf("version %d: %w", active, err)
	}
	if c := named(now, name); c != nil {
		return prog.Same(c), nil
	}
	return nil, nil
}

// active is the id of the version in force, ErrNotFound before the first.
func (p *plans) active(ctx context.Context) (id int64, err error) {
	err = p.db.View(ctx, func(tx *store.Tx) error {
		return tx.One(&id, "select cast(value as bigint) from settings where key = @key", store.Args{"key": store.SettingVersion})
	})
	if err != nil {
		return 0, fmt.Errorf("the version in force: %w", err)
	}
	return id, nil
}

// inForce keeps the rates of the program in force for a moment.
type inForce struct {
	mu    sync.Mutex
	asked time.Time
	rates loyalty.DomainRates
}

// ratesFor is how long rates are kept without asking which program is in force.
const ratesFor = time.Second

// domainRates are those of the program in force. While nobody can be asked they stay.
func (p *plans) domainRates(ctx context.Context) (loyalty.DomainRates, error) {
	f := &p.inForce
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.asked) < ratesFor {
		return f.rates, nil
	}
	active, err := p.active(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return f.rates, err
	}
	prog, _, err := p.programs.Version(ctx, active)
	if err != nil {
		return f.rates, fmt.Errorf("version %d: %w", active, err)
	}
	f.asked, f.rates = time.Now(), prog.Rate
	return f.rates, nil
}

func named(p *program.Program, name string) *program.Campaign {
	i := slices.IndexFunc(p.Campaigns, func(c *program.Campaign) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return p.Campaigns[i]
}

// today is the shop's day at an instant.
func (p *plan) today(at loyalty.Instant) loyalty.Day { return loyalty.DayOf(at.Time, p.program.Zone) }

// rules are those of a campaign that must still hold, or not hold, when a mail
// of it goes out.
type rules struct {
	keep []*segments.Rule // the segment that its members must not have left
	stop []*segments.Rule // until RULE
	but  []*segments.Rule // except
}

func (r rules) none() bool { return len(r.keep)+len(r.stop)+len(r.but) == 0 }

func rulesOf(p *program.Program, c *program.Campaign) (r rules) {
	if c.Except != nil {
		r.but = append(r.but, c.Except)
	}
	for _, u := range c.Until {
		switch {
		case u.Kind == "rule":
			r.stop = append(r.stop, u.Rule)
		case u.Kind == "leaves" && c.Start.Segment != "":
			for _, s := range p.Segments {
				if s.Name == c.Start.Segment {
					r.keep = append(r.keep, s.Rule)
				}
			}
		}
	}
	return r
}

// texts are the files of one mail by language, of which each member gets the one
// in the language nearest to theirs.
type texts struct {
	preferred []string // the program's languages
	files     map[string]*templates.Mail
	picked    *sync.Map // language of a member → *templates.Mail
}

// in returns the mail for a member who reads lang (BCP 47), nil when the mail
// has no file at all.
func (t texts) in(lang string) *templates.Mail {
	if m, ok := t.picked.Load(lang); ok {
		return m.(*templates.Mail)
	}
	m := templates.Pick(t.files, t.preferred, lang)
	t.picked.Store(lang, m)
	return m
}

// referral reports whether one of the files may show a member's referral code.
func (t texts) referral() bool {
	for _, m := range t.files {
		if m.Referral {
			return true
		}
	}
	return false
}

// standing is what of a member's standing the mail shows, in any language.
func (p *plan) standing() map[string]templates.Shown {
	p.counting.Do(func() {
		p.shown = map[string]templates.Shown{}
		for _, text := range p.texts.files {
			maps.Copy(p.shown, text.Standing())
		}
	})
	return p.shown
}

// brand is the shop as every mail of the program shows it.
func (p *plan) brand(pictures string) templates.Brand {
	b := templates.Brand{Name: p.program.Shop.Name, URL: p.program.Shop.URL, Address: p.program.Shop.Address,
		Currency: p.program.Currency, Zone: p.program.Zone, Pictures: pictures}
	if len(p.program.Languages) > 0 {
		b.Language = p.program.Languages[0]
	}
	return b
}

// shop returns what a mail reads as shop.….
func (p *plan) shop() map[string]any {
	s := p.program.Shop
	return map[string]any{"name": s.Name, "url": s.URL, "address": s.Address}
}

// Programs gives the program of a version, parsed, and its mails. A version
// never changes, so it may be kept.
type Programs interface {
	Version(ctx context.Context, id int64) (*program.Program, program.Texts, error)
}
