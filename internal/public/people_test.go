package public_test

import (
	"net/http"
	"strings"
	"testing"

	"regulars/internal/consent"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// Whatever a mail program asks for, somebody who follows a link reads a page.
func TestPeopleGetAPageInTheirLanguage(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		for _, path := range []string{"/u/abc", "/m/abc", "/confirm/abc", "/c/abc?to=https://evil.example", "/u/", "/m", "/join", "/join/abc", "/"} {
			for _, method := range []string{"GET", "POST"} {
				if path == "/" && method == "GET" {
					continue
				}
				for _, accept := range []string{"*/*", "text/html", "application/json", ""} {
					a := h.ask(method, path, "do=none", "Accept: "+accept, "Accept-Language: fi", "Content-Type: application/x-www-form-urlencoded")
					if a.Status < 400 || !strings.Contains(a.Body, `<html lang="fi"`) || strings.Contains(a.Body, `{"error"`) {
						t.Errorf("%s %s, Accept %q: %d %.80s, want a page in Finnish", method, path, accept, a.Status, a.Body)
					}
				}
			}
		}
		if a := h.ask("GET", "/u/abc", "", "Accept-Language: sw"); !strings.Contains(a.Body, `<html lang="fi"`) {
			t.Errorf("a language that we lack: %.80s, want the shop's first", a.Body)
		}
		for _, path := range []string{"/v1/members/find?card=1", "/hooks/standard"} {
			if a := h.ask("POST", path, "{}", "Accept: */*"); !strings.HasPrefix(a.Body, "{") {
				t.Errorf("%s is a program's: %.80s, want JSON", path, a.Body)
			}
		}
	})
}

// A proxy that does not pass the host on: the browser's origin is BASE_URL's.
func TestFormsComeFromTheOriginOfTheLinks(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		h.Links = consent.NewLinks("https://Mail.shop.example:443/base/", [][]byte{[]byte("key")})
		h.open()
		member := h.join("M-1", "en")
		path := "/u/" + h.Links.Token(consent.KindUnsubscribe, consent.Claims{Member: member})
		for _, tt := range []struct {
			headers string
			want    int
		}{
			{"Origin: https://mail.shop.example", http.StatusOK},
			{"Origin: http://mail.shop.example", http.StatusForbidden},
			{"Origin: https://shop.example", http.StatusForbidden},
			{"Origin: https://mail.shop.example.evil.example", http.StatusForbidden},
			{"Origin: https://evil.example", http.StatusForbidden},
			{"Origin: null", http.StatusForbidden},
			{"Sec-Fetch-Site: cross-site\nOrigin: https://evil.example", http.StatusForbidden},
		} {
			headers := append(strings.Split(tt.headers, "\n"), "Content-Type: application/x-www-form-urlencoded")
			if a := h.ask("POST", path, "do=none", headers...); a.Status != tt.want {
				t.Errorf("%q: %d, want %d", tt.headers, a.Status, tt.want)
			}
		}
	})
}
