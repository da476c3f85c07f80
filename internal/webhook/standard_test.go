package webhook_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"regulars/internal/webhook"
)

const (
	secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	newer  = "whsec_c3Rkd2gtZGV2LXNlY3JldC0wMTIzNDU2Nzg5YWI="
)

var signedAt = time.Unix(1614265330, 0)

// The vector of the specification.
func delivery() (http.Header, []byte) {
	h := http.Header{}
	h.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
	h.Set("webhook-timestamp", "1614265330")
	h.Set("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	return h, []byte(`{"test": 2432232314}`)
}

func TestVerify(t *testing.T) {
	t.Parallel()
	const good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	change := func(name, value string) func(http.Header) { return func(h http.Header) { h.Set(name, value) } }
	same := func(http.Header) {}
	tests := []struct {
		name    string
		secrets string
		change  func(http.Header)
		body    string
		later   time.Duration
		want    error
	}{
		{"as it was signed", secret, same, "", 0, nil},
		{"by the older of two secrets", newer + ", " + secret, same, "", 0, nil},
		{"with several signatures, the last of them ours", secret, change("webhook-signature", "v1,AAAA v2,x v1a,y "+good), "", 0, nil},
		{"five minutes late", secret, same, "", 5 * time.Minute, nil},
		{"later than that", secret, same, "", 5*time.Minute + time.Second, webhook.ErrStale},
		{"from the future", secret, same, "", -6 * time.Minute, webhook.ErrStale},
		{"with another secret", newer, same, "", 0, webhook.ErrForged},
		{"with another body", secret, same, `{"test":2432232314}`, 0, webhook.ErrForged},
		{"under another id", secret, change("webhook-id", "msg_2"), "", 0, webhook.ErrForged},
		{"at another time", secret, change("webhook-timestamp", "1614265331"), "", 0, webhook.ErrForged},
		{"in another version", secret, change("webhook-signature", "v1a"+good[2:]), "", 0, webhook.ErrForged},
		{"with an empty signature", secret, change("webhook-signature", "v1,"), "", 0, webhook.ErrForged},
		{"without a signature", secret, change("webhook-signature", ""), "", 0, webhook.ErrUnsigned},
		{"without an id", secret, change("webhook-id", ""), "", 0, webhook.ErrUnsigned},
		{"without a time", secret, change("webhook-timestamp", ""), "", 0, webhook.ErrUnsigned},
		{"at a time that is no number", secret, change("webhook-timestamp", "now"), "", 0, webhook.ErrUnsigned},
		{"at the end of time", secret, change("webhook-timestamp", "9223372036854775807"), "", 0, webhook.ErrStale},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, body := delivery()
			tt.change(h)
			d := webhook.Delivery{Header: h, Body: []byte(cmp.Or(tt.body, string(body))), At: signedAt.Add(tt.later)}
			if err := standard(t).Verify(d, strings.Split(tt.secrets, ", ")); !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
		})
	}
}

// standard is the row of the table.
func standard(t *testing.T) webhook.Source {
	t.Helper()
	s, ok := webhook.Named("standard")
	if !ok {
		t.Fatal("the table has no source standard")
	}
	return s
}

func TestAWrongSecretIsRefusedWithoutShowingIt(t *testing.T) {
	t.Parallel()
	for _, secrets := range []string{"", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_c2hvcnQ=", "whsec_$$$", secret + ",", secret + ",whsec_c2hvcnQ="} {
		err := standard(t).CheckSecrets(secrets)
		if err == nil || strings.Contains(err.Error(), "c2hvcnQ") {
			t.Errorf("CheckSecrets(%q) = %v, want an error without the secret", secrets, err)
		}
	}
}

func TestWhatIsSignedIsVerified(t *testing.T) {
	t.Parallel()
	key, err := standardwebhooks.NewWebhook(strings.TrimPrefix(newer, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	body := []byte("not UTF-8: \xff\x00")
	signature, err := key.Sign("msg_1", signedAt, body)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	h.Set("webhook-id", "msg_1")
	h.Set("webhook-timestamp", fmt.Sprint(signedAt.Unix()))
	h.Set("webhook-signature", signature)
	if err := standard(t).Verify(webhook.Delivery{Header: h, Body: body, At: signedAt}, []string{newer, secret}); err != nil {
		t.Errorf("Verify = %v", err)
	}
}

func TestADeliveryWithoutABodyIsNotTakenForSigned(t *testing.T) {
	t.Parallel()
	h, _ := delivery()
	if err := standard(t).Verify(webhook.Delivery{Header: h, At: signedAt}, []string{secret}); !errors.Is(err, webhook.ErrForged) {
		t.Errorf("Verify without a body = %v, want %v", err, webhook.ErrForged)
	}
}

func TestForeignVectors(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(cmp.Or(os.Getenv("REGULARS_DATA"), "../../../shared"), "data/webhooks/standardwebhooks")
	raw, err := os.ReadFile(filepath.Join(dir, "vectors.json"))
	if err != nil {
		t.Skip("no vectors of other implementations here: ", err)
	}
	var vectors []struct {
		Name, Secret, Body string
		Headers            map[string]string
		Clock              int64
		Valid              bool
	}
	if err := json.Unmarshal(raw, &vectors); err != nil || len(vectors) == 0 {
		t.Fatal("no vectors", err)
	}
	body, err := os.ReadFile(filepath.Join(dir, "example.created.json"))
	if err != nil {
		t.Fatal(err)
	}
	verify(t, "example.created", newer, map[string]string{
		"webhook-id": "msg_test_00213", "webhook-timestamp": "1770000000",
		"webhook-signature": "v1,zCdUugvSVgME4gMLnN6gEP1bjSm6H1/g4gKyKIXbHAU=",
	}, body, 1770000000, true)
	for _, v := range vectors {
		verify(t, v.Name, v.Secret, v.Headers, []byte(v.Body), v.Clock, v.Valid)
	}
}

func verify(t *testing.T, name, secret string, headers map[string]string, body []byte, clock int64, valid bool) {
	t.Helper()
	h := http.Header{}
	for k, v := range headers {
		h.Set(k, v)
	}
	d := webhook.Delivery{Header: h, Body: body, At: time.Unix(clock, 0)}
	if err := standard(t).Verify(d, []string{secret}); (err == nil) != valid {
		t.Errorf("Verify(%s) = %v, want valid %v", name, err, valid)
	}
}
