package intake

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"regulars/internal/address"
	"regulars/internal/loyalty"
)

// draft is an order of a file of which not all rows have been read.
type draft struct {
	it     *item
	rows   []amounts
	prints [][]byte // of its rows
	lines  []int    // of the file
	asked  bool     // the file has a column for amounts
	wrong  *wrong   // with one of the rows
	at     int      // its line
}

// maxRows is how many rows one order may have. A file in which one has more names
// a column that tells no orders apart.
const maxRows = 10_000

// orders takes a file of orders. The rows of one order are its lines, wherever in
// the file they stand. So the file is read twice: first to count the rows of each
// order, then to take each order as soon as it is whole.
func (i *importer) orders(ctx context.Context) error {
	for _, need := range []string{"order", "at"} {
		if !i.cols.has(need) && !(need == "order" && i.im.OrderID == "row") {
			hint := ""
			if need == "order" {
				hint = ", or use --order-id row if each row is an order"
			}
			return fmt.Errorf("the file has no column %s: name it with --map %s=COLUMN%s", need, need, hint)
		}
	}
	if i.im.OrderID == "row" {
		return i.ordersByRow(ctx)
	}
	seed := maphash.MakeSeed()
	left, err := i.countRows(ctx, seed)
	if err != nil {
		return err
	}
	open := map[string]*draft{}
	i.last = receipt{}
	err = i.each(ctx, func(r row) error {
		i.tally.Read++
		i.keep(r)
		id := i.orderID()
		d := i.addRow(open[id], r, id)
		k := maphash.String(seed, id)
		if left[k]--; left[k] > 0 && id != "" {
			open[strings.Clone(id)] = d
			return nil
		}
		delete(open, id)
		return i.complete(ctx, d)
	})
	for _, id := range slices.Sorted(maps.Keys(open)) { // rows that could not be read were counted, too
		if err == nil {
			err = i.complete(ctx, open[id])
		}
	}
	return errors.Join(err, i.takeOrders(ctx, err))
}

// ordersByRow takes each row as an order, known by file name and row number.
func (i *importer) ordersByRow(ctx context.Context) error {
	name := strings.TrimSuffix(filepath.Base(i.im.Path), ".gz")
	err := i.each(ctx, func(r row) error {
		i.tally.Read++
		i.keep(r)
		return i.complete(ctx, i.addRow(nil, r, fmt.Sprintf("%s:%d", name, r.n)))
	})
	return errors.Join(err, i.takeOrders(ctx, err))
}

// countRows reads the file once, for how many rows each order has.
func (i *importer) countRows(ctx context.Context, seed maphash.Seed) (map[uint64]int, error) {
	i.passes = 2
	quiet := importer{im: Import{Progress: i.im.Progress}, cols: i.cols, sheet: i.sheet, size: i.size, passes: 2}
	left := map[uint64]int{}
	err := quiet.each(ctx, func(row) error {
		left[maphash.String(seed, i.orderID())]++
		return nil
	})
	if err != nil {
		return nil, err
	}
	return left, i.open()
}

// receipt is what the last row said of the order that it belongs to.
type receipt struct{ number, id string }

// orderID is what the order of a row is known by: its number, or where numbers
// begin anew the day and the shop with it. A row that does not say its day belongs
// to the one above it.
func (i *importer) orderID() string {
	number := i.cols.get("order")
	if i.im.Key != NumberDayShop || number == "" {
		return number
	}
	id := number
	switch at, err := i.when(i.cols.get("at")); {
	case err == nil:
		id += "/" + loyalty.DayOf(at.Time, i.shop.zone).String()
		if shop := i.cols.get("shop"); shop != "" {
			id += "/" + shop
		}
	case i.last.number == number && i.cols.get("at") == "":
		id = i.last.id
	}
	i.last = receipt{number, id}
	return id
}

// addRow adds a row to the order that it belongs to, nil for its first.
func (i *importer) addRow(d *draft, r row, id string) *draft {
	it, sums, w := i.readOrder(r, id)
	first := d == nil
	if first {
		d = &draft{it: it, asked: slices.ContainsFunc([]string{"total", "order_total", "line_total", "price"}, i.cols.has)}
	}
	d.lines = append(d.lines, r.line)
	switch {
	case len(d.lines) > maxRows:
		w = &wrong{"order", fmt.Sprintf("%s has more than %d rows: does the column tell orders apart?", quoted(id), maxRows)}
		d.it.Order.Lines, d.rows, d.prints = nil, nil, nil
	default:
		d.prints, d.rows = append(d.prints, it.print), append(d.rows, sums)
		if w == nil && !first {
			w = d.join(it, i.shop.zone)
		}
	}
	if w != nil && d.wrong == nil {
		d.wrong, d.at = w, r.line
	}
	return d
}

// join adds another row of the same order. What stands on one row only is said of
// all; what two rows say differently makes them two orders, or nobody knows which.
func (d *draft) join(it *item, zone *time.Location) *wrong {
	sum, more := d.it.Order, it.Order
	if field, one, other := differ(&d.it.Event, &it.Event, zone); field != "" {
		return &wrong{field, fmt.Sprintf("order %s is of %s in line %d and of %s here: if numbers begin anew, use --order-key %s", sum.ID, one, d.lines[0], other, NumberDayShop)}
	}
	for _, f := range []struct {
		field      string
		said, more *string
	}{{"status", &sum.Status, &more.Status}, {"currency", &sum.Currency, &more.Currency}, {"shop", &sum.Shop, &more.Shop}} {
		if *f.said != "" && *f.more != "" && *f.said != *f.more {
			return &wrong{f.field, fmt.Sprintf("order %s is %s in line %d and %s here", sum.ID, *f.said, d.lines[0], *f.more)}
		}
		*f.said = cmp.Or(*f.said, *f.more)
	}
	if at := it.At; !at.IsZero() && (d.it.At.IsZero() || at.Before(d.it.At.Time)) {
		d.it.At = at
	}
	fill(&d.it.Member, it.Member)
	d.it.Notes = append(d.it.Notes, it.Notes...)
	sum.Quantity += more.Quantity
	sum.Lines = append(sum.Lines, more.Lines...)
	for _, c := range more.Coupons {
		if !slices.Contains(sum.Coupons, c) {
			sum.Coupons = append(sum.Coupons, c)
		}
	}
	return nil
}

// midnight is by how much the rows of one order may lie apart when its till closes
// after midnight.
const midnight = time.Hour

// differ returns in what two rows of one order say that they are of different
// people or days; field "": in nothing that both of them say.
func differ(a, b *loyalty.Event, zone *time.Location) (field, one, other string) {
	m, n := &a.Member, &b.Member
	pairs := [][3]string{
		{"member", m.ID, n.ID}, {"email", mailbox(m.Email), mailbox(n.Email)}, {"card", m.Card, n.Card},
		{"phone", loyalty.FoldPhone(m.Phone), loyalty.FoldPhone(n.Phone)},
	}
	for _, source := range slices.Sorted(maps.Keys(m.IDs)) {
		pairs = append(pairs, [3]string{"ids." + source, m.IDs[source], n.IDs[source]})
	}
	if apart := a.At.Sub(b.At.Time).Abs(); !a.At.IsZero() && !b.At.IsZero() && apart > midnight {
		pairs = append(pairs, [3]string{"at", loyalty.DayOf(a.At.Time, zone).String(), loyalty.DayOf(b.At.Time, zone).String()})
	}
	for _, p := range pairs {
		if p[1] != "" && p[2] != "" && p[1] != p[2] {
			return p[0], p[1], p[2]
		}
	}
	return "", "", ""
}

// mailbox is an address as it is known; "" for none.
func mailbox(text string) string {
	_, folded, err := address.Read(text)
	if err != nil {
		return ""
	}
	return folded
}

// fill says of a member what more says and m does not.
func fill(m *loyalty.Member, more loyalty.Member) {
	for _, f := range []struct {
		said *string
		more string
	}{
		{&m.ID, more.ID}, {&m.Email, more.Email}, {&m.Phone, more.Phone}, {&m.Card, more.Card}, {&m.FirstName, more.FirstName},
		{&m.LastName, more.LastName}, {&m.Language, more.Language}, {&m.Country, more.Country}, {&m.TimeZone, more.TimeZone},
	} {
		*f.said = cmp.Or(*f.said, f.more)
	}
	for source, id := range more.IDs {
		if m.IDs[source] == "" {
			if m.IDs == nil {
				m.IDs = map[string]string{}
			}
			m.IDs[source] = id
		}
	}
}

// complete hands an order on of which all rows are there. One wrong row refuses
// all of them: with a line missing, its figures would be wrong.
func (i *importer) complete(ctx context.Context, d *draft) error {
	if d.wrong == nil {
		d.wrong, d.at = d.addUp(), d.lines[0]
	}
	if d.wrong == nil && d.it.At.IsZero() {
		d.wrong = &wrong{"at", "is empty"}
	}
	if d.wrong == nil {
		d.it.lines = d.lines
		d.wrong = i.check(d.it)
	}
	if d.wrong != nil {
		for _, line := range d.lines {
			w := *d.wrong
			if line != d.at {
				w = wrong{"order", fmt.Sprintf("line %d of the same order is refused", d.at)}
			}
			if err := i.refuseKept(line, w); err != nil {
				return err
			}
		}
		return nil
	}
	i.say(d.it)
	if len(d.prints) > 1 {
		h := sha256.New()
		for _, p := range d.prints {
			h.Write(p)
		}
		d.it.print = h.Sum(nil)[:16]
	}
	if i.isNews(d.it.At) {
		i.news = append(i.news, d.it)
	} else {
		i.items = append(i.items, d.it)
	}
	if i.rows += len(d.lines); i.rows < batchRows {
		return nil
	}
	return i.takeOrders(ctx, nil)
}

// takeOrders takes the gathered orders in, unless reading has failed.
func (i *importer) takeOrders(ctx context.Context, failed error) error {
	if failed != nil {
		return nil
	}
	return i.flush(ctx, (*batch).takeOrders)
}

// readOrder reads a row of an orders file. The item is there even when something
// is wrong.
func (i *importer) readOrder(r row, id string) (*item, amounts, *wrong) {
	get := i.cols.get
	it := i.newItem(r, loyalty.Instant{}, loyalty.OrderPlaced)
	o := &loyalty.Order{ID: id, Status: strings.ToLower(get("status")), Currency: strings.ToUpper(get("currency")), Shop: get("shop")}
	it.Order = o
	it.print = i.fingerprint(it)
	if id == "" {
		return it, amounts{}, &wrong{"order", "is empty: the number of the order stands on each of its rows"}
	}
	if inExponents.MatchString(get("order")) {
		return it, amounts{}, &wrong{"order", fmt.Sprintf(dropped, get("order"))}
	}
	if text := get("at"); text != "" {
		at, err := i.when(text)
		if err != nil {
			return it, amounts{}, &wrong{"at", err.Error()}
		}
		it.At = at
	}
	if i.cols.has("coupon") {
		o.Coupons = []loyalty.UsedCoupon{}
	}
	if code := get("coupon"); code != "" {
		o.Coupons = append(o.Coupons, loyalty.UsedCoupon{Code: code})
	}
	sums, w := i.readAmounts(it, r)
	if w != nil {
		return it, sums, w
	}
	if sums.lined = slices.ContainsFunc([]string{"product", "name", "category", "brand", "labels"}, i.cols.has); sums.lined {
		if !i.cols.has("quantity") {
			o.Quantity = 1
		}
		o.Lines = []loyalty.Line{{Product: get("product"), Name: get("name"), Category: get("category"), Brand: get("brand"),
			Labels: listed(get("labels")), Quantity: o.Quantity}}
	}
	return it, sums, nil
}
