package templates_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"regulars/templates"
)

// FuzzMail: whatever a file and a member's values are, reading and rendering end
// soon, without a panic, within the limits, and with the way out in both parts.
func FuzzMail(f *testing.F) {
	for _, tt := range wrong {
		if len(tt.text) < 5000 {
			f.Add(tt.text, "Ana", strings.HasSuffix(tt.file, ".html"))
		}
	}
	files, _ := filepath.Glob("testdata/mails/*")
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(src), hostile[len(file)%len(hostile)], strings.HasSuffix(file, ".html"))
	}
	f.Fuzz(func(t *testing.T, text, value string, byHand bool) {
		file := "x.en.md"
		if byHand {
			file = "x.en.html"
		}
		m, problems := templates.ParseMail(file, []byte(text), all)
		if m == nil {
			if len(problems) == 0 {
				t.Fatalf("ParseMail(%q) says nothing and gives no mail", text)
			}
			return
		}
		r, err := m.Render(with(all, "member.first_name", value, "member.plan", value, "coupon.code", value, "launch.headline", value, "order.id", value), shop)
		if err != nil {
			return
		}
		if len(r.HTML) > 450_000 || len(r.Text) > 450_000 || strings.ContainsAny(r.Subject, "\r\n") || !utf8.ValidString(r.HTML+r.Text+r.Subject) {
			t.Fatalf("Render(%q) = %d bytes, subject %q", text, len(r.HTML), r.Subject)
		}
		if !strings.HasSuffix(r.Text, "https://shop.example/preferences\n") || !strings.Contains(r.HTML, ">Unsubscribe</a>") {
			t.Fatalf("Render(%q) has lost its footer:\n%s", text, r.Text)
		}
	})
}
