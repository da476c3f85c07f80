package public_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"regulars/internal/apply"
	"regulars/internal/consent"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

var renew = flag.Bool("update", false, "write the golden files")

// The secrets that the recorded bodies are signed with.
var shopSecrets = map[string]string{
	"shopify": "shpss_test_dev", "woocommerce": "wc_test_secret_dev", "stripe": "whsec_test_dev", "square": "sq_test_dev",
	"standard": "whsec_c3Rkd2gtZGV2LXNlY3JldC0wMTIzNDU2Nzg5YWI=",
}

// recorded is a body of another system as its index says.
type recorded struct {
	Source, File string
	Clock        int64
	Headers      map[string]string
	body         []byte
}

// recordedBodies are those of the sources that we take; none where the data is not.
func recordedBodies(t testing.TB) (all []recorded) {
	t.Helper()
	dir := filepath.Join(cmp.Or(os.Getenv("REGULARS_DATA"), "../../../shared"), "data/webhooks")
	index, err := os.ReadFile(filepath.Join(dir, "index.jsonl"))
	if err != nil {
		t.Skip("no recorded bodies of other systems here: ", err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(index)); lines.Scan(); {
		var r recorded
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		if r.Source = strings.TrimSuffix(r.Source, "webhooks"); shopSecrets[r.Source] == "" {
			continue
		}
		if r.body, err = os.ReadFile(filepath.Join(dir, r.File)); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// shop is a house that takes all sources in a currency, at the moment of the recordings.
func newShop(t testing.TB, db *store.DB, currency string) *house {
	t.Helper()
	h := newHouse(t, db)
	h.inCurrency(currency)
	h.Secrets = map[string][]string{}
	for source, secret := range shopSecrets {
		h.Secrets[source] = []string{"a secret that is on its way out", secret}
	}
	h.Secrets["standard"] = []string{hookSecret, shopSecrets["standard"]}
	h.Clock = func() time.Time { return time.Unix(1770000000, 0) }
	h.Links = consent.NewLinks("https://example.test", [][]byte{[]byte("a key of this test's own")})
	h.open()
	return h
}

// post delivers a recorded body, with its headers or with one of them changed.
func (h *house) deliverRecorded(r recorded, body []byte, change func(name, value string) string) answer {
	q := httptest.NewRequest("POST", "/hooks/"+r.Source, bytes.NewReader(body))
	for name, value := range r.Headers {
		q.Header.Set(name, change(name, value))
	}
	w := httptest.NewRecorder()
	h.handle.ServeHTTP(w, q)
	return answer{w.Code, w.Header(), w.Body.String()}
}

func unchanged(_, value string) string { return value }

// counted is what deliveries can change.
var counted = []string{"events", "early_events", "orders", "order_lines", "refunds", "members", "consents", "hooks"}

func (h *house) counts() (counts []int) {
	h.t.Helper()
	for _, table := range counted {
		n, err := strconv.Atoi(h.one("select count(*) from " + table))
		if err != nil {
			h.t.Fatal(err)
		}
		counts = append(counts, n)
	}
	return counts
}

// effect is what has come between two counts; "": nothing.
func effect(before, after []int) (words string) {
	for i, table := range counted {
		if n := after[i] - before[i]; n != 0 {
			words += fmt.Sprintf(" %+d %s", n, table)
		}
	}
	return words
}

// outcome is what became of a delivery, in short.
func outcome(a answer) string {
	var v struct {
		Ignored, Parked, Error string
		Results                []struct{ Result, Field, Reason string }
	}
	if err := json.Unmarshal([]byte(a.Body), &v); err != nil {
		return a.Body
	}
	words := []string{fmt.Sprint(a.Status)}
	for _, r := range v.Results {
		words = append(words, strings.TrimSpace(r.Result+" "+r.Field))
	}
	for what, text := range map[string]string{"ignored": v.Ignored, "parked": v.Parked, "error": v.Error} {
		if text != "" {
			words = append(words, what+": "+text)
		}
	}
	return strings.Join(words, " | ")
}

func TestEveryRecordedBodyHasTheEffectThatItsTopicMeans(t *testing.T) {
	t.Parallel()
	all := recordedBodies(t)
	golden, err := os.ReadFile("testdata/shops.golden")
	if err != nil && !*renew {
		t.Fatal(err)
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newShop(t, db, "USD")
		var lines []string
		for _, r := range all {
			before := h.counts()
			a := h.deliverRecorded(r, r.body, unchanged)
			lines = append(lines, strings.TrimSpace(r.File+": "+outcome(a)+effect(before, h.counts())))
			after := h.counts()
			h.deliverRecorded(r, r.body, unchanged)
			if again := effect(after, h.counts()); again != "" {
				t.Errorf("%s had an effect again: %s", r.File, again)
			}
		}
		if got := strings.Join(lines, "\n") + "\n"; *renew {
			if err := os.WriteFile("testdata/shops.golden", []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if got != string(golden) {
			for i, want := range strings.Split(string(golden), "\n") {
				if i >= len(lines) || lines[i] != want {
					t.Errorf("line %d is\n%s\nwant\n%s", i+1, strings.Join(append(lines, "")[min(i, len(lines)):min(i+1, len(lines)+1)], ""), want)
				}
			}
		}
		if body := h.one("select total || ' ' || status from orders where external_id = '820982911946154508'"); body != "41495 test" {
			t.Errorf("the order whose id a float cannot hold is %q, want 41495 test", body)
		}
	})
}

// Only a body as it was signed, with the signature that it got, has an effect.
func TestNoRecordedBodyThatWasTamperedWithIsTaken(t *testing.T) {
	t.Parallel()
	all := recordedBodies(t)
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newShop(t, db, "USD")
		other := *h
		other.Site = h.another()
		other.Clock = h.Clock
		other.Secrets = map[string][]string{"shopify": {"another secret"}, "woocommerce": {"another secret"}, "stripe": {"whsec_another"}, "square": {"another secret"}, "standard": {oldSecret}}
		other.open()
		before := h.counts()
		for _, r := range all {
			body := bytes.Clone(r.body)
			body[len(body)/2] ^= 1
			for claim, a := range map[string]answer{
				"a byte of the body":          h.deliverRecorded(r, body, unchanged),
				"the last byte of the body":   h.deliverRecorded(r, append(bytes.Clone(r.body), ' '), unchanged),
				"a letter of the signature":   h.deliverRecorded(r, r.body, flipped),
				"the signature left out":      h.deliverRecorded(r, r.body, unsigned),
				"the secret":                  other.deliverRecorded(r, r.body, unchanged),
				"the signature and the other": other.deliverRecorded(r, r.body, flipped),
			} {
				ping := strings.HasSuffix(r.File, ".form") && !strings.Contains(claim, "body")
				if want := either(ping, 200, 401); a.Status != want {
					t.Errorf("%s, with %s changed: %d %s, want %d", r.File, claim, a.Status, a.Body, want)
				}
			}
		}
		if made := effect(before, h.counts()); made != "" {
			t.Errorf("tampered deliveries made %s", made)
		}
	})
}

func either(is bool, yes, no int) int {
	if is {
		return yes
	}
	return no
}

// flipped changes a signature by one letter, unsigned leaves it out.
func flipped(name, value string) string {
	if !isSignature(name) {
		return value
	}
	at := strings.LastIndexAny(value, "=,") // the digest begins after v1= or v1,
	if at >= len(value)-2 {
		at = -1
	}
	letter := "A"
	if value[at+2] == 'A' {
		letter = "B"
	}
	if strings.Contains(value, "v1=") {
		letter = string("0123456789abcdef"[(strings.IndexByte("0123456789abcdef", value[at+2])+1)%16])
	}
	return value[:at+2] + letter + value[at+3:]
}

func unsigned(name, value string) string {
	if isSignature(name) {
		return ""
	}
	return value
}

func isSignature(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "signature") || strings.Contains(name, "hmac")
}

// inCurrency puts the program of testdata in force in another currency.
func (h *house) inCurrency(currency string) {
	h.t.Helper()
	files := shopFiles(h.t)
	files["program.yaml"] = strings.Replace(files["program.yaml"], "currency:  EUR", "currency:  "+currency, 1)
	h.update(func(tx *store.Tx) error { _, err := apply.Apply(tx, files, "test", ""); return err })
}
