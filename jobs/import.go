package jobs

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"regulars/internal/importer"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// importJob takes a file of members, orders or suppressions in that lies in the
// worker's import folder, or that somebody uploaded in the console. Put by marketers.
// Running it again changes nothing that is there already. It gives up when the file is
// not there, and ends when it is cancelled.
var importJob = kind{
	about: "take a file in from the import folder",
	queue: Chores,
	fields: []field{
		{name: "what", about: "members, orders or suppressions", required: true, wrong: oneOf("members", "orders", "suppressions")},
		{name: "file", about: "its name in the import folder", required: true, unless: "upload", wrong: notInside},
		{name: "upload", about: "in place of file: the number of one that was uploaded in the console", wrong: count(math.MaxInt)},
		{name: "format", about: "whose export it is; without it auto, which its header tells", wrong: oneOf(importer.Formats()...)},
		{name: "map", about: "field=column,…", wrong: failing(importer.ParseMap)},
		{name: "leave", about: "columns that are left out, comma-separated"},
		{name: "zone", about: "IANA zone of times without an offset; the shop's without it", wrong: failing(loyalty.ParseZone)},
		{name: "source", about: "whose order numbers they are; without it the shop's"},
		{name: "order-id", about: "row: each row is an order", wrong: oneOf("row")},
		{name: "order-key", about: "number+day+shop: order numbers begin anew, as a till's receipts do", wrong: oneOf("number", importer.NumberDayShop)},
		{name: "dates", about: "dmy or mdy: what stands first in dates like 01/02/2027; serial: days as spreadsheets count them", wrong: oneOf(string(importer.DayFirst), string(importer.MonthFirst), string(importer.Serial))},
		{name: "decimal", about: "comma or point: what stands before the decimals of amounts", wrong: failing(importer.ParseDecimal)},
		{name: "encoding", about: "utf-8, utf-16 or windows-1252", wrong: failing(importer.ParseCharset)},
		{name: "status", about: "word=pending|paid|cancelled|refunded|test,… what the file's words mean", wrong: failing(importer.ParseStatuses)},
		{name: "consent", about: "topics that all these members agreed to"},
		{name: "consent-source", about: "where they agreed"},
		{name: "consent-at", about: "when they agreed, like 2027-06-21", wrong: failing(loyalty.ParseDay)},
		{name: "refused", about: "topics that all these members refused, or those whom the file calls unsubscribed"},
		{name: "news", about: "yes: rows of the last days have just happened", wrong: oneOf("yes", "no")},
	},
	do: func(ctx context.Context, r Rooms, row Row) (string, error) {
		values := row.Values()
		if id, err := strconv.ParseInt(values["upload"], 10, 64); err == nil {
			return takeUpload(ctx, r, row, id)
		}
		im, err := importer.FileOf(values)
		if err != nil {
			return "", giveUp{err}
		}
		im.Path = values["file"]
		if im.Opened, err = openInside(r.ImportDir, im.Path); err != nil {
			return "", giveUp{err}
		}
		defer im.Opened.Close()
		tally, said, err := takeIn(ctx, r, row, im)
		if err == nil && tally.Refused == tally.Read {
			err = fmt.Errorf("nothing came in: every one of its %d rows was refused; `regulars import %s %s --dry-run` says why", tally.Read, im.Kind, im.Path)
		}
		return said, final(err)
	},
}

// takeIn takes a file in, and tells how far it is until it is over or cancelled.
func takeIn(ctx context.Context, r Rooms, row Row, im importer.File) (importer.Tally, string, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	what := ""
	im.Taken = func(r importer.Reading) {
		if r.What != "" {
			what += "taken for " + r.What + "; "
		}
	}
	if err := tell(ctx, r.DB, row, Progress{}); err != nil { // it may be cancelled already
		return importer.Tally{}, what, err
	}
	var p pace
	im.Progress = p.bytes
	im.Counted = func(t importer.Tally) {
		if now, due := p.rows(t, time.Now()); due {
			if err := tell(ctx, r.DB, row, now); err != nil {
				cancel(err)
			}
		}
	}
	tally, err := importer.New(r.DB).Import(ctx, im)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause // it was cancelled, or another worker has it
	}
	if err == nil {
		err = tell(ctx, r.DB, row, Progress{Read: p.total, Total: p.total, Rows: tally})
		if errors.Is(err, errCancelled) { // too late
			err = nil
		}
	}
	return tally, what + tally.String(), err
}

// takeUpload takes in a file that somebody uploaded. Its bytes are deleted once it is in;
// the rows that are refused are kept as a table for whoever uploaded it.
func takeUpload(ctx context.Context, r Rooms, row Row, id int64) (string, error) {
	var u importer.Upload
	if err := r.DB.View(ctx, func(tx *store.Tx) (err error) { u, err = importer.Uploaded(tx, id); return err }); err != nil {
		return "", missing(err)
	}
	if !u.TakenAt.IsZero() {
		return u.Said, nil // by whoever had this job before and fell silent
	}
	im, err := importer.FileOf(u.Values())
	if err != nil {
		return "", giveUp{err}
	}
	im.Path = u.Name
	if im.Opened, err = importer.OpenUpload(ctx, r.DB, id); err != nil {
		return "", missing(err)
	}
	defer im.Opened.Close()
	refused, err := os.CreateTemp("", "regulars-refused-*")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(refused.Name()) }()
	defer refused.Close()
	done := func() error { return nil }
	if strings.EqualFold(filepath.Ext(u.Name), ".zip") { // of several tables, whose rows are not one
		table := csv.NewWriter(refused)
		_ = table.Write([]string{"refused_line", "refused_because"}) // Error says what became of it
		im.Refused = func(n loyalty.Note) { _ = table.Write([]string{strconv.Itoa(n.Line), n.String()}) }
		done = func() error { table.Flush(); return table.Error() }
	} else {
		im.Rejects = refused.Name()
	}
	tally, said, err := takeIn(ctx, r, row, im)
	if err := done(); err != nil {
		return "", err
	}
	kept := context.WithoutCancel(ctx)
	if tally.Refused > 0 || err == nil {
		if err := importer.EndUpload(kept, r.DB, id, refused, tally.Refused > 0, err == nil, said); err != nil {
			return "", err
		}
	}
	return said, final(err)
}

// missing makes final that an upload is not there.
func missing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return giveUp{errors.New("the file is not there any more: upload it again")}
	}
	return err
}

// openInside opens a file in the folder, which it does not leave, also not through
// links. What is open is what is read: its name may come to stand for another file.
func openInside(folder, file string) (*os.File, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("the import folder (IMPORT_DIR) can't be read: %w", err)
	}
	defer root.Close()
	f, err := root.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe would wait for its writer
	if err != nil {
		return nil, fmt.Errorf("%s is not in the import folder, or may not be read", file)
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s is not a file", file), f.Close())
	}
	return f, nil
}

func notInside(file string) string {
	if !filepath.IsLocal(file) {
		return "the name of a file in the import folder"
	}
	return ""
}

func oneOf(values ...string) func(string) string {
	return func(value string) string {
		if slices.Contains(values, value) {
			return ""
		}
		return "it should be " + strings.Join(values, " or ")
	}
}

// failing makes a check of what reads a value.
func failing[T any](read func(string) (T, error)) func(string) string {
	return func(value string) string {
		if _, err := read(value); err != nil {
			return err.Error()
		}
		return ""
	}
}
