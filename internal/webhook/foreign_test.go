package webhook_test

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regulars/internal/webhook"
)

// The systems of others, with the header that holds the topic; "": the body does.
var foreign = map[string]string{"shopify": "X-Shopify-Topic", "woocommerce": "X-WC-Webhook-Topic", "stripe": "", "square": ""}

// topicOf is the topic that a file is named for: orders.create.test.json is
// orders/create of Shopify.
func topicOf(source, file string) string {
	parts := strings.Split(strings.TrimSuffix(filepath.Base(file), ".json"), ".")
	between := "."
	if source == "shopify" {
		between = "/"
	}
	return strings.Join(parts[:min(2, len(parts))], between)
}

func TestEachTopicIsReadAsItsFileSays(t *testing.T) {
	t.Parallel()
	for name, header := range foreign {
		source, _ := webhook.Named(name)
		files, _ := filepath.Glob("testdata/" + name + "/*.json")
		if len(files) == 0 {
			t.Fatal("no bodies of ", name)
		}
		for _, file := range files {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			d := webhook.Delivery{Header: http.Header{}, Body: body, At: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)}
			if header != "" {
				d.Header.Set(header, topicOf(name, file))
			}
			got := decodedBy(t, source, d)
			golden := strings.TrimSuffix(file, ".json") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want, err := os.ReadFile(golden); err != nil || got != string(want) {
				t.Errorf("Decode(%s) =\n%s\nwant\n%s (%v)", file, got, want, err)
			}
		}
	}
}

// decodedBy writes what a source reads as people can read and compare it.
func decodedBy(t *testing.T, source webhook.Source, d webhook.Delivery) string {
	t.Helper()
	events, refused, err := source.Decode(d, webhook.Options{Source: "shop", Via: source.Name, Currency: "EUR"})
	var b strings.Builder
	var ignored webhook.Ignored
	var parked webhook.Parked
	var forget webhook.Forget
	switch {
	case errors.As(err, &ignored):
		fmt.Fprintf(&b, "ignored: %s\n", ignored.Why)
	case errors.As(err, &parked):
		fmt.Fprintf(&b, "parked: %s\n", parked.Reason)
	case errors.As(err, &forget):
		fmt.Fprintf(&b, "erase: %s, or who has %s\n", forget.ID, forget.Email)
	case err != nil:
		t.Fatal(err)
	}
	for _, e := range events {
		text, err := json.MarshalIndent(e, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n", text)
		for _, n := range e.Notes {
			fmt.Fprintf(&b, "note: %s\n", n)
		}
	}
	for _, r := range refused {
		fmt.Fprintf(&b, "refused: %s\n", r.Error())
	}
	return b.String()
}

func TestTheVectorsOfOtherLibrariesPass(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(cmp.Or(os.Getenv("REGULARS_DATA"), "../../../shared"), "data/webhooks")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no vectors of other implementations here: ", err)
	}
	for _, name := range []string{"shopify", "stripe", "square"} {
		source, _ := webhook.Named(name)
		raw, err := os.ReadFile(filepath.Join(dir, name, "vectors.json"))
		if err != nil {
			t.Fatal(err)
		}
		type vector struct {
			Name, Secret, Body, Header, Value, URL string
			SameAs                                 string `json:"same_as"`
			Clock                                  int64
			Valid                                  bool
		}
		var vectors []vector
		if err := json.Unmarshal(raw, &vectors); err != nil || len(vectors) == 0 {
			t.Fatal("no vectors", err)
		}
		for _, v := range vectors {
			for _, as := range vectors {
				if v.SameAs == as.Name {
					v.Secret, v.Body, v.Header, v.Value = as.Secret, as.Body, as.Header, as.Value
				}
			}
			h := http.Header{}
			h.Set(v.Header, v.Value)
			d := webhook.Delivery{Header: h, Body: []byte(v.Body), At: time.Unix(v.Clock, 0), URL: v.URL}
			if err := source.Verify(d, []string{"another secret", v.Secret}); (err == nil) != v.Valid {
				t.Errorf("%s: Verify(%s) = %v, want valid %v", name, v.Name, err, v.Valid)
			}
		}
	}
}

func TestASampleIsBelievedWithItsSecretAndWithNoOther(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for _, source := range webhook.Sources {
		ours, other := "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c3Rkd2gtZGV2LXNlY3JldC0wMTIzNDU2Nzg5YWI="
		if err := source.CheckSecrets(ours + "," + other); err != nil {
			t.Errorf("%s: CheckSecrets = %v", source.Name, err)
		}
		header, body := source.Sample(ours, "https://shop.example/hooks/"+source.Name, at)
		d := webhook.Delivery{Header: header, Body: body, At: at, URL: "https://shop.example/hooks/" + source.Name}
		if err := source.Verify(d, []string{other, ours}); err != nil {
			t.Errorf("%s: Verify of its sample = %v", source.Name, err)
		}
		for claim, change := range map[string]func(*webhook.Delivery) []string{
			"another secret":  func(*webhook.Delivery) []string { return []string{other} },
			"another body":    func(d *webhook.Delivery) []string { d.Body = append(bytes.Clone(d.Body), ' '); return []string{ours} },
			"no header":       func(d *webhook.Delivery) []string { d.Header = http.Header{}; return []string{ours} },
			"no secret":       func(*webhook.Delivery) []string { return nil },
			"an empty secret": func(*webhook.Delivery) []string { return []string{"whsec_"} },
		} {
			d := d
			if err := source.Verify(d, change(&d)); claim != "no header" && err == nil {
				t.Errorf("%s: a delivery with %s is believed", source.Name, claim)
			}
			d.Header = http.Header{}
			if err := source.Verify(d, []string{ours}); !errors.Is(err, webhook.ErrUnsigned) {
				t.Errorf("%s: without a header Verify = %v, want %v", source.Name, err, webhook.ErrUnsigned)
			}
		}
		if _, _, err := source.Decode(d, webhook.Options{Currency: "EUR"}); err != nil && !errors.As(err, new(webhook.Ignored)) {
			t.Errorf("%s: the sample is %v, want no effect", source.Name, err)
		}
	}
}

func TestHeadersOfShopifyComeWithoutX(t *testing.T) {
	t.Parallel()
	source, _ := webhook.Named("shopify")
	body := []byte(`{"id": 1}`)
	mac := hmac.New(sha256.New, []byte("shpss_secret"))
	mac.Write(body)
	h := http.Header{}
	h.Set("Shopify-Hmac-Sha256", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	h.Set("Shopify-Topic", "app/uninstalled")
	d := webhook.Delivery{Header: h, Body: body}
	if err := source.Verify(d, []string{"shpss_secret"}); err != nil {
		t.Errorf("Verify = %v", err)
	}
	if topic, id := source.Names(d); topic != "app/uninstalled" || id == "" {
		t.Errorf("Names = %q, %q", topic, id)
	}
}

func TestStripesHeaderMayHoldSeveralSignatures(t *testing.T) {
	t.Parallel()
	source, _ := webhook.Named("stripe")
	at := time.Unix(1770000000, 0)
	header, body := source.Sample("whsec_ours_ours", "", at)
	good := header.Get("Stripe-Signature")
	stamp, mine, _ := strings.Cut(good, ",")
	none := "v1=" + strings.Repeat("0", 64)
	for _, tt := range []struct {
		claim, value string
		later        time.Duration
		want         error
	}{
		{"ours is the last of three", stamp + "," + none + ",v0=" + strings.Repeat("1", 64) + "," + mine, 0, nil},
		{"with spaces between", stamp + ", " + mine, 0, nil},
		{"only another scheme", stamp + "," + strings.Replace(mine, "v1", "v0", 1), 0, webhook.ErrForged},
		{"the time is another", "t=1770000001," + mine, 0, webhook.ErrForged},
		{"no time", mine, 0, webhook.ErrUnsigned},
		{"five minutes late", good, 5 * time.Minute, nil},
		{"later than that", good, 5*time.Minute + time.Second, webhook.ErrStale},
		{"from the future", good, -6 * time.Minute, webhook.ErrStale},
	} {
		d := webhook.Delivery{Header: http.Header{"Stripe-Signature": {tt.value}}, Body: body, At: at.Add(tt.later)}
		if err := source.Verify(d, []string{"whsec_other_other", "whsec_ours_ours"}); !errors.Is(err, tt.want) {
			t.Errorf("%s: Verify = %v, want %v", tt.claim, err, tt.want)
		}
	}
}

func TestOnlyAPingIsAPing(t *testing.T) {
	t.Parallel()
	source, _ := webhook.Named("woocommerce")
	for body, want := range map[string]bool{"webhook_id=5": true, "webhook_id=": false, "webhook_id=5&x=1": false, `{"webhook_id": 5}`: false, "": false} {
		if got := source.Ping(webhook.Delivery{Body: []byte(body)}); got != want {
			t.Errorf("Ping(%q) = %v, want %v", body, got, want)
		}
	}
}

// Whatever a sender writes, it is refused, parked, ignored or read, and never believed
// without its signature.
func FuzzSources(f *testing.F) {
	for name, header := range foreign {
		files, _ := filepath.Glob("testdata/" + name + "/*.json")
		for _, file := range files {
			body, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(name, header, topicOf(name, file), "t=1770000000,v1=00", body)
		}
	}
	f.Fuzz(func(t *testing.T, name, header, topic, signature string, body []byte) {
		source, known := webhook.Named(name)
		if !known || source.Names == nil {
			return
		}
		d := webhook.Delivery{Header: http.Header{}, Body: body, At: time.Unix(1770000000, 0)}
		d.Header.Set(header, topic)
		for _, h := range []string{"X-Shopify-Hmac-Sha256", "X-WC-Webhook-Signature", "Stripe-Signature", "X-Square-Hmacsha256-Signature"} {
			d.Header.Set(h, signature)
		}
		if err := source.Verify(d, []string{"whsec_nobody_knows"}); err == nil {
			t.Fatal("a signature was guessed")
		}
		source.Names(d)
		events, refused, err := source.Decode(d, webhook.Options{Source: "shop", Currency: "EUR"})
		if err != nil && len(events)+len(refused) > 0 {
			t.Fatalf("both %v and %d events", err, len(events)+len(refused))
		}
		for _, e := range events {
			if e.ID == "" || e.Type == "" || e.Source != "shop" {
				t.Fatalf("an event without a name: %+v", e)
			}
		}
	})
}
