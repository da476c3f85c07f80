package embedded

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Limits of one conversation.
const (
	longestCommand = 2048
	biggestMail    = 32 << 20
	idleLimit      = 10 * time.Minute
)

// errBye ends a conversation without a complaint.
var errBye = errors.New("bye")

// session is one connection's conversation, RFC 5321. It is our own and not a
// library's because a script must be able to answer at every stage, the banner
// and DATA included, and because a server that offers no extension is wanted.
type session struct {
	sink *Sink
	conn net.Conn
	r    *bufio.Reader
	w    *bufio.Writer

	greeted, tls, authed bool
	from                 *string // nil: no MAIL yet
	rcpts                []string
	eightBit             bool // this mail was announced as 8BITMIME
}

func newSession(s *Sink, c net.Conn) *session {
	v := &session{sink: s, conn: c, authed: s.opts.User == "", tls: s.opts.Implicit}
	v.over(c)
	return v
}

func (v *session) over(c net.Conn) {
	v.conn, v.r, v.w = c, bufio.NewReaderSize(c, 16<<10), bufio.NewWriter(c)
}

// run speaks until somebody ends the conversation.
func (v *session) run() {
	err := v.at(AtConnect, "220 "+v.sink.opts.Name+" ESMTP")
	for err == nil {
		var line string
		if line, err = v.readLine(); err == nil {
			err = v.command(line)
		}
	}
}

// readLine reads a command. Answers are written out only when no further command
// waits to be read, which is what makes pipelining fast.
func (v *session) readLine() (string, error) {
	if v.r.Buffered() == 0 {
		if err := v.w.Flush(); err != nil {
			return "", err
		}
	}
	v.conn.SetDeadline(time.Now().Add(idleLimit))
	var line []byte
	for {
		part, err := v.r.ReadSlice('\n')
		line = append(line, part...)
		if err == nil {
			return strings.TrimRight(string(line), "\r\n"), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) || len(line) > longestCommand {
			return "", err
		}
	}
}

// at answers at a stage: as the script says, or else with usual.
func (v *session) at(stage Stage, usual string) error {
	friendly, err := v.scripted(stage)
	if friendly {
		return v.say(usual)
	}
	return err
}

// scripted does what the script says at a stage; friendly means that it has
// nothing to say, and nothing was answered. An error ends the conversation.
func (v *session) scripted(stage Stage) (friendly bool, err error) {
	reply := v.sink.answer(stage, v.rcpt())
	return reply.friendly(), v.act(reply)
}

func (v *session) act(reply Reply) error {
	switch {
	case reply.Drop:
		return errors.Join(v.w.Flush(), errBye) // what was said before is heard
	case reply.Hang:
		return v.hang()
	case reply.Code == 421: // means that the server leaves
		return errors.Join(v.say("421 "+reply.Text), v.w.Flush(), errBye)
	case reply.Code != 0:
		return v.say(fmt.Sprint(reply.Code, " ", reply.Text))
	}
	return nil
}

// say writes a reply; further lines of the text become a multiline reply.
func (v *session) say(reply string) error {
	code, text, _ := strings.Cut(reply, " ")
	lines := strings.Split(text, "\n")
	for _, line := range lines[:len(lines)-1] {
		fmt.Fprintf(v.w, "%s-%s\r\n", code, line)
	}
	_, err := fmt.Fprintf(v.w, "%s %s\r\n", code, lines[len(lines)-1])
	return err
}

// hang reads and forgets until the other side leaves.
func (v *session) hang() error {
	v.w.Flush()
	io.Copy(io.Discard, v.r)
	return errBye
}

// rcpt returns the recipient of the mail under way.
func (v *session) rcpt() string {
	if len(v.rcpts) == 0 {
		return ""
	}
	return v.rcpts[len(v.rcpts)-1]
}

func (v *session) reset() { v.from, v.rcpts, v.eightBit = nil, nil, false }

// command carries out one command.
func (v *session) command(line string) error {
	verb, arg, _ := strings.Cut(line, " ")
	switch strings.ToUpper(verb) {
	case "EHLO", "HELO":
		return v.hello(strings.ToUpper(verb), arg)
	case "STARTTLS":
		return v.startTLS()
	case "AUTH":
		return v.auth(arg)
	case "MAIL":
		return v.mail(arg)
	case "RCPT":
		return v.to(arg)
	case "DATA":
		return v.data()
	case "RSET":
		v.reset()
		return v.at(AtReset, "250 2.0.0 forgotten")
	case "NOOP":
		return v.at(AtNoop, "250 2.0.0 here")
	case "QUIT":
		return errors.Join(v.at(AtQuit, "221 2.0.0 bye"), v.w.Flush(), errBye)
	}
	return v.say("500 5.5.2 unknown command")
}

func (v *session) hello(verb, name string) error {
	if name == "" {
		return v.say("501 5.5.4 your name, please")
	}
	text := "250 " + v.sink.opts.Name
	if verb == "EHLO" {
		text += strings.Join(append([]string{""}, v.offers()...), "\n")
	}
	v.reset()
	friendly, err := v.scripted(AtHello)
	if !friendly {
		return err
	}
	v.greeted = true
	return v.say(text)
}

func (v *session) offers() []string {
	if v.sink.opts.Plain {
		return nil
	}
	out := []string{"PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", fmt.Sprint("SIZE ", biggestMail)}
	if v.sink.opts.TLS != nil && !v.tls {
		out = append(out, "STARTTLS")
	}
	if v.sink.opts.User != "" {
		out = append(out, "AUTH "+v.sink.opts.Auth)
	}
	return out
}

func (v *session) startTLS() error {
	if v.sink.opts.TLS == nil || v.tls {
		return v.say("502 5.5.1 no TLS here")
	}
	if friendly, err := v.scripted(AtStartTLS); !friendly {
		return err
	}
	if err := errors.Join(v.say("220 2.0.0 go ahead"), v.w.Flush()); err != nil {
		return err
	}
	// What was sent ahead in the clear is dropped with the old reader.
	secure := tls.Server(v.conn, v.sink.opts.TLS)
	if err := secure.Handshake(); err != nil {
		return err
	}
	v.over(secure)
	v.reset()
	v.tls, v.greeted = true, false
	return nil
}
