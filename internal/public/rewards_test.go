package public_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"regulars/internal/apply"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

const beans = `
points:
  earn: [1 per 1.00]
  pending: 14d
  expire: {after: 12m}
tiers:
  gold: {when: spent("12m") >= 600.00, keep: 12m}
cards:
  buns: {stamp: category "Buns", of: 3, gives: gift, at_most: 4 per order}
rewards:
  cup:   {price: 300, gives: gift}
  elite: {price: 100, gives: gift, tiers: [gold]}
  euros: {price: 100, amount: 1.00, steps: 10, at_most: 50%}
`

// beanHouse is the shop with points and a member, M-1 with the card 4711, who has 350.
func beanHouse(t testing.TB, db *store.DB) (*house, int64) {
	h := newHouse(t, db)
	files := shopFiles(t)
	files["loyalty.yaml"] = beans
	h.update(func(tx *store.Tx) error { _, err := apply.Apply(tx, files, "test", ""); return err })
	member := h.join("M-1", "en")
	h.exec(fmt.Sprintf("insert into member_keys (kind, value, member_id) values ('card', '4711', %d)", member))
	h.asks("give", "POST", "write", "/v1/members/M-1/points", `{"delta": 350, "reason": "brought along", "key": "k", "last_day": "2027-12-31"}`, 200, `{"balance":350}`)
	return h, member
}

// asks asks with a token of a scope, and wants that answer.
func (h *house) asks(about, method, scope, path, body string, status int, want string) answer {
	h.t.Helper()
	a := h.as(scope, method, path, body)
	if a.Status != status || strings.TrimSpace(a.Body) != want {
		h.t.Errorf("%s: %d %s\nwant %d %s", about, a.Status, a.Body, status, want)
	}
	return a
}

// A till's afternoon, with each answer in the cashier's words.
func TestATillsAfternoon(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h, _ := beanHouse(t, db)
		h.asks("the same gift again", "POST", "write", "/v1/members/M-1/points", `{"delta": 350, "reason": "brought along", "key": "k", "last_day": "2027-12-31"}`, 200, `{"balance":350,"again":true}`)
		found := h.as("read", "GET", "/v1/members/find?card=4711", "")
		if want := `"points":350,"points_last_day":"2027-12-31","next_tier":{"tier":"gold","missing":[{"figure":"spent","missing_minor":60000}],` +
			`"words":"has spent 0.00 EUR in the last 12 months, and needs 600.00 EUR"},"rewards":[{"reward":"cup","price":300,"affordable":true},` +
			`{"reward":"elite","price":100,"affordable":false,"reason":"tier","words":"elite is for gold, and this member has no tier"},` +
			`{"reward":"euros","price":300,"worth_minor":300,"affordable":true}],"cards":[{"card":"buns","stamps":0,"of":3}]`; !strings.Contains(found.Body, want) {
			t.Errorf("found by card: %s\nwant %s", found.Body, want)
		}
		h.asks("a quote", "POST", "read", "/v1/quote", `{"member": "M-1", "total": "4.00", "lines": [{"product": "bun", "total": "4.00"}]}`, 200,
			`{"points":4,"spendable_from":"2027-03-17","balance":350,"words":"it earns 4 points, to be spent from 2027-03-17 on","rewards":[{"reward":"cup","price":300,"affordable":true},`+
				`{"reward":"elite","price":100,"affordable":false,"reason":"tier","words":"elite is for gold, and this member has no tier"},`+
				`{"reward":"euros","price":200,"worth_minor":200,"affordable":true}]}`)
		large := h.as("read", "POST", "/v1/quote", `{"member": "M-1", "total": "650.00", "lines": [{"product": "bun", "category": "Buns", "quantity": 6, "total": "650.00"}]}`)
		if want := `{"points":650,"spendable_from":"2027-03-17","stamps":[{"card":"buns","stamps":4}],"tier_after":"gold","balance":350,` +
			`"words":"it earns 650 points, to be spent from 2027-03-17 on; 4 on the card buns; the member is gold after it",`; !strings.HasPrefix(large.Body, want) {
			t.Errorf("a quote of a large order: %s\nwant %s", large.Body, want)
		}
		for total, words := range map[string]string{"1.00": "it earns 1 point, to be spent", "0.50": "it earns 0 points\""} {
			if small := h.as("read", "POST", "/v1/quote", `{"member": "M-1", "total": "`+total+`"}`); !strings.Contains(small.Body, words) {
				t.Errorf("a quote of %s: %s\nwant %s", total, small.Body, words)
			}
		}
		h.asks("a quote of no amount", "POST", "read", "/v1/quote", `{"member": "M-1", "total": "4,00"}`, 422,
			`{"error":"\"4,00\" is not an amount: write it with a point and without separators, like 1234.50","field":"total"}`)
		h.asks("another tier's reward", "POST", "redeem", "/v1/rewards/elite/claim", `{"member": "M-1", "key": "1"}`, 409, `{"error":"elite is for gold, and this member has no tier","reason":"tier"}`)
		h.asks("a reward that is not there", "POST", "redeem", "/v1/rewards/cupp/claim", `{"member": "M-1", "key": "1"}`, 404, `{"error":"there is no reward \"cupp\": cup is one","reason":"unknown"}`)
		h.asks("without a key", "POST", "redeem", "/v1/rewards/cup/claim", `{"member": "M-1"}`, 422, `{"error":"give a key of your own, so that asking again claims nothing twice","field":"key"}`)
		h.asks("for nobody", "POST", "redeem", "/v1/rewards/cup/claim", `{"member": "M-9", "key": "1"}`, 422, `{"error":"there is no member \"M-9\"","field":"member"}`)

		done := h.as("redeem", "POST", "/v1/rewards/cup/claim", `{"member": "M-1", "key": "1", "order": "T-1"}`)
		if done.Status != 201 || done.JSON("state") != "done" || done.JSON("balance") != "50" || done.JSON("code") == "" {
			t.Fatalf("a claim: %d %s", done.Status, done.Body)
		}
		again := h.as("redeem", "POST", "/v1/rewards/cup/claim", `{"member": "M-1", "key": "1", "order_ref": "T-1"}`)
		if again.Status != 200 || again.JSON("code") != done.JSON("code") || again.JSON("again") != "true" {
			t.Errorf("asked again: %d %s, want the same code", again.Status, again.Body)
		}
		h.asks("two orders", "POST", "redeem", "/v1/rewards/cup/claim", `{"member": "M-1", "key": "1", "order": "T-1", "order_ref": "T-2"}`, 422, `{"error":"order says \"T-1\": give the order's name once","field":"order_ref"}`)
		h.asks("the key for something else", "POST", "redeem", "/v1/rewards/euros/claim", `{"member": "M-1", "key": "1"}`, 422, `{"error":"the key was used for something else: give each claim and booking a key of its own","field":"key"}`)
		h.asks("not enough", "POST", "redeem", "/v1/rewards/cup/claim", `{"member": "M-1", "key": "2"}`, 409, `{"error":"cup costs 300 points and 50 are there: 250 are missing","reason":"not_enough"}`)
		h.asks("reversed", "POST", "redeem", "/v1/claims/"+done.JSON("id")+"/reverse", `{"reason": "the cup was cold"}`, 200,
			`{"id":`+done.JSON("id")+`,"state":"reversed","reward":"cup","price":300,"balance":350}`)
		if a := h.as("redeem", "GET", "/v1/coupons/"+done.JSON("code"), ""); a.JSON("good") != "false" || a.JSON("reason") != "void" {
			t.Errorf("its code: %s", a.Body)
		}

		held := h.as("redeem", "POST", "/v1/rewards/euros/claim", `{"member": "M-1", "key": "3", "total": "5.00", "hold": true}`)
		if held.Status != 201 || held.JSON("state") != "held" || held.JSON("worth_minor") != "200" || held.JSON("balance") != "150" || held.JSON("held_until") == "" {
			t.Fatalf("held: %d %s", held.Status, held.Body)
		}
		for range 2 {
			if a := h.as("redeem", "POST", "/v1/claims/"+held.JSON("id")+"/release", ""); a.Status != 200 || a.JSON("state") != "released" || a.JSON("balance") != "350" {
				t.Errorf("released: %d %s", a.Status, a.Body)
			}
		}
		h.asks("confirmed after all", "POST", "redeem", "/v1/claims/"+held.JSON("id")+"/confirm", "", 409, `{"error":"claim `+held.JSON("id")+` is released already","reason":"settled"}`)
		h.asks("an end that there is not", "POST", "redeem", "/v1/claims/"+held.JSON("id")+"/forget", "", 404, `{"error":"a claim can be confirmed, released or reversed, not \"forget\""}`)
		h.asks("no claim of ours", "POST", "redeem", "/v1/claims/99/confirm", "", 404, `{"error":"there is no claim 99"}`)
		h.asks("taken without a reason", "POST", "write", "/v1/members/M-1/points", `{"delta": -5}`, 422, `{"error":"say why: what is booked by hand keeps its reason","field":"reason"}`)
		h.asks("with a token that may only read", "POST", "read", "/v1/rewards/cup/claim", `{"member": "M-1", "key": "9"}`, 403, `{"error":"token read-only lacks the scope redeem"}`)
	})
}

// A till stamps cards: once by each key, with the code when one is full.
func TestATillStampsCards(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h, _ := beanHouse(t, db)
		const path = "/v1/cards/buns/stamps"
		h.asks("two stamps", "POST", "redeem", path, `{"member": "M-1", "n": 2, "key": "1"}`, 201, `{"card":"buns","stamps":2,"of":3,"missing":1,"booked":2,"codes":[],"words":"2 stamps given; 2 of 3 now"}`)
		full := h.as("redeem", "POST", path, `{"member": "M-1", "n": 5, "key": "2"}`)
		if full.Status != 201 || full.JSON("stamps") != "1" || strings.Count(full.Body, `{"code":"GIFT-`) != 2 || !strings.Contains(full.Body, `"words":"5 stamps given; the card was full: GIFT-`) {
			t.Fatalf("five more: %d %s", full.Status, full.Body)
		}
		again := h.as("redeem", "POST", path, `{"member": "M-1", "n": 5, "key": "2"}`)
		if want := strings.Replace(strings.TrimSuffix(strings.TrimSpace(full.Body), "}"), `"words":"`, `"words":"it was booked before; `, 1) + `,"again":true}`; again.Status != 200 || strings.TrimSpace(again.Body) != want {
			t.Errorf("the same again: %d %s\nwant 200 %s", again.Status, again.Body, want)
		}
		const used = `{"error":"the key was used for something else: give each claim and booking a key of its own","field":"key"}`
		h.asks("the key for another number", "POST", "redeem", path, `{"member": "M-1", "n": 4, "key": "2"}`, 422, used)
		h.join("M-2", "en")
		h.asks("the key for another member", "POST", "redeem", path, `{"member": "M-2", "n": 5, "key": "2"}`, 422, used)
		h.asks("three back, of which one is there", "POST", "redeem", path, `{"member": "M-1", "n": -3, "key": "3"}`, 201, `{"card":"buns","stamps":0,"of":3,"missing":3,"booked":-1,"codes":[],"words":"1 stamp taken back; 0 of 3 now"}`)
		h.asks("the same again", "POST", "redeem", path, `{"member": "M-1", "n": -3, "key": "3"}`, 200, `{"card":"buns","stamps":0,"of":3,"missing":3,"booked":-1,"codes":[],"words":"it was booked before; 1 stamp taken back; 0 of 3 now","again":true}`)
		h.asks("none is left", "POST", "redeem", path, `{"member": "M-1", "n": -1, "key": "4"}`, 201, `{"card":"buns","stamps":0,"of":3,"missing":3,"booked":0,"codes":[],"words":"there was no stamp to take back; 0 of 3 now"}`)
		h.asks("one, without saying how many", "POST", "redeem", path, `{"member": "M-1", "key": "5"}`, 201, `{"card":"buns","stamps":1,"of":3,"missing":2,"booked":1,"codes":[],"words":"1 stamp given; 1 of 3 now"}`)
		h.asks("none at all", "POST", "redeem", path, `{"member": "M-1", "n": 0, "key": "6"}`, 422, `{"error":"0 is no number of stamps to book: give a whole number from 1 to 100, or one below 0 to take some back","field":"n"}`)
		h.asks("half a stamp", "POST", "redeem", path, `{"member": "M-1", "n": 0.5, "key": "6"}`, 422, `{"error":"\"0.5\" is not a whole number of stamps","field":"n"}`)
		h.asks("without a key", "POST", "redeem", path, `{"member": "M-1", "n": 1}`, 422, `{"error":"give a key of your own, so that asking again stamps nothing twice","field":"key"}`)
		h.asks("for nobody", "POST", "redeem", path, `{"member": "M-9", "n": 1, "key": "6"}`, 422, `{"error":"there is no member \"M-9\"","field":"member"}`)
		h.asks("a card misspelt", "POST", "redeem", "/v1/cards/bunz/stamps", `{"member": "M-1", "n": 1, "key": "6"}`, 404, `{"error":"there is no card \"bunz\": buns is one","reason":"unknown"}`)
		h.asks("with a token that may only read", "POST", "read", path, `{"member": "M-1", "n": 1, "key": "6"}`, 403, `{"error":"token read-only lacks the scope redeem"}`)
		if found := h.as("read", "GET", "/v1/members/find?card=4711", ""); !strings.Contains(found.Body, `"cards":[{"card":"buns","stamps":1,"of":3}]`) {
			t.Errorf("found by card: %s", found.Body)
		}
	})
}

func TestAShopWithoutPointsSaysSo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		h.join("M-1", "en")
		const none = `{"error":"the program in force keeps no points: it has no points in loyalty.yaml"}`
		h.asks("a claim", "POST", "redeem", "/v1/rewards/cup/claim", `{"member": "M-1", "key": "1"}`, 404, none)
		h.asks("a quote", "POST", "read", "/v1/quote", `{"member": "M-1", "total": "4.00"}`, 404, none)
		h.asks("a stamp", "POST", "redeem", "/v1/cards/buns/stamps", `{"member": "M-1", "n": 1, "key": "1"}`, 404, `{"error":"the program in force has no cards: loyalty.yaml says nothing under cards","reason":"unknown"}`)
		h.asks("a gift", "POST", "write", "/v1/members/M-1/points", `{"delta": 5, "reason": "because"}`, 404, none)
	})
}

// A member takes a reward on their own page, once however often the button is pressed.
func TestARewardIsTakenOnTheMembersPage(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h, member := beanHouse(t, db)
		h.deliver("d", placed("e-1", "O-1", "M-1", "80.00"))
		h.deliver("b", `{"type": "order.placed", "id": "e-2", "at": "2027-03-03T09:30:00Z", "member": {"id": "M-1"}, "order": {"id": "O-2", "lines": [{"product": "bun", "category": "Buns", "quantity": 2, "total": "0.90"}]}}`)
		link := h.token("m", member, 0)
		page := h.ask("GET", link, "", "Accept: text/html")
		for _, want := range []string{"<b>350</b>", "80 points more are on their way.", "gold: €519.10 to go", "350 points of them end on 31 December 2027.", "Get it for 300 points", "−€3.00", "at the till", "2 / 3", `<i class="on"></i><i class="on"></i><i></i>`} {
			if !strings.Contains(page.Body, want) {
				t.Errorf("the page lacks %q:\n%s", want, page.Body)
			}
		}
		for _, no := range []string{"elite", "Get it for 100"} {
			if strings.Contains(page.Body, no) {
				t.Errorf("the page shows %q", no)
			}
		}
		key := regexp.MustCompile(`name="key" value="([^"]+)"`).FindStringSubmatch(page.Body)[1]
		for range 2 {
			a := h.post(link, url.Values{"reward": {"cup"}, "key": {key}})
			if a.Status != 200 || !strings.Contains(a.Body, "It is yours") || !strings.Contains(a.Body, "<b>50</b>") || strings.Count(a.Body, "<code>GIFT-") != 1 {
				t.Errorf("the button: %d %s", a.Status, a.Body)
			}
		}
		page = h.ask("GET", link, "", "Accept: text/html")
		rows := `<tr><td>3 March 2027</td><td>Reward: cup</td><td class="n">−300</td></tr>` + "\n" +
			`<tr><td>3 March 2027</td><td>Order O-1</td><td class="n">&#43;80</td></tr>` + "\n" +
			`<tr><td>3 March 2027</td><td>brought along</td><td class="n">&#43;350</td></tr>`
		if !strings.Contains(page.Body, rows) {
			t.Errorf("the page lacks\n%s:\n%s", rows, page.Body)
		}
		if !strings.Contains(page.Body, "250 points to go") || strings.Contains(page.Body, "Get it for") {
			t.Errorf("with 50 points:\n%s", page.Body)
		}
		if a := h.post(link, url.Values{"reward": {"cup"}, "key": {"another"}}); !strings.Contains(a.Body, "That did not work") {
			t.Errorf("with too few points: %s", a.Body)
		}
		if a := h.post(link, url.Values{"reward": {"cup"}}); a.Status != 400 {
			t.Errorf("without a key: %d", a.Status)
		}
		if got := h.one("select cast(count(*) as text) from claims"); got != "1" {
			t.Errorf("%s claims, want one", got)
		}
	})
}

// A reward that is claimed as often as it may be says when it can be claimed again: to the
// till, and to the member on their page.
func TestARewardSaysWhenItCanBeClaimedAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h, member := beanHouse(t, db)
		files := shopFiles(t)
		files["loyalty.yaml"] = strings.Replace(beans, "{price: 300, gives: gift}", "{price: 100, gives: gift, at_most: 1 per 30d}", 1)
		h.update(func(tx *store.Tx) error { _, err := apply.Apply(tx, files, "test", ""); return err })
		if a := h.as("redeem", "POST", "/v1/rewards/cup/claim", `{"member": "M-1", "key": "1"}`); a.Status != 201 {
			t.Fatalf("the first: %d %s", a.Status, a.Body)
		}
		const words = "cup can be claimed once in 30 days: again from 2027-04-02 on"
		h.asks("another", "POST", "redeem", "/v1/rewards/cup/claim", `{"member": "M-1", "key": "2"}`, 409, `{"error":"`+words+`","reason":"limit"}`)
		found := h.as("read", "GET", "/v1/members/find?card=4711", "")
		if want := `{"reward":"cup","price":100,"affordable":false,"reason":"limit","words":"` + words + `"}`; !strings.Contains(found.Body, want) {
			t.Errorf("found by card: %s\nwant %s", found.Body, want)
		}
		if page := h.ask("GET", h.token("m", member, 0), "", "Accept: text/html"); !strings.Contains(page.Body, "again from 2 April 2027") {
			t.Errorf("the page does not say when:\n%s", page.Body)
		}
	})
}
