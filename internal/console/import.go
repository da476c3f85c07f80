package console

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"regulars/internal/importer"
	"regulars/internal/loyalty"
	"regulars/internal/staff"
	"regulars/internal/store"
)

// importView is the form of a file to take in, and what it would do.
type importView struct {
	frame
	Kinds   []string
	Kind    string
	Name    string // of the file, as it is called where it came from
	Wrong   string
	Looked  bool // what follows says what the file would do, or did
	Taken   bool // it is in
	Reading []importer.Reading
	Tally   importer.Tally
	Samples []importer.Sample
	Notes   []loyalty.Note // values that are left out or taken in another way
	Refused []loyalty.Note
	Seen    string // what tells the file that was looked at
}

// importKinds are the files that are taken in here; `regulars import` knows more.
var importKinds = []string{"members", "orders", "suppressions"}

const (
	mostUpload = 32 << 20 // of a file
	shownNotes = 20
)

// upload is a file as a form brought it.
type upload struct {
	name, kind, seen, sum string
	take                  bool
	file                  *os.File // nil: none came
}

func (c *Console) importPage(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.showImport(w, r, u, http.StatusOK, importView{Kind: importKinds[0]})
}

func (c *Console) showImport(w http.ResponseWriter, r *http.Request, u visitor, status int, view importView) error {
	view.Kinds = importKinds
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		view.frame, err = c.frame(tx, r, u, "jobs", c.pages.words.Say("import.title"))
		return err
	})
	if err != nil {
		return err
	}
	return c.pages.show(w, status, "import", view)
}

// importFile says what a file would do, or takes in the file that was looked at.
func (c *Console) importFile(w http.ResponseWriter, r *http.Request, u visitor) error {
	up, err := uploaded(r)
	defer up.close()
	var large *http.MaxBytesError
	view := importView{Kind: up.kind, Name: up.name}
	wrongWith := func(words string) error {
		view.Wrong = words
		return c.showImport(w, r, u, http.StatusUnprocessableEntity, view)
	}
	say := c.pages.words.Say
	switch {
	case errors.As(err, &large):
		return refuse(http.StatusRequestEntityTooLarge, say("import.large"))
	case err != nil, up.file == nil, up.kind == "":
		return wrongWith(say("import.nothing"))
	case up.take && up.seen != up.kind+" "+up.sum:
		up.take = false
		view.Wrong = say("import.other")
	}
	ctx, cancel := lasting(r)
	defer cancel()
	view.Looked, view.Taken, view.Seen = true, up.take, up.kind+" "+up.sum
	view.Tally, err = importer.New(c.DB).Import(ctx, view.reading(up))
	if err != nil {
		if err = mistake(err); !errors.As(err, new(*refusal)) {
			return err
		}
		view.Looked = false
		return wrongWith(strings.ReplaceAll(err.Error(), up.file.Name(), up.name))
	}
	if up.take {
		err := c.DB.Update(ctx, func(tx *store.Tx) error {
			return staff.Note(tx, staff.Act{By: u.by(), Act: "import", About: up.kind, After: view.Tally.String()})
		})
		if err != nil {
			return err
		}
	}
	return c.showImport(w, r.WithContext(ctx), u, http.StatusOK, view)
}

// reading is the import of an upload, of which the view keeps what a page can show.
func (v *importView) reading(up upload) importer.File {
	keep := func(notes *[]loyalty.Note) func(loyalty.Note) {
		return func(n loyalty.Note) {
			if len(*notes) < shownNotes {
				*notes = append(*notes, n)
			}
		}
	}
	return importer.File{
		Kind: up.kind, Path: up.file.Name(), Opened: up.file, DryRun: !up.take,
		Taken: func(r importer.Reading) { v.Reading = append(v.Reading, r) }, Shown: func(s importer.Sample) { v.Samples = append(v.Samples, s) },
		Noted: keep(&v.Notes), Refused: keep(&v.Refused),
	}
}

// uploaded reads a form with a file, which goes through a temporary file: it is never
// whole in memory. What came is to be closed, also beside an error.
func uploaded(r *http.Request) (up upload, err error) {
	form, err := r.MultipartReader()
	if err != nil {
		return up, err
	}
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return up, nil
		}
		if err == nil {
			err = up.field(part)
		}
		if err != nil {
			return up, err
		}
	}
}

// field reads one part of a form.
func (up *upload) field(part *multipart.Part) error {
	if part.FormName() == "file" {
		if part.FileName() == "" || up.file != nil {
			return nil
		}
		return up.keep(part)
	}
	value, err := io.ReadAll(io.LimitReader(part, 200))
	if err != nil {
		return err
	}
	switch text := string(value); part.FormName() {
	case "kind":
		for _, kind := range importKinds {
			if text == kind {
				up.kind = kind
			}
		}
	case "seen":
		up.seen = text
	case "do":
		up.take = text == "take"
	}
	return nil
}

// keep writes the file out, and takes its sum.
func (up *upload) keep(part *multipart.Part) (err error) {
	up.name = filepath.Base(part.FileName())
	ending := strings.ToLower(filepath.Ext(up.name))
	if ending == ".gz" {
		ending = ".csv.gz"
	}
	if ending != ".csv.gz" && ending != ".zip" && ending != ".txt" {
		ending = ".csv"
	}
	if up.file, err = os.CreateTemp("", "regulars-upload-*"+ending); err != nil {
		return fmt.Errorf("an upload: %w", err)
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(up.file, sum), part); err != nil {
		return err
	}
	up.sum = hex.EncodeToString(sum.Sum(nil))
	_, err = up.file.Seek(0, io.SeekStart)
	return err
}

// close takes the temporary file away.
func (up *upload) close() {
	if up.file != nil {
		_ = up.file.Close()
		_ = os.Remove(up.file.Name()) // its folder is a temporary one
	}
}
