package delivery

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"regulars/internal/address"
	"regulars/internal/delivery/compose"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/templates"
)

// letter is a send's mail as it stands, ready for the wire.
type letter struct {
	message Message
	day     loyalty.Day // the shop's day it was written on: its code may end so many days later
}

// material is what the letters of some sends are made of.
type material struct {
	people map[int64]*person
	codes  map[int64]*code
	at     loyalty.Instant
}

// gather loads the material, set-based. What started the passages is with the
// sends already.
func gather(tx *store.Tx, sends []*send) (material, error) {
	m := material{at: tx.At}
	var err error
	if m.people, err = people(tx, some(sends, func(s *send) int64 { return s.Member })); err != nil {
		return m, err
	}
	m.codes, err = codes(tx, some(sends, func(s *send) int64 { return s.Code }))
	return m, err
}

// errNoText says that the mail has no file in the version of the send.
var errNoText = errors.New("the mail has no text")

// errPanic says that making a mail ended in a panic.
var errPanic = errors.New("making the mail panics")

// ofTheText reports whether it is the campaign's text that keeps a mail from being
// made, and nothing about its member: corrected, the mail can go.
func ofTheText(err error) bool {
	return errors.Is(err, errPanic) || errors.Is(err, errNoText) || errors.Is(err, errPool)
}

// write makes the letter of s. An error is about the mail and its words are for
// the marketer; it would come again. A panic costs this mail, never the process.
func (d *Desk) write(s *send, m material) (err error) {
	defer func() {
		if p := recover(); p != nil {
			d.c.Log.Error("making a mail panics", "send", s.Send, "campaign", s.campaign, "mail", s.mail(), "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	rendered, err := d.render(s, m, "")
	if err != nil {
		return err
	}
	l := s.plan.letter(s, m, rendered)
	l.Unsubscribe = d.c.Links.Unsubscribe(s.Member, s.Send, s.EmailKey)
	l.MessageID = compose.MessageID(d.c.Secret, s.Send, d.messageDomain(l.From))
	body, err := compose.Build(l)
	if err != nil {
		return err
	}
	s.letter = &letter{message: Message{From: d.returnPath(s.Send, l.From), To: s.Email, Body: body}, day: s.plan.today(m.at)}
	return nil
}

// render makes the words of s in a language, "" for the member's own.
func (d *Desk) render(s *send, m material, language string) (templates.Rendered, error) {
	who := m.people[s.Member]
	if who == nil {
		return templates.Rendered{}, fmt.Errorf("member %d: %w", s.Member, store.ErrNotFound)
	}
	if who.err != nil {
		return templates.Rendered{}, who.err
	}
	if c := m.codes[s.Code]; c != nil && c.err != nil {
		return templates.Rendered{}, c.err
	}
	if language == "" {
		language = who.Language
	}
	mail := s.plan.texts.in(language)
	if mail == nil {
		return templates.Rendered{}, fmt.Errorf("%s/%s: %w", s.campaign, s.plan.mail, errNoText)
	}
	return mail.Render(d.data(s, m), d.tracked(s))
}

// tracked is the brand for one mail: its links lead through us where the program
// says so. A mail outside the ledger has nothing to note a click under.
func (d *Desk) tracked(s *send) templates.Brand {
	b, track := s.plan.brand(), s.plan.program.Tracking
	if s.Send == 0 || s.Class == loyalty.Service {
		return b
	}
	if track.Clicks {
		b.Link = func(to string) string { return d.c.Links.Click(s.Member, s.Send, to) }
	}
	if track.Opens {
		b.Pixel = d.c.Links.Open(s.Member, s.Send)
	}
	return b
}

// data is all that the mail may show.
func (d *Desk) data(s *send, m material) templates.Data {
	today := s.plan.today(m.at)
	data := templates.Data{
		"member": m.people[s.Member].data(today),
		"shop":   s.plan.shop(),
		"links":  d.links(s),
	}
	if c := m.codes[s.Code]; c != nil {
		data["coupon"] = c.data(today)
	}
	if s.started.order != nil {
		data["order"] = s.started.order.data()
	}
	if s.started.event != nil {
		data["event"] = s.started.event.data()
	}
	if v := milestone(s.key); v != nil {
		data["milestone"] = v
	}
	if len(s.launch) > 0 {
		data["launch"] = s.launch
	}
	return data
}

func (d *Desk) links(s *send) map[string]any {
	unsubscribe := d.c.Links.Unsubscribe(s.Member, s.Send, s.EmailKey)
	return map[string]any{
		"unsubscribe": unsubscribe,
		"preferences": unsubscribe, // one page for both
		"member":      d.c.Links.Page(s.Member, s.Send, s.EmailKey),
		"confirm":     d.c.Links.Confirm(s.Member, s.Send, s.EmailKey),
	}
}

// letter addresses a rendered mail.
func (p *plan) letter(s *send, m material, r templates.Rendered) compose.Letter {
	l := compose.Letter{
		From: p.program.Mail.From, ReplyTo: p.program.Mail.ReplyTo,
		To: s.Email, ToName: m.people[s.Member].name(),
		Rendered: r, Class: s.Class, Topic: s.Topic, Date: m.at.Time,
	}
	if s.campaign == program.ConfirmCampaign {
		l.ToName = "" // anybody can type a stranger's address, and a link as their name
	}
	l.FeedbackID = strings.Join([]string{s.campaign, s.Topic, s.Class, domainOf(l.From)}, ":")
	return l
}

func (d *Desk) messageDomain(from string) string {
	if d.c.MessageDomain != "" {
		return d.c.MessageDomain
	}
	return domainOf(from)
}

// returnPath is the envelope sender: an address that names the send, or the
// sender's own where bounces cannot be told apart.
func (d *Desk) returnPath(send int64, from string) string {
	if d.c.ReturnDomain != "" {
		return compose.ReturnPath(d.c.Secret, send, d.c.ReturnDomain)
	}
	if a, err := address.Named(from); err == nil {
		return a.Address
	}
	return from
}

// domainOf returns what stands behind the @ of the sender's address.
func domainOf(from string) string {
	if a, err := address.Named(from); err == nil {
		return address.Domain(a.Address)
	}
	return ""
}
