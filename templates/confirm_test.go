package templates_test

import (
	"strings"
	"testing"

	"regulars/templates"
)

func TestTheDoubleOptInAsksInEveryLanguage(t *testing.T) {
	t.Parallel()
	const link = "https://mail.shop.example/confirm/abc"
	data := templates.Data{
		"member": map[string]any{"first_name": "Win at https://evil.example"},
		"links":  map[string]any{"confirm": link, "unsubscribe": "https://mail.shop.example/u/abc", "preferences": "https://mail.shop.example/u/abc"},
	}
	seen := map[string]bool{}
	for _, language := range []string{"en", "fi", "el", "mk", "nl", "zh-Hant", "sv", "de"} {
		mail, problems := templates.Confirm(language, map[string]templates.Phrases{"de": {"mails.join_subject": "Bitte bestätigen: %s", "mails.footer": "Kunde von %s"}})
		if len(problems) > 0 {
			t.Errorf("Confirm(%s): %v", language, problems)
			continue
		}
		r, err := mail.Render(data, templates.Brand{Name: "Anna's Pets", Address: "Street 1", URL: "https://shop.example", Language: language, Currency: "EUR"})
		if err != nil {
			t.Errorf("%s: %v", language, err)
			continue
		}
		if seen[r.Subject] != (language == "sv") || !strings.Contains(r.Subject, "Anna's Pets") {
			t.Errorf("%s: subject %q", language, r.Subject)
		}
		seen[r.Subject] = true
		if strings.Count(r.HTML, link) != 1 || !strings.Contains(r.Text, link) || strings.Contains(r.HTML+r.Text, "evil") || strings.Contains(r.HTML+r.Text, "/u/") {
			t.Errorf("%s: wants the link, nothing that the asker typed and nothing to unsubscribe from:\n%s", language, r.Text)
		}
	}
}
