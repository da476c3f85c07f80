package templates

import (
	"strings"

	"golang.org/x/text/language"
)

// SplitName takes "1-welcome.fi.md" apart: the mail's name, its language (BCP 47,
// "" when the name has none) and "md" or "html". ok is false for other files.
// A folder in front stays with the name: "issues/2027-06-21.fi.md".
func SplitName(file string) (mail, lang, ext string, ok bool) {
	mail, ext, ok = cutLast(file)
	if !ok || (ext != "md" && ext != "html") {
		return "", "", "", false
	}
	if m, l, has := cutLast(mail); has && !strings.Contains(l, "/") {
		if tag, err := language.Parse(l); err == nil && tag != language.Und {
			return m, l, ext, true
		}
	}
	return mail, "", ext, true
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '.')
	if i <= 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// Best returns the index of the language in have that suits a reader of want
// best, and -1 when none does. The region may differ (a Dutch mail for nl-BE), the
// language and its script may not: the usual matching tables would hand Finnish to
// Estonians and traditional characters to readers of simplified ones, and the
// shop's first language is the better guess.
func Best(have []string, want string) int {
	for i, h := range have {
		if h == want && h != "" { // nearly always; building a matcher takes 80 µs
			return i
		}
	}
	wanted, err := language.Parse(want)
	if err != nil || wanted == language.Und {
		return -1
	}
	var tags []language.Tag
	var index []int
	for i, h := range have {
		if tag, err := language.Parse(h); err == nil && base(tag) == base(wanted) && script(tag) == script(wanted) {
			tags, index = append(tags, tag), append(index, i)
		}
	}
	if len(tags) == 0 {
		return -1
	}
	_, i, confidence := language.NewMatcher(tags).Match(wanted)
	if confidence == language.No {
		return -1
	}
	return index[i]
}

// script is how a language is written: what the tag says, or what is usual for it
// in its region.
func script(t language.Tag) string {
	s, _ := t.Script()
	return s.String()
}

// base is the language alone; Norwegian and its two written forms are one.
func base(t language.Tag) string {
	if plain, err := language.Macro.Canonicalize(t); err == nil {
		t = plain
	}
	b, _ := t.Base()
	if b.String() == "nn" {
		return "no"
	}
	return b.String()
}

// Pick returns the mail of a set (language → mail) for a member who reads want:
// the best match, else the first of the program's languages that has a mail, else
// the one without a language. It returns nil when there is none at all.
func Pick(mails map[string]*Mail, languages []string, want string) *Mail {
	var have []string
	for _, l := range languages {
		if mails[l] != nil {
			have = append(have, l)
		}
	}
	if i := Best(have, want); i >= 0 {
		return mails[have[i]]
	}
	if len(have) > 0 {
		return mails[have[0]]
	}
	return mails[""]
}

// direction is how the language runs: ltr or rtl.
func direction(lang string) string {
	tag, err := language.Parse(lang)
	if err != nil {
		return "ltr"
	}
	switch script, _ := tag.Script(); script.String() {
	case "Arab", "Hebr", "Syrc", "Thaa", "Nkoo", "Adlm":
		return "rtl"
	}
	return "ltr"
}
