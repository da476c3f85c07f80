package smtp

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"regulars/internal/delivery"
)

// block is how much of a body is written under one deadline.
const block = 32 << 10

// carry takes one mail through MAIL, RCPT, DATA, body and final dot. Once it has
// begun, the context no longer matters: the deadlines end it.
//
// Where the relay allows it, the envelope of the mail that comes after goes out with
// the body, so that a mail costs one round trip (RFC 2920): tie takes it out, and it
// is returned. The connection has then said that envelope, and only that mail can use
// it; nothing of that mail's body goes out before its own begin. Behind the last body of a
// connection goes its QUIT.
func (c *conn) carry(ctx context.Context, m delivery.Message, begin func(context.Context) error, tie func() *waiter) (o delivery.Outcome, tied *waiter) {
	if err := ctx.Err(); err != nil {
		c.broken = c.broken || len(c.said) > 0
		return withheld(delivery.StageConnect, err), nil
	}
	if o := c.envelope(m); o.Stage != delivery.StageBody {
		return o, nil
	}
	if begin != nil {
		if err := begin(context.WithoutCancel(ctx)); err != nil {
			c.broken = true // whatever we said now would be the body
			return withheld(delivery.StageData, err), nil
		}
	}
	var next []command
	if c.pipelining && c.mails < c.most {
		if tied = tie(); tied != nil {
			next, _ = c.commands(tied.mail) // one that cannot be said is refused in its turn
		}
	}
	after := next
	if c.parting = c.pipelining && c.mails >= c.most; c.parting {
		after = []command{{line: "QUIT"}}
	}
	o = c.body(m.Body, after)
	o.Begun = true
	if o.Stage == delivery.StageDone {
		c.works.Store(true)
	}
	if o.Stage != delivery.StageDone && (o.Code == 0 || o.Code == 421) {
		c.broken = true
	}
	if len(next) > 0 {
		c.mails++
		c.said = next
	}
	return o, tied
}

// over reports that a kept connection ended before it was asked about this mail:
// grown old, or at the relay's limit of mails per connection.
func (c *conn) over(o delivery.Outcome) bool {
	return o.Stage == delivery.StageMail && (o.Code == 0 || o.Code == 421)
}

// clean ends a transaction that was refused half-way.
func (c *conn) clean() error {
	if !c.dirty {
		return nil
	}
	c.dirty = false
	rset := command{"RSET", delivery.StageMail, c.d.Mail}
	if err := c.say(rset); err != nil {
		return err
	}
	code, words, err := c.listen(rset)
	if err == nil && code/100 != 2 {
		err = fmt.Errorf("RSET was answered %d %s", code, words)
	}
	return err
}

// envelope says MAIL, RCPT and DATA, in one go where the relay allows it (RFC
// 2920). Its outcome stands at StageBody when the relay waits for the body.
func (c *conn) envelope(m delivery.Message) delivery.Outcome {
	if said := c.said; len(said) > 0 {
		c.said = nil
		if o, ok := c.hear(said); !ok {
			return c.dismiss(o)
		}
		return delivery.Outcome{Stage: delivery.StageBody}
	}
	if err := c.clean(); err != nil {
		c.broken = true
		return c.refusal(delivery.StageMail, err)
	}
	c.mails++
	commands, err := c.commands(m)
	if err != nil {
		return c.answered(delivery.StageRcpt, 553, err.Error())
	}
	group := 1
	if c.pipelining {
		group = len(commands)
	}
	for len(commands) > 0 {
		if o, ok := c.exchange(commands[:group]); !ok {
			return c.dismiss(o)
		}
		commands = commands[group:]
	}
	return delivery.Outcome{Stage: delivery.StageBody}
}

func (c *conn) commands(m delivery.Message) ([]command, error) {
	mail := "MAIL FROM:<" + m.From + ">"
	if c.eightBit && !asciiBody(m.Body) {
		mail += " BODY=8BITMIME"
	}
	if !ascii(m.From) || !ascii(m.To) {
		if !c.utf8 {
			return nil, errors.New("5.6.7 the address is not ASCII, and the relay does not offer SMTPUTF8")
		}
		mail += " SMTPUTF8"
	}
	return []command{
		{mail, delivery.StageMail, c.d.Mail},
		{"RCPT TO:<" + m.To + ">", delivery.StageRcpt, c.d.Rcpt},
		{"DATA", delivery.StageData, c.d.Data},
	}, nil
}

// exchange says commands at once and hears all their answers.
func (c *conn) exchange(commands []command) (first delivery.Outcome, ok bool) {
	if err := c.say(commands...); err != nil {
		c.broken = true
		return c.refusal(commands[0].stage, err), false
	}
	return c.hear(commands)
}

// hear hears the answers to commands. The first that is not a yes is the outcome:
// later ones only follow from it.
func (c *conn) hear(commands []command) (first delivery.Outcome, ok bool) {
	ok = true
	for _, cmd := range commands {
		code, words, err := c.listen(cmd)
		if err == nil && agreed(cmd.stage, code) && ok {
			continue
		}
		c.note(cmd.stage, code, err, ok)
		if ok {
			first, ok = c.refused(cmd.stage, code, words, err), false
		}
		if err != nil {
			break // nothing more will come
		}
	}
	return first, ok
}

// note remembers what an answer means for the connection's further use; first
// says that all answers before it were a yes. After a refused DATA too we rather
// begin anew. A 354 after a refused recipient waits for a body.
func (c *conn) note(s delivery.Stage, code int, err error, first bool) {
	c.dirty = true
	switch {
	case err != nil || code == 421 || s == delivery.StageData && first:
		c.broken = true
	case s == delivery.StageData && code < 400:
		c.broken, c.open = code != 354, true
	}
}

// dismiss ends a mail whose envelope was refused. A relay that waits for its body all
// the same gets a dot alone, as RFC 2920 wants it: there is nobody to give it to.
func (c *conn) dismiss(o delivery.Outcome) delivery.Outcome {
	if !c.open {
		return o
	}
	if c.open = false; c.broken {
		return o
	}
	dot := command{".", delivery.StageDot, c.d.Dot}
	code := 0
	err := c.say(dot)
	if err == nil {
		code, _, err = c.listen(dot)
	}
	c.dirty = false
	c.broken = err != nil || code == 421
	return o
}

// agreed reports whether a code is the yes of its stage.
func agreed(s delivery.Stage, code int) bool {
	if s == delivery.StageData {
		return code == 354
	}
	return code/100 == 2
}

// body writes the mail, with the commands that follow it, and hears the answer to its
// final dot.
func (c *conn) body(b []byte, next []command) delivery.Outcome {
	if err := c.write(b, next); err != nil {
		return c.refusal(delivery.StageBody, err)
	}
	code, words, err := c.listen(command{stage: delivery.StageDot, wait: c.d.Dot})
	if err != nil || code/100 != 2 {
		return c.refused(delivery.StageDot, code, words, err)
	}
	enhanced, text := c.read(words)
	return delivery.Outcome{Stage: delivery.StageDone, Code: code, Enhanced: enhanced, Text: text}
}

// write sends the body, dot-stuffed, the final dot and what follows, in one piece.
func (c *conn) write(b []byte, next []command) error {
	piece := stuffed(c.buffer[:0], b)
	for _, cmd := range next {
		piece = append(append(piece, cmd.line...), "\r\n"...)
	}
	if c.buffer = piece; cap(piece) > 2*block {
		c.buffer = nil // one big mail is not kept for all that follow
	}
	w := c.client.Text.W
	for len(piece) > 0 {
		n := min(len(piece), block)
		if err := c.client.UpdateDeadline(c.d.Block); err != nil {
			return err
		}
		w.Write(piece[:n])
		if err := w.Flush(); err != nil { // holds the error of the write too
			return err
		}
		piece = piece[n:]
	}
	return nil
}

// stuffed appends a body as it goes over the wire: a dot before each line that begins
// with one, and the final dot. Lone line feeds become CRLF, so that no body can end
// itself early.
func stuffed(to, body []byte) []byte {
	taken := 0 // what of the body is appended
	for start := 0; start < len(body); {
		if body[start] == '.' {
			to = append(append(to, body[taken:start]...), '.')
			taken = start
		}
		end := bytes.IndexByte(body[start:], '\n')
		if end < 0 {
			to = append(append(to, bytes.TrimSuffix(body[taken:], []byte("\r"))...), "\r\n"...)
			return append(to, ".\r\n"...)
		}
		if end += start; end == start || body[end-1] != '\r' {
			to = append(append(to, body[taken:end]...), "\r\n"...)
			taken = end + 1
		}
		start = end + 1
	}
	return append(append(to, body[taken:]...), ".\r\n"...)
}

// say writes commands in one packet.
func (c *conn) say(commands ...command) error {
	if err := c.client.UpdateDeadline(commands[0].wait); err != nil {
		return err
	}
	w := c.client.Text.W
	for _, cmd := range commands {
		w.WriteString(cmd.line)
		w.WriteString("\r\n")
	}
	return w.Flush() // holds the error of the writes too
}

// listen hears one answer, of any code.
func (c *conn) listen(cmd command) (code int, words string, err error) {
	if err := c.client.UpdateDeadline(cmd.wait); err != nil {
		return 0, "", err
	}
	return c.client.Text.ReadResponse(0)
}

// unsendable catches what may not stand in an envelope, before any relay is asked.
func unsendable(m delivery.Message) (delivery.Outcome, bool) {
	bad := func(r rune) bool { return r <= ' ' || r == 0x7f || r == '<' || r == '>' }
	if m.To != "" && !strings.ContainsFunc(m.From, bad) && !strings.ContainsFunc(m.To, bad) {
		return delivery.Outcome{}, false
	}
	return replies{}.answered(delivery.StageRcpt, 501, "the address cannot stand in an envelope"), true
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// asciiBody is the same of a body, 32 bytes at once.
func asciiBody(b []byte) bool {
	for ; len(b) >= 32; b = b[32:] {
		if (binary.LittleEndian.Uint64(b)|binary.LittleEndian.Uint64(b[8:])|binary.LittleEndian.Uint64(b[16:])|binary.LittleEndian.Uint64(b[24:]))&0x8080808080808080 != 0 {
			return false
		}
	}
	return ascii(string(b))
}
