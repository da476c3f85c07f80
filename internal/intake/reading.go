package intake

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"regulars/internal/loyalty"
	"regulars/internal/phone"
)

// read brings the texts of an item into the form in which we keep them, whatever
// door it came by: letters are composed (NFC), so that one word has one spelling;
// names are one line; ids lose the apostrophe that guards them in a spreadsheet.
func (s Shop) read(e *Row) {
	m := &e.Member
	for _, text := range []*string{&m.FirstName, &m.LastName, &m.ConsentSource} {
		*text = name(*text)
	}
	m.ConsentText = prose(m.ConsentText)
	for _, id := range []*string{&m.ID, &m.Card, &m.Phone, &m.Email, &m.ReferredBy} {
		*id = readID(*id)
	}
	if m.Phone != "" {
		country, err := s.readCountry(strings.TrimSpace(m.Country))
		if err != nil {
			country = ""
		}
		if number := phone.Read(m.Phone, cmp.Or(country, s.country)); number != "" {
			m.Phone = number
		}
	}
	if m.IDs != nil {
		ids := make(map[string]string, len(m.IDs)) // the caller's stay as they are
		for source, id := range m.IDs {
			ids[readID(source)] = readID(id)
		}
		m.IDs = ids
	}
	m.Tags = each(m.Tags, name)
	m.Attributes, e.Properties = composed(m.Attributes), composed(e.Properties)
	e.Type = norm.NFC.String(e.Type)
	if e.Order != nil {
		own := *e.Order
		e.Order = &own
		readOrder(e.Order)
	}
	if e.Refund != nil {
		own := *e.Refund
		own.ID = readID(own.ID)
		e.Refund = &own
	}
}

func readOrder(o *loyalty.Order) {
	o.ID, o.Shop = readID(o.ID), name(o.Shop)
	o.Lines = slices.Clone(o.Lines)
	for i := range o.Lines {
		l := &o.Lines[i]
		l.Product, l.Name, l.Category, l.Brand = readID(l.Product), name(l.Name), name(l.Category), name(l.Brand)
		l.Labels = each(l.Labels, name)
	}
	o.Coupons = slices.Clone(o.Coupons)
	for i := range o.Coupons {
		o.Coupons[i].Code = readID(o.Coupons[i].Code)
	}
}

// each returns a list with f applied to its entries; nil stays nil.
func each[S ~[]string](list S, f func(string) string) S {
	list = slices.Clone(list)
	for i, text := range list {
		list[i] = f(text)
	}
	return list
}

// name reads what people, products and the like are called.
func name(s string) string { return norm.NFC.String(loyalty.OneLine(s)) }

// prose reads a text of several lines.
func prose(s string) string {
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if control(r) {
			return ' '
		}
		return r
	}, s))
}

// readID reads what somebody or something is known by. Spreadsheets are given an
// apostrophe before what they would take for a number or a formula.
func readID(s string) string {
	s = strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == '\u200b' || r == '\ufeff' })
	for _, guard := range []string{"'", "\u2018", "\u2019"} {
		if rest, guarded := strings.CutPrefix(s, guard); guarded && rest != "" {
			s = strings.TrimSpace(rest)
			break
		}
	}
	return norm.NFC.String(s)
}

// ReadID is readID for other doors: what is asked for by hand or by a till.
func ReadID(s string) string { return readID(s) }

// composed returns values of JSON with their texts in NFC and without control
// characters, of which a database cannot keep all.
func composed(values map[string]any) map[string]any {
	if values == nil {
		return nil
	}
	all := make(map[string]any, len(values))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		all[norm.NFC.String(key)] = composedValue(values[key])
	}
	return all
}

func composedValue(v any) any {
	switch v := v.(type) {
	case string:
		return prose(v)
	case map[string]any:
		return composed(v)
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = composedValue(item)
		}
		return list
	case []string:
		return each(v, prose)
	}
	return v
}
