package intake

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"regulars/internal/address"
	"regulars/internal/consent"
	"regulars/internal/loyalty"
)

// Limits of what one event may say.
const (
	maxID     = 200 // characters of an id, a code, a tag
	maxText   = 500 // characters of any other text
	maxNumber = loyalty.Most
)

// checker brings one event into the form in which we keep things, and keeps the
// first thing that is wrong with it. Money, identity, time and status refuse the
// event; whatever else cannot be read is left out with a note.
type checker struct {
	shop  Shop
	first *loyalty.Note
	now   loyalty.Instant
	notes []loyalty.Note
}

// leave notes a value that is left out, or taken in another way than it is written.
func (c *checker) leave(field, reason string, args ...any) {
	c.notes = append(c.notes, loyalty.Note{Field: field, Reason: fmt.Sprintf(reason, args...)})
}

func (c *checker) refuse(field, reason string, args ...any) {
	if c.first == nil {
		c.first = &loyalty.Note{Field: field, Reason: fmt.Sprintf(reason, args...)}
	}
}

// check brings e into the form in which we keep it: addresses, countries,
// languages and statuses as they are spelled properly. It returns what is wrong,
// nil if nothing is, and notes with e what is left out.
func (s Shop) check(e *Row) *loyalty.Note {
	c := &checker{shop: s, now: s.now}
	if phone := strings.TrimSpace(e.Member.Phone); isInExponents(phone) { // before it is read as a phone's digits
		c.leave("member.phone", dropped, phone)
		e.Member.Phone = ""
	}
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
	c.order(e, s.Currency)
	c.points(e)
	c.nobody(e)
	e.Notes = append(slices.Clip(e.Notes), c.notes...)
	return c.first
}

// Check is check for a row of a file, by which somebody must be found.
func (s Shop) Check(r *Row) *loyalty.Note {
	if wrong := s.check(r); wrong != nil {
		return wrong
	}
	if r.nameless() {
		return &loyalty.Note{Field: "member", Reason: "is empty: nobody can be found by this row"}
	}
	return nil
}

// nobody refuses an event of which the only thing that would say whose it is
// cannot be read. What tells more of an order finds its member by that.
func (c *checker) nobody(e *Row) {
	more := e.about() && e.Type != loyalty.OrderPlaced && e.Order.ID != ""
	if more || !e.nameless() {
		return
	}
	for _, n := range c.notes {
		if slices.Contains([]string{"member.email", "member.phone"}, n.Field) {
			c.refuse(n.Field, "%s", n.Reason)
			return
		}
	}
}

// key checks an id, by which something is told from all others.
func (c *checker) key(field, v string) {
	if isInExponents(v) {
		c.refuse(field, dropped, v)
	}
	c.id(field, v)
}

// NotAnID says why a text is nobody's id; "": it may be one.
func NotAnID(text string) string {
	if isInExponents(text) {
		return fmt.Sprintf(dropped, text)
	}
	return ""
}

// inExponents are long numbers as spreadsheets show and export them: 5.79E+15. R and
// its like write a small e, and up to 15 digits lose none by it: 4.0128e+10. 5E12
// may be an id.
var inExponents = regexp.MustCompile(`^[+-]?\d([.,]\d+E\+?\d{2,}|E\+\d{2,}|([.,]\d+)?e\+(1[5-9]|[2-9]\d|\d{3,}))$`)

// isInExponents asks the expression only of texts in which there may be one.
func isInExponents(text string) bool {
	return strings.ContainsAny(text, "eE") && inExponents.MatchString(text)
}

const dropped = "%q is a number whose last digits a spreadsheet has dropped: give the column the format of a text and export it anew"

// optional checks a text that the event can do without: it is emptied if it is
// none.
func (c *checker) optional(field string, v *string, most int) {
	if is := notText(*v, most); is != "" {
		c.leave(field, "%s", is)
		*v = ""
	}
}

// id checks a text that something is known by, a code or a tag.
func (c *checker) id(field, v string) { c.length(field, v, maxID) }

func (c *checker) length(field, v string, most int) {
	if is := notText(v, most); is != "" {
		c.refuse(field, "%s", is)
	}
}

// notText says what makes v no text of at most so many characters; "": it is one.
func notText(v string, most int) string {
	switch {
	case len(v) > most && utf8.RuneCountInString(v) > most:
		return fmt.Sprintf("is longer than %d characters", most)
	case !utf8.ValidString(v):
		return "is not UTF-8"
	case strings.ContainsFunc(v, control):
		return "has a control character"
	}
	return ""
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

func (c *checker) member(e *Row) {
	m := &e.Member
	c.identity(m)
	if m.Email != "" {
		clean, folded, err := address.Read(m.Email)
		if err != nil {
			c.leave("member.email", "%s is not an address: %v", loyalty.Quoted(m.Email), err)
		}
		m.Email, e.folded = clean, folded
	}
	for _, f := range []struct {
		field string
		v     *string
	}{
		{"member.first_name", &m.FirstName}, {"member.last_name", &m.LastName},
		{"member.consent_source", &m.ConsentSource}, {"member.consent_text", &m.ConsentText},
	} {
		c.optional(f.field, f.v, maxText)
	}
	c.place(m)
	if m.Birthday != "" {
		b, err := loyalty.ParseBirthday(m.Birthday)
		if err != nil || b.Year != 0 && b.Year < 1850 {
			c.leave("member.birthday", "%s is not a birthday like 1980-02-28 or --02-28", loyalty.Quoted(m.Birthday))
			m.Birthday, b = "", loyalty.Birthday{}
		}
		e.birthday = b
	}
	c.tags(m)
	c.past("member.joined_at", &m.JoinedAt)
	c.past("member.consent_at", &m.ConsentAt)
	c.moment("member.consent_at", loyalty.At(m.ConsentDay.UTC()))
	c.topics(m)
	c.attributes(m)
	c.properties(e)
}

// topics leaves out what nobody can agree to.
func (c *checker) topics(m *loyalty.Member) {
	for _, topic := range inOrder(m.Consent) {
		if !slices.Contains(consent.Topics(), topic) {
			c.leave("member.consent."+topic, "%v", consent.ErrTopic)
			m.Consent = maps.Clone(m.Consent) // the caller's stays as it is
			delete(m.Consent, topic)
		}
	}
}

// attributes brings the program's own into the form of their type. Others are kept
// as they are.
func (c *checker) attributes(m *loyalty.Member) {
	m.Attributes = maps.Clone(m.Attributes) // the caller's stays as it is
	for _, name := range inOrder(m.Attributes) {
		field, value := "member."+name, m.Attributes[name]
		is := notText(name, maxID)
		if is == "" && !whole(value) {
			is = "has a control character"
		}
		if typ := c.shop.Attributes[name]; is == "" && typ != 0 && value != nil {
			read, err := c.shop.readAttribute(value, typ)
			if m.Attributes[name] = read; err != nil {
				is = err.Error()
			}
		}
		if is != "" {
			c.leave(field, "%s", is)
			delete(m.Attributes, name)
		}
	}
}

// properties are the shop's own. Those of ours begin with _.
func (c *checker) properties(e *Row) {
	e.Properties = maps.Clone(e.Properties)
	for _, name := range inOrder(e.Properties) {
		is := notText(name, maxID)
		switch {
		case is != "":
		case strings.HasPrefix(name, "_"):
			is = "begins with _, which is kept for ourselves"
		case !whole(e.Properties[name]):
			is = "has a control character"
		default:
			continue
		}
		c.leave("properties."+name, "%s", is)
		delete(e.Properties, name)
	}
}

func (c *checker) identity(m *loyalty.Member) {
	for _, source := range inOrder(m.IDs) {
		c.id("member.ids."+source, source)
		c.key("member.ids."+source, m.IDs[source])
		if source == "" || m.IDs[source] == "" {
			c.refuse("member.ids."+source, "is empty")
		}
	}
	c.key("member.id", m.ID)
	c.key("member.card", m.Card)
	c.key("member.referred_by", m.ReferredBy)
	c.optional("member.phone", &m.Phone, maxID)
}

// place brings country, language and time zone into their standard spelling.
func (c *checker) place(m *loyalty.Member) {
	if m.Country == "" && m.Language == "" && m.TimeZone == "" {
		return
	}
	for _, f := range []struct {
		field string
		v     *string
		read  func(string) (string, error)
	}{
		{"member.country", &m.Country, c.shop.readCountry}, {"member.language", &m.Language, c.shop.readLanguage}, {"member.time_zone", &m.TimeZone, readZone},
	} {
		text := strings.TrimSpace(*f.v)
		if *f.v = text; text == "" {
			continue
		}
		var err error
		if *f.v, err = f.read(text); err != nil {
			c.leave(f.field, "%v", err)
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
		c.optional("member.tags", &tag, maxID)
		if tag != "" {
			tags = append(tags, tag)
		}
	}
	slices.Sort(tags)
	m.Tags = slices.Compact(tags)
}

// aboutOrders are the events that state something of an order, in the sequence
// in which an order goes through them: of two at one moment the later counts.
var aboutOrders = []string{
	loyalty.OrderPlaced, loyalty.OrderChanged, loyalty.OrderFulfilled, loyalty.OrderRefunded, loyalty.OrderCancelled,
}

func (c *checker) order(e *Row, currency string) {
	if e.Order == nil || e.Order.ID == "" {
		if slices.Contains(aboutOrders, e.Type) {
			c.refuse("order.id", "is missing")
		}
		return
	}
	own := *e.Order // the caller's stays as it is
	own.Lines, own.Coupons = slices.Clone(own.Lines), slices.Clone(own.Coupons)
	e.Order = &own
	o := e.Order
	c.key("order.id", o.ID)
	c.optional("order.shop", &o.Shop, maxID)
	c.past("order.at", &o.At)
	for _, n := range []struct {
		field string
		n     int64
	}{{"order.total", o.Total}, {"order.discount", o.Discount}, {"order.tax", o.Tax}, {"order.shipping", o.Shipping},
		{"order.refunded", o.Refunded}, {"order.quantity", o.Quantity}} {
		c.number(n.field, n.n)
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
	c.lines("order.", o.Lines)
	for i := range o.Coupons {
		used := &o.Coupons[i]
		c.optional(fmt.Sprintf("order.coupons[%d].code", i), &used.Code, maxID)
		c.number(fmt.Sprintf("order.coupons[%d].discount", i), used.Discount)
	}
	told := len(o.Coupons)
	if o.Coupons = slices.DeleteFunc(o.Coupons, func(used loyalty.UsedCoupon) bool { return used.Code == "" }); len(o.Coupons) < told && len(o.Coupons) == 0 {
		o.Coupons = nil // of codes that cannot be read nobody knows which they are
	}
	if e.Refund != nil {
		own := *e.Refund
		own.Lines = slices.Clone(own.Lines)
		e.Refund = &own
		c.lines("refund.", own.Lines)
	}
	if r := e.Refund; r != nil {
		c.key("refund.id", r.ID)
		c.number("refund.total", r.Total)
		if r.Total < 0 {
			c.refuse("refund.total", "is below 0: what was given back is written without a sign")
		}
	}
}

// lines checks those of an order or of a refund.
func (c *checker) lines(of string, lines []loyalty.Line) {
	var quantity, total int64
	for i := range lines {
		l := &lines[i]
		if !sound(l) {
			c.line(fmt.Sprintf("%slines[%d].", of, i), l)
		}
		if c.first == nil { // each is in bounds, so the sum of all cannot wrap
			quantity, total = quantity+l.Quantity, total+l.Total
		}
	}
	c.number(of+"lines", quantity)
	c.number(of+"lines", total)
}

// sound reports whether there is nothing to be said about a line: of nearly all lines their
// place need not be spelt.
func sound(l *loyalty.Line) bool {
	long := notText(l.Product, maxID) + notText(l.Name, maxText) + notText(l.Category, maxID) + notText(l.Brand, maxID)
	counted := func(n int64) bool { return n <= maxNumber && n >= -maxNumber }
	return long == "" && !isInExponents(l.Product) && l.Labels == nil && counted(l.Quantity) && counted(l.Total)
}

// line checks one.
func (c *checker) line(field string, l *loyalty.Line) {
	if isInExponents(l.Product) {
		c.leave(field+"product", dropped, l.Product)
		l.Product = ""
	}
	c.optional(field+"product", &l.Product, maxID)
	c.optional(field+"name", &l.Name, maxText)
	c.optional(field+"category", &l.Category, maxID)
	c.optional(field+"brand", &l.Brand, maxID)
	labels := slices.Clone(l.Labels)
	for n := range labels {
		c.optional(field+"labels", &labels[n], maxID)
	}
	l.Labels = loyalty.TidyLabels(labels)
	c.number(field+"quantity", l.Quantity)
	c.number(field+"total", l.Total)
}

func (c *checker) points(e *Row) {
	p := e.Points
	switch {
	case c.shop.keepsPoints && (p != nil || e.Type == loyalty.PointsChanged):
		c.refuse("points", "this program keeps the points itself; import them once with `regulars import points`")
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
