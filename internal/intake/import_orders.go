package intake

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"regulars/internal/loyalty"
)

// draft is an order of a file of which not all rows have been read.
type draft struct {
	it     *item
	prints [][]byte // of its rows
	lines  []int    // of the file
	wrong  *wrong   // with one of the rows
	at     int      // its line
}

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
	err = i.each(ctx, func(r row) error {
		i.tally.Read++
		i.keep(r)
		id := i.cols.get("order")
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
	quiet := importer{im: Import{Progress: i.im.Progress}, cols: i.cols, sheet: i.sheet, passes: 2}
	left := map[uint64]int{}
	err := quiet.each(ctx, func(row) error {
		left[maphash.String(seed, i.cols.get("order"))]++
		return nil
	})
	if err != nil {
		return nil, err
	}
	return left, i.open()
}

// addRow adds a row to the order that it belongs to, nil for its first.
func (i *importer) addRow(d *draft, r row, id string) *draft {
	it, w := i.readOrder(r, id)
	first := d == nil
	if first {
		d = &draft{it: it}
	}
	d.lines = append(d.lines, r.line)
	d.prints = append(d.prints, it.print)
	if w == nil && !first {
		w = d.join(it)
	}
	if w != nil && d.wrong == nil {
		d.wrong, d.at = w, r.line
	}
	return d
}

// join adds another row of the same order.
func (d *draft) join(it *item) *wrong {
	sum, more := d.it.Order, it.Order
	if it.Member.ID != d.it.Member.ID {
		return &wrong{"member", fmt.Sprintf("order %s is of %s and of %s", sum.ID, d.it.Member.ID, it.Member.ID)}
	}
	if it.At.Before(d.it.At.Time) {
		d.it.At = it.At
	}
	sum.Total, sum.HasTotal = sum.Total+more.Total, sum.HasTotal || more.HasTotal
	sum.Discount, sum.HasDiscount = sum.Discount+more.Discount, sum.HasDiscount || more.HasDiscount
	sum.Quantity += more.Quantity
	sum.Lines = append(sum.Lines, more.Lines...)
	if sum.Status == "" {
		sum.Status = more.Status
	}
	if sum.Shop == "" {
		sum.Shop = more.Shop
	}
	for _, c := range more.Coupons {
		if !slices.Contains(sum.Coupons, c) {
			sum.Coupons = append(sum.Coupons, c)
		}
	}
	return nil
}

// complete hands an order on of which all rows are there. One wrong row refuses
// all of them: with a line missing, its figures would be wrong.
func (i *importer) complete(ctx context.Context, d *draft) error {
	if d.wrong == nil {
		d.wrong, d.at = i.check(d.it), d.lines[0]
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
	for _, line := range d.lines {
		delete(i.kept, line)
	}
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
func (i *importer) readOrder(r row, id string) (*item, *wrong) {
	get := i.cols.get
	it := i.newItem(r, loyalty.Instant{}, loyalty.OrderPlaced)
	o := &loyalty.Order{ID: id, Status: strings.ToLower(get("status")), Currency: strings.ToUpper(get("currency")), Shop: get("shop")}
	it.Order = o
	it.print = i.fingerprint(it)
	if id == "" {
		return it, &wrong{"order", "is empty"}
	}
	at, err := when(get("at"), i.zone, i.shop.zone)
	if err != nil {
		return it, &wrong{"at", err.Error()}
	}
	it.At = at
	if code := get("coupon"); code != "" {
		o.Coupons = []loyalty.UsedCoupon{{Code: code}}
	}
	if w := i.readAmounts(o); w != nil {
		return it, w
	}
	if slices.ContainsFunc([]string{"product", "name", "category", "brand", "labels"}, i.cols.has) {
		o.Lines = []loyalty.Line{{Product: get("product"), Name: get("name"), Category: get("category"), Brand: get("brand"),
			Labels: listed(get("labels")), Quantity: o.Quantity, Total: o.Total}}
		if !i.cols.has("quantity") {
			o.Lines[0].Quantity, o.Quantity = 1, 1
		}
	}
	return it, nil
}

func (i *importer) readAmounts(o *loyalty.Order) *wrong {
	for _, f := range []struct {
		field  string
		places int
		into   *int64
		has    *bool
	}{
		{"total", loyalty.CurrencyDigits(i.shop.currency), &o.Total, &o.HasTotal},
		{"discount", loyalty.CurrencyDigits(i.shop.currency), &o.Discount, &o.HasDiscount},
		{"quantity", 0, &o.Quantity, new(bool)},
	} {
		text := i.cols.get(f.field)
		if text == "" {
			continue
		}
		n, err := loyalty.ParseDecimal(text, f.places)
		if err != nil {
			return &wrong{f.field, err.Error()}
		}
		if n > maxNumber || n < -maxNumber {
			return &wrong{f.field, "is larger than we can count"}
		}
		*f.into, *f.has = n, true
	}
	return nil
}
