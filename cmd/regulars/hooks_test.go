package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"regulars/internal/webhook"
)

// The script is run as it is printed, against somebody who checks the signature.
func TestTheRecipeToSendByHandWorks(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"sh", "openssl", "curl", "od"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(tool + " is not here")
		}
	}
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAAECAwQFBgc="
	standard, _ := webhook.Named("standard")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		d := webhook.Delivery{Header: r.Header, Body: body, At: time.Now()}
		if err := standard.Verify(d, []string{secret}); err != nil {
			_, _ = io.WriteString(w, err.Error())
			return
		}
		events, refused, err := standard.Decode(d, webhook.Options{Source: "standard", Currency: "EUR"})
		if err != nil || len(refused) > 0 || len(events) != 1 || events[0].Order.Status != "test" {
			_, _ = io.WriteString(w, "not an event: "+string(body))
			return
		}
		_, _ = io.WriteString(w, "well signed")
	}))
	defer server.Close()
	for _, secrets := range []string{secret, secret + ",whsec_AAECAwQFBgcAAQIDBAUGBwABAgMEBQYHAAECAwQFBgc="} {
		c := exec.Command("sh", "-c", standard.ByHand(server.URL))
		c.Env = append(os.Environ(), "HOOK_SECRET_STANDARD="+secrets)
		said, err := c.CombinedOutput()
		if err != nil || !strings.Contains(string(said), "well signed") {
			t.Errorf("the script with %d secrets: %s, %v", strings.Count(secrets, ",")+1, said, err)
		}
	}
}
