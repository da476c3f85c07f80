package embedded

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"
)

// auth knows PLAIN and LOGIN (RFC 4616 and the custom of the field).
func (v *session) auth(arg string) error {
	if v.sink.opts.User == "" {
		return v.say("502 5.5.1 no AUTH here")
	}
	if friendly, err := v.scripted(AtAuth); !friendly {
		return err
	}
	mechanism, initial, _ := strings.Cut(arg, " ")
	var user, password string
	var err error
	switch strings.ToUpper(mechanism) {
	case "PLAIN":
		user, password, err = v.plain(initial)
	case "LOGIN":
		user, password, err = v.login()
	default:
		return v.say("504 5.5.4 PLAIN or LOGIN")
	}
	if err != nil {
		return err
	}
	if user != v.sink.opts.User || password != v.sink.opts.Password {
		return v.say("535 5.7.8 wrong user or password")
	}
	v.authed = true
	return v.say("235 2.7.0 welcome")
}

func (v *session) plain(initial string) (user, password string, err error) {
	if initial == "" {
		if initial, err = v.challenge(""); err != nil {
			return "", "", err
		}
	}
	raw, _ := base64.StdEncoding.DecodeString(initial)
	if parts := bytes.Split(raw, []byte{0}); len(parts) == 3 {
		return string(parts[1]), string(parts[2]), nil
	}
	return "", "", nil
}

func (v *session) login() (user, password string, err error) {
	var answers [2][]byte
	for i, question := range []string{"Username:", "Password:"} {
		line, err := v.challenge(base64.StdEncoding.EncodeToString([]byte(question)))
		if err != nil {
			return "", "", err
		}
		answers[i], _ = base64.StdEncoding.DecodeString(line)
	}
	return string(answers[0]), string(answers[1]), nil
}

func (v *session) challenge(text string) (string, error) {
	if err := v.say("334 " + text); err != nil {
		return "", err
	}
	return v.readLine()
}

// mail begins a transaction.
func (v *session) mail(arg string) error {
	from, params, ok := address(arg, "FROM:")
	switch {
	case !v.greeted:
		return v.say("503 5.5.1 say hello first")
	case !v.authed:
		return v.say("530 5.7.0 authenticate first")
	case v.from != nil:
		return v.say("503 5.5.1 a mail is under way")
	case !ok:
		return v.say("501 5.5.4 MAIL FROM:<address>")
	}
	for _, p := range params {
		if !v.allows(strings.ToUpper(p)) {
			return v.say("555 5.5.4 a parameter that was not offered")
		}
	}
	friendly, err := v.scripted(AtMail)
	if !friendly {
		return err
	}
	v.from = &from
	v.eightBit = strings.Contains(strings.ToUpper(arg), "BODY=8BITMIME")
	return v.say("250 2.1.0 ok")
}

// allows reports whether a parameter of MAIL belongs to what was offered.
func (v *session) allows(param string) bool {
	if v.sink.opts.Plain {
		return false
	}
	return param == "BODY=8BITMIME" || param == "BODY=7BIT" || param == "SMTPUTF8" || strings.HasPrefix(param, "SIZE=")
}

// to adds a recipient.
func (v *session) to(arg string) error {
	to, params, ok := address(arg, "TO:")
	switch {
	case v.from == nil:
		return v.say("503 5.5.1 MAIL first")
	case !ok || to == "":
		return v.say("501 5.5.4 RCPT TO:<address>")
	case len(params) > 0:
		return v.say("555 5.5.4 a parameter that was not offered")
	case len(v.rcpts) == 100:
		return v.say("452 4.5.3 too many recipients")
	}
	v.rcpts = append(v.rcpts, to)
	friendly, err := v.scripted(AtRcpt)
	if !friendly {
		v.rcpts = v.rcpts[:len(v.rcpts)-1]
		return err
	}
	return v.say("250 2.1.5 ok")
}

// address reads "FROM:<a@b> PARAM …".
func address(arg, word string) (addr string, params []string, ok bool) {
	if len(arg) < len(word) || !strings.EqualFold(arg[:len(word)], word) {
		return "", nil, false
	}
	rest, ok := strings.CutPrefix(strings.TrimLeft(arg[len(word):], " "), "<")
	if !ok {
		return "", nil, false
	}
	addr, rest, ok = strings.Cut(rest, ">")
	return addr, strings.Fields(rest), ok
}

// data takes a mail, one copy per recipient.
func (v *session) data() error {
	if len(v.rcpts) == 0 {
		return v.say("503 5.5.1 RCPT first")
	}
	if friendly, err := v.scripted(AtData); !friendly {
		return err
	}
	if err := errors.Join(v.say("354 go ahead, end with a dot"), v.w.Flush()); err != nil {
		return err
	}
	source, err := v.readBody()
	if errors.Is(err, errTooBig) {
		return v.say("552 5.3.4 too big")
	}
	if err != nil {
		return err
	}
	defer v.reset()
	reply := v.sink.answer(AtDot, v.rcpt())
	if reply.friendly() || reply.Keep {
		v.keep(source)
	}
	if reply.friendly() {
		return v.say("250 2.0.0 taken")
	}
	return v.act(reply)
}

func (v *session) keep(source []byte) {
	complaints := faults(source, v.eightBit)
	for _, to := range v.rcpts {
		v.sink.keep(Mail{From: *v.from, To: to, Source: source, Faults: complaints})
	}
}

var errTooBig = errors.New("too big")

// readBody reads up to the final dot and takes the stuffed dots away. It keeps
// lone carriage returns and line feeds as they came.
func (v *session) readBody() ([]byte, error) {
	var body []byte
	first, tooBig := true, false
	for {
		part, err := v.r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, errors.Join(err, io.ErrUnexpectedEOF)
		}
		if first {
			first = false
			if r := v.sink.answer(AtBody, v.rcpt()); r.Drop || r.Hang {
				return nil, v.act(r)
			}
		}
		if len(body) == 0 || bytes.HasSuffix(body, []byte("\r\n")) {
			if string(part) == ".\r\n" {
				break
			}
			part = bytes.TrimPrefix(part, []byte("."))
		}
		if len(body)+len(part) > biggestMail {
			tooBig, body = true, body[:0] // go on reading, to be able to answer
		}
		body = append(body, part...)
	}
	if tooBig {
		return nil, errTooBig
	}
	return body, nil
}

// trimAngles takes < and > off a Message-ID.
func trimAngles(s string) string { return strings.Trim(s, "<>") }
