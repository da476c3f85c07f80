package program_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"regulars/internal/program"
)

// neverShop is a program in which all is well.
func neverShop() map[string]string {
	return map[string]string{
		"program.yaml": `
shop: {name: Anna's Pets, url: https://shop.example, address: "Kauppakatu 1, Helsinki"}
mail: {from: "Anna <anna@shop.example>"}
languages: [en]
currency: EUR
zone: Europe/Helsinki
`,
		"segments.yaml":                          "buyers: orders >= 1\n",
		"pools.yaml":                             "summer: {kind: shared, code: SUN, amount: 5, valid_until: 2027-08-31}\n",
		"campaigns/news/campaign.yaml":           "live: true\nstart: {every: monday 08:00}\nsteps:\n  - mail: issues/*\n",
		"campaigns/news/issues/2027-06-21.en.md": "---\nsubject: News\n---\nNews.\n",
		"campaigns/drop/campaign.yaml":           "live: true\nstart: {at: 2027-08-01 10:00}\nfor: buyers\nsteps:\n  - mail: m\n    coupon: summer\n",
		"campaigns/drop/m.en.md":                 "---\nsubject: Sun\n---\n{{ coupon.code }}\n",
		"campaigns/enters/campaign.yaml":         "live: true\nstart: {enters: buyers}\nsteps:\n  - mail: m\n",
		"campaigns/enters/m.en.md":               "---\nsubject: Hello\n---\nHello.\n",
	}
}

// TestWhatCanNeverHappenIsFlagged changes one thing at a time.
func TestWhatCanNeverHappenIsFlagged(t *testing.T) {
	t.Parallel()
	now := time.Date(2027, 6, 15, 9, 0, 0, 0, time.UTC)
	never := func(files map[string]string) (said []string) {
		_, _, problems := program.Check(files, now)
		if program.Blocked(problems) {
			t.Fatal(problems)
		}
		for _, p := range problems {
			if p.Never {
				said = append(said, p.String())
			}
		}
		return said
	}
	if said := never(neverShop()); len(said) != 0 {
		t.Fatalf("of a program in which all is well: %s", said)
	}
	replace := func(file, old, now string) func(map[string]string) {
		return func(f map[string]string) {
			if !strings.Contains(f[file], old) {
				t.Fatalf("%s has no %q", file, old)
			}
			f[file] = strings.Replace(f[file], old, now, 1)
		}
	}
	for _, tt := range []struct {
		what   string
		change func(map[string]string)
		want   string
	}{
		{"a rule about clicks", replace("campaigns/drop/campaign.yaml", "for: buyers", `for: not clicked("news")`), "campaigns/drop/campaign.yaml:3:6: warning: the rule reads clicked, and tracking is off"},
		{"a segment about openings", replace("segments.yaml", "orders >= 1", "mails_opened >= 1"), "segments.yaml:1:9: warning: the rule reads mails_opened, and tracking is off"},
		{"an end about clicks", replace("campaigns/enters/campaign.yaml", "steps", "until: [order, days_since_click < 3]\nsteps"), "the rule reads days_since_click"},
		{"an issue off the timetable", func(f map[string]string) {
			f["campaigns/news/issues/2027-06-23.en.md"] = "---\nsubject: News\n---\nNews.\n"
		}, "issues/2027-06-23.en.md: warning: 2027-06-23 is no date of the timetable (monday 08:00), so this issue is never sent; the dates around it are 2027-06-21 and 2027-06-28"},
		{"a next date without an issue", func(f map[string]string) {
			f["campaigns/news/issues/2027-06-28.en.md"] = f["campaigns/news/issues/2027-06-21.en.md"]
			delete(f, "campaigns/news/issues/2027-06-21.en.md")
		}, "the next date, 2027-06-21, has no issue: nothing goes out on it; write campaigns/news/issues/2027-06-21.en.md"},
		{"for and except", replace("campaigns/drop/campaign.yaml", "for: buyers", "for: orders >= 5\nexcept: orders >= 3"), "campaigns/drop/campaign.yaml:4:9: warning: everybody whom for keeps is excepted here"},
		{"a rule and its opposite", replace("campaigns/drop/campaign.yaml", "for: buyers", "for: orders >= 5 and orders < 3"), "campaigns/drop/campaign.yaml:3:6: warning: no member can be like this"},
		{"a segment and for", replace("campaigns/enters/campaign.yaml", "steps", "for: orders == 0\nsteps"), "nobody who is in buyers can get this campaign"},
		{"a segment and except", replace("campaigns/enters/campaign.yaml", "steps", "except: orders > 0\nsteps"), "nobody who is in buyers can get this campaign"},
		{"a start of today, earlier", replace("campaigns/drop/campaign.yaml", "2027-08-01 10:00", "2027-06-15 08:00"), "the start on 2027-06-15 is past"},
	} {
		files := neverShop()
		tt.change(files)
		said := never(files)
		if !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, tt.want) }) {
			t.Errorf("of %s it says %q, want %q", tt.what, said, tt.want)
		}
	}
	tracked := neverShop()
	tracked["program.yaml"] += "tracking: {clicks: true}\n"
	replace("campaigns/drop/campaign.yaml", "for: buyers", `for: not clicked("news") and not opened("news")`)(tracked)
	if said := never(tracked); len(said) != 0 {
		t.Errorf("with tracking on it says %q", said)
	}
}

func TestErrorsComeFirstAndManyAlikeAreFolded(t *testing.T) {
	t.Parallel()
	files := neverShop()
	files["program.yaml"] = strings.Replace(files["program.yaml"], "languages: [en]", "languages: [en, fi]", 1)
	for i := range 20 {
		name := fmt.Sprintf("c%02d", i)
		files["campaigns/"+name+"/campaign.yaml"] = "start: joins\nsteps:\n  - mail: m\n"
		files["campaigns/"+name+"/m.en.md"] = "---\nsubject: Hello\n---\nHello.\n"
	}
	files["campaigns/zz/campaign.yaml"] = "start: joins\nsteps:\n  - mail: m\nnonsense: 1\n"
	files["campaigns/zz/m.en.md"] = files["campaigns/c01/m.en.md"]
	_, _, problems := program.Check(files, time.Date(2027, 6, 15, 9, 0, 0, 0, time.UTC))
	if len(problems) < 20 || problems[0].Level != program.Error {
		t.Fatalf("%d problems, the first is %s; want the error first", len(problems), problems[0])
	}
	folded := program.Fold(problems, program.ShowsEach)
	missing := 0
	for _, p := range folded {
		if strings.Contains(p.Message, "is missing") {
			missing++
		}
	}
	if missing != 3 || !slices.ContainsFunc(folded, func(p program.Problem) bool { return strings.Contains(p.Message, "more warnings like this one") }) {
		t.Errorf("folded: %v, want three of the missing files and how many more", folded)
	}
}
