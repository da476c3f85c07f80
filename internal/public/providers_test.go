package public_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"regulars/internal/delivery"
	"regulars/internal/mailnews"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// topics are the SNS topics of the recorded deliveries of SES.
const topics = "arn:aws:sns:us-east-1:1234567890:SES_Events,arn:aws:sns:us-east-1:123456789012:SES_Events,arn:aws:sns:us-west-2:123456789012:SES_Notifications"

// Every recorded delivery of a mail provider comes through the door into the database: who
// is gone or complains gets nothing any more, who opts out has said no, and the rest is
// noted. A second time it has no effect, and what was tampered with has none at all.
func TestEveryRecordedDeliveryOfAMailProviderHasTheEffectOfItsTopic(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(cmp.Or(os.Getenv("REGULARS_DATA"), "../../../shared"), "data/webhooks")
	index, err := os.ReadFile(filepath.Join(dir, "index.jsonl"))
	if err != nil {
		t.Skip("no recorded bodies of other systems here: ", err)
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		var given map[string]any
		text, err := os.ReadFile(filepath.Join(dir, "_keys/secrets.json"))
		if err == nil {
			err = json.Unmarshal(text, &given)
		}
		if err != nil {
			t.Fatal(err)
		}
		h.Secrets["mail/ses"] = strings.Split(topics, ",")
		for name, v := range given {
			if secret, ok := v.(string); ok {
				h.Secrets["mail/"+name] = []string{secret}
			}
		}
		h.Clock = func() time.Time { return time.Unix(1770000000, 0) }
		h.Learn = delivery.New(delivery.Config{DB: db, Secret: []byte("a key of this test's own")}).Learn
		h.Fetch = func(address string) ([]byte, error) {
			if strings.Contains(address, "Action=ConfirmSubscription") {
				return nil, nil
			}
			return os.ReadFile(filepath.Join(dir, "_keys/sns_cert.pem"))
		}
		h.open()
		post := func(path string, headers map[string]string, body []byte) answer {
			q := httptest.NewRequest("POST", "/hooks/mail/"+path, bytes.NewReader(body))
			for name, value := range headers {
				q.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			h.handle.ServeHTTP(w, q)
			return answer{w.Code, w.Header(), w.Body.String()}
		}
		tables := []string{"mail_news", "suppressions", "soft_bounces", "refusals", "consents", "sends"}
		count := func() (n []string) {
			for _, table := range tables {
				n = append(n, h.one("select count(*) from "+table))
			}
			return n
		}
		var golden strings.Builder
		for lines := bufio.NewScanner(bytes.NewReader(index)); lines.Scan(); {
			var r recorded
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			p, ours := mailnews.Named(strings.TrimPrefix(r.Source, "amazon_"))
			if !ours {
				continue
			}
			body, err := os.ReadFile(filepath.Join(dir, r.File))
			if err != nil {
				t.Fatal(err)
			}
			// Postmark signs nothing, and Mailgun not its event: there another secret is tried alone.
			h.exec("delete from suppressions")
			before := count()
			for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
				forged := maps.Clone(r.Headers)
				delete(forged, name)
				if name != "Content-Type" && name != "User-Agent" && !strings.HasPrefix(strings.ToLower(name), "x-amz") {
					if a := post(p.Name, forged, body); a.Status != 401 {
						t.Errorf("%s without its %s: %d %s", r.File, name, a.Status, a.Body)
					}
				}
			}
			secrets := h.Secrets["mail/"+p.Name]
			h.Secrets["mail/"+p.Name] = []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
			if a := post(p.Name, r.Headers, body); a.Status != 401 {
				t.Errorf("%s with another secret: %d %s", r.File, a.Status, a.Body)
			}
			h.Secrets["mail/"+p.Name] = secrets
			if after := count(); !slices.Equal(after, before) {
				t.Errorf("%s tampered with: %v of %v, were %v", r.File, after, tables, before)
			}
			first := post(p.Name, r.Headers, body)
			fmt.Fprintf(&golden, "%s: %d %s |", r.File, first.Status, effects(first))
			once := count()
			for i, table := range tables {
				if once[i] != before[i] {
					fmt.Fprintf(&golden, " %s %s → %s", table, before[i], once[i])
				}
			}
			golden.WriteByte('\n')
			if again := post(p.Name, r.Headers, body); again.Status != first.Status || !slices.Equal(count(), once) {
				t.Errorf("%s again: %d %s, %v", r.File, again.Status, again.Body, count())
			}
		}
		const file = "testdata/providers.golden"
		if *renew {
			if err := os.WriteFile(file, []byte(golden.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(file); err != nil || golden.String() != string(want) {
			t.Errorf("effects are\n%s\nwant\n%s %v", golden.String(), want, err)
		}
	})
}

// effects are what a delivery of news did, in words.
func effects(a answer) string {
	var v struct {
		Results []struct{ Result, Effect, Reason string }
	}
	if err := json.Unmarshal([]byte(a.Body), &v); err != nil {
		return a.Body
	}
	var words []string
	for _, r := range v.Results {
		words = append(words, cmp.Or(r.Effect, r.Reason, r.Result))
	}
	return strings.Join(words, "; ")
}
