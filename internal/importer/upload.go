package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"regulars/internal/consent"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Upload is a file that somebody handed to the console. Its bytes stand in the database,
// where each replica finds them, until it is taken in or thrown away.
type Upload struct {
	ID      int64
	Kind    string // members | orders | suppressions
	Name    string // what it was called where it came from
	Size    int64  // bytes
	Given   string // JSON: see Values
	Found   string // JSON: see Findings
	ByWhom  string
	At      loyalty.Instant
	JobID   *int64          // nil: nobody has started it
	TakenAt loyalty.Instant // zero: it is not in
	Said    string          // then: what came of it
	Refused int64           // bytes of the table of its refused rows; 0: there is none
}

// Findings are what a look at a file found: of its first rows where it is long.
type Findings struct {
	Whole    bool // to its end
	Header   []string
	Itself   map[string]string // column → the field that it holds where nobody says otherwise
	Fields   []string          // that a column may hold
	Readings []Reading
	Tally    Tally
	Samples  []Sample
	Notes    []Remark // the first values that are left out or taken in another way
	Refused  []Remark // the first rows that are refused
	Wrong    string   // why it cannot be taken in like this; "": it can
}

// Hopeless reports whether all of the file was looked at and no row of it can be taken in.
func (f Findings) Hopeless() bool {
	return f.Whole && f.Tally.Read > 0 && f.Tally.Refused == f.Tally.Read
}

// Remark is what is to be said of a line of a file.
type Remark struct {
	Line int
	Says string
}

// Limits of uploads, in bytes, and of what a look keeps.
const (
	MostUpload  = 32 << 20
	mostUploads = 16 * MostUpload // of all that wait
	partBytes   = 1 << 20
	keptNotes   = 20
)

// lookFor is how long a look goes on before it is content with what it has seen.
const lookFor = 4 * time.Second

const uploadColumns = `id, kind, name, size, given, found, by_whom, at, job_id, taken_at, said,
	(select coalesce(sum(length(p.bytes)), 0) from upload_parts p where p.upload_id = uploads.id and p.what = 'refused') as refused`

// Values say how the file is to be read, as FileOf takes them.
func (u Upload) Values() map[string]string {
	v := map[string]string{}
	_ = json.Unmarshal([]byte(u.Given), &v) // what cannot be read says nothing
	v["what"] = u.Kind
	return v
}

// Findings are those of the last look.
func (u Upload) Findings() (f Findings) {
	_ = json.Unmarshal([]byte(u.Found), &f) // what cannot be read says nothing
	return f
}

// ErrUploads says that too much waits to be taken in.
var ErrUploads = fmt.Errorf("files of more than %d MB wait to be taken in: throw some away first", mostUploads>>20)

// Keep stores a file, and returns its number.
func Keep(ctx context.Context, db *store.DB, u Upload, file *os.File) (id int64, err error) {
	err = db.Update(ctx, func(tx *store.Tx) error {
		var waits int64
		if err := tx.One(&waits, "select coalesce(sum(size), 0) from uploads where taken_at is null", nil); err != nil {
			return err
		}
		if waits+u.Size > mostUploads {
			return ErrUploads
		}
		err := tx.One(&id, "insert into uploads (kind, name, size, by_whom, at) values (@kind, @name, @size, @by, @now) returning id",
			store.Args{"kind": u.Kind, "name": u.Name, "size": u.Size, "by": u.ByWhom, "now": tx.At})
		if err != nil {
			return err
		}
		return putParts(tx, id, "file", io.NewSectionReader(file, 0, u.Size))
	})
	return id, err
}

// putParts stores bytes of an upload, in place of those that were there.
func putParts(tx *store.Tx, id int64, what string, from io.Reader) error {
	if _, err := tx.Exec("delete from upload_parts where upload_id = @id and what = @what", store.Args{"id": id, "what": what}); err != nil {
		return err
	}
	for n := 0; ; n++ {
		part := make([]byte, partBytes)
		read, err := io.ReadFull(from, part)
		if read > 0 {
			_, err := tx.Exec("insert into upload_parts (upload_id, what, n, bytes) values (@id, @what, @n, @bytes)",
				store.Args{"id": id, "what": what, "n": n, "bytes": part[:read]})
			if err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// copyParts writes the bytes of an upload out, part by part.
func copyParts(ctx context.Context, db *store.DB, to io.Writer, id int64, what string) error {
	for n := 0; ; n++ {
		var part struct{ Bytes []byte }
		err := db.View(ctx, func(tx *store.Tx) error {
			return tx.One(&part, "select bytes from upload_parts where upload_id = @id and what = @what and n = @n", store.Args{"id": id, "what": what, "n": n})
		})
		if errors.Is(err, store.ErrNotFound) && n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := to.Write(part.Bytes); err != nil {
			return err
		}
	}
}

// WriteRefused writes the table of an upload's refused rows; ErrNotFound where there is none.
func WriteRefused(ctx context.Context, db *store.DB, to io.Writer, id int64) error {
	return copyParts(ctx, db, to, id, "refused")
}

// OpenUpload opens the file of an upload, as a temporary one without a name: what is
// read is gone once it is closed.
func OpenUpload(ctx context.Context, db *store.DB, id int64) (*os.File, error) {
	f, err := os.CreateTemp("", "regulars-upload-*")
	if err != nil {
		return nil, fmt.Errorf("an upload: %w", err)
	}
	_ = os.Remove(f.Name()) // it stays open
	err = copyParts(ctx, db, f, id, "file")
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Uploaded returns one upload, or store.ErrNotFound.
func Uploaded(tx *store.Tx, id int64) (u Upload, err error) {
	err = tx.One(&u, "select "+uploadColumns+" from uploads where id = @id", store.Args{"id": id})
	return u, err
}

// Uploads returns the newest uploads first, without what was found in them.
func Uploads(tx *store.Tx, limit int) (all []Upload, err error) {
	err = tx.All(&all, "select "+strings.Replace(uploadColumns, "found,", "'{}' as found,", 1)+" from uploads order by id desc limit @limit", store.Args{"limit": limit})
	return all, err
}

// StartUpload records the job that takes an upload in. It is false where it has one.
func StartUpload(tx *store.Tx, id, job int64) (bool, error) {
	n, err := tx.Exec("update uploads set job_id = @job, found = '{}' where id = @id and job_id is null", store.Args{"id": id, "job": job})
	return n == 1, err
}

// DropUpload throws an upload away that no job has under way.
func DropUpload(tx *store.Tx, id int64) error {
	args := store.Args{"id": id}
	n, err := tx.Exec("delete from uploads where id = @id and not exists (select 1 from jobs j where j.id = uploads.job_id and j.state in ('queued', 'running'))", args)
	if err != nil || n == 0 {
		return errors.Join(err, errIf(n == 0, "it is being taken in: cancel that first"))
	}
	_, err = tx.Exec("delete from upload_parts where upload_id = @id", args)
	return err
}

func errIf(is bool, words string) error {
	if is {
		return errors.New(words)
	}
	return nil
}

// EndUpload keeps the table of the rows that were refused, if there are any, and where
// the file is in, what came of it; then its bytes are deleted.
func EndUpload(ctx context.Context, db *store.DB, id int64, refused io.ReaderAt, any, in bool, said string) error {
	return db.Update(ctx, func(tx *store.Tx) error {
		if any {
			if err := putParts(tx, id, "refused", io.NewSectionReader(refused, 0, MostUpload)); err != nil {
				return err
			}
		}
		if !in {
			return nil
		}
		args := store.Args{"id": id, "said": said, "now": tx.At}
		if _, err := tx.Exec("delete from upload_parts where upload_id = @id and what = 'file'", args); err != nil {
			return err
		}
		_, err := tx.Exec("update uploads set taken_at = @now, said = @said where id = @id", args)
		return err
	})
}

// Look says what an upload would do, read as values say, and keeps that with it. A long
// file is looked at for some seconds. What is wrong with the file is among what it found.
func (im *Importer) Look(ctx context.Context, id int64, values map[string]string) error {
	var u Upload
	if err := im.db.View(ctx, func(tx *store.Tx) (err error) { u, err = Uploaded(tx, id); return err }); err != nil {
		return err
	}
	shop, err := im.intake.Shop(ctx)
	if err != nil {
		return err
	}
	file, err := OpenUpload(ctx, im.db, id)
	if err != nil {
		return err
	}
	defer file.Close()
	values["what"] = u.Kind
	found := Findings{Fields: slices.Clone(fieldsOf(u.Kind))}
	if u.Kind == "members" {
		for _, topic := range consent.Topics() {
			found.Fields = append(found.Fields, "consent."+topic)
		}
		for _, name := range slices.Sorted(maps.Keys(shop.Attributes)) {
			found.Fields = append(found.Fields, "attributes."+name)
		}
	}
	f, err := FileOf(values)
	if err == nil {
		f.Path, f.Opened, f.DryRun = u.Name, file, true
		err = im.look(ctx, f, &found, func(header []string) {
			found.Header, found.Itself = header, map[string]string{}
			l, err := recognise(f, header)
			if err != nil {
				return
			}
			if c, err := mapColumns(u.Kind, header, l, nil, nil, shop.Attributes); err == nil { // else no column is anything by itself
				for _, use := range c.uses() {
					found.Itself[use.Column] = use.Field
				}
			}
		})
	}
	if err != nil && (ctx.Err() != nil || store.Passing(err) || store.Away(err) || errors.Is(err, store.ErrLocked)) {
		return err
	}
	if err != nil {
		found.Wrong = err.Error()
	}
	return im.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec("update uploads set given = @given, found = @found where id = @id and job_id is null",
			store.Args{"id": id, "given": store.JSON(values), "found": store.JSON(found)})
		return err
	})
}

// look is a dry run for as long as a look takes.
func (im *Importer) look(ctx context.Context, f File, found *Findings, headed func([]string)) error {
	keep := func(remarks *[]Remark) func(loyalty.Note) {
		return func(n loyalty.Note) {
			if len(*remarks) < keptNotes {
				*remarks = append(*remarks, Remark{n.Line, n.String()})
			}
		}
	}
	f.Headed = headed
	f.Taken = func(r Reading) { found.Readings = append(found.Readings, r) }
	f.Shown = func(s Sample) { found.Samples = append(found.Samples, s) }
	f.Noted, f.Refused = keep(&found.Notes), keep(&found.Refused)
	short, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	tally, err := im.Import(short, f)
	found.Tally, found.Whole = tally, err == nil
	slices.SortFunc(found.Samples, func(a, b Sample) int { return a.Line - b.Line }) // orders are whole at their last row
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil
	}
	return err
}
