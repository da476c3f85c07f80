package intake

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"regulars/internal/consent"
	"regulars/internal/flows"
	"regulars/internal/loyalty"
	"regulars/internal/membership"
	"regulars/internal/norms"
	"regulars/internal/store"
)

// Import is a file of members, orders or suppressions to take in.
type Import struct {
	Kind    string            // members | orders | suppressions
	Path    string            // .csv or .csv.gz
	File    *os.File          // the file itself, where it is open already; it stays the caller's. nil: Path is opened
	Map     map[string]string // field → column of the header; others by their own name
	Zone    *time.Location    // of times without an offset; nil: the shop's
	Source  string            // whose orders they are; "": import
	Dates   Dates             // what comes first in a date like 01/02/2027; "": such dates are refused
	OrderID string            // "row": each row is an order, known by file name and row number
	Key     string            // what tells orders apart: "number+day+shop", or "" for the number alone
	News    bool              // rows within news_within have just happened
	DryRun  bool              // say what would happen, change nothing
	Rejects string            // file for refused rows; "": none

	Consent       []string    // topics that every member of the file agreed to
	ConsentSource string      // where they did
	ConsentDay    loyalty.Day // the shop's day on which they did

	Progress func(read, total int64) // bytes; may be nil
	Refused  func(Refusal)           // each refused row; may be nil
	Noted    func(Refusal)           // each value left out of a row that was taken, or taken in another way; may be nil
	Ignored  func(columns []string)  // columns that are no field of ours; may be nil
}

// Refusal is a row, or a value of one, that was not taken, and why.
type Refusal struct {
	Line   int
	Field  string // "": the row as a whole
	Reason string
}

// String says what is wrong, without the line.
func (r Refusal) String() string {
	if r.Field == "" {
		return r.Reason
	}
	return r.Field + ": " + r.Reason
}

// Tally counts what an import did. Read and Refused count rows; of an order file
// New, Updated and Unchanged count orders, whose lines may be many rows. Noted are
// values that were left out, or taken in another way than they are written.
type Tally struct{ Read, New, Updated, Unchanged, Refused, Noted int64 }

// String is the last line of an import.
func (t Tally) String() string {
	line := fmt.Sprintf("%d read, %d new, %d updated, %d unchanged, %d refused", t.Read, t.New, t.Updated, t.Unchanged, t.Refused)
	if t.Noted > 0 {
		line += fmt.Sprintf(", %d noted", t.Noted)
	}
	return line
}

// NumberDayShop is the key of a till's receipts, whose numbers begin anew.
const NumberDayShop = "number+day+shop"

// ErrNothing says that a file has a header and not one row. Whoever imports one
// believes that there are some.
var ErrNothing = errors.New("there is no row in it under the header: nothing came in")

// batchRows is how many rows one transaction takes.
const batchRows = 5000

// Import takes a file in, batch by batch: each is one transaction. When ctx ends,
// the batches that are done last, and importing the file again goes on: rows that
// are known and say the same change nothing.
//
// What a file says is history, of which facts and segments know at once, and
// which starts no campaign.
func (d *Door) Import(ctx context.Context, im Import) (Tally, error) {
	i := &importer{door: d, im: im}
	err := i.run(ctx)
	if err != nil && !errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("importing %s: %w", filepath.Base(im.Path), err)
	}
	return i.tally, err
}

// importer is an import under way.
type importer struct {
	door  *Door
	im    Import
	tally Tally
	shop  shop
	clocks
	cols  *columns
	file  *os.File
	size  int64 // of the file in bytes
	sheet *sheet

	passes int   // how often the file is read
	before int64 // bytes read in earlier passes

	items    []*item          // to be taken in next
	news     []*item          // those of them that have just happened
	rows     int              // of both
	last     receipt          // of the row above
	lines    map[int64]int    // member → the line where they stand
	measured int64            // rows read when the planner last looked at the tables
	kept     map[int][]string // line → the row as it stood, while it may be refused
	rejects  *csv.Writer
	closers  []io.Closer
}

func (i *importer) run(ctx context.Context) (err error) {
	if err := i.prepare(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.close()) }()
	switch i.im.Kind {
	case "members":
		err = i.members(ctx)
	case "orders":
		err = i.orders(ctx)
	default:
		err = i.suppressions(ctx)
	}
	if err == nil && i.tally.Read == 0 {
		err = ErrNothing
	}
	if i.im.DryRun || i.im.Kind == "suppressions" {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	err = errors.Join(err, i.door.db.Update(ctx, i.done))
	_, settling := flows.Settle(ctx, i.door.db)
	return errors.Join(err, settling)
}

// done is what a file of history sets off at its end. What members are like has
// changed for all of them.
func (i *importer) done(tx *store.Tx) error {
	if i.tally.New+i.tally.Updated > 0 {
		if err := errors.Join(norms.Renew(tx), membership.Remeasure(tx)); err != nil {
			return err
		}
	}
	return flows.Reached(tx)
}

// prepare reads what the shop is, and the header.
func (i *importer) prepare(ctx context.Context) error {
	i.im.Source = cmp.Or(i.im.Source, "import")
	i.lines, i.kept, i.passes = map[int64]int{}, map[int][]string{}, 1
	if i.im.OrderID != "" && i.im.OrderID != "row" {
		return fmt.Errorf("%q is not a way to know orders: row", i.im.OrderID)
	}
	if i.im.Key != "" && i.im.Key != "number" && i.im.Key != NumberDayShop {
		return fmt.Errorf("%q is not a way to tell orders apart: number or %s", i.im.Key, NumberDayShop)
	}
	if len(i.im.Consent) > 0 && i.im.Kind != "members" {
		return fmt.Errorf("a file of %s is not one of people who agreed to topics", i.im.Kind)
	}
	for _, topic := range i.im.Consent {
		if !slices.Contains(consent.Topics(), topic) {
			return fmt.Errorf("%q: %w", topic, consent.ErrTopic)
		}
	}
	err := i.door.db.View(ctx, func(tx *store.Tx) (err error) {
		i.shop, err = readShop(tx, nil)
		return err
	})
	if err != nil {
		return err
	}
	if !i.im.DryRun {
		if err := i.door.db.Update(ctx, norms.Keep); err != nil {
			return err
		}
	}
	i.clocks = clocks{zone: i.im.Zone, local: i.shop.zone, dates: i.im.Dates}
	if i.zone == nil {
		i.zone = i.shop.zone
	}
	if err := i.open(); err != nil {
		return errors.Join(err, i.close())
	}
	i.cols, err = mapColumns(i.im.Kind, i.sheet.header, i.im.Map, i.shop.attributes)
	if err != nil {
		return errors.Join(err, i.close())
	}
	if i.im.Ignored != nil && len(i.cols.ignored) > 0 {
		i.im.Ignored(i.cols.ignored)
	}
	return nil
}

// open begins to read the file, again after the first time: the same one, whatever
// its name stands for by now.
func (i *importer) open() (err error) {
	switch {
	case i.sheet != nil:
		i.before += i.sheet.raw.n
		if _, err := i.file.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("it is read twice, which cannot be done with a pipe: %w", err)
		}
	case i.im.File != nil:
		i.file = i.im.File
	default:
		if i.file, err = os.Open(i.im.Path); err != nil {
			return err
		}
		i.closers = append(i.closers, i.file)
	}
	info, err := i.file.Stat()
	if err != nil {
		return err
	}
	i.size = info.Size()
	i.sheet, err = readSheet(i.file)
	return err
}

func (i *importer) close() (err error) {
	if i.rejects != nil {
		i.rejects.Flush()
		err = i.rejects.Error()
	}
	for _, c := range i.closers {
		err = errors.Join(err, c.Close())
	}
	return err
}

// each calls f with every row that can be read, in the order of the file.
func (i *importer) each(ctx context.Context, f func(row) error) error {
	for n := 0; ; n++ {
		if n%1000 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			i.progress()
		}
		r, err := i.sheet.next()
		var bad *badRow
		switch {
		case err == io.EOF:
			i.progress()
			return nil
		case errors.As(err, &bad):
			i.tally.Read++
			if err := i.refuse(r.line, r.written(), "", bad.reason); err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		}
		i.cols.fields = r.fields
		if err := f(r); err != nil {
			return err
		}
	}
}

func (i *importer) progress() {
	if i.im.Progress != nil {
		i.im.Progress(i.before+i.sheet.raw.n, i.size*int64(i.passes))
	}
}

// refuse counts a row that is not taken, and keeps it for the rejects.
func (i *importer) refuse(line int, fields []string, field, reason string) error {
	refusal := Refusal{line, field, reason}
	i.tally.Refused++
	if i.im.Refused != nil {
		i.im.Refused(refusal)
	}
	if i.im.Rejects == "" {
		return nil
	}
	if i.rejects == nil {
		f, err := createPrivate(i.im.Rejects)
		if err != nil {
			return fmt.Errorf("keeping refused rows: %w", err)
		}
		i.closers = append(i.closers, f)
		i.rejects = csv.NewWriter(f)
		i.rejects.Comma = i.sheet.comma
		if err := i.rejects.Write(append([]string{"refused_line", "refused_because"}, i.sheet.header...)); err != nil {
			return fmt.Errorf("keeping refused rows: %w", err)
		}
	}
	if err := i.rejects.Write(append([]string{strconv.Itoa(line), refusal.String()}, fields...)); err != nil {
		return fmt.Errorf("keeping refused rows: %w", err)
	}
	return nil
}

// createPrivate begins a file that only its owner may read, also where it was there
// before: people's addresses stand in it.
func createPrivate(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return f, err
	}
	if err := errors.Join(f.Chmod(0o600), f.Truncate(0)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// say counts and shows the notes on an item, each with its line and column.
func (i *importer) say(it *item) {
	for _, n := range it.Notes {
		line, field := cmp.Or(n.Line, it.line), fieldOf(n.Field)
		if found := ofLine.FindStringSubmatch(n.Field); found != nil {
			nth, _ := strconv.Atoi(found[1])
			if field = found[2]; nth < len(it.lines) {
				line = it.lines[nth]
			}
		}
		if i.shop.attributes[field] != 0 && i.cols.has("attributes."+field) {
			field = "attributes." + field
		}
		i.tally.Noted++
		if i.im.Noted != nil {
			i.im.Noted(Refusal{line, i.cols.name(field), n.Reason})
		}
	}
}

// fieldOf is the field of a file that holds what events name so.
func fieldOf(field string) string {
	switch field {
	case "member.id":
		return "member"
	case "order.id":
		return "order"
	}
	if strings.HasPrefix(field, "order.coupons[") {
		return "coupon"
	}
	return strings.TrimPrefix(strings.TrimPrefix(field, "member."), "order.")
}

// ofLine is a field of a line of an order, whose lines are the rows of a file.
var ofLine = regexp.MustCompile(`^order\.lines\[(\d+)\]\.(\w+)$`)

// keep remembers a row as it stands while it may still be refused.
func (i *importer) keep(r row) {
	if i.im.Rejects != "" {
		i.kept[r.line] = slices.Clone(r.written())
	}
}

// refuseKept refuses a row that was kept.
func (i *importer) refuseKept(line int, w wrong) error {
	defer delete(i.kept, line)
	return i.refuse(line, i.kept[line], fieldOf(w.field), w.reason)
}

// errDry ends a transaction that is only to show what it would do.
var errDry = errors.New("dry run")

// flush takes the rows gathered until now in: history as one transaction, news
// as live events in some more.
func (i *importer) flush(ctx context.Context, take func(*batch) error) error {
	history, news := i.items, i.news
	i.items, i.news, i.rows = nil, nil, 0
	if grown := i.grown(); len(history) > 0 {
		if err := i.transact(ctx, history, func(b *batch) error {
			b.grown = grown || i.im.DryRun // of a dry run, what the planner has seen is undone, too
			return take(fileBatch(b))
		}); err != nil {
			return err
		}
	}
	for some := range slices.Chunk(news, newsAtOnce) {
		if err := i.transact(ctx, some, (*batch).takeNews); err != nil {
			return err
		}
	}
	return nil
}

// newsAtOnce is how many rows of news one transaction takes: each may start
// campaigns, and others wait for the people whom it locks.
const newsAtOnce = 200

// transact takes items in and counts what became of them. What has begun is
// brought to its end, whatever becomes of ctx: a batch is taken as a whole.
func (i *importer) transact(ctx context.Context, all []*item, take func(*batch) error) error {
	items := make([]*item, len(all))
	err := i.door.update(context.WithoutCancel(ctx), func(tx *store.Tx, pepper []byte) error {
		s, err := readShop(tx, pepper)
		if err != nil {
			return err
		}
		if err := s.rephone(tx); err != nil {
			return err
		}
		for n, it := range all {
			fresh := *it // the transaction may be run again
			items[n] = &fresh
		}
		b := newBatch(tx, s, Live)
		b.items = slices.Clone(items)
		if err := take(b); err != nil {
			return err
		}
		if i.im.DryRun {
			return errDry
		}
		return nil
	})
	if err != nil && !errors.Is(err, errDry) {
		return err
	}
	return i.count(items)
}

// grown reports whether the tables have grown fourfold since it last said so.
func (i *importer) grown() bool {
	if i.tally.Read < i.measured*4 {
		return false
	}
	i.measured = i.tally.Read
	return true
}

// isNews reports whether a row says of something that it has just happened.
func (i *importer) isNews(at loyalty.Instant) bool {
	return i.im.News && !at.IsZero() && i.door.db.Now().Sub(at.Time) <= i.shop.newsWithin
}

// count adds up what became of the items of a batch.
func (i *importer) count(items []*item) error {
	for _, it := range items {
		switch it.outcome {
		case isNew:
			i.tally.New++
		case isUpdated:
			i.tally.Updated++
		case isUnchanged:
			i.tally.Unchanged++
		case isRefused:
			for _, line := range rowsOf(it) {
				if err := i.refuseKept(line, it.why); err != nil {
					return err
				}
			}
		}
		if it.outcome != isRefused && it.Order == nil && it.who != nil {
			i.lines[it.who.id] = it.line
		}
		for _, line := range rowsOf(it) {
			delete(i.kept, line)
		}
	}
	return nil
}

// rowsOf are the lines of the file that an item stands in.
func rowsOf(it *item) []int {
	if it.lines == nil {
		return []int{it.line}
	}
	return it.lines
}
