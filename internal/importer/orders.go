package importer

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"regulars/internal/address"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
)

// draft is an order of a file of which not all rows have been read.
type draft struct {
	*intake.Row
	rows   []amounts
	prints [][]byte      // fingerprints of its rows
	lines  []int         // of the file
	asked  bool          // the file has a column for amounts
	id     string        // what the order is known by, where that is not its number
	back   []returned    // rows of what was given back
	wrong  *loyalty.Note // with one of the rows, whose line it names
}

// returned is a row of what was given back on an order.
type returned struct {
	at    loyalty.Instant
	sums  amounts
	lines []loyalty.Line
}

func wrong(field, reason string, args ...any) *loyalty.Note {
	return &loyalty.Note{Field: field, Reason: fmt.Sprintf(reason, args...)}
}

// maxRows is how many rows one order may have. A file in which one has more names
// a column that tells no orders apart.
const maxRows = 10_000

// orders takes a file of orders. The rows of one order are its lines, wherever in
// the file they stand. So the file is read twice: first to find the last row of each
// order, then to take each order as soon as it is whole. With --order-id row each row
// is an order, known by file name and row number.
func (r *reader) orders(ctx context.Context) error {
	byRow := r.OrderID == "row"
	switch {
	case !byRow && !r.cols.has("order"):
		return errors.New("the file has no column order: name it with --map order=COLUMN, or use --order-id row if each row is an order")
	case !r.cols.has("at"):
		return errors.New("the file has no column at: name it with --map at=COLUMN")
	}
	if byRow {
		name := strings.TrimSuffix(filepath.Base(r.Path), ".gz")
		if err := r.each(ctx, func(row row) error {
			return r.complete(ctx, r.addRow(nil, row, fmt.Sprintf("%s:%d", name, row.n)))
		}); err != nil {
			return err
		}
		return r.flush(ctx)
	}
	if r.ends == nil {
		r.ends = newEnds(r.size)
		quiet := r.quiet()
		if err := quiet.each(ctx, func(row) error { r.ends.see(quiet.orderID()); return nil }); err != nil {
			return err
		}
		if err := r.open(); err != nil {
			return err
		}
	}
	if err := r.gather(ctx); err != nil {
		return err
	}
	return r.flush(ctx)
}

// gather takes each order of the file as soon as all its rows have been read.
func (r *reader) gather(ctx context.Context) error {
	open := map[string]*draft{} // whose rows stand apart
	var here *draft             // whose rows do not
	id, n := "", 0
	end := func() error {
		d := here
		if here = nil; d == nil {
			return nil
		}
		return r.complete(ctx, d)
	}
	err := r.each(ctx, func(row row) error {
		now := r.orderID()
		if n++; now != id || now == "" {
			if err := end(); err != nil {
				return err
			}
		}
		id = now
		last, apart := r.ends.of(id)
		if !apart || id == "" {
			here = r.addRow(here, row, id)
			return nil
		}
		d := r.addRow(open[id], row, id)
		if n < last {
			open[strings.Clone(id)] = d
			return nil
		}
		delete(open, id)
		return r.complete(ctx, d)
	})
	if err == nil {
		err = end()
	}
	for _, id := range slices.Sorted(maps.Keys(open)) { // the file has become another since
		if err == nil {
			err = r.complete(ctx, open[id])
		}
	}
	return err
}

// receipt is what the last row said of the order that it belongs to.
type receipt struct{ number, id string }

// orderID is what the order of a row is known by: its number, or where numbers
// begin anew the day and the shop with it. A row that does not say its day belongs
// to the one above it.
func (r *reader) orderID() string {
	number := r.cols.get("order")
	if r.Key != NumberDayShop || number == "" {
		return number
	}
	id := number
	switch at, err := r.on("at").when(r.cols.get("at")); {
	case err == nil:
		id += "/" + loyalty.DayOf(at.Time, r.shop.Zone).String()
		if shop := r.cols.get("shop"); shop != "" {
			id += "/" + shop
		}
	case r.last.number == number && r.cols.get("at") == "":
		id = r.last.id
	}
	r.last = receipt{number, id}
	return id
}

// addRow adds a row to the order that it belongs to, nil for its first.
func (r *reader) addRow(d *draft, row row, id string) *draft {
	it, sums, wrongRow := r.readOrder(row, id)
	first := d == nil
	givenBack := r.cols.get("event") == "refund"
	back := returned{it.At, sums, it.Order.Lines}
	if givenBack { // another day, and no line of what was bought
		it.At, it.Order.Lines, it.Order.Quantity, sums = loyalty.Instant{}, nil, 0, amounts{line: row.line}
	}
	if first {
		d = &draft{Row: it, asked: slices.ContainsFunc([]string{"total", "order_total", "line_total", "price"}, r.cols.has)}
	}
	d.lines = append(d.lines, row.line)
	if len(d.lines) > maxRows {
		wrongRow = wrong("order", "%s has more than %d rows: does the column tell orders apart?", loyalty.Quoted(id), maxRows)
		d.Order.Lines, d.rows, d.prints = nil, nil, nil
	} else {
		d.prints = append(d.prints, it.Fingerprint)
		if givenBack {
			d.back = append(d.back, back)
		} else {
			d.rows = append(d.rows, sums)
		}
		if wrongRow == nil && !first {
			wrongRow = d.join(it, r.shop.Zone)
		}
		d.id = cmp.Or(d.id, intake.ReadID(r.cols.get("order.id")))
	}
	if wrongRow != nil && d.wrong == nil {
		wrongRow.Line = row.line
		d.wrong = wrongRow
	}
	return d
}

// join adds another row of the same order. What stands on one row only is said of
// all; what two rows say differently makes them two orders, or nobody knows which.
func (d *draft) join(it *intake.Row, zone *time.Location) *loyalty.Note {
	sum, more := d.Order, it.Order
	if field, one, other := differ(&d.Event, &it.Event, zone); field != "" {
		return wrong(field, "order %s is of %s in line %d and of %s here: if numbers begin anew, use --order-key %s", sum.ID, one, d.lines[0], other, NumberDayShop)
	}
	for _, f := range []struct {
		field      string
		said, more *string
	}{{"status", &sum.Status, &more.Status}, {"currency", &sum.Currency, &more.Currency}, {"shop", &sum.Shop, &more.Shop}} {
		if *f.said != "" && *f.more != "" && *f.said != *f.more {
			return wrong(f.field, "order %s is %s in line %d and %s here", sum.ID, *f.said, d.lines[0], *f.more)
		}
		*f.said = cmp.Or(*f.said, *f.more)
	}
	if at := it.At; !at.IsZero() && (d.At.IsZero() || at.Before(d.At.Time)) {
		d.At = at
	}
	said := texts(&d.Member)
	for n, t := range texts(&it.Member) {
		*said[n].of = cmp.Or(*said[n].of, *t.of)
	}
	for source, id := range it.Member.IDs {
		if d.Member.IDs[source] == "" {
			if d.Member.IDs == nil {
				d.Member.IDs = map[string]string{}
			}
			d.Member.IDs[source] = id
		}
	}
	d.Notes = append(d.Notes, it.Notes...)
	sum.Quantity += more.Quantity
	sum.Lines = append(sum.Lines, more.Lines...)
	for _, c := range more.Coupons {
		if !slices.Contains(sum.Coupons, c) {
			sum.Coupons = append(sum.Coupons, c)
		}
	}
	return nil
}

// afterMidnight is by how much the rows of one order may lie apart when its till
// closes after midnight.
const afterMidnight = time.Hour

// differ returns in what two rows of one order say that they are of different
// people or days; field "": in nothing that both of them say.
func differ(a, b *loyalty.Event, zone *time.Location) (field, one, other string) {
	m, n := &a.Member, &b.Member
	mailbox := func(text string) string { // as an address is known; "" for none
		_, folded, _ := address.Read(text)
		return folded
	}
	pairs := [][3]string{
		{"member", m.ID, n.ID}, {"email", mailbox(m.Email), mailbox(n.Email)}, {"card", m.Card, n.Card},
		{"phone", loyalty.FoldPhone(m.Phone), loyalty.FoldPhone(n.Phone)},
	}
	for _, source := range slices.Sorted(maps.Keys(m.IDs)) {
		pairs = append(pairs, [3]string{"ids." + source, m.IDs[source], n.IDs[source]})
	}
	if apart := a.At.Sub(b.At.Time).Abs(); !a.At.IsZero() && !b.At.IsZero() && apart > afterMidnight {
		pairs = append(pairs, [3]string{"at", loyalty.DayOf(a.At.Time, zone).String(), loyalty.DayOf(b.At.Time, zone).String()})
	}
	for _, p := range pairs {
		if p[1] != "" && p[2] != "" && p[1] != p[2] {
			return p[0], p[1], p[2]
		}
	}
	return "", "", ""
}

// complete hands an order on of which all rows are there. One wrong row refuses
// all of them: with a line missing, its figures would be wrong.
func (r *reader) complete(ctx context.Context, d *draft) error {
	first := d.lines[0]
	d.Order.ID = cmp.Or(d.id, d.Order.ID)
	if d.wrong == nil {
		d.takeBack()
		d.wrong = d.addUp()
	}
	if d.wrong == nil {
		d.giveBack()
	}
	if d.wrong == nil && d.At.IsZero() {
		d.wrong = wrong("at", "is empty")
	}
	if d.wrong == nil {
		d.wrong = r.shop.Check(d.Row)
	}
	if d.wrong != nil && d.wrong.Field == "order.status" {
		d.wrong.Reason += "; --status WORD=paid says what the file means by it"
	}
	if d.wrong != nil {
		at := cmp.Or(d.wrong.Line, first)
		for _, line := range d.lines {
			why := d.wrong
			if line != at {
				why = wrong("order", "line %d of the same order is refused", at)
			}
			if err := r.refuseKept(line, *why); err != nil {
				return err
			}
		}
		return nil
	}
	if len(d.prints) > 1 {
		h := sha256.New()
		for _, p := range d.prints {
			h.Write(p)
		}
		d.Fingerprint = h.Sum(nil)[:16]
	}
	return r.add(ctx, d.Row, d.At, d.lines)
}

// takeBack makes an order of rows of what was given back, where the file does not
// have the order: one below zero, which is a return.
func (d *draft) takeBack() {
	if len(d.rows) > 0 {
		return
	}
	for _, back := range d.back {
		d.rows = append(d.rows, back.sums)
		d.Order.Lines = append(d.Order.Lines, back.lines...)
		if d.At.IsZero() || back.at.Before(d.At.Time) {
			d.At = back.at
		}
	}
	d.back = nil
}

// giveBack notes with the order what rows of their own say was given back of it.
func (d *draft) giveBack() {
	for _, back := range d.back {
		n := back.sums.lineTotal.n + back.sums.lineTax.n
		if back.sums.orderTotal.said {
			n = back.sums.orderTotal.n
		}
		d.Order.Refunded, d.Order.HasRefunded = d.Order.Refunded+max(n, -n), true
	}
}

// readOrder reads a row of an orders file. It is there even when something is wrong.
func (r *reader) readOrder(row row, id string) (*intake.Row, amounts, *loyalty.Note) {
	get, it := r.cols.get, r.person(row, loyalty.Instant{}, loyalty.OrderPlaced)
	o := &loyalty.Order{ID: id, Status: strings.ToLower(get("status")), Currency: strings.ToUpper(get("currency")), Shop: get("shop")}
	it.Order, it.Fingerprint = o, r.fingerprint()
	if id == "" {
		return it, amounts{}, wrong("order", "is empty: the number of the order stands on each of its rows")
	}
	for _, field := range []string{"order", "order.id"} {
		if reason := intake.NotAnID(get(field)); reason != "" {
			return it, amounts{}, wrong(field, "%s", reason)
		}
	}
	if text := get("cancelled_at"); text != "" && o.Status != loyalty.Refunded && o.Status != loyalty.Test {
		if said, err := parseFlag(text); err != nil || *said { // when, or whether
			o.Status = loyalty.Cancelled
		}
	}
	if text := get("at"); text != "" {
		at, err := r.on("at").when(text)
		if err != nil {
			return it, amounts{}, wrong("at", "%v", err)
		}
		it.At = at
	}
	if r.cols.has("coupon") {
		o.Coupons = []loyalty.UsedCoupon{}
	}
	for _, text := range unpack(get("coupon"), "code") {
		for _, code := range listed(text) {
			if code = strings.TrimSpace(code); code != "" {
				o.Coupons = append(o.Coupons, loyalty.UsedCoupon{Code: code})
			}
		}
	}
	sums, wrongRow := r.readAmounts(it, row)
	if wrongRow != nil {
		return it, sums, wrongRow
	}
	if sums.lined = slices.ContainsFunc([]string{"product", "name", "category", "brand", "labels"}, r.cols.has); sums.lined {
		if !r.cols.has("quantity") {
			o.Quantity = 1
		}
		o.Lines = []loyalty.Line{{Product: get("product"), Name: get("name"), Category: get("category"), Brand: get("brand"),
			Labels: listed(get("labels")), Quantity: o.Quantity}}
	}
	if len(r.cols.packed) > 0 && get("name") == "" && get("product") == "" {
		sums.lined = false
		wrongRow = r.packedLines(it)
	}
	return it, sums, wrongRow
}

// packedLines reads the lines of an order that stand together in one column, or each
// in one of its own.
func (r *reader) packedLines(it *intake.Row) *loyalty.Note {
	o, places := it.Order, loyalty.CurrencyDigits(r.shop.Currency)
	o.Lines, o.Quantity = nil, 0
	for _, i := range r.cols.packed {
		text := strings.TrimSpace(r.cols.fields[i])
		if text == "" {
			continue
		}
		for _, item := range packedItems(text) {
			l := loyalty.Line{Product: item["sku"], Name: item["name"], Quantity: 1}
			var err error
			if item["quantity"] != "" {
				l.Quantity, _, err = loyalty.ParsePieces(item["quantity"])
			}
			for _, name := range []string{"total", "total_tax"} {
				if item[name] != "" && err == nil {
					var n int64
					n, _, err = r.money(item[name], places)
					l.Total += n
				}
			}
			if err != nil {
				return wrong(r.cols.header[i], "%v", err)
			}
			o.Lines, o.Quantity = append(o.Lines, l), o.Quantity+l.Quantity
		}
	}
	return nil
}
