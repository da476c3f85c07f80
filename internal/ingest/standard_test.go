package ingest_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regulars/internal/ingest"
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
		{"later than that", secret, same, "", 5*time.Minute + time.Second, ingest.ErrStale},
		{"from the future", secret, same, "", -6 * time.Minute, ingest.ErrStale},
		{"with another secret", newer, same, "", 0, ingest.ErrForged},
		{"with another body", secret, same, `{"test":2432232314}`, 0, ingest.ErrForged},
		{"under another id", secret, change("webhook-id", "msg_2"), "", 0, ingest.ErrForged},
		{"at another time", secret, change("webhook-timestamp", "1614265331"), "", 0, ingest.ErrForged},
		{"in another version", secret, change("webhook-signature", "v1a"+good[2:]), "", 0, ingest.ErrForged},
		{"with an empty signature", secret, change("webhook-signature", "v1,"), "", 0, ingest.ErrForged},
		{"without a signature", secret, change("webhook-signature", ""), "", 0, ingest.ErrUnsigned},
		{"without an id", secret, change("webhook-id", ""), "", 0, ingest.ErrUnsigned},
		{"without a time", secret, change("webhook-timestamp", ""), "", 0, ingest.ErrUnsigned},
		{"at a time that is no number", secret, change("webhook-timestamp", "now"), "", 0, ingest.ErrUnsigned},
		{"at the end of time", secret, change("webhook-timestamp", "9223372036854775807"), "", 0, ingest.ErrStale},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := ingest.NewStandard(tt.secrets)
			if err != nil {
				t.Fatal(err)
			}
			h, body := delivery()
			tt.change(h)
			if err := s.Verify(h, []byte(cmp.Or(tt.body, string(body))), signedAt.Add(tt.later)); !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestAWrongSecretIsRefusedWithoutShowingIt(t *testing.T) {
	t.Parallel()
	for _, secrets := range []string{"", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_c2hvcnQ=", "whsec_$$$", secret + ",", secret + ",whsec_c2hvcnQ="} {
		_, err := ingest.NewStandard(secrets)
		if err == nil || strings.Contains(err.Error(), "c2hvcnQ") {
			t.Errorf("NewStandard(%q) = %v, want an error without the secret", secrets, err)
		}
	}
}

func TestWhatIsSignedIsVerified(t *testing.T) {
	t.Parallel()
	s, err := ingest.NewStandard(newer + "," + secret)
	if err != nil {
		t.Fatal(err)
	}
	body := []byte("not UTF-8: \xff\x00")
	h, err := s.Sign("msg_1", body, signedAt)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(h, body, signedAt); err != nil {
		t.Errorf("Verify = %v", err)
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
	s, err := ingest.NewStandard(secret)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	for k, v := range headers {
		h.Set(k, v)
	}
	if err := s.Verify(h, body, time.Unix(clock, 0)); (err == nil) != valid {
		t.Errorf("Verify(%s) = %v, want valid %v", name, err, valid)
	}
}
