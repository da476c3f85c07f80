package templates

import (
	"bytes"
	"fmt"
	"html"
	"strings"
)

// place is where a value stands, and so how html/template escapes it there.
type place int

const (
	inText  place = iota // of the text part, or in the subject
	inPage               // of the page: words, a title, an attribute
	inLink               // in an attribute with an address, from its beginning on
	inPath               // … in its middle
	inQuery              // … behind its question mark
)

// places are the escapers that html/template puts behind a value, and what they come to.
var places = map[string]place{
	"":                             inText,
	"_html_template_htmlescaper":   inPage,
	"_html_template_attrescaper":   inPage,
	"_html_template_rcdataescaper": inPage,
	"_html_template_urlfilter _html_template_urlnormalizer _html_template_attrescaper": inLink,
	"_html_template_urlnormalizer _html_template_attrescaper":                          inPath,
	"_html_template_urlescaper _html_template_attrescaper":                             inQuery,
}

// append writes a value for its place. Values are of one line and have no control
// characters but by a trick of the mail's author: then ok is false.
func (p place) append(out []byte, text string) (_ []byte, ok bool) {
	for i := range len(text) {
		if text[i] < ' ' {
			return out, false
		}
	}
	switch p {
	case inText:
		return append(out, text...), true
	case inLink:
		if !safeLink(text) {
			text = "#ZgotmplZ"
		}
		if !plainLink(text) {
			text = escapedLink(text, true)
		}
	case inPath:
		text = escapedLink(text, true)
	case inQuery:
		text = escapedLink(text, false)
	}
	return appendPage(out, text), true
}

// appendPage writes words of a page, escaped as html/template does it and then byte
// by byte as quoted-printable has it.
func appendPage(out []byte, text string) []byte {
	from := 0
	for i := range len(text) {
		var sign string
		switch c := text[i]; {
		case c == '"':
			sign = "&#34;"
		case c == '&':
			sign = "&amp;"
		case c == '\'':
			sign = "&#39;"
		case c == '+':
			sign = "&#43;"
		case c == '<':
			sign = "&lt;"
		case c == '>':
			sign = "&gt;"
		case c != '=' && c <= '~':
			continue
		}
		out = append(out, text[from:i]...)
		if from = i + 1; sign == "" {
			out = appendByte(out, text[i])
		} else {
			out = append(out, sign...)
		}
	}
	return append(out, text[from:]...)
}

// appendQuoted escapes what quoted-printable escapes, and nothing else.
func appendQuoted[T string | []byte](out []byte, text T) []byte {
	from := 0
	for i := range len(text) {
		c := text[i]
		if c >= ' ' && c <= '~' && c != '=' || c == '\n' || c == '\t' || c == '\r' {
			continue
		}
		out = append(out, text[from:i]...)
		out = appendByte(out, c)
		from = i + 1
	}
	return append(out, text[from:]...)
}

func appendByte(out []byte, c byte) []byte {
	const digits = "0123456789ABCDEF"
	return append(out, '=', digits[c>>4], digits[c&15])
}

// unquoted takes back what appendQuoted has done.
func unquoted(quoted []byte) string {
	if bytes.IndexByte(quoted, '=') < 0 {
		return string(quoted)
	}
	out := make([]byte, 0, len(quoted))
	for i := 0; i < len(quoted); i++ {
		c := quoted[i]
		if c == '=' && i+2 < len(quoted) {
			c = digit(quoted[i+1])<<4 | digit(quoted[i+2])
			i += 2
		}
		out = append(out, c)
	}
	return string(out)
}

func digit(c byte) byte {
	if c >= 'A' {
		return c - 'A' + 10
	}
	return c - '0'
}

// safeLink reports whether html/template lets an address stand in a link.
func safeLink(s string) bool {
	scheme, _, has := strings.Cut(s, ":")
	return !has || strings.Contains(scheme, "/") ||
		strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "mailto")
}

// escapedLink escapes an address as html/template does it, whole or a value in it.
func escapedLink(s string, whole bool) string {
	var out strings.Builder
	from := 0
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~", c) >= 0:
			continue
		case whole && strings.IndexByte("!#$&*+,/:;=?@[]", c) >= 0:
			continue
		case whole && c == '%' && i+2 < len(s) && hex(s[i+1]) && hex(s[i+2]):
			continue
		}
		out.WriteString(s[from:i])
		fmt.Fprintf(&out, "%%%02x", c)
		from = i + 1
	}
	if from == 0 {
		return s
	}
	out.WriteString(s[from:])
	return out.String()
}

func hex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// relink gives the links of a page to the hook, except the member's own.
func relink(page string, own func(string) bool, hook func(string) string) string {
	if hook == nil {
		return page
	}
	return href.ReplaceAllStringFunc(page, func(attribute string) string {
		to := html.UnescapeString(attribute[len(`href="`) : len(attribute)-1])
		return `href="` + html.EscapeString(hooked(to, own, hook)) + `"`
	})
}

// hooked is where a link leads in this mail. own tells the member's own links.
func hooked(to string, own func(string) bool, hook func(string) string) string {
	if hook == nil || webLink(to) == "" || own(to) {
		return to
	}
	return hook(to)
}
