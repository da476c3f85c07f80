package public

import (
	"maps"
	"slices"
	"testing"

	"regulars/internal/program"
)

func TestPagesTakeTheWordsThatAShopBrings(t *testing.T) {
	t.Parallel()
	w := english()
	own := w.own()
	keys := program.PageWords()
	if a, b := slices.Sorted(maps.Keys(own)), slices.Sorted(maps.Keys(keys)); !slices.Equal(a, b) {
		t.Fatalf("pages have the words %v, and programs may bring %v", a, b)
	}
	for key, at := range own {
		if *at != keys[key] {
			t.Errorf("%s is %q in English, and programs are told %q", key, *at, keys[key])
		}
	}
	brought := map[string]program.Words{"de": {Pages: map[string]string{"save": "Speichern"}}}
	for _, tt := range []struct {
		wanted     []string
		lang, save string
	}{
		{[]string{"de-AT", "fi"}, "de", "Speichern"}, {[]string{"", "de"}, "de", "Speichern"}, {[]string{"fi", "de"}, "fi", "Tallenna"},
		{[]string{"zh-CN", "de"}, "de", "Speichern"}, {[]string{"zh-TW", "de"}, "zh-Hant", "儲存"}, {[]string{"zh", "fi"}, "fi", "Tallenna"}, {[]string{"sv"}, "en", "Save"},
	} {
		if got := wordsWith(brought, tt.wanted...); got.Lang != tt.lang || got.Save != tt.save {
			t.Errorf("wordsWith(%v) = %s, %q, want %s, %q", tt.wanted, got.Lang, got.Save, tt.lang, tt.save)
		}
	}
}
