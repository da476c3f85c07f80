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
