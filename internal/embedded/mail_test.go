package embedded_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"regulars/internal/embedded"
)

func crlf(lines ...string) []byte { return []byte(strings.Join(lines, "\r\n") + "\r\n") }

func TestParts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		source     []byte
		text, html string
	}{
		{"no content type is plain text", crlf("Subject: x", "", "Hello"), "Hello\r\n", ""},
		{"HTML alone", crlf("Content-Type: text/html", "", "<b>"), "", "<b>\r\n"},
		{"both, each in its encoding", crlf(
			"Content-Type: multipart/alternative; boundary=b", "",
			"--b", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable", "", "P=C3=A4iv=C3=A4=", "!",
			"--b", "Content-Type: text/html", "Content-Transfer-Encoding: BASE64", "", "PGI+", "--b--"),
			"Päivä!", "<b>"},
		{"nested, beside an attachment", crlf(
			"Content-Type: multipart/mixed; boundary=m", "",
			"--m", "Content-Type: text/plain", "Content-Disposition: attachment; filename=a.txt", "", "attached",
			"--m", "Content-Type: multipart/alternative; boundary=a", "",
			"--a", "Content-Type: text/plain", "", "inside", "--a--",
			"--m--"), "inside", ""},
		{"a multipart without its boundary", crlf("Content-Type: multipart/mixed", "", "--b", "", "x", "--b--"), "", ""},
		{"not a mail", []byte("hello"), "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := embedded.Mail{Source: tt.source}
			if m.Text() != tt.text || m.HTML() != tt.html {
				t.Errorf("Text() = %q, HTML() = %q, want %q and %q", m.Text(), m.HTML(), tt.text, tt.html)
			}
		})
	}
}

func TestHeader(t *testing.T) {
	t.Parallel()
	m := embedded.Mail{Source: crlf("Subject: =?utf-8?q?P=C3=A4iv=C3=A4?=", "List-Unsubscribe: <https://shop.example/u/1>,", " <mailto:u@shop.example>", "", "Subject: not me")}
	for name, want := range map[string]string{
		"subject":          "Päivä",
		"List-Unsubscribe": "<https://shop.example/u/1>, <mailto:u@shop.example>",
		"Nobody":           "",
	} {
		if got := m.Header(name); got != want {
			t.Errorf("Header(%q) = %q, want %q", name, got, want)
		}
	}
}

func FuzzMail(f *testing.F) {
	f.Add(crlf("Subject: =?utf-8?b?SGVsbG8=?=", "", "Hello"))
	f.Add(crlf("Content-Type: multipart/alternative; boundary=b", "", "--b", "Content-Type: text/html", "Content-Transfer-Encoding: quoted-printable", "", "=C3", "--b--"))
	f.Add([]byte(strings.Repeat("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", 20)))
	f.Fuzz(func(t *testing.T, source []byte) {
		m := embedded.Mail{Source: source}
		for _, s := range []string{m.Text(), m.HTML(), m.Header("Subject"), m.Snippet()} {
			if !utf8.ValidString(s) {
				t.Errorf("%q is not UTF-8", s)
			}
		}
	})
}
