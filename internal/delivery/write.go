package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"runtime/debug"

	"regulars/internal/delivery/compose"
	"regulars/internal/loyalty"
	"regulars/templates"
)

// address begins the letter of s, with all but its body. An error says that there can be
// none, and its words are for the marketer.
func (w *writer) address(s *send, m material) error {
	if _, err := w.text(s, m, ""); err != nil {
		return err
	}
	day := s.plan.today(m.at)
	s.letter = &letter{message: Message{From: w.returnPath(s.Send, s.plan), To: s.Email}, day: day}
	if c := m.codes[s.Code]; c != nil {
		s.letter.ends = c.lastDay(day)
	}
	return nil
}

// write writes the body of s, whose letter was begun. An error is about the mail and its
// words are for the marketer; it would come again. A panic costs this mail, never the
// process.
func (w *writer) write(s *send, m material) (err error) {
	defer func() {
		if p := recover(); p != nil {
			w.log.Error("making a mail panics", "send", s.Send, "campaign", s.campaign, "mail", s.mail(), "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	text, err := w.text(s, m, "")
	if err != nil {
		return err
	}
	s.letter.message.Body, err = w.fillIn(s, m, text)
	return err
}

// fillIn makes the message of s the quick way where that gives the same, and else by
// all the steps. The first letter of each mail and some of the others are made both
// ways. Should they ever differ, the full one goes, and only such from then on.
func (w *writer) fillIn(s *send, m material, text *templates.Mail) ([]byte, error) {
	c := w.compiled.of(s, text, w.links.Pictures(), w.log)
	if c.text == nil || c.wrong.Load() {
		w.compiled.full.Add(1)
		return w.inFull(s, m, text)
	}
	body, err := w.quick(c, s, m)
	if err != nil { // what is wrong, if anything is, the full way says
		w.compiled.full.Add(1)
		return w.inFull(s, m, text)
	}
	w.compiled.filled.Add(1)
	if c.proved.Load() && c.count.Add(1)%proveEvery != 0 {
		return body, nil
	}
	want, err := w.inFull(s, m, text)
	if err != nil || !bytes.Equal(body, want) {
		c.wrong.Store(true)
		w.log.Error("a compiled mail differs from what it should be: its letters are made in full", "send", s.Send, "campaign", s.campaign, "mail", s.mail(), "err", err)
		return want, err
	}
	c.proved.Store(true)
	return body, nil
}

// quick fills the compiled mail in.
func (w *writer) quick(c *compiledMail, s *send, m material) (body []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	room := w.compiled.rooms.Get()
	defer w.compiled.rooms.Put(room)
	link, pixel := w.tracking(s)
	values := &sendValues{w: w, s: s, m: m, today: s.plan.today(m.at)}
	if err := c.text.Fill(room, values, link, pixel); err != nil {
		return nil, err
	}
	l := s.plan.letter(s, m, templates.Rendered{Subject: room.Subject, FromName: room.FromName, Language: room.Language})
	l.Unsubscribe = values.unsubscribe()
	l.MessageID, l.UnsubscribeMail = compose.MessageID(w.secret, s.Send, w.domain(s.plan)), w.optOut(s)
	form := c.letter.Load()
	if form != nil {
		if body, err = form.Fill(w.sheets.get(), l, room.Text, room.HTML); !errors.Is(err, compose.ErrOther) {
			return body, err
		}
	}
	if form, err = compose.Compile(l); err != nil {
		return nil, err
	}
	c.letter.Store(form)
	return form.Fill(nil, l, room.Text, room.HTML)
}

// sendValues is the data of a send, of which only what its mail shows is worked out.
type sendValues struct {
	w      *writer
	s      *send
	m      material
	today  loyalty.Day
	out    string // the link to unsubscribe
	coupon map[string]any
	others templates.Data // the roots that few mails show
}

// Has is of templates.Values.
func (v *sendValues) Has(root string) bool {
	switch root {
	case "member", "links":
		return true
	case "coupon":
		return v.m.codes[v.s.Code] != nil
	}
	return v.root(root) != nil
}

// Value is of templates.Values.
func (v *sendValues) Value(root, field string) any {
	switch {
	case root == "member":
		return v.m.people[v.s.Member].value(field, v.today)
	case root == "links" && (field == "unsubscribe" || field == "preferences"):
		return v.unsubscribe()
	case root == "links":
		return v.w.link(field, v.s)
	case root == "coupon":
		if v.coupon == nil {
			v.coupon = v.w.root(root, v.s, v.m)
		}
		return v.coupon[field]
	}
	return v.root(root)[field]
}

func (v *sendValues) root(name string) map[string]any {
	if known, ok := v.others[name]; ok {
		return known.(map[string]any)
	}
	fields := v.w.root(name, v.s, v.m)
	if v.others == nil {
		v.others = templates.Data{}
	}
	v.others[name] = fields
	return fields
}

func (v *sendValues) unsubscribe() string {
	if v.out == "" {
		v.out, _ = v.w.link("unsubscribe", v.s).(string)
	}
	return v.out
}
