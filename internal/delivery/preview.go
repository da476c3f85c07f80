package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"regulars/internal/address"
	"regulars/internal/consent"
	"regulars/internal/delivery/compose"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/templates"
)

// Asked is the error of a request that cannot be met because of what was asked:
// its words are for the person who did.
type Asked string

// Error returns the words.
func (a Asked) Error() string { return string(a) }

// ForPeople says that the words may be shown as they are.
func (Asked) ForPeople() bool { return true }

// Example asks for a mail outside the ledger.
type Example struct {
	Campaign string
	Mail     string // "": the campaign's first
	Member   int64  // as whom; 0: a made-up member
	Language string // "": the member's

	Launch map[string]any // what it is launched with, as mails take it; nil: made up

	// A program that is not in force, read from a directory; nil: the one in force.
	Draft *program.Program
	Texts program.Texts
}

// Shown is an example as it would read.
type Shown struct {
	templates.Rendered
	Mail    string `json:"mail"`
	Version int64  `json:"version"` // 0: a draft
}

// Preview renders one mail as the member would get it. What set their mail off is
// taken from their latest one; where there is none, it is made up. The code is a
// made-up one of the pool, never one of a member's, and the links belong to nobody:
// they work, and change nothing.
func (d *Sender) Preview(ctx context.Context, e Example) (Shown, error) {
	s, m, err := d.example(ctx, e)
	if err != nil {
		return Shown{}, err
	}
	r, err := s.plan.show(d.made(s, m), d.c.Links.Pictures(), e.Language, m.at)
	return Shown{r, s.plan.mail, s.plan.version}, err
}

// PreviewDraft is Preview of a draft for a made-up member, without a database: the
// links are made up too.
func PreviewDraft(e Example, now loyalty.Instant) (Shown, error) {
	p, _, err := e.draft(now)
	if err != nil {
		return Shown{}, err
	}
	r, err := p.show(templates.Data{"shop": p.shop()}, "https://mail.shop.example/pictures", e.Language, now)
	return Shown{r, p.mail, 0}, err
}

// SendTest mails what Preview shows to an address, with [Test] before its
// subject. It leaves no row. Where MAIL_ONLY_TO does not allow the address it is
// refused.
func (d *Sender) SendTest(ctx context.Context, e Example, to string) (Shown, error) {
	address, _, err := address.Read(to)
	if err != nil {
		return Shown{}, Asked(fmt.Sprintf("%q: %s", to, err))
	}
	if d.c.MailOnlyTo != nil && !d.c.MailOnlyTo.MatchString(address) {
		return Shown{}, Asked(fmt.Sprintf("MAIL_ONLY_TO does not allow %s", address))
	}
	s, m, err := d.example(ctx, e)
	if err != nil {
		return Shown{}, err
	}
	rendered, err := s.plan.show(d.made(s, m), d.c.Links.Pictures(), e.Language, m.at)
	if err != nil {
		return Shown{}, err
	}
	rendered.Subject = "[Test] " + rendered.Subject
	if m.people[s.Member] == nil {
		m.people = map[int64]*person{s.Member: {}}
	}
	l := s.plan.letter(s, m, rendered)
	l.To, l.ToName = address, ""
	l.Unsubscribe = d.c.Links.Unsubscribe(0, 0, nil)
	l.MessageID = compose.MessageID(d.c.Secret, -m.at.UnixMicro(), d.writer.domain(s.plan))
	body, err := compose.Build(l)
	if err != nil {
		return Shown{}, Asked(err.Error())
	}
	o := d.c.Transports[Urgent].Hand(ctx, Message{From: d.writer.returnPath(0, s.plan), To: address, Body: body}, nil)
	if o.Verdict().Ending != Sent {
		return Shown{}, fmt.Errorf("the test mail was not taken (%s): %s", o.Stage, said(o))
	}
	return Shown{rendered, s.plan.mail, s.plan.version}, nil
}

// said is what the relay said, or what else went wrong.
func said(o Outcome) string {
	if o.Code != 0 {
		return strings.TrimSpace(fmt.Sprintf("%d %s", o.Code, o.Text))
	}
	return fmt.Sprint(o.Err)
}

// made is what is known of an example: the member and what set their mail off, and
// links of nobody's.
func (d *Sender) made(s *send, m material) templates.Data {
	data := templates.Data{"shop": s.plan.shop()}
	if m.people[s.Member] != nil {
		data = d.writer.data(s, m)
	}
	data["links"] = d.writer.linksOf(&send{})
	if len(s.launch) > 0 {
		data["launch"] = s.launch
	}
	return data
}

// show renders an example: what is not known of it is made up.
func (p *plan) show(known templates.Data, pictures, language string, now loyalty.Instant) (templates.Rendered, error) {
	if member, ok := known["member"].(map[string]any); ok && language == "" {
		language, _ = member["language"].(string)
	}
	mail := p.texts.in(language)
	if mail == nil {
		return templates.Rendered{}, Asked(fmt.Sprintf("the mail %s of %s has no text", p.mail, p.campaign.Name))
	}
	data := p.sample(mail, language, now)
	if c := p.sampleCode(); c != nil {
		data["coupon"] = c.data(p.today(now))
	}
	maps.Copy(data, known)
	r, err := mail.Render(data, p.brand(pictures))
	if err != nil {
		return r, Asked(err.Error())
	}
	return r, nil
}

// sampleCode is a made-up code of the pool whose code the mail shows: its own
// step's, or else the last one given before it. nil where there is none.
func (p *plan) sampleCode() *code {
	pool := ""
	for _, step := range p.campaign.Steps {
		all := append([]program.Step{step}, step.Choose...)
		mine := slices.IndexFunc(all, func(s program.Step) bool { return s.Mail == p.mail })
		if mine >= 0 {
			pool = cmp.Or(all[mine].Coupon, pool)
			break
		}
		for _, s := range all {
			pool = cmp.Or(s.Coupon, pool)
		}
	}
	for _, q := range p.program.Pools {
		if q.Name == pool {
			return &code{Code: cmp.Or(q.Code, likePattern(cmp.Or(q.Pattern, "####-####"))), pool: &q}
		}
	}
	return nil
}

// likePattern fills the # of a pattern, the same at each call.
func likePattern(pattern string) string {
	letters := "7K2M9QXT"
	filled := []byte(pattern)
	for i, n := 0, 0; i < len(filled); i++ {
		if filled[i] == '#' {
			filled[i], n = letters[n%len(letters)], n+1
		}
	}
	return string(filled)
}

// example is a mail outside the ledger.
func (d *Sender) example(ctx context.Context, e Example) (*send, material, error) {
	p, step, err := d.planOf(ctx, e)
	if err != nil {
		return nil, material{}, err
	}
	var s *send
	var m material
	err = d.c.DB.View(ctx, func(tx *store.Tx) (err error) {
		s = &send{Candidate: consent.Candidate{Step: step.Mail}}
		if e.Member != 0 {
			if s, err = latestTo(tx, e.Member, e.Campaign, step.Mail); err != nil {
				return err
			}
		}
		if e.Launch != nil {
			s.launch = e.Launch
		}
		s.campaign, s.plan, s.Class, s.Topic = e.Campaign, p, p.campaign.Class, cmp.Or(step.Topic, p.campaign.Topic)
		s.Code = 0 // a member's own code is theirs to see
		if err = startedBy(tx, []*send{s}); err != nil {
			return err
		}
		if m, err = gather(tx, []*send{s}); err == nil && e.Member != 0 && m.people[e.Member] == nil {
			err = fmt.Errorf("member %d: %w", e.Member, store.ErrNotFound)
		}
		return err
	})
	return s, m, err
}

// planOf finds the mail and its step, in the draft or in the version in force.
func (d *Sender) planOf(ctx context.Context, e Example) (*plan, program.Step, error) {
	if e.Draft != nil {
		return e.draft(loyalty.At(d.c.DB.Now()))
	}
	version, err := d.plans.active(ctx)
	if errors.Is(err, store.ErrNotFound) {
		err = Asked("no program is in force yet: apply one first, or say --from DIR")
	}
	if err != nil {
		return nil, program.Step{}, err
	}
	prog, all, err := d.c.Programs.Version(ctx, version)
	if err != nil {
		return nil, program.Step{}, fmt.Errorf("version %d: %w", version, err)
	}
	_, step, name, err := e.find(prog, all, loyalty.DayOf(d.c.DB.Now(), prog.Zone))
	if err != nil {
		return nil, program.Step{}, err
	}
	p, err := d.plans.read(ctx, planKey{version, e.Campaign, name})
	return p, step, err
}

// draft is the plan of a mail of the draft.
func (e Example) draft(now loyalty.Instant) (*plan, program.Step, error) {
	c, step, name, err := e.find(e.Draft, e.Texts, loyalty.DayOf(now.Time, e.Draft.Zone))
	if err != nil {
		return nil, step, err
	}
	return &plan{program: e.Draft, campaign: c, mail: name, texts: texts{e.Draft.Languages, e.Texts[c.Name][name], &sync.Map{}}}, step, nil
}

// find returns the campaign, its step and the mail's full name.
func (e Example) find(p *program.Program, all program.Texts, today loyalty.Day) (*program.Campaign, program.Step, string, error) {
	c := named(p, e.Campaign)
	if c == nil {
		return nil, program.Step{}, "", Asked(program.NoCampaign(p, e.Campaign))
	}
	step, name, err := MailOf(c, e.Mail)
	if name == issues {
		name = issueOf(slices.Sorted(maps.Keys(all[c.Name])), today)
	}
	return c, step, name, err
}

// MailOf returns the step of a campaign that sends a mail, and the mail's full
// name; mail "" is the first.
func MailOf(c *program.Campaign, mail string) (program.Step, string, error) {
	var names []string
	for _, step := range c.Steps {
		for _, s := range append([]program.Step{step}, step.Choose...) {
			switch {
			case s.Mail == "":
				continue
			case mail == "" || mail == s.Mail || s.Issues && strings.HasPrefix(mail, issues+"/"):
				if !s.Issues || mail == "" {
					mail = s.Mail
				}
				return s, mail, nil
			}
			names = append(names, s.Mail)
		}
	}
	return program.Step{}, "", Asked(fmt.Sprintf("campaign %s has no mail %q: it has %s", c.Name, mail, strings.Join(names, ", ")))
}

// issueOf is the issue of today or the next one, else the last that there is.
func issueOf(mails []string, today loyalty.Day) string {
	name := issues
	for _, mail := range mails {
		if strings.HasPrefix(mail, issues+"/") && (name == issues || name < issues+"/"+today.String()) {
			name = mail
		}
	}
	return name
}

// latestTo is the member's latest send of the step, or one as it would be.
func latestTo(tx *store.Tx, member int64, campaign, step string) (*send, error) {
	var id int64
	err := tx.One(&id, `
		select s.id
		from   sends s join campaigns c on c.id = s.campaign_id
		where  s.member_id = @member and c.name = @campaign and s.step = @step
		order  by s.id desc limit 1`, store.Args{"member": member, "campaign": campaign, "step": step})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if err == nil {
		sends, err := load(tx, []int64{id})
		if err != nil || len(sends) > 0 {
			return sends[0], err
		}
	}
	return &send{Candidate: consent.Candidate{Member: member, Step: step}}, nil
}
