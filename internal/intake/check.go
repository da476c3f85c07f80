package intake

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"

	"regulars/internal/consent"
	"regulars/internal/loyalty"
)

// Limits of what one event may say.
const (
	maxID     = 200 // characters of an id, a code, a tag
	maxText   = 500 // characters of any other text
	maxNumber = loyalty.Most
)

// wrong is why something is refused: the field as the sender names it.
type wrong struct{ field, reason string }

func (w *wrong) Error() string { return w.field + ": " + w.reason }

// checker brings one event into the form in which we keep things, and keeps the
// first thing that is wrong with it.
type checker struct {
	first *wrong
	now   loyalty.Instant
	notes []loyalty.Note
}

// leave notes a value that is left out, or taken in another way than it is written.
func (c *checker) leave(field, reason string, args ...any) {
	c.notes = append(c.notes, loyalty.Note{Field: field, Reason: fmt.Sprintf(reason, args...)})
}

func (c *checker) refuse(field, reason string, args ...any) {
	if c.first == nil {
		c.first = &wrong{field, fmt.Sprintf(reason, args...)}
	}
}

// check brings e into the form in which we keep it: addresses, countries,
// languages and statuses as they are spelled properly. It returns what is wrong,
// nil if nothing is.
func (s shop) check(e *item) *wrong {
	c := &checker{now: s.now}
	s.read(e)
	c.id("id", e.ID)
	c.id("type", e.Type)
	if e.ID == "" {
		c.refuse("id", "is missing: without it, a second delivery could not be told from a second event")
	}
	if e.Type == "" {
		c.refuse("type", "is missing, like order.placed")
	}
	if e.At.IsZero() {
		c.refuse("at", "is missing: when it happened, like 2026-11-22T10:00:00Z")
	}
	c.past("at", &e.At)
	c.member(e)
	c.order(e, s.currency)
	c.points(e)
	e.Notes = append(slices.Clip(e.Notes), c.notes...)
	return c.first
}

// id checks a text that something is known by, a code or a tag.
func (c *checker) id(field, v string) { c.length(field, v, maxID) }

func (c *checker) text(field, v string) { c.length(field, v, maxText) }

func (c *checker) length(field, v string, most int) {
	switch {
	case len(v) > most && utf8.RuneCountInString(v) > most:
		c.refuse(field, "is longer than %d characters", most)
	case !utf8.ValidString(v):
		c.refuse(field, "is not UTF-8")
	case strings.ContainsFunc(v, control):
		c.refuse(field, "has a control character")
	}
}

// control tells characters that no text of a shop has; Postgres takes no NUL.
func control(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }

func (c *checker) moment(field string, at loyalty.Instant) {
	if y := at.Year(); !at.IsZero() && (y < 1900 || y > 2200) {
		c.refuse(field, "lies in the year %d", y)
	}
}

// How far a sender's clock may be ahead: what lies further ahead is refused, and
// what lies ahead by more than a moment is said to count as now.
const (
	mostAhead = 24 * time.Hour
	moment    = 2 * time.Second
)

// past checks the moment of something that has happened. A time ahead of ours would
// beat all that comes later, so it counts as now: to the second, as most senders
// write it, so that what they say next is not older.
func (c *checker) past(field string, at *loyalty.Instant) {
	c.moment(field, *at)
	ahead := at.Sub(c.now.Time)
	switch {
	case at.IsZero() || ahead <= 0 || c.first != nil:
	case ahead > mostAhead:
		c.refuse(field, "lies %s ahead of now, which is %s: is the sender's clock or its offset from UTC wrong?",
			inHours(ahead), c.now.UTC().Format(time.RFC3339))
	case ahead <= moment:
		*at = c.now
	default:
		c.leave(field, "lies %s ahead of now, and counts as now: is the sender's clock or its offset from UTC wrong?", inHours(ahead))
		*at = loyalty.At(c.now.Truncate(time.Second))
	}
}

// heard returns when a row was changed last. One that a clock ahead of ours changed,
// before that was looked at, must not beat all that comes: it gives way.
func (b *batch) heard(changed loyalty.Instant) loyalty.Instant {
	if changed.After(b.tx.At.Time) {
		return loyalty.At(time.Unix(0, 0))
	}
	return changed
}

// inHours is a span as people say it.
func inHours(d time.Duration) string {
	switch {
	case d < time.Hour:
		return d.Round(time.Second).String()
	case d <= 2*24*time.Hour:
		return fmt.Sprintf("%.0f hours", d.Hours())
	}
	return fmt.Sprintf("%.0f days", d.Hours()/24)
}

func (c *checker) number(field string, n int64) {
	if n > maxNumber || n < -maxNumber {
		c.refuse(field, "is larger than we can count: at most %d, amounts in minor units", maxNumber)
	}
}

func (c *checker) member(e *item) {
	m := &e.Member
	c.identity(m)
	if m.Email != "" {
		clean, folded, err := consent.Address(m.Email)
		if err != nil {
			c.refuse("member.email", "is not an address: %v", err)
		}
		m.Email, e.folded = clean, folded
	}
	for _, f := range []struct{ field, v string }{
		{"member.first_name", m.FirstName}, {"member.last_name", m.LastName}, {"member.referred_by", m.ReferredBy},
		{"member.consent_source", m.ConsentSource}, {"member.consent_text", m.ConsentText},
	} {
		c.text(f.field, f.v)
	}
	c.place(m)
	if m.Birthday != "" {
		b, err := loyalty.ParseBirthday(m.Birthday)
		if err != nil || b.Year != 0 && b.Year < 1850 {
			c.refuse("member.birthday", "%q is not a birthday like 1980-02-28 or --02-28", m.Birthday)
		}
		e.birthday = b
	}
	c.tags(m)
	c.past("member.joined_at", &m.JoinedAt)
	c.past("member.consent_at", &m.ConsentAt)
	c.moment("member.consent_at", loyalty.At(m.ConsentDay.UTC()))
	for _, topic := range slices.Sorted(maps.Keys(m.Consent)) {
		if !slices.Contains(consent.Topics(), topic) {
			c.refuse("member.consent."+topic, "%v", consent.ErrTopic)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Attributes)) {
		c.id("member."+name, name)
		c.value("member."+name, m.Attributes[name])
	}
	for _, name := range slices.Sorted(maps.Keys(e.Properties)) {
		if strings.HasPrefix(name, "_") {
			c.refuse("properties."+name, "begins with _, which is kept for ourselves")
		}
		c.id("properties."+name, name)
		c.value("properties."+name, e.Properties[name])
	}
}

func (c *checker) identity(m *loyalty.Member) {
	for _, source := range slices.Sorted(maps.Keys(m.IDs)) {
		c.id("member.ids."+source, source)
		c.id("member.ids."+source, m.IDs[source])
		if source == "" || m.IDs[source] == "" {
			c.refuse("member.ids."+source, "is empty")
		}
	}
	c.id("member.id", m.ID)
	c.id("member.phone", m.Phone)
	c.id("member.card", m.Card)
}

// place brings country, language and time zone into their standard spelling.
func (c *checker) place(m *loyalty.Member) {
	if m.Country != "" {
		region, err := language.ParseRegion(m.Country)
		if err != nil || len(m.Country) != 2 || !region.IsCountry() {
			c.refuse("member.country", "%q is not a country's two letters, like FI (ISO 3166)", m.Country)
		}
		m.Country = region.Canonicalize().String()
	}
	if m.Language != "" {
		tag, err := language.Parse(m.Language)
		if err != nil {
			c.refuse("member.language", "%q is not a language like fi or pt-BR (BCP 47)", m.Language)
		}
		m.Language = tag.String()
	}
	if m.TimeZone != "" {
		if _, err := time.LoadLocation(m.TimeZone); err != nil || m.TimeZone == "Local" {
			c.refuse("member.time_zone", "%q is not a time zone like Europe/Helsinki (IANA)", m.TimeZone)
		}
	}
}

func (c *checker) tags(m *loyalty.Member) {
	if m.Tags == nil {
		return
	}
	tags := []string{}
	for _, tag := range m.Tags {
		tag = strings.TrimSpace(tag)
		c.id("member.tags", tag)
		if tag != "" {
			tags = append(tags, tag)
		}
	}
	slices.Sort(tags)
	m.Tags = slices.Compact(tags)
}

// value walks through a value of JSON: what a database cannot keep is refused.
func (c *checker) value(field string, v any) {
	switch v := v.(type) {
	case string:
		if !utf8.ValidString(v) {
			c.refuse(field, "is not UTF-8")
		}
	case map[string]any:
		for key, item := range v {
			c.value(field, key)
			c.value(field, item)
		}
	case []any:
		for _, item := range v {
			c.value(field, item)
		}
	case []string:
		for _, item := range v {
			c.value(field, item)
		}
	}
}

// aboutOrders are the events that state something of an order, in the sequence
// in which an order goes through them: of two at one moment the later counts.
var aboutOrders = []string{
	loyalty.OrderPlaced, loyalty.OrderChanged, loyalty.OrderFulfilled, loyalty.OrderRefunded, loyalty.OrderCancelled,
}

func (c *checker) order(e *item, currency string) {
	if e.Order == nil || e.Order.ID == "" {
		if slices.Contains(aboutOrders, e.Type) {
			c.refuse("order.id", "is missing")
		}
		return
	}
	own := *e.Order // the caller's stays as it is
	own.Lines = slices.Clone(own.Lines)
	e.Order = &own
	o := e.Order
	c.id("order.id", o.ID)
	c.id("order.shop", o.Shop)
	c.past("order.at", &o.At)
	for _, n := range []struct {
		field string
		n     int64
	}{{"total", o.Total}, {"discount", o.Discount}, {"quantity", o.Quantity}} {
		c.number("order."+n.field, n.n)
	}
	if o.Version < 0 {
		c.refuse("order.version", "is below 0")
	}
	if o.Currency != "" && !strings.EqualFold(o.Currency, currency) {
		c.refuse("order.currency", "%q is not the program's %s", o.Currency, currency)
	}
	o.Status = strings.ToLower(o.Status)
	if o.Status != "" && !slices.Contains([]string{loyalty.Pending, loyalty.Paid, loyalty.Cancelled, loyalty.Refunded, loyalty.Test}, o.Status) {
		c.refuse("order.status", "%q is none of pending, paid, cancelled, refunded, test", o.Status)
	}
	c.lines(o)
	if r := e.Refund; r != nil {
		c.id("refund.id", r.ID)
		c.number("refund.total", r.Total)
		if r.Total < 0 {
			c.refuse("refund.total", "is below 0: what was given back is written without a sign")
		}
	}
}

func (c *checker) lines(o *loyalty.Order) {
	var quantity, total int64
	for i, l := range o.Lines {
		field := fmt.Sprintf("order.lines[%d].", i)
		c.id(field+"product", l.Product)
		c.text(field+"name", l.Name)
		c.id(field+"category", l.Category)
		c.id(field+"brand", l.Brand)
		for _, label := range l.Labels {
			c.id(field+"labels", label)
		}
		o.Lines[i].Labels = loyalty.TidyLabels(l.Labels)
		c.number(field+"quantity", l.Quantity)
		c.number(field+"total", l.Total)
		if c.first == nil { // each is in bounds, so the sum of all cannot wrap
			quantity, total = quantity+l.Quantity, total+l.Total
		}
	}
	c.number("order.lines", quantity)
	c.number("order.lines", total)
	for i, used := range o.Coupons {
		c.id(fmt.Sprintf("order.coupons[%d].code", i), used.Code)
		c.number(fmt.Sprintf("order.coupons[%d].discount", i), used.Discount)
	}
}

func (c *checker) points(e *item) {
	p := e.Points
	switch {
	case p == nil && e.Type == loyalty.PointsChanged:
		c.refuse("points", "is missing: give the new balance or the delta")
	case p == nil:
	case (p.Balance == nil) == (p.Delta == nil):
		c.refuse("points", "is either the new balance or the delta")
	case p.Balance != nil:
		c.number("points.balance", *p.Balance)
	default:
		c.number("points.delta", *p.Delta)
	}
}
