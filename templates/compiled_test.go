package templates_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"regulars/templates"
)

// tracked has all that a mail of the ledger may have.
func tracked(b templates.Brand) templates.Brand {
	b.Link = func(to string) string {
		return "https://shop.example/c/" + fmt.Sprint(len(to)) + "?to=a&b=" + to[len(to)/2:]
	}
	b.Pixel = "https://shop.example/o/1.gif"
	return b
}

// decoded takes back what quoted-printable escapes.
func decoded(quoted []byte) string {
	var b strings.Builder
	for i := 0; i < len(quoted); i++ {
		c := quoted[i]
		if c == '=' {
			n, _ := strconv.ParseUint(string(quoted[i+1:i+3]), 16, 8)
			c = byte(n)
			i += 2
		}
		b.WriteByte(c)
	}
	return b.String()
}

// same renders a mail and fills it in, both must be the same, and reports whether
// it was filled in at all.
func same(t testing.TB, m *templates.Mail, c *templates.Compiled, d templates.Data, b templates.Brand, room *templates.Filled) bool {
	t.Helper()
	want, wrong := m.Render(d, b)
	err := c.Fill(room, d, b.Link, b.Pixel)
	if err != nil {
		if !errors.Is(err, templates.ErrNotCompiled) && wrong == nil {
			t.Fatalf("%s: %v, but Render makes it", m.File, err)
		}
		return false
	}
	if wrong != nil {
		t.Fatalf("%s is filled in, but Render says %v", m.File, wrong)
	}
	for _, part := range []struct{ name, got, want string }{
		{"subject", room.Subject, want.Subject}, {"from_name", room.FromName, want.FromName}, {"language", room.Language, want.Language},
		{"HTML", decoded(room.HTML), want.HTML}, {"text", decoded(room.Text), want.Text},
	} {
		if part.got != part.want {
			t.Fatalf("%s: %s filled in = %q\nwant %q", m.File, part.name, part.got, part.want)
		}
	}
	if bytes.ContainsFunc(append(room.HTML, room.Text...), func(r rune) bool { return r > '~' || r < ' ' && r != '\n' && r != '\t' }) {
		t.Fatalf("%s: a byte is not escaped", m.File)
	}
	return true
}

// TestACompiledMailIsTheRenderedOne goes over the library and the mails of the tests
// with all kinds of values, and with none.
func TestACompiledMailIsTheRenderedOne(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob("*/*.md")
	issues, _ := filepath.Glob("*/issues/*.md")
	more, _ := filepath.Glob("testdata/mails/*")
	if len(files) < 5 || len(issues) == 0 || len(more) < 3 {
		t.Fatalf("found %d, %d and %d mails", len(files), len(issues), len(more))
	}
	var room templates.Filled
	for _, file := range append(append(files, issues...), more...) {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, lang := range []string{"", "ar"} {
			name := filepath.Base(file)
			if lang != "" {
				ext := filepath.Ext(name)
				name = "x." + lang + ext
			}
			m := parse(t, name, string(src), all)
			filled, tries := 0, 0
			for _, b := range []templates.Brand{shop, tracked(shop)} {
				c, err := m.Compile(b)
				if err != nil {
					t.Fatalf("Compile(%s) = %v, want no error", file, err)
				}
				data := []templates.Data{m.Sample(), {"links": all.Sample()["links"]}, {}, m.Sample()}
				for root := range data[3] {
					if root != "links" {
						data[3][root] = map[string]any{}
					}
				}
				for _, v := range append(hostile, odd...) {
					data = append(data, with(all, "member.first_name", v, "member.last_name", v, "member.plan", v, "coupon.code", v, "coupon.perk", v,
						"launch.headline", v, "launch.link", "https://shop.example/"+v, "order.id", v, "member.id", v, "links.member", v, "coupon.minimum", int64(2500)))
				}
				for _, d := range data {
					tries++
					if same(t, m, c, d, b, &room) {
						filled++
					}
				}
			}
			if filled < tries-4*2 { // of those without values some cannot be rendered
				t.Errorf("%s in %q: %d of %d were filled in, want nearly all", file, lang, filled, tries)
			}
		}
	}
}

// odd are values that mail makes trouble of, beside the hostile ones.
var odd = []string{
	".", ".hidden", "..", "a.\r\n.\r\nb", "\x00", "a\x00b", "=", "=3D", "=\r\n", `href="`, `href=`, "ref=", `"quoted" 'name'`, "a  b", " a ", "a\u00a0",
	"\u00a0", "😀 👨‍👩‍👧 🇫🇮", "مرحبا بالعالم", "\u200fשלום", "e\u0301\u0327o\u0308", "ﷺ", "a+b&c=d%20e?f#g", "%zz%", "x@y.z", "text-", "html-", "part-0123",
	strings.Repeat("Maximilian ", 900), strings.Repeat("長", 3000), strings.Repeat("=", 200), strings.Repeat("x", 74) + "é", "https://shop.example/?a=b&c='d'", "-1", "5",
}

// FuzzCompiled: whatever a file and a member's values are, a mail that is filled in
// is the one that is rendered.
func FuzzCompiled(f *testing.F) {
	for _, tt := range wrong {
		if len(tt.text) < 5000 {
			f.Add(tt.text, "Ana", strings.HasSuffix(tt.file, ".html"), uint8(0))
		}
	}
	files, _ := filepath.Glob("testdata/mails/*")
	for i, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for n, v := range append(hostile, odd...) {
			f.Add(string(src), v, strings.HasSuffix(file, ".html"), uint8(i+n))
		}
	}
	f.Fuzz(func(t *testing.T, text, value string, byHand bool, kind uint8) {
		file := "x.en.md"
		if byHand {
			file = "x.en.html"
		}
		known := all
		known.Service, known.Stranger = kind&1 != 0, kind&2 != 0
		m, _ := templates.ParseMail(file, []byte(text), known)
		if m == nil {
			return
		}
		b := shop
		if kind&4 != 0 {
			b = tracked(shop)
		}
		c, err := m.Compile(b)
		if err != nil {
			return
		}
		var room templates.Filled
		same(t, m, c, with(known, "member.first_name", value, "member.plan", value, "coupon.code", value, "launch.headline", value,
			"order.id", value, "launch.link", value, "links.member", value, "member.points", value), b, &room)
		same(t, m, c, m.Sample(), b, &room)
	})
}
