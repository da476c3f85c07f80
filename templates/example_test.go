package templates_test

import (
	"fmt"

	"regulars/templates"
)

func ExampleParseMail() {
	src := "---\nsubject: Hello {{ member.frist_name }}\n---\nYour code: {{ coupon.code }}\n"
	_, problems := templates.ParseMail("1-hello.en.md", []byte(src), templates.Fields{Coupon: true})
	for _, p := range problems {
		fmt.Printf("%s:%d:%d: %s; %s\n", p.File, p.Line, p.Column, p.Text, p.Try)
	}
	// Output:
	// 1-hello.en.md:2:19: there is no member.frist_name; member has birthday, country, email, first_name, first_order, id, joined, language, last_name, last_order, name, orders, points, spent, tags; did you mean member.first_name?
}

func ExampleMail_Render() {
	src := `---
subject: Your {{ ordinal milestone.value }} order{{ if member.first_name }}, {{ member.first_name }}{{ end }}
---
# Thank you

That is worth something:

{{ coupon.code }}

[Spend it]({{ shop.url }})
`
	known := templates.Fields{Coupon: true, Milestone: templates.Number}
	m, _ := templates.ParseMail("thank-you.en.md", []byte(src), known)
	r, err := m.Render(templates.Data{
		"member":    map[string]any{"first_name": "Ana"},
		"milestone": map[string]any{"value": 5},
		"coupon":    map[string]any{"code": "THX-7K2M", "amount": int64(500), "ends": "2027-06-21"},
		"links":     map[string]any{"unsubscribe": "https://shop.example/u/1"},
	}, templates.Brand{Name: "Anna's Pets", Address: "Kauppakatu 1, 00100 Helsinki", URL: "https://shop.example", Currency: "EUR"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Subject)
	fmt.Println(r.Text)
	// Output:
	// Your 5th order, Ana
	// Thank you
	//
	// That is worth something:
	//
	// Your code: THX-7K2M
	// €5 off
	// Valid until 21 June 2027
	//
	// Spend it:
	// https://shop.example
	//
	// ------------------------------
	// You receive this mail as a customer of Anna's Pets.
	// Kauppakatu 1, 00100 Helsinki
	//
	// Unsubscribe:
	// https://shop.example/u/1
}

func ExampleBest() {
	have := []string{"fi", "en", "zh-Hant"}
	for _, member := range []string{"zh-TW", "en-GB", "et"} {
		fmt.Println(member, templates.Best(have, member))
	}
	// Output:
	// zh-TW 2
	// en-GB 1
	// et -1
}

func ExampleStarter() {
	files, err := templates.Starter("win-back")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, path := range sorted(files) {
		fmt.Println(path)
	}
	// Output:
	// campaigns/win-back/1-we-miss-you.en.md
	// campaigns/win-back/2-a-gift.en.md
	// campaigns/win-back/3-last-call.en.md
	// campaigns/win-back/campaign.yaml
	// pools.yaml
	// program.yaml
	// segments.yaml
}
