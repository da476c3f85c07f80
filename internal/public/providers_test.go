package public_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/internal/delivery"
	"regulars/internal/mailnews"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/internal/store/storetest/watched"
)

// topics are the SNS topics of the recorded deliveries of SES.
const topics = "arn:aws:sns:us-east-1:1234567890:SES_Events,arn:aws:sns:us-east-1:123456789012:SES_Events,arn:aws:sns:us-west-2:123456789012:SES_Notifications"

// recordedNews are the deliveries of the mail providers, and where their keys lie; the
// test is skipped where the data is not.
func recordedNews(t testing.TB) (all []recorded, keys string) {
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
		p, ours := mailnews.Named(strings.TrimPrefix(r.Source, "amazon_"))
		if !ours {
			continue
		}
		r.Source = p.Name
		if r.body, err = os.ReadFile(filepath.Join(dir, r.File)); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all, filepath.Join(dir, "_keys")
}

// hearsNews has a house take the deliveries of all mail providers, at the moment of the
// recordings.
func (h *house) hearsNews(keys string) {
	h.t.Helper()
	var given map[string]any
	text, err := os.ReadFile(filepath.Join(keys, "secrets.json"))
	if err == nil {
		err = json.Unmarshal(text, &given)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	h.Secrets["mail/ses"] = strings.Split(topics, ",")
	for name, v := range given {
		if secret, ok := v.(string); ok {
			h.Secrets["mail/"+name] = []string{secret}
		}
	}
	h.Clock = func() time.Time { return time.Unix(1770000000, 0) }
	h.Learn = delivery.New(delivery.Config{DB: h.db, Secret: []byte("a key of this test's own")}).Learn
	h.Fetch = func(address string) ([]byte, error) {
		if strings.Contains(address, "Action=ConfirmSubscription") {
			return nil, nil
		}
		return os.ReadFile(filepath.Join(keys, "sns_cert.pem"))
	}
	h.open()
}

func (h *house) deliverNews(r recorded, headers map[string]string) answer {
	q := httptest.NewRequest("POST", "/hooks/mail/"+r.Source, bytes.NewReader(r.body))
	for name, value := range headers {
		q.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.handle.ServeHTTP(w, q)
	return answer{w.Code, w.Header(), w.Body.String()}
}

// newsTables are those that news can change.
var newsTables = []string{"mail_news", "suppressions", "soft_bounces", "refusals", "consents", "sends"}

func (h *house) newsCounts() (n []string) {
	for _, table := range newsTables {
		n = append(n, h.one("select count(*) from "+table))
	}
	return n
}

// Every recorded delivery of a mail provider comes through the door into the database: who
// is gone or complains gets nothing any more, who opts out has said no, and the rest is
// noted. A second time it has no effect, and what was tampered with has none at all.
func TestEveryRecordedDeliveryOfAMailProviderHasTheEffectOfItsTopic(t *testing.T) {
	t.Parallel()
	all, keys := recordedNews(t)
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		h.hearsNews(keys)
		var golden strings.Builder
		for _, r := range all {
			secret := "mail/" + r.Source
			// Postmark signs nothing, and Mailgun not its event: there another secret is tried alone.
			h.exec("delete from suppressions")
			before := h.newsCounts()
			for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
				forged := maps.Clone(r.Headers)
				delete(forged, name)
				if name != "Content-Type" && name != "User-Agent" && !strings.HasPrefix(strings.ToLower(name), "x-amz") {
					if a := h.deliverNews(r, forged); a.Status != 401 {
						t.Errorf("%s without its %s: %d %s", r.File, name, a.Status, a.Body)
					}
				}
			}
			secrets := h.Secrets[secret]
			h.Secrets[secret] = []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
			if a := h.deliverNews(r, r.Headers); a.Status != 401 {
				t.Errorf("%s with another secret: %d %s", r.File, a.Status, a.Body)
			}
			h.Secrets[secret] = secrets
			if after := h.newsCounts(); !slices.Equal(after, before) {
				t.Errorf("%s tampered with: %v of %v, were %v", r.File, after, newsTables, before)
			}
			first := h.deliverNews(r, r.Headers)
			fmt.Fprintf(&golden, "%s: %d %s |", r.File, first.Status, effects(first))
			once := h.newsCounts()
			for i, table := range newsTables {
				if once[i] != before[i] {
					fmt.Fprintf(&golden, " %s %s → %s", table, before[i], once[i])
				}
			}
			golden.WriteByte('\n')
			if again := h.deliverNews(r, r.Headers); again.Status != first.Status || !slices.Equal(h.newsCounts(), once) {
				t.Errorf("%s again: %d %s, %v", r.File, again.Status, again.Body, h.newsCounts())
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

// As for shops: fifty times each, in any sequence and at the same time on three servers.
func TestNewsThatComesAgainAtOnceHasItsEffectOnce(t *testing.T) {
	t.Parallel()
	all, keys := recordedNews(t)
	alone := newHouse(t, storetest.SQLite(t))
	alone.hearsNews(keys)
	for _, r := range all {
		alone.deliverNews(r, r.Headers)
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		h.hearsNews(keys)
		servers := []*house{h}
		for range 2 {
			other := *h
			other.Site = h.another()
			other.hearsNews(keys)
			servers = append(servers, &other)
		}
		times := 50
		if watched.On || db.Engine() == store.SQLite {
			times = 3 // .ci/run has fifty of them without the race detector
		}
		queue := slices.Repeat(all, times)
		random := rand.New(rand.NewPCG(1, 2))
		random.Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
		var senders sync.WaitGroup
		next := make(chan recorded)
		for i := range 9 {
			senders.Go(func() {
				for r := range next {
					a := servers[i%3].again(func(h *house) answer { return h.deliverNews(r, r.Headers) })
					if a.Status/100 != 2 {
						t.Errorf("%s: %d %s", r.File, a.Status, a.Body)
					}
				}
			})
		}
		for _, r := range queue {
			next <- r
		}
		close(next)
		senders.Wait()
		if got, want := h.newsCounts(), alone.newsCounts(); !slices.Equal(got, want) {
			t.Errorf("%d deliveries made %v of %v, want %v", len(queue), got, newsTables, want)
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
