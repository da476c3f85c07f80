package console_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"regulars/internal/help"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// TestEveryTroubleHasAButton reads from the code which kinds of trouble there are: each
// leads to a page of the console, a part of help that is there among them.
func TestEveryTroubleHasAButton(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.SQLite(t))
	kinds := troubles(t)
	for _, want := range []string{"held", "worker", "relay", "webhook dead", "disk", "parked"} {
		if !slices.Contains(kinds, want) {
			t.Fatalf("the kinds of trouble are %q, and %q is not among them", kinds, want)
		}
	}
	about := map[string]string{"setback": "campaign welcome", "put off": "campaign welcome", "unready": "segment regulars", "paused": fmt.Sprint(h.run), "skipped": "monday", "pool": "gift", "aside": "gift"}
	page, _ := help.ByName("troubleshooting")
	text, err := page.HTML()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds {
		for _, admin := range []bool{true, false} {
			link, button := h.Helps(store.Trouble{Kind: kind, What: "something", About: about[kind]}, admin)
			to, part, _ := strings.Cut(link, "#")
			switch {
			case button == "" || link == "":
				t.Errorf("%s has no button", kind)
			case to == "/console/help/troubleshooting" && !strings.Contains(text, `id="`+part+`"`):
				t.Errorf("%s leads to the part %q of help, which is not there", kind, part)
			case to != "" && h.ask("admin", to, nil).StatusCode != 200:
				t.Errorf("%s leads to %s: %d", kind, to, h.ask("admin", to, nil).StatusCode)
			}
		}
	}
}

// troubles are the kinds that stand in the code.
func troubles(t *testing.T) (kinds []string) {
	t.Helper()
	for _, place := range []struct {
		files string
		kind  *regexp.Regexp
	}{
		{"../report/trouble.go", regexp.MustCompile(`(?m)^\t\{"([a-z ]+)", (?:true|false), `)},
		{"../*/*.go", regexp.MustCompile(`Trouble\{\{?Kind: "([a-z ]+)"`)},
		{"../../cmd/regulars/*.go", regexp.MustCompile(`Trouble\{\{?Kind: "([a-z ]+)"`)},
		{"../../jobs/*.go", regexp.MustCompile(`Trouble\{\{?Kind: "([a-z ]+)"`)},
	} {
		files, err := filepath.Glob(place.files)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", place.files, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range place.kind.FindAllStringSubmatch(string(text), -1) {
				if !strings.HasSuffix(file, "_test.go") && !slices.Contains(kinds, found[1]) {
					kinds = append(kinds, found[1])
				}
			}
		}
	}
	return kinds
}
