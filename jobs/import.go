package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"regulars/internal/importer"

	"regulars/internal/loyalty"
)

// importJob takes a file of members, orders or suppressions in that lies in the
// worker's import folder. Put by marketers. Running it again changes nothing
// that is there already. It gives up when the file is not there.
var importJob = kind{
	about: "take a file in from the import folder",
	queue: Chores,
	fields: []field{
		{name: "what", about: "members, orders or suppressions", required: true, wrong: oneOf("members", "orders", "suppressions")},
		{name: "file", about: "its name in the import folder", required: true, wrong: notInside},
		{name: "format", about: "whose export it is; without it auto, which its header tells", wrong: oneOf(importer.Formats()...)},
		{name: "map", about: "field=column,…", wrong: failing(importer.ParseMap)},
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
		im, err := importOf(row.Values())
		if err != nil {
			return "", giveUp{err}
		}
		if im.Opened, err = openInside(r.ImportDir, im.Path); err != nil {
			return "", giveUp{err}
		}
		defer im.Opened.Close()
		what := ""
		im.Taken = func(r importer.Reading) {
			if r.What != "" {
				what += "taken for " + r.What + "; "
			}
		}
		tally, err := importer.New(r.DB).Import(ctx, im)
		if err == nil && tally.Refused == tally.Read {
			err = fmt.Errorf("nothing came in: every one of its %d rows was refused; `regulars import %s %s --dry-run` says why", tally.Read, im.Kind, im.Path)
		}
		return what + tally.String(), final(err)
	},
}

// importOf reads what is to be imported.
func importOf(v map[string]string) (im importer.File, err error) {
	im = importer.File{Kind: v["what"], Path: v["file"], Format: v["format"], Key: v["order-key"], Dates: importer.Dates(v["dates"]), Source: v["source"], OrderID: v["order-id"], News: v["news"] == "yes", ConsentSource: v["consent-source"]}
	if im.Map, err = importer.ParseMap(v["map"]); err != nil {
		return im, err
	}
	if im.Decimal, err = importer.ParseDecimal(v["decimal"]); err != nil {
		return im, err
	}
	if im.Charset, err = importer.ParseCharset(v["encoding"]); err != nil {
		return im, err
	}
	if im.Status, err = importer.ParseStatuses(v["status"]); err != nil {
		return im, err
	}
	if v["refused"] != "" {
		for topic := range strings.SplitSeq(v["refused"], ",") {
			im.Refusal = append(im.Refusal, strings.TrimSpace(topic))
		}
	}
	if v["zone"] != "" {
		if im.Zone, err = loyalty.ParseZone(v["zone"]); err != nil {
			return im, err
		}
	}
	if v["consent"] == "" {
		return im, nil
	}
	if v["consent-source"] == "" || v["consent-at"] == "" {
		return im, errors.New("consent needs consent-source and consent-at: who agreed must be on record with where and when")
	}
	for topic := range strings.SplitSeq(v["consent"], ",") {
		im.Consent = append(im.Consent, strings.TrimSpace(topic))
	}
	im.ConsentDay, err = loyalty.ParseDay(v["consent-at"])
	return im, err
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
