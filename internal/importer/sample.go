package importer

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
)

// samples is how many rows of a dry run are shown.
const samples = 10

// Sample is a member or an order as it would be, of a dry run.
type Sample struct {
	Line  int    `json:"line"`  // of the file
	State string `json:"state"` // new, updated, unchanged
	Says  string `json:"says"`
}

// show shows one of the first rows of a dry run that would be taken.
func (r *reader) show(row *intake.Row) {
	if !r.DryRun || r.Shown == nil || r.shown >= samples || row.Result.State == intake.Refused {
		return
	}
	r.shown++
	state := map[intake.State]string{intake.Stored: "new", intake.Updated: "updated", intake.Duplicate: "unchanged"}[row.Result.State]
	says := whose(&row.Member)
	if row.Order != nil {
		says = r.orderSays(row)
	} else if more := r.memberSays(row); more != "" {
		says += ", " + more
	}
	r.Shown(Sample{row.Line, state, says})
}

// whose names a person by what they are known by.
func whose(m *loyalty.Member) string {
	var by []string
	for _, id := range []struct{ name, text string }{{"member ", m.ID}, {"", m.Email}, {"card ", m.Card}, {"phone ", m.Phone}} {
		if id.text != "" {
			by = append(by, id.name+id.text)
		}
	}
	for _, source := range slices.Sorted(maps.Keys(m.IDs)) {
		by = append(by, source+" "+m.IDs[source])
	}
	return strings.Join(by, ", ")
}

func (r *reader) memberSays(row *intake.Row) string {
	m := &row.Member
	var said []string
	add := func(format, text string) {
		if text != "" {
			said = append(said, fmt.Sprintf(format, text))
		}
	}
	add("%s", strings.TrimSpace(m.FirstName+" "+m.LastName))
	add("country %s", m.Country)
	add("language %s", m.Language)
	add("born %s", m.Birthday)
	add("tags %s", strings.Join(m.Tags, " + "))
	if !m.JoinedAt.IsZero() {
		add("joined %s", loyalty.DayOf(m.JoinedAt.Time, r.shop.Zone).String())
	}
	for _, granted := range []bool{true, false} {
		var topics []string
		for _, topic := range slices.Sorted(maps.Keys(m.Consent)) {
			if m.Consent[topic] == granted {
				topics = append(topics, topic)
			}
		}
		word := map[bool]string{true: "agreed to ", false: "refused "}[granted]
		if list := strings.Join(topics, ", "); list != "" {
			add(word+"%s", list+r.since(m))
		}
	}
	if r.unreachable[row] {
		add("%s", "address gets nothing")
	}
	return strings.Join(said, ", ")
}

// since says when an answer was given.
func (r *reader) since(m *loyalty.Member) string {
	switch {
	case !m.ConsentAt.IsZero():
		return " on " + loyalty.DayOf(m.ConsentAt.Time, r.shop.Zone).String()
	case m.ConsentDay != 0:
		return " on " + m.ConsentDay.String()
	}
	return ""
}

func (r *reader) orderSays(row *intake.Row) string {
	o := row.Order
	money := func(n int64) string { return loyalty.FormatMoney(n, r.shop.Currency) }
	said := []string{fmt.Sprintf("order %s of %s on %s", o.ID, whose(&row.Member), row.At.In(r.shop.Zone).Format("2006-01-02 15:04"))}
	said = append(said, cmp.Or(o.Status, loyalty.Paid))
	if o.HasTotal {
		said = append(said, money(o.Total)+" "+r.shop.Currency)
	}
	for _, f := range []struct {
		name string
		n    int64
		said bool
	}{{"tax", o.Tax, o.HasTax}, {"shipping", o.Shipping, o.HasShipping}, {"discount", o.Discount, o.HasDiscount}, {"given back", o.Refunded, o.HasRefunded}} {
		if f.said && f.n != 0 {
			said = append(said, f.name+" "+money(f.n))
		}
	}
	for n, l := range o.Lines {
		if n == 5 {
			said = append(said, fmt.Sprintf("and %d more lines", len(o.Lines)-n))
			break
		}
		said = append(said, fmt.Sprintf("%d × %s %s", l.Quantity, cmp.Or(l.Product, l.Name, l.Category), money(l.Total)))
	}
	for _, c := range o.Coupons {
		said = append(said, "code "+c.Code)
	}
	return strings.Join(said, ", ")
}
