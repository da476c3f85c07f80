package mailnews_test

import (
	"bufio"
	"cmp"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regulars/internal/mailnews"
	"regulars/internal/webhook"
)

// recorded is a body of the shared data with its headers.
type recorded struct {
	Source, File, Topic string
	Clock               int64
	Headers             map[string]string
}

// meaning is what the recorded files say, by their names.
var meaning = map[string]mailnews.News{
	"amazon_ses/bounce.json":                    {What: mailnews.Bounced, Status: "5.1.1", Gone: true},
	"amazon_ses/complaint.json":                 {What: mailnews.Complained},
	"amazon_ses/delivery.json":                  {What: mailnews.Delivered},
	"amazon_ses/delivery_signature_v1.json":     {What: mailnews.Delivered},
	"amazon_ses/send.json":                      {What: mailnews.Nothing},
	"amazon_ses/open.json":                      {What: mailnews.Nothing},
	"amazon_ses/click.json":                     {What: mailnews.Nothing},
	"amazon_ses/reject.json":                    {What: mailnews.Nothing},
	"amazon_ses/subscription_confirmation.json": {What: mailnews.Nothing},
	"sendgrid/processed.json":                   {What: mailnews.Nothing},
	"sendgrid/delivered.json":                   {What: mailnews.Delivered},
	"sendgrid/dropped_bounced.json":             {What: mailnews.Bounced, Status: "5.0.0", Gone: true},
	"sendgrid/dropped_unsubscribed.json":        {What: mailnews.OptedOut},
	"sendgrid/bounce.json":                      {What: mailnews.Bounced, Status: "5.1.1", Gone: true},
	"sendgrid/open.json":                        {What: mailnews.Nothing},
	"sendgrid/click.json":                       {What: mailnews.Nothing},
	"postmark/bounce.json":                      {What: mailnews.Bounced, Status: "5.1.1", Gone: true},
	"postmark/delivered.json":                   {What: mailnews.Delivered},
	"postmark/spam.json":                        {What: mailnews.Complained},
	"postmark/open.json":                        {What: mailnews.Nothing},
	"postmark/click.json":                       {What: mailnews.Nothing},
	"postmark/unsubscribe.json":                 {What: mailnews.OptedOut},
	"mailgun/delivered.json":                    {What: mailnews.Delivered},
	"mailgun/failed_permanent.json":             {What: mailnews.Bounced, Status: "5.1.1"},
	"mailgun/failed_temporary.json":             {What: mailnews.Nothing},
	"mailgun/opened.json":                       {What: mailnews.Nothing},
	"mailgun/clicked.json":                      {What: mailnews.Nothing},
	"mailgun/complained.json":                   {What: mailnews.Complained},
	"mailgun/unsubscribed.json":                 {What: mailnews.OptedOut},
	"resend/sent.json":                          {What: mailnews.Nothing},
	"resend/delivered.json":                     {What: mailnews.Delivered},
	"resend/hard_bounced.json":                  {What: mailnews.Bounced, Gone: true},
	"resend/complained.json":                    {What: mailnews.Complained},
	"resend/opened.json":                        {What: mailnews.Nothing},
}

func TestRecordedDeliveriesMeanWhatTheirTopicsSay(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(cmp.Or(os.Getenv("REGULARS_DATA"), "../../../shared"), "data", "webhooks")
	index, err := os.Open(filepath.Join(dir, "index.jsonl"))
	if err != nil {
		t.Skip("the recorded deliveries are not here: ", err)
	}
	defer index.Close()
	secrets, certificate := keysOf(t, dir)
	seen := 0
	lines := bufio.NewScanner(index)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r recorded
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		p, ours := mailnews.Named(strings.TrimPrefix(r.Source, "amazon_"))
		if !ours {
			continue
		}
		seen++
		t.Run(r.File, func(t *testing.T) { r.check(t, p, dir, secrets[p.Name], certificate) })
	}
	if seen != len(meaning) {
		t.Errorf("%d deliveries are recorded, want %d", seen, len(meaning))
	}
}

// check takes a recorded delivery, and refuses it in every way tampered with.
func (r recorded) check(t *testing.T, p mailnews.Provider, dir, secret string, certificate []byte) {
	body, err := os.ReadFile(filepath.Join(dir, r.File))
	if err != nil {
		t.Fatal(err)
	}
	fetch := func(address string) ([]byte, error) {
		if address != "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-test.pem" {
			t.Errorf("%s was asked for", address)
		}
		return certificate, nil
	}
	at := func(body []byte, change func(http.Header)) mailnews.Delivery {
		h := http.Header{}
		for name, value := range r.Headers {
			h.Set(name, value)
		}
		change(h)
		return mailnews.Delivery{Delivery: webhook.Delivery{Header: h, Body: body, At: time.Unix(r.Clock, 0)}, Fetch: fetch}
	}
	same := func(http.Header) {}
	d := at(body, same)
	all, another := strings.Split(secret, ","), "another"
	if p.Name == "resend" {
		another = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	}
	if err := p.Verify(d, append([]string{another}, all...)); err != nil {
		t.Fatalf("Verify = %v, with the older of two secrets", err)
	}
	news, err := p.Decode(d)
	want := meaning[r.File]
	if err != nil || len(news) != 1 || news[0].What != want.What || news[0].Status != want.Status || news[0].Gone != want.Gone || news[0].ID == "" {
		t.Errorf("Decode = %+v, %v, want %+v", news, err, want)
	}
	if want.What != mailnews.Nothing && news[0].Address == "" {
		t.Errorf("Decode = %+v: whom is it about?", news)
	}
	tampered := map[string]mailnews.Delivery{"without headers": at(body, func(h http.Header) { clear(h) })}
	for name := range r.Headers {
		tampered["another "+name] = at(body, func(h http.Header) {
			if name != "Content-Type" && !strings.HasPrefix(name, "x-amz") {
				h.Set(name, "A"+h.Get(name)[1:]+"A")
			}
		})
	}
	middle := append([]byte(nil), body...)
	middle[len(middle)-3] ^= 1
	tampered["another byte"] = at(middle, same)
	if p.Name == "mailgun" || p.Name == "ses" {
		tampered = map[string]mailnews.Delivery{"another byte of the signature": at(flipped(t, body, `ignature": "`, `"Signature":"`), same)}
	}
	delete(tampered, "another Content-Type")
	if p.Name == "postmark" { // signs nothing
		delete(tampered, "another byte")
	}
	for name, d := range tampered {
		if err := p.Verify(d, all); err == nil {
			t.Errorf("Verify takes a delivery %s", name)
		}
	}
	if err := p.Verify(d, []string{another}); err == nil {
		t.Error("Verify takes a delivery with another secret")
	}
}

func flipped(t *testing.T, body []byte, after ...string) []byte {
	t.Helper()
	changed := append([]byte(nil), body...)
	for _, a := range after {
		if i := strings.LastIndex(string(body), a); i >= 0 {
			if changed[i+len(a)+4] != 'A' {
				changed[i+len(a)+4] = 'A'
			} else {
				changed[i+len(a)+4] = 'B'
			}
			return changed
		}
	}
	t.Fatal("no signature in the body")
	return nil
}

func keysOf(t *testing.T, dir string) (map[string]string, []byte) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "_keys/secrets.json"))
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]any
	if err := json.Unmarshal(text, &raw); err != nil {
		t.Fatal(err)
	}
	secrets := map[string]string{"ses": "arn:aws:sns:us-east-1:1234567890:SES_Events,arn:aws:sns:us-east-1:123456789012:SES_Events,arn:aws:sns:us-west-2:123456789012:SES_Notifications"}
	for name, v := range raw {
		if s, ok := v.(string); ok {
			secrets[name] = s
		}
	}
	certificate, err := os.ReadFile(filepath.Join(dir, "_keys/sns_cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	return secrets, certificate
}

func TestTheVectorOfSendGrid(t *testing.T) {
	t.Parallel()
	p, _ := mailnews.Named("sendgrid")
	h := http.Header{}
	h.Set("X-Twilio-Email-Event-Webhook-Timestamp", "1600112502")
	h.Set("X-Twilio-Email-Event-Webhook-Signature", "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=")
	body := `[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address","sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA","sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0","smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]` + "\r\n"
	key := []string{"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="}
	d := mailnews.Delivery{Delivery: webhook.Delivery{Header: h, Body: []byte(body), At: time.Unix(1600112502, 0)}}
	if err := p.Verify(d, key); err != nil {
		t.Errorf("Verify = %v, want nil", err)
	}
	d.At = d.At.Add(6 * time.Minute)
	if err := p.Verify(d, key); err == nil {
		t.Error("Verify takes it six minutes later")
	}
}
