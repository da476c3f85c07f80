package public_test

import (
	"strconv"
	"strings"
	"testing"

	"regulars/internal/apply"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestTheButtonOfTheDoubleOptInLetsItsReaderJoin(t *testing.T) {
	t.Parallel()
	for lang, want := range map[string][2]string{
		"en": {"Do you want to join ", "You are now a member of "}, "fi": {"Haluatko liittyä", "Olet nyt jäsenemme"}, "el": {"Θέλετε να γίνετε", "Είστε πλέον"},
		"mk": {"Сакате ли", "Сега сте"}, "nl": {"Wil je lid", "Je bent nu lid"}, "zh-Hant": {"您要加入", "您現在是"},
	} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				h := newHouse(t, db)
				files := shopFiles(t)
				files["program.yaml"] += "\njoin: {confirm: true}\n"
				h.update(func(tx *store.Tx) error { _, err := apply.Apply(tx, files, "test", ""); return err })
				member := h.join("M-1", lang)
				joined := "select count(*) || ' ' || (select count(*) from member_topics where granted) from members where joined_at is not null"
				send, err := strconv.ParseInt(h.one("select s.id from sends s join campaigns c on c.id = s.campaign_id where c.name = 'confirm'"), 10, 64)
				if err != nil {
					t.Fatal("no mail asks:", err)
				}
				link := h.token("confirm", member, send)
				for range 2 {
					if a := h.ask("GET", link, ""); a.Status != 200 || !strings.Contains(a.Body, want[0]) || !strings.Contains(a.Body, "<button") {
						t.Errorf("the page: %d %s", a.Status, a.Body)
					}
				}
				if got := h.one(joined); got != "0 0" {
					t.Errorf("opening it: %s joined and topics, want 0 0", got)
				}
				if a := h.ask("POST", link, "", "Sec-Fetch-Site: cross-site"); a.Status != 403 {
					t.Errorf("another site's form: %d, want 403", a.Status)
				}
				for range 2 {
					if a := h.post(link, nil); a.Status != 200 || !strings.Contains(a.Body, want[1]) || strings.Contains(a.Body, "<button") {
						t.Errorf("the button: %d %s", a.Status, a.Body)
					}
				}
				if got := h.one(joined); got != "1 2" {
					t.Errorf("after the button: %s joined and topics, want 1 2", got)
				}
				h.exec("update members set email_key = email_key || email_key")
				if a := h.ask("GET", link, "", "Accept: text/html"); a.Status != 404 {
					t.Errorf("the link of an address that was given up: %d, want 404", a.Status)
				}
			})
		})
	}
}

// Fault 48: a shop's own words reach every page and the mail that asks, in a language
// that the catalogue lacks.
func TestAShopsOwnWordsReachEveryPage(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		files := shopFiles(t)
		files["program.yaml"] = strings.Replace(files["program.yaml"], "languages: [fi, en]", "languages: [fi, en, de]", 1) + "\njoin: {confirm: true}\n"
		files["words/de.yaml"] = `
mails: {join_subject: "Bitte bestätigen: %s", join_yes: Ja bitte}
pages: {join_ask: "Möchten Sie Mitglied werden: %s?", joined: "Willkommen bei %s", bad: Dieser Link geht nicht, lost: Diese Seite gibt es nicht, sorry: Etwas ging schief, save: Speichern, test: Dieser Link geht}
`
		h.update(func(tx *store.Tx) error { _, err := apply.Apply(tx, files, "test", ""); return err })
		member := h.join("M-1", "de-AT")
		send, err := strconv.ParseInt(h.one("select s.id from sends s join campaigns c on c.id = s.campaign_id where c.name = 'confirm'"), 10, 64)
		if err != nil {
			t.Fatal("no mail asks:", err)
		}
		asks, german := h.token("confirm", member, send), "Accept-Language: de-CH, fi;q=0.5"
		for _, tt := range []struct{ method, path, want string }{
			{"GET", asks, "Möchten Sie Mitglied werden"},
			{"POST", asks, "Willkommen bei"},
			{"GET", h.token("u", member, send), "Speichern"},
			{"GET", "/u/abc", "Dieser Link geht nicht"},
			{"GET", "/nowhere", "Diese Seite gibt es nicht"},
		} {
			if a := h.ask(tt.method, tt.path, "", "Accept: text/html", german, "Content-Type: application/x-www-form-urlencoded"); !strings.Contains(a.Body, tt.want) || !strings.Contains(a.Body, `<html lang="de"`) {
				_, body, _ := strings.Cut(a.Body, "</style>")
				t.Errorf("%s %s: %d %s, want %q", tt.method, tt.path, a.Status, body, tt.want)
			}
		}
		db.Close()
		if a := h.ask("GET", asks, "", "Accept: text/html", german); a.Status < 500 || !strings.Contains(a.Body, "Etwas ging schief") {
			t.Errorf("without the database: %d %s, want the shop's own words for it", a.Status, a.Body)
		}
	})
}
