package public

import (
	"net/http"
	"regexp"
	"strings"

	"regulars/internal/store"
	"regulars/internal/versions"
)

// pictureName is how pictures are named here: by what they contain.
var pictureName = regexp.MustCompile(`^[0-9a-f]{32}\.(png|jpg|gif|webp)$`)

// picture answers with a picture of the program, as mails show them: to anybody, from
// anywhere, for ever, since another one has another name.
func (s *server) picture(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	if !pictureName.MatchString(name) {
		return store.ErrNotFound
	}
	var body []byte
	err := s.reads.View(r.Context(), func(tx *store.Tx) (err error) { body, err = versions.PictureBytes(tx, name); return err })
	if err != nil {
		return err
	}
	kind := name[strings.LastIndexByte(name, '.')+1:]
	if kind == "jpg" {
		kind = "jpeg"
	}
	w.Header().Set("Content-Type", "image/"+kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	_, _ = w.Write(body) // the caller has gone away: nobody to tell
	return nil
}
