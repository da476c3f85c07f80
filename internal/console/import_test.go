package console_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"regulars/internal/staff"
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

func TestFilesAreLookedAtAndTakenIn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		const file = "email,first_name\nnew@shop2.test,Nina\nno address,Nils\n"
		members := func() int64 { return h.Number("select count(*) from members") }
		before := members()
		a := h.upload(staff.Marketer, "people.csv", file, "kind", "members")
		a.shows(t, "What people.csv would do")
		a.shows(t, "2 read, 1 new")
		a.shows(t, "Line 3")
		a.shows(t, "new new@shop2.test, Nina")
		if n := members(); n != before {
			t.Fatalf("a look took %d members in", n-before)
		}
		form := a.hidden(t, "/console/import")
		seen := form.Get("seen")
		other := h.upload(staff.Marketer, "people.csv", file+"c@shop2.test,Noa\n", "kind", "members", "seen", seen, "do", "take")
		other.shows(t, "This is another file than you looked at")
		if n := members(); n != before {
			t.Fatalf("a file that nobody looked at took %d members in", n-before)
		}
		h.upload(staff.Marketer, "people.csv", file, "kind", "members", "seen", seen, "do", "take").shows(t, "What people.csv did")
		if n := members(); n <= before {
			t.Error("nobody came in")
		}
		h.upload(staff.Marketer, "people.csv", "nothing,of,ours\n1,2,3\n", "kind", "members").shows(t, "people.csv")
		h.upload(staff.Marketer, "people.csv", file).shows(t, "Choose a file")
		h.upload(staff.Marketer, "people.csv", file, "kind", "secrets").shows(t, "Choose a file")
		if a := h.upload(staff.Viewer, "people.csv", file, "kind", "members"); a.StatusCode != http.StatusForbidden {
			t.Errorf("a viewer: %d", a.StatusCode)
		}
		if !watched.On { // 33 MB take the race detector most of a minute
			if a := h.upload(staff.Marketer, "people.csv", strings.Repeat("x", 33<<20), "kind", "members"); a.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("33 MB: %d", a.StatusCode)
			}
		}
		h.ask(staff.Admin, "/console/audit", nil).shows(t, "import members")
	})
}
