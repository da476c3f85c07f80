package public_test

import (
	"bytes"
	"image"
	"image/png"
	"testing"

	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/internal/versions"
)

// The pictures of mails are there for whoever has their name, as what they are and
// nothing else.
func TestPicturesOfMailsAreServed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		var body bytes.Buffer
		if err := png.Encode(&body, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
			t.Fatal(err)
		}
		p, err := program.ReadPicture(body.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		h.update(func(tx *store.Tx) error { return versions.PutPicture(tx, p, body.Bytes()) })
		a := h.ask("GET", "/pictures/"+p.Name, "")
		if a.Status != 200 || a.Body != body.String() || a.Header.Get("Content-Type") != "image/png" || a.Header.Get("X-Content-Type-Options") != "nosniff" ||
			a.Header.Get("Content-Security-Policy") != "default-src 'none'" {
			t.Errorf("%d, %v", a.Status, a.Header)
		}
		for _, name := range []string{"nothing.png", "a.svg", "..%2fprogram.yaml", "%00.png"} {
			if a := h.ask("GET", "/pictures/"+name, ""); a.Status != 404 {
				t.Errorf("%s: %d", name, a.Status)
			}
		}
	})
}
