package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"regulars/internal/look/looktest"
	"regulars/internal/patiently"
	"regulars/internal/rehearsal"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// TestPagesFitScreens opens pages at 360 and 1200 px, by day and by night: nothing stands
// out to the right of the screen, and what is written keeps its contrast.
func TestPagesFitScreens(t *testing.T) {
	t.Parallel()
	looktest.Chromium(t)
	h := newHouse(t, storetest.SQLite(t))
	style := regexp.MustCompile(`<link rel="stylesheet" href="([^"]+)">`)
	script := regexp.MustCompile(`<script[^>]*></script>`)
	pages := map[string]string{}
	for name, page := range h.screens(t) {
		css := h.ask(staff.Nobody, style.FindStringSubmatch(page)[1], nil).Body
		pages[name] = script.ReplaceAllString(style.ReplaceAllString(page, "<style>"+strings.ReplaceAll(css, "$", "$$")+"</style>"), "")
	}
	for _, got := range looktest.Measure(t, pages, "svg, .skip, nav ul, .scroll, .wider, .diff, .example, .offers, .stack thead", 360, 1200) {
		if got.Scroll > got.Width || got.Out > 0 {
			t.Errorf("%s at %d px is %d px wide, with %d parts outside: %s", got.Page, got.Width, got.Scroll, got.Out, got.Worst)
		}
		if got.Faint > 0 || got.Font < 12 || got.Narrow > 0 {
			t.Errorf("%s at %d px, %s: %d texts have a contrast below 4.5, the smallest letters %d px, %d things are too small to hit: %s", got.Page, got.Width, got.Scheme, got.Faint, got.Font, got.Narrow, got.Worst)
		}
		if !got.Styled || got.Dark != (got.Scheme == "dark") {
			t.Errorf("%s at %d px, %s: the style sheet is not in force", got.Page, got.Width, got.Scheme)
		}
	}
}

// screens are all pages by name, as they look in a shop in which much goes on.
func (h *house) screens(t *testing.T) map[string]string {
	t.Helper()
	h.clicked()
	h.Surroundings = told(t)
	looked := h.file("people-of-the-old-shop.csv", "email,first_name,Nick\nnina@shop2.test,Nina,Ni\nno address,Nils,\n", "members")
	taken := h.file("people.csv", "email\nnils@shop2.test\n", "members")
	h.does(t, staff.Marketer, taken+"/start", url.Values{})
	h.Do(func(tx *store.Tx) error {
		_, err := tx.Exec("update jobs set state = 'running', progress = @told", store.Args{"told": `{"read":30,"total":120,"rows":{"read":4200,"new":4000,"refused":17},"per_second":900,"seconds":125}`})
		return err
	})
	h.does(t, staff.Admin, "/console/campaigns/spring/hold", because("a very long reason that somebody wrote down in a hurry, withoutanyspaceatallwhereonewouldhelpalittle"))
	h.Do(func(tx *store.Tx) error { return rehearsal.Keep(tx, h.change, "", rehearsed()) })
	spring, change := url.Values{"value.headline": {"Sun"}}, fmt.Sprintf("/console/proposals/%d", h.change)
	file := strings.TrimPrefix(change, "/console/proposals/") + "/files/campaigns/welcome/hello.en.md"
	h.Console.Live = time.Nanosecond
	atOnce := h.ask(staff.Viewer, "/console/segments/regulars", nil).Body
	h.Console.Live = time.Minute
	return map[string]string{
		"segment at once": atOnce, "ending": h.ask(staff.Viewer, "/console/reports/ending", nil).Body,
		"today": h.ask(staff.Admin, "/console/", nil).Body, "campaigns": h.ask(staff.Viewer, "/console/campaigns", nil).Body,
		"campaign": h.ask(staff.Admin, "/console/campaigns/welcome", nil).Body, "held": h.ask(staff.Admin, "/console/campaigns/spring", nil).Body,
		"mail": h.ask(staff.Admin, fmt.Sprintf("/console/mail/welcome/hello?as=%d&view=text", h.members[0]), nil).Body, "run": h.ask(staff.Admin, fmt.Sprintf("/console/runs/%d", h.run), nil).Body,
		"found": h.ask(staff.Admin, "/console/members", url.Values{"q": {"M-"}}).Body, "member": h.ask(staff.Admin, fmt.Sprintf("/console/members/%d", h.members[3]), nil).Body,
		"why":  h.ask(staff.Admin, fmt.Sprintf("/console/members/%d/why/welcome", h.members[3]), nil).Body,
		"rule": h.ask(staff.Admin, "/console/segments", url.Values{"rule": {"regulars or orders == 0"}}).Body, "wrong rule": h.ask(staff.Admin, "/console/segments", url.Values{"rule": {"ordrs >= 2"}}).Body,
		"audit": h.ask(staff.Admin, "/console/audit", nil).Body, "orders": h.ask(staff.Admin, "/console/figures/orders", nil).Body,
		"launch": h.ask(staff.Admin, "/console/campaigns/spring/launch", nil).Body, "launch asked": h.ask(staff.Admin, "/console/campaigns/spring/launch", spring).Body,
		"program": h.ask(staff.Admin, "/console/program", nil).Body, "version": h.ask(staff.Admin, "/console/program/versions/1", nil).Body,
		"rollback": h.ask(staff.Admin, "/console/program/versions/1/rollback", nil).Body, "change": h.ask(staff.Marketer, change, nil).Body,
		"file": h.ask(staff.Marketer, "/console/proposals/"+file, nil).Body, "codes": h.ask(staff.Admin, "/console/codes", nil).Body, "pool": h.pool(), "unknown": h.undecided(),
		"loyalty": h.ask(staff.Admin, "/console/loyalty", nil).Body, "month": h.ask(staff.Viewer, "/console/month", nil).Body,
		"unarrived": h.ask(staff.Admin, fmt.Sprintf("/console/members/%d", h.members[1]), nil).Body, "mail rows": h.ask(staff.Admin, "/console/campaigns/spring/mails/clicked/offer", nil).Body, "users": h.ask(staff.Admin, "/console/users", nil).Body, "jobs": h.ask(staff.Admin, "/console/jobs", nil).Body, "import": h.ask(staff.Admin, "/console/import", nil).Body,
		"help": h.ask(staff.Viewer, "/console/help", nil).Body, "help on files": h.ask(staff.Viewer, "/console/help/files", nil).Body, "help on webhooks": h.ask(staff.Viewer, "/console/help/webhooks", nil).Body,
		"deliverability": h.ask(staff.Viewer, "/console/deliverability", nil).Body, "settings": h.ask(staff.Admin, "/console/settings/tokens", url.Values{"name": {"a-till-with-a-long-name"}, "scope": {"read", "redeem"}, "source": {"till-4"}}).Body,
		"form": h.ask(staff.Marketer, change+"/campaign", nil).Body, "form of one": h.ask(staff.Marketer, change+"/campaign/welcome", nil).Body, "library": h.ask(staff.Marketer, change+"/library", nil).Body,
		"merge":     h.ask(staff.Launcher, fmt.Sprintf("/console/members/%d/merge", h.members[1]), nil).Body,
		"newjob":    h.ask(staff.Launcher, "/console/jobs/new?kind=generate", nil).Body,
		"erase":     h.ask(staff.Admin, fmt.Sprintf("/console/members/%d/erase", h.members[1]), nil).Body,
		"looked at": h.ask(staff.Marketer, looked, nil).Body, "under way": h.ask(staff.Marketer, taken, nil).Body, "me": h.ask(staff.Viewer, "/console/me", nil).Body,
		"sign-in": h.ask(staff.Nobody, "/console/sign-in", nil).Body, "wrong": h.ask(staff.Viewer, "/console/audit", nil).Body,
		"rehearsal": h.ask(staff.Marketer, change+"/rehearsal", nil).Body, "report": h.ask(staff.Viewer, "/console/reports/orders", nil).Body,
		"grid": h.ask(staff.Viewer, "/console/reports/rfm-grid", nil).Body, "stages": h.ask(staff.Viewer, "/console/reports/lifecycle", nil).Body, "reports": h.ask(staff.Viewer, "/console/reports", nil).Body,
		"segments": h.ask(staff.Admin, "/console/segments", nil).Body, "runs": h.ask(staff.Admin, "/console/runs", nil).Body, "segment": h.ask(staff.Admin, "/console/segments/regulars", nil).Body,
	}
}

// undecided is the page of mails of which nobody knows, with one of a run and a single one.
func (h *house) undecided() string {
	h.Welcome(9)
	h.Work()
	h.Do(func(tx *store.Tx) error {
		_, err := tx.Exec("update sends set state = 'unknown' where run_id is null or member_id = @member", store.Args{"member": h.members[2]})
		return err
	})
	return h.ask(staff.Admin, "/console/unknown", nil).Body
}

// pool is the page of a pool of which some days are known.
func (h *house) pool() string {
	h.Do(func(tx *store.Tx) error {
		for i := range 40 {
			_, err := tx.Exec("insert into pool_days (pool_id, day, remains, given, used, ended, spent) select id, @day, 12000 - @n, @n, 0, 0, @n from pools where name = 'gift'",
				store.Args{"day": 20875 - i, "n": 4000 - 97*i})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return h.ask(staff.Viewer, "/console/codes/gift", nil).Body
}

// stories are what a person does, as a script that sits beside the frame in which the
// console is: what it types and presses, and what it then reads. With quiet the frame
// runs no script.
const stories = `<!DOCTYPE html><title>-</title><body><script>
const frame = document.createElement('iframe'), said = {};
frame.width = 1000; frame.height = 900;
if (location.search === '?quiet') frame.sandbox = 'allow-same-origin allow-forms';
document.body.append(frame);
const loaded = () => new Promise(f => frame.addEventListener('load', f, {once: true}));
const open = async path => { const there = loaded(); frame.src = path; await there; };
const all = what => [...frame.contentDocument.querySelectorAll(what)];
const press = async button => { const next = loaded(); button.click(); await next; };
const named = (what, text) => all(what).find(e => e.textContent.includes(text));
const main = () => all('main')[0].innerText;
const wait = ms => new Promise(f => setTimeout(f, ms));
const until = async (what, ms) => { for (; ms > 0 && !what(); ms -= 100) await wait(100); };
(async () => {
  await open('/console/');
  await press(named('nav a', 'Campaigns'));
  await press(named('td a', 'welcome'));
  all('input[name=because]')[0].value = 'the code is wrong';
  await press(named('button', 'Hold'));
  said.held = main();
  await press(named('button', 'Release'));
  said.released = main();

  await open('/console/members');
  all('input[name=q]')[0].value = 'M-';
  await press(named('button', 'Search'));
  said.address = frame.contentWindow.location.href;
  await press(all('td a')[0]);
  said.member = main();

  await open('/console/segments');
  const rule = all('textarea')[0];
  rule.value = 'orders >= 2';
  rule.dispatchEvent(new frame.contentWindow.Event('input', {bubbles: true}));
  await until(() => all('output')[0].textContent, location.search ? 1500 : 200000);
  said.counted = all('output')[0].textContent;
  await press(named('button', 'Ask'));
  said.asked = main();

  await open('/console/mail/welcome/hello?lang=en');
  said.frames = all('iframe').length;
  await open(run);
  said.before = all('#progress')[0].innerText;
  await fetch('/test/pause');
  await until(() => all('#progress')[0]?.innerText.includes('as somebody else'), location.search ? 1000 : 200000);
  said.after = all('#progress')[0].innerText;
})().catch(e => { said.failed = String(e.stack); said.at = frame.contentDocument?.body?.innerText?.slice(0, 300); })
  .finally(() => fetch('/test/said', {method: 'POST', body: JSON.stringify(said)}));
</script>`

// play opens an address in a browser that goes on until a story was told.
func play(t *testing.T, browser, address string, told <-chan []byte) []byte {
	t.Helper()
	profile, err := os.MkdirTemp("", "regulars-console-")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patiently.AtMost)
	c := exec.CommandContext(ctx, browser, append(looktest.Flags(profile), "--remote-debugging-port=0", address)...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = c.Wait()              // it was ended
		_ = os.RemoveAll(profile) // what of it still writes there is on its way out
	}()
	select {
	case said := <-told:
		return said
	case <-ctx.Done():
		t.Fatalf("%s: the story was not told to its end", browser)
	}
	return nil
}

// TestPeopleWorkInABrowser plays some stories through, with and without script.
func TestPeopleWorkInABrowser(t *testing.T) {
	t.Parallel()
	browser := looktest.Chromium(t)
	for _, script := range []bool{true, false} {
		t.Run(map[bool]string{true: "with script", false: "without script"}[script], func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, storetest.SQLite(t))
			h.Open, h.Base = true, ""
			handle := h.Handler()
			mux := http.NewServeMux()
			mux.HandleFunc("/console/", func(w http.ResponseWriter, r *http.Request) {
				handle.ServeHTTP(framed{w}, r)
			})
			mux.HandleFunc("GET /test/pause", func(http.ResponseWriter, *http.Request) {
				if err := h.Marketer.As("test").Pause(context.Background(), h.run, "as somebody else"); err != nil {
					t.Error(err)
				}
			})
			told := make(chan []byte, 1)
			mux.HandleFunc("POST /test/said", func(_ http.ResponseWriter, r *http.Request) {
				text, _ := io.ReadAll(r.Body) // what is missing of it is no JSON
				told <- text
			})
			mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				fmt.Fprint(w, strings.Replace(stories, "open(run)", fmt.Sprintf("open('/console/runs/%d')", h.run), 1))
			})
			site := httptest.NewServer(mux)
			defer site.Close()
			address := site.URL + "/"
			if !script {
				address += "?quiet"
			}
			var said struct {
				Failed, At, Held, Released, Address, Member, Counted, Asked, Before, After string
				Frames                                                                     int
			}
			if err := json.Unmarshal(play(t, browser, address, told), &said); err != nil {
				t.Fatal(err)
			}
			if said.Failed != "" {
				t.Fatalf("the story came to an end: %+v", said)
			}
			for _, tt := range []struct{ what, text, want string }{
				{"a campaign that was held", said.Held, "by this machine: the code is wrong"},
				{"the same once it was released", said.Released, "What waited goes on"},
				{"a member who was found", said.Member, secret},
				{"a rule that was asked", said.Asked, "3 members"},
				{"a run that sends", said.Before, "Still to go"},
			} {
				if !strings.Contains(tt.text, tt.want) {
					t.Errorf("%s does not say %q: %.400s", tt.what, tt.want, tt.text)
				}
			}
			if strings.Contains(said.Address, "M-") || said.Frames != 1 {
				t.Errorf("the search stands in the address %s, or the mail in %d frames", said.Address, said.Frames)
			}
			if got := strings.HasPrefix(said.Counted, "3 members"); got != script {
				t.Errorf("a rule counted while it was typed: %q", said.Counted)
			}
			if got := strings.Contains(said.After, "as somebody else"); got != script {
				t.Errorf("the run after it was paused elsewhere: %q", said.After)
			}
		})
	}
}

// framed lets the story's page have the console in a frame, which else nobody may.
type framed struct{ http.ResponseWriter }

func (f framed) WriteHeader(status int) {
	policy := f.Header().Get("Content-Security-Policy")
	f.Header().Set("Content-Security-Policy", strings.Replace(policy, "frame-ancestors 'none'", "frame-ancestors 'self'", 1))
	f.ResponseWriter.WriteHeader(status)
}
