package compose

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	netmail "net/mail"
	"slices"
	"strings"
	"time"

	"regulars/internal/address"
	"regulars/internal/loyalty"
	"regulars/templates"
)

// Compiled is the letter of a mail as far as it is the same for everybody: go-mail
// wrote it once, and it is cut where something of the member's own stands. Fill
// writes what Build would, to the byte. It may be used by many goroutines at once.
type Compiled struct {
	of     Letter // what all its letters have in common
	pieces []piece
}

// piece is what stands the same in every letter, and then something of its own.
type piece struct {
	fixed []byte
	next  slot
}

type slot int

const (
	nothing slot = iota
	theBoundary
	theText
	theHTML
	theDate
	theID
	theSubject
	theTo
	theUnsubscribe
)

// ErrOther says that a letter differs from the compiled one in what they should
// have in common.
var ErrOther = errors.New("this letter was not compiled")

// ownHeaders are those that differ from letter to letter.
var ownHeaders = map[string]slot{"Date": theDate, "Message-ID": theID, "Subject": theSubject, "To": theTo, "List-Unsubscribe": theUnsubscribe}

// common is what letters of one Compiled have in common.
func (l Letter) common() Letter {
	l.To, l.ToName, l.MessageID, l.Unsubscribe, l.Date = "", "", "", "", time.Time{}
	if l.UnsubscribeMail != "" {
		l.UnsubscribeMail = "unsubscribe@shop.example" // one of its own, too
	}
	l.Rendered = templates.Rendered{FromName: l.Rendered.FromName, Language: l.Rendered.Language}
	return l
}

// Compile prepares letters like this one. Its member, subject and bodies do not matter.
func Compile(l Letter) (*Compiled, error) {
	c := &Compiled{of: l.common()}
	like := c.of
	like.To, like.MessageID, like.Unsubscribe, like.Date = "member@shop.example", "id@shop.example", "https://shop.example/", time.Unix(0, 0)
	mark := like.boundary()
	like.Rendered.Subject, like.Rendered.Text, like.Rendered.HTML = "Subject", "text-"+mark, "html-"+mark
	message, err := Build(like)
	if err != nil {
		return nil, err
	}
	head, body, _ := bytes.Cut(message, []byte("\r\n\r\n"))
	for field := range fields(head) {
		if name, _, _ := bytes.Cut(field, []byte(":")); ownHeaders[string(name)] != nothing {
			c.pieces = append(c.pieces, piece{next: ownHeaders[string(name)]})
			continue
		}
		c.cut(append(slices.Clone(field), "\r\n"...), mark)
	}
	c.cut(append([]byte("\r\n"), body...), mark)
	return c, nil
}

// fields are the header fields of a head, each with the lines that it goes on in.
func fields(head []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(head) > 0 {
			end := 0
			for {
				i := bytes.Index(head[end:], []byte("\r\n"))
				if i < 0 {
					end = len(head)
					break
				}
				if end += i; end+2 >= len(head) || head[end+2] != ' ' {
					break
				}
				end += 2
			}
			if !yield(head[:end]) {
				return
			}
			head = head[min(end+2, len(head)):]
		}
	}
}

// cut takes in what go-mail wrote, without the marks.
func (c *Compiled) cut(written []byte, mark string) {
	for {
		before, after, found := bytes.Cut(written, []byte(mark))
		if !found {
			c.pieces = append(c.pieces, piece{fixed: written})
			return
		}
		next := theBoundary
		if text, is := bytes.CutSuffix(before, []byte("text-")); is {
			before, next = text, theText
		} else if html, is := bytes.CutSuffix(before, []byte("html-")); is {
			before, next = html, theHTML
		}
		c.pieces = append(c.pieces, piece{before, next})
		written = after
	}
}

// Fill appends the message of a letter to out: its Rendered has the subject, the
// bodies are as templates.Compiled fills them in. An error is one of Build's, or says
// that Build is to be asked.
func (c *Compiled) Fill(out []byte, l Letter, text, html []byte) ([]byte, error) {
	switch err := l.checkOwn(); {
	case l.common() != c.of:
		return nil, ErrOther
	case err != nil:
		return nil, err
	}
	to, _, err := address.Read(l.To)
	if err != nil {
		return nil, fmt.Errorf("to: %w (%w: %w)", ErrRecipient, ErrAddress, err)
	}
	var boundary [2 * boundarySize]byte
	sum := sha256.Sum256(append([]byte("boundary:"), l.MessageID...))
	hex.Encode(boundary[:], sum[:boundarySize])

	bodies := len(text) + len(html)
	out = slices.Grow(out, bodies+bodies/12+2048) // a line of 75 has 3 bytes more
	for _, p := range c.pieces {
		out = append(out, p.fixed...)
		switch p.next {
		case theBoundary:
			out = append(append(out, boundaryPrefix...), boundary[:]...)
		case theText:
			out = appendLines(out, text)
		case theHTML:
			out = appendLines(out, html)
		case theDate:
			out = append(l.Date.UTC().AppendFormat(append(out, "Date: "...), time.RFC1123Z), "\r\n"...)
		case theID:
			out, err = appendHeader(out, "Message-ID", "<"+l.MessageID+">")
		case theSubject:
			out, err = appendHeader(out, "Subject", mime.QEncoding.Encode("UTF-8", literal(loyalty.OneLine(l.Rendered.Subject))))
		case theTo:
			out, err = appendHeader(out, "To", named(&netmail.Address{Name: l.ToName, Address: to}).String())
		case theUnsubscribe:
			out, err = appendHeader(out, "List-Unsubscribe", l.unsubscribe())
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// lineWidth is how long a header line of go-mail is at most, where it has spaces to
// break at.
const lineWidth = 76

// appendHeader writes a header as go-mail does, and unfolded after it: a word that
// would reach the width begins a line, but for the first.
func appendHeader(out []byte, name, value string) ([]byte, error) {
	start := len(out)
	out = append(append(out, name...), ": "...)
	room := lineWidth - 2 - len(name) - 2
	for {
		word, rest, more := strings.Cut(value, " ")
		if room-len(word) <= 1 {
			if out[len(out)-1] == ' ' {
				out = out[:len(out)-1]
			}
			if out[len(out)-1] == ':' {
				out = append(out, ' ') // see unfolded
			} else {
				out = append(out, "\r\n "...)
			}
			room = lineWidth - 3
		}
		out = append(out, word...)
		room -= len(word)
		if !more {
			break
		}
		out = append(out, ' ')
		room--
		value = rest
	}
	for line := range bytes.SplitSeq(out[start:], []byte("\r\n")) {
		if len(line) > 998 {
			return nil, fmt.Errorf("%w: %.40s", ErrTooLong, name)
		}
	}
	return append(out, "\r\n"...), nil
}
