package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

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
}

// planKey tells plans apart.
type planKey struct {
	version        int64
	campaign, mail string
}

// withPlans runs f, which may ask for plans that are not known yet: then they are
// read, and f runs once more. Reading a program takes a transaction of its own,
// which must not wait for a connection inside another.
func (d *Desk) withPlans(ctx context.Context, f func(*planner) error) error {
	p := &planner{known: &d.known, found: map[planKey]*plan{}, blind: map[planKey]bool{}}
	for {
		p.missing = nil
		if err := f(p); !errors.Is(err, errMissing) {
			return err
		}
		for k := range p.missing {
			found, err := d.readPlan(ctx, k)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				d.c.Log.Error("a program cannot be read", "version", k.version, "campaign", k.campaign, "err", err)
				p.blind[k] = true
			}
			p.found[k] = found
		}
	}
}

// planner hands plans to one piece of work.
type planner struct {
	known   *sync.Map // planKey → *plan
	found   map[planKey]*plan
	blind   map[planKey]bool
	missing map[planKey]bool
}

// errMissing says that plans must be read before the work can go on.
var errMissing = errors.New("plans are missing")

// give gives each send its plan. A send whose version or campaign is gone has
// none. One whose program cannot be read now waits, so that it does not hold up
// the others.
func (p *planner) give(sends []*send) error {
	for _, s := range sends {
		k := planKey{s.Version, s.campaign, s.mail()}
		found, ok := p.found[k]
		if known, has := p.known.Load(k); has {
			found, ok = known.(*plan), true
		}
		if !ok {
			if p.missing == nil {
				p.missing = map[planKey]bool{}
			}
			p.missing[k] = true
		}
		s.plan, s.blind = found, s.blind || p.blind[k]
	}
	if p.missing != nil {
		return errMissing
	}
	return nil
}

// issues is the step of a campaign that has one mail per date.
const issues = "issues"

// mail is the name of the send's mail in its campaign's folder.
func (s *send) mail() string {
	if s.Step != issues {
		return s.Step
	}
	return issues + "/" + issueDate(s.key)
}

// issueDate is the date in the key of an occurrence of a timetable, which may
// have a zone after it.
func issueDate(key string) string { return key[:min(len(key), len("2006-01-02"))] }

// readPlan reads a plan and remembers it; nil when the campaign is gone.
func (d *Desk) readPlan(ctx context.Context, k planKey) (*plan, error) {
	prog, all, err := d.c.Programs.Version(ctx, k.version)
	if err != nil {
		return nil, fmt.Errorf("version %d: %w", k.version, err)
	}
	c, err := d.campaignIn(ctx, prog, k.campaign)
	if c == nil || err != nil {
		return nil, err
	}
	p := &plan{
		version: k.version, program: prog, campaign: c, mail: k.mail,
		policy: consent.PolicyFor(prog, c, d.zones(prog), d.c.MailOnlyTo),
		rules:  rulesOf(prog, c),
		texts:  texts{prog.Languages, all[c.Name][k.mail], &sync.Map{}},
		flow:   len(c.Steps) > 1,
	}
	d.known.Store(k, p)
	return p, nil
}

// campaignIn returns the campaign of that name, or the one that has another name
// in prog, since it was renamed or got its old name back; nil when there is none.
func (d *Desk) campaignIn(ctx context.Context, prog *program.Program, name string) (*program.Campaign, error) {
	if c := named(prog, name); c != nil {
		return c, nil
	}
	active, err := d.active(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	now, _, err := d.c.Programs.Version(ctx, active)
	if err != nil {
		return nil, fmt.Errorf("version %d: %w", active, err)
	}
	if c := named(now, name); c != nil {
		return prog.Same(c), nil
	}
	return nil, nil
}

// active is the id of the version in force, ErrNotFound before the first.
func (d *Desk) active(ctx context.Context) (id int64, err error) {
	err = d.c.DB.View(ctx, func(tx *store.Tx) error {
		return tx.One(&id, "select cast(value as bigint) from settings where key = @key", store.Args{"key": store.SettingVersion})
	})
	if err != nil {
		return 0, fmt.Errorf("the version in force: %w", err)
	}
	return id, nil
}

func named(p *program.Program, name string) *program.Campaign {
	i := slices.IndexFunc(p.Campaigns, func(c *program.Campaign) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return p.Campaigns[i]
}

// zones returns the time zones seen from the program's.
func (d *Desk) zones(p *program.Program) *consent.Zones {
	z, _ := d.zoned.LoadOrStore(p.Zone.String(), consent.NewZones(p.Zone))
	return z.(*consent.Zones)
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
