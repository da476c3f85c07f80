package console_test

import (
	"archive/zip"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"regulars/internal/staff"
	"regulars/internal/store"
)

// TestAChangeOfTheProgramIsWrittenProposedAndApplied goes the whole way in the browser.
func TestAChangeOfTheProgramIsWrittenProposedAndApplied(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.refused(t, staff.Marketer, "/console/proposals", url.Values{"title": {" "}}, "in a few words")
		h.does(t, staff.Marketer, "/console/proposals", url.Values{"title": {"a warmer welcome"}}).shows(t, "a warmer welcome draft")
		id := h.Number("select max(id) from proposals")
		change := fmt.Sprintf("/console/proposals/%d", id)
		file := change + "/files/campaigns/welcome/hello.en.md"
		page := h.ask(staff.Marketer, file, nil)
		if area := words(all(tree(t, page.Body), "textarea")[0]); !strings.Contains(area, "{{ coupon.code }}") {
			t.Errorf("the file is not there to be written: %q", area)
		}
		if a := h.ask(staff.Launcher, file, nil); len(all(tree(t, a.Body), "textarea")) != 0 {
			t.Error("somebody else's draft is there to be written")
		}

		save := func(text string) answer { return h.does(t, staff.Marketer, file, url.Values{"text": {text}}) }
		a := save("---\r\nsubject: Hi {{ member.frist_name }}\r\n---\r\nHello.")
		a.shows(t, "wrong campaigns/welcome/hello.en.md:2:")
		a.shows(t, "first_name")
		check := h.ask(staff.Marketer, "/console/check/"+strings.TrimPrefix(file, "/console/proposals/"), url.Values{"text": {"---\nsubject: Hi {{ member.frist_name }}\n---\n"}})
		if !strings.HasPrefix(check.Body, "campaigns/welcome/hello.en.md:2:") || !strings.HasPrefix(check.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("check while it is typed: %q", check.Body)
		}
		h.refused(t, staff.Marketer, change+"/propose", url.Values{}, "hello.en.md:2")
		save("---\r\nsubject: Hi {{ member.first_name }}\r\n---\r\nWarm words. {{ coupon.code }}\r\n").shows(t, "warning campaigns/welcome/hello.en.md:2:16 not every member")
		mail := h.ask(staff.Marketer, strings.Replace(file, "/proposals/", "/proposed-mail/", 1), nil)
		if !strings.Contains(mail.Body, "Warm words.") || !strings.Contains(mail.Header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("the mail as it would be: %.200s", mail.Body)
		}
		test := strings.Replace(file, "/proposals/", "/send-proposed/", 1)
		h.does(t, staff.Marketer, test, url.Values{"to": {"me@shop.example"}}).shows(t, "The test mail was handed over")
		if len(h.relay.taken) != 1 || h.relay.taken[0].To != "me@shop.example" {
			t.Errorf("the relay took %v", h.relay.taken)
		}
		h.refused(t, staff.Marketer, test, url.Values{"to": {"nobody"}}, "nobody")
		h.refused(t, staff.Marketer, strings.Replace(test, "hello.en.md", "campaign.yaml", 1), url.Values{"to": {"me@shop.example"}}, "no such page")
		h.refused(t, staff.Marketer, change+"/new", url.Values{"file": {"../x.yaml"}}, "no file of a program")
		if a := h.ask(staff.Marketer, change+"/new", url.Values{"file": {"campaigns/welcome/three.en.md"}}); a.Header.Get("Location") != change+"/files/campaigns/welcome/three.en.md" {
			t.Errorf("a new file: %d to %s", a.StatusCode, a.Header.Get("Location"))
		}
		for name, begins := range map[string]string{"three.en.md": "[Have a look]({{ shop.url }})", "hello.fi.md": "Warm words. {{ coupon.code }}", "thanks.fi.md": ""} {
			page := h.ask(staff.Marketer, change+"/files/campaigns/welcome/"+name, nil)
			page.shows(t, "This mail is not written yet")
			if text := words(all(tree(t, page.Body), "textarea")[0]); !strings.Contains(text, begins) {
				t.Errorf("%s, which nobody has written, begins with %q", name, text)
			}
		}
		page = h.ask(staff.Marketer, change, nil)
		page.shows(t, "4 + Warm words. {{ coupon.code }}")
		page.shows(t, "2 lines put in, 2 lines taken out")
		page.shows(t, "What that would change")
		if n := h.Number("select count(*) from versions"); n != 1 {
			t.Fatalf("writing has put something in force: %d versions", n)
		}

		h.does(t, staff.Marketer, change+"/propose", url.Values{}).shows(t, "It waits for somebody with the role launcher")
		page = h.ask(staff.Launcher, change, nil)
		page.shows(t, "Apply it")
		h.refused(t, staff.Launcher, change+"/apply", url.Values{"seen": {"1-x"}}, "look at it again")
		h.does(t, staff.Launcher, change+"/apply", page.hidden(t, change+"/apply")).shows(t, "It became version 2")
		list := h.ask(staff.Viewer, "/console/program", nil)
		list.shows(t, fmt.Sprintf("Version 2 in force change %d by marketer@shop.example: a warmer welcome launcher@shop.example", id))
		if strings.Contains(list.Body, "/console/proposals") {
			t.Error("a viewer is shown changes")
		}
		h.ask(staff.Marketer, "/console/program/versions/2", nil).shows(t, "4 + Warm words. {{ coupon.code }}")

		roll := "/console/program/versions/1/rollback"
		h.ask(staff.Launcher, roll, nil).shows(t, "Put version 1 in force?")
		h.refused(t, staff.Launcher, roll, url.Values{}, "Say why")
		h.does(t, staff.Launcher, roll, because("too warm")).shows(t, "Version 3 in force rollback to version 1: too warm launcher@shop.example")
		h.refused(t, staff.Launcher, "/console/program/versions/77/rollback", because("x"), "no such page")

		archive := h.ask(staff.Marketer, "/console/program/versions/2/zip", nil)
		files, err := zip.NewReader(strings.NewReader(archive.Body), int64(len(archive.Body)))
		if err != nil || len(files.File) < 8 || files.File[0].Name != "campaigns/later/campaign.yaml" {
			t.Errorf("the archive: %v", err)
		}
		h.ask(staff.Admin, "/console/audit", nil).shows(t, fmt.Sprintf("send test change %d of the program campaigns/welcome/hello.en.md console: marketer@shop.example", id))
		h.ask(staff.Admin, "/console/audit", nil).shows(t, fmt.Sprintf("propose change %d of the program draft a warmer welcome console: marketer@shop.example", id))
	})
}

// TestOnesOwnChange is proposed and applied by the same person, or is not.
func TestOnesOwnChange(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		begin := func() (path string) {
			h.does(t, staff.Launcher, "/console/proposals", url.Values{"title": {"mine"}})
			path = fmt.Sprintf("/console/proposals/%d", h.Number("select max(id) from proposals"))
			h.does(t, staff.Launcher, path+"/files/segments.yaml", url.Values{"text": {"regulars: orders >= 3\nnew-ones: orders == 0\n"}})
			h.does(t, staff.Launcher, path+"/propose", url.Values{})
			return path
		}
		mine := begin()
		h.ask(staff.Launcher, mine, nil).shows(t, "so you may apply it")
		h.Do(func(tx *store.Tx) error {
			_, err := tx.Exec("update users set password = 'one' where role = 'admin'", nil)
			return err
		})
		h.ask(staff.Launcher, mine, nil).shows(t, "somebody else with the role launcher applies it")
		h.refused(t, staff.Launcher, mine+"/apply", url.Values{"seen": {"x"}}, "Somebody else")
		h.refused(t, staff.Admin, mine+"/refuse", url.Values{}, "Say why")
		h.does(t, staff.Admin, mine+"/refuse", because("three are too many")).shows(t, "three are too many")
		h.does(t, staff.Launcher, begin()+"/withdraw", url.Values{}).shows(t, "It is a draft again")
		h.does(t, staff.Launcher, fmt.Sprintf("/console/proposals/%d/drop", h.Number("select max(id) from proposals")), url.Values{}).shows(t, "Dropped")
		large := url.Values{"text": {strings.Repeat("ä", 33<<10)}}
		h.does(t, staff.Launcher, "/console/proposals", url.Values{"title": {"large"}})
		path := fmt.Sprintf("/console/proposals/%d/files/campaigns/welcome/hello.en.md", h.Number("select max(id) from proposals"))
		h.refused(t, staff.Launcher, path, large, "larger than 64 kB")
		if a := h.ask(staff.Launcher, path, url.Values{"text": {strings.Repeat("ä", 60<<10)}}); a.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("more than a form can bring: %d", a.StatusCode)
		}
	})
}
