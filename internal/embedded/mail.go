package embedded

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"time"
)

// Mail is one mail as the sink received it.
type Mail struct {
	Seq       int64 // 1 is the first that the sink took
	At        time.Time
	From, To  string // of the envelope
	Subject   string // decoded
	MessageID string // without < and >
	Source    []byte // every byte, dots unstuffed
	Faults    []string
}

// Header is one header field, decoded.
type Header struct{ Name, Value string }

// Header returns the decoded value of the first field called name, or "".
func (m Mail) Header(name string) string {
	for _, h := range m.Headers() {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// Headers returns the fields in the order in which they stand, unfolded.
func (m Mail) Headers() []Header {
	head, _, _ := bytes.Cut(m.Source, []byte("\r\n\r\n"))
	text := strings.NewReplacer("\r\n ", " ", "\r\n\t", " ").Replace(string(head))
	var out []Header
	for line := range strings.SplitSeq(text, "\r\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			out = append(out, Header{name, decodeWords(strings.TrimSpace(value))})
		}
	}
	return out
}

// Text returns the text/plain part, or "".
func (m Mail) Text() string { return m.part("text/plain") }

// HTML returns the text/html part, or "".
func (m Mail) HTML() string { return m.part("text/html") }

// part returns the first part of a type, decoded; "" if there is none or the
// mail cannot be read.
func (m Mail) part(kind string) string {
	msg, err := mail.ReadMessage(bytes.NewReader(m.Source))
	if err != nil {
		return ""
	}
	body, _ := findPart(textproto.MIMEHeader(msg.Header), msg.Body, kind, 0)
	return body
}

// deepest is how far findPart looks into multiparts.
const deepest = 8

// findPart looks for a part of a type, depth first.
func findPart(h textproto.MIMEHeader, body io.Reader, kind string, depth int) (string, bool) {
	got, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		got = "text/plain" // RFC 2045, section 5.2
	}
	if strings.HasPrefix(got, "multipart/") {
		return findInside(multipart.NewReader(body, params["boundary"]), kind, depth)
	}
	if got != kind || strings.HasPrefix(h.Get("Content-Disposition"), "attachment") {
		return "", false
	}
	text, _ := io.ReadAll(decodeBody(h.Get("Content-Transfer-Encoding"), body)) // what can be read of it
	return strings.ToValidUTF8(string(text), "\uFFFD"), true
}

func findInside(parts *multipart.Reader, kind string, depth int) (string, bool) {
	for depth < deepest {
		p, err := parts.NextRawPart()
		if err != nil {
			break
		}
		if body, ok := findPart(p.Header, p, kind, depth+1); ok {
			return body, true
		}
	}
	return "", false
}

func decodeBody(encoding string, r io.Reader) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "quoted-printable":
		return quotedprintable.NewReader(r)
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, r)
	default:
		return r
	}
}

func decodeWords(s string) string {
	if out, err := new(mime.WordDecoder).DecodeHeader(s); err == nil {
		return strings.ToValidUTF8(out, "\uFFFD")
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// faults says what a strict server would hold against the bytes of a mail.
func faults(source []byte, eightBit bool) []string {
	var out []string
	complain := func(bad bool, format string, args ...any) {
		if bad {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	crlf := bytes.Count(source, []byte("\r\n"))
	complain(bytes.Count(source, []byte("\n")) != crlf, "a line feed without a carriage return")
	complain(bytes.Count(source, []byte("\r")) != crlf, "a carriage return without a line feed")
	complain(longestLine(source) > 998, "a line of %d bytes, 998 are allowed", longestLine(source))
	complain(!eightBit && !ascii(source), "8-bit bytes without BODY=8BITMIME")
	for _, name := range []string{"From", "Date", "Message-ID"} {
		n := countHeader(source, name)
		complain(n != 1, "%d header fields %s, one is wanted", n, name)
	}
	return out
}

func longestLine(source []byte) int {
	longest := 0
	for line := range bytes.SplitSeq(source, []byte("\n")) {
		longest = max(longest, len(bytes.TrimSuffix(line, []byte("\r"))))
	}
	return longest
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

func countHeader(source []byte, name string) int {
	head, _, _ := bytes.Cut(source, []byte("\r\n\r\n"))
	n := 0
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		if field, _, ok := bytes.Cut(line, []byte(":")); ok && strings.EqualFold(string(field), name) {
			n++
		}
	}
	return n
}
