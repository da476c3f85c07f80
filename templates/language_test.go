package templates_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"regulars/internal/loyalty"
	"regulars/templates"
)

func TestTheBestLanguageIsOneThatTheMemberReads(t *testing.T) {
	t.Parallel()
	have := []string{"fi", "en", "nl", "zh-Hant", "pt-BR", "no", "el", "mk"}
	for _, tt := range []struct{ want, best string }{
		{"fi", "fi"}, {"fi-FI", "fi"}, {"EN_us", "en"}, {"en-GB", "en"}, {"nl-BE", "nl"}, {"zh-TW", "zh-Hant"}, {"zh-HK", "zh-Hant"},
		{"zh-CN", ""}, {"zh", ""}, {"zh-Hans", ""}, {"zh-SG", ""}, {"zh-Hant-HK", "zh-Hant"}, {"pt-PT", "pt-BR"}, {"nb", "no"}, {"nn-NO", "no"}, {"el-CY", "el"}, {"mk-MK", "mk"},
		{"et", ""}, {"af", ""}, {"bg", ""}, {"sv", ""}, {"de", ""}, {"", ""}, {"und", ""}, {"not a language", ""}, {"x", ""},
	} {
		got := ""
		if i := templates.Best(have, tt.want); i >= 0 {
			got = have[i]
		}
		if got != tt.best {
			t.Errorf("Best(%v, %q) = %q, want %q", have, tt.want, got, tt.best)
		}
	}
}

func TestPickFallsBackInOrder(t *testing.T) {
	t.Parallel()
	mail := func(l string) *templates.Mail { return &templates.Mail{Language: l} }
	both := map[string]*templates.Mail{"fi": mail("fi"), "en": mail("en")}
	for _, tt := range []struct {
		name      string
		mails     map[string]*templates.Mail
		languages []string
		want      string
		picked    string
	}{
		{"the member's language", both, []string{"fi", "en"}, "en-GB", "en"},
		{"another: the program's first", both, []string{"fi", "en"}, "de", "fi"},
		{"unknown: the program's first", both, []string{"fi", "en"}, "", "fi"},
		{"the first has no file: the next", both, []string{"nl", "en", "fi"}, "nl", "en"},
		{"a file of a language that the program has not", both, []string{"nl"}, "fi", "none"},
		{"a file without a language", map[string]*templates.Mail{"": mail("all")}, []string{"fi"}, "fi", "all"},
		{"no file", nil, []string{"fi"}, "fi", "none"},
	} {
		got := "none"
		if m := templates.Pick(tt.mails, tt.languages, tt.want); m != nil {
			got = m.Language
		}
		if got != tt.picked {
			t.Errorf("%s: Pick = %s, want %s", tt.name, got, tt.picked)
		}
	}
}

func TestAFileNameSaysMailAndLanguage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file, mail, lang, ext string
		ok                    bool
	}{
		{"1-welcome.fi.md", "1-welcome", "fi", "md", true},
		{"1-welcome.zh-Hant.html", "1-welcome", "zh-Hant", "html", true},
		{"issues/2027-06-21.en.md", "issues/2027-06-21", "en", "md", true},
		{"welcome.md", "welcome", "", "md", true},
		{"v1.2-draft.md", "v1.2-draft", "", "md", true},
		{"campaign.yaml", "", "", "", false},
		{"picture.fi.png", "", "", "", false},
		{".md", "", "", "", false},
		{"", "", "", "", false},
	} {
		mail, lang, ext, ok := templates.SplitName(tt.file)
		if mail != tt.mail || lang != tt.lang || ext != tt.ext || ok != tt.ok {
			t.Errorf("SplitName(%q) = %q, %q, %q, %v, want %q, %q, %q, %v", tt.file, mail, lang, ext, ok, tt.mail, tt.lang, tt.ext, tt.ok)
		}
	}
}

// shown renders one action in a language and returns what it prints.
func shown(t *testing.T, lang, currency, action string, data templates.Data) string {
	t.Helper()
	brand := shop
	brand.Currency = currency
	m := parse(t, "x."+lang+".md", "---\nsubject: = "+action+"\n---\nHello\n", all)
	r := render(t, m, data, brand)
	return strings.ReplaceAll(strings.TrimPrefix(r.Subject, "= "), "\u00a0", "_")
}

func TestMoneyIsWrittenAsTheLanguageDoes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		lang, currency string
		minor          int64
		want           string
	}{
		{"en", "EUR", 5990, "€59.90"}, {"en", "EUR", 1234567, "€12,345.67"}, {"en", "USD", 500, "$5.00"}, {"en", "GBP", -500, "−£5.00"},
		{"en", "JPY", 5990, "¥5,990"}, {"en", "EUR", 102900, "€1,029.00"}, {"fi", "EUR", 102900, "1_029,00_€"}, {"en", "KWD", 5990, "KWD_5.990"}, {"en", "SEK", 10000, "100.00_kr"},
		{"fi", "EUR", 5990, "59,90_€"}, {"fi", "EUR", 1234567, "12_345,67_€"}, {"fi", "SEK", 10000, "100,00_kr"}, {"fi", "CHF", 100, "1,00_CHF"},
		{"el", "EUR", 123456789, "1.234.567,89_€"}, {"mk", "MKD", 59900, "599,00_ден."}, {"mk", "EUR", 100, "1,00_€"},
		{"nl", "EUR", 5990, "€_59,90"}, {"nl-BE", "EUR", -1, "−€_0,01"}, {"zh-Hant", "TWD", 59900, "NT$599.00"}, {"zh-Hant", "USD", 100, "US$1.00"},
		{"de", "EUR", 5990, "€59.90"},
	} {
		if got := shown(t, tt.lang, tt.currency, "{{ order.total }}", with(all, "order.total", tt.minor)); got != tt.want {
			t.Errorf("%d %s in %s = %q, want %q", tt.minor, tt.currency, tt.lang, got, tt.want)
		}
	}
}

func TestValuesAreReadFromWhateverHoldsThem(t *testing.T) {
	t.Parallel()
	known := templates.Fields{Attributes: map[string]templates.Kind{
		"fee": templates.Money, "size": templates.Number, "club": templates.Bool, "likes": templates.Texts, "page": templates.Link, "plan": templates.Text,
	}}
	for _, tt := range []struct {
		field string
		v     any
		want  string
	}{
		{"fee", int64(1250), "€12.50"}, {"fee", 12.5, "€12.50"}, {"fee", json.Number("12.5"), "€12.50"}, {"fee", "12.50", "€12.50"},
		{"fee", "dear", ""}, {"fee", nil, ""}, {"fee", true, ""},
		{"size", 42, "42"}, {"size", 1987, "1987"}, {"points", 1029, "1,029"}, {"size", 20270, "20,270"}, {"size", uint8(42), "42"}, {"size", float32(42), "42"}, {"size", json.Number("42"), "42"}, {"size", "42.5", "42.5"}, {"size", "large", ""}, {"size", math.Inf(1), ""},
		{"club", true, "true"}, {"club", "true", "true"}, {"club", "no", "false"}, {"club", nil, "false"},
		{"page", "https://shop.example/a", "https://shop.example/a"}, {"page", "ftp://shop.example", ""}, {"page", "shop", ""},
		{"plan", 7, "7"}, {"plan", map[string]any{"a": 1}, ""}, {"plan", strings.Repeat("x", 3000), strings.Repeat("x", 247) + "…"},
	} {
		m := parse(t, "x.en.md", "---\nsubject: = {{ member."+tt.field+" }}\n---\nHello\n", known)
		r := render(t, m, with(known, "member."+tt.field, tt.v), shop)
		if got := strings.TrimPrefix(strings.TrimPrefix(r.Subject, "="), " "); got != tt.want {
			t.Errorf("member.%s of %v = %q, want %q", tt.field, tt.v, got, tt.want)
		}
	}
	m := parse(t, "x.en.md", "---\nsubject: = {{ member.likes | join \"+\" }}\n---\nHello\n", known)
	for _, v := range []any{[]string{"a", "b"}, []any{"a", "b"}} {
		if got := render(t, m, with(known, "member.likes", v), shop).Subject; got != "= a+b" {
			t.Errorf("member.likes of %v = %q, want a+b", v, got)
		}
	}
}

func TestDatesAreWrittenAsTheLanguageDoes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ lang, long, short, weekday string }{
		{"en", "5 July 2027", "5 July", "Monday 5 July"},
		{"en-US", "July 5, 2027", "July 5", "Monday, July 5"},
		{"fi", "5. heinäkuuta 2027", "5. heinäkuuta", "maanantai 5. heinäkuuta"},
		{"el", "5 Ιουλίου 2027", "5 Ιουλίου", "Δευτέρα 5 Ιουλίου"},
		{"mk", "5 јули 2027", "5 јули", "понеделник, 5 јули"},
		{"nl", "5 juli 2027", "5 juli", "maandag 5 juli"},
		{"zh-Hant", "2027年7月5日", "7月5日", "7月5日 星期一"},
	} {
		for action, want := range map[string]string{
			"{{ coupon.ends }}": tt.long, `{{ date coupon.ends }}`: tt.long, `{{ coupon.ends | date "short" }}`: tt.short,
			`{{ date coupon.ends "weekday" }}`: tt.weekday,
		} {
			if got := shown(t, tt.lang, "EUR", action, with(all, "coupon.ends", "2027-07-05")); got != want {
				t.Errorf("%s in %s = %q, want %q", action, tt.lang, got, want)
			}
		}
	}
}

func TestADateIsReadFromWhateverHoldsIt(t *testing.T) {
	t.Parallel()
	evening := time.Date(2027, 7, 4, 22, 30, 0, 0, time.UTC)
	helsinki := time.FixedZone("Helsinki", 3*3600)
	for _, tt := range []struct {
		name string
		v    any
		zone *time.Location
		want string
	}{
		{"text", "2027-07-05", nil, "5 July 2027"},
		{"a day of the shop", loyalty.Date(2027, 7, 5), nil, "5 July 2027"},
		{"a moment, in the shop's zone", evening, helsinki, "5 July 2027"},
		{"a moment without a zone", loyalty.At(evening), nil, "4 July 2027"},
		{"RFC 3339", "2027-07-04T22:30:00Z", helsinki, "5 July 2027"},
		{"no moment", loyalty.Instant{}, nil, ""},
		{"nothing", nil, nil, ""},
		{"something else", 7, nil, ""},
	} {
		brand := shop
		brand.Zone = tt.zone
		m := parse(t, "x.en.md", "---\nsubject: = {{ coupon.ends }}\n---\nHello\n", all)
		r := render(t, m, with(all, "coupon.ends", tt.v), brand)
		if got := strings.TrimPrefix(strings.TrimPrefix(r.Subject, "="), " "); got != tt.want {
			t.Errorf("%s: %v is shown as %q, want %q", tt.name, tt.v, got, tt.want)
		}
	}
}

func TestACodeSaysWhatItGives(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		lang string
		code map[string]any
		want string
	}{
		{"en", map[string]any{"percent": 15}, "15% off"}, {"fi", map[string]any{"percent": 15}, "15_% alennus"},
		{"zh-Hant", map[string]any{"percent": 15}, "85 折"}, {"zh-Hant", map[string]any{"percent": 20}, "8 折"},
		{"en", map[string]any{"amount": int64(500)}, "€5 off"}, {"fi", map[string]any{"amount": int64(550)}, "5,50_€ alennus"},
		{"nl", map[string]any{"amount": int64(500)}, "€_5 korting"}, {"zh-Hant", map[string]any{"amount": int64(500)}, "折抵 €5"},
		{"el", map[string]any{"free_shipping": true}, "Δωρεάν αποστολή"}, {"mk", map[string]any{"points": 21}, "21 поен"},
		{"mk", map[string]any{"points": 11}, "11 поени"}, {"en", map[string]any{"points": int64(1)}, "1 point"}, {"en", map[string]any{"points": 12500}, "12,500 points"},
		{"en", map[string]any{"item": "A coffee"}, "A coffee"}, {"en", map[string]any{"perk": "A seat in front", "item": "SKU-1"}, "A seat in front"},
		{"en", map[string]any{}, ""},
	} {
		if got := shown(t, tt.lang, "EUR", "{{ coupon.gives }}", with(all, "coupon", tt.code)); strings.TrimPrefix(got, "=") != tt.want {
			t.Errorf("coupon.gives of %v in %s = %q, want %q", tt.code, tt.lang, got, tt.want)
		}
	}
}

func TestFunctionsDoWhatTheySay(t *testing.T) {
	t.Parallel()
	data := func() templates.Data {
		return with(all, "member.first_name", "ana", "member.orders", 21, "member.points", 0, "order.total", int64(4990), "member.tags", []string{"club", "dogs"},
			"event.price", 12.5, "event.when", "2027-07-05", "event.flag", true, "event.list", []any{1}, "member.plan", "")
	}
	for _, tt := range []struct{ lang, action, want string }{
		{"en", `{{ member.first_name | default "friend" }}`, "ana"},
		{"en", `{{ member.plan | default "basic" }}`, "basic"},
		{"en", `{{ default "none" member.points }}`, "0"},
		{"en", `{{ title (member.first_name | default "x") }}`, "Ana"}, {"en", `{{ upper member.first_name }}`, "ANA"},
		{"el", `{{ upper "Ελένη" }}`, "ΕΛΕΝΗ"}, {"en", `{{ lower "ABC" }}`, "abc"},
		{"en", `{{ ordinal member.orders }}`, "21st"}, {"fi", `{{ ordinal member.orders }}`, "21."}, {"nl", `{{ ordinal 2 }}`, "2e"},
		{"en", `{{ ordinal 2 }} {{ ordinal 3 }} {{ ordinal 4 }} {{ ordinal 11 }} {{ ordinal 112 }}`, "2nd 3rd 4th 11th 112th"},
		{"en", `{{ plural member.orders "order" "orders" }}`, "21 orders"}, {"mk", `{{ plural member.orders "нарачка" "нарачки" }}`, "21 нарачка"},
		{"en", `{{ plural order.lines "thing" "things" }}`, "1 thing"}, {"en", `{{ count order.lines }}`, "1"},
		{"en", `{{ member.tags | join ", " }}`, "club, dogs"},
		{"en", `{{ money event.price }}`, "€12.50"}, {"fi", `{{ event.price }}`, "12,5"}, {"fi", `{{ date event.when }}`, "5. heinäkuuta 2027"},
		{"en", `{{ number 12345.5 }}`, "12,345.5"}, {"en", `{{ number 2027 }}`, "2027"}, {"en", `{{ event.list }}-{{ event.nothing }}`, "-"},
		{"en", `{{ if gt order.total 49 }}yes{{ else }}no{{ end }}`, "yes"}, {"en", `{{ if gt order.total 50 }}yes{{ else }}no{{ end }}`, "no"},
		{"en", `{{ if eq order.total 49.9 }}yes{{ end }}`, "yes"}, {"en", `{{ if member.points }}yes{{ else }}no{{ end }}`, "no"},
		{"en", `{{ if lt coupon.ends "2027-07-01" }}soon{{ end }}`, "soon"}, {"en", `{{ if eq member.plan "" }}yes{{ else }}no{{ end }}`, "no"},
		{"en", `{{ if ne member.plan "x" }}yes{{ else }}no{{ end }}`, "no"}, {"en", `{{ if event.flag }}yes{{ end }}`, "yes"},
		{"en", `{{ if or (eq member.first_name "bob") (ge member.orders 21) }}yes{{ end }}`, "yes"},
		{"en", `{{ if and (not member.points) coupon }}yes{{ end }}`, "yes"},
		{"en", `{{ range member.tags }}<{{ . }}>{{ end }}`, "<club><dogs>"},
		{"en", `{{ range order.lines }}{{ .quantity }} {{ .name }} {{ .total }}{{ end }}`, "2 Coffee beans 1 kg €49.90"},
		{"en", "{{ `raw }} text` }}", "raw }} text"}, {"en", `{{ "a }} b" }}`, "a }} b"},
	} {
		if got := shown(t, tt.lang, "EUR", tt.action, data()); got != tt.want {
			t.Errorf("%s in %s = %q, want %q", tt.action, tt.lang, got, tt.want)
		}
	}
}
