package console_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/store/storetest/watched"
)

// upload sends a file with a form.
func (h *house) upload(as staff.Role, name, text string, fields ...string) answer {
	h.T.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i+1 < len(fields); i += 2 {
		_ = form.WriteField(fields[i], fields[i+1]) // into memory
	}
	file, err := form.CreateFormFile("file", name)
	if err != nil {
		h.T.Fatal(err)
	}
	_, _ = file.Write([]byte(text))
	_ = form.Close()
	r := httptest.NewRequest(http.MethodPost, base+"/console/import", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.AddCookie(&http.Cookie{Name: "__Host-regulars", Value: h.as[as]})
	w := httptest.NewRecorder()
	h.handle.ServeHTTP(w, r)
	return answer{w.Result(), w.Body.String()}
}

// file uploads a file, and returns the path of its page.
func (h *house) file(name, text, kind string) string {
	h.T.Helper()
	a := h.upload(staff.Marketer, name, text, "kind", kind)
	if a.StatusCode != http.StatusSeeOther {
		h.T.Fatalf("the upload of %s: %d\n%s", name, a.StatusCode, a.Body)
	}
	return a.Header.Get("Location")
}

func TestFilesAreLookedAtReadOtherwiseAndStarted(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		const file = "email,first_name,Nick,ids.till\nnew@shop2.test,Nina,Ni,7\nno address,Nils,,\n"
		members := func() int64 { return h.Number("select count(*) from members") }
		before := members()
		page := h.file("people.csv", file, "members")
		if strings.Contains(page, "people") {
			t.Errorf("the address %s says what the file is called", page)
		}
		a := h.ask(staff.Marketer, page, nil)
		for _, text := range []string{"people.csv", "2 read, 1 new", "Line 3", "new@shop2.test, till 7, Nina", "What it would do"} {
			a.shows(t, text)
		}
		if n := members(); n != before {
			t.Fatalf("a look took %d members in", n-before)
		}

		form := url.Values{}
		form.Set("column-0", "email")
		form.Set("column-1", "")
		form.Set("column-2", "first_name")
		form.Set("column-3", "ids.till")
		h.ask(staff.Marketer, page+"/look", form)
		a = h.ask(staff.Marketer, page, nil)
		a.shows(t, "new@shop2.test, till 7, Ni")
		form.Set("column-1", "first_name")
		h.ask(staff.Marketer, page+"/look", form).shows(t, "Columns first_name and Nick are both to hold first_name")
		form.Set("column-1", "")
		form.Set("consent", "offers")
		h.ask(staff.Marketer, page+"/look", form)
		h.ask(staff.Marketer, page, nil).shows(t, "Consent needs consent-source and consent-at")
		h.ask(staff.Marketer, page+"/start", url.Values{}).shows(t, "It cannot be taken in like this")
		form.Set("consent-source", "the shop's till")
		form.Set("consent-at", "2026-05-01")
		h.ask(staff.Marketer, page+"/look", form)
		h.ask(staff.Marketer, page, nil).shows(t, "agreed to offers on 2026-05-01")

		if a := h.ask(staff.Viewer, page, nil); a.StatusCode != http.StatusForbidden {
			t.Errorf("a viewer: %d", a.StatusCode)
		}
		h.ask(staff.Marketer, page+"/start", url.Values{})
		h.ask(staff.Marketer, page+"/start", url.Values{}) // twice is once
		if n := h.Number("select count(*) from jobs where kind = 'import'"); n != 1 {
			t.Errorf("%d jobs", n)
		}
		h.ask(staff.Marketer, page, nil).shows(t, "It waits for a worker")
		if !strings.Contains(h.ask(staff.Marketer, "/console/jobs", nil).Body, page) {
			t.Error("the list of jobs does not lead to the file")
		}
		h.ask(staff.Marketer, page+"/drop", url.Values{}).shows(t, "It is being taken in")
		h.ask(staff.Admin, "/console/audit", nil).shows(t, "import members, upload")

		h.Do(func(tx *store.Tx) error {
			_, err := tx.Exec("update jobs set state = 'running', progress = @told", store.Args{"told": `{"read":30,"total":120,"rows":{"read":4200,"new":4000,"refused":17},"per_second":900,"seconds":125}`})
			return err
		})
		a = h.ask(staff.Marketer, page, nil)
		for _, text := range []string{"4,200 rows read", "a second 900", "about 2m", "so far 17"} {
			a.shows(t, text)
		}
		h.ask(staff.Marketer, page+"/cancel", url.Values{})
		h.ask(staff.Marketer, page, nil).shows(t, "It ends with the rows that it has at hand")
		h.Do(func(tx *store.Tx) error {
			_, err := tx.Exec("update jobs set state = 'cancelled', outcome = 'cancelled on the way'", nil)
			return err
		})
		h.ask(staff.Marketer, page, nil).shows(t, "Go on with it")
		h.ask(staff.Marketer, page+"/again", url.Values{})
		if n := h.Number("select count(*) from jobs where state = 'queued' and not stop_asked and progress = ''"); n != 1 {
			t.Errorf("%d jobs are queued again as new", n)
		}
		h.ask(staff.Marketer, "/console/import", nil).shows(t, "people.csv")
	})
}

// A file of which nothing can be taken in has no button that begins it.
func TestAFileOfRefusedRowsCannotBeStarted(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		page := h.file("people.csv", "email,first_name\nno address,Nils\n", "members")
		a := h.ask(staff.Marketer, page, nil)
		a.shows(t, "cannot be taken in like this")
		if strings.Contains(a.Body, page+"/start") {
			t.Error("it can be started")
		}
		h.refused(t, staff.Marketer, page+"/start", url.Values{}, "cannot be taken in like this")
	})
}

func TestWhatIsNoFileIsRefusedInWords(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		page := h.file("people.csv", "nothing,of,ours\n1,2,3\n", "members")
		a := h.ask(staff.Marketer, page, nil)
		a.shows(t, "nothing")
		a.shows(t, "Look again, read like this")
		page = h.file("book.csv", "PK\x03\x04 no archive", "members")
		h.ask(staff.Marketer, page, nil).shows(t, "not whole")
		h.ask(staff.Marketer, page+"/drop", url.Values{})
		if a := h.ask(staff.Marketer, page, nil); a.StatusCode != http.StatusNotFound {
			t.Errorf("a file that was thrown away: %d", a.StatusCode)
		}
		if n := h.Number("select count(*) from upload_parts where upload_id not in (select id from uploads)"); n != 0 {
			t.Errorf("%d parts of it are left", n)
		}
		h.upload(staff.Marketer, "people.csv", "email\n").shows(t, "Choose a file")
		h.upload(staff.Marketer, "people.csv", "email\n", "kind", "secrets").shows(t, "Choose a file")
		if a := h.upload(staff.Viewer, "people.csv", "email\n", "kind", "members"); a.StatusCode != http.StatusForbidden {
			t.Errorf("a viewer: %d", a.StatusCode)
		}
		if !watched.On { // 33 MB take the race detector most of a minute
			if a := h.upload(staff.Marketer, "people.csv", strings.Repeat("x", 33<<20), "kind", "members"); a.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("33 MB: %d", a.StatusCode)
			}
		}
	})
}
