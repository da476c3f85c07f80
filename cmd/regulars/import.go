package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"regulars/internal/consent"
	"regulars/internal/importer"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// importFlags are the flags of import, as typed.
type importFlags struct {
	columns, leave, status                                                     several
	zone, dates, decimal, encoding, source, orderID, orderKey, rejects, format string
	consent, consentSource, refused                                            string
	consentAt, refusedAt                                                       dayFlag
	news, dryRun                                                               bool
}

func (a *app) importCommand() *cobra.Command {
	var f importFlags
	c := newCommand("import members|orders|suppressions|points FILE.csv[.gz]", "Take members, orders, suppressions or the points that members bring in from a file; history, so it mails nobody", func(c *cobra.Command, args []string) error { return a.importFile(c, args[0], args[1], f) })
	flags := c.Flags()
	f.add(flags)
	flags.BoolVar(&f.news, "news", false, "rows within the program's news_within have just happened and may start campaigns")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would happen, with the first ten rows as they would be; change nothing")
	return c
}

// add adds the flags that say how a file is to be read.
func (f *importFlags) add(flags *pflag.FlagSet) {
	flags.Var(&f.columns, "map", "field=column,… where the file's names differ from ours; 'name=\"Item, long\"' where a name has a comma")
	flags.Var(&f.leave, "leave", "columns that are left out whatever they are called, comma-separated")
	flags.StringVar(&f.zone, "zone", "", "IANA zone of times without an offset (default: the shop's)")
	flags.StringVar(&f.source, "source", "", "whose order numbers these are, for a system that numbers for itself (default: the shop's, as of webhooks and the API)")
	flags.StringVar(&f.orderID, "order-id", "", "row: the file has no order column, each row is an order")
	flags.StringVar(&f.orderKey, "order-key", "", "number+day+shop: order numbers begin anew, as a till's receipts do (default: number)")
	flags.StringVar(&f.dates, "dates", "", "dmy or mdy: what stands first in dates like 01/02/2027 and birthdays like 01/02; serial: numbers are days as spreadsheets count them (default: as the whole column tells)")
	flags.StringVar(&f.decimal, "decimal", "", "comma or point: what stands before the decimals of amounts (default: as the whole file tells)")
	flags.StringVar(&f.encoding, "encoding", "", "what the file's bytes mean: utf-8, utf-16 or windows-1252 (default: utf-8, or what its mark says)")
	flags.Var(&f.status, "status", "word=pending|paid|cancelled|refunded|test,… what the file's words for statuses mean")
	flags.StringVar(&f.rejects, "rejects", "", "write refused rows, with the reason, to this file")
	flags.StringVar(&f.format, "format", "", "whose export it is: "+strings.Join(importer.Formats(), ", ")+" (default: auto, which its header tells; csv is a table with our names)")
	flags.StringVar(&f.consent, "consent", "", "topics that all these members agreed to, or those of whom the file says so, comma-separated")
	flags.StringVar(&f.consentSource, "consent-source", "", "where they agreed; needed with --consent")
	flags.Var(&f.consentAt, "consent-at", "when they agreed, like 2027-06-21; needed with --consent")
	flags.StringVar(&f.refused, "refused", "", "topics that all these members refused, or those whom the file calls unsubscribed, comma-separated")
	flags.Var(&f.refusedAt, "refused-at", "when they refused, like 2027-06-21 (default: the file's own time, or unknown)")
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
	im.Taken = func(r importer.Reading) { a.sayReading(file, r) }
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

// sayReading says what a file was taken for.
func (a *app) sayReading(file string, r importer.Reading) {
	if r.File != "" {
		file = r.File
	}
	if r.What != "" {
		fmt.Fprintf(a.err, "%s: taken for %s (--format %s)\n", file, r.What, r.Format)
	} else {
		fmt.Fprintf(a.err, "%s: taken for a table with our own names (--format %s)\n", file, r.Format)
	}
	fmt.Fprintf(a.err, "  it has %s\n", r)
	for _, how := range r.How {
		fmt.Fprintf(a.err, "  by the whole of it: %s\n", how)
	}
	if len(r.LeftOut) > 0 {
		fmt.Fprintf(a.err, "note: columns that are no field of ours are left out: %s\n", strings.Join(r.LeftOut, ", "))
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
		if kind == "orders" {
			im.Taken = func(r importer.Reading) { a.sayReading(file, r); a.sayKeys(im, r) }
		}
		var samples []importer.Sample
		if f.dryRun {
			im.Shown = func(s importer.Sample) { samples = append(samples, s) }
		}
		a.leave(garbageOfIntake)
		tally, err := importer.New(db).Import(c.Context(), im)
		done()
		said()
		slices.SortFunc(samples, func(a, b importer.Sample) int { return a.Line - b.Line }) // orders are whole at their last row
		if err := a.sayTally(tally, samples, err); err != nil {
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

// sayKeys says by what an order is known, so that one that also comes by a webhook is
// one order.
func (a *app) sayKeys(im importer.File, r importer.Reading) {
	key := strings.Join(slices.Concat(columnsOf(r, "order.id"), columnsOf(r, "order")), ", or else by ")
	switch {
	case im.OrderID == "row":
		key = "the file's name and their row"
	case im.Key == importer.NumberDayShop:
		key += ", their day and shop"
	}
	if im.Source != "" {
		fmt.Fprintf(a.err, "orders are known by %s, as of source %q: the same order by webhook or API is one with it where that has ?source=%s or a token of that source\n", key, im.Source, im.Source)
		return
	}
	fmt.Fprintf(a.err, "orders are known by %s: the same order by webhook or API is one with it; a system that numbers its orders for itself needs --source\n", key)
}

// columnsOf are the columns that a field was read from.
func columnsOf(r importer.Reading, field string) (columns []string) {
	for _, u := range r.Uses {
		if u.Field == field {
			columns = append(columns, u.Column)
		}
	}
	return columns
}

func (a *app) sayTally(t importer.Tally, samples []importer.Sample, err error) error {
	switch {
	case err != nil:
		if t.Read > 0 {
			fmt.Fprintln(a.err, "so far:", t)
		}
		return err
	case a.json:
		said := map[string]any{"read": t.Read, "new": t.New, "updated": t.Updated, "unchanged": t.Unchanged, "refused": t.Refused, "noted": t.Noted, "suppressed": t.Suppressed}
		if samples != nil {
			said["first"] = samples
		}
		return a.printJSON(said)
	}
	for _, s := range samples {
		fmt.Fprintf(a.out, "line %d, %s: %s\n", s.Line, s.State, s.Says)
	}
	fmt.Fprintln(a.out, t)
	return nil
}

// imported are the kinds of files that import takes.
var imported = []string{"members", "orders", "suppressions", "points"}

func (f importFlags) read(kind, file string) (im importer.File, err error) {
	im = importer.File{Kind: kind, Path: file, Format: f.format, Source: f.source, Leave: importer.ParseColumns(string(f.leave)), OrderID: f.orderID, Key: f.orderKey, News: f.news, DryRun: f.dryRun,
		Rejects: f.rejects, Consent: splitList(f.consent), ConsentSource: f.consentSource, ConsentDay: f.consentAt.Day, Refusal: splitList(f.refused), RefusedDay: f.refusedAt.Day}
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
	if len(im.Refusal) > 0 && kind != "members" {
		return im, usage("--refused is about a file of members, not of %s", kind)
	}
	for _, topic := range im.Refusal {
		if !slices.Contains(consent.Topics(), topic) {
			return im, usage("--refused: %q: %v", topic, consent.ErrTopic)
		}
	}
	if im.Map, err = importer.ParseMap(string(f.columns)); err != nil {
		return im, usage("--map: %v", err)
	}
	if im.Status, err = importer.ParseStatuses(string(f.status)); err != nil {
		return im, usage("--status: %v", err)
	}
	if im.Decimal, err = importer.ParseDecimal(f.decimal); err != nil {
		return im, usage("--decimal: %v", err)
	}
	if im.Charset, err = importer.ParseCharset(f.encoding); err != nil {
		return im, usage("--encoding: %v", err)
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
