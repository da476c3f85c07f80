package smtp

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzWordsOfARelay(f *testing.F) {
	for _, s := range []string{
		"5.1.1 <ana@example.test>: gone", "5.7.1 one\n5.7.1 two", "", "5.1.1", "@", "a@", "\xff@\x00", strings.Repeat("é", 300),
	} {
		f.Add(s)
	}
	c := replies{secret: "secret123"}
	f.Fuzz(func(t *testing.T, words string) {
		enhanced, text := c.read(words)
		switch {
		case !utf8.ValidString(text), strings.ContainsAny(text, "\x00\r\n"), len(text) > longestText:
			t.Errorf("read(%q) keeps %q", words, text)
		case strings.Contains(text, "secret123"), mailAddress.MatchString(text):
			t.Errorf("read(%q) names somebody: %q", words, text)
		case enhanced != "" && !enhancedCode.MatchString(enhanced):
			t.Errorf("read(%q) has the enhanced code %q", words, enhanced)
		}
	})
}
