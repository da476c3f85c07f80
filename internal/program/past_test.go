package program_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"regulars/internal/program"
	"regulars/templates"
)

func TestWhatIsPastIsSaidBeforeItIsApplied(t *testing.T) {
	t.Parallel()
	files := right(t)
	files["pools.yaml"] += "summer: {kind: imported, amount: 5.00, valid_until: 2026-08-31}\n"
	files["campaigns/drop/campaign.yaml"] = "live: true\nstart: {at: 2026-06-21 09:00}\nsteps:\n  - mail: drop\n"
	files["campaigns/drop/drop.en.md"] = files["campaigns/win-back/hello.en.md"]
	for _, tt := range []struct {
		day  time.Time
		want []string
	}{
		{time.Date(2026, 6, 21, 5, 0, 0, 0, time.UTC), nil},
		{time.Date(2026, 6, 22, 12, 0, 0, 0, time.UTC), []string{"campaigns/drop/campaign.yaml: warning: the start on 2026-06-21 is past"}},
		{time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC), []string{"pools.yaml: warning: the codes of pool summer ended on 2026-08-31", "campaigns/drop/campaign.yaml: warning: the start on"}},
	} {
		_, _, problems := program.Check(files, tt.day)
		if len(problems) != len(tt.want) || program.Blocked(problems) {
			t.Errorf("Check on %s = %q, want %q", tt.day, lines(problems), tt.want)
			continue
		}
		for i, want := range tt.want {
			if !strings.HasPrefix(problems[i].String(), want) {
				t.Errorf("Check on %s says %q, want %q", tt.day, problems[i], want)
			}
		}
	}
}

func TestWhatIsNotUTF8IsSaidWithItsPlace(t *testing.T) {
	t.Parallel()
	files := right(t)
	files["program.yaml"] = strings.Replace(files["program.yaml"], "Butchery", "B\xe4ckerei", 1)
	files["campaigns/win-back/hello.en.md"] = strings.Replace(files["campaigns/win-back/hello.en.md"], "while", "w\xe4hile", 1)
	files["notes.txt"] = "\xe4"
	files["pools.yaml"] = "\xff\xfeb\x00a\x00"
	_, _, problems := program.Load(files)
	got := lines(problems)
	for _, want := range []string{
		"program.yaml:1:28: this is not UTF-8 text; save it as UTF-8\n", "pools.yaml:1:1: the file is UTF-16 text; save it as UTF-8\n",
		"campaigns/win-back/hello.en.md:4:16: this is not UTF-8 text; save it as UTF-8\n", "notes.txt:1:1: this is not UTF-8 text; save it as UTF-8\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("Load does not say %q:\n%s", want, got)
		}
	}
	if len(problems) != 4 || !program.Blocked(problems) {
		t.Errorf("Load says more than that:\n%s", got)
	}
}

// A program that nobody has put a name to should not mail anybody.
func TestGoingLiveInTheStartersNameIsWarnedOf(t *testing.T) {
	t.Parallel()
	said := func(live, name, address string) (list []string) {
		files := map[string]string{
			"program.yaml":                    "shop:\n  name: " + name + "\n  url: https://shop.example\n  address: " + address + "\nmail: {from: hello@shop.example}\nlanguages: [en]\ncurrency: EUR\nzone: UTC\n",
			"campaigns/welcome/campaign.yaml": "live: " + live + "\nstart: joins\nsteps:\n  - mail: hello\n",
			"campaigns/welcome/hello.en.md":   "---\nsubject: Hello\n---\nHello.\n",
		}
		_, _, problems := program.Check(files, time.Date(2027, 3, 3, 0, 0, 0, 0, time.UTC))
		for _, p := range problems {
			list = append(list, p.String())
		}
		return list
	}
	const name, address = "Your Shop", `"Street 1, 00100 City"`
	for _, tt := range []struct {
		live, name, address string
		want                []string
	}{
		{"false", name, address, nil},
		{"true", "Anna's Pets", `"Kauppakatu 1, 00100 Helsinki"`, nil},
		{"true", name, address, []string{
			"program.yaml:2:9: warning: the shop still has the starter's name, and a campaign is live; name: the name that members know",
			"program.yaml:4:13: warning: the shop still has the starter's address, and a campaign is live; address: the shop's postal address; every mail shows it, as the law asks"}},
	} {
		if got := said(tt.live, tt.name, tt.address); !slices.Equal(got, tt.want) {
			t.Errorf("live: %s, %s, %s: check says\n%q, want\n%q", tt.live, tt.name, tt.address, got, tt.want)
		}
	}
}

// The starter says what Check knows it to say.
func TestTheStarterHasNoName(t *testing.T) {
	t.Parallel()
	files, err := templates.Starter()
	if err != nil {
		t.Fatal(err)
	}
	files["campaigns/welcome/campaign.yaml"] = "live: true\n" + files["campaigns/welcome/campaign.yaml"]
	_, _, problems := program.Check(files, time.Date(2027, 3, 3, 0, 0, 0, 0, time.UTC))
	if len(problems) != 2 {
		t.Errorf("check says %v, want that the name and the address are the starter's", problems)
	}
}
