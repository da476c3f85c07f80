package compose_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"regulars/internal/delivery/compose"
	"regulars/internal/loyalty"
	"regulars/templates"
)

var update = flag.Bool("update", false, "write the golden files anew")

var key = []byte("a key for tests")

// letter is an offer to Ana; each test changes what it is about.
func letter(change func(*compose.Letter)) compose.Letter {
	l := compose.Letter{
		From: `"Anna" <anna@shop.example>`, ReplyTo: "help@shop.example", To: "ana@example.test", ToName: "Ana Horvat",
		Rendered: templates.Rendered{
			Subject: "Ana, your code is here", HTML: "<!DOCTYPE html>\n<html lang=\"en\"><body><p>Hello Ana</p></body></html>\n",
			Text: "Hello Ana\n", Language: "en",
		},
		Class: loyalty.Offer, Topic: loyalty.Offers,
		MessageID:       compose.MessageID(key, 123, "shop.example"),
		Unsubscribe:     "https://shop.example/u/1.k1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		UnsubscribeMail: "unsubscribe@shop.example",
		FeedbackID:      "win-back:offers:offer:shop",
		Date:            time.Date(2027, 6, 21, 9, 0, 0, 0, time.FixedZone("", 3*3600)),
	}
	if change != nil {
		change(&l)
	}
	return l
}

func build(t *testing.T, l compose.Letter) []byte {
	t.Helper()
	b, err := compose.Build(l)
	if err != nil {
		t.Fatalf("Build(%s) = %v, want no error", l.MessageID, err)
	}
	return b
}

func TestMessagesAreAsRecorded(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*compose.Letter){
		"offer":   nil,
		"earned":  func(l *compose.Letter) { l.Class, l.Topic, l.UnsubscribeMail = loyalty.Earned, loyalty.Program, "" },
		"service": func(l *compose.Letter) { l.Class, l.Unsubscribe, l.UnsubscribeMail = loyalty.Service, "", "" },
		"greek": func(l *compose.Letter) {
			l.ToName = "Ελένη Παπαδοπούλου"
			l.From = "Τα κατοικίδια της Άννας <anna@παράδειγμα.example>"
			l.Rendered.Subject = "Ελένη, ο κωδικός σας λήγει σε λίγες ημέρες και δεν τον έχετε χρησιμοποιήσει ακόμη"
			l.Rendered.Text = "Καλημέρα, Ελένη.\n.A line with a dot in front\n"
			l.Rendered.Language = "el"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := build(t, letter(change))
			file := filepath.Join("testdata", name+".eml")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("Build(%s) =\n%s\nwant\n%s", name, got, want)
			}
		})
	}
}

func TestASecondCopyIsTheSameToTheByte(t *testing.T) {
	t.Parallel()
	if first, second := build(t, letter(nil)), build(t, letter(nil)); !bytes.Equal(first, second) {
		t.Errorf("Build twice gives\n%s\nand\n%s", first, second)
	}
}

func TestAMessageReadsBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	l := letter(func(l *compose.Letter) {
		l.ToName = `Ana "the boss" Horvat, née Ω`
		l.Rendered.FromName = "Anna of Anna's Pets"
		l.Rendered.Subject = strings.Repeat("您的優惠碼 ", 12) + "!"
		l.Rendered.Text = "Line one\n" + strings.Repeat("long ", 400) + "\n.\n= not =20 encoded\n"
		l.Rendered.HTML = "<p>" + strings.Repeat("ж", 3000) + "</p>\n"
	})
	m, err := mail.ReadMessage(bytes.NewReader(build(t, l)))
	if err != nil {
		t.Fatal(err)
	}
	header := func(name, want string) {
		t.Helper()
		got, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get(name))
		if err != nil || got != want {
			t.Errorf("%s = %q, %v, want %q", name, got, err, want)
		}
	}
	header("Subject", l.Rendered.Subject)
	header("Message-ID", "<"+l.MessageID+">")
	header("List-Unsubscribe", "<"+l.Unsubscribe+">, <mailto:unsubscribe@shop.example?subject=unsubscribe>")
	header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	header("List-ID", "<offers.shop.example>")
	header("Feedback-ID", "win-back:offers:offer:shop")
	header("Auto-Submitted", "auto-generated")
	header("Precedence", "bulk")
	header("Date", "Mon, 21 Jun 2027 06:00:00 +0000")
	header("User-Agent", "")
	header("X-Mailer", "")
	from, _ := m.Header.AddressList("From")
	to, _ := m.Header.AddressList("To")
	if len(from) != 1 || from[0].Name != "Anna of Anna's Pets" || from[0].Address != "anna@shop.example" {
		t.Errorf("From = %v, want Anna of Anna's Pets <anna@shop.example>", from)
	}
	if len(to) != 1 || to[0].Name != l.ToName || to[0].Address != "ana@example.test" {
		t.Errorf("To = %v, want %s <ana@example.test>", to, l.ToName)
	}
	parts := alternatives(t, m)
	if len(parts) != 2 || parts[0] != "text/plain\n"+l.Rendered.Text || parts[1] != "text/html\n"+l.Rendered.HTML {
		t.Errorf("parts = %q, want text, then HTML, as given", parts)
	}
}

// alternatives reads the parts back: type, line end, content with plain line ends.
func alternatives(t testing.TB, m *mail.Message) (parts []string) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("Content-Type = %q, %v, want multipart/alternative", kind, err)
	}
	r := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		if enc := p.Header.Get("Content-Transfer-Encoding"); enc != "quoted-printable" {
			t.Errorf("Content-Transfer-Encoding = %q, want quoted-printable", enc)
		}
		kind, params, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if params["charset"] != "UTF-8" {
			t.Errorf("charset = %q, want UTF-8", params["charset"])
		}
		b, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, kind+"\n"+strings.ReplaceAll(string(b), "\r\n", "\n"))
	}
}

func TestLinesKeepToTheRules(t *testing.T) {
	t.Parallel()
	b := build(t, letter(func(l *compose.Letter) {
		l.Unsubscribe = "https://shop.example/u/" + strings.Repeat("A", 700)
		l.Rendered.Subject = strings.Repeat("тема ", 60)
		l.Rendered.HTML = "<p>" + strings.Repeat("word ", 5000) + "</p>"
		l.FeedbackID = strings.Repeat("f", 120)
	}))
	for i, line := range strings.Split(string(b), "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n") {
			t.Errorf("line %d has %d bytes or a bare line end: %.60q", i+1, len(line), line)
		}
		for word := range strings.FieldsSeq(line) {
			if strings.HasPrefix(word, "=?") && len(word) > 75 {
				t.Errorf("line %d has an encoded word of %d bytes, want at most 75", i+1, len(word))
			}
		}
	}
	head, _, _ := strings.Cut(string(b), "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(value) == "" {
			t.Errorf("%s begins with an empty line", name)
		}
	}
	if !strings.Contains(head, "\r\nList-Unsubscribe: <https://") {
		t.Errorf("List-Unsubscribe does not begin on its own line:\n%s", head)
	}
}

func TestNoValueBeginsAHeaderOfItsOwn(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*compose.Letter){
		"sender":           func(l *compose.Letter) { l.From = "Anna\r\nBcc: all@example.test <anna@shop.example>" },
		"unsubscribe link": func(l *compose.Letter) { l.Unsubscribe = "https://shop.example/\r\nBcc: x" },
		"message id":       func(l *compose.Letter) { l.MessageID = "a@b>\r\nBcc: x" },
		"list id":          func(l *compose.Letter) { l.ListID = "offers\x00" },
		"topic":            func(l *compose.Letter) { l.Topic = "προσφορές" },
		"feedback id":      func(l *compose.Letter) { l.FeedbackID = "a\u2028b" },
	} {
		if b, err := compose.Build(letter(change)); !errors.Is(err, compose.ErrHeader) {
			t.Errorf("Build with a line break in the %s = %q, %v, want ErrHeader", name, b, err)
		}
	}
	for name, change := range map[string]func(*compose.Letter){
		"subject":          func(l *compose.Letter) { l.Rendered.Subject = "Hi\r\nBcc: all@example.test" },
		"bare line feed":   func(l *compose.Letter) { l.Rendered.Subject = "Hi\nBcc: all@example.test" },
		"member's name":    func(l *compose.Letter) { l.ToName = "Ana\r\nBcc: all@example.test" },
		"line separator":   func(l *compose.Letter) { l.ToName = "Ana\u2028Bcc: all@example.test" },
		"NUL":              func(l *compose.Letter) { l.ToName = "Ana\x00\nBcc: all@example.test" },
		"sender's name":    func(l *compose.Letter) { l.Rendered.FromName = "Anna\rBcc: all@example.test" },
		"a name of a book": func(l *compose.Letter) { l.ToName = strings.Repeat("long\n", 5000) },
	} {
		m, err := mail.ReadMessage(bytes.NewReader(build(t, letter(change))))
		if err != nil || m.Header.Get("Bcc") != "" {
			t.Errorf("Build with a line break in the %s has Bcc %q, %v, want it in one line", name, m.Header.Get("Bcc"), err)
		}
	}
}

func TestAMarkThatTurnsTheDirectionIsNotInTo(t *testing.T) {
	t.Parallel()
	m, err := mail.ReadMessage(bytes.NewReader(build(t, letter(func(l *compose.Letter) { l.ToName, l.To = "Jon\u202egnp.exe", "jon@r3---a.example" }))))
	if err != nil {
		t.Fatal(err)
	}
	if to, err := m.Header.AddressList("To"); err != nil || len(to) != 1 || to[0].Name != "Jongnp.exe" || to[0].Address != "jon@r3---a.example" {
		t.Errorf("To = %v, %v, want Jongnp.exe <jon@r3---a.example>", to, err)
	}
}

func TestATextThatLooksEncodedStaysAsItIs(t *testing.T) {
	t.Parallel()
	b := build(t, letter(func(l *compose.Letter) {
		l.Rendered.Subject = "Hi =?UTF-8?Q?Bcc?= you"
		l.ToName = "=?UTF-8?B?QmNj?="
	}))
	m, err := mail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	got, _ := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if want := "Hi = ?UTF-8?Q?Bcc?= you"; got != want {
		t.Errorf("Subject = %q, want %q", got, want)
	}
	if to, _ := m.Header.AddressList("To"); len(to) != 1 || strings.Contains(to[0].Name, "Bcc") && !strings.Contains(to[0].Name, "?") {
		t.Errorf("To = %v, want the name undecoded", to)
	}
}

func TestWhatCannotBeSentIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*compose.Letter)
		want   error
	}{
		{"a domain without a dot", func(l *compose.Letter) { l.To = "a@x" }, compose.ErrAddress},
		{"a quoted local part", func(l *compose.Letter) { l.To = `"a b"@example.test` }, compose.ErrAddress},
		{"a local part beyond ASCII", func(l *compose.Letter) { l.To = "ελένη@example.test" }, compose.ErrAddress},
		{"no address", func(l *compose.Letter) { l.To = "" }, compose.ErrAddress},
		{"two addresses", func(l *compose.Letter) { l.To = "a@example.test, b@example.test" }, compose.ErrAddress},
		{"a long local part", func(l *compose.Letter) { l.To = strings.Repeat("a", 65) + "@example.test" }, compose.ErrAddress},
		{"no sender", func(l *compose.Letter) { l.From = "Anna" }, compose.ErrAddress},
		{"an offer without a way out", func(l *compose.Letter) { l.Unsubscribe = "" }, compose.ErrNoUnsubscribe},
		{"an earned mail without a way out", func(l *compose.Letter) { l.Class, l.Unsubscribe = loyalty.Earned, "" }, compose.ErrNoUnsubscribe},
		{"a way out that leads nowhere", func(l *compose.Letter) { l.Unsubscribe = "/u/1" }, compose.ErrNoUnsubscribe},
		{"no message id", func(l *compose.Letter) { l.MessageID = "" }, compose.ErrNoMessageID},
		{"a message id without a domain", func(l *compose.Letter) { l.MessageID = "send.1" }, compose.ErrNoMessageID},
		{"a header beyond 998 bytes", func(l *compose.Letter) { l.Unsubscribe = "https://shop.example/" + strings.Repeat("A", 1000) }, compose.ErrTooLong},
	} {
		if _, err := compose.Build(letter(tt.change)); !errors.Is(err, tt.want) {
			t.Errorf("Build of %s = %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestServiceMailHasNoOneClickUnsubscribe(t *testing.T) {
	t.Parallel()
	b := build(t, letter(func(l *compose.Letter) { l.Class = loyalty.Service }))
	for _, name := range []string{"List-Unsubscribe", "List-ID", "Precedence"} {
		if strings.Contains(string(b), name+":") {
			t.Errorf("a service mail has %s:\n%s", name, b)
		}
	}
}

// A send is known by its addresses, also when a second copy is made, and nobody
// without the key can make them up.
func TestSendsAreKnownByTheirAddresses(t *testing.T) {
	t.Parallel()
	seal := func(id, head string) string {
		rest, named := strings.CutPrefix(strings.TrimSuffix(id, "@shop.example"), head)
		if !named || len(rest) != 20 || rest != strings.ToLower(rest) {
			t.Errorf("%q, want %s, 20 lower case hex digits and the domain", id, head)
		}
		return rest
	}
	seals := map[string]string{}
	for _, k := range [][]byte{key, []byte("another key")} {
		for _, send := range []string{"42", "43"} {
			n, _ := strconv.ParseInt(send, 10, 64)
			for of, id := range map[string]string{
				"bounces+" + send + ".": compose.ReturnPath(k, n, "shop.example"),
				"send." + send + ".":    compose.MessageID(k, n, "shop.example"),
			} {
				name := of + " with " + string(k)
				if was, taken := seals[seal(id, of)]; taken {
					t.Errorf("%s has the seal of %s", name, was)
				}
				seals[seal(id, of)] = name
			}
		}
	}
	if again := compose.MessageID(key, 42, "shop.example"); seals[seal(again, "send.42.")] == "" {
		t.Errorf("the second copy is %s", again)
	}
}

// FuzzBuild: whatever the values are, the message has one head, and nothing but
// the letter's own headers in it.
func FuzzBuild(f *testing.F) {
	f.Add("Ana", "Hello", "ana@example.test", "text")
	f.Add("=?utf-8?q?x?=", "a\r\nBcc: b", `"x"@y.z`, ".\r\n.\r\n")
	f.Add("Ω", strings.Repeat("ж ", 200), "a@b.c", "=\n--")
	f.Fuzz(func(t *testing.T, name, subject, to, text string) {
		b, err := compose.Build(letter(func(l *compose.Letter) {
			l.ToName, l.Rendered.Subject, l.To, l.Rendered.Text = name, subject, to, text
		}))
		if err != nil {
			return
		}
		m, err := mail.ReadMessage(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("Build(%q, %q, %q) cannot be read: %v\n%s", name, subject, to, err, b)
		}
		if m.Header.Get("Bcc") != "" || len(m.Header) > 16 {
			t.Fatalf("Build(%q, %q, %q) has headers that are not ours: %v", name, subject, to, m.Header)
		}
	})
}

func ExampleBuild() {
	b, err := compose.Build(compose.Letter{
		From: "Anna <anna@shop.example>", To: "ana@example.test", Class: loyalty.Service,
		Rendered:  templates.Rendered{Subject: "Please confirm", Text: "Hello\n", HTML: "<p>Hello</p>\n"},
		MessageID: "send.1@shop.example", Date: time.Date(2027, 6, 21, 9, 0, 0, 0, time.UTC),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	head, _, _ := strings.Cut(string(b), "\r\n\r\n")
	fmt.Println(strings.ReplaceAll(head, "\r\n", "\n"))
	// Output:
	// Auto-Submitted: auto-generated
	// Date: Mon, 21 Jun 2027 09:00:00 +0000
	// MIME-Version: 1.0
	// Message-ID: <send.1@shop.example>
	// Subject: Please confirm
	// From: "Anna" <anna@shop.example>
	// To: <ana@example.test>
	// Content-Type: multipart/alternative;
	//  boundary=part-b83a14818d2a0ac0e3b1435ff230b655
}
