package webhook

import (
	"html"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"regulars/internal/loyalty"
)

// WooCommerce signs the body with the webhook's secret: X-WC-Webhook-Signature is the
// base64 of the HMAC. Nothing tells when it was signed, and the delivery id is that of
// a second: a delivery is known by its body. When a webhook is saved it sends a ping,
// unsigned and as a form, webhook_id=5: it is answered 200 and has no effect.
//
//	topic                       what it means for us
//	order.created               order.placed, with all of the order and its refunds
//	order.updated, restored     order.changed, the same; order.fulfilled when completed
//	order.deleted               order.changed to cancelled
//	customer.created, updated   member.changed: who has an account has joined
//	customer.deleted,
//	  product.*, coupon.*       ignored, see wooIgnored
//	anything else               parked, actions of plugins among them
//
// A body is the order as the REST interface shows it, whole. An order is known by its
// id. date_modified_gmt decides between bodies that overtake each other. Its total
// stays when something is given back, and refunds name their totals below zero. pending
// and on-hold are pending; cancelled, failed and trash earn nothing; drafts are ignored; of a
// plugin's status, an order is paid when it says since when. Payments in test mode of
// WooPayments are tests. It says nothing of consent.
var woocommerce = Source{
	Name:    "woocommerce",
	Secret:  plainSecret,
	Headers: wooHeaders,
	Verify:  verifyWoo,
	Decode:  decodeWoo,
	Names: func(d Delivery) (topic, id string) {
		topic = wooTopic(d)
		return topic, hashID(topic, string(d.Body))
	},
	Keeps:   []string{"X-WC-Webhook-Topic", "WC-Webhook-Topic", "X-WC-Webhook-ID", "X-WC-Webhook-Delivery-ID"},
	Ping:    func(d Delivery) bool { return wooPing.Match(d.Body) },
	Signing: "In WooCommerce: Settings, Advanced, Webhooks, Add webhook, one for each topic, API version WP REST API v3, all with the secret of HOOK_SECRET_WOOCOMMERCE.",
	Ticks: []Topic{
		{"Order created", "an order is placed"}, {"Order updated", "it is paid, completed, cancelled, refunded"}, {"Order deleted", "it earns nothing"},
		{"Customer created", "somebody has an account"}, {"Customer updated", "name, address, phone, country"},
	},
	Sample: func(secret, _ string, at time.Time) (http.Header, []byte) {
		body := []byte(`{"test": "of regulars hooks test, ` + at.UTC().Format(time.RFC3339) + `"}`)
		return http.Header{"Content-Type": {"application/json"}, "X-Wc-Webhook-Topic": {"coupon.updated"}, "X-Wc-Webhook-Signature": {inBase64(sum(secret, body))}}, body
	},
}

var (
	wooHeaders, verifyWoo = signedInBase64("WC-Webhook-Signature", bodyAlone)
	wooPing               = regexp.MustCompile(`^webhook_id=\d{1,20}$`)
)

func wooTopic(d Delivery) string { return strings.ToLower(header(d.Header, "WC-Webhook-Topic")) }

var wooIgnored = map[string]string{
	"customer.deleted": "a deleted account is no wish to be forgotten",
	"product.*":        "lines of orders say what was bought",
	"coupon.*":         "codes are ours, and orders say which were used",
}

func decodeWoo(d Delivery, o Options) ([]loyalty.Event, []FieldError, error) {
	r, err := read("woocommerce", d, o)
	if err != nil {
		return nil, nil, err
	}
	w := wooReading{r}
	switch topic := wooTopic(d); topic {
	case "order.created", "order.updated", "order.restored":
		return w.order(topic)
	case "order.deleted":
		number := r.f.text("id")
		e := r.event(loyalty.OrderChanged, number, loyalty.At(d.At))
		e.Order = &loyalty.Order{ID: number, Status: loyalty.Cancelled}
		return r.done(e)
	case "customer.created", "customer.updated":
		return w.person()
	default:
		if why, is := among(topic, wooIgnored); is {
			return nil, nil, Ignored{why}
		}
		return nil, nil, unknownTopic(topic)
	}
}

type wooReading struct{ *reading }

var wooStatus = map[string]string{
	"pending": loyalty.Pending, "on-hold": loyalty.Pending, "processing": loyalty.Paid, "completed": loyalty.Paid,
	"cancelled": loyalty.Cancelled, "failed": loyalty.Cancelled, "trash": loyalty.Cancelled, "refunded": loyalty.Refunded,
}

func (w wooReading) order(topic string) ([]loyalty.Event, []FieldError, error) {
	f := w.f
	status := f.text("status")
	if strings.HasSuffix(status, "draft") {
		return nil, nil, Ignored{"a draft is no order yet"}
	}
	number, changed := f.text("id"), w.moment("date_modified_gmt")
	if changed.IsZero() {
		f.wrong("date_modified_gmt", "is missing")
	}
	o := &loyalty.Order{ID: number, At: w.moment("date_created_gmt"), Currency: f.text("currency"), Coupons: []loyalty.UsedCoupon{}, Shop: f.optional().text("created_via")}
	o.Total, o.HasTotal = f.money("total", w.Currency)
	if !o.HasTotal {
		f.wrong("total", "is missing")
	}
	o.Discount, o.HasDiscount = f.money("discount_total", w.Currency)
	o.Tax, o.HasTax = f.money("total_tax", w.Currency)
	o.Shipping, o.HasShipping = f.money("shipping_total", w.Currency)
	for _, c := range f.objects("coupon_lines", maxCoupons) {
		amount, _ := c.money("discount", w.Currency)
		o.Coupons = append(o.Coupons, loyalty.UsedCoupon{Code: c.optional().text("code"), Discount: amount})
	}
	o.Lines = w.lines()
	o.Status = wooStatus[status]
	if paid := f.text("date_paid_gmt"); o.Status == "" {
		o.Status = loyalty.Pending
		if paid != "" {
			o.Status = loyalty.Paid
		}
		f.note("order.status", "%q is a plugin's status: it is taken as %s", status, o.Status)
	}
	for _, m := range f.objects("meta_data", maxLines) {
		if m.peek("value").text == "test" && m.text("key") == "_wcpay_mode" {
			o.Status = loyalty.Test
		}
	}
	kind := loyalty.OrderChanged
	switch {
	case topic == "order.created":
		kind = loyalty.OrderPlaced
	case status == "completed" && o.Status == loyalty.Paid:
		kind = loyalty.OrderFulfilled
	}
	e := w.event(kind, number, changed)
	e.Order = o
	w.customer(&e.Member, f.text("customer_id"))
	w.billing(&e.Member, f.optional().object("billing"))
	if kind == loyalty.OrderPlaced && nobody(e.Member) && f.said.first == nil {
		return nil, nil, unnamed
	}
	return w.done(append([]loyalty.Event{e}, w.refunds(number, changed)...)...)
}

// refunds are those that the order names.
func (w wooReading) refunds(order string, at loyalty.Instant) (events []loyalty.Event) {
	for _, r := range w.f.objects("refunds", maxLines) {
		id := r.text("id")
		total, _ := r.money("total", w.Currency)
		if total = max(total, -total); total == 0 {
			continue
		}
		events = append(events, w.refund(order, id, strconv.FormatInt(total, 10), at, total, nil))
	}
	return events
}

// lines are with their tax, as the order's total is.
func (w wooReading) lines() []loyalty.Line {
	if !w.f.has("line_items") {
		return nil
	}
	lines := []loyalty.Line{}
	for _, l := range w.f.objects("line_items", maxLines) {
		total, _ := l.money("total", w.Currency)
		tax, _ := l.money("total_tax", w.Currency)
		o := l.optional()
		line := loyalty.Line{Product: o.text("sku"), Name: html.UnescapeString(o.text("name")), Quantity: l.pieces("quantity"), Total: total + tax}
		if product := o.text("product_id"); line.Product == "" {
			line.Product = product
		}
		lines = append(lines, line)
	}
	return lines
}

// billing takes what the customer wrote at the till of the shop.
func (w wooReading) billing(m *loyalty.Member, b *fields) {
	for text, field := range map[*string]string{&m.Email: "email", &m.Phone: "phone", &m.FirstName: "first_name", &m.LastName: "last_name", &m.Country: "country"} {
		if v := b.text(field); *text == "" {
			*text = v
		}
	}
}

func (w wooReading) person() ([]loyalty.Event, []FieldError, error) {
	f, o := w.f, w.f.optional()
	number, at := f.text("id"), w.moment("date_modified_gmt")
	if at.IsZero() {
		at = loyalty.At(w.At)
	}
	e := w.event(loyalty.MemberChanged, number, at)
	w.customer(&e.Member, number)
	e.Member.Email, e.Member.FirstName, e.Member.LastName = o.text("email"), o.text("first_name"), o.text("last_name")
	w.billing(&e.Member, o.object("billing"))
	if nobody(e.Member) && f.said.first == nil {
		return nil, nil, unnamed
	}
	joins(&e.Member, w.moment("date_created_gmt"))
	return w.done(e)
}

// moment reads a time of Greenwich, which WordPress writes without saying so.
func (w wooReading) moment(name string) loyalty.Instant {
	text := w.f.text(name)
	if text == "" {
		return loyalty.Instant{}
	}
	t, err := time.Parse("2006-01-02T15:04:05", strings.TrimSuffix(text, "Z"))
	if err != nil {
		w.f.wrong(name, "%q is not a moment like 2026-11-22T10:00:00", text)
	}
	return loyalty.At(t)
}
