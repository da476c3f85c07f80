package public_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"regulars/internal/delivery"
	"regulars/internal/mailnews"
	"regulars/internal/public"
)

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
