package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"regulars/internal/importer"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// importFlags are the flags of import, as typed.
type importFlags struct {
	columns, zone, dates, source, orderID, orderKey, rejects, format string
	consent, consentSource                                           string
	consentAt                                                        dayFlag
	news, dryRun                                                     bool
}

func (a *app) importCommand() *cobra.Command {
	var f importFlags
	c := newCommand("import members|orders|suppressions|points FILE.csv[.gz]", "Take members, orders, suppressions or the points that members bring in from a file; history, so it mails nobody", func(c *cobra.Command, args []string) error { return a.importFile(c, args[0], args[1], f) })
	flags := c.Flags()
	f.add(flags)
	flags.BoolVar(&f.news, "news", false, "rows within the program's news_within have just happened and may start campaigns")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would happen, change nothing")
	return c
}

// add adds the flags that say how a file is to be read.
func (f *importFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.columns, "map", "", "field=column,… where the file's names differ from ours")
	flags.StringVar(&f.zone, "zone", "", "IANA zone of times without an offset (default: the shop's)")
	flags.StringVar(&f.source, "source", "", "whose order numbers these are, for a system that numbers for itself (default: the shop's, as of webhooks and the API)")
	flags.StringVar(&f.orderID, "order-id", "", "row: the file has no order column, each row is an order")
	flags.StringVar(&f.orderKey, "order-key", "", "number+day+shop: order numbers begin anew, as a till's receipts do (default: number)")
	flags.StringVar(&f.dates, "dates", "", "dmy or mdy: what stands first in dates like 01/02/2027 and birthdays like 01/02")
	flags.StringVar(&f.rejects, "rejects", "", "write refused rows, with the reason, to this file")
	flags.StringVar(&f.format, "format", "", "whose export it is: "+strings.Join(importer.Formats(), ", ")+" (default: csv, with our names)")
	flags.StringVar(&f.consent, "consent", "", "topics that all these members agreed to, comma-separated")
	flags.StringVar(&f.consentSource, "consent-source", "", "where they agreed; needed with --consent")
	flags.Var(&f.consentAt, "consent-at", "when they agreed, like 2027-06-21; needed with --consent")
}

// importNames are the names of the flags that add has added.
func importNames() (names []string) {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	new(importFlags).add(flags)
	flags.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// noting has an import say on stderr which columns and values it leaves out and which
// rows it refuses, and returns what to call at its end.
func (a *app) noting(im *importer.File, file string) (done func()) {
	im.Ignored = func(columns []string) {
		fmt.Fprintf(a.err, "note: columns that are no field of ours are left out: %s\n", strings.Join(columns, ", "))
	}
	shown, noted := 0, 0
	im.Noted = func(n loyalty.Note) {
		if noted++; noted <= 20 {
			fmt.Fprintf(a.err, "%s:%d: note: %s\n", file, n.Line, n)
		}
	}
	im.Refused = func(r loyalty.Note) {
		if shown++; shown <= 20 {
			fmt.Fprintf(a.err, "%s:%d: %s\n", file, r.Line, r)
		}
	}
	return func() {
		if shown > 20 {
			fmt.Fprintf(a.err, "… and %d more refused rows; --rejects FILE keeps them\n", shown-20)
		}
		if noted > 20 {
			fmt.Fprintf(a.err, "… and %d more notes like these\n", noted-20)
		}
	}
}

func (a *app) importFile(c *cobra.Command, kind, file string, f importFlags) error {
	im, err := f.read(kind, file)
	if err != nil {
		return err
	}
	if err := isFile(file); err != nil {
		return err
	}
	if kind == "suppressions" && recalls(file) {
		return a.recall(c, file, f.dryRun)
	}
	return a.opened(c.Context(), true, func(db *store.DB) error {
		if err := a.saySettings(c, db); err != nil {
			return err
		}
		var done func()
		im.Progress, done = bar[int64](a, "importing "+kind, progressbar.OptionShowBytes(true))
		said := a.noting(&im, file)
		tally, err := importer.New(db).Import(c.Context(), im)
		done()
		said()
		if err := a.sayTally(tally, err); err != nil {
			return err
		}
		if tally.Read > 0 && tally.Refused == tally.Read {
			return fmt.Errorf("nothing came in: every row of %s was refused", file)
		}
		return nil
	})
}

// isFile refuses what cannot be imported before a database is made for it.
func isFile(name string) error {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%s: no such file", name)
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a folder, not a file", name)
	}
	return err
}

func (a *app) sayTally(t importer.Tally, err error) error {
	switch {
	case err != nil:
		if t.Read > 0 {
			fmt.Fprintln(a.err, "so far:", t)
		}
		return err
	case a.json:
		return a.printJSON(map[string]int64{"read": t.Read, "new": t.New, "updated": t.Updated, "unchanged": t.Unchanged, "refused": t.Refused, "noted": t.Noted})
	}
	fmt.Fprintln(a.out, t)
	return nil
}

// imported are the kinds of files that import takes.
var imported = []string{"members", "orders", "suppressions", "points"}

func (f importFlags) read(kind, file string) (im importer.File, err error) {
	im = importer.File{Kind: kind, Path: file, Format: f.format, Source: f.source, OrderID: f.orderID, Key: f.orderKey, News: f.news, DryRun: f.dryRun,
		Rejects: f.rejects, Consent: splitList(f.consent), ConsentSource: f.consentSource, ConsentDay: f.consentAt.Day}
	switch {
	case !slices.Contains(imported, kind):
		return im, usage("import takes members, orders, suppressions or points, not %q%s", kind, meant(kind, imported))
	case f.format != "" && !slices.Contains(importer.Formats(), f.format):
		return im, usage("--format takes %s, not %q; csv with --map reads any other table", strings.Join(importer.Formats(), ", "), f.format)
	case f.orderID != "" && f.orderID != "row":
		return im, usage("--order-id takes row, not %q", f.orderID)
	case f.orderKey != "" && f.orderKey != "number" && f.orderKey != importer.NumberDayShop:
		return im, usage("--order-key takes number or %s, not %q", importer.NumberDayShop, f.orderKey)
	case f.orderKey != "" && f.orderID != "":
		return im, usage("--order-id row and --order-key exclude each other: each row is an order, or numbers tell them apart")
	case len(im.Consent) > 0 && (f.consentSource == "" || !f.consentAt.given):
		return im, usage("--consent needs --consent-source and --consent-at: who agreed must be on record with where and when")
	}
	if im.Map, err = importer.ParseMap(f.columns); err != nil {
		return im, usage("--map: %v", err)
	}
	if im.Dates, err = importer.ParseDates(f.dates); err != nil {
		return im, usage("--dates: %v", err)
	}
	if f.zone != "" {
		if im.Zone, err = loyalty.ParseZone(f.zone); err != nil {
			return im, usage("--zone: %v", err)
		}
	}
	return im, nil
}

// saySettings tells about the currency and zone that stand in for a program's
// before one was applied.
func (a *app) saySettings(c *cobra.Command, db *store.DB) error {
	return db.View(c.Context(), func(tx *store.Tx) error {
		_, err := tx.Setting(store.SettingZone)
		if errors.Is(err, store.ErrNotFound) {
			fmt.Fprintln(a.err, "note: no program is applied yet: amounts are taken as EUR and days as UTC's")
			return nil
		}
		return err
	})
}
