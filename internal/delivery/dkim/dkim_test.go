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
	"errors"
	"slices"
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

func signer(t testing.TB, key []byte, selectors ...string) *dkim.Signer {
	t.Helper()
	if len(selectors) == 0 {
		selectors = []string{"mail2026"}
	}
	s, err := dkim.New("shop.example", selectors, key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const head = "From: Anna <anna@shop.example>\r\nTo: a@example.test\r\nSubject: Uutisia =?UTF-8?q?=C3=A4?=\r\n ja  lis\t\u00e4\u00e4\r\n" +
	"Message-ID: <1@shop.example>\r\nList-Unsubscribe: <https://shop.example/u/1>,\r\n <mailto:u@shop.example>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"

// verified has another library judge each signature of a mail by the records that are
// to be published.
func verified(t *testing.T, s *dkim.Signer, mail []byte) error {
	t.Helper()
	published := map[string]string{}
	for _, r := range s.Records() {
		published[r.Name] = r.Value
	}
	all, err := verifier.VerifyWithOptions(bytes.NewReader(mail), &verifier.VerifyOptions{LookupTXT: func(asked string) ([]string, error) {
		value, ok := published[strings.TrimSuffix(asked, ".")]
		if !ok {
			t.Errorf("%s is looked up, of %v", asked, published)
		}
		return []string{value}, nil
	}})
	if err != nil || len(all) != len(published) {
		t.Fatalf("%d signatures, %v; want %d in\n%s", len(all), err, len(published), mail)
	}
	var wrong []error
	for _, v := range all {
		wrong = append(wrong, v.Err)
	}
	return errors.Join(wrong...)
}

func TestAnotherLibraryVerifiesWhatWeSign(t *testing.T) {
	t.Parallel()
	all := keys(t)
	signers := map[string]*dkim.Signer{"one of each": signer(t, slices.Concat(all["rsa"], []byte("\n"), all["ed25519"]), "long", "short")}
	for kind, key := range all {
		signers[kind] = signer(t, key)
	}
	for kind, s := range signers {
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
	good := keys(t)["ed25519"]
	for want, given := range map[string]struct {
		keys      []byte
		selectors []string
	}{
		"not in PEM":                               {[]byte("secret"), []string{"s"}},
		"cannot be read as a private":              {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("secret")}), []string{"s"}},
		"it begins with -----BEGIN":                {slices.Concat(good, []byte("secret")), []string{"s"}},
		"keys is 1 and of DKIM_SELECTOR's names 2": {good, []string{"s", "t"}},
		"both be published as s":                   {slices.Concat(good, good), []string{"s", "s"}},
	} {
		if _, err := dkim.New("shop.example", given.selectors, given.keys); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("New() = %v, want %s", err, want)
		}
	}
}

func TestAligned(t *testing.T) {
	t.Parallel()
	s := signer(t, keys(t)["ed25519"])
	for domain, want := range map[string]bool{
		"shop.example": true, "News.Shop.example": true, "shop.example.": true, "example": false, "myshop.example": false, "shop.test": false,
	} {
		if s.Aligned(domain) != want {
			t.Errorf("Aligned(%s) = %t", domain, !want)
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
