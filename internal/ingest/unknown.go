package ingest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"regulars/internal/loyalty"
)

// otherNames are what shops call fields of ours, far as it is spelled from them.
var otherNames = map[string]string{
	"qty": "quantity", "count": "quantity", "amount": "total", "price": "total", "sum": "total", "value": "total",
	"sku": "product", "product_id": "product", "item": "product", "title": "name", "vendor": "brand", "type": "category",
	"mail": "email", "tel": "phone", "mobile": "phone", "tz": "time_zone", "lang": "language", "locale": "language",
	"customer": "member", "time": "at", "date": "at", "created_at": "at", "items": "lines", "discount_codes": "coupons",
}

// say notes the fields that are left in an object because nobody asked for them,
// and what becomes of them. Of an object that people extend, whose fields are
// kept by their names, only those that look like a mistake are said.
func (f *fields) say(kept string, extended bool) {
	if f == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(f.values)) {
		if f.values[name] == nil {
			continue
		}
		meant := otherNames[strings.ToLower(name)]
		if !slices.Contains(*f.asked, meant) {
			meant = loyalty.Nearest(name, *f.asked)
		}
		if extended && meant == "" {
			continue
		}
		note := fmt.Sprintf("%s%s is no field of ours: it is %s", f.path, name, kept)
		if meant != "" {
			note += fmt.Sprintf("; %s%s is one", f.path, meant)
		}
		if len(*f.unknown) < maxUnknown {
			*f.unknown = append(*f.unknown, note)
		}
	}
}

// maxUnknown is how many fields of one event are said to be unknown.
const maxUnknown = 20
