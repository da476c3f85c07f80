package public_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"regulars/internal/apply"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// friendly is a shop that rewards who brings a friend, with M-1 who has the card 4711.
func friendly(t testing.TB, db *store.DB, atMost string) (h *house, member int64, code, link string) {
	h = newHouse(t, db)
	files := shopFiles(t)
	files["loyalty.yaml"] = "points: {earn: [1 per 1.00]}\nreferral: {friend: gift, referrer: 500, at_most: " + atMost + "}\n"
	h.update(func(tx *store.Tx) error { _, err := apply.Apply(tx, files, "test", ""); return err })
	member = h.join("M-1", "en")
	h.exec(fmt.Sprintf("insert into member_keys (kind, value, member_id) values ('card', '4711', %d)", member))
	var found struct {
		Code string `json:"referral_code"`
		Link string `json:"referral_link"`
	}
	if err := json.Unmarshal([]byte(h.as("read", "GET", "/v1/members/find?card=4711", "").Body), &found); err != nil || len(found.Code) != 9 {
		t.Fatalf("a till finds %+v, %v, want a code", found, err)
	}
	if want := "https://mail.shop.example/join?ref=" + found.Code; found.Link != want {
		t.Errorf("a till finds the link %s, want %s", found.Link, want)
	}
	return h, member, found.Code, strings.TrimPrefix(found.Link, "https://mail.shop.example")
}

// asked is the link of the last mail that asks whether somebody joins, "" for none.
func (h *house) asked() string {
	h.t.Helper()
	row := h.rows("select s.member_id || ' ' || s.id from sends s join campaigns c on c.id = s.campaign_id and c.name = 'confirm' order by s.id desc limit 1")
	if len(row) == 0 {
		return ""
	}
	member, send, _ := strings.Cut(row[0], " ")
	m, _ := strconv.ParseInt(member, 10, 64)
	n, _ := strconv.ParseInt(send, 10, 64)
	return h.token("confirm", m, n)
}

const english = "Accept-Language: en"

func (h *house) look(path string) string {
	h.t.Helper()
	a := h.ask("GET", path, "", "Accept: text/html", english)
	if a.Status != 200 {
		h.t.Errorf("GET %s: %d", path, a.Status)
	}
	_, body, _ := strings.Cut(a.Body, "</style>")
	return html.UnescapeString(body)
}

func TestAFriendJoinsByTheLinkOfAMember(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h, member, code, link := friendly(t, db, "1 per 30d")
		if page := h.look(h.token("m", member, 0)); !strings.Contains(page, `<code>`+code+`</code>`) || !strings.Contains(page, `href="https://mail.shop.example`+link+`"`) || !strings.Contains(page, "+500 points") {
			t.Errorf("the member's page: %s", page)
		}
		other := h.join("M-2", "en")
		if page := h.look(h.token("m", other, 0)); strings.Contains(page, code) || !strings.Contains(page, "/join?ref=") {
			t.Errorf("the page of a member who never had a code: %s", page)
		}

		page := h.look(link)
		if !strings.Contains(page, "A friend has invited you") || !strings.Contains(page, "−€5.00") || !strings.Contains(page, `name="ref" value="`+code+`"`) || strings.Contains(page, "<script") {
			t.Errorf("the page: %s", page)
		}
		if a := h.ask("POST", "/join", "email=a%40b.example", "Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: cross-site"); a.Status != 403 {
			t.Errorf("another site's form: %d, want 403", a.Status)
		}
		if a := h.post("/join", url.Values{"ref": {code}, "email": {"<b>nobody"}}); a.Status != 422 || !strings.Contains(a.Body, "aria-invalid") || !strings.Contains(a.Body, "&lt;b&gt;nobody") || !strings.Contains(a.Body, code) {
			t.Errorf("no address: %d %s", a.Status, a.Body)
		}
		form := url.Values{"ref": {strings.ToLower(code)}, "email": {"Friend@Example.test"}, "topic": {"offers", "program", "x"}}
		asked := h.post("/join", form).Body
		h.post("/join", form)
		known := h.post("/join", url.Values{"ref": {code}, "email": {"m-2@example.test"}, "topic": {"newsletter"}}).Body
		if asked != known {
			t.Errorf("a member's address is answered\n%s\nanother\n%s", known, asked)
		}
		if got := h.one("select count(*) || ' ' || (select count(*) from events where member_id = " + fmt.Sprint(other) + ") from sends"); got != "1 1" {
			t.Errorf("%s mails and events of the member whose address was typed in, want 1 1", got)
		}
		joined := "select (select count(*) from members where joined_at is not null) || ' ' || (select count(*) from referrals where state = 'pending')"
		if got := h.one(joined); got != "2 0" {
			t.Errorf("before the click: %s joined and referrals, want 2 0", got)
		}
		h.look(h.asked())
		done := h.post(h.asked(), nil).Body
		gift := h.one("select code from codes where state = 'issued'")
		if got := h.one(joined); got != "3 1" || gift == "" || !strings.Contains(done, gift) {
			t.Errorf("after the click: %s joined and referrals, want 3 1, with the gift %s on the page: %s", got, gift, done)
		}
		if got := h.one("select topic from member_topics t join members m on m.id = t.member_id where granted and m.email = 'Friend@example.test'"); got != "offers" {
			t.Errorf("agreed to %s, want offers", got)
		}

		if page := h.look(link); !strings.Contains(page, "as many friends as it may") || strings.Contains(page, "€5.00") || !strings.Contains(page, "<button") {
			t.Errorf("a code that is used up: %s", page)
		}
		for _, ref := range []string{"ZZZZ-ZZZZ", `"><script>alert(1)</script>`, "M-1", "4711", strings.Repeat("x", 5000), "%00", "a\r\nSet-Cookie: x=y"} {
			page := h.look("/join?ref=" + url.QueryEscape(ref))
			if !strings.Contains(page, "do not know this code") || strings.Contains(page, "<script") || strings.Contains(page, `name="ref"`) {
				t.Errorf("ref %.30q: %s", ref, page)
			}
		}
		if page := h.look("/join"); strings.Contains(page, "code") || !strings.Contains(page, "<button") {
			t.Errorf("without a code: %s", page)
		}
		h.post("/join", url.Values{"ref": {"' or 1=1 --"}, "email": {"late@example.test"}})
		h.post(h.asked(), nil)
		if got := h.one(joined); got != "4 1" {
			t.Errorf("with a wrong code: %s joined and referrals, want 4 1", got)
		}
		status := 200
		for n := 0; n < 25 && status == 200; n++ {
			status = h.post("/join", url.Values{"email": {"m-2@example.test"}}).Status
		}
		if status != 429 {
			t.Errorf("many addresses from one computer: %d, want 429", status)
		}
	})
}

// A code is taken wherever somebody says who brought them.
func TestEveryDoorTakesAReferralCode(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h, _, code, _ := friendly(t, db, "10 per 30d")
		body := func(id string) string {
			return fmt.Sprintf(`{"type": "member.joined", "id": "j-%s", "at": %q, "member": {"id": %q, "referred_by": %q}}`, id, storetest.Start.Format("2006-01-02T15:04:05Z07:00"), id, strings.ToLower(code))
		}
		if a := h.deliver("w", body("W-1")); a.Status != 202 {
			t.Errorf("the webhook: %d %s", a.Status, a.Body)
		}
		if a := h.as("write", "POST", "/v1/events", body("A-1")); a.Status != 202 {
			t.Errorf("the API: %d %s", a.Status, a.Body)
		}
		if got := strings.Join(h.rows("select m.external_id || ' ' || f.state from referrals f join members m on m.id = f.friend_id order by 1"), ", "); got != "A-1 pending, W-1 pending" {
			t.Errorf("referrals: %s, want both", got)
		}
		wrong := strings.Replace(body("A-2"), strings.ToLower(code), "zzzz-zzzz", 1)
		if a := h.as("write", "POST", "/v1/events", wrong); a.Status != 202 || !strings.Contains(a.Body, "referral code") {
			t.Errorf("a code that nobody has: %d %s", a.Status, a.Body)
		}
	})
}

// Where the program rewards nobody for a friend, nobody joins here.
func TestThePageIsThereForProgramsThatAsk(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.SQLite(t))
	for _, path := range []string{"/join", "/join?ref=7K3M-9QXD"} {
		if a := h.ask("GET", path, "", "Accept: text/html"); a.Status != 404 {
			t.Errorf("%s: %d, want 404", path, a.Status)
		}
	}
	if a := h.post("/join", url.Values{"email": {"a@example.test"}}); a.Status != 404 {
		t.Errorf("its form: %d, want 404", a.Status)
	}
}
