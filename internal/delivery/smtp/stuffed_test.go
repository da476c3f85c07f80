package smtp_test

import (
	"bytes"
	"strings"
	"testing"

	"regulars/internal/delivery/smtp"
)

// All bodies of up to seven of the bytes that matter, against the rule told simply: lines
// end in CRLF, one that begins with a dot gets another, and a dot alone ends it (RFC 5321,
// sections 2.3.8 and 4.5.2).
func TestABodyIsStuffedByTheRule(t *testing.T) {
	t.Parallel()
	var try func(body []byte)
	try = func(body []byte) {
		var want strings.Builder
		if text := strings.ReplaceAll(string(body), "\r\n", "\n"); text != "" {
			if !strings.HasSuffix(text, "\n") {
				text = strings.TrimSuffix(text, "\r") + "\n"
			}
			for line := range strings.Lines(text) {
				if strings.HasPrefix(line, ".") {
					want.WriteString(".")
				}
				want.WriteString(strings.TrimSuffix(line, "\n") + "\r\n")
			}
		}
		want.WriteString(".\r\n")
		if got := smtp.Stuffed(bytes.Clone(body)); string(got) != want.String() {
			t.Fatalf("%q is stuffed as %q, want %q", body, got, want.String())
		}
		if len(body) < 7 {
			for _, b := range []byte(".\r\na") {
				try(append(body, b))
			}
		}
	}
	try(nil)
}
