package delivery

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
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
	have   map[int64]*standing // of members, where the program keeps points
	refer  map[int64]string    // the referral codes of members whose mails may show them
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
	if m.codes, err = codes(tx, some(sends, func(s *send) int64 { return s.Code })); err != nil {
		return m, err
	}
	kept := map[*program.Program][]*send{}
	for _, s := range sends {
		if s.plan != nil && s.plan.program.Loyalty != nil {
			kept[s.plan.program] = append(kept[s.plan.program], s)
		}
	}
	m.have = map[int64]*standing{}
	for p, sends := range kept {
		shown := map[string]templates.Shown{}
		for _, s := range sends {
			maps.Copy(shown, s.plan.standing())
		}
		have, err := standings(tx, p, sends[0].plan.today(tx.At), some(sends, func(s *send) int64 { return s.Member }), shown)
		if err != nil {
			return m, err
		}
		maps.Copy(m.have, have)
	}
	return m, nil
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
	Join(code string) string                    // for friends; the same in each mail
	Click(member, send int64, to string) string // notes the click and leads on
	Open(member, send int64) string             // a picture; notes the opening
	Pictures() string                           // what the program's own are below
}

// writer writes letters.
type writer struct {
	links         Links
	secret        []byte
	messageDomain string
	returnDomain  string
	log           *slog.Logger
	compiled      *compiledMails
	sheets        sheets
}

// inFull makes the message of s by all the steps.
func (w *writer) inFull(s *send, m material, text *templates.Mail) ([]byte, error) {
	rendered, err := text.Render(w.data(s, m), w.tracked(s))
	if err != nil {
		return nil, err
	}
	return compose.Build(w.letter(s, m, rendered))
}

// text is the file that s is made of in a language, "" for the member's own. An error
// is why it cannot be made at all.
func (w *writer) text(s *send, m material, language string) (*templates.Mail, error) {
	who := m.people[s.Member]
	if who == nil {
		return nil, fmt.Errorf("member %d: %w", s.Member, store.ErrNotFound)
	}
	if who.err != nil {
		return nil, who.err
	}
	if c := m.codes[s.Code]; c != nil && c.err != nil {
		return nil, c.err
	}
	if language == "" {
		language = who.Language
	}
	if mail := s.plan.texts.in(language); mail != nil {
		return mail, nil
	}
	return nil, fmt.Errorf("%s/%s: %w", s.campaign, s.plan.mail, errNoText)
}

// letter addresses a rendered mail of the ledger.
func (w *writer) letter(s *send, m material, r templates.Rendered) compose.Letter {
	l := s.plan.letter(s, m, r)
	l.Unsubscribe = w.links.Unsubscribe(s.Member, s.Send, s.EmailKey)
	l.MessageID, l.UnsubscribeMail = compose.MessageID(w.secret, s.Send, w.domain(s.plan)), w.optOut(s)
	return l
}

// tracked is the brand for one mail: its links lead through us where the program
// says so. A mail outside the ledger has nothing to note a click under.
func (w *writer) tracked(s *send) templates.Brand {
	b := s.plan.brand(w.links.Pictures())
	b.Link, b.Pixel = w.tracking(s)
	return b
}

func (w *writer) tracking(s *send) (link func(to string) string, pixel string) {
	track := s.plan.program.Tracking
	if s.Send == 0 || s.Class == loyalty.Service {
		return nil, ""
	}
	if track.Clicks {
		link = func(to string) string { return w.links.Click(s.Member, s.Send, to) }
	}
	if track.Opens {
		pixel = w.links.Open(s.Member, s.Send)
	}
	return link, pixel
}

// data is all that the mail may show.
func (w *writer) data(s *send, m material) templates.Data {
	data := templates.Data{}
	for _, root := range []string{"member", "shop", "links", "points", "tier", "referral", "loyalty", "coupon", "order", "event", "milestone", "launch"} {
		if fields := w.root(root, s, m); fields != nil {
			data[root] = fields
		}
	}
	return data
}

// root is what the mail may show of one root, nil when it has none.
func (w *writer) root(name string, s *send, m material) map[string]any {
	today := s.plan.today(m.at)
	switch name {
	case "member":
		return m.people[s.Member].data(today)
	case "shop":
		return s.plan.shop()
	case "links":
		return w.linksOf(s)
	case "points":
		if have := m.have[s.Member]; have != nil && s.plan.program.Loyalty.Points != nil {
			return have.points(s.plan.program, s.key)
		}
	case "tier":
		if have := m.have[s.Member]; have != nil && s.plan.program.Loyalty.Tiers != nil {
			return have.tier(s.plan.program)
		}
	case "referral":
		if code := m.refer[s.Member]; code != "" {
			return map[string]any{"code": code, "link": w.links.Join(code)}
		}
	case "loyalty":
		if have := m.have[s.Member]; have != nil {
			return have.shown(s.plan.program, s.plan.standing(), today)
		}
	case "coupon":
		if c := m.codes[s.Code]; c != nil {
			return c.data(today)
		}
	case "order":
		if s.started.order != nil {
			return s.started.order.data()
		}
	case "event":
		if e := s.started.event; e != nil {
			return tiersNamed(e.Type, e.data(), s.plan.program, m.have[s.Member])
		}
	case "milestone":
		return milestone(s.key)
	case "launch":
		if len(s.launch) > 0 {
			return s.launch
		}
	}
	return nil
}

func (w *writer) linksOf(s *send) map[string]any {
	links := map[string]any{}
	for _, name := range []string{"unsubscribe", "preferences", "member", "confirm"} {
		links[name] = w.link(name, s)
	}
	return links
}

// link is one of the links that are the member's own.
func (w *writer) link(name string, s *send) any {
	switch name {
	case "unsubscribe", "preferences": // one page for both
		return w.links.Unsubscribe(s.Member, s.Send, s.EmailKey)
	case "member":
		return w.links.Page(s.Member, s.Send, s.EmailKey)
	case "confirm":
		return w.links.Confirm(s.Member, s.Send, s.EmailKey)
	}
	return nil
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
	l.FeedbackID = strings.Join([]string{s.campaign, s.Topic, s.Class, p.domain()}, ":")
	return l
}

func (w *writer) domain(p *plan) string {
	if w.messageDomain != "" {
		return w.messageDomain
	}
	return p.domain()
}

// optOut is the address to unsubscribe by mail, "" where none comes in.
func (w *writer) optOut(s *send) string {
	if w.returnDomain == "" || s.Class == loyalty.Service {
		return ""
	}
	return compose.OptOut(w.secret, s.Send, w.returnDomain)
}

// returnPath is the envelope sender: an address that names the send, or the
// sender's own where bounces cannot be told apart.
func (w *writer) returnPath(send int64, p *plan) string {
	if w.returnDomain != "" {
		return compose.ReturnPath(w.secret, send, w.returnDomain)
	}
	if a := p.sender(); a != "" {
		return a
	}
	return p.program.Mail.From
}

// sender is the sender's address alone, "" when it is none.
func (p *plan) sender() string {
	p.reading.Do(func() {
		if a, err := address.Named(p.program.Mail.From); err == nil {
			p.from = a.Address
		}
	})
	return p.from
}

// domain is what stands behind the @ of the sender's address.
func (p *plan) domain() string {
	if a := p.sender(); a != "" {
		return address.Domain(a)
	}
	return ""
}
