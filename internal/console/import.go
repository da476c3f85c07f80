package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"regulars/internal/importer"
	"regulars/internal/loyalty"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/jobs"
)

// importView is the form of a file to take in, and the files that were handed over.
type importView struct {
	frame
	Kinds []string
	Kind  string
	Wrong string
	Files []uploadLine
}

// uploadLine is a file of the list, and its job.
type uploadLine struct {
	importer.Upload
	State string // waiting to be looked at, or the job's
}

// importKinds are the files that are taken in here; `regulars import` knows more.
var importKinds = []string{"members", "orders", "suppressions"}

// shownUploads is how many files the page lists.
const shownUploads = 20

func (c *Console) importPage(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.showImport(w, r, u, http.StatusOK, importView{Kind: importKinds[0]})
}

func (c *Console) showImport(w http.ResponseWriter, r *http.Request, u visitor, status int, view importView) error {
	view.Kinds = importKinds
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "jobs", c.pages.words.Say("import.title")); err != nil {
			return err
		}
		files, err := importer.Uploads(tx, shownUploads)
		if err != nil {
			return err
		}
		view.Files = nil
		for _, file := range files {
			job, err := jobOf(tx, file)
			if err != nil {
				return err
			}
			view.Files = append(view.Files, uploadLine{file, job.State})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.pages.show(w, status, "import", view)
}

// jobOf is the job that takes a file in. Of a file that nobody has started its state is
// ready; a job that was kept long enough is done.
func jobOf(tx *store.Tx, file importer.Upload) (jobs.Row, error) {
	if file.JobID == nil {
		return jobs.Row{State: "ready"}, nil
	}
	row, err := jobs.Show(tx, *file.JobID)
	if errors.Is(err, store.ErrNotFound) {
		return jobs.Row{State: "done", Outcome: file.Said}, nil
	}
	return row, err
}

// importFile keeps a file that somebody hands over, and looks at it.
func (c *Console) importFile(w http.ResponseWriter, r *http.Request, u visitor) error {
	up, err := uploaded(r)
	defer up.close()
	var large *http.MaxBytesError
	say := c.pages.words.Say
	switch {
	case errors.As(err, &large):
		return refuse(http.StatusRequestEntityTooLarge, say("import.large"))
	case err != nil, up.file == nil, up.kind == "":
		return c.showImport(w, r, u, http.StatusUnprocessableEntity, importView{Kind: up.kind, Wrong: say("import.nothing")})
	}
	ctx, cancel := lasting(r)
	defer cancel()
	id, err := importer.Keep(ctx, c.DB, importer.Upload{Kind: up.kind, Name: up.name, Size: up.size, ByWhom: u.by()}, up.file)
	if errors.Is(err, importer.ErrUploads) {
		return c.showImport(w, r, u, http.StatusUnprocessableEntity, importView{Kind: up.kind, Wrong: err.Error()})
	}
	if err != nil {
		return err
	}
	return c.lookAt(ctx, w, r, id, map[string]string{})
}

// lookAt has a file looked at, read as values say, and sends the browser to its page.
func (c *Console) lookAt(ctx context.Context, w http.ResponseWriter, r *http.Request, id int64, values map[string]string) error {
	if err := importer.New(c.DB).Look(ctx, id, values); err != nil {
		return err
	}
	http.Redirect(w, r, uploadPath(id), http.StatusSeeOther)
	return nil
}

func uploadPath(id int64) string { return fmt.Sprintf("/console/import/%d", id) }

// uploadView is one file: what it would do and how it is read, or how far it is.
type uploadView struct {
	frame
	importer.Upload
	importer.Findings
	Job      jobs.Row
	Progress jobs.Progress
	Told     bool   // Progress says something
	Left     string // about how long it still takes; "": nobody can say
	Columns  []readColumn
	Choices  []choice // how else it may be read
	Consents []topicChoice
	Values   map[string]string // as it was asked to be read
	mapped   map[string]string // column → field, as somebody said
}

// readColumn is a column of the file, and which field it holds.
type readColumn struct {
	N      int
	Name   string
	Field  string // "": it is left out
	Fixed  bool   // it holds several fields, or lines: nobody can change that here
	Fields []string
}

// choice is a setting with the few values that it takes.
type choice struct {
	Name    string // as enqueue import calls it
	Value   string
	Options []string
}

type topicChoice struct {
	Topic  string
	Agreed bool
}

// upload shows one file.
func (c *Console) upload(w http.ResponseWriter, r *http.Request, u visitor) error {
	view, err := c.uploadView(r, u)
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "upload", &view)
}

func (c *Console) uploadView(r *http.Request, u visitor) (view uploadView, err error) {
	id, err := numbered(r, "upload")
	if err != nil {
		return view, err
	}
	err = c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.Upload, err = importer.Uploaded(tx, id); err != nil {
			return err
		}
		if view.frame, err = c.frame(tx, r, u, "jobs", view.Name); err != nil {
			return err
		}
		view.Job, err = jobOf(tx, view.Upload)
		return err
	})
	view.Findings, view.Values = view.Upload.Findings(), view.Upload.Values()
	view.Progress, view.Told = view.Job.Progress()
	view.Told = view.Told && view.Progress.Total > 0 // else it has just begun
	if view.Job.State == "queued" || view.Job.State == "running" {
		view.Refresh = lookAgain
	}
	if left := time.Duration(view.Progress.Seconds) * time.Second; left > 0 {
		view.Left = loyalty.Span(max(left.Round(time.Minute), time.Minute))
	}
	view.reads()
	return view, err
}

// reads says how the file is read, for the form that changes it.
func (v *uploadView) reads() {
	v.mapped = map[string]string{}
	if given, err := importer.ParseMap(v.Values["map"]); err == nil { // it was written by us
		for field, name := range given {
			v.mapped[name] = field
		}
	}
	left := importer.ParseColumns(v.Values["leave"])
	for i, name := range v.Header {
		if len(v.Readings) > 1 {
			break // an archive of several tables
		}
		col := readColumn{N: i, Name: name, Field: v.Itself[name], Fields: v.Fields}
		if field, given := v.mapped[name]; given {
			col.Field = field
		}
		if slices.Contains(left, name) {
			col.Field = ""
		}
		col.Fixed = col.Field != "" && !slices.Contains(v.Fields, col.Field) && !strings.HasPrefix(col.Field, "ids.")
		if strings.HasPrefix(col.Field, "ids.") {
			col.Fields = append(slices.Clone(v.Fields), col.Field)
		}
		v.Columns = append(v.Columns, col)
	}
	v.Choices = []choice{
		{"format", v.Values["format"], importer.Formats()[1:]},
		{"dates", v.Values["dates"], []string{"dmy", "mdy", "serial"}},
		{"decimal", v.Values["decimal"], []string{"comma", "point"}},
		{"encoding", v.Values["encoding"], []string{"utf-8", "utf-16", "windows-1252"}},
	}
	if v.Kind == "members" {
		agreed := strings.Split(v.Values["consent"], ",")
		for _, topic := range []string{"offers", "newsletter", "program"} {
			v.Consents = append(v.Consents, topicChoice{topic, slices.Contains(agreed, topic)})
		}
	}
}

// Percent is how much of the file is read.
func (v *uploadView) Percent() int { return share(v.Progress.Read, v.Progress.Total) }

// KB is the size of the file.
func (v *uploadView) KB() int64 { return (v.Size + 1023) >> 10 }

// Set reports whether somebody has said how dates, amounts or letters are to be read.
func (v *uploadView) Set() bool {
	return v.Values["format"]+v.Values["dates"]+v.Values["decimal"]+v.Values["encoding"]+v.Values["zone"]+v.Values["source"] != ""
}

// Over reports whether all rows are read, and segments and campaigns take note of them.
func (v *uploadView) Over() bool { return v.Told && v.Progress.Read >= v.Progress.Total }

// lookUpload looks at a file once more, read in another way.
func (c *Console) lookUpload(w http.ResponseWriter, r *http.Request, u visitor) error {
	view, err := c.uploadView(r, u)
	if err != nil {
		return err
	}
	values, err := c.toBeRead(r, &view)
	if err != nil {
		return err
	}
	ctx, cancel := lasting(r)
	defer cancel()
	return c.lookAt(ctx, w, r, view.ID, values)
}

// toBeRead reads from a form how a file is to be read.
func (c *Console) toBeRead(r *http.Request, v *uploadView) (map[string]string, error) {
	values := map[string]string{}
	for _, name := range []string{"format", "dates", "decimal", "encoding", "zone", "source", "consent-source", "consent-at"} {
		if text := strings.TrimSpace(r.PostFormValue(name)); text != "" && len(text) <= 100 {
			values[name] = text
		}
	}
	if v.Kind == "members" {
		values["consent"] = strings.Join(r.PostForm["consent"], ",")
	}
	column := map[string]string{} // field → the column that was chosen for it
	var given, left []string
	for _, col := range v.Columns {
		field, posted := r.PostFormValue("column-"+strconv.Itoa(col.N)), r.PostForm.Has("column-"+strconv.Itoa(col.N))
		if !posted || col.Fixed {
			continue
		}
		if other := column[field]; field != "" && other != "" {
			return nil, wrong(c.pages.words.Say("import.twice", other, col.Name, field))
		}
		column[field] = col.Name
		switch {
		case field == v.Itself[col.Name]:
		case field == "":
			left = append(left, inQuotes(col.Name))
		default:
			given = append(given, field+"="+inQuotes(col.Name))
		}
	}
	values["map"], values["leave"] = strings.Join(given, ","), strings.Join(left, ",")
	return values, nil
}

// inQuotes writes a column so that ParseMap and ParseColumns read it whole.
func inQuotes(column string) string { return `"` + strings.ReplaceAll(column, `"`, `""`) + `"` }

// startUpload has a job take a file in, read as it was looked at last.
func (c *Console) startUpload(w http.ResponseWriter, r *http.Request, u visitor) error {
	id, err := numbered(r, "upload")
	if err != nil {
		return err
	}
	err = c.DB.Update(r.Context(), func(tx *store.Tx) error {
		file, err := importer.Uploaded(tx, id)
		if err != nil {
			return err
		}
		if found := file.Findings(); file.JobID == nil && (found.Wrong != "" || found.Header == nil || found.Hopeless()) {
			return wrong(c.pages.words.Say("import.cannot"))
		}
		job, _, err := jobs.Enqueue(tx, jobs.Order{Kind: "import", Key: fmt.Sprintf("upload %d", id), By: u.by(),
			Values: map[string]string{"what": file.Kind, "upload": strconv.FormatInt(id, 10)}})
		if err != nil {
			return err
		}
		first, err := importer.StartUpload(tx, id, job)
		if err != nil || !first {
			return err // somebody has started it already
		}
		return staff.Note(tx, staff.Act{By: u.by(), Act: "import", About: fmt.Sprintf("%s, upload %d, job %d", file.Kind, id, job)})
	})
	if err != nil {
		return err
	}
	http.Redirect(w, r, uploadPath(id), http.StatusSeeOther)
	return nil
}

// cancelUpload ends the job that takes a file in: what has come in stays.
func (c *Console) cancelUpload(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.moveUpload(w, r, u, "cancel", "import_cancelled", jobs.Cancel)
}

// againUpload has the job of a file run again that failed or was cancelled.
func (c *Console) againUpload(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.moveUpload(w, r, u, "retry", "retried", jobs.Retry)
}

// moveUpload does something to the job of a file, and notes it.
func (c *Console) moveUpload(w http.ResponseWriter, r *http.Request, u visitor, act, done string, f func(*store.Tx, int64) error) error {
	id, err := numbered(r, "upload")
	if err != nil {
		return err
	}
	err = c.DB.Update(r.Context(), func(tx *store.Tx) error {
		file, err := importer.Uploaded(tx, id)
		if err == nil && file.JobID == nil {
			err = store.ErrNotFound
		}
		if err != nil {
			return err
		}
		return movedJob(tx, u, *file.JobID, act, f)
	})
	if err != nil {
		return mistake(err)
	}
	return back(w, r, uploadPath(id), done)
}

// dropUpload throws a file away.
func (c *Console) dropUpload(w http.ResponseWriter, r *http.Request, u visitor) error {
	id, err := numbered(r, "upload")
	if err != nil {
		return err
	}
	err = c.DB.Update(r.Context(), func(tx *store.Tx) error {
		file, err := importer.Uploaded(tx, id)
		if err != nil {
			return err
		}
		if err := importer.DropUpload(tx, id); err != nil {
			return err
		}
		return staff.Note(tx, staff.Act{By: u.by(), Act: "drop file", About: fmt.Sprintf("%s, upload %d", file.Kind, id)})
	})
	if err != nil {
		return mistake(err)
	}
	return back(w, r, "/console/import", "dropped_file")
}

// refusedRows answers with the rows of a file that were refused, as a table.
func (c *Console) refusedRows(w http.ResponseWriter, r *http.Request, u visitor) error {
	id, err := numbered(r, "upload")
	if err != nil {
		return err
	}
	err = c.read(r.Context(), func(tx *store.Tx) error {
		file, err := importer.Uploaded(tx, id)
		if err == nil && file.Refused == 0 {
			err = store.ErrNotFound
		}
		return err
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="refused-rows-%d.csv"`, id))
	return importer.WriteRefused(r.Context(), c.DB, w, id)
}

// upload is a file as a form brought it.
type upload struct {
	name, kind string
	size       int64
	file       *os.File // nil: none came
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
	if text := string(value); part.FormName() == "kind" && slices.Contains(importKinds, text) {
		up.kind = text
	}
	return nil
}

// keep writes the file out.
func (up *upload) keep(part *multipart.Part) (err error) {
	up.name = filepath.Base(strings.ToValidUTF8(part.FileName(), "?"))
	if up.file, err = os.CreateTemp("", "regulars-upload-*"); err != nil {
		return fmt.Errorf("an upload: %w", err)
	}
	up.size, err = io.Copy(up.file, part)
	return err
}

// close takes the temporary file away.
func (up *upload) close() {
	if up.file != nil {
		_ = up.file.Close()
		_ = os.Remove(up.file.Name()) // its folder is a temporary one
	}
}
