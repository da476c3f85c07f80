package webhook

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"regulars/internal/loyalty"
)

// Square signs the address that it posts to and the body, one after the other:
// x-square-hmacsha256-signature is the base64 of the HMAC with the subscription's
// signature key. The address is BASE_URL/hooks/square, to the letter. Nothing tells when
// it was signed.
//
//	topic                         what it means for us
//	payment.created               order.placed; of nobody, ignored until an update names the customer
//	payment.updated               order.changed, and what was given back of it in all as order.refunded
//	customer.created, updated     member.changed; email_unsubscribed is a no to newsletter and offers
//	order.*, refund.*, invoice.*,
//	  loyalty.*, …                ignored, see squareIgnored
//	anything else                 parked
//
// An order is known by the id of Square's order that the payment is for, else by the
// payment's: of an order that is paid in parts, the last part counts. COMPLETED is paid,
// CANCELED and FAILED are cancelled, others are pending. updated_at decides between
// bodies that overtake each other. Amounts are in minor units. Payments have no lines.
var square = Source{
	Name:    "square",
	Secret:  plainSecret,
	Headers: squareHeaders,
	Verify:  verifySquare,
	Decode:  decodeSquare,
	Names: func(d Delivery) (topic, id string) {
		if f, err := document(d.Body); err == nil {
			topic, id = f.optional().text("type"), f.optional().text("event_id")
		}
		if id == "" {
			id = hashID(string(d.Body))
		}
		return topic, id
	},
	Signing: "In Square's developer console: your application, Webhooks, Subscriptions, Add subscription, with just this address; the subscription's signature key is HOOK_SECRET_SQUARE. BASE_URL is signed, too: it must be what Square has.",
	Ticks: []Topic{
		{"payment.created", "an order is placed"}, {"payment.updated", "it is paid, cancelled, given back"},
		{"customer.created", "somebody is known"}, {"customer.updated", "name, address, phone, birthday; a no to all advertising"},
	},
	Sample: func(secret, address string, at time.Time) (http.Header, []byte) {
		body := []byte(`{"type": "webhooks.test_notification", "event_id": "regulars-test", "created_at": "` + at.UTC().Format(time.RFC3339) + `", "data": {"type": "webhooks", "id": "test"}}`)
		return http.Header{"Content-Type": {"application/json"}, "X-Square-Hmacsha256-Signature": {inBase64(sum(secret, []byte(address), body))}}, body
	},
}

var squareHeaders, verifySquare = signedInBase64("square-hmacsha256-signature", func(d Delivery) [][]byte { return [][]byte{[]byte(d.URL), d.Body} })

var squareIgnored = map[string]string{
	"webhooks.test_notification": "a test: it arrived, and is well signed",
	"order.*":                    "payments say what was paid, and for which order",
	"refund.*":                   "payment.updated says what was given back in all",
	"invoice.*":                  "payments say what was paid",
	"loyalty.*":                  "points of Square's own program are not ours",
	"customer.deleted":           "a deleted customer is no wish to be forgotten",
	"customer.custom_*":          "fields of Square's own are not ours",
	"catalog.*":                  "it is about goods, not about members",
	"inventory.*":                "stock is none of our business",
	"card.*":                     "cards are none of our business",
	"gift_card.*":                "gift cards are none of our business",
	"dispute.*":                  "a dispute is decided by people; what is given back comes with payment.updated",
	"payout.*":                   "it is about the shop's account",
	"team_member.*":              "it is about the shop's people",
	"labor.*":                    "it is about the shop's people",
	"location.*":                 "it is about the shop's settings",
	"device.*":                   "it is about the shop's devices",
	"terminal.*":                 "payments say what was paid",
	"oauth.*":                    "it is about the app, not about members",
	"subscription.*":             "payments say what was paid",
}

func decodeSquare(d Delivery, o Options) ([]loyalty.Event, []FieldError, error) {
	r, err := read("square", d, o)
	if err != nil {
		return nil, nil, err
	}
	topic := strings.ToLower(r.f.text("type"))
	object := r.f.object("data").object("object")
	switch topic {
	case "payment.created", "payment.updated":
		return squarePayment(r, topic, object.object("payment"))
	case "customer.created", "customer.updated":
		return squareCustomer(r, object.object("customer"))
	}
	if why, is := among(topic, squareIgnored); is {
		return nil, nil, Ignored{why}
	}
	return nil, nil, unknownTopic(topic)
}

var squareStatus = map[string]string{
	"APPROVED": loyalty.Pending, "PENDING": loyalty.Pending, "COMPLETED": loyalty.Paid, "CANCELED": loyalty.Cancelled, "FAILED": loyalty.Cancelled,
}

func squarePayment(r *reading, topic string, p *fields) ([]loyalty.Event, []FieldError, error) {
	if p == nil {
		r.f.wrong("data.object.payment", "is missing")
		return r.done()
	}
	payment, at := p.text("id"), p.instant("updated_at")
	if at.IsZero() {
		p.wrong("updated_at", "is missing")
	}
	o := &loyalty.Order{ID: p.text("order_id"), At: p.instant("created_at"), Shop: p.optional().text("location_id")}
	if o.ID == "" {
		o.ID = payment
	}
	total := p.object("total_money")
	if total == nil {
		total = p.object("amount_money")
	}
	o.Total, o.HasTotal = total.minor("amount", r.Currency, loyalty.CurrencyDigits(r.Currency))
	if !o.HasTotal {
		p.wrong("total_money", "is missing")
	}
	o.Currency = total.text("currency")
	status, known := p.text("status"), false
	if o.Status, known = squareStatus[status]; !known {
		p.wrong("status", "is %q, which this version does not know", status)
	}
	kind := loyalty.OrderChanged
	if topic == "payment.created" {
		kind = loyalty.OrderPlaced
	}
	e := r.event(kind, payment, at)
	e.Order = o
	r.customer(&e.Member, p.text("customer_id"))
	soft := p.optional()
	e.Member.Email = soft.text("buyer_email_address")
	address := soft.object("billing_address")
	e.Member.FirstName, e.Member.LastName, e.Member.Country = address.text("first_name"), address.text("last_name"), address.text("country")
	if kind == loyalty.OrderPlaced && nobody(e.Member) && r.f.said.first == nil {
		return nil, nil, unnamed
	}
	events := []loyalty.Event{e}
	if back, _ := p.object("refunded_money").minor("amount", r.Currency, loyalty.CurrencyDigits(r.Currency)); back > 0 {
		events = append(events, r.refund(o.ID, payment, strconv.FormatInt(back, 10), at, back, nil))
	}
	return r.done(events...)
}

func squareCustomer(r *reading, c *fields) ([]loyalty.Event, []FieldError, error) {
	if c == nil {
		r.f.wrong("data.object.customer", "is missing")
		return r.done()
	}
	number, at := c.text("id"), c.instant("updated_at")
	if at.IsZero() {
		at = loyalty.At(r.At)
	}
	e := r.event(loyalty.MemberChanged, number, at)
	r.customer(&e.Member, number)
	o := c.optional()
	e.Member.Email, e.Member.Phone, e.Member.FirstName, e.Member.LastName = o.text("email_address"), o.text("phone_number"), o.text("given_name"), o.text("family_name")
	e.Member.Country = o.object("address").text("country")
	e.Member.Birthday = strings.Replace(o.text("birthday"), "0000-", "--", 1)
	if no := o.object("preferences").flag("email_unsubscribed"); no != nil && *no {
		answers(&e.Member, false, loyalty.Instant{}, "square")
	}
	return r.done(e)
}

// minor returns an amount that is written in minor units of so many decimals.
func (f *fields) minor(name, currency string, decimals int) (int64, bool) {
	text, given := f.decimal(name)
	if !given {
		return 0, false
	}
	n, err := loyalty.ParseDecimal(text+"e-"+strconv.Itoa(decimals), loyalty.CurrencyDigits(currency))
	if err != nil {
		f.wrong(name, "%q is not an amount in minor units", text)
	}
	return n, true
}
