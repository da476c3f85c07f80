package public_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regulars/internal/embedded"
	"regulars/internal/look/looktest"
	"regulars/internal/store/storetest"
)

// TestPagesFitPhones opens the pages in headless Chromium at 320, 360 and 1000 px, by
// day and by night: nothing may stand out to the right of the screen, and what is
// written keeps its contrast.
func TestPagesFitPhones(t *testing.T) {
	t.Parallel()
	looktest.Chromium(t)
	for _, got := range looktest.Measure(t, somePages(t), "svg", 320, 360, 1000) {
		if got.Scroll > got.Width || got.Out > 0 {
			t.Errorf("%s at %d px is %d px wide, with %d parts outside", got.Page, got.Width, got.Scroll, got.Out)
		}
		if got.Faint > 0 || got.Font < 12 {
			t.Errorf("%s at %d px, %s: %d texts have a contrast below 4.5, the smallest letters %d px", got.Page, got.Width, got.Scheme, got.Faint, got.Font)
		}
		if !got.Styled || got.Dark != (got.Scheme == "dark") {
			t.Errorf("%s at %d px, %s: the style sheet is not in force", got.Page, got.Width, got.Scheme)
		}
	}
}

// somePages are pages of a shop with long names, as text. PAGES_DIR keeps them,
// to be looked at.
func somePages(t *testing.T) map[string]string {
	t.Helper()
	h := newHouse(t, storetest.SQLite(t))
	sink, err := embedded.NewSink(embedded.SinkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sink.Close() })
	h.Inbox = embedded.NewInbox(sink, embedded.InboxOptions{Base: "/inbox"})
	h.open()
	h.play()
	h.busy()
	ana := h.join("M-10", "el")
	send := h.mailed(ana, "newsletter")
	h.give("gift", "GIFT-7K2M-9QXT", ana, "20890")
	h.give("coffee", "AVERYLONGCODEWITHOUTANYENDANDWITHOUTHYPHENS", ana, "null")
	h.deliver("p", `{"type": "points.changed", "id": "p", "at": "2027-03-03T09:00:00Z", "member": {"id": "M-10"}, "balance": 12345}`)
	get := func(path string) string { return h.ask("GET", path, "", "Accept: text/html").Body }
	pages := map[string]string{
		"preferences": get(h.token("u", ana, send)), "saved": h.post(h.token("u", ana, send), map[string][]string{"do": {"save"}, "topic": {"offers"}}).Body,
		"member": get(h.token("m", ana, send)), "confirm": get(h.token("confirm", ana, send)), "confirmed": h.post(h.token("confirm", ana, send), nil).Body,
		"bad link": get("/u/x"), "front": get("/"), "status": get("/status"),
	}
	beans, bea := beanHouse(t, storetest.SQLite(t))
	beans.give("gift", "GIFT-7K2M-9QXT", bea, "20890")
	beans.deliver("d", placed("e-1", "O-1", "M-1", "780.00"))
	beans.deliver("b", `{"type": "order.placed", "id": "e-2", "at": "2027-03-03T09:30:00Z", "member": {"id": "M-1"}, "order": {"id": "O-2", "lines": [{"product": "bun", "category": "Buns", "quantity": 2, "total": "0.90"}]}}`)
	pages["rewards"] = beans.ask("GET", beans.token("m", bea, 0), "", "Accept: text/html").Body
	pages["taken"] = beans.post(beans.token("m", bea, 0), map[string][]string{"reward": {"cup"}, "key": {"k"}}).Body
	friends, _, _, link := friendly(t, storetest.SQLite(t), "1 per 30d")
	friends.exec("update members set language = 'el'")
	pages["friends"] = friends.ask("GET", friends.token("m", 1, 0), "", "Accept: text/html").Body
	pages["join"] = friends.ask("GET", link, "", "Accept: text/html").Body
	pages["join, no address"] = friends.post("/join", map[string][]string{"ref": {link[len("/join?ref="):]}, "email": {"nobody"}}).Body
	pages["join, wrong code"] = friends.ask("GET", "/join?ref=x", "", "Accept: text/html").Body
	pages["asked to join"] = friends.post("/join", map[string][]string{"ref": {link[len("/join?ref="):]}, "email": {"a.friend@example.test"}}).Body
	pages["joined with a gift"] = friends.post(friends.asked(), nil).Body
	if dir := os.Getenv("PAGES_DIR"); dir != "" {
		for name, page := range pages {
			if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".html"), []byte(page), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return pages
}

// busy fills two months with mails, and codes that are used.
func (h *house) busy() {
	h.t.Helper()
	h.exec("insert into campaigns (id, name, live) values (97, 'a-very-long-name-of-a-campaign-without-end-for-everybody', true), (98, 'newsletter', true)")
	member := h.join("M-9", "en")
	for day := range 60 {
		for range (day*day)%7 + day/9 {
			h.mailed(member, "offers")
		}
		h.exec(fmt.Sprintf("update sends set handed_at = handed_at - %d, done_at = done_at - %[1]d, sent_day = sent_day - %[2]d, campaign_id = 97 + id %% 3 where day = 1", int64(60-day)*86400*1_000_000, 60-day))
		h.exec("update sends set day = 2 where day = 1")
	}
	h.exec("insert into replicas (id, version, roles, started_at, seen_at) values ('shop-worker-7d9f8b6c5d-x2x7q-a1b2c3d4', '1', 'web,worker', cast(unixepoch('subsec') * 1000000 as integer), cast(unixepoch('subsec') * 1000000 as integer))")
	h.exec("insert into timetable (campaign_id, zone, spec, next_at, next_key) values (98, 'Europe/Helsinki', '', @now + 100000000000, 'x')")
	h.exec("update sends set code_id = (select max(id) from codes) where id % 4 = 0")
}
