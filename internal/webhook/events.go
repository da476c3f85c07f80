package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"regulars/internal/loyalty"
)

// What one body may hold.
const (
	MaxBody   = 8 << 20 // bytes
	MaxEvents = 1000

	maxLines      = 1000
	maxCoupons    = 50
	maxTags       = 100
	maxFields     = 100     // unknown fields of one object
	maxProperties = 1 << 16 // bytes of one object's unknown fields as JSON
	maxDepth      = 8       // of unknown fields
)

// Decode reads one event or an array of up to 1,000, as design section 9 has it.
// The events come in the body's order, without those that cannot be read. Fields
// of the member that it does not know become attributes, those of the event and
// the order properties. The error says that the body as a whole is not ours.
func Decode(body []byte, o Options) ([]loyalty.Event, []FieldError, error) {
	list, err := split(body)
	if err != nil {
		return nil, nil, err
	}
	events := make([]loyalty.Event, 0, len(list))
	var refused []FieldError
	var room []asked
	for i := range list {
		var e loyalty.Event
		var id string
		e, id, room, err = decodeEvent(list[i], room, o)
		var field *FieldError
		if errors.As(err, &field) {
			refused = append(refused, FieldError{i, id, field.Field, field.Reason})
			continue
		}
		events = append(events, e)
	}
	return events, refused, nil
}

// split returns the events of a body as JSON values.
func split(body []byte) ([]value, error) {
	if len(body) > MaxBody {
		return nil, fmt.Errorf("the body is larger than %d MB: send the events in several", MaxBody>>20)
	}
	v, ok := parse(body)
	switch {
	case !ok:
		return nil, notOneValue(body)
	case v.kind == object:
		return []value{v}, nil
	case v.kind != list:
		return nil, errors.New("the body is neither an event nor an array of events")
	case len(v.items) > MaxEvents:
		return nil, fmt.Errorf("the body has %d events: at most %d at once", len(v.items), MaxEvents)
	}
	return v.items, nil
}

// notOneValue says why a body is not one JSON value.
func notOneValue(body []byte) error {
	var whole json.RawMessage
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&whole); err != nil {
		return fmt.Errorf("the body is not JSON: %w", err)
	}
	return errors.New("the body goes on after the JSON value: send several events as an array")
}

// decodeEvent reads one event. The error is a *FieldError; the id is returned
// beside it as far as it could be read, and the room for the event after it.
func decodeEvent(v value, room []asked, o Options) (e loyalty.Event, id string, rest []asked, err error) {
	f, err := newFields(v, room)
	if err != nil {
		return e, "", room, err
	}
	e = loyalty.Event{Source: o.Source, Via: o.Via, ID: f.text("id"), Type: f.text("type"), At: f.instant("at")}
	e.Member = decodeMember(f.object("member"))
	order, refund, points := f.object("order"), f.object("refund"), f.object("points")
	e.Order = decodeOrder(order, o.Currency)
	e.Refund = decodeRefund(refund, e, o.Currency)
	e.Points = decodePoints(f, points, e.Type)
	if orderless(e) {
		f.note("type", "%q is none of ours: it is kept as an event of your own, and nothing comes of its order; orders come by %s", e.Type, strings.Join(orderTypes, ", "))
	}
	soft := f.optional()
	e.Properties = soft.object("properties").rest()
	f.say("kept as a property", true)
	order.say("kept as a property", false)
	refund.say("kept as a property", false)
	if points != nil {
		points.say("kept as a property", false)
	}
	for name, v := range soft.rest() {
		put(&e.Properties, name, v)
	}
	for name, part := range map[string]*fields{"order": order, "refund": refund, "points": points} {
		if extra := part.optional().rest(); len(extra) > 0 {
			put(&e.Properties, name, extra)
		}
	}
	e.Notes, e.Unknown = f.said.notes, f.said.unknown
	return e, e.ID, f.said.asked, f.err()
}

// orderTypes are the types of events that tell of an order.
var orderTypes = []string{loyalty.OrderPlaced, loyalty.OrderChanged, loyalty.OrderFulfilled, loyalty.OrderCancelled, loyalty.OrderRefunded}

// orderless reports whether an event tells of an order by a type that is none of ours, as
// order.updated is. An event of the sender's own may well name an order that it is about.
func orderless(e loyalty.Event) bool {
	if e.Type == "" || slices.Contains(loyalty.EventTypes, e.Type) {
		return false
	}
	o := e.Order
	return e.Refund != nil || o != nil && (strings.HasPrefix(e.Type, "order.") || o.HasTotal || o.Lines != nil || o.Status != "")
}

// put adds a property unless the sender named one so.
func put(m *map[string]any, name string, v any) {
	if *m == nil {
		*m = map[string]any{}
	}
	if _, named := (*m)[name]; !named {
		(*m)[name] = v
	}
}

func decodeMember(f *fields) loyalty.Member {
	o := f.optional()
	m := loyalty.Member{
		ID: f.text("id"), IDs: f.texts("ids"), Card: f.text("card"), Joined: f.flag("joined"), JoinedAt: f.instant("joined_at"),
		Email: o.text("email"), Phone: o.text("phone"),
		FirstName: o.text("first_name"), LastName: o.text("last_name"),
		Language: o.text("language"), Country: o.text("country"), TimeZone: o.text("time_zone"),
		Birthday: o.text("birthday"), Tags: o.tags("tags"), ReferredBy: f.text("referred_by"),
		Consent: o.flags("consent"), ConsentSource: o.text("consent_source"), ConsentText: o.text("consent_text"),
	}
	m.ConsentAt, m.ConsentDay = f.instantOrDay("consent_at")
	m.Attributes = o.object("attributes").rest()
	f.say("kept as an attribute", true)
	if rest := o.rest(); len(rest) > 0 {
		maps.Copy(rest, m.Attributes)
		m.Attributes = rest
	}
	return m
}

func decodeOrder(f *fields, currency string) *loyalty.Order {
	if f == nil {
		return nil
	}
	o := &loyalty.Order{
		ID: f.text("id"), Version: f.whole("version"), At: f.instant("at"), Status: f.text("status"),
		Currency: f.text("currency"), Shop: f.optional().text("shop"),
		Quantity: f.pieces("quantity"),
	}
	o.Total, o.HasTotal = f.money("total", currency)
	o.Discount, o.HasDiscount = f.money("discount", currency)
	o.Tax, o.HasTax = f.money("tax", currency)
	o.Shipping, o.HasShipping = f.money("shipping", currency)
	if f.has("coupons") {
		o.Coupons = []loyalty.UsedCoupon{}
	}
	for _, c := range f.objects("coupons", maxCoupons) {
		discount, _ := c.money("discount", currency)
		o.Coupons = append(o.Coupons, loyalty.UsedCoupon{Code: c.optional().text("code"), Discount: discount})
		c.say("left out", false)
	}
	o.Lines = decodeLines(f, currency)
	return o
}

// decodeLines returns nil when an order or a refund says nothing of its lines, and an empty
// list when it says that there are none.
func decodeLines(f *fields, currency string) []loyalty.Line {
	if f == nil || !f.has("lines") {
		return nil
	}
	lines := []loyalty.Line{}
	for _, l := range f.objects("lines", maxLines) {
		total, _ := l.money("total", currency)
		quantity := int64(1)
		if l.has("quantity") {
			quantity = l.pieces("quantity")
		}
		o := l.optional()
		lines = append(lines, loyalty.Line{
			Product: o.text("product"), Name: o.text("name"), Category: o.text("category"), Brand: o.text("brand"),
			Labels: loyalty.Labels(o.tags("labels")), Quantity: quantity, Total: total,
		})
		l.say("left out", false)
	}
	return lines
}

// decodeRefund returns what was given back. A refund without an id is known by
// its event's, one without a total is of the whole order.
func decodeRefund(f *fields, e loyalty.Event, currency string) *loyalty.Refund {
	if f == nil && e.Type != loyalty.OrderRefunded {
		return nil
	}
	r := &loyalty.Refund{ID: f.text("id")}
	total, given := f.money("total", currency)
	r.Total, r.All = total, !given
	r.Lines = decodeLines(f, currency)
	if r.ID == "" {
		r.ID = e.ID
	}
	return r
}

// decodePoints reads balance or delta, from points or from the event itself.
func decodePoints(event, p *fields, kind string) *loyalty.Points {
	if p == nil && kind == loyalty.PointsChanged {
		p = event
	}
	if p == nil {
		return nil
	}
	points := &loyalty.Points{}
	if p.has("balance") {
		n := p.whole("balance")
		points.Balance = &n
	}
	if p.has("delta") {
		n := p.whole("delta")
		points.Delta = &n
	}
	return points
}
