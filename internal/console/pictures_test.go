package console_test

import (
	"bytes"
	"image"
	"image/png"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// picture hands a picture over to a draft.
func (h *house) picture(as staff.Role, change, name, body string) answer {
	h.T.Helper()
	var sent bytes.Buffer
	form := multipart.NewWriter(&sent)
	file, err := form.CreateFormFile("picture", name)
	if err != nil {
		h.T.Fatal(err)
	}
	_, _ = file.Write([]byte(body))
	_ = form.Close()
	r := httptest.NewRequest(http.MethodPost, base+change+"/pictures", &sent)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.AddCookie(&http.Cookie{Name: "__Host-regulars", Value: h.as[as]})
	w := httptest.NewRecorder()
	h.handle.ServeHTTP(w, r)
	return answer{w.Result(), w.Body.String()}
}

// TestAPictureComesIntoAMail is uploaded, shown by a mail, tested and applied.
func TestAPictureComesIntoAMail(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		var body bytes.Buffer
		if err := png.Encode(&body, image.NewGray(image.Rect(0, 0, 800, 300))); err != nil {
			t.Fatal(err)
		}
		change := h.draft(t, "a picture for the welcome")
		for _, wrong := range [][2]string{{"<svg xmlns='http://www.w3.org/2000/svg'/>", "This is no picture"}, {"<script>", "This is no picture"}, {strings.Repeat("x", 1<<20+1), "larger than 1024 kB"}} {
			if a := h.picture(staff.Marketer, change, "bag.png", wrong[0]); a.StatusCode != 422 || !strings.Contains(a.Body, wrong[1]) {
				t.Errorf("%.20q: %d", wrong[0], a.StatusCode)
			}
		}
		if a := h.picture(staff.Launcher, change, "bag.png", body.String()); a.StatusCode != 422 {
			t.Errorf("into somebody else's draft: %d", a.StatusCode)
		}
		a := h.picture(staff.Marketer, change, "Käse & Bag.JPG", body.String())
		at, _, _ := strings.Cut(a.Header.Get("Location"), "?")
		if !strings.HasSuffix(at, "/files/pictures/k-se---bag.png") {
			t.Fatalf("the upload: %d to %s", a.StatusCode, at)
		}
		h.ask(staff.Marketer, at, nil).shows(t, "png of 800 × 300 pixels")
		file := change + "/files/campaigns/welcome/hello.en.md"
		h.does(t, staff.Marketer, file, url.Values{"text": {"---\nsubject: Hi\n---\n![A bag](pictures/bag.png) {{ coupon.code }}\n"}}).shows(t, "there is no picture pictures/bag.png")
		h.does(t, staff.Marketer, file, url.Values{"text": {"---\nsubject: Hi\n---\n![A bag](pictures/k-se---bag.png)\n\n{{ coupon.code }}\n"}})
		mail := h.ask(staff.Marketer, strings.Replace(file, "/proposals/", "/proposed-mail/", 1), nil)
		if !strings.Contains(mail.Body, `/pictures/`) || !strings.Contains(mail.Body, `.png" alt="A bag" width="536"`) || !strings.Contains(mail.Header.Get("Content-Security-Policy"), "img-src data: 'self'") {
			t.Errorf("the mail: %s\n%s", mail.Header.Get("Content-Security-Policy"), mail.Body)
		}
		h.does(t, staff.Marketer, strings.Replace(file, "/proposals/", "/send-proposed/", 1), url.Values{"to": {"me@shop.example"}})
		if got := string(h.relay.taken[len(h.relay.taken)-1].Body); !strings.Contains(got, "/pictures/") {
			t.Errorf("the test mail has no picture: %s", got)
		}
		h.does(t, staff.Marketer, change+"/propose", url.Values{})
		h.does(t, staff.Launcher, change+"/apply", h.ask(staff.Launcher, change, nil).hidden(t, change+"/apply")).shows(t, "It became version 2")
		if n := h.Number("select count(*) from pictures where kept"); n != 1 {
			t.Errorf("%d pictures are kept", n)
		}
		live := h.ask(staff.Marketer, "/console/mail-body/welcome/hello", nil)
		if !strings.Contains(live.Body, "/pictures/") || !strings.Contains(live.Header.Get("Content-Security-Policy"), "img-src data: 'self'") {
			t.Errorf("the mail in force: %s\n%s", live.Header.Get("Content-Security-Policy"), live.Body)
		}
		archive := h.ask(staff.Marketer, "/console/program/versions/2/zip", nil)
		if !strings.Contains(archive.Body, "pictures/k-se---bag.png") {
			t.Error("the archive has no picture")
		}
		other := h.draft(t, "dropped")
		body.WriteString("more")
		h.picture(staff.Marketer, other, "b.png", body.String())
		h.does(t, staff.Marketer, other+"/drop", url.Values{})
		if n := h.Number("select count(*) from pictures"); n != 1 {
			t.Errorf("%d pictures after one was dropped", n)
		}
		h.Do(func(tx *store.Tx) error {
			_, err := versions.PictureBytes(tx, "nothing.png")
			if err == nil {
				t.Error("a picture that is none is there")
			}
			return nil
		})
	})
}
