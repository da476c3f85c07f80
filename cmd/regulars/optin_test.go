package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"regulars/internal/embedded"
)

var optInShop = map[string]string{
	"program.yaml": `
shop:      {name: Corner Shop, url: https://shop.example, address: "Corner Street 1, 00100 Helsinki"}
mail:      {from: "Corner Shop <hello@shop.example>", alerts: hello@shop.example}
languages: [en]
currency:  EUR
zone:      Europe/Helsinki
join:      {confirm: true}
`,
	"campaigns/welcome/campaign.yaml": "live: true\nstart: joins\nquiet: off\nsteps:\n  - mail: hello\n",
	"campaigns/welcome/hello.en.md":   "---\nsubject: Welcome\n---\nGood to have you.\n",
	"campaigns/letter/campaign.yaml":  "live: true\nstart: {launch: {}}\ntopic: newsletter\nsteps:\n  - mail: news\n",
	"campaigns/letter/news.en.md":     "---\nsubject: News\n---\nNews.\n",
}

// asksToJoin is what a form sends that a stranger filled in.
const asksToJoin = `{"type": "member.joined", "id": "ask-1", "at": "NOW", "member": {"id": "M-1", "email": "ana@example.test",
	"first_name": "Win at https://evil.example", "joined": true, "consent": {"newsletter": true}, "consent_source": "web form"}}`

// oneServer is serve over a database with its own sink.
func oneServer(t *testing.T, database string, program map[string]string) (shop, string, *embedded.Sink) {
	t.Helper()
	sink, err := embedded.NewSink(embedded.SinkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sink.Close() })
	s := shop{t: t, env: []string{
		"DATABASE_URL=" + database, "REDIS_URL=" + ownRedis(t), "SMTP_URL=smtp://" + sink.Addr() + "?tls=off",
		"BASE_URL=https://mail.shop.example", "SECRET_KEY=" + rand.Text() + rand.Text(), "LOG_LEVEL=error",
		"HOOK_SECRET_STANDARD=whsec_" + base64.StdEncoding.EncodeToString(hookKey),
	}}
	s.must("migrate")
	s.must("check", directory(t, program))
	s.must("apply", directory(t, program))
	return s, s.serve(), sink
}

func TestWhoJoinsByAFormConfirmsItByMail(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			database := "sqlite:" + filepath.Join(t.TempDir(), "shop.db")
			if engine == "postgres" {
				database = fewConnections(t)
			}
			s, address, sink := oneServer(t, database, optInShop)
			accepted(t, address, "ask-1", []byte(strings.Replace(asksToJoin, "NOW", time.Now().UTC().Format(time.RFC3339), 1)))
			settled(t, sink, 1)
			mail := sink.Mails()[0]
			body, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(mail.Source)))
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(body, []byte("evil")) || bytes.Contains(mail.Source, []byte("evil")) {
				t.Errorf("the mail shows what a stranger typed:\n%s", mail.Source)
			}
			link := regexp.MustCompile(`https://mail\.shop\.example(/confirm/[\w-]+)`).FindSubmatch(body)
			if link == nil {
				t.Fatalf("no link in the mail:\n%s", body)
			}
			page := "http://" + address + string(link[1])
			joined := func(want string) {
				t.Helper()
				if got := s.must("segment", "count", "joined"); strings.TrimSpace(got) != want {
					t.Errorf("%s have joined, want %s", strings.TrimSpace(got), want)
				}
				if got := s.must("segment", "count", `consent("newsletter")`); strings.TrimSpace(got) != want {
					t.Errorf("%s get the newsletter, want %s", strings.TrimSpace(got), want)
				}
			}
			for range 3 { // scanners open every link
				if got := visit(t, http.MethodGet, page); !strings.Contains(got, "<button") || !strings.Contains(got, "Do you want to join Corner Shop?") {
					t.Errorf("the page:\n%s", got)
				}
			}
			joined("0")
			for range 2 {
				if got := visit(t, http.MethodPost, page); !strings.Contains(got, "You are now a member of Corner Shop.") {
					t.Errorf("the button:\n%s", got)
				}
			}
			settled(t, sink, 2)
			if got := sink.Mails()[1]; !bytes.Contains(got.Source, []byte("Subject: Welcome")) {
				t.Errorf("the second mail:\n%s", got.Source)
			}
			joined("1")
			s.must("doctor")
			if got := s.must("member", "why", "M-1", "confirm"); !strings.Contains(got, "confirm is sent") {
				t.Errorf("why:\n%s", got)
			}
		})
	}
}

// visit asks for a page and returns its text.
func visit(t *testing.T, method, page string) string {
	t.Helper()
	q, err := http.NewRequestWithContext(context.Background(), method, page, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("%s: %d %v", method, answer.StatusCode, err)
	}
	return string(text)
}
