package webhook_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regulars/internal/webhook"
)

var update = flag.Bool("update", false, "write the golden files")

func TestRecordedBodiesAreReadAsBefore(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob("testdata/standard/*.json")
	if len(files) == 0 {
		t.Fatal("no recorded bodies")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := decoded(t, string(body))
			golden := strings.TrimSuffix(file, ".json") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("Decode(%s) =\n%s\nwant\n%s", file, got, want)
			}
		})
	}
}

// decoded writes what Decode returned as people can read and compare it.
func decoded(t *testing.T, body string) string {
	t.Helper()
	events, refused, err := webhook.Decode([]byte(body), webhook.Options{Source: "standard", Currency: "EUR"})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range events {
		text, err := json.MarshalIndent(e, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n", text)
	}
	for _, r := range refused {
		fmt.Fprintf(&b, "refused %d %q: %s: %s\n", r.Index, r.ID, r.Field, r.Reason)
	}
	return b.String()
}

func TestARefusalNamesTheFieldAndTheReason(t *testing.T) {
	t.Parallel()
	many := strings.Repeat(`{"total": 1},`, 1001)
	tests := []struct{ name, event, field, reason string }{
		{"an amount that is no number", `{"id": "1", "order": {"total": "free"}}`, "order.total", `"free" is not a number like 59.90`},
		{"an amount as a truth", `{"id": "1", "order": {"total": true}}`, "order.total", "is not a number"},
		{"a larger amount than there is money", `{"id": "1", "order": {"total": 1e30}}`, "order.total", `"1e30" is larger than we can count`},
		{"a member that is a text", `{"id": "1", "member": "Ana"}`, "member", "is not an object"},
		{"points of parts", `{"id": "1", "type": "points.changed", "balance": 12.5}`, "balance", `"12.5" is not a whole number`},
		{"a moment without an offset", `{"id": "1", "at": "2026-11-22T10:00:00"}`, "at", "has no offset from UTC"},
		{"a date for a moment", `{"id": "1", "at": "2026-11-22"}`, "at", "is not a moment"},
		{"a moment that never was", `{"id": "1", "at": "2026-02-30T10:00:00Z"}`, "at", "is not a moment"},
		{"more lines than a till prints", `{"id": "1", "order": {"lines": [` + many + `{}]}}`, "order.lines", "has 1002 entries: at most 1000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			body := `[{"id": "good"}, ` + tt.event + `, {"id": "good too"}]`
			events, refused, err := webhook.Decode([]byte(body), webhook.Options{Currency: "EUR"})
			if err != nil || len(events) != 2 || len(refused) != 1 {
				t.Fatalf("Decode = %d events, %v, %v, want two events and one refused", len(events), refused, err)
			}
			r := refused[0]
			if r.Index != 1 || r.ID != "1" || r.Field != tt.field || !strings.Contains(r.Reason, tt.reason) {
				t.Errorf("refused %+v, want event 1, %s: …%s…", r, tt.field, tt.reason)
			}
		})
	}
}

func TestWhatAnEventCanDoWithoutIsLeftOutAndSaid(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, event, field, reason string }{
		{"a name that is an object", `{"id": "1", "member": {"first_name": {}}}`, "member.first_name", "is not a text"},
		{"tags as a text", `{"id": "1", "member": {"tags": "club"}}`, "member.tags", "is not a list"},
		{"consent in words", `{"id": "1", "member": {"consent": {"offers": "yes"}}}`, "member.consent.offers", "is neither true nor false"},
		{"unknown fields nested without end", `{"id": "1", "x": ` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}`, "x", "is nested deeper than 8"},
		{"unknown fields without end", `{"id": "1", "x": "` + strings.Repeat("x", 1<<17) + `"}`, "event", "more than 64 KB"},
		{"pounds and pence of three places", `{"id": "1", "order": {"total": "10.005"}}`, "order.total", `"10.005" has more decimals than EUR: it is taken as 10.01`},
		{"cheese by weight", `{"id": "1", "order": {"lines": [{"quantity": 0.4}]}}`, "order.lines[0].quantity", "counts as one"},
		{"labels as a text", `{"id": "1", "order": {"lines": [{"labels": "sale"}]}}`, "order.lines[0].labels", "is not a list"},
		{"a shop that is a list", `{"id": "1", "order": {"shop": []}}`, "order.shop", "is not a text"},
		{"an order that is updated", `{"id": "1", "type": "order.updated", "order": {"id": "O", "total": "10.00"}}`, "type", `"order.updated" is none of ours`},
		{"an order that is canceled", `{"id": "1", "type": "order.canceled", "order": {"id": "O"}}`, "type", "orders come by order.placed, order.changed"},
		{"a refund that is paid", `{"id": "1", "type": "refund.paid", "order": {"id": "O"}, "refund": {"total": "1.00"}}`, "type", "nothing comes of its order"},
	}
	for _, tt := range tests {
		events, refused, err := webhook.Decode([]byte(tt.event), webhook.Options{Currency: "EUR"})
		if err != nil || len(events) != 1 || len(refused) != 0 || len(events[0].Notes) != 1 {
			t.Errorf("%s: Decode = %+v, %v, %v, want one event with one note", tt.name, events, refused, err)
			continue
		}
		if n := events[0].Notes[0]; n.Field != tt.field || !strings.Contains(n.Reason, tt.reason) {
			t.Errorf("%s: noted %+v, want %s: …%s…", tt.name, n, tt.field, tt.reason)
		}
	}
}

// TestAnEventOfTheirOwnMayNameAnOrder that it is about, and nobody is told anything.
func TestAnEventOfTheirOwnMayNameAnOrder(t *testing.T) {
	t.Parallel()
	for _, event := range []string{`{"id": "1", "type": "review.written", "order": {"id": "O"}}`, `{"id": "1", "type": "order.changed", "order": {"id": "O", "total": "1.00"}}`} {
		events, refused, err := webhook.Decode([]byte(event), webhook.Options{Currency: "EUR"})
		if err != nil || len(refused) != 0 || len(events) != 1 || len(events[0].Notes) != 0 {
			t.Errorf("%s: Decode = %+v, %v, %v, want one event without a note", event, events, refused, err)
		}
	}
}

func TestABodyThatIsNotOursIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body, want string }{
		{"nothing", ``, "not JSON"},
		{"half an event", `{"id": "1"`, "not JSON"},
		{"a text", `"hello"`, "neither an event nor an array"},
		{"two values", `{"id": "1"} {"id": "2"}`, "goes on"},
		{"too many", `[` + strings.Repeat("{},", 1000) + `{}]`, "has 1001 events: at most 1000"},
		{"too large", strings.Repeat(" ", webhook.MaxBody) + `{}`, "larger than 8 MB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			events, refused, err := webhook.Decode([]byte(tt.body), webhook.Options{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Decode = %v, %v, %v, want an error with %q", events, refused, err, tt.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	files, _ := filepath.Glob("testdata/standard/*.json")
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Add([]byte(`[{"member": {"ids": {"a": 1}, "tags": [1], "consent": {"offers": null}}}, []]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		events, refused, err := webhook.Decode(body, webhook.Options{Source: "standard", Currency: "JPY"})
		if err != nil && (events != nil || refused != nil) {
			t.Errorf("Decode(%q) = %v, %v beside %v", body, events, refused, err)
		}
		for _, r := range refused {
			if r.Field == "" || r.Reason == "" {
				t.Errorf("Decode(%q) refuses without a word: %+v", body, r)
			}
		}
		for _, e := range events {
			if _, err := json.Marshal(e); err != nil {
				t.Errorf("Decode(%q) = %+v, which is not JSON: %v", body, e, err)
			}
		}
	})
}
