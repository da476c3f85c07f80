package dkim_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	verifier "github.com/emersion/go-msgauth/dkim"

	"regulars/internal/delivery"
	"regulars/internal/delivery/dkim"
)

func pkcs8(t testing.TB, key crypto.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func keys(t testing.TB) map[string][]byte {
	t.Helper()
	_, short, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		"ed25519": pkcs8(t, short), "rsa": pkcs8(t, long),
		"rsa of PKCS #1": pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(long)}),
	}
}

func signer(t testing.TB, key []byte) *dkim.Signer {
	t.Helper()
	s, err := dkim.New("shop.example", "mail2026", key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const head = "From: Anna <anna@shop.example>\r\nTo: a@example.test\r\nSubject: Uutisia =?UTF-8?q?=C3=A4?=\r\n ja  lis\t\u00e4\u00e4\r\n" +
	"Message-ID: <1@shop.example>\r\nList-Unsubscribe: <https://shop.example/u/1>,\r\n <mailto:u@shop.example>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"

// verified has another library judge a mail by the record that is to be published.
func verified(t *testing.T, s *dkim.Signer, mail []byte) error {
	t.Helper()
	name, value := s.Record()
	all, err := verifier.VerifyWithOptions(bytes.NewReader(mail), &verifier.VerifyOptions{LookupTXT: func(asked string) ([]string, error) {
		if strings.TrimSuffix(asked, ".") != name {
			t.Errorf("%s is looked up, want %s", asked, name)
		}
		return []string{value}, nil
	}})
	if err != nil || len(all) != 1 {
		t.Fatalf("%d signatures, %v; want one in\n%s", len(all), err, mail)
	}
	return all[0].Err
}

func TestAnotherLibraryVerifiesWhatWeSign(t *testing.T) {
	t.Parallel()
	for kind, key := range keys(t) {
		s := signer(t, key)
		for name, body := range map[string]string{
			"a usual one": "Dear Ana,\r\n\r\ncome and see us.\r\n", "none": "", "an empty line": "\r\n", "no end": "Hello",
			"blanks": "a  b\t c \r\n \t\r\nd \r\n \r\n\r\n", "a dot": ".\r\n..a\r\n", "a leading blank": "  a\r\n", "lone returns": "a\rb\r\n",
			"long": strings.Repeat(strings.Repeat("word ", 15)+"\r\n", 500),
		} {
			signed, err := s.Sign([]byte(head + "\r\n" + body))
			if err != nil {
				t.Fatal(err)
			}
			if err := verified(t, s, signed); err != nil {
				t.Errorf("%s, body %s: %v\n%.900s", kind, name, err, signed)
			}
			for _, line := range strings.Split(string(signed), "\r\n") {
				if len(line) > 998 {
					t.Errorf("%s, body %s: a line of %d bytes", kind, name, len(line))
				}
			}
		}
	}
}

// What anybody could do to a mail on its way breaks the signature.
func TestAChangedMailIsNotVerified(t *testing.T) {
	t.Parallel()
	s := signer(t, keys(t)["ed25519"])
	signed, err := s.Sign([]byte(head + "\r\nDear Ana,\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"another word":            {"Dear Ana", "Dear Bob"},
		"another way out":         {"https://shop.example/u/1", "https://shop.example/u/2"},
		"a second subject":        {"Subject:", "Subject: Pay here\r\nSubject:"},
		"a cc where there's none": {"To:", "Cc: b@example.test\r\nTo:"},
		"no one-click":            {"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", ""},
	} {
		changed := strings.Replace(string(signed), change[0], change[1], 1)
		if changed == string(signed) {
			t.Fatalf("%s: nothing changed", name)
		}
		if verified(t, s, []byte(changed)) == nil {
			t.Errorf("%s: still verified", name)
		}
	}
}

func TestAKeyThatCannotSignIsRefused(t *testing.T) {
	t.Parallel()
	for want, key := range map[string][]byte{
		"not in PEM":                  []byte("secret"),
		"cannot be read as a private": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("secret")}),
	} {
		if _, err := dkim.New("shop.example", "s", key); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New() = %v, want %s", err, want)
		}
	}
}

// relay keeps the last mail.
type relay struct{ delivery.Message }

func (r *relay) Hand(_ context.Context, m delivery.Message, _ func(context.Context) error) delivery.Outcome {
	r.Message = m
	return delivery.Outcome{Stage: delivery.StageDone}
}

func TestMailsAreHandedOverSigned(t *testing.T) {
	t.Parallel()
	s, r := signer(t, keys(t)["ed25519"]), &relay{}
	mail := []byte(head + "\r\nHello\r\n")
	o := dkim.Transport{Transport: r, Signer: s}.Hand(t.Context(), delivery.Message{From: "anna@shop.example", To: "a@example.test", Body: mail}, nil)
	if o.Stage != delivery.StageDone || r.To != "a@example.test" || !bytes.HasSuffix(r.Body, mail) {
		t.Errorf("Hand() = %v, and the relay has %s", o, r.Body)
	}
	if err := verified(t, s, r.Body); err != nil {
		t.Error(err)
	}
}

// BenchmarkSign is the price of a signature on a mail of 10 KB.
func BenchmarkSign(b *testing.B) {
	mail := []byte(head + "\r\n" + strings.Repeat("A line of a mail, as long as quoted-printable makes them, about that long.\r\n", 130))
	for kind, key := range keys(b) {
		if kind == "rsa of PKCS #1" {
			continue
		}
		b.Run(kind, func(b *testing.B) {
			s := signer(b, key)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Sign(mail); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
