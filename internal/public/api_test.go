package public_test

import (
	"context"
	"strings"
	"testing"

	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestWhoMayUseTheAPI(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		var gone string
		h.update(func(tx *store.Tx) (err error) {
			if gone, err = staff.CreateToken(tx, "gone", "", staff.Scopes, "test"); err != nil {
				return err
			}
			return staff.RevokeToken(tx, "gone", "test")
		})
		needs := map[string]string{
			"POST /v1/events": "write", "POST /v1/jobs": "launch", "GET /v1/jobs": "read", "GET /v1/jobs/1": "read",
			"GET /v1/members/find": "read", "GET /v1/coupons/X": "redeem", "POST /v1/coupons/X/redeem": "redeem",
			"GET /v1/members/M-1/export": "read", "POST /v1/members/M-1/erase": "write", "POST /v1/members/M-1/merge": "write",
		}
		for route, scope := range needs {
			method, path, _ := strings.Cut(route, " ")
			for claim, authorization := range map[string]string{
				"without a token": "", "with a password": "Basic YTpi", "with an empty token": "Bearer ", "with a wrong token": "Bearer rgl_" + strings.Repeat("x", 43),
				"with a token of somebody else's": "Bearer ghp_1234", "with a revoked token": "Bearer " + gone,
			} {
				a := h.ask(method, path, "", "Authorization: "+authorization)
				if a.Status != 401 || !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Bearer") {
					t.Errorf("%s %s: %d %s, want 401", route, claim, a.Status, a.Body)
				}
			}
			for _, other := range staff.Scopes {
				a := h.ask(method, path, "", "Authorization: bearer  "+h.tokens[other])
				if refused := a.Status == 403; refused != (other != scope) {
					t.Errorf("%s with the scope %s: %d %s, want 403 unless it is %s", route, other, a.Status, a.Body, scope)
				}
			}
		}
	})
}

func TestTokensAreMadeListedAndRevoked(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		make := func(name string, scopes ...string) (token string, err error) {
			err = db.Update(context.Background(), func(tx *store.Tx) (err error) {
				token, err = staff.CreateToken(tx, name, "", scopes, "test")
				return err
			})
			return token, err
		}
		revoke := func(name string) error {
			return db.Update(context.Background(), func(tx *store.Tx) error { return staff.RevokeToken(tx, name, "test") })
		}
		first, err := make("till", "redeem", "read", "read")
		if err != nil || !strings.HasPrefix(first, "rgl_") || len(first) != 47 {
			t.Errorf("CreateToken(till) = %q, %v", first, err)
		}
		for _, tt := range []struct {
			name   string
			scopes []string
			want   string
		}{
			{"till", []string{"read"}, "is there already"},
			{"", []string{"read"}, "a token's name is of letters"},
			{"two words", []string{"read"}, "a token's name is of letters"},
			{"all", nil, "at least one scope of read, write, launch, redeem"},
			{"all", []string{"admin"}, `there is no scope "admin"`},
		} {
			if _, err := make(tt.name, tt.scopes...); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("CreateToken(%q, %v) = %v, want %q", tt.name, tt.scopes, err, tt.want)
			}
		}
		if err := revoke("till"); err != nil {
			t.Error(err)
		}
		if err := revoke("till"); err == nil {
			t.Error("a revoked token was revoked again")
		}
		second, err := make("till", "read")
		if err != nil || second == first {
			t.Errorf("CreateToken(till) after it was revoked = %q, %v; want another token", second, err)
		}
		var list []staff.Token
		var hashes int64
		err = db.View(context.Background(), func(tx *store.Tx) (err error) {
			if list, err = staff.Tokens(tx); err != nil {
				return err
			}
			return tx.One(&hashes, "select count(*) from api_tokens where length(hash) = 32", nil)
		})
		if err != nil || len(list) != 1 || list[0].Scopes != "read" || !list[0].RevokedAt.IsZero() || hashes != 1 {
			t.Errorf("Tokens = %+v (%d hashes), %v", list, hashes, err)
		}
	})
}

func TestEventsByTheAPI(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		body := placed("e-1", "O-1", "M-1", "59.90")
		for _, tt := range []struct {
			claim, path, body string
			status            int
			result            string
		}{
			{"an event", "/v1/events", body, 202, "stored"},
			{"again", "/v1/events", body, 202, "duplicate"},
			{"under another source it is another event", "/v1/events?source=till-4", placed("e-1", "O-1", "M-2", "59.90"), 202, "stored"},
			{"that again", "/v1/events?source=till-4", placed("e-1", "O-1", "M-2", "59.90"), 202, "duplicate"},
			{"a source that would be somebody else's", "/v1/events?source=a:b", body, 400, ""},
			{"without an id", "/v1/events", `{"type": "visit", "at": "2027-03-03T09:00:00Z", "member": {"id": "M-1"}}`, 422, "refused"},
			{"no JSON", "/v1/events", "<xml/>", 400, ""},
			{"too large", "/v1/events", strings.Repeat(" ", 8<<20+1), 413, ""},
		} {
			a := h.as("write", "POST", tt.path, tt.body)
			if a.Status != tt.status || a.JSON("results.0.result") != tt.result {
				t.Errorf("%s: %d %.200s, want %d %s", tt.claim, a.Status, a.Body, tt.status, tt.result)
			}
		}
		if got := strings.Join(h.rows("select source from events order by id"), " "); got != "shop till-4" {
			t.Errorf("sources: %q", got)
		}
	})
}

func TestTillsFindMembers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		for _, e := range []string{
			`{"type": "member.joined", "id": "1", "at": "2027-03-03T09:00:00Z", "member": {"id": "M-1", "first_name": "Ana", "email": "Ana@Example.test", "card": "0042", "phone": "+358 40 123"}}`,
			`{"type": "order.placed", "id": "2", "at": "2027-03-03T09:00:00Z", "member": {"id": "M-1"}, "order": {"id": "O-1", "total": "12.50"}}`,
			`{"type": "points.changed", "id": "3", "at": "2027-03-03T09:00:00Z", "member": {"id": "M-1"}, "balance": 120}`,
			`{"type": "member.changed", "id": "4", "at": "2027-03-03T09:00:00Z", "member": {"id": "M-2", "card": "77", "email": "two@example.test"}}`,
			`{"type": "member.changed", "id": "5", "at": "2027-03-03T09:00:00Z", "member": {"id": "M-3", "card": "77"}}`,
			`{"type": "member.changed", "id": "6", "at": "2027-03-03T09:00:00Z", "member": {"id": "M-4", "card": "gone"}}`,
		} {
			if a := h.as("write", "POST", "/v1/events", e); a.Status != 202 {
				t.Fatalf("%s: %d %s", e, a.Status, a.Body)
			}
		}
		h.exec("update members set erased_at = @now where external_id = 'M-4'")
		for query, want := range map[string]string{
			"card=0042": "200 M-1", "card=42": "404 ", "email=ANA@example.TEST": "200 M-1", "phone=%2B358%2040%20123": "200 M-1", "phone=%2B358-40-123": "200 M-1",
			"card=77": "409 ", "card=gone": "404 ", "email=nobody": "400 ", "": "400 ", "name=Ana": "400 ", "card=0042&email=a@example.test": "400 ", "card=%20": "400 ",
		} {
			a := h.as("read", "GET", "/v1/members/find?"+query, "")
			if got := strings.TrimSpace(a.Body); strings.Join([]string{itoa(a.Status), a.JSON("id")}, " ") != want {
				t.Errorf("find?%s: %d %s, want %s", query, a.Status, got, want)
			}
		}
		a := h.as("read", "GET", "/v1/members/find?card=0042", "")
		want := `{"id":"M-1","first_name":"Ana","last_name":"","language":"","joined_at":"2027-03-03T09:00:00Z","orders":1,"spent_minor":1250,"points":120}`
		if strings.TrimSpace(a.Body) != want {
			t.Errorf("find = %s\nwant %s", a.Body, want)
		}
		if a := h.as("read", "GET", "/v1/members/find?email=two@example.test", ""); a.JSON("joined_at") != "" || a.JSON("orders") != "0" {
			t.Errorf("somebody who has not joined: %s", a.Body)
		}
	})
}

func TestWhatTheAPIDoesNotHave(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.SQLite(t))
	for _, tt := range []struct {
		method, path, accept string
		status               int
		words                string
	}{
		{"GET", "/v1/nothing", "", 404, `{"error":"not found"}`},
		{"DELETE", "/v1/jobs", "", 405, `{"error":"DELETE does nothing here; GET, HEAD, POST does"}`},
		{"GET", "/hooks/standard", "", 405, `{"error":"GET does nothing here; POST does"}`},
		{"GET", "/nothing", "text/html", 404, "There is no such page"},
	} {
		a := h.ask(tt.method, tt.path, "", "Accept: "+tt.accept, "Accept-Language: xx, en;q=0.5")
		if a.Status != tt.status || !strings.Contains(a.Body, tt.words) {
			t.Errorf("%s %s: %d %s, want %d %s", tt.method, tt.path, a.Status, a.Body, tt.status, tt.words)
		}
	}
	if a := h.ask("GET", "//status/../readyz", ""); a.Status != 301 && a.Status != 307 || a.Header.Get("Location") != "/readyz" {
		t.Errorf("a path that is not clean: %d to %q, want /readyz", a.Status, a.Header.Get("Location"))
	}
}
