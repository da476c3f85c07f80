package importer

import (
	"cmp"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
)

// amounts are the figures on one row of an orders file, in minor units.
type amounts struct {
	line  int
	lined bool // the row is a line of the order

	total      figure // the order's or the line's: addUp finds out
	orderTotal figure
	lineTotal  figure // of the line, or its price times its quantity
	apiece     bool   // the latter
	lineTax    figure // of the line, on top of what it costs
	discount   figure
	tax        figure
	shipping   figure
	refunded   figure // of the order in all
	cut        bool   // the row ends before the column total
}

// figure is an amount that may not be said.
type figure struct {
	n    int64
	said bool
}

// readAmounts reads the figures of a row.
func (r *reader) readAmounts(it *intake.Row, row row) (amounts, *loyalty.Note) {
	sums := amounts{line: row.line}
	currency := r.shop.Currency
	places := loyalty.CurrencyDigits(currency)
	var bad *loyalty.Note
	say := func(field string, n int64, err error) { // the first mistake
		switch {
		case bad != nil:
		case err != nil:
			bad = wrong(field, "%v", err)
		case n > loyalty.Most || n < -loyalty.Most:
			bad = wrong(field, "is larger than we can count")
		}
	}
	for _, f := range []struct {
		field string
		into  *figure
	}{{"total", &sums.total}, {"order_total", &sums.orderTotal}, {"line_total", &sums.lineTotal}, {"discount", &sums.discount},
		{"line_tax", &sums.lineTax}, {"tax", &sums.tax}, {"shipping", &sums.shipping}} {
		text := r.cols.get(f.field)
		if text == "" {
			continue
		}
		n, exact, err := r.money(text, places)
		if err == nil && !exact {
			it.Note(f.field, "%s has more decimals than %s: it is taken as %s", loyalty.Quoted(text), currency, loyalty.FormatMoney(n, currency))
		}
		say(f.field, n, err)
		*f.into = figure{n, true}
	}
	for _, part := range unpack(r.cols.get("refunded"), "amount") { // of each time that something was given back
		if part != "" {
			n, _, err := r.money(part, places)
			say("refunded", n, err)
			sums.refunded = figure{sums.refunded.n + max(n, -n), true}
		}
	}
	if d := &sums.discount; d.n < 0 && sums.total.n >= 0 && sums.orderTotal.n >= 0 && sums.lineTotal.n >= 0 {
		d.n = -d.n // taken off, however it is written
	}
	quantity := r.cols.get("quantity")
	if quantity != "" {
		if number, err := amount(quantity, r.decimal, ""); err == nil {
			quantity = number
		}
		n, weighed, err := loyalty.ParsePieces(quantity)
		if say("quantity", n, err); err == nil && weighed {
			it.Note("quantity", "%s is no number of pieces: it counts as one, as what is sold by weight does", loyalty.Quoted(quantity))
		}
		it.Order.Quantity = n
	}
	if price := r.cols.get("price"); price != "" && !sums.lineTotal.said && bad == nil {
		price, err := amount(price, r.decimal, currency)
		n := int64(0)
		if err == nil {
			n, err = loyalty.Times(price, cmp.Or(quantity, "1"), places)
		}
		say("price", n, err)
		sums.lineTotal, sums.apiece = figure{n, true}, true
	}
	sums.cut = r.cols.cut("total", row.there)
	return sums, bad
}

// money reads an amount as the file writes them.
func (r *reader) money(text string, places int) (n int64, exact bool, err error) {
	number, err := amount(text, r.decimal, r.shop.Currency)
	if err != nil {
		return 0, false, err
	}
	return loyalty.ParseExact(number, places)
}

// addUp makes the order's figures of those of its rows. Files write an order's
// total on its first row or on each of them, beside what each line costs; or they
// write on each row what the line costs, and nothing of the order.
func (d *draft) addUp() *loyalty.Note {
	o := d.Order
	ofOrder, bad := d.whole()
	if bad != nil {
		return bad
	}
	var lines figure
	cut := 0
	for n, sums := range d.rows {
		line := sums.lineTotal
		if !line.said && !ofOrder.said {
			line = sums.total
		}
		if sums.lineTax.said {
			line = figure{line.n + sums.lineTax.n, true}
			if !ofOrder.said {
				o.Tax, o.HasTax = o.Tax+sums.lineTax.n, true
			}
		}
		if sums.lined && n < len(o.Lines) {
			o.Lines[n].Total = line.n
		}
		lines = figure{lines.n + line.n, lines.said || line.said}
		if sums.refunded.said && !o.HasRefunded {
			o.Refunded, o.HasRefunded = sums.refunded.n, true
		}
		if sums.discount.said && !(n > 0 && ofOrder.said && d.repeats(n)) {
			o.Discount, o.HasDiscount = o.Discount+sums.discount.n, true
		}
		if sums.tax.said && !o.HasTax { // of the order, however many rows repeat it
			o.Tax, o.HasTax = sums.tax.n, true
		}
		if sums.shipping.said && !o.HasShipping {
			o.Shipping, o.HasShipping = sums.shipping.n, true
		}
		if sums.cut && cut == 0 {
			cut = sums.line
		}
	}
	total := ofOrder
	if !total.said {
		total = lines
	}
	if !total.said && cut > 0 {
		return wrong("total", "the row in line %d ends before it", cut)
	}
	if o.Total, o.HasTotal = total.n, total.said; !total.said && d.asked {
		d.Note("total", "is empty: the order keeps the one that is known, or has none")
	}
	return nil
}

// repeats reports whether row n says the order's figures once more.
func (d *draft) repeats(n int) bool {
	row, first := d.rows[n], d.rows[0]
	return (row.total.said || row.orderTotal.said) && row.discount == first.discount
}

// whole returns the order's own total, not said when rows say only what lines cost.
// Where two readings of the same rows make sense, nobody is to guess at money.
func (d *draft) whole() (figure, *loyalty.Note) {
	total, _, bad := d.one("order_total", func(s amounts) figure { return s.orderTotal })
	if total.said || bad != nil {
		return total, bad
	}
	total, at, bad := d.one("total", func(s amounts) figure { return s.total })
	priced, apiece, times, sum, asLines, alike := false, true, 0, int64(0), true, true
	for _, sums := range d.rows {
		priced = priced || sums.lineTotal.said
		apiece = apiece && sums.apiece
		sum += sums.lineTotal.n
		asLines = asLines && sums.total.said && sums.total.n == sums.lineTotal.n
		alike = alike && sums.lineTotal.n == d.rows[0].lineTotal.n
		if sums.total.said {
			times++
		}
	}
	switch {
	case !priced || asLines && len(d.rows) > 1:
		return figure{}, nil // the rows' totals are the lines'
	case bad != nil && apiece && times == len(d.rows):
		for n := range d.rows { // each line has a total of its own, beside the price of a piece
			d.rows[n].lineTotal = d.rows[n].total
		}
		return figure{}, nil
	case bad != nil:
		return figure{}, bad
	case times > 1 && apiece && alike && total.n < sum:
		return figure{}, wrong("total", "%d rows say the same from line %d on: is it the order's total or each line's? Name it with --map order_total=COLUMN or --map line_total=COLUMN", times, at)
	}
	return total, nil
}

// one returns what rows say of the order as a whole, and the line that says it
// first. Rows that say it differently are wrong.
func (d *draft) one(field string, of func(amounts) figure) (said figure, at int, bad *loyalty.Note) {
	for _, sums := range d.rows {
		switch f := of(sums); {
		case !f.said:
		case !said.said:
			said, at = f, sums.line
		case f.n != said.n && bad == nil:
			bad = wrong(field, "line %d and line %d of the same order say different amounts: map the order's as order_total, the line's as line_total", at, sums.line)
		}
	}
	return said, at, bad
}
