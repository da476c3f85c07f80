package public_test

import (
	"fmt"
	"strings"
	"testing"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// give gives a member a code of a pool, issued as if its mail had been sent, and
// returns it.
func (h *house) give(pool, code string, member int64, validUntil string) string {
	h.t.Helper()
	h.update(func(tx *store.Tx) error {
		_, err := tx.Exec(`
			insert into codes (pool_id, code, folded, state, occurrence_id, member_id, reserved_at, issued_at, valid_until)
			values ((select id from pools where name = @pool), @code, @folded, 'issued',
			        (select coalesce(max(occurrence_id), 0) + 1 from codes), @member, @now, @now, `+validUntil+`)`,
			store.Args{"pool": pool, "code": code, "folded": loyalty.FoldCode(code), "member": member, "now": tx.At})
		return err
	})
	return code
}

func TestTillsLookAtCodesAndRedeemThem(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		ana, ben := h.join("M-1", "en"), h.join("M-2", "en")
		h.give("gift", "GIFT-AAAA-1111", ana, "20890")
		h.give("gift", "GIFT-BBBB-2222", ben, "20879")
		h.give("coffee", "FREE", ana, "null")
		h.give("gift", "GIFT-CCCC-3333", ana, "null")
		h.deliver("d", placed("e-1", "O-1", "M-1", "30.00"))
		h.exec("update codes set state = 'free', member_id = null, occurrence_id = null where code = 'FREE'")

		for path, want := range map[string]string{
			"GIFT-AAAA-1111":            `{"code":"GIFT-AAAA-1111","pool":"gift","good":true,"valid_until":"2027-03-13","gives":{"amount_minor":500},"for":{"minimum_minor":2500}}`,
			"gift%20aaaa%20llll":        `{"code":"GIFT-AAAA-1111","pool":"gift","good":true,"valid_until":"2027-03-13","gives":{"amount_minor":500},"for":{"minimum_minor":2500}}`,
			"GIFT-AAAA-1111?member=M-2": `{"code":"GIFT-AAAA-1111","pool":"gift","good":false,"reason":"not_theirs","valid_until":"2027-03-13","gives":{"amount_minor":500},"for":{"minimum_minor":2500}}`,
			"GIFT-BBBB-2222":            `{"code":"GIFT-BBBB-2222","pool":"gift","good":false,"reason":"expired","valid_until":"2027-03-02","gives":{"amount_minor":500},"for":{"minimum_minor":2500}}`,
			"FREE":                      `{"code":"FREE","pool":"coffee","good":false,"reason":"not_given","gives":{"perk":"a coffee, \u003cfree\u003e"},"for":{}}`,
			"NOT-OURS":                  `{"error":"the code is refused: unknown","reason":"unknown"}`,
			"FREE?member=M-9":           `{"error":"there is no member \"M-9\"","field":"member"}`,
		} {
			if a := h.as("redeem", "GET", "/v1/coupons/"+path, ""); strings.TrimSpace(a.Body) != want {
				t.Errorf("GET %s: %d %s\nwant %s", path, a.Status, a.Body, want)
			}
		}
		if got := h.one("select count(*) from redemptions"); got != "0" {
			t.Errorf("looking redeemed %s codes", got)
		}
		for _, tt := range []struct {
			claim, code, body string
			status            int
			field, want       string
		}{
			{"another member's", "GIFT-AAAA-1111", `{"member": "M-2"}`, 409, "reason", coupon.NotTheirs},
			{"nobody's order", "GIFT-AAAA-1111", `{"order": "O-9"}`, 422, "field", "order"},
			{"no amount", "GIFT-AAAA-1111", `{"discount": "lots"}`, 422, "field", "discount"},
			{"a negative amount", "GIFT-AAAA-1111", `{"discount": -5}`, 422, "field", "discount"},
			{"a field too many", "GIFT-AAAA-1111", `{"till": 4}`, 422, "field", "till"},
			{"no JSON", "GIFT-AAAA-1111", `till`, 400, "reason", ""},
			{"for an order", "gift-aaaa-1111", `{"member": "M-1", "order": "O-1", "discount": "5.00"}`, 200, "good", "true"},
			{"again for the same order", "GIFT-AAAA-1111", `{"member": "M-1", "order": "O-1", "discount": "5.00"}`, 200, "again", "true"},
			{"again", "GIFT-AAAA-1111", ``, 409, "reason", coupon.AlreadyUsed},
			{"expired", "GIFT-BBBB-2222", ``, 409, "reason", coupon.Past},
			{"without a body", "GIFT-CCCC-3333", ``, 200, "good", "true"},
			{"not ours", "NOT-OURS", ``, 404, "reason", coupon.Unknown},
		} {
			a := h.as("redeem", "POST", "/v1/coupons/"+tt.code+"/redeem", tt.body)
			if a.Status != tt.status || a.JSON(tt.field) != tt.want {
				t.Errorf("%s: %d %s, want %d and %s %s", tt.claim, a.Status, a.Body, tt.status, tt.field, tt.want)
			}
		}
		if got := strings.Join(h.rows("select c.code || ' ' || r.discount from redemptions r join codes c on c.id = r.code_id order by r.id"), ", "); got != "GIFT-AAAA-1111 500, GIFT-CCCC-3333 0" {
			t.Errorf("redemptions: %s", got)
		}
	})
}

func TestARedeemWithAKeyIsSafeToRepeat(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		ana := h.join("M-1", "en")
		h.give("gift", "GIFT-AAAA-1111", ana, "20890")
		for i, body := range []string{`{"key": "basket-7", "discount": "5.00"}`, `{"key": "basket-7", "discount": "5.00"}`} {
			a := h.as("redeem", "POST", "/v1/coupons/GIFT-AAAA-1111/redeem", body)
			if a.Status != 200 || a.JSON("again") != map[bool]string{true: "true", false: ""}[i > 0] {
				t.Errorf("redeem %d with a key: %d %s", i, a.Status, a.Body)
			}
		}
		if a := h.as("redeem", "POST", "/v1/coupons/GIFT-AAAA-1111/redeem", `{"key": "basket-8"}`); a.Status != 409 {
			t.Errorf("redeem with another key: %d %s, want it refused", a.Status, a.Body)
		}
		if got := h.one("select count(*) || ' ' || sum(discount) from redemptions"); got != "1 500" {
			t.Errorf("redemptions: %s, want one", got)
		}
	})
}

func TestCodesAreNotToBeGuessed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		ana := h.join("M-1", "en")
		h.give("gift", "GIFT-AAAA-1111", ana, "20890")
		statuses := map[int]int{}
		for n := range 200 {
			path, method := fmt.Sprintf("/v1/coupons/GIFT-%04d-%04d", n, n), "GET"
			if n%2 == 1 {
				path, method = path+"/redeem", "POST"
			}
			a := h.as("redeem", method, path, "")
			statuses[a.Status]++
			if a.Status == 429 && (a.Header.Get("Retry-After") == "" || !strings.Contains(a.Body, "not to be guessed")) {
				t.Fatalf("%s %s: %v %s", method, path, a.Header, a.Body)
			}
		}
		// Two minutes may meet in the middle of it.
		if statuses[404] < 60 || statuses[404] > 120 || statuses[404]+statuses[429] != 200 {
			t.Errorf("200 guesses of codes: %v, want 60 answered in a minute and the rest refused", statuses)
		}
	})
}

func TestADiscountThatCannotBeAddedUpIsRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		h.give("gift", "GIFT-AAAA-1111", h.join("M-1", "en"), "20890")
		for _, amount := range []string{"90000000000000000.00", "99999999999999.00", "1e17"} {
			if a := h.as("redeem", "POST", "/v1/coupons/GIFT-AAAA-1111/redeem", `{"discount": "`+amount+`"}`); a.Status != 422 || a.JSON("field") != "discount" {
				t.Errorf("a discount of %s: %d %s, want it refused", amount, a.Status, a.Body)
			}
		}
	})
}
