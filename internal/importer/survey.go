package importer

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"regulars/segments"
)

// A file may be read once ahead, for what only the whole of a column tells: whether
// 01/02/2027 begins with its day, whether 46380 is a day as spreadsheets count them,
// and what stands before the decimals of amounts. One value that can be read in one
// way only says how the others are to be read, unless another one contradicts it.

// survey is what a file's columns admit.
type survey struct {
	dates          map[string]*dateForms
	commas, points bool // amounts of which a comma, a point must stand before the decimals
}

// dateForms are the ways in which a column writes dates.
type dateForms struct{ dayFirst, monthFirst, serials, others bool }

// amountFields are those that hold amounts of money.
var amountFields = []string{"total", "order_total", "line_total", "line_tax", "price", "discount", "tax", "shipping", "refunded"}

// dateFields are those of the file that hold days or moments.
func (r *reader) dateFields() (fields []string) {
	for _, field := range []string{"at", "joined_at", "joined", "consent_at", "refused_at", "birthday"} {
		if r.cols.has(field) {
			fields = append(fields, field)
		}
	}
	for field := range r.cols.at {
		if name, ok := strings.CutPrefix(field, "attributes."); ok && r.shop.Attributes[name] == segments.Date {
			fields = append(fields, field)
		}
	}
	return fields
}

// readAhead surveys the file, where it can be read twice, and sets by what its dates
// and amounts are read.
func (r *reader) readAhead(ctx context.Context) error {
	s := survey{dates: map[string]*dateForms{}}
	for _, field := range r.dateFields() {
		s.dates[field] = &dateForms{}
	}
	quiet := r.quiet()
	see := func() {}
	if r.numbered() && r.Key != NumberDayShop { // else it needs the dates
		r.ends = newEnds(r.size)
		see = func() { r.ends.see(quiet.orderID()) }
	}
	err := quiet.each(ctx, func(row) error {
		s.look(quiet.cols)
		see()
		return nil
	})
	if err != nil {
		return err
	}
	for _, field := range slices.Sorted(maps.Keys(s.dates)) {
		if told := s.dates[field].told(); told != "" && r.dates == "" {
			r.told[field] = told
			r.reading.How = append(r.reading.How, r.cols.name(field)+" "+told.words())
		}
	}
	if r.decimal == "" {
		r.decimal = s.decimal()
		if r.decimal == comma {
			r.reading.How = append(r.reading.How, "a comma stands before the decimals of amounts")
		}
	}
	return r.open()
}

// numbered reports whether the rows of an order are known by its number.
func (r *reader) numbered() bool { return r.Kind == "orders" && r.OrderID == "" && r.cols.has("order") }

func (s *survey) look(c *columns) {
	for field, forms := range s.dates {
		forms.look(c.get(field))
	}
	for _, field := range amountFields {
		text := c.get(field)
		if text == "" || len(text) > 40 {
			continue
		}
		switch marksOf(text) {
		case comma:
			s.commas = true
		case point:
			s.points = true
		}
	}
}

func (s *survey) decimal() Decimal {
	switch {
	case s.commas && !s.points:
		return comma
	case s.points && !s.commas:
		return point
	}
	return ""
}

var either = regexp.MustCompile(`^(\d{1,2})[/-](\d{1,2})(?:[/-]\d{4})?(?:[^\d/-]|$)`)

func (d *dateForms) look(text string) {
	if standard(text) {
		d.others = true
		return
	}
	text = weekday.ReplaceAllString(text, "")
	found := either.FindStringSubmatch(text)
	switch brief := short.FindStringSubmatch(text); {
	case text == "":
	case brief != nil:
		first, _ := strconv.Atoi(brief[1]) // digits
		second, _ := strconv.Atoi(brief[2])
		third, _ := strconv.Atoi(brief[3])
		d.dayFirst = d.dayFirst || first > 12 && second <= 12 && third > 31 // else it may begin with its year
		d.monthFirst = d.monthFirst || second > 12 && first <= 12
		d.others = true
	case serial.MatchString(text):
		d.serials = true
	case found == nil:
		d.others = true
	default:
		first, _ := strconv.Atoi(found[1]) // digits
		second, _ := strconv.Atoi(found[2])
		d.dayFirst = d.dayFirst || first > 12 && second <= 12
		d.monthFirst = d.monthFirst || second > 12 && first <= 12
		d.others = true
	}
}

// told is the one way to read the column, "" where there are two or none is needed.
func (d *dateForms) told() Dates {
	switch {
	case d.serials && !d.others:
		return Serial
	case d.dayFirst && !d.monthFirst:
		return DayFirst
	case d.monthFirst && !d.dayFirst:
		return MonthFirst
	}
	return ""
}

// quiet is a reader of the same table that counts and says nothing.
func (r *reader) quiet() *reader {
	return &reader{Importer: r.Importer, shop: r.shop, clocks: r.clocks, told: r.told, layout: r.layout, cols: r.cols, table: r.table, size: r.size,
		before: r.before, passes: r.passes, File: File{Kind: r.Kind, Key: r.Key, Progress: r.Progress}}
}
