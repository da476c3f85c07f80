package public_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"regulars/internal/consent"
	"regulars/internal/membership"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// topics are a member's standing answers, as text.
func (h *house) topics(member int64) string {
	h.t.Helper()
	return strings.Join(h.rows(fmt.Sprintf(`
		select topic || case when granted then ' yes' else ' no' end from member_topics where member_id = %d order by topic`, member)), ", ")
}

// evidence is how a member's last answer came about.
func (h *house) evidence(member int64) string {
	h.t.Helper()
	return h.one(fmt.Sprintf(`
		select topic || '|' || case when granted then 'yes' else 'no' end || '|' || source || '|' || said || '|' || ip || '|' || coalesce(cast(send_id as text), '-')
		from consents where member_id = %d order by id desc`, member))
}

func TestOpeningALinkChangesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		member := h.join("M-1", "en")
		send := h.mailed(member, "offers")
		count := func() string {
			return h.one("select (select count(*) from consents) || ' ' || (select count(*) from member_topics) || ' ' || (select count(*) from redemptions)") + h.topics(member)
		}
		before := count()
		for _, kind := range []consent.Kind{"u", "m", "confirm"} {
			for _, method := range []string{"GET", "HEAD"} {
				for _, query := range []string{"", "?List-Unsubscribe=One-Click", "?do=none"} {
					a := h.ask(method, h.token(kind, member, send)+query, "", "Accept: text/html")
					if a.Status != 200 || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
						t.Errorf("%s %s: %d %s", method, kind, a.Status, a.Body)
					}
				}
			}
		}
		if after := count(); after != before {
			t.Errorf("after opening every link: %s, want %s", after, before)
		}
	})
}

func TestOneClickUnsubscribes(t *testing.T) {
	t.Parallel()
	var multi bytes.Buffer
	form := multipart.NewWriter(&multi)
	form.WriteField("List-Unsubscribe", "One-Click")
	form.Close()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		for i, tt := range []struct{ claim, body, kind string }{
			{"urlencoded", "List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"},
			{"urlencoded, with a charset", "List-Unsubscribe=One-Click", "application/x-www-form-urlencoded; charset=UTF-8"},
			{"multipart", multi.String(), form.FormDataContentType()},
			{"without a type", "List-Unsubscribe=One-Click", ""},
			{"with a wrong type", "List-Unsubscribe=One-Click", "text/plain"},
		} {
			member := h.join(fmt.Sprint("M-", i), "en")
			send := h.mailed(member, "offers")
			link := h.token("u", member, send)
			// A mail program posts from anywhere, and browsers say so.
			a := h.ask("POST", link, tt.body, "Content-Type: "+tt.kind, "Origin: https://mail.google.test", "Sec-Fetch-Site: cross-site", "X-Forwarded-For: 203.0.113.9")
			if a.Status != 200 || a.Body != "You are unsubscribed.\n" || a.Header.Get("Location") != "" {
				t.Errorf("%s: %d %q to %q, want 200 without a redirect", tt.claim, a.Status, a.Body, a.Header.Get("Location"))
			}
			if got, want := h.topics(member), "newsletter yes, offers no"; got != want {
				t.Errorf("%s: topics %q, want %q", tt.claim, got, want)
			}
			if got, want := h.evidence(member), fmt.Sprintf("offers|no|one-click unsubscribe||192.0.2.1|%d", send); got != want {
				t.Errorf("%s: kept %q, want %q", tt.claim, got, want)
			}
			if a := h.ask("POST", link, tt.body, "Content-Type: "+tt.kind); a.Status != 200 {
				t.Errorf("%s, a second time: %d", tt.claim, a.Status)
			}
			if got := h.one(fmt.Sprintf("select count(*) from consents where topic = 'offers' and not granted and member_id = %d", member)); got != "1" {
				t.Errorf("%s, a second time: %s refusals are kept, want 1", tt.claim, got)
			}
		}
	})
}

func TestOneClickOfAMailThatIsNotToBeFoundEndsEverything(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		ana, ben := h.join("M-1", "en"), h.join("M-2", "en")
		theirs := h.mailed(ben, "offers")
		click := func(path string) answer {
			return h.ask("POST", path, "List-Unsubscribe=One-Click", "Content-Type: application/x-www-form-urlencoded")
		}
		if a := click(h.token("u", ana, theirs)); a.Status != 200 {
			t.Errorf("a click: %d %s", a.Status, a.Body)
		}
		if got, want := h.topics(ana), "newsletter no, offers no, program no"; got != want {
			t.Errorf("topics %q, want %q", got, want)
		}
		if got := h.topics(ben); got != "newsletter yes, offers yes" {
			t.Errorf("the other member's topics: %q", got)
		}
		h.exec("update members set erased_at = @now where external_id = 'M-2'")
		if a := click(h.token("u", ben, theirs)); a.Status != 200 || h.topics(ben) != "newsletter yes, offers yes" {
			t.Errorf("a click of somebody erased: %d %s, %s; want 200, and nothing kept of them", a.Status, a.Body, h.topics(ben))
		}
	})
}

func TestUnsubscribingMovesTheMemberBetweenSegments(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		if _, err := membership.Segments(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		member := h.join("M-1", "en")
		inside := "select count(*) from segment_members i join segments s on s.id = i.segment_id where s.name = 'fans' and i.left_at is null"
		if got := h.one(inside); got != "1" {
			t.Fatalf("%s members inside before, want 1", got)
		}
		h.ask("POST", h.token("u", member, h.mailed(member, "newsletter")), "List-Unsubscribe=One-Click", "Content-Type: application/x-www-form-urlencoded")
		if got := h.one(inside); got != "0" {
			t.Errorf("%s members inside after, want 0 at once", got)
		}
		if got := h.one("select case when consent_newsletter then 'yes' else 'no' end from facts"); got != "no" {
			t.Errorf("the facts say %s", got)
		}
	})
}

func TestLinksThatAreNotOurs(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		member := h.join("M-1", "en")
		send := h.mailed(member, "offers")
		good := h.token("u", member, send)
		stranger := consent.NewLinks("", [][]byte{[]byte("another key")}).Token("u", consent.Claims{Member: member})
		old := consent.NewLinks("", [][]byte{[]byte("the key before it")}).Token("u", consent.Claims{Member: member, Send: send})
		before := h.topics(member)
		for claim, path := range map[string]string{
			"cut": good[:len(good)-1], "changed": strings.Replace(good, good[5:7], "xx", 1), "of another key": "/u/" + stranger, "of another kind": "/u" + h.token("m", member, send)[2:],
			"a number": "/u/1", "nonsense": "/u/%00%ff", "of nobody": h.token("u", 999, 0),
		} {
			if a := h.ask("GET", path, "", "Accept: text/html", "Accept-Language: nl-BE,nl;q=0.9"); a.Status != 404 || !strings.Contains(a.Body, "Deze link werkt niet") {
				t.Errorf("GET a link that is %s: %d %s, want 404 in the browser's language", claim, a.Status, a.Body)
			}
			if claim == "of nobody" {
				continue // nothing to unsubscribe, and nothing to refuse
			}
			if a := h.ask("POST", path, "List-Unsubscribe=One-Click", "Content-Type: application/x-www-form-urlencoded"); a.Status != 404 || !strings.Contains(a.Body, "<h1>") {
				t.Errorf("POST to a link that is %s: %d %s, want 404", claim, a.Status, a.Body)
			}
		}
		if got := h.topics(member); got != before {
			t.Errorf("topics %q, want %q", got, before)
		}
		if a := h.ask("POST", "/u/"+old, "List-Unsubscribe=One-Click", "Content-Type: application/x-www-form-urlencoded"); a.Status != 200 {
			t.Errorf("a link signed with the key before: %d %s, want 200", a.Status, a.Body)
		}
	})
}

func TestThePreferencesPage(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		member := h.join("M-1", "fi-FI")
		send := h.mailed(member, "offers")
		link := h.token("u", member, send)
		page := h.ask("GET", link, "", "Accept: text/html").Body
		for _, want := range []string{
			`<html lang="fi">`, "Sähköpostit: Anna&#39;s &lt;b&gt;Pets&lt;/b&gt; &amp; Co", `href="https://shop.example/?a=1&amp;b=2"`,
			`<span>Tarjoukset &lt;i&gt;</span><input type="checkbox" name="topic" value="offers" checked>`,
			`<span>Uutiskirje</span><input type="checkbox" name="topic" value="newsletter" checked>`,
			`<span>Kanta-asiakkuus</span><input type="checkbox" name="topic" value="program" checked>`,
		} {
			if !strings.Contains(page, want) {
				t.Errorf("the page lacks %q:\n%s", want, page)
			}
		}
		for _, no := range []string{"m-1@example.test", "M-1", "<script", "javascript:"} {
			if strings.Contains(page, no) {
				t.Errorf("the page shows %q", no)
			}
		}
		for _, tt := range []struct {
			claim    string
			form     url.Values
			says     string
			topics   string
			evidence string
		}{
			{"only the program", url.Values{"do": {"save"}, "topic": {"program"}}, "Tallennettu", "newsletter no, offers no", fmt.Sprintf("newsletter|no|preferences page|Uutiskirje|192.0.2.1|%d", send)},
			{"nothing has changed", url.Values{"do": {"save"}, "topic": {"program"}}, "Tallennettu", "newsletter no, offers no", fmt.Sprintf("newsletter|no|preferences page|Uutiskirje|192.0.2.1|%d", send)},
			{"offers again", url.Values{"do": {"save"}, "topic": {"program", "offers", "nonsense"}}, "Tallennettu", "newsletter no, offers yes", fmt.Sprintf("offers|yes|preferences page|Tarjoukset <i>|192.0.2.1|%d", send)},
			{"nothing at all", url.Values{"do": {"none"}, "topic": {"offers"}}, "Kaikki tilauksesi on peruttu", "newsletter no, offers no, program no", fmt.Sprintf("program|no|preferences page|Peru kaikki tilaukset|192.0.2.1|%d", send)},
		} {
			h.DB = h.DB.At(h.DB.Now().Add(time.Second)) // of two answers at one moment the refusal stands
			h.open()
			a := h.post(link, tt.form)
			if a.Status != 200 || !strings.Contains(a.Body, tt.says) {
				t.Errorf("%s: %d %s, want %q", tt.claim, a.Status, a.Body, tt.says)
			}
			if got := h.topics(member); got != tt.topics {
				t.Errorf("%s: topics %q, want %q", tt.claim, got, tt.topics)
			}
			if got := h.evidence(member); got != tt.evidence {
				t.Errorf("%s: kept %q, want %q", tt.claim, got, tt.evidence)
			}
		}
		if page := h.ask("GET", link, "").Body; strings.Contains(page, " checked") {
			t.Errorf("after refusing everything a box is checked:\n%s", page)
		}
	})
}

func TestOurFormsAreTakenFromOurPagesOnly(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		member := h.join("M-1", "en")
		send := h.mailed(member, "offers")
		for _, headers := range [][]string{{"Sec-Fetch-Site: cross-site"}, {"Origin: https://evil.example"}, {"Origin: null"}} {
			headers = append(headers, "Content-Type: application/x-www-form-urlencoded")
			for path, body := range map[string]string{h.token("u", member, send): "do=none", h.token("confirm", member, send): ""} {
				if a := h.ask("POST", path, body, headers...); a.Status != 403 {
					t.Errorf("POST %.3s %s with %v: %d %s, want 403", path, body, headers, a.Status, a.Body)
				}
			}
		}
		if got := h.topics(member); got != "newsletter yes, offers yes" {
			t.Errorf("topics: %q", got)
		}
		for body, want := range map[string]int{"": 400, "do=dance": 400, "a=%zz": 400, "List-Unsubscribe=Two-Clicks": 400, "x=" + strings.Repeat("y", 128<<10): 413} {
			if a := h.ask("POST", h.token("u", member, send), body, "Content-Type: application/x-www-form-urlencoded"); a.Status != want {
				t.Errorf("POST %.20s: %d %.100s, want %d", body, a.Status, a.Body, want)
			}
		}
	})
}

func TestAMergedMembersLinkServesWhoTheyBecame(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		was, is := h.join("M-1", "en"), h.join("M-2", "nl")
		send := h.mailed(was, "offers")
		h.exec(fmt.Sprintf("update members set merged_into = %d where id = %d", is, was))
		if page := h.ask("GET", h.token("u", was, send), "").Body; !strings.Contains(page, "Mails van Anna") {
			t.Errorf("the page is not in the language of who they became:\n%s", page)
		}
		h.post(h.token("u", was, send), url.Values{"do": {"none"}})
		if got := h.topics(is); got != "newsletter no, offers no, program no" {
			t.Errorf("topics of who they became: %q", got)
		}
	})
}

func TestWhoHasNotJoinedIsNotAskedAboutTheProgram(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		h.deliver("d", placed("e-1", "O-1", "M-1", "5.00"))
		page := h.ask("GET", h.token("u", 1, 0), "").Body
		if !strings.Contains(page, `value="offers"`) || strings.Contains(page, `value="program"`) {
			t.Errorf("the page of somebody known from an order:\n%s", page)
		}
	})
}

func TestTheAddressBesideAConsentIsTheVisitors(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.SQLite(t))
	for i, tt := range []struct{ peer, told, want string }{
		{"203.0.113.7:5000", "", "203.0.113.7"},
		{"203.0.113.7:5000", "198.51.100.1", "203.0.113.7"}, // a stranger may tell anything
		{"10.0.0.5:5000", "198.51.100.1", "198.51.100.1"},
		{"10.0.0.5:5000", "1.2.3.4, 198.51.100.1", "198.51.100.1"}, // the last is what our proxy saw
		{"127.0.0.1:5000", "2001:db8::1", "2001:db8::1"},
		{"10.0.0.5:5000", "", "10.0.0.5"},
		{"10.0.0.5:5000", "<script>", "10.0.0.5"},
		{"[2001:db8::2]:5000", "", "2001:db8::2"},
		{"nonsense", "", ""},
	} {
		member := h.join(fmt.Sprint("M-", i), "en")
		r := httptest.NewRequest("POST", h.token("u", member, 0), strings.NewReader("List-Unsubscribe=One-Click"))
		r.RemoteAddr = tt.peer
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Forwarded-For", tt.told)
		h.handle.ServeHTTP(httptest.NewRecorder(), r)
		if got := strings.Split(h.evidence(member), "|")[4]; got != tt.want {
			t.Errorf("from %s, told %q: kept %q, want %q", tt.peer, tt.told, got, tt.want)
		}
	}
}

func FuzzForms(f *testing.F) {
	h := newHouse(f, storetest.SQLite(f))
	member := h.join("M-1", "en")
	paths := []string{h.token("u", member, h.mailed(member, "offers")), h.token("confirm", member, h.mailed(member, "offers"))}
	f.Add("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click")
	f.Add("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"do\"\r\n\r\nsave\r\n--x--\r\n")
	f.Add("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\n\x00\r\n--x--\r\n")
	f.Add("multipart/form-data", "--x")
	f.Add("application/x-www-form-urlencoded", "do=save&topic=%ff&topic=offers;a")
	f.Add("", "do=none")
	f.Fuzz(func(t *testing.T, kind, body string) {
		h := *h
		h.t = t
		for _, path := range paths {
			if a := h.ask("POST", path, body, "Content-Type: "+kind); a.Status >= 500 {
				t.Errorf("POST %q as %q: %d %s", body, kind, a.Status, a.Body)
			}
		}
	})
}

func TestTheLinksOfATestMailWorkAndChangeNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		member := h.join("M-1", "en")
		before := h.topics(member)
		for _, kind := range []consent.Kind{"u", "m", "confirm"} {
			path := h.token(kind, 0, 0)
			if a := h.ask("GET", path, "", "Accept: text/html", "Accept-Language: nl"); a.Status != 200 || !strings.Contains(a.Body, "Deze link werkt") {
				t.Errorf("GET %s of a test mail: %d %s, want a page that says so", kind, a.Status, a.Body)
			}
		}
		if a := h.ask("POST", h.token("u", 0, 0), "List-Unsubscribe=One-Click", "Content-Type: application/x-www-form-urlencoded"); a.Status != 200 {
			t.Errorf("one click in a test mail: %d %s, want 200", a.Status, a.Body)
		}
		if got := h.topics(member); got != before {
			t.Errorf("topics %q, want %q", got, before)
		}
	})
}
