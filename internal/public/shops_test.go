package public_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regulars/internal/apply"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

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

// effects is all that deliveries can change.
func (h *house) effects() string {
	return h.one(`select (select count(*) from events) || ' events, ' || (select count(*) from early_events) || ' early, ' || (select count(*) from orders) || ' orders, ' ||
		(select count(*) from refunds) || ' refunds, ' || (select count(*) from members) || ' members, ' || (select count(*) from hooks) || ' parked, ' || (select count(*) from consents) || ' answers'`)
}

// said is what became of a delivery, in short.
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
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newShop(t, db, "USD")
		for _, r := range all {
			before := h.effects()
			a := h.deliverRecorded(r, r.body, unchanged)
			got := outcome(a)
			fmt.Printf("\t\t%q: %q, // %s -> %s\n", r.File, got, before, h.effects())
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
