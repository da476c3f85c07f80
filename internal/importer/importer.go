// Package importer takes files in: of members, of orders, of addresses that are to
// get nothing, of points that members bring. It reads them (csv.go), finds our fields in their columns (columns.go),
// also where another system named these (format.go), reads dates and amounts as
// people write them (decimal.go, dates.go; what only a whole column tells, survey.go
// looks up first), and hands the rows on to intake, which takes them in like
// everything else.
//
//	File → rows → an order's rows together → Shop.Check → intake.Take, 5,000 at once;
//	orders on Postgres in two lanes, 2,500 at once in each, while the next are read
//
// It promises that a row is taken or refused and said, that importing a file again
// changes nothing, that nobody guesses at a date or an amount that may mean two
// things, and that a file of history mails nobody. Who a row is about and what it
// changes is left to intake.
package importer

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"regulars/internal/consent"
	"regulars/internal/flows"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/membership"
	"regulars/internal/norms"
	"regulars/internal/store"
	"regulars/internal/tiers"
)

// File is a file of members, orders or suppressions to take in.
type File struct {
	Kind    string            // members | orders | suppressions | points
	Path    string            // .csv or .csv.gz
	Opened  *os.File          // the file itself, where it is open already; it stays the caller's. nil: Path is opened
	Format  string            // of Formats; "": auto
	Map     map[string]string // field → column of the header; others by their own name
	Leave   []string          // columns of the header that are left out, whatever they are called
	Status  map[string]string // the file's words for statuses of orders, in lower case → ours
	Zone    *time.Location    // of times without an offset; nil: the shop's
	Source  string            // whose orders they are; "": import
	Dates   Dates             // how dates like 01/02/2027 are written; "": as the whole column tells
	Decimal Decimal           // what stands before the decimals of amounts; "": as the whole file tells
	Charset Charset           // what the bytes of the file mean; "": UTF-8, or what its mark says
	OrderID string            // "row": each row is an order, known by file name and row number
	Key     string            // what tells orders apart: "number+day+shop", or "" for the number alone
	News    bool              // rows within news_within have just happened
	DryRun  bool              // say what would happen, change nothing
	Rejects string            // file for refused rows; "": none

	Consent       []string    // topics that every member of the file agreed to, or those whom the file says it of
	ConsentSource string      // where they did
	ConsentDay    loyalty.Day // the shop's day on which they did
	Refusal       []string    // topics that they refused, the same
	RefusedDay    loyalty.Day // the shop's day on which they did; 0: nobody knows

	entry      string                        // its name in an archive
	unpack     func() (io.ReadCloser, error) // opens it there, again after the first time
	packedSize int64                         // of it in bytes, when it is unpacked

	Progress func(read, total int64) // bytes; may be nil
	Counted  func(Tally)             // what has become of the rows so far, as often as Progress; may be nil
	Headed   func(header []string)   // the header of the table, before anything else of it is read; may be nil
	Refused  func(loyalty.Note)      // each refused row; may be nil
	Noted    func(loyalty.Note)      // each value left out of a row that was taken, or taken in another way; may be nil
	Taken    func(Reading)           // what the file was taken for; may be nil
	Shown    func(Sample)            // of a dry run: the first rows as they would be; may be nil
}

// Tally counts what an import did. Read and Refused count rows; of an order file
// New, Updated and Unchanged count orders, whose lines may be many rows. Noted are
// values that were left out, or taken in another way than they are written. Suppressed
// are addresses of members to which nothing is sent from now on.
type Tally struct {
	Read       int64 `json:"read"`
	New        int64 `json:"new"`
	Updated    int64 `json:"updated"`
	Unchanged  int64 `json:"unchanged"`
	Refused    int64 `json:"refused"`
	Noted      int64 `json:"noted,omitempty"`
	Suppressed int64 `json:"suppressed,omitempty"`
}

// String is the last line of an import.
func (t Tally) String() string {
	line := fmt.Sprintf("%d read, %d new, %d updated, %d unchanged, %d refused", t.Read, t.New, t.Updated, t.Unchanged, t.Refused)
	if t.Noted > 0 {
		line += fmt.Sprintf(", %d noted", t.Noted)
	}
	if t.Suppressed > 0 {
		line += fmt.Sprintf(", %d suppressed", t.Suppressed)
	}
	return line
}

// NumberDayShop is the key of a till's receipts, whose numbers begin anew.
const NumberDayShop = "number+day+shop"

// ErrNothing says that a file has a header and not one row. Whoever imports one
// believes that there are some.
var ErrNothing = errors.New("there is no row in it under the header: nothing came in")

// Importer takes files in. It is safe for concurrent use.
type Importer struct {
	db     *store.DB
	intake *intake.Intake
}

// New returns the importer of a database.
func New(db *store.DB) *Importer {
	return &Importer{db, intake.New(db)}
}

// Import takes a file in, batch by batch: each is one transaction. When ctx ends,
// the batches that are done last, and importing the file again goes on: rows that
// are known and say the same change nothing.
//
// What a file says is history, of which facts and segments know at once, and
// which starts no campaign.
func (im *Importer) Import(ctx context.Context, f File) (Tally, error) {
	parts, done, err := f.parts()
	if err != nil {
		return Tally{}, fmt.Errorf("importing %s: %w", filepath.Base(f.Path), err)
	}
	defer done()
	var all Tally
	for _, part := range parts {
		if f.Counted != nil {
			before := all
			part.Counted = func(t Tally) { t.add(before); f.Counted(t) }
		}
		tally, err := im.importPart(ctx, part)
		if all.add(tally); err != nil && !(errors.Is(err, ErrNothing) && len(parts) > 1) {
			return all, err
		}
	}
	if all.Read == 0 {
		return all, fmt.Errorf("importing %s: %w", filepath.Base(f.Path), ErrNothing)
	}
	return all, nil
}

func (t *Tally) add(more Tally) {
	t.Read, t.New, t.Updated, t.Unchanged = t.Read+more.Read, t.New+more.New, t.Updated+more.Updated, t.Unchanged+more.Unchanged
	t.Refused, t.Noted, t.Suppressed = t.Refused+more.Refused, t.Noted+more.Noted, t.Suppressed+more.Suppressed
}

// importPart takes in one table: a file, or one of an archive.
func (im *Importer) importPart(ctx context.Context, f File) (Tally, error) {
	r := &reader{Importer: im, File: f, lines: byMember{}, kept: map[int][]string{}, told: map[string]Dates{}, unreachable: map[*intake.Row]bool{}, past: byMember{}, passes: 1}
	r.openLanes()
	err := r.whole(ctx)
	for _, c := range r.closers {
		err = errors.Join(err, c())
	}
	if err != nil && !errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("importing %s: %w", filepath.Base(f.Path), err)
	}
	return r.tally, err
}

// reader is an import under way.
type reader struct {
	*Importer
	File
	tally Tally
	shop  intake.Shop
	clocks
	told    map[string]Dates // field → how the column writes its dates, as the whole of it tells
	decimal Decimal
	layout  *layout // nil: a table with our own names
	reading Reading
	cols    *columns
	file    *os.File
	size    int64 // of the file in bytes
	again   bool  // it can be read again
	table   *table

	passes int   // how often the file is read
	before int64 // bytes read in earlier passes

	ends        *ends                 // of the orders in the file; nil: not looked for yet
	lanes       []*lane               // that take rows in side by side
	apart       *intake.Lanes         // in which of them a row is
	taken       chan *lane            // whose batch is done
	waiting     int                   // lines of the file to be taken in next
	of          map[*intake.Row][]int // the lines of orders that have several
	last        receipt               // of the row above
	lines       byMember              // where members stand
	believed    int64                 // rows of the table as the planner knew it before the file
	measured    int64                 // … and since it looked at it last
	kept        map[int][]string      // line → the row as it stood, while it may be refused
	unreachable map[*intake.Row]bool  // whose address is to get nothing
	shown       int                   // rows of a dry run
	past        byMember              // members of whom orders of the time before the program came in
	rejects     *csv.Writer
	closers     []func() error
}

// whole does the import: it reads what the shop is and the header, then the rows, and
// has campaigns take note of what the file says at its end.
func (r *reader) whole(ctx context.Context) (err error) {
	r.Source = cmp.Or(r.Source, "import")
	r.of = map[*intake.Row][]int{}
	switch {
	case r.Format != "" && !slices.Contains(Formats(), r.Format):
		return fmt.Errorf("%q is not a format: %s", r.Format, strings.Join(Formats(), ", "))
	case r.OrderID != "" && r.OrderID != "row":
		return fmt.Errorf("%q is not a way to know orders: row", r.OrderID)
	case r.Key != "" && r.Key != "number" && r.Key != NumberDayShop:
		return fmt.Errorf("%q is not a way to tell orders apart: number or %s", r.Key, NumberDayShop)
	case len(r.Consent)+len(r.Refusal) > 0 && r.Kind != "members":
		return fmt.Errorf("a file of %s is not one of people who agreed to topics, or refused them", r.Kind)
	}
	for _, topic := range slices.Concat(r.Consent, r.Refusal) {
		if !slices.Contains(consent.Topics(), topic) {
			return fmt.Errorf("%q: %w", topic, consent.ErrTopic)
		}
	}
	if r.shop, err = r.intake.Shop(ctx); err != nil {
		return err
	}
	if !r.DryRun {
		if err := r.db.Update(ctx, func(tx *store.Tx) error { return errors.Join(norms.Keep(tx), intake.NoPast(tx)) }); err != nil {
			return err
		}
		if err := r.measure(ctx); err != nil {
			return err
		}
	}
	if err := r.open(); err != nil {
		return err
	}
	if err := r.recognise(); err != nil {
		return err
	}
	if len(r.Consent) > 0 && len(r.Refusal) > 0 && !r.cols.has("consent") {
		return errors.New("it does not say who agreed and who refused: import it once with --consent and once with --refused, or those who refused as a file of their own")
	}
	ahead := (r.Kind == "members" || r.Kind == "orders") && r.again
	if ahead {
		r.passes++
	}
	if r.numbered() && (!ahead || r.Key == NumberDayShop) {
		r.passes++
	}
	if ahead {
		if err := r.readAhead(ctx); err != nil {
			return err
		}
	}
	if r.Taken != nil {
		r.Taken(r.reading)
	}
	err = map[string]func(context.Context) error{"members": r.members, "orders": r.orders, "suppressions": r.suppressions, "points": r.points}[r.Kind](ctx)
	err = errors.Join(err, r.settle(ctx))
	if err == nil && r.tally.Read == 0 {
		err = ErrNothing
	}
	if r.DryRun || r.Kind == "suppressions" || r.Kind == "points" {
		return err
	}
	// What came in has come in, whatever became of the rest.
	ctx = context.WithoutCancel(ctx)
	err = errors.Join(err, r.tellPast(ctx), r.db.Update(ctx, func(tx *store.Tx) error {
		if r.tally.New+r.tally.Updated > 0 { // what members are like has changed for all of them
			if err := errors.Join(norms.Renew(tx), membership.Remeasure(tx), tiers.Settle(tx)); err != nil {
				return err
			}
		}
		return flows.Reached(tx)
	}))
	_, settling := flows.Settle(ctx, r.db)
	return errors.Join(err, settling, r.analyse(ctx))
}

// tellPast does at once, for what came in, what the nights of long ago would have done.
func (r *reader) tellPast(ctx context.Context) error {
	if len(r.past) > 0 {
		if err := intake.TellPast(ctx, r.db, r.past.members()); err != nil {
			return err
		}
	}
	return intake.EndAll(ctx, r.db)
}

// recognise finds out which system wrote the table, and where our fields stand in it.
func (r *reader) recognise() (err error) {
	r.clocks = clocks{zone: cmp.Or(r.Zone, r.shop.Zone), local: r.shop.Zone, dates: r.Dates}
	r.decimal = r.Decimal
	if r.Headed != nil {
		r.Headed(r.table.header)
	}
	if r.layout, err = recognise(r.File, r.table.header); err != nil {
		return err
	}
	if r.cols, err = mapColumns(r.Kind, r.table.header, r.layout, r.Map, r.Leave, r.shop.Attributes); err != nil {
		return err
	}
	r.reading = Reading{File: r.entry, Format: plain, Uses: r.cols.uses(), LeftOut: r.cols.ignored}
	if r.layout != nil {
		r.reading.Format, r.reading.What, r.clocks.names = r.layout.format, r.layout.what, r.layout.zones
		if r.layout.zone != "" && r.Zone == nil {
			if r.clocks.zone, err = loyalty.ParseZone(r.layout.zone); err != nil {
				return err
			}
		}
	}
	if len(r.Status) > 0 {
		values := map[string]map[string]string{}
		maps.Copy(values, r.cols.values)
		words := maps.Clone(values["status"])
		if words == nil {
			words = map[string]string{}
		}
		maps.Copy(words, r.Status)
		values["status"], r.cols.values = words, values
	}
	return nil
}

// measure notes how large the planner believes the table to be that the file is to fill.
func (r *reader) measure(ctx context.Context) error {
	if r.Kind != "orders" && r.Kind != "members" {
		return nil
	}
	return r.db.View(ctx, func(tx *store.Tx) (err error) {
		r.believed, err = tx.Believed(r.Kind)
		r.measured = r.believed
		return err
	})
}

// analyse tells the planner what the tables hold that the file has filled, by a tenth or
// more of what it knew: of less the database takes note by itself.
func (r *reader) analyse(ctx context.Context) error {
	if changed := r.tally.New + r.tally.Updated; changed == 0 || changed < r.believed/10 {
		return nil
	}
	return r.db.Update(ctx, func(tx *store.Tx) error {
		for _, table := range []string{"members", "member_keys", "member_topics", "orders", "order_lines", "facts"} {
			if err := tx.Analyze(table); err != nil {
				return err
			}
		}
		return nil
	})
}

// open begins to read the file, again after the first time: the same one, whatever
// its name stands for by now.
func (r *reader) open() (err error) {
	if r.table != nil {
		r.before += r.table.raw.n
	}
	if r.unpack != nil {
		in, err := r.unpack()
		if err != nil {
			return err
		}
		r.closers = append(r.closers, in.Close)
		r.size, r.again = r.packedSize, true
		r.table, err = readTable(in, r.Charset)
		return err
	}
	switch {
	case r.table != nil:
		if _, err := r.file.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("it is read twice, which cannot be done with a pipe: %w", err)
		}
	case r.Opened != nil:
		r.file = r.Opened
	default:
		if r.file, err = os.Open(r.Path); err != nil {
			return err
		}
		r.closers = append(r.closers, r.file.Close)
	}
	info, err := r.file.Stat()
	if err != nil {
		return err
	}
	r.size, r.again = info.Size(), info.Mode().IsRegular()
	r.table, err = readTable(r.file, r.Charset)
	return err
}

// each calls f with every row that can be read, in the order of the file.
func (r *reader) each(ctx context.Context, f func(row) error) error {
	progress := func() {
		if r.Progress != nil {
			r.Progress(r.before+r.table.raw.n, r.size*int64(r.passes))
		}
		if r.Counted != nil {
			r.Counted(r.tally)
		}
	}
	for n := 0; ; n++ {
		if n%1000 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			progress()
		}
		row, err := r.table.next()
		var bad *badRow
		switch {
		case err == io.EOF:
			progress()
			return nil
		case errors.As(err, &bad):
			r.tally.Read++
			if err := r.refuse(row.written(), loyalty.Note{Line: row.line, Reason: bad.reason}); err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		}
		r.tally.Read++
		if r.cols.fields = row.fields; r.Rejects != "" && r.Kind != "suppressions" {
			r.kept[row.line] = slices.Clone(row.written())
		}
		if err := f(row); err != nil {
			return err
		}
	}
}
