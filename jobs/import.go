package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
)

// importJob takes a file of members, orders or suppressions in that lies in the
// worker's import folder. Put by marketers. Running it again changes nothing
// that is there already. It gives up when the file is not there.
var importJob = kind{
	about: "take a file in from the import folder",
	lane:  Chores,
	fields: []field{
		{name: "what", about: "members, orders or suppressions", required: true, wrong: oneOf("members", "orders", "suppressions")},
		{name: "file", about: "its name in the import folder", required: true, wrong: notInside},
		{name: "map", about: "field=column,…", wrong: failing(intake.ParseMap)},
		{name: "zone", about: "IANA zone of times without an offset; the shop's without it", wrong: failing(loyalty.ParseZone)},
		{name: "source", about: "whose order numbers they are; without it the shop's"},
		{name: "order-id", about: "row: each row is an order", wrong: oneOf("row")},
		{name: "consent", about: "topics that all these members agreed to"},
		{name: "consent-source", about: "where they agreed"},
		{name: "consent-at", about: "when they agreed, like 2027-06-21", wrong: failing(loyalty.ParseDay)},
		{name: "news", about: "yes: rows of the last days have just happened", wrong: oneOf("yes", "no")},
	},
	do: func(ctx context.Context, r Rooms, row Row) (string, error) {
		im, err := importOf(r.ImportDir, row.Values())
		if err != nil {
			return "", giveUp{err}
		}
		tally, err := r.Door.Import(ctx, im)
		return tally.String(), final(err)
	},
}

// importOf reads what is to be imported.
func importOf(folder string, v map[string]string) (im intake.Import, err error) {
	im = intake.Import{Kind: v["what"], Source: v["source"], OrderID: v["order-id"], News: v["news"] == "yes", ConsentSource: v["consent-source"]}
	if im.Path, err = inside(folder, v["file"]); err != nil {
		return im, err
	}
	if im.Map, err = intake.ParseMap(v["map"]); err != nil {
		return im, err
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

// inside returns the path of a file in the folder, which it does not leave, also
// not through links.
func inside(folder, file string) (string, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return "", fmt.Errorf("the import folder (IMPORT_DIR) can't be read: %w", err)
	}
	defer root.Close()
	info, err := root.Stat(file)
	if err != nil {
		return "", fmt.Errorf("%s is not in the import folder", file)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a file", file)
	}
	return filepath.Join(folder, file), nil
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
