package compose_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"mime"
	"net/mail"
	"strings"
	"testing"
	"time"

	"regulars/internal/delivery/compose"
	"regulars/internal/loyalty"
	"regulars/templates"
)

// quoted escapes a body byte by byte, as templates.Compiled leaves one.
func quoted(body string) []byte {
	var b bytes.Buffer
	for i := range len(body) {
		if c := body[i]; c == '\n' || c == '\t' || c >= ' ' && c <= '~' && c != '=' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return b.Bytes()
}

// filled fills a letter into a compiled one like it.
func filled(l compose.Letter) ([]byte, error) {
	c, err := compose.Compile(l)
	if err != nil {
		return nil, err
	}
	return c.Fill(nil, l, quoted(l.Rendered.Text), quoted(l.Rendered.HTML))
}

// alike checks that a letter that was filled in is the one that Build makes, to the
// byte, and that another parser reads from it what was put in.
func alike(t testing.TB, l compose.Letter, got []byte, err error) {
	t.Helper()
	want, wrong := compose.Build(l)
	if wrong != nil || err != nil {
		if wrong == nil || err == nil {
			t.Fatalf("filled in: %v; built: %v", err, wrong)
		}
		return
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("filled in, the letter is\n%q\nwant\n%q", got, want)
	}
	m, err := mail.ReadMessage(bytes.NewReader(got))
	if err != nil {
		t.Fatalf("the letter cannot be read: %v\n%s", err, got)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || !strings.Contains(l.Rendered.Subject, "=?") && strings.Join(strings.Fields(subject), " ") != strings.Join(strings.Fields(loyalty.OneLine(l.Rendered.Subject)), " ") {
		t.Fatalf("the subject is read as %q, %v, want %q", subject, err, l.Rendered.Subject)
	}
	if got := m.Header.Get("Message-ID"); got != "<"+l.MessageID+">" {
		t.Fatalf("Message-ID = %q, want %q", got, l.MessageID)
	}
	if got := m.Header.Get("List-Unsubscribe"); l.Class != loyalty.Service && !strings.HasPrefix(got, "<"+l.Unsubscribe+">") {
		t.Fatalf("List-Unsubscribe = %q, want %q", got, l.Unsubscribe)
	}
	if to, err := m.Header.AddressList("To"); err != nil || len(to) != 1 || !strings.EqualFold(to[0].Address, l.To) {
		t.Fatalf("To = %v, %v, want %q", to, err, l.To)
	}
	parts := alternatives(t, m)
	if len(parts) != 2 || parts[0] != "text/plain\n"+l.Rendered.Text || parts[1] != "text/html\n"+l.Rendered.HTML {
		t.Fatalf("the parts are read as %q\nwant %q\nand %q", parts, l.Rendered.Text, l.Rendered.HTML)
	}
}

// alternatives wants *testing.T; hostile values are below.
var values = []string{
	"", "Ana", "Ana Horvat", ".", "..", ".hidden", "a\r\n.\r\nb", "x\r\nBcc: all@example.test", "\x00", "a\x00b", "\x7f", `"`, `'`, `"Ana" <ana@x.example>`, "<b>", "&", "&amp;", "=", "=20", "=3D",
	"==", "=\r\n", "a ", " a", "a  b", "\t", "a\tb", "😀", "👨‍👩‍👧‍👦 family", "שלום", "مرحبا", "\u202eevil", "\u200f", "e\u0301", "Z̸̡a̵l̷g̶o", "ﷺ", "\u00a0", "\u2028x", "\ufeff",
	"=?UTF-8?Q?Bcc?=", "text-part", "html-part-00", "part-", "--part-00", "zq0000x", "{{ member.id }}", `href="https://evil.example"`, "href=", "https://shop.example/a?b=c&d=e'f\"g", "javascript:x",
	"a+b", "a%2", "a%20b", "100 %", "Привет, мир", "Ελένη Παπαδοπούλου", "您的優惠碼", "a,b;c:d", "Note:", "Fwd: Re: a: b", "\xff\xfe", "x@y.z",
	strings.Repeat("Maximilian ", 910), strings.Repeat("長", 3400), strings.Repeat("x", 10_000), strings.Repeat("word ", 40) + ":", strings.Repeat("= ", 60), strings.Repeat("é", 37) + ".",
}

func oneOf[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// TestFilledLettersAreTheBuiltOnes goes over letters with every value in every place.
func TestFilledLettersAreTheBuiltOnes(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for i, v := range values {
		for _, change := range []func(*compose.Letter){
			func(l *compose.Letter) { l.Rendered.Subject = v },
			func(l *compose.Letter) { l.Rendered.Subject = "Hello " + v + ", look: " + v },
			func(l *compose.Letter) { l.ToName = v },
			func(l *compose.Letter) { l.Rendered.FromName = v },
			func(l *compose.Letter) { l.Rendered.Text = strings.ReplaceAll(v, "\r", "") },
			func(l *compose.Letter) { l.Rendered.HTML = strings.ReplaceAll(v, "\r", "") + "\n" },
			func(l *compose.Letter) {
				l.Rendered.Text = strings.ReplaceAll(strings.Repeat("x", r.IntN(80))+v+strings.Repeat("y", r.IntN(80))+" \n \n\t\n"+v, "\r", "")
			},
			func(l *compose.Letter) { l.To = v },
			func(l *compose.Letter) { l.MessageID = v },
			func(l *compose.Letter) { l.Unsubscribe = v },
			func(l *compose.Letter) { l.Unsubscribe = "https://shop.example/u/" + v },
			func(l *compose.Letter) { l.FeedbackID = v },
			func(l *compose.Letter) { l.Class, l.Unsubscribe = loyalty.Service, "" },
			func(l *compose.Letter) { l.Class, l.UnsubscribeMail, l.ReplyTo = loyalty.Earned, "", "" },
		} {
			l := letter(change)
			if i%3 == 0 {
				l.From = "Τα κατοικίδια της Άννας <anna@παράδειγμα.example>"
			}
			got, err := filled(l)
			alike(t, l, got, err)
		}
	}
}

func TestAnotherLetterIsNotFilledIn(t *testing.T) {
	t.Parallel()
	c, err := compose.Compile(letter(nil))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*compose.Letter){
		"sender":      func(l *compose.Letter) { l.From = "bob@shop.example" },
		"topic":       func(l *compose.Letter) { l.Topic = loyalty.Newsletter },
		"class":       func(l *compose.Letter) { l.Class = loyalty.Earned },
		"language":    func(l *compose.Letter) { l.Rendered.Language = "fi" },
		"feedback":    func(l *compose.Letter) { l.FeedbackID = "other" },
		"from_name":   func(l *compose.Letter) { l.Rendered.FromName = "Bob" },
		"way by mail": func(l *compose.Letter) { l.UnsubscribeMail = "" },
	} {
		if b, err := c.Fill(nil, letter(change), nil, nil); !errors.Is(err, compose.ErrOther) {
			t.Errorf("Fill with another %s = %q, %v, want ErrOther", name, b, err)
		}
	}
}

// grammar writes random mails in the language of the library.
type grammar struct{ *rand.Rand }

func (g grammar) text() string {
	return oneOf(g.Rand, `member.first_name | default "friend"`, `member.last_name | default "you"`, `member.name | default "you"`, "member.plan", "member.id", "member.email",
		"member.country", `member.tags | join ", "`, "member.points", "member.spent", "member.birthday", "member.joined", `member.last_order | date "short"`, `date member.last_order "weekday"`,
		"coupon.code", "coupon.gives", "coupon.ends", "coupon.ends | date", "coupon.minimum", "coupon.percent", "order.total", "order.id", "order.date", "money order.discount", "number order.quantity",
		"event.type", "event.at", "event.price", "money event.price", "number event.price", "milestone.value", "ordinal milestone.value", "milestone.figure", "launch.headline", "launch.ends", "launch.link",
		`plural member.orders "order" "orders"`, "upper member.plan", "lower member.plan", "title member.plan", "count order.lines", "count member.tags", "shop.name", "shop.url", "shop.address",
		"links.member", "links.unsubscribe", "links.confirm", `"quo\"ted <b> =x"`, "5", "2.50", "true", `default "a & b" member.plan`, "eq member.country \"FI\"", `upper (member.plan | default "basic")`)
}

func (g grammar) condition() string {
	return oneOf(g.Rand, "coupon", "order", "event", "not coupon", "member.first_name", "member.points", "member.tags", "member.spent", `eq member.country "FI"`, `ne member.plan "gold"`, "gt member.points 3",
		"ge order.total 50", "and coupon member.first_name", `or (eq member.country "FI") member.plan`, "not member.plan", "lt member.orders 5.5", `and (not member.tags) (gt member.points 1) coupon`, "event.wanted", "shop.url")
}

func (g grammar) words() string {
	switch g.IntN(9) {
	case 0:
		return "{{ if " + g.condition() + " }}" + g.words() + "{{ end }}"
	case 1:
		return "{{ if " + g.condition() + " }}" + g.words() + "{{ else if " + g.condition() + " }}" + g.words() + "{{ else }}x{{ end }}"
	case 2:
		return "**" + oneOf(g.Rand, "bold", "{{ "+g.text()+" }}") + "**"
	case 3:
		return "[" + oneOf(g.Rand, "here", "{{ "+g.text()+" }}") + "](" + g.address() + ")"
	case 4, 5:
		return oneOf(g.Rand, "plain words", "väre & <3 = 5", ".dot", "tail ", "`code`", strings.Repeat("long ", 30), "https://shop.example/x?a=b", "1 + 1 = 2")
	default:
		return "{{ " + g.text() + " }}"
	}
}

func (g grammar) address() string {
	return oneOf(g.Rand, "https://shop.example/", "{{ shop.url }}", "{{ links.member }}", "{{ launch.link }}", "https://shop.example/{{ "+g.text()+" }}", "https://shop.example/a?q={{ "+g.text()+" }}&x=1",
		"https://shop.example/?a=1&b={{ "+g.text()+" }}#{{ "+g.text()+" }}", "mailto:a@shop.example", "{{ if coupon }}{{ shop.url }}{{ else }}https://shop.example/b{{ end }}")
}

func (g grammar) block(depth int) string {
	inner := func() string {
		if depth > 2 {
			return g.words()
		}
		return g.block(depth + 1)
	}
	switch g.IntN(11) {
	case 0:
		return "# " + g.words()
	case 1:
		return "{{ coupon.code }}"
	case 2:
		return "[" + g.words() + "](" + g.address() + ")"
	case 3:
		return "{{ if " + g.condition() + " }}\n" + inner() + "\n{{ end }}"
	case 4:
		return "{{ if " + g.condition() + " }}\n" + inner() + "\n{{ else }}\n" + inner() + "\n{{ end }}"
	case 5:
		return "{{ range order.lines }}\n- {{ .quantity }} × {{ .name }}: **{{ .total }}** " + g.words() + "\n{{ else }}\n- none\n{{ end }}"
	case 6:
		return "{{ range member.tags }}{{ . }}, {{ end }}"
	case 7:
		return "| a | b |\n|---|--:|\n{{ range order.lines }}\n| {{ .name }} | {{ .total }} |\n{{ end }}\n| " + oneOf(g.Rand, "x", "{{ "+g.text()+" }}") + " | y |"
	case 8:
		return "1. " + g.words() + "\n2. " + g.words() + "\n{{ if " + g.condition() + " }}\n3. " + g.words() + "\n{{ end }}"
	case 9:
		return "> " + g.words()
	}
	return g.words() + " " + g.words() + "\n" + g.words()
}

// page is the inside of a page, with values in attributes.
func (g grammar) page() string {
	v := func() string { return "{{ " + g.text() + " }}" }
	return oneOf(g.Rand,
		`<p title="`+v()+`" class="a `+v()+`">`+v()+"</p>", `<a href="`+g.address()+`">`+v()+"</a>", `<img src="`+g.address()+`" alt="`+v()+`">`, `<td width="{{ member.points }}">x</td>`,
		`<p>`+v()+`"https://shop.example/"`+v()+`</p>`, "<p title='"+v()+"'>x</p>", "<!--[if mso]><p>"+v()+"</p><![endif]-->", "<pre>  "+v()+"\n</pre>", `<p style="color:{{ member.plan }}">x</p>`,
		`<p title=`+v()+`>x</p>`, "{{ if "+g.condition()+" }}<b>"+v()+"</b>{{ else }}<i>"+v()+"</i>{{ end }}", `<p {{ if coupon }}title="a"{{ end }}>x</p>`, "<p>href="+v()+`"x" href="`+v()+`"</p>`)
}

func (g grammar) mail() (file, text string) {
	head := "---\nsubject: " + oneOf(g.Rand, "Hello", "{{ "+g.text()+" }}", "{{ if "+g.condition()+" }}{{ "+g.text()+" }}: {{ end }}Ваш код", "Look: {{ "+g.text()+" }} and {{ "+g.text()+" }}") + "\n"
	if g.IntN(2) == 0 {
		head += "preheader: {{ " + g.text() + " }} today\n"
	}
	if g.IntN(4) == 0 {
		head += "from_name: Anna & Co\n"
	}
	var blocks []string
	for range 1 + g.IntN(6) {
		blocks = append(blocks, g.block(0))
	}
	language := oneOf(g.Rand, "", ".fi", ".el", ".ar", ".zh-Hant", ".en")
	if g.IntN(4) == 0 {
		for range 2 {
			blocks = append(blocks, g.page())
		}
		return "x" + language + ".html", head + "---\n" + strings.Join(blocks, "\n")
	}
	return "x" + language + ".md", head + "---\n" + strings.Join(blocks, "\n\n")
}

// member is the data of a random one.
func (g grammar) member(known templates.Fields) templates.Data {
	d := known.Sample()
	v := func() string { return oneOf(g.Rand, values...) }
	for _, root := range []string{"member", "launch", "coupon", "order", "event"} {
		fields := d[root].(map[string]any)
		for field, old := range fields {
			if _, text := old.(string); text && g.IntN(2) == 0 && field != "birthday" {
				fields[field] = v()
			}
			if g.IntN(10) == 0 {
				delete(fields, field)
			}
		}
	}
	m := d["member"].(map[string]any)
	m["points"], m["spent"], m["orders"] = g.IntN(3)*g.IntN(100_000), int64(g.IntN(3)*g.IntN(1_000_000)), g.IntN(7)
	m["country"], m["tags"], m["joined"] = oneOf(g.Rand, "FI", "SE", ""), oneOf(g.Rand, nil, []string{}, []string{v(), v()}), loyalty.Day(20_000+g.IntN(1000))
	event := d["event"].(map[string]any)
	event["price"], event["wanted"] = oneOf[any](g.Rand, 5, 5.25, "7", v(), nil, true), oneOf[any](g.Rand, true, false, "yes", nil, 0)
	coupon := d["coupon"].(map[string]any)
	coupon["percent"], coupon["minimum"], coupon["free_shipping"] = oneOf[any](g.Rand, nil, int64(15)), oneOf[any](g.Rand, nil, int64(2500)), g.IntN(2) == 0
	coupon["perk"], coupon["ends"] = v(), oneOf[any](g.Rand, nil, loyalty.Day(20_300), "2027-06-21")
	order := d["order"].(map[string]any)
	order["lines"] = oneOf(g.Rand, nil, []map[string]any{{"name": v(), "quantity": int64(2), "total": int64(4990)}, {"name": v(), "total": 1.5}})
	d["links"].(map[string]any)["unsubscribe"] = fmt.Sprintf("https://mail.shop.example/u/%x", g.Uint64())
	if g.IntN(3) == 0 {
		delete(d, oneOf(g.Rand, "coupon", "order", "event", "launch", "milestone"))
	}
	return d
}

// known is what the random mails may read; every root may be missing.
var known = templates.Fields{
	Order: true, Event: true, Coupon: true, Milestone: templates.Number,
	Launch:     map[string]templates.Kind{"headline": templates.Text, "link": templates.Link, "ends": templates.Date},
	Attributes: map[string]templates.Kind{"plan": templates.Text},
}

// bothWays makes the letters of one random mail both ways, and counts how many were
// filled in, of how many that can be made at all.
func bothWays(t testing.TB, seed uint64, members int) (in, all int, why error) {
	t.Helper()
	g := grammar{rand.New(rand.NewPCG(seed, 7))}
	file, text := g.mail()
	fields := known
	fields.Service, fields.Stranger = g.IntN(8) == 0, g.IntN(8) == 0
	m, _ := templates.ParseMail(file, []byte(text), fields)
	if m == nil {
		return 0, 0, nil
	}
	brand := templates.Brand{Name: "Anna's Pets & Co", URL: oneOf(g.Rand, "", "https://shop.example"), Address: "Kauppakatu 1, 00100 Helsinki", Currency: oneOf(g.Rand, "EUR", "USD", "SEK", "JPY"), Color: oneOf(g.Rand, "", "#aa3300")}
	c, err := m.Compile(brand)
	if err != nil {
		return 0, 1, err
	}
	if g.IntN(2) == 0 {
		brand.Link = func(to string) string { return fmt.Sprintf("https://mail.shop.example/c/%d?to=%s&x='1'", len(to), to) }
		brand.Pixel = "https://mail.shop.example/o/abc.gif"
	}
	var room templates.Filled
	var form *compose.Compiled
	for n := range members {
		d := g.member(fields)
		l := letter(func(l *compose.Letter) {
			l.MessageID = compose.MessageID(key, int64(n), "shop.example")
			l.ToName, l.Class = oneOf(g.Rand, values...), oneOf(g.Rand, loyalty.Offer, loyalty.Offer, loyalty.Service)
			l.To = fmt.Sprintf("m%d@example.test", n)
			l.Date = time.Unix(int64(g.Uint32()), 0)
			l.Unsubscribe = fmt.Sprintf("https://mail.shop.example/u/%x", g.Uint64())
		})
		rendered, wrong := m.Render(d, brand)
		if err := c.Fill(&room, d, brand.Link, brand.Pixel); err != nil {
			if wrong == nil {
				all++
				why = err
			}
			continue
		}
		all++
		if wrong != nil {
			t.Fatalf("seed %d: a letter is filled in, but Render says %v\n%s", seed, wrong, text)
		}
		in++
		if room.Subject != rendered.Subject {
			t.Fatalf("seed %d: subject %q, want %q", seed, room.Subject, rendered.Subject)
		}
		given := l
		l.Rendered = rendered
		given.Rendered = templates.Rendered{Subject: room.Subject, FromName: room.FromName, Language: room.Language}
		var got []byte
		if form != nil {
			got, err = form.Fill(nil, given, room.Text, room.HTML)
		}
		if form == nil || errors.Is(err, compose.ErrOther) {
			if form, err = compose.Compile(given); err != nil {
				t.Fatal(err)
			}
			got, err = form.Fill(nil, given, room.Text, room.HTML)
		}
		alike(t, l, got, err)
	}
	return in, all, why
}

// TestRandomMailsAreTheSameBothWays: mails of any shape, for members of any kind.
func TestRandomMailsAreTheSameBothWays(t *testing.T) {
	t.Parallel()
	mails, in, all := 0, 0, 0
	reasons := map[string]int{}
	for seed := range uint64(400) {
		n, of, why := bothWays(t, seed, 6)
		if of > 0 {
			mails++
		}
		if why != nil {
			reasons[why.Error()]++
		}
		in, all = in+n, all+of
	}
	t.Logf("%d mails: %d of %d letters were filled in; not the others: %v", mails, in, all, reasons)
	if mails < 200 || in < all*8/10 {
		t.Errorf("%d mails, of which %d of %d letters were filled in: too few to tell\n%v", mails, in, all, reasons)
	}
}

// FuzzFill: whatever the values are, a letter that is filled in is the built one.
func FuzzFill(f *testing.F) {
	for i, v := range values {
		f.Add(v, values[(i+7)%len(values)], "ana@example.test", v, uint64(i))
	}
	f.Fuzz(func(t *testing.T, name, subject, to, text string, seed uint64) {
		l := letter(func(l *compose.Letter) {
			l.ToName, l.Rendered.Subject, l.To = name, subject, to
			l.Rendered.Text, l.Rendered.HTML = strings.ReplaceAll(text, "\r", ""), strings.ReplaceAll(text+name+subject, "\r", "")
		})
		got, err := filled(l)
		want, wrong := compose.Build(l)
		if (err == nil) != (wrong == nil) || !bytes.Equal(got, want) {
			t.Fatalf("filled in: %q, %v\nwant %q, %v", got, err, want, wrong)
		}
		bothWays(t, seed, 2)
	})
}
