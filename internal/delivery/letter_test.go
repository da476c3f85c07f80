package delivery

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"regulars/internal/consent"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/templates"
)

// letters are sends of one mail of a program, and what their letters are made of.
type letters struct {
	w     *writer
	sends []*send
	stuff material
	plan  *plan
}

// lettersOf reads a program of one campaign with one mail in some languages.
func lettersOf(t testing.TB, extra string, mails map[string]string) *letters {
	t.Helper()
	files := map[string]string{
		"program.yaml": `
shop:      {name: Anna's Pets, url: https://shop.example, address: "Kauppakatu 1, 00100 Helsinki"}
mail:      {from: "Anna <anna@shop.example>", reply_to: help@shop.example, alerts: anna@shop.example}
languages: [en, fi]
currency:  EUR
zone:      Europe/Helsinki
attributes: {plan: text, shoe_size: number}
` + extra,
		"pools.yaml":                   "gift: {kind: generated, pattern: GIFT-####-####, percent: 15, minimum: 25.00, valid_for: 14d, checkout: asks_us}\n",
		"campaigns/gift/campaign.yaml": "live: true\nstart: {launch: {headline: text}}\nclass: offer\ntopic: offers\nsteps:\n  - mail: 1-gift\n    coupon: gift\n",
	}
	for language, text := range mails {
		files["campaigns/gift/1-gift."+language+".md"] = text
	}
	p, texts, problems := program.Load(files)
	for _, problem := range problems {
		if problem.Level == program.Error {
			t.Fatal(problem)
		}
	}
	l := &letters{
		w: &writer{links: consent.NewLinks("https://mail.shop.example", [][]byte{[]byte("key")}), secret: []byte("secret"), returnDomain: "bounces.shop.example",
			log: slog.New(slog.DiscardHandler), compiled: newCompiledMails()},
		plan:  &plan{version: 1, program: p, campaign: p.Campaigns[0], mail: "1-gift", texts: texts_(p, texts)},
		stuff: material{people: map[int64]*person{}, codes: map[int64]*code{}, at: loyalty.At(time.Date(2027, 6, 21, 6, 0, 0, 0, time.UTC))},
	}
	return l
}

func texts_(p *program.Program, all program.Texts) texts {
	return texts{p.Languages, all["gift"]["1-gift"], &sync.Map{}}
}

// add adds a letter to a member.
func (l *letters) add(who person) *send {
	n := int64(len(l.sends) + 1)
	who.ID = n
	if who.Email == "" {
		who.Email = fmt.Sprintf("member%d@example.test", n)
	}
	l.stuff.people[n] = &who
	l.stuff.codes[n] = &code{ID: n, Code: fmt.Sprintf("GIFT-%04d-7K2M", n), pool: l.plan.program.Pools[0]}
	s := &send{Candidate: consent.Candidate{Send: n, Member: n, Code: n, Class: loyalty.Offer, Topic: loyalty.Offers, Step: "1-gift", Email: who.Email, EmailKey: []byte("0123456789")},
		campaign: "gift", key: "launch:1", launch: map[string]any{"headline": "Summer is here"}, plan: l.plan}
	l.sends = append(l.sends, s)
	return s
}

// TestNothingOfAMemberIsInAnothersLetter …
func libraryMail(t testing.TB, file string) string {
	t.Helper()
	src, err := os.ReadFile("../../templates/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

// BenchmarkLetter makes the letters of a run both ways, and says what each costs of
// both processors.
func BenchmarkLetter(b *testing.B) {
	for _, extra := range []string{"", "tracking: {clicks: true, opens: true}\n"} {
		l := lettersOf(b, extra, map[string]string{"en": libraryMail(b, "birthday/happy-birthday.en.md")})
		for i := range 1000 {
			l.add(person{ExternalID: fmt.Sprint("M-", i), FirstName: fmt.Sprint("Ana", i), LastName: "Horvat", Language: "en", Country: "FI", Points: int64(i), Orders: 3, Spent: 12345})
		}
		name := strings.Trim(strings.Split(extra, ":")[0]+" ", " ")
		for _, way := range []struct {
			name string
			make func(*send) ([]byte, error)
		}{
			{"in full", func(s *send) ([]byte, error) { return l.w.inFull(s, l.stuff, l.text()) }},
			{"filled in", func(s *send) ([]byte, error) { return l.w.fillIn(s, l.stuff, l.text()) }},
		} {
			b.Run(strings.Trim(name+" "+way.name, " "), func(b *testing.B) {
				b.ReportAllocs()
				var before, after syscall.Rusage
				_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
				n := 0
				for b.Loop() {
					if _, err := way.make(l.sends[n%len(l.sends)]); err != nil {
						b.Fatal(err)
					}
					n++
				}
				_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
				b.ReportMetric(float64(spent(after)-spent(before))/1000/float64(n), "cpu-µs/letter")
			})
		}
	}
}

func spent(r syscall.Rusage) int64 { return r.Utime.Nano() + r.Stime.Nano() }

func (l *letters) text() *templates.Mail { return l.plan.texts.in("en") }
