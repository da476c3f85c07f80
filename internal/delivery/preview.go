package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

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

// Preview renders one mail of the active version as the member would get it, in
// a language, or in the member's when language is "". What set their mail off is
// taken from their latest one; where there is none, it is made up. The links of
// the mail lead nowhere, so that nobody unsubscribes the member by trying them.
// mail "" is the campaign's first.
func (d *Desk) Preview(ctx context.Context, campaign, mail string, member int64, language string) (templates.Rendered, error) {
	s, m, err := d.example(ctx, campaign, mail, member)
	if err != nil {
		return templates.Rendered{}, err
	}
	return d.show(s, m, language)
}

// SendTest mails what Preview shows to an address, with [Test] before its
// subject. It leaves no row. Where MAIL_ONLY_TO does not allow the address it is
// refused.
func (d *Desk) SendTest(ctx context.Context, campaign, mail string, member int64, to string) error {
	address, _, err := consent.Address(to)
	if err != nil {
		return Asked(fmt.Sprintf("%q: %s", to, err))
	}
	if d.c.MailOnlyTo != nil && !d.c.MailOnlyTo.MatchString(address) {
		return Asked(fmt.Sprintf("MAIL_ONLY_TO does not allow %s", address))
	}
	s, m, err := d.example(ctx, campaign, mail, member)
	if err != nil {
		return err
	}
	rendered, err := d.show(s, m, "")
	if err != nil {
		return err
	}
	rendered.Subject = "[Test] " + rendered.Subject
	l := s.plan.letter(s, m, rendered)
	l.To, l.ToName = address, ""
	l.Unsubscribe = d.c.Links.Unsubscribe(0, 0, nil)
	l.MessageID = compose.MessageID(d.c.Secret, -m.at.UnixMicro(), d.messageDomain(l.From))
	body, err := compose.Build(l)
	if err != nil {
		return Asked(err.Error())
	}
	o := d.c.Transports[Urgent].Hand(ctx, Message{From: d.returnPath(0, l.From), To: address, Body: body}, nil)
	if o.Verdict().Ending != Sent {
		return fmt.Errorf("the test mail was not taken (%s): %s", o.Stage, said(o))
	}
	return nil
}

// said is what the relay said, or what else went wrong.
func said(o Outcome) string {
	if o.Code != 0 {
		return strings.TrimSpace(fmt.Sprintf("%d %s", o.Code, o.Text))
	}
	return fmt.Sprint(o.Err)
}

// show renders an example.
func (d *Desk) show(s *send, m material, language string) (templates.Rendered, error) {
	if language == "" {
		language = m.people[s.Member].Language
	}
	mail := s.plan.texts.in(language)
	if mail == nil {
		return templates.Rendered{}, Asked(fmt.Sprintf("the mail %s of %s has no text", s.plan.mail, s.campaign))
	}
	data := mail.Sample()
	if c := s.plan.sampleCode(); c != nil {
		data["coupon"] = c.data(s.plan.today(m.at))
	}
	real := d.data(s, m)
	nobody := &send{}
	real["links"] = d.links(nobody)
	maps.Copy(data, real)
	r, err := mail.Render(data, s.plan.brand())
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
			return &code{Code: cmp.Or(q.Code, likePattern(cmp.Or(q.Pattern, "####-####"))), pool: q}
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

// example is a mail of the active version to a member, outside the ledger.
func (d *Desk) example(ctx context.Context, campaign, mail string, member int64) (*send, material, error) {
	k, step, err := d.which(ctx, campaign, mail)
	if err != nil {
		return nil, material{}, err
	}
	p, err := d.readPlan(ctx, k)
	if err != nil {
		return nil, material{}, err
	}
	var s *send
	var m material
	err = d.c.DB.View(ctx, func(tx *store.Tx) (err error) {
		if s, err = latestTo(tx, member, campaign, step.Mail); err != nil {
			return err
		}
		s.campaign, s.plan, s.Class, s.Topic = campaign, p, p.campaign.Class, cmp.Or(step.Topic, p.campaign.Topic)
		if err = startedBy(tx, []*send{s}); err != nil {
			return err
		}
		if m, err = gather(tx, []*send{s}); err == nil && m.people[member] == nil {
			err = fmt.Errorf("member %d: %w", member, store.ErrNotFound)
		}
		return err
	})
	return s, m, err
}

// which finds a mail of the version in force, and its step.
func (d *Desk) which(ctx context.Context, campaign, mail string) (planKey, program.Step, error) {
	version, err := d.active(ctx)
	if errors.Is(err, store.ErrNotFound) {
		err = Asked("no program is in force yet: apply one first")
	}
	if err != nil {
		return planKey{}, program.Step{}, err
	}
	prog, all, err := d.c.Programs.Version(ctx, version)
	if err != nil {
		return planKey{}, program.Step{}, fmt.Errorf("version %d: %w", version, err)
	}
	c := named(prog, campaign)
	if c == nil {
		return planKey{}, program.Step{}, Asked(program.NoCampaign(prog, campaign))
	}
	step, name, err := MailOf(c, mail)
	if name == issues {
		name = issueOf(slices.Sorted(maps.Keys(all[c.Name])), loyalty.DayOf(d.c.DB.Now(), prog.Zone))
	}
	return planKey{version, campaign, name}, step, err
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
