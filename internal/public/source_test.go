package public_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/internal/webhook"
)

// till is a made-up system: its secret stands in a header, and a body is one receipt.
var till = webhook.Source{
	Name:   "till",
	Secret: func(string) error { return nil },
	Headers: func(d webhook.Delivery) error {
		if d.Header.Get("Till-Key") == "" {
			return webhook.ErrUnsigned
		}
		return nil
	},
	Verify: func(d webhook.Delivery, secrets []string) error {
		for _, secret := range secrets {
			if d.Header.Get("Till-Key") == secret {
				return nil
			}
		}
		return webhook.ErrForged
	},
	Decode: func(d webhook.Delivery, o webhook.Options) ([]loyalty.Event, []webhook.FieldError, error) {
		var r struct {
			Receipt, Card string
			Cents         int64
			At            loyalty.Instant
		}
		if err := json.Unmarshal(d.Body, &r); err != nil {
			return nil, nil, err
		}
		if r.Cents == 0 {
			return nil, []webhook.FieldError{{ID: r.Receipt, Field: "cents", Reason: "is missing"}}, nil
		}
		return []loyalty.Event{{Source: o.Source, Via: o.Via, ID: r.Receipt, Type: loyalty.OrderPlaced, At: r.At, Member: loyalty.Member{Card: r.Card},
			Order: &loyalty.Order{ID: r.Receipt, Currency: o.Currency, Total: r.Cents, HasTotal: true}}}, nil, nil
	},
}

func TestAnotherSourceInTheTableIsTaken(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		h.Sources = append([]webhook.Source{till}, webhook.Sources...)
		h.open()
		receipt := `{"receipt": "R-1", "card": "77", "cents": 1250, "at": "2027-03-03T10:00:00Z"}`
		if a := h.ask("POST", "/hooks/till", receipt, "Till-Key: tick"); a.Status != http.StatusServiceUnavailable || a.JSON("error") != "this hook is closed: HOOK_SECRET_TILL is not set" {
			t.Errorf("without a secret: %d %s", a.Status, a.Body)
		}
		h.Secrets = map[string][]string{"till": {"tick"}, "standard": {hookSecret}}
		h.open()
		for _, tt := range []struct {
			claim, path, body, key string
			status                 int
			field, want            string
		}{
			{"signed", "/hooks/till", receipt, "tick", 202, "results.0.result", "stored"},
			{"again", "/hooks/till", receipt, "tick", 202, "results.0.result", "duplicate"},
			{"unsigned", "/hooks/till", receipt, "", 401, "error", "it is not signed"},
			{"forged", "/hooks/till", receipt, "tock", 401, "error", "no signature matches: is HOOK_SECRET_TILL the secret that the sender signs with?"},
			{"not a receipt", "/hooks/till", "receipt", "tick", 400, "", ""},
			{"a receipt of nothing", "/hooks/till", `{"receipt": "R-2"}`, "tick", 422, "results.0.field", "cents"},
			{"a source that is none", "/hooks/shopkeeper", receipt, "tick", 404, "", ""},
		} {
			a := h.ask("POST", tt.path, tt.body, "Till-Key: "+tt.key)
			if got := a.JSON(tt.field); a.Status != tt.status || tt.field != "" && got != tt.want {
				t.Errorf("%s: %d %s, want %d and %s %q", tt.claim, a.Status, a.Body, tt.status, tt.field, tt.want)
			}
		}
		if got := h.one("select source || ' ' || external_id || ' ' || total from orders"); got != "shop R-1 1250" {
			t.Errorf("orders: %s", got)
		}
		if a := h.deliver("d-1", placed("e-1", "O-1", "M-1", "59.90")); a.Status != http.StatusAccepted {
			t.Errorf("the standard source beside it: %d %s", a.Status, a.Body)
		}
	})
}
