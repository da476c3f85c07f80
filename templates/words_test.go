package templates

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A language is one file; it has every text, with every form that the language knows.
func TestEveryLanguageHasEveryWord(t *testing.T) {
	t.Parallel()
	if got, want := slices.Sorted(maps.Keys(catalogue())), []string{"el", "en", "en-US", "fi", "mk", "nl", "zh-Hant"}; !slices.Equal(got, want) {
		t.Errorf("the catalogue has %v, want %v", got, want)
	}
	for lang, phrases := range catalogue() {
		needs := WordKeys(lang)
		if got, want := slices.Sorted(maps.Keys(phrases)), slices.Sorted(maps.Keys(needs)); !slices.Equal(got, want) {
			t.Errorf("words/%s.yaml has the words\n%q, want\n%q", lang, got, want)
		}
		for key, text := range phrases {
			if strings.TrimSpace(text) == "" && key != "writing.thousands" {
				t.Errorf("words/%s.yaml: %s is empty", lang, key)
			}
			if got, want := strings.Count(text, "%s"), strings.Count(needs[key], "%s"); got != want && !strings.Contains(text, "%l") {
				t.Errorf("words/%s.yaml: %s has %%s %d times, want %d times: %q", lang, key, got, want, text)
			}
		}
		if months, days := strings.Fields(phrases["writing.months"]), strings.Fields(phrases["writing.weekdays"]); len(months) != 12 || len(days) != 7 {
			t.Errorf("words/%s.yaml has %d months and %d weekdays", lang, len(months), len(days))
		}
	}
}

var keyUsed = regexp.MustCompile("\"((?:mails|pages|statement|writing)\\.[a-z_]+)\"")

// Keys are plain strings: each that is asked for is there, and each that is there is
// asked for.
func TestTheKeysOfWordsAreThoseThatAreAskedFor(t *testing.T) {
	t.Parallel()
	used := map[string]bool{"writing.date": true, "writing.date_short": true, "writing.date_with_weekday": true, // by (Words).day
		"pages.offers": true, "pages.newsletter": true, "pages.program": true} // by topic
	for _, pattern := range []string{"*.go", "../internal/public/*.go", "../internal/public/pages/*.html"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range keyUsed.FindAllSubmatch(text, -1) {
				if !strings.HasSuffix(file, "_test.go") {
					used[string(m[1])] = true
				}
			}
		}
	}
	there := map[string]bool{}
	for key := range WordKeys("en") {
		there[strings.Join(strings.SplitN(key, ".", 3)[:2], ".")] = true
	}
	if got, want := slices.Sorted(maps.Keys(used)), slices.Sorted(maps.Keys(there)); !slices.Equal(got, want) {
		t.Errorf("asked for are\n%q, and there are\n%q", got, want)
	}
}

func TestAShopsOwnWordsComeFirst(t *testing.T) {
	t.Parallel()
	own := map[string]Phrases{"de": {"pages.save": "Speichern", "mails.points.one": "%s Punkt", "mails.points.other": "%s Punkte"}, "fi": {"pages.save": "Talteen"}, "pl": {"mails.points.few": "%s punkty", "mails.points.other": "%s punktu"}}
	for _, tt := range []struct {
		wanted            []string
		lang, save, point string
	}{
		{[]string{"de-AT", "fi"}, "de", "Speichern", "3 Punkte"},
		{[]string{"", "de"}, "de", "Speichern", "3 Punkte"},
		{[]string{"fi", "de"}, "fi", "Talteen", "3 pistettä"}, // over ours, which has the rest
		{[]string{"zh-CN", "de"}, "de", "Speichern", "3 Punkte"},
		{[]string{"zh-TW", "de"}, "zh-Hant", "儲存", "3 點"},
		{[]string{"zh", "nl"}, "nl", "Opslaan", "3 punten"},
		{[]string{"pl"}, "pl", "Save", "3 punkty"},
		{[]string{"sv"}, "en", "Save", "3 points"},
		{[]string{"en-GB"}, "en", "Save", "3 points"},
		{nil, "en", "Save", "3 points"},
	} {
		w := WordsIn(own, tt.wanted...)
		if w.Lang != tt.lang || w.Say("pages.save") != tt.save || w.Points(3) != tt.point {
			t.Errorf("WordsIn(%v) = %s, %q, %q, want %s, %q, %q", tt.wanted, w.Lang, w.Say("pages.save"), w.Points(3), tt.lang, tt.save, tt.point)
		}
	}
}

// TestFormsOfALanguageAreFoundOnce: programs, pages and mails ask for them all the time,
// and some thousand numbers are tried to find them.
func TestFormsOfALanguageAreFoundOnce(t *testing.T) { // alone: what others allocate would count
	if n := testing.AllocsPerRun(5, func() { WordKeys("fi") }); n > 2000 {
		t.Errorf("the texts that a language needs are listed with %.0f allocations", n)
	}
}

func TestNumbersBendWords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		lang  string
		forms []string
		key   string
	}{
		{"en", []string{"one", "other"}, "mails.points"}, {"en", []string{"few", "one", "other", "two"}, "writing.ordinal"},
		{"pl", []string{"few", "many", "one", "other"}, "mails.points"}, {"ar", []string{"few", "many", "one", "other", "two", "zero"}, "mails.points"},
		{"zh-Hant", []string{"other"}, "mails.points"}, {"de", nil, "pages.save"},
	} {
		if got := Forms(tt.key, tt.lang); !slices.Equal(got, tt.forms) {
			t.Errorf("Forms(%s, %s) = %v, want %v", tt.key, tt.lang, got, tt.forms)
		}
	}
	for _, tt := range []struct {
		lang string
		n    int64
		want string
	}{{"mk", 1, "1 поен"}, {"mk", 11, "11 поени"}, {"mk", 21, "21 поен"}, {"mk", 111, "111 поени"}, {"mk", 0, "0 поени"}, {"en", 1, "1 point"}, {"nl", 12500, "12.500 punten"}, {"fi", 1, "1 piste"}} {
		if got := WordsIn(nil, tt.lang).Points(tt.n); got != tt.want {
			t.Errorf("%d points in %s = %q, want %q", tt.n, tt.lang, got, tt.want)
		}
	}
}
