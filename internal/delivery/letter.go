package delivery

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"

	"regulars/internal/address"
	"regulars/internal/delivery/compose"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/templates"
)

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

// ofTheText reports whether it is the campaign's text that keeps a mail from being
// made, and nothing about its member: corrected, the mail can go.
func ofTheText(err error) bool {
	return errors.Is(err, errPanic) || errors.Is(err, errNoText) || errors.Is(err, errPool)
}

// Links makes the signed links of a mail: *consent.Links. A send of 0 is a mail
// outside the ledger.
type Links interface {
	// These carry to which address they went: emailKey, nil outside the ledger.
	Unsubscribe(member, send int64, emailKey []byte) string // the preferences too
	Confirm(member, send int64, emailKey []byte) string
	Page(member, send int64, emailKey []byte) string
	Click(member, send int64, to string) string // notes the click and leads on
	Open(member, send int64) string             // a picture; notes the opening
}

// writer writes letters.
type writer struct {
	links         Links
	secret        []byte
	messageDomain string
	returnDomain  string
	log           *slog.Logger
}

// write makes the letter of s. An error is about the mail and its words are for
// the marketer; it would come again. A panic costs this mail, never the process.
func (w *writer) write(s *send, m material) (err error) {
	defer func() {
		if p := recover(); p != nil {
			w.log.Error("making a mail panics", "send", s.Send, "campaign", s.campaign, "mail", s.mail(), "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	rendered, err := w.render(s, m, "")
	if err != nil {
		return err
	}
	l := s.plan.letter(s, m, rendered)
	l.Unsubscribe = w.links.Unsubscribe(s.Member, s.Send, s.EmailKey)
	l.MessageID = compose.MessageID(w.secret, s.Send, w.domain(l.From))
	body, err := compose.Build(l)
	if err != nil {
		return err
	}
	s.letter = &letter{message: Message{From: w.returnPath(s.Send, l.From), To: s.Email, Body: body}, day: s.plan.today(m.at)}
	return nil
}

// render makes the words of s in a language, "" for the member's own.
func (w *writer) render(s *send, m material, language string) (templates.Rendered, error) {
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
	return mail.Render(w.data(s, m), w.tracked(s))
}

// tracked is the brand for one mail: its links lead through us where the program
// says so. A mail outside the ledger has nothing to note a click under.
func (w *writer) tracked(s *send) templates.Brand {
	b, track := s.plan.brand(), s.plan.program.Tracking
	if s.Send == 0 || s.Class == loyalty.Service {
		return b
	}
	if track.Clicks {
		b.Link = func(to string) string { return w.links.Click(s.Member, s.Send, to) }
	}
	if track.Opens {
		b.Pixel = w.links.Open(s.Member, s.Send)
	}
	return b
}

// data is all that the mail may show.
func (w *writer) data(s *send, m material) templates.Data {
	today := s.plan.today(m.at)
	data := templates.Data{
		"member": m.people[s.Member].data(today),
		"shop":   s.plan.shop(),
		"links":  w.linksOf(s),
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

func (w *writer) linksOf(s *send) map[string]any {
	unsubscribe := w.links.Unsubscribe(s.Member, s.Send, s.EmailKey)
	return map[string]any{
		"unsubscribe": unsubscribe,
		"preferences": unsubscribe, // one page for both
		"member":      w.links.Page(s.Member, s.Send, s.EmailKey),
		"confirm":     w.links.Confirm(s.Member, s.Send, s.EmailKey),
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

func (w *writer) domain(from string) string {
	if w.messageDomain != "" {
		return w.messageDomain
	}
	return domainOf(from)
}

// returnPath is the envelope sender: an address that names the send, or the
// sender's own where bounces cannot be told apart.
func (w *writer) returnPath(send int64, from string) string {
	if w.returnDomain != "" {
		return compose.ReturnPath(w.secret, send, w.returnDomain)
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
