package bench

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// What is told 503 comes again, so many times, after as long as it was told to wait; what is
// answered otherwise does not.
func TestADeliveryComesAgainWhenItIsToldTo(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		answer func(w http.ResponseWriter, nth int64)
		asked  int64  // how often the server was
		failed string // in the error; "": there is none
	}{
		{"busy three times, then stored", func(w http.ResponseWriter, nth int64) {
			if nth <= 3 {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprint(w, `[{"result":"stored"},{"result":"stored"}]`)
		}, 4, ""},
		{"busy for ever", func(w http.ResponseWriter, _ int64) {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
		}, 1 + comesAgain, "503"},
		{"closed, and no word of coming again", func(w http.ResponseWriter, _ int64) { w.WriteHeader(http.StatusServiceUnavailable) }, 1, "503"},
		{"refused", func(w http.ResponseWriter, _ int64) { w.WriteHeader(http.StatusUnauthorized) }, 1, "401"},
		{"stored in part", func(w http.ResponseWriter, _ int64) {
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprint(w, `[{"result":"stored"},{"result":"refused"}]`)
		}, 1, "1 of 2 orders"},
	}
	for _, tt := range tests {
		var asked atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { tt.answer(w, asked.Add(1)) }))
		p := &poster{to: server.URL, members: 5, name: "x", client: server.Client()}
		err := p.post(t.Context(), 1, 1, 2, func(int64) {})
		server.Close()
		if tt.failed == "" && err != nil || tt.failed != "" && (err == nil || !strings.Contains(err.Error(), tt.failed)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.failed)
		}
		if asked.Load() != tt.asked || p.again.Load() != tt.asked-1 {
			t.Errorf("%s: asked %d times, %d of them again, want %d", tt.name, asked.Load(), p.again.Load(), tt.asked)
		}
	}
}
