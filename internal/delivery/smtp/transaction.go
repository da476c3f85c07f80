package smtp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"regulars/internal/delivery"
)

// block is how much of a body is written under one deadline.
const block = 32 << 10

// carry takes one mail through MAIL, RCPT, DATA, body and final dot. Once it has
// begun, the context no longer matters: the deadlines end it.
func (c *conn) carry(ctx context.Context, m delivery.Message, begin func(context.Context) error) delivery.Outcome {
	if err := ctx.Err(); err != nil {
		return withheld(delivery.StageConnect, err)
	}
	if err := c.clean(); err != nil {
		c.broken = true
		return c.refusal(delivery.StageMail, err)
	}
	c.mails++
	if o := c.envelope(m); o.Stage != delivery.StageBody {
		return o
	}
	if begin != nil {
		if err := begin(context.WithoutCancel(ctx)); err != nil {
			c.broken = true // whatever we said now would be the body
			return withheld(delivery.StageData, err)
		}
	}
	o := c.body(m.Body)
	o.Begun = true
	c.broken = c.broken || o.Stage != delivery.StageDone
	return o
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

// command is one line to the relay.
type command struct {
	line  string
	stage delivery.Stage
	wait  time.Duration
}

// envelope says MAIL, RCPT and DATA, in one go where the relay allows it (RFC
// 2920). Its outcome stands at StageBody when the relay waits for the body.
func (c *conn) envelope(m delivery.Message) delivery.Outcome {
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
			return o
		}
		commands = commands[group:]
	}
	return delivery.Outcome{Stage: delivery.StageBody}
}

func (c *conn) commands(m delivery.Message) ([]command, error) {
	mail := "MAIL FROM:<" + m.From + ">"
	if c.eightBit && !ascii(m.Body) {
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

// exchange says commands at once and hears all their answers. The first that is
// not a yes is the outcome: later ones only follow from it.
func (c *conn) exchange(commands []command) (first delivery.Outcome, ok bool) {
	if err := c.say(commands...); err != nil {
		c.broken = true
		return c.refusal(commands[0].stage, err), false
	}
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
// begin anew. A 354 after a refused recipient waits for a body that nobody sends.
func (c *conn) note(s delivery.Stage, code int, err error, first bool) {
	c.dirty = true
	if err != nil || code == 421 || s == delivery.StageData && (first || code < 400) {
		c.broken = true
	}
}

// agreed reports whether a code is the yes of its stage.
func agreed(s delivery.Stage, code int) bool {
	if s == delivery.StageData {
		return code == 354
	}
	return code/100 == 2
}

// body writes the mail and hears the answer to its final dot.
func (c *conn) body(b []byte) delivery.Outcome {
	if err := c.write(b); err != nil {
		return c.refusal(delivery.StageBody, err)
	}
	code, words, err := c.listen(command{stage: delivery.StageDot, wait: c.d.Dot})
	if err != nil || code/100 != 2 {
		return c.refused(delivery.StageDot, code, words, err)
	}
	enhanced, text := c.read(words)
	return delivery.Outcome{Stage: delivery.StageDone, Code: code, Enhanced: enhanced, Text: text}
}

// write sends the body, dot-stuffed, and the final dot. Lone line feeds become
// CRLF, so that no body can end itself early.
func (c *conn) write(b []byte) error {
	w := c.client.Text.DotWriter()
	for len(b) > 0 {
		n := min(len(b), block)
		if err := c.client.UpdateDeadline(c.d.Block); err != nil {
			return err
		}
		if _, err := w.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return w.Close()
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

func ascii[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
