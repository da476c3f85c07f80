package public_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"regulars/internal/delivery"
	"regulars/internal/mailnews"
	"regulars/internal/public"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestATokenOfMailgunIsGoodForOneEvent(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		h.Secrets = map[string][]string{"mail/mailgun": {"mailgun-key"}}
		h.Clock = func() time.Time { return time.Unix(1770000000, 0) }
		h.Learn = delivery.New(delivery.Config{DB: db, Secret: []byte("a key of this test's own")}).Learn
		h.open()
		for _, tt := range []struct {
			name, token, event string
			want               int
		}{
			{"an event", "one", "e-1", 202},
			{"the same again", "one", "e-1", 202},
			{"another event with its token", "one", "e-2", 401},
			{"that event with a token of its own", "two", "e-2", 202},
		} {
			mac := hmac.New(sha256.New, []byte("mailgun-key"))
			mac.Write([]byte("1770000000" + tt.token))
			body := fmt.Sprintf(`{"signature": {"timestamp": "1770000000", "token": %q, "signature": %q}, "event-data": {"id": %q, "event": "complained", "recipient": "m-%[3]s@shop.example"}}`,
				tt.token, hex.EncodeToString(mac.Sum(nil)), tt.event)
			w := httptest.NewRecorder()
			h.handle.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/hooks/mail/mailgun", strings.NewReader(body)))
			if w.Code != tt.want {
				t.Errorf("%s is answered %d %s, want %d", tt.name, w.Code, w.Body, tt.want)
			}
		}
		if got := h.one("select count(*) from mail_news where source = 'mailgun'"); got != "2" {
			t.Errorf("%s events were taken in, want 2", got)
		}
	})
}

func TestAMailProviderIsHeardOnlyWithItsSecret(t *testing.T) {
	t.Parallel()
	learned := 0
	site := &public.Site{Log: slog.New(slog.DiscardHandler), Secrets: map[string][]string{"mail/postmark": {"old:password-1", "new:password-2"}},
		Learn: func(_ context.Context, news []mailnews.News) ([]delivery.Heard, error) {
			learned += len(news)
			h := delivery.Heard{ID: news[0].ID}
			if news[0].What == mailnews.Complained {
				h.Err = delivery.ErrEarly
			}
			return []delivery.Heard{h}, nil
		}}
	handler := site.Handler()
	for _, tt := range []struct {
		name, path, user, password, body string
		want, learned                    int
	}{
		{"with the secret", "postmark", "new", "password-2", `{"RecordType": "Delivery"}`, 202, 1},
		{"with the older one", "postmark", "old", "password-1", `{"RecordType": "Delivery"}`, 202, 1},
		{"with another", "postmark", "old", "password-2", `{"RecordType": "Delivery"}`, 401, 0},
		{"with none", "postmark", "", "", `{"RecordType": "Delivery"}`, 401, 0},
		{"of what is no event", "postmark", "new", "password-2", `[`, 400, 0},
		{"too early", "postmark", "new", "password-2", `{"RecordType": "SpamComplaint"}`, 503, 1},
		{"of a provider without a secret", "ses", "", "", `{}`, 503, 0},
		{"too large", "postmark", "new", "password-2", strings.Repeat(" ", mailnews.MaxBody+1), 413, 0},
	} {
		learned = 0
		r := httptest.NewRequest(http.MethodPost, "/hooks/mail/"+tt.path, strings.NewReader(tt.body))
		if tt.user != "" {
			r.SetBasicAuth(tt.user, tt.password)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != tt.want || learned != tt.learned {
			t.Errorf("a delivery %s is answered %d and %d pieces of news were learned, want %d and %d: %s", tt.name, w.Code, learned, tt.want, tt.learned, w.Body)
		}
	}
}
