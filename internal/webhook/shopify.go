package webhook

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"regulars/internal/loyalty"
)

// Shopify signs the body with the app's secret, or for webhooks of the admin's
// settings with the one that stands below them: X-Shopify-Hmac-Sha256 is the base64 of
// the HMAC. Headers may come without X-. Nothing tells when it was signed.
//
//	topic                               what it means for us
//	orders/create                       order.placed, with all of the order and its refunds
//	orders/updated, paid, edited's twin,
//	  partially_fulfilled               order.changed, the same
//	orders/fulfilled, cancelled         order.fulfilled and order.cancelled, if the body says so, too
//	orders/delete                       order.changed to cancelled
//	refunds/create                      order.refunded with lines; without money it is ignored
//	customers/create, update,
//	  enable, disable                   member.changed; with an account of their own they have joined
//	customers_email_marketing_
//	  consent/update                    member.changed: subscribed is a yes to newsletter and offers if it
//	                                    says since when, and joins; unsubscribed a no to both;
//	                                    pending, not_subscribed and others say nothing: ignored
//	checkouts/create, update            checkout.started, once somebody can be told by it; ignored when completed
//	customers/redact                    the customer is erased
//	customers/data_request, shop/redact parked for a person
//	orders/edited, order_transactions/*,
//	  customers/delete, marketing by
//	  SMS, tags, segments, products …   ignored, see shopifyIgnored
//	anything else                       parked
//
// An order is known by its numeric id. What it costs is what it costs now, in the
// shop's currency (current_total_price), with what was given back added again, for
// refunds are booked by themselves: whatever comes first, total less refunds is what
// the shop has kept. updated_at decides between bodies that overtake each other. Tests,
// voided and cancelled orders earn nothing.
var shopify = Source{
	Name:    "shopify",
	Secret:  plainSecret,
	Headers: shopifyHeaders,
	Verify:  verifyShopify,
	Decode:  decodeShopify,
	Names: func(d Delivery) (topic, id string) {
		topic = shopifyTopic(d)
		return topic, hashID(topic, string(d.Body))
	},
	Keeps:   []string{"X-Shopify-Topic", "Shopify-Topic", "X-Shopify-Webhook-Id", "X-Shopify-Event-Id", "X-Shopify-Api-Version"},
	Signing: "In Shopify's admin: Settings, Notifications, Webhooks, format JSON; what stands there as the key that webhooks are signed with is HOOK_SECRET_SHOPIFY. Of an app it is the client secret.",
	Ticks: []Topic{
		{"orders/create", "an order is placed"}, {"orders/updated", "it is paid, edited, cancelled, refunded, fulfilled"},
		{"orders/fulfilled", "it was sent"}, {"orders/cancelled", "it earns nothing"}, {"refunds/create", "money was given back, and for which lines"},
		{"customers/create", "somebody is a customer; with an account of their own they have joined"}, {"customers/update", "name, address, phone, country"},
		{"customers_email_marketing_consent/update", "a yes, which joins, or a no to newsletter and offers"}, {"checkouts/create", "checkout.started"}, {"checkouts/update", "checkout.started, when the address comes later"},
		{"customers/data_request", "waits for a person"}, {"customers/redact", "somebody is erased"}, {"shop/redact", "waits for a person"},
	},
	Sample: func(secret, _ string, at time.Time) (http.Header, []byte) {
		body := []byte(`{"test": "of regulars hooks test, ` + at.UTC().Format(time.RFC3339) + `"}`)
		return http.Header{"Content-Type": {"application/json"}, "X-Shopify-Topic": {"shop/update"}, "X-Shopify-Hmac-Sha256": {inBase64(sum(secret, body))}}, body
	},
}

var shopifyHeaders, verifyShopify = signedInBase64("Shopify-Hmac-Sha256", bodyAlone)

func shopifyTopic(d Delivery) string { return strings.ToLower(header(d.Header, "Shopify-Topic")) }

// shopifyIgnored are the topics that are understood and of no matter, and why.
var shopifyIgnored = map[string]string{
	"orders/edited":                      "orders/updated brings the order as it is after the edit",
	"order_transactions/*":               "orders/paid and refunds/create say what was paid",
	"customers/delete":                   "a deleted account is no wish to be forgotten: that comes as customers/redact",
	"customers_marketing_consent/update": "it is about SMS, and we mail",
	"customers/merge":                    "the next order or change of the customer says who they are",
	"customer.tags_*":                    "tags come with an import of members",
	"customer.*_segment":                 "Shopify's segments are not ours",
	"customer.joined_segment":            "Shopify's segments are not ours",
	"customer.left_segment":              "Shopify's segments are not ours",
	"customer_groups/*":                  "Shopify's segments are not ours",
	"customer_payment_methods/*":         "cards are none of our business",
	"app/*":                              "it is about the app, not about members",
	"app_subscriptions/*":                "it is about the app, not about members",
	"shop/update":                        "it is about the shop's settings",
	"carts/*":                            "nobody is told by a cart; checkouts/create says who",
	"checkouts/delete":                   "a checkout that is gone is no order",
	"discounts/*":                        "codes are ours, and orders say which were used",
	"products/*":                         "lines of orders say what was bought",
	"collections/*":                      "lines of orders say what was bought",
	"inventory_*":                        "stock is none of our business",
	"variants/*":                         "lines of orders say what was bought",
	"fulfillments/*":                     "orders/fulfilled says it",
	"fulfillment_*":                      "orders/fulfilled says it",
	"draft_orders/*":                     "a draft is no order; when it becomes one, orders/create says so",
	"returns/*":                          "refunds/create says what was given back",
	"refunds/update":                     "orders/updated says what was given back",
	"disputes/*":                         "a dispute is decided by people; what is given back comes as a refund",
	"themes/*":                           "it is about the shop's pages",
	"locations/*":                        "it is about the shop's settings",
}

func decodeShopify(d Delivery, o Options) ([]loyalty.Event, []FieldError, error) {
	r, err := read("shopify", d, o)
	if err != nil {
		return nil, nil, err
	}
	s := shopifyReading{r}
	switch topic := shopifyTopic(d); topic {
	case "orders/create", "orders/updated", "orders/paid", "orders/fulfilled", "orders/partially_fulfilled", "orders/cancelled":
		return s.order(topic)
	case "orders/delete":
		number := r.f.text("id")
		e := r.event(loyalty.OrderChanged, number, loyalty.At(d.At))
		e.Order = &loyalty.Order{ID: number, Status: loyalty.Cancelled}
		return r.done(e)
	case "refunds/create":
		return s.refundAlone()
	case "customers/create", "customers/update", "customers/enable", "customers/disable":
		return s.person()
	case "customers_email_marketing_consent/update":
		return s.consent()
	case "checkouts/create", "checkouts/update":
		return s.checkout()
	case "customers/data_request":
		return nil, nil, Parked{"Shopify hands on that a customer asks what we know of them: regulars member export, and send it to the shop's owner"}
	case "customers/redact":
		c := r.f.object("customer")
		who := Forget{ID: c.text("id"), Email: c.optional().text("email")}
		if err := r.f.err(); err != nil || who == (Forget{}) {
			return nil, nil, Parked{"erasure asked for by Shopify, of a customer whom the body does not name: regulars member erase"}
		}
		return nil, nil, who
	case "shop/redact":
		return nil, nil, Parked{"erasure of the whole shop asked for by Shopify, 48 hours after its app was taken out"}
	default:
		if why, is := among(topic, shopifyIgnored); is {
			return nil, nil, Ignored{why}
		}
		return nil, nil, unknownTopic(topic)
	}
}

// shopifyReading reads one of Shopify's bodies.
type shopifyReading struct{ *reading }

// statuses of payment, and what they mean.
var shopifyStatus = map[string]string{
	"": loyalty.Pending, "pending": loyalty.Pending, "authorized": loyalty.Pending, "partially_paid": loyalty.Pending,
	"paid": loyalty.Paid, "partially_refunded": loyalty.Paid, "refunded": loyalty.Refunded, "voided": loyalty.Cancelled, "expired": loyalty.Cancelled,
}

// order reads an order with its refunds: the same body under any of its topics.
func (s shopifyReading) order(topic string) ([]loyalty.Event, []FieldError, error) {
	f := s.f
	number, changed, created := f.text("id"), f.instant("updated_at"), f.instant("created_at")
	if changed.IsZero() {
		f.wrong("updated_at", "is missing")
	}
	o := &loyalty.Order{ID: number, At: f.instant("processed_at"), Currency: f.text("currency"), Shop: f.optional().text("source_name")}
	if place := f.optional().text("location_id"); place != "" {
		o.Shop = place
	}
	if o.At.IsZero() {
		o.At = created
	}
	refunds, given, back := s.refunds(number)
	o.Total, o.HasTotal = f.money("current_total_price", s.Currency)
	if !o.HasTotal {
		o.Total, o.HasTotal = f.money("total_price", s.Currency)
	} else {
		o.Total += given
	}
	if !o.HasTotal {
		f.wrong("total_price", "is missing")
	}
	o.Discount, o.HasDiscount = f.money("total_discounts", s.Currency)
	o.Tax, o.HasTax = f.money("total_tax", s.Currency)
	o.Shipping, o.HasShipping = f.object("total_shipping_price_set").object("shop_money").money("amount", s.Currency)
	o.Coupons = []loyalty.UsedCoupon{}
	for _, c := range f.objects("discount_codes", maxCoupons) {
		amount, _ := c.optional().money("amount", s.Currency)
		o.Coupons = append(o.Coupons, loyalty.UsedCoupon{Code: c.optional().text("code"), Discount: amount})
	}
	o.Lines = s.lines(back)

	status := f.text("financial_status")
	known := false
	if o.Status, known = shopifyStatus[status]; !known {
		f.wrong("financial_status", "is %q, which this version does not know", status)
	}
	cancelled, test := f.text("cancelled_at") != "", f.flag("test")
	kind := loyalty.OrderChanged
	switch {
	case topic == "orders/create":
		kind = loyalty.OrderPlaced
	case cancelled && topic == "orders/cancelled":
		kind = loyalty.OrderCancelled
	case topic == "orders/fulfilled" && f.text("fulfillment_status") == "fulfilled":
		kind = loyalty.OrderFulfilled
	}
	if cancelled {
		o.Status = loyalty.Cancelled
	}
	if test != nil && *test {
		o.Status = loyalty.Test
	}
	e := s.event(kind, number, changed)
	e.Order, e.Member = o, s.buyer()
	if yes := f.optional().flag("buyer_accepts_marketing"); yes != nil && *yes && topic == "orders/create" && len(e.Member.Consent) == 0 {
		answers(&e.Member, true, created, "shopify checkout")
	}
	if kind == loyalty.OrderPlaced && nobody(e.Member) && f.said.first == nil {
		return nil, nil, unnamed
	}
	return s.done(append([]loyalty.Event{e}, refunds...)...)
}

// buyer is who placed an order or began a checkout.
func (s shopifyReading) buyer() loyalty.Member {
	f := s.f
	c := f.object("customer")
	m := s.member(c)
	o := f.optional()
	for _, email := range []string{o.text("email"), o.text("contact_email")} {
		if m.Email == "" {
			m.Email = email
		}
	}
	if phone := o.text("phone"); m.Phone == "" {
		m.Phone = phone
	}
	for _, name := range []string{"billing_address", "shipping_address"} {
		a := o.object(name)
		for text, field := range map[*string]string{&m.FirstName: "first_name", &m.LastName: "last_name", &m.Country: "country_code"} {
			if v := a.text(field); *text == "" {
				*text = v
			}
		}
	}
	m.Language = o.text("customer_locale")
	return m
}

// member reads a customer.
func (s shopifyReading) member(c *fields) (m loyalty.Member) {
	if c == nil {
		return m
	}
	o := c.optional()
	s.customer(&m, c.text("id"))
	m.Email, m.Phone, m.FirstName, m.LastName = o.text("email"), o.text("phone"), o.text("first_name"), o.text("last_name")
	m.Country = o.object("default_address").text("country_code")
	if tags := o.peek("tags"); tags.kind == text {
		m.Tags = []string{}
		for tag := range strings.SplitSeq(tags.text, ",") {
			if tag = strings.TrimSpace(tag); tag != "" && len(m.Tags) < maxTags {
				m.Tags = append(m.Tags, tag)
			}
		}
	}
	s.said(&m, o.object("email_marketing_consent"))
	if o.text("state") == "enabled" { // they have an account; who bought as a guest has none
		joins(&m, c.instant("created_at"))
	}
	return m
}

// said reads an answer about mails, and reports whether it says anything.
func (s shopifyReading) said(m *loyalty.Member, c *fields) bool {
	if c == nil {
		return false
	}
	at := c.instant("consent_updated_at")
	switch c.text("state") {
	case "subscribed":
		if at.IsZero() {
			c.note("consent_updated_at", "is missing: a yes of nobody knows when is not taken")
			return false
		}
		answers(m, true, at, "shopify")
		joins(m, at)
		return true
	case "unsubscribed":
		answers(m, false, at, "shopify")
		return true
	}
	return false
}

// lines are what was bought: what is left of each line, and what came back of it with
// money, for that is booked by itself.
func (s shopifyReading) lines(back map[string]int64) []loyalty.Line {
	if !s.f.has("line_items") {
		return nil
	}
	lines := []loyalty.Line{}
	for _, l := range s.f.objects("line_items", maxLines) {
		quantity := l.pieces("quantity")
		kept := quantity
		if l.has("current_quantity") {
			kept = min(quantity, l.pieces("current_quantity")+back[l.text("id")])
		}
		line := s.line(l, quantity)
		if kept <= 0 && quantity > 0 {
			continue
		}
		if kept != quantity {
			line.Quantity, line.Total = kept, line.Total*kept/quantity
		}
		lines = append(lines, line)
	}
	return lines
}

// line reads a line of so many pieces: its price times these less what was taken off.
func (s shopifyReading) line(l *fields, quantity int64) loyalty.Line {
	o := l.optional()
	line := loyalty.Line{Product: o.text("sku"), Name: o.text("title"), Brand: o.text("vendor"), Category: o.text("product_type"), Quantity: quantity}
	if product := o.text("product_id"); line.Product == "" {
		line.Product = product
	}
	if price, given := l.decimal("price"); given {
		total, err := loyalty.Times(price, strconv.FormatInt(quantity, 10), loyalty.CurrencyDigits(s.Currency))
		if err != nil {
			l.wrong("price", "%v", err)
		}
		line.Total = total
	}
	for _, d := range l.objects("discount_allocations", maxLines) {
		amount, _ := d.money("amount", s.Currency)
		line.Total -= amount
	}
	line.Total = max(line.Total, 0)
	return line
}

// refunds are those that an order names, what they give back together, and how many
// pieces of each line.
func (s shopifyReading) refunds(order string) (events []loyalty.Event, given int64, back map[string]int64) {
	back = map[string]int64{}
	for _, f := range s.f.objects("refunds", maxLines) {
		e, pieces := s.refundOf(f, order)
		if e == nil {
			continue
		}
		events, given = append(events, *e), given+e.Refund.Total
		for id, n := range pieces {
			back[id] += n
		}
	}
	return events, given, back
}

func (s shopifyReading) refundAlone() ([]loyalty.Event, []FieldError, error) {
	order := s.f.text("order_id")
	e, _ := s.refundOf(s.f, order)
	if e == nil && s.f.said.first == nil {
		return nil, nil, Ignored{"no money was given back; orders/updated says what the order is now"}
	}
	if e == nil {
		return s.done()
	}
	return s.done(*e)
}

// refundOf reads a refund; nil when no money was given back.
func (s shopifyReading) refundOf(f *fields, order string) (*loyalty.Event, map[string]int64) {
	id, at := f.text("id"), f.instant("processed_at")
	if created := f.instant("created_at"); at.IsZero() {
		at = created
	}
	if id == "" || order == "" {
		f.wrong("id", "is missing, or order_id")
	}
	var lines []loyalty.Line
	var worth int64
	pieces := map[string]int64{}
	for _, l := range f.objects("refund_line_items", maxLines) {
		n := l.pieces("quantity")
		total, tax := l.object("subtotal_set").object("shop_money"), l.object("total_tax_set").object("shop_money")
		amount, given := total.money("amount", s.Currency)
		if !given {
			amount, _ = l.money("subtotal", s.Currency)
		}
		taxed, _ := tax.money("amount", s.Currency)
		worth += amount + taxed
		pieces[l.text("line_item_id")] += n
		item := l.object("line_item").optional()
		line := loyalty.Line{Product: item.text("sku"), Name: item.text("title"), Brand: item.text("vendor"), Quantity: n, Total: amount}
		if product := item.text("product_id"); line.Product == "" {
			line.Product = product
		}
		lines = append(lines, line)
	}
	for _, a := range f.objects("order_adjustments", maxLines) { // shipping that is given back is below zero there
		amount, _ := a.object("amount_set").object("shop_money").money("amount", s.Currency)
		tax, _ := a.object("tax_amount_set").object("shop_money").money("amount", s.Currency)
		worth -= amount + tax
	}
	paid, foreign, some := int64(0), false, false
	for _, t := range f.objects("transactions", maxLines) {
		if t.text("kind") != "refund" || t.text("status") != "success" {
			continue
		}
		some = true
		currency := t.text("currency")
		foreign = foreign || currency != "" && !strings.EqualFold(currency, s.Currency)
		if amount, _ := t.decimal("amount"); !foreign {
			n, _, err := loyalty.ParseExact(amount, loyalty.CurrencyDigits(s.Currency))
			if err != nil {
				t.wrong("amount", "%v", err)
			}
			paid += n
		}
	}
	if foreign { // what was paid is in the buyer's currency: the lines have it in the shop's
		paid = worth
	}
	if !some || paid <= 0 {
		return nil, nil
	}
	e := s.refund(order, id, strconv.FormatInt(paid, 10), at, paid, lines)
	return &e, pieces
}

// person reads a customer that was made or changed.
func (s shopifyReading) person() ([]loyalty.Event, []FieldError, error) {
	at := s.f.instant("updated_at")
	m := s.member(s.f)
	if nobody(m) && s.f.said.first == nil {
		return nil, nil, unnamed
	}
	e := s.event(loyalty.MemberChanged, m.IDs[s.system], at)
	e.Member = m
	if e.At.IsZero() {
		e.At = loyalty.At(s.Delivery.At)
	}
	return s.done(e)
}

// consent reads a change of a customer's answer about mails.
func (s shopifyReading) consent() ([]loyalty.Event, []FieldError, error) {
	var m loyalty.Member
	number := s.f.text("customer_id")
	s.customer(&m, number)
	m.Email = s.f.optional().text("email_address")
	c := s.f.object("email_marketing_consent")
	state := c.peek("state").text
	if !s.said(&m, c) && s.f.said.first == nil {
		return nil, nil, Ignored{"the state " + strconv.Quote(state) + " is neither a yes with its time nor a no"}
	}
	at := m.ConsentAt
	if at.IsZero() {
		at = loyalty.At(s.Delivery.At)
	}
	e := s.event(loyalty.MemberChanged, number, at)
	e.Member = m
	return s.done(e)
}

// checkout reads a checkout that somebody began. It is one event, however often the
// checkout changes.
func (s shopifyReading) checkout() ([]loyalty.Event, []FieldError, error) {
	if s.f.text("completed_at") != "" {
		return nil, nil, Ignored{"the checkout is completed: the order says what was bought"}
	}
	token, at := s.f.text("token"), s.f.instant("updated_at")
	if token == "" {
		s.f.wrong("token", "is missing")
	}
	total, said := s.f.decimal("total_price")
	m := s.buyer()
	m.Consent = nil // what is ticked before an order is placed is no answer yet
	if nobody(m) && s.f.said.first == nil {
		return nil, nil, Ignored{"nobody is told by the checkout yet"}
	}
	e := s.event(loyalty.CheckoutStarted, "", at)
	e.ID = "shopify:" + loyalty.CheckoutStarted + ":" + token
	e.Member, e.Properties = m, map[string]any{"checkout": token}
	if said {
		e.Properties["total"] = total
	}
	if link := s.f.optional().text("abandoned_checkout_url"); link != "" {
		e.Properties["url"] = link
	}
	return s.done(e)
}
