package public_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/internal/apply"
	"regulars/internal/consent"
	"regulars/internal/parked"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/internal/store/storetest/watched"
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

func (h *house) counts() []int {
	h.t.Helper()
	var selects []string
	for _, table := range counted {
		selects = append(selects, "(select count(*) from "+table+")")
	}
	counts := make([]int, len(counted))
	for i, text := range strings.Split(h.one("select "+strings.Join(selects, " || ' ' || ")), " ") {
		counts[i], _ = strconv.Atoi(text)
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
		Done, Ignored, Parked, Error string
		Results                      []struct{ Result, Field, Reason string }
	}
	if err := json.Unmarshal([]byte(a.Body), &v); err != nil {
		return a.Body
	}
	words := []string{fmt.Sprint(a.Status)}
	for _, r := range v.Results {
		words = append(words, strings.TrimSpace(r.Result+" "+r.Field))
	}
	for what, text := range map[string]string{"done": v.Done, "ignored": v.Ignored, "parked": v.Parked, "error": v.Error} {
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

// Fifty times each, in any sequence and at the same time on three servers over one
// database, webhooks have the effect that they have once, one after the other.
func TestWebhooksThatComeAgainAtOnceInAnySequenceHaveTheirEffectOnce(t *testing.T) {
	t.Parallel()
	all := slices.DeleteFunc(recordedBodies(t), func(r recorded) bool {
		return strings.Contains(r.File, "redact") || // who is erased may come again
			strings.HasSuffix(r.File, "ios_order-without-data.json") || strings.HasSuffix(r.File, "ios_order-auto-draft-status.json") || // one order in one version, told differently
			strings.HasSuffix(r.File, "ios_orders-load-all_2.json") // another customer by the address of one
	})
	deliver := func(to *house, r recorded) {
		a := to.again(func(h *house) answer { return h.deliverRecorded(r, r.body, unchanged) })
		if a.Status == 401 || a.Status == 503 {
			t.Errorf("%s: %d %s", r.File, a.Status, a.Body)
		}
	}
	alone := newShop(t, storetest.SQLite(t), "USD")
	before := alone.counts()
	for _, r := range all {
		deliver(alone, r)
	}
	want := effect(before, alone.counts())
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newShop(t, db, "USD")
		servers := []*house{h}
		for range 2 {
			other := *h
			other.Site = h.another()
			other.Clock = h.Clock
			other.open()
			servers = append(servers, &other)
		}
		times := 50
		if watched.On || db.Engine() == store.SQLite {
			times = 3 // .ci/run has fifty of them without the race detector
		}
		queue := slices.Repeat(all, times)
		random := rand.New(rand.NewPCG(1, 2))
		random.Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
		before := h.counts()
		var senders sync.WaitGroup
		next := make(chan recorded)
		for i := range 9 {
			senders.Go(func() {
				for r := range next {
					deliver(servers[i%3], r)
				}
			})
		}
		for _, r := range queue {
			next <- r
		}
		close(next)
		senders.Wait()
		if got := effect(before, h.counts()); got != want || got == "" {
			t.Errorf("%d deliveries made%s, want%s", len(queue), got, want)
		}
	})
}

// fixture posts a body of the sources' own testdata, signed.
func (h *house) fixture(file string) answer {
	h.t.Helper()
	body, err := os.ReadFile("../webhook/testdata/" + file)
	if err != nil {
		h.t.Fatal(err)
	}
	source, rest, _ := strings.Cut(file, "/")
	parts := strings.Split(rest, ".")
	mac := hmac.New(sha256.New, []byte(shopSecrets[source]))
	r := recorded{Source: source, Headers: map[string]string{"X-Shopify-Topic": parts[0] + "/" + parts[1], "X-WC-Webhook-Topic": parts[0] + "." + parts[1]}}
	mac.Write(body)
	signature := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	r.Headers["X-Shopify-Hmac-Sha256"], r.Headers["X-WC-Webhook-Signature"] = signature, signature
	return h.deliverRecorded(r, body, unchanged)
}

func TestAnOrderEndsTheSameWhateverComesFirst(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newShop(t, db, "EUR")
		for _, sequence := range []string{"create updated refund", "refund updated create", "updated create refund", "refund create updated", "create refund updated", "updated refund create create"} {
			for _, table := range []string{"events", "early_events", "order_lines", "refunds", "orders"} {
				h.exec("delete from " + table)
			}
			for what := range strings.FieldsSeq(sequence) {
				file := map[string]string{"create": "orders.create", "updated": "orders.updated", "refund": "refunds.create"}[what]
				if a := h.fixture("shopify/" + file + ".json"); a.Status != 202 || strings.Contains(a.Body, "parked") {
					t.Fatalf("%s: %d %s", file, a.Status, a.Body)
				}
			}
			got := h.one("select status || ' ' || total || ' less ' || refunded || ', ' || (select count(*) from refunds) || ' refund, ' || (select count(*) from early_events) || ' early' from orders")
			if want := "paid 5990 less 2995, 1 refund, 0 early"; got != want {
				t.Errorf("%s: %s, want %s", sequence, got, want)
			}
		}
	})
}

func TestWhatIsParkedIsAnsweredAndReadAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newShop(t, db, "SEK") // the orders are in euros
		for range 3 {
			if a := h.fixture("shopify/orders.create.json"); a.Status != 202 || !strings.Contains(a.JSON("parked"), `"EUR" is not the program's SEK`) {
				t.Fatalf("an order in another currency: %d %s", a.Status, a.Body)
			}
		}
		h.fixture("shopify/customers.data_request.json")
		if a := h.fixture("shopify/app.uninstalled.json"); a.Status != 202 || a.JSON("ignored") == "" {
			t.Errorf("what is of no matter: %d %s", a.Status, a.Body)
		}
		ctx := context.Background()
		var list []parked.Hook
		h.update(func(tx *store.Tx) (err error) { list, err = parked.List(tx, false, 10); return err })
		if len(list) != 2 || list[1].Topic != "orders/create" || strings.Contains(list[1].Headers, "Hmac") {
			t.Fatalf("parked: %+v", list)
		}
		if again, err := parked.Replay(ctx, db, h.Intake, list[1].ID); err != nil || again.State != parked.Waiting {
			t.Errorf("Replay in the same currency = %+v, %v", again, err)
		}
		h.inCurrency("EUR")
		if again, err := parked.Replay(ctx, db, h.Intake, list[1].ID); err != nil || again.State != parked.Stored {
			t.Errorf("Replay = %+v, %v", again, err)
		}
		if again, err := parked.Replay(ctx, db, h.Intake, list[0].ID); err != nil || again.State != parked.Waiting {
			t.Errorf("Replay of a request = %+v, %v: a person has to do it", again, err)
		}
		if h, err := parked.Settle(ctx, db, list[0].ID); err != nil || h.State != parked.Done {
			t.Errorf("Settle = %+v, %v", h, err)
		}
		if got := h.one("select count(*) || ' ' || max(total) from orders") + ", " + h.one("select count(*) from hooks where state = 'parked'"); got != "1 5990, 0" {
			t.Errorf("after all: %s", got)
		}
	})
}

// A customer whom Shopify has us forget is erased, once; who is not known is no matter; and
// a number alone that is the shop's own of somebody finds nobody.
func TestWhomTheShopHasUsForgetIsErased(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newShop(t, db, "EUR")
		h.fixture("shopify/orders.create.json")
		for i, want := range []string{"done", "ignored"} {
			if a := h.fixture("shopify/customers.redact.json"); a.Status != 202 || a.JSON(want) == "" {
				t.Errorf("asked for the %d. time: %d %s, want %s", i+1, a.Status, a.Body, want)
			}
		}
		if got := h.one("select count(*) || ' ' || count(erased_at) || ' ' || max(email) || max(first_name) from members"); got != "1 1 " {
			t.Errorf("members, erased, what names them: %q", got)
		}
		if got := h.one("select count(*) from orders where counts"); got != "1" {
			t.Errorf("%s orders count, want 1: figures stay", got)
		}
	})
}

func TestNothingIsAnsweredWellThatIsNotKept(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newShop(t, db, "EUR")
		h.update(func(tx *store.Tx) error {
			var rows [][]any
			for i := range parked.Most {
				rows = append(rows, []any{fmt.Sprint(i)})
			}
			_, err := tx.Exec("insert into hooks (source, external_id, received_at, state) select 'shopify', r.id, "+tx.Instant("@now")+", 'parked' from "+tx.Values("id text"),
				store.Args{"rows": store.Rows(rows), "now": tx.At})
			return err
		})
		if a := h.fixture("shopify/moons.create.json"); a.Status != 503 {
			t.Errorf("with no room to park: %d %s, want 503", a.Status, a.Body)
		}
		if a := h.fixture("shopify/orders.create.json"); a.Status != 202 {
			t.Errorf("what is understood: %d %s", a.Status, a.Body)
		}
		encoded := recorded{Source: "shopify", Headers: map[string]string{"Content-Encoding": "gzip", "X-Shopify-Hmac-Sha256": base64.StdEncoding.EncodeToString(make([]byte, 32))}}
		if a := h.deliverRecorded(encoded, []byte("x"), unchanged); a.Status != 415 {
			t.Errorf("an encoded body: %d %s, want 415", a.Status, a.Body)
		}
		large := recorded{Source: "shopify", Headers: encoded.Headers}
		if a := h.deliverRecorded(large, make([]byte, 9<<20), func(name, value string) string {
			if name == "Content-Encoding" {
				return ""
			}
			return value
		}); a.Status != 413 {
			t.Errorf("nine megabytes: %d %s, want 413", a.Status, a.Body)
		}
	})
}

// inCurrency puts the program of testdata in force in another currency.
func (h *house) inCurrency(currency string) {
	h.t.Helper()
	files := shopFiles(h.t)
	files["program.yaml"] = strings.Replace(files["program.yaml"], "currency:  EUR", "currency:  "+currency, 1)
	h.update(func(tx *store.Tx) error { _, err := apply.Apply(tx, files, "test", ""); return err })
}
