package console

import (
	"errors"
	"io"
	"net/http"
	"strings"
)

// addPicture takes a picture into a draft.
func (c *Console) addPicture(w http.ResponseWriter, r *http.Request, u visitor) error {
	id, err := numbered(r, "proposal")
	if err != nil {
		return err
	}
	file, head, err := r.FormFile("picture")
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return err
	case err != nil:
		return wrong(c.pages.words.Say("pictures.none"))
	}
	defer file.Close()
	body, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	path, err := c.Marketer.As(u.by()).AddPicture(r.Context(), id, head.Filename, body)
	if err != nil {
		return mistake(err)
	}
	return back(w, r, filePath(id, path), "saved")
}

// ownPictures are the places from which a mail may load the program's own pictures: where
// they are for members, and here.
func (c *Console) ownPictures() []string {
	own := []string{"'self'"}
	if c.Base != "" {
		own = append(own, strings.TrimSuffix(c.Base, "/")+"/pictures/")
	}
	return own
}
