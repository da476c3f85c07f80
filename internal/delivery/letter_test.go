package delivery

import (
	"bytes"
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
	p, all, problems := program.Load(files)
	for _, problem := range problems {
		if problem.Level == program.Error {
			t.Fatal(problem)
		}
	}
	l := &letters{
		w: &writer{links: consent.NewLinks("https://mail.shop.example", [][]byte{[]byte("key")}), secret: []byte("secret"), returnDomain: "bounces.shop.example",
			log: slog.New(slog.DiscardHandler), compiled: newCompiledMails()},
		plan:  &plan{version: 1, program: p, campaign: p.Campaigns[0], mail: "1-gift", texts: texts{p.Languages, all["gift"]["1-gift"], &sync.Map{}}},
		stuff: material{people: map[int64]*person{}, codes: map[int64]*code{}, at: loyalty.At(time.Date(2027, 6, 21, 6, 0, 0, 0, time.UTC))},
	}
	return l
}

// add adds a letter to a member.
func (l *letters) add(who person) *send {
	n := int64(len(l.sends) + 1)
	who.ID = n
	if who.Email == "" {
		who.Email = fmt.Sprintf("member%d@example.test", n)
	}
	l.stuff.people[n] = &who
	l.stuff.codes[n] = &code{ID: n, Code: fmt.Sprintf("GIFT-%04d-7K2M", n), pool: &l.plan.program.Pools[0]}
	s := &send{Candidate: consent.Candidate{Send: n, Member: n, Code: n, Class: loyalty.Offer, Topic: loyalty.Offers, Step: "1-gift", Email: who.Email, EmailKey: []byte("0123456789")},
		campaign: "gift", key: "launch:1", launch: map[string]any{"headline": "Summer is here"}, plan: l.plan}
	l.sends = append(l.sends, s)
	return s
}

// write makes the letter of s as a worker does.
func (l *letters) write(s *send) error {
	if err := l.w.address(s, l.stuff); err != nil {
		return err
	}
	return l.w.write(s, l.stuff)
}

// trackingOn is what program.yaml says for tracked links and openings.
const trackingOn = "tracking: {clicks: true, opens: true}\n"

// peculiar are what members may be called.
var peculiar = []string{"", "Ana", ".Ana", "..", "Ana\r\n.\r\nBcc: x", "\x00", "=", "=3D", `"Ana" <b>&'`, "Ana ", "😀", "مرحبا", "\u202eAna", "e\u0301", "Ελένη", "王小明", "{{ x }}", "zq0000x", `href="`,
	strings.Repeat("Maximilian ", 910), strings.Repeat("長", 3400), "text-part-", "=?UTF-8?Q?x?="}

func TestLettersAreTheSameBothWays(t *testing.T) {
	t.Parallel()
	mail := "---\nsubject: {{ member.first_name | default \"You\" }}: {{ launch.headline }}\npreheader: {{ coupon.gives }} for {{ member.plan }}\n---\n" +
		"Dear {{ member.name | default \"friend\" }}, you have {{ plural member.points \"point\" \"points\" }} and spent {{ member.spent }} since {{ member.joined }}.\n\n{{ coupon.code }}\n\n" +
		"{{ if member.birthday }}\nBirthday: {{ member.birthday | date }}\n{{ else }}\nNo birthday\n{{ end }}\n\n{{ member.tags | join \", \" }} {{ member.shoe_size }} {{ member.joined }} {{ member.first_order }}\n\n" +
		"[Your page]({{ links.member }}) or [the shop](https://shop.example/?m={{ member.id }}&x=1)\n"
	for _, extra := range []string{"", trackingOn} {
		l := lettersOf(t, extra, map[string]string{"en": mail, "fi": libraryMail(t, "birthday/happy-birthday.en.md")})
		month, date, day := 6, 22, loyalty.Day(20_000)
		for i, name := range peculiar {
			l.add(person{FirstName: name, Language: "en", ExternalID: name})
			l.add(person{FirstName: name, LastName: peculiar[len(peculiar)-1-i], Language: "fi-FI", Country: "FI", Points: int64(i * 1000), Spent: 1999, tags: []string{name, "b"},
				BirthMonth: &month, BirthDate: &date, JoinedDay: &day, more: map[string]any{"plan": name, "shoe_size": 42.5, "first_order": "2020-01-01", "id": "not this"}})
		}
		l.sends[3].launch, l.sends[5].Topic, l.sends[7].Class, l.sends[9].campaign, l.sends[11].Code = nil, loyalty.Program, loyalty.Service, "renamed", 0
		for _, s := range l.sends {
			text, err := l.w.text(s, l.stuff, "")
			if err != nil {
				t.Fatal(err)
			}
			want, wrong := l.w.inFull(s, l.stuff, text)
			got, err := l.w.fillIn(s, l.stuff, text)
			if fmt.Sprint(err) != fmt.Sprint(wrong) || !bytes.Equal(got, want) {
				t.Fatalf("the letter to %.40q is\n%s, %v\nwant\n%s, %v", l.stuff.people[s.Member].FirstName, got, err, want, wrong)
			}
		}
		// The ones without a launch and without a code have nothing to show, and are
		// made in full to say so.
		if filled, full := l.w.compiled.filled.Load(), l.w.compiled.full.Load(); full > 2 || filled+full != int64(len(l.sends)) {
			t.Errorf("%d letters were filled in, %d not, want all but two of %d", filled, full, len(l.sends))
		}
	}
}

func TestWritersShareACompiledMail(t *testing.T) {
	t.Parallel()
	l := lettersOf(t, trackingOn, map[string]string{"en": libraryMail(t, "birthday/happy-birthday.en.md"), "fi": libraryMail(t, "birthday/happy-birthday.en.md")})
	for i := range 400 {
		l.add(person{FirstName: peculiar[i%len(peculiar)], Language: []string{"en", "fi"}[i%2]})
	}
	var writers sync.WaitGroup
	for n := range 4 {
		writers.Go(func() {
			for _, s := range l.sends[n*100 : n*100+100] {
				if err := l.write(s); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	for _, s := range l.sends {
		text, _ := l.w.text(s, l.stuff, "")
		if want, err := l.w.inFull(s, l.stuff, text); err != nil || !bytes.Equal(s.letter.message.Body, want) {
			t.Fatalf("letter %d is\n%s\nwant\n%s, %v", s.Send, s.letter.message.Body, want, err)
		}
	}
	if filled, full := l.w.compiled.filled.Load(), l.w.compiled.full.Load(); filled != 400 || full != 0 || l.w.compiled.known.Len() != 2 {
		t.Errorf("%d letters were filled in, %d not, from %d mails, want 400, 0, from 2", filled, full, l.w.compiled.known.Len())
	}
}

// TestAMailThatIsCompiledWronglyIsMadeInFull: should the two ways ever differ, members
// get the right one.
func TestAMailThatIsCompiledWronglyIsMadeInFull(t *testing.T) {
	t.Parallel()
	l := lettersOf(t, "", map[string]string{"en": "---\nsubject: Right\n---\nRight\n", "fi": "---\nsubject: Wrong\n---\nWrong\n"})
	wrong, err := l.plan.texts.in("fi").Compile(l.plan.brand(""))
	if err != nil {
		t.Fatal(err)
	}
	c := &compiledMail{text: wrong}
	l.w.compiled.known.Put(compiledKey{l.plan, l.plan.texts.in("en")}, c)
	for range 3 {
		s := l.add(person{FirstName: "Ana", Language: "en"})
		if err := l.write(s); err != nil || bytes.Contains(s.letter.message.Body, []byte("Wrong")) {
			t.Errorf("the letter is\n%s\nwant the right one, %v", s.letter.message.Body, err)
		}
	}
	if !c.wrong.Load() || l.w.compiled.full.Load() != 2 {
		t.Errorf("%d letters were made in full after the first, want 2", l.w.compiled.full.Load())
	}
}

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
	for _, extra := range []string{"", trackingOn} {
		l := lettersOf(b, extra, map[string]string{"en": libraryMail(b, "birthday/happy-birthday.en.md"), "fi": libraryMail(b, "birthday/happy-birthday.en.md")})
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
