package bounce

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"
)

// What one mail may hold; what is beyond is not looked at.
const (
	MaxSize = 4 << 20 // bytes

	maxDepth      = 6
	maxParts      = 60
	maxFields     = 500 // of one group
	maxRecipients = 50
	maxMarks      = 20
	maxWords      = 500 // bytes of a diagnostic
)

// part is a head and what follows it.
type part struct {
	header map[string][]string
	body   []byte
}

// message cuts a mail into its head and the rest.
func (r *reader) message(raw []byte) part {
	if len(raw) > MaxSize {
		raw = raw[:MaxSize]
	}
	if bytes.HasPrefix(raw, []byte("From ")) {
		_, raw, _ = bytes.Cut(raw, []byte("\n"))
	}
	h, body := fields(raw)
	return part{h, body}
}

// walk looks at a part and at those in it.
func (r *reader) walk(p part, depth int) {
	if r.parts++; depth > maxDepth || r.parts > maxParts {
		return
	}
	kind, params := typeOf(p.header)
	switch {
	case strings.HasPrefix(kind, "multipart/"):
		r.each(p.body, params["boundary"], depth)
	case kind == "message/delivery-status", kind == "message/global-delivery-status":
		r.delivery(decoded(p))
	case kind == "message/feedback-report":
		if r.feedback == nil {
			r.feedback, _ = fields(decoded(p))
		}
	case depth == 0:
	case kind == "message/rfc822", kind == "message/global", kind == "text/rfc822-headers", kind == "message/rfc822-headers", kind == "message/global-headers":
		h, _ := fields(decoded(p))
		r.original(h)
	}
}

// each walks the parts of a multipart. A broken one is read as far as it goes, and
// one whose boundary is not the one it names by the line that looks like one.
func (r *reader) each(body []byte, boundary string, depth int) {
	inner := split(body, boundary)
	if len(inner) == 0 {
		inner = split(body, guessed(body))
	}
	for _, raw := range inner {
		h, rest := fields(raw)
		if raw[0] == '\n' || bytes.HasPrefix(raw, []byte("\r\n")) {
			h, rest = map[string][]string{}, raw // a part without a head
		}
		r.walk(part{h, rest}, depth+1)
	}
}

// split cuts a body at the lines that are its boundary.
func split(body []byte, boundary string) (parts [][]byte) {
	if boundary == "" {
		return nil
	}
	line, start := []byte("--"+boundary), -1
	for at := 0; at < len(body) && len(parts) < maxParts; {
		end := bytes.IndexByte(body[at:], '\n')
		if end < 0 {
			end = len(body) - at
		}
		rest, is := bytes.CutPrefix(bytes.TrimLeft(body[at:at+end], " \t"), line)
		rest = bytes.TrimSpace(rest)
		next := min(at+end+1, len(body))
		if is && (len(rest) == 0 || string(rest) == "--") {
			if start >= 0 && start < at {
				parts = append(parts, body[start:at])
			}
			if start = next; len(rest) > 0 {
				return parts
			}
		}
		at = next
	}
	if start >= 0 && start < len(body) {
		parts = append(parts, body[start:])
	}
	return parts
}

// guessed is the first line of a body that may be a boundary.
func guessed(body []byte) string {
	for line := range bytes.Lines(body) {
		if text, is := bytes.CutPrefix(bytes.TrimSpace(line), []byte("--")); is && len(text) > 0 && len(text) <= 70 && !bytes.ContainsAny(text, " \t") {
			return string(text)
		}
	}
	return ""
}

func typeOf(h map[string][]string) (string, map[string]string) {
	value := one(h, "content-type")
	kind, params, err := mime.ParseMediaType(value)
	if err != nil {
		kind, _, _ = strings.Cut(value, ";")
		return strings.ToLower(strings.TrimSpace(kind)), map[string]string{"boundary": boundaryIn(value)}
	}
	return kind, params
}

// boundaryIn finds the boundary of a Content-Type that is written against the rules.
func boundaryIn(value string) string {
	i := strings.Index(strings.ToLower(value), "boundary=")
	if i < 0 {
		return ""
	}
	rest := value[i+len("boundary="):]
	if quoted, ok := strings.CutPrefix(rest, `"`); ok {
		rest, _, _ = strings.Cut(quoted, `"`)
		return rest
	}
	rest, _, _ = strings.Cut(rest, ";")
	return strings.TrimSpace(rest)
}

// decoded is the body of a part without its transfer encoding.
func decoded(p part) []byte {
	var from io.Reader
	switch strings.ToLower(strings.TrimSpace(one(p.header, "content-transfer-encoding"))) {
	case "base64":
		from = base64.NewDecoder(base64.StdEncoding, bytes.NewReader(p.body))
	case "quoted-printable":
		from = quotedprintable.NewReader(bytes.NewReader(p.body))
	default:
		return p.body
	}
	body, _ := io.ReadAll(from) // as far as it goes
	return body
}

// fields reads a group of header fields up to an empty line, and returns what
// follows. Names are in lower case; a line that is no field is passed over.
func fields(raw []byte) (map[string][]string, []byte) {
	h := map[string][]string{}
	last, n := "", 0
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, []byte("\n"))
		raw = rest
		text := strings.TrimRight(string(line), "\r")
		switch {
		case strings.TrimSpace(text) == "":
			if n == 0 {
				continue // before the first field
			}
			return h, raw
		case (text[0] == ' ' || text[0] == '\t') && last != "":
			values := h[last]
			if at := len(values) - 1; len(values[at]) < 1<<16 {
				values[at] += " " + strings.TrimSpace(text)
			}
			continue
		}
		name, value, ok := strings.Cut(text, ":")
		name = strings.ToLower(strings.TrimSpace(name))
		last = ""
		if n++; !ok || name == "" || strings.ContainsAny(name, " \t") || n > maxFields {
			continue
		}
		last = name
		h[last] = append(h[last], strings.TrimSpace(value))
	}
	return h, nil
}
