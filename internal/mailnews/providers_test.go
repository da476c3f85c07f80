package mailnews_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"regulars/internal/mailnews"
	"regulars/internal/webhook"
)

var now = time.Unix(1770000000, 0)

// topic signs messages of SNS.
type topic struct {
	key  *rsa.PrivateKey
	cert []byte
}

func newTopic(t *testing.T) topic {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	like := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sns.amazonaws.com"}}
	der, err := x509.CreateCertificate(rand.Reader, like, like, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return topic{key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

func (s topic) signed(t *testing.T, change func(map[string]string)) []byte {
	t.Helper()
	m := map[string]string{"Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:eu-north-1:1:news", "Message": "{}", "Timestamp": "2026-01-01T00:00:00Z",
		"SignatureVersion": "2", "SigningCertURL": "https://sns.eu-north-1.amazonaws.com/a.pem"}
	change(m)
	text := fmt.Sprintf("Message\n%s\nMessageId\n%s\nTimestamp\n%s\nTopicArn\n%s\nType\n%s\n", m["Message"], m["MessageId"], m["Timestamp"], m["TopicArn"], m["Type"])
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	m["Signature"] = base64.StdEncoding.EncodeToString(signature)
	body, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestACertificateIsAskedForOnlyWhereAmazonKeepsThem(t *testing.T) {
	t.Parallel()
	s := newTopic(t)
	p, _ := mailnews.Named("ses")
	for _, tt := range []struct {
		name, address, topic string
		asked, good          bool
	}{
		{"Amazon's own", "https://sns.eu-north-1.amazonaws.com/a.pem", "", true, true},
		{"in China", "https://sns.cn-north-1.amazonaws.com.cn/a.pem", "", true, true},
		{"not encrypted", "http://sns.eu-north-1.amazonaws.com/a.pem", "", false, false},
		{"elsewhere", "https://sns.eu-north-1.amazonaws.com.evil.example/a.pem", "", false, false},
		{"elsewhere, with a user", "https://sns.eu-north-1.amazonaws.com@evil.example/a.pem", "", false, false},
		{"at another port", "https://sns.eu-north-1.amazonaws.com:8443/a.pem", "", false, false},
		{"somebody's bucket", "https://s3.eu-north-1.amazonaws.com/a.pem", "", false, false},
		{"no certificate", "https://sns.eu-north-1.amazonaws.com/a.txt", "", false, false},
		{"a request", "https://sns.eu-north-1.amazonaws.com/?x=.pem", "", false, false},
		{"of the machine itself", "https://localhost/a.pem", "", false, false},
		{"of a topic that is not listened to", "https://sns.eu-north-1.amazonaws.com/a.pem", "arn:aws:sns:eu-north-1:2:news", false, false},
	} {
		asked := false
		body := s.signed(t, func(m map[string]string) {
			m["SigningCertURL"] = tt.address
			if tt.topic != "" {
				m["TopicArn"] = tt.topic
			}
		})
		d := mailnews.Delivery{Delivery: webhook.Delivery{Header: http.Header{}, Body: body, At: now}, Fetch: func(string) ([]byte, error) { asked = true; return s.cert, nil }}
		if err := p.Verify(d, []string{"arn:aws:sns:eu-north-1:1:news"}); (err == nil) != tt.good || asked != tt.asked {
			t.Errorf("a certificate %s: Verify = %v and it was asked for: %v, want good %v and %v", tt.name, err, asked, tt.good, tt.asked)
		}
	}
}

func TestMailgunSignsATime(t *testing.T) {
	t.Parallel()
	p, _ := mailnews.Named("mailgun")
	mac := hmac.New(sha256.New, []byte("mailgun-key"))
	mac.Write([]byte("1770000000token"))
	body := fmt.Sprintf(`{"signature": {"timestamp": "1770000000", "token": "token", "signature": %q}, "event-data": {"id": "1", "event": "complained"}}`, hex.EncodeToString(mac.Sum(nil)))
	for late, good := range map[time.Duration]bool{0: true, 5 * time.Minute: true, 6 * time.Minute: false, -6 * time.Minute: false} {
		d := mailnews.Delivery{Delivery: webhook.Delivery{Header: http.Header{}, Body: []byte(body), At: now.Add(late)}}
		if err := p.Verify(d, []string{"mailgun-key"}); (err == nil) != good {
			t.Errorf("Verify %s later = %v, want good %v", late, err, good)
		}
	}
}

func TestAMailIsBelievedOnlyByItsMarks(t *testing.T) {
	t.Parallel()
	dsn := "Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; ana@shop.example\nAction: failed\nStatus: 5.1.1\n--b--\n"
	for _, tt := range []struct {
		name, mail, to string
		what           mailnews.What
	}{
		{"a bounce", dsn, "bounces+1.x@mail.shop.example", mailnews.Bounced},
		{"somebody who wants no more", "Subject: unsubscribe\n\n", "unsubscribe+1.x@mail.shop.example", mailnews.OptedOut},
		{"a bounce there", dsn, "unsubscribe+1.x@mail.shop.example", mailnews.Bounced},
		{"a vacation", "Auto-Submitted: auto-replied\n\nI am away", "bounces+1.x@mail.shop.example", mailnews.Nothing},
		{"two recipients", strings.ReplaceAll(dsn, "--b--", "\nFinal-Recipient: rfc822; b@shop.example\nAction: failed\nStatus: 5.1.1\n--b--"), "bounces+1.x@mail.shop.example", mailnews.Nothing},
	} {
		n := mailnews.FromMail([]byte(tt.mail), []string{tt.to}, now)
		if len(n) != 1 || n[0].What != tt.what || n[0].Address != "" || n[0].Gone || n[0].Marks[0] != tt.to {
			t.Errorf("%s: FromMail = %+v, want it %s", tt.name, n, tt.what)
		}
	}
}

func FuzzProviders(f *testing.F) {
	f.Add([]byte(`{"Type":"Notification","TopicArn":"arn:aws:sns:eu-north-1:1:news","Signature":"AA==","SigningCertURL":"https://sns.eu-north-1.amazonaws.com/a.pem","Message":"{\"eventType\":\"Bounce\",\"bounce\":{\"bouncedRecipients\":[{}]}}"}`), "1770000000")
	f.Add([]byte(`[{"event":"bounce","timestamp":1e300},1]`), "1770000000")
	f.Add([]byte(`{"signature":{"timestamp":"1770000000","token":"t","signature":"00"},"event-data":{"event":"failed","severity":"permanent"}}`), "v1,AA==")
	f.Add([]byte(`{"RecordType":"Bounce","Type":"HardBounce","type":"email.bounced"}`), "Basic YTpi")
	f.Fuzz(func(t *testing.T, body []byte, header string) {
		h := http.Header{}
		for _, name := range []string{"svix-id", "svix-timestamp", "svix-signature", "Authorization", "X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp", "X-Envelope-To"} {
			h.Set(name, header)
		}
		d := mailnews.Delivery{Delivery: webhook.Delivery{Header: h, Body: body, At: now}, Fetch: func(string) ([]byte, error) { return body, nil }}
		for _, p := range mailnews.Providers {
			if p.Verify(d, []string{"secret", "arn:aws:sns:eu-north-1:1:news"}) == nil {
				t.Errorf("%s takes what nobody signed: %q", p.Name, body)
			}
			news, err := p.Decode(d)
			for _, n := range news {
				if err != nil || n.Source == "" || len(n.ID) > 200 || len(n.Words) > 500 {
					t.Errorf("%s: Decode(%q) = %+v, %v", p.Name, body, n, err)
				}
			}
			if p.Confirm != nil {
				_ = p.Confirm(d)
			}
		}
	})
}
