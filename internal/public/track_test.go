package public_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

const browser = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

// readAt puts the hand-over of a mail some time before now.
func (h *house) readAfter(send int64, d time.Duration) {
	h.t.Helper()
	h.update(func(tx *store.Tx) error {
		_, err := tx.Exec("update sends set handed_at = @at where id = @id", store.Args{"at": loyalty.At(tx.At.Add(-d)), "id": send})
		return err
	})
}

// path is a link without its host.
func path(t testing.TB, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	return u.RequestURI()
}

func (h *house) touches() string {
	h.t.Helper()
	return strings.Join(h.rows("select kind || ' ' || case when person then 'person' else 'machine' end || ' ' || link from touches order by id"), ", ")
}

func TestAClickIsNotedAndLeadsOn(t *testing.T) {
	t.Parallel()
	const to = "https://shop.example/boots?size=42&color=red"
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		member := h.join("M-1", "en")
		for _, tt := range []struct {
			claim, method, agent string
			after                time.Duration
			want                 string
		}{
			{"a person's", "GET", browser, time.Minute, "click person " + to},
			{"too soon for a person", "GET", browser, time.Second, "click machine " + to},
			{"by HEAD", "HEAD", browser, time.Minute, "click machine " + to},
			{"a robot's", "GET", "User-Agent: Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", time.Minute, "click machine " + to},
			{"nobody's", "GET", "User-Agent: ", time.Minute, "click machine " + to},
		} {
			h.exec("delete from touches where at <= @now")
			send := h.mailed(member, "offers")
			h.readAfter(send, tt.after)
			a := h.ask(tt.method, path(t, h.Links.Click(member, send, to)), "", tt.agent)
			if a.Status != 302 || a.Header.Get("Location") != to {
				t.Errorf("%s: %d to %q, want 302 to %q", tt.claim, a.Status, a.Header.Get("Location"), to)
			}
			if got := h.touches(); got != tt.want {
				t.Errorf("%s: %q is noted, want %q", tt.claim, got, tt.want)
			}
		}
	})
}

func TestAClickLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		member := h.join("M-1", "en")
		send := h.mailed(member, "offers")
		link := path(t, h.Links.Click(member, send, "https://shop.example/"))
		token, _, _ := strings.Cut(link, "?")
		for _, other := range []string{token, token + "?to=", token + "?to=https://evil.example/", link + "x", strings.Replace(link, "/c/", "/c/A", 1)} {
			if a := h.ask("GET", other, "", browser); a.Status != 404 || a.Header.Get("Location") != "" {
				t.Errorf("GET %s: %d to %q, want 404", other, a.Status, a.Header.Get("Location"))
			}
		}
		// A mail of somebody else: the id repeats after a restore. It leads on, and nothing is noted.
		other := h.join("M-2", "en")
		h.readAfter(send, time.Minute)
		if a := h.ask("GET", path(t, h.Links.Click(other, send, "https://shop.example/")), "", browser); a.Status != 302 {
			t.Errorf("a click of another member: %d, want 302", a.Status)
		}
		if got := h.touches(); got != "" {
			t.Errorf("%q is noted, want nothing", got)
		}
	})
}

func TestManyLinksAtOnceAreAScanner(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		member := h.join("M-1", "en")
		send := h.mailed(member, "offers")
		h.readAfter(send, time.Minute)
		for i := range 4 {
			h.ask("GET", path(t, h.Links.Click(member, send, fmt.Sprint("https://shop.example/", i))), "", browser)
		}
		if got := h.one("select cast(count(*) as text) from touches where person"); got != "0" {
			t.Errorf("%s of four links in a second count as a person's, want none: %s", got, h.touches())
		}
	})
}

func TestAnOpeningIsNoted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		member := h.join("M-1", "en")
		send := h.mailed(member, "offers")
		h.readAfter(send, time.Hour)
		for _, agent := range []string{browser, "User-Agent: Mozilla/5.0"} { // the second is Apple's proxy
			a := h.ask("GET", path(t, h.Links.Open(member, send)), "", agent)
			if a.Status != 200 || a.Header.Get("Content-Type") != "image/gif" || !strings.HasPrefix(a.Body, "GIF89a") {
				t.Errorf("%d %s %q, want a picture", a.Status, a.Header.Get("Content-Type"), a.Body)
			}
		}
		if got, want := h.touches(), "open person , open machine "; got != want {
			t.Errorf("noted %q, want %q", got, want)
		}
	})
}

// Something else holds the member's row for long: an import, another replica.
func TestAClickDoesNotWaitForItsMember(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if db.Engine() != store.Postgres {
			t.Skip("SQLite locks no rows")
		}
		h := newHouse(t, db)
		member := h.join("M-1", "en")
		send := h.mailed(member, "offers")
		h.readAfter(send, time.Minute)
		h.update(func(tx *store.Tx) error {
			var id int64
			if err := tx.One(&id, "select id from members where id = @id for update", store.Args{"id": member}); err != nil {
				return err
			}
			if a := h.ask("GET", path(t, h.Links.Click(member, send, "https://shop.example/")), "", browser); a.Status != 302 {
				t.Errorf("%d, want 302", a.Status)
			}
			return nil // had it waited for its member, it would be lost: the row is held for longer
		})
		if got := h.touches(); got != "click person https://shop.example/" {
			t.Errorf("%q is noted, want the click", got)
		}
	})
}
