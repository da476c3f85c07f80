package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"regulars/internal/loyalty"
)

// Stripe signs the time, a point and the body: Stripe-Signature is t=SECONDS and one
// v1=HEX for each secret that is good; others, like v0, are left aside. What was
// signed more than five minutes from now is refused.
//
//	topic                               what it means for us
//	checkout.session.completed          order.placed; a subscription's brings who they are, its charges the orders
//	  …async_payment_succeeded, _failed order.changed
//	charge.succeeded, captured          order.changed
//	charge.failed, expired              ignored: nothing was paid
//	charge.refunded                     order.changed, and what was given back in all as order.refunded
//	customer.created, updated           member.changed
//	payment_intent.*, invoice.*,
//	  refund.*, customer.subscription.* …  ignored, see stripeIgnored
//	anything else                       parked
//
// An order is a payment, known by its payment_intent, which sessions, charges and what
// is given back name alike; without one by the charge, and a session that cost nothing
// by itself. created of the event decides between those that overtake each other.
// Amounts are in Stripe's minor units. What is not livemode is a test, and test
// customers are ignored. A session has no lines. consent.promotions is an answer about
// newsletter and offers.
var stripe = Source{
	Name: "stripe",
	Secret: func(secret string) error {
		if !strings.HasPrefix(secret, "whsec_") {
			return errors.New("does not begin with whsec_: it is the signing secret of the endpoint, not an API key")
		}
		return plainSecret(secret)
	},
	Headers: func(d Delivery) error { _, _, err := stripeSignatures(d); return err },
	Verify:  verifyStripe,
	Decode:  decodeStripe,
	Names: func(d Delivery) (topic, id string) {
		if f, err := document(d.Body); err == nil {
			topic, id = f.optional().text("type"), f.optional().text("id")
		}
		if id == "" {
			id = hashID(string(d.Body))
		}
		return topic, id
	},
	Signing: "In Stripe: Developers, Webhooks, Add endpoint; its signing secret (whsec_…) is HOOK_SECRET_STRIPE.",
	Ticks: []Topic{
		{"checkout.session.completed", "an order is placed"}, {"checkout.session.async_payment_succeeded", "it is paid later"}, {"checkout.session.async_payment_failed", "it earns nothing"},
		{"charge.succeeded", "it is paid; renewals of subscriptions, too"}, {"charge.captured", "it is paid after it was authorised"}, {"charge.refunded", "what was given back in all"},
		{"customer.created", "somebody is known"}, {"customer.updated", "name, address, phone, country"},
	},
	Sample: func(secret, _ string, at time.Time) (http.Header, []byte) {
		when := strconv.FormatInt(at.Unix(), 10)
		body := []byte(`{"id": "evt_regulars_test", "object": "event", "created": ` + when + `, "livemode": false, "type": "ping", "data": {"object": {}}}`)
		signature := hex.EncodeToString(sum(secret, []byte(when+"."), body))
		return http.Header{"Content-Type": {"application/json"}, "Stripe-Signature": {"t=" + when + ",v1=" + signature}}, body
	},
}

// stripeSignatures reads the time and the signatures of the scheme that we know.
func stripeSignatures(d Delivery) (at string, given [][]byte, err error) {
	for part := range strings.SplitSeq(strings.Join(d.Header.Values("Stripe-Signature"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			at = value
		case "v1":
			if sum, err := hex.DecodeString(value); err == nil && len(sum) == sha256.Size {
				given = append(given, sum)
			}
		}
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return "", nil, fmt.Errorf("%w: the Stripe-Signature header is missing or has no time", ErrUnsigned)
	}
	if away := d.At.Sub(time.Unix(seconds, 0)); away > tolerance || away < -tolerance {
		return "", nil, ErrStale
	}
	if given == nil {
		return "", nil, ErrForged
	}
	return at, given, nil
}

func verifyStripe(d Delivery, secrets []string) error {
	at, given, err := stripeSignatures(d)
	if err != nil {
		return err
	}
	err = ErrForged
	for _, secret := range secrets {
		ours := sum(secret, []byte(at+"."), d.Body)
		for _, theirs := range given {
			if hmac.Equal(ours, theirs) {
				err = nil
			}
		}
	}
	return err
}

var stripeIgnored = map[string]string{
	"payment_intent.*":            "its charge says what was paid",
	"payment_method.*":            "cards are none of our business",
	"payment_link.*":              "it is about the shop's pages",
	"setup_intent.*":              "cards are none of our business",
	"invoice.*":                   "its charge says what was paid",
	"invoiceitem.*":               "its charge says what was paid",
	"invoice_payment.*":           "its charge says what was paid",
	"refund.*":                    "charge.refunded says what was given back in all",
	"charge.refund.updated":       "charge.refunded says what was given back in all",
	"charge.updated":              "charge.succeeded, captured and refunded say what matters",
	"charge.pending":              "nothing was paid yet",
	"charge.failed":               "nothing was paid",
	"charge.expired":              "nothing was paid",
	"charge.dispute.*":            "a dispute is decided by people",
	"checkout.session.expired":    "nothing was bought",
	"customer.deleted":            "a deleted customer is no wish to be forgotten",
	"customer.subscription.*":     "charges say what was paid",
	"customer.source.*":           "cards are none of our business",
	"customer.discount.*":         "sessions say what was taken off",
	"customer.tax_id.*":           "taxes are none of our business",
	"customer.bank_account.*":     "accounts are none of our business",
	"customer.card.*":             "cards are none of our business",
	"customer_cash_balance_*":     "charges say what was paid",
	"plan.*":                      "it is about goods, not about members",
	"price.*":                     "it is about goods, not about members",
	"product.*":                   "it is about goods, not about members",
	"coupon.*":                    "codes are ours",
	"promotion_code.*":            "codes are ours",
	"payout.*":                    "it is about the shop's account",
	"balance.*":                   "it is about the shop's account",
	"account.*":                   "it is about the shop's account",
	"capability.*":                "it is about the shop's account",
	"person.*":                    "it is about the shop's people",
	"application_fee.*":           "it is about the shop's account",
	"transfer.*":                  "it is about the shop's account",
	"topup.*":                     "it is about the shop's account",
	"radar.*":                     "a warning is decided by people",
	"review.*":                    "a review is decided by people",
	"quote.*":                     "a quote is no order",
	"credit_note.*":               "charge.refunded says what was given back in all",
	"subscription_schedule.*":     "charges say what was paid",
	"tax_rate.*":                  "taxes are none of our business",
	"file.*":                      "files are none of our business",
	"test_helpers.test_clock.*":   "clocks of tests are none of our business",
	"billing.*":                   "charges say what was paid",
	"billing_portal.*":            "it is about the shop's pages",
	"terminal.*":                  "charges say what was paid",
	"source.*":                    "cards are none of our business",
	"mandate.*":                   "cards are none of our business",
	"ping":                        "it only asks whether we are there",
	"v2.core.event_destination.*": "it only asks whether we are there",
}

func decodeStripe(d Delivery, o Options) ([]loyalty.Event, []FieldError, error) {
	r, err := read("stripe", d, o)
	if err != nil {
		return nil, nil, err
	}
	live := r.f.flag("livemode")
	s := stripeReading{reading: r, at: r.f.unix("created"), live: live == nil || *live}
	topic := strings.ToLower(r.f.text("type"))
	s.o = r.f.object("data").object("object")
	switch topic {
	case "checkout.session.completed", "checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed",
		"charge.succeeded", "charge.captured", "charge.refunded", "customer.created", "customer.updated":
		if s.o == nil {
			r.f.wrong("data.object", "is missing")
			return r.done()
		}
		if s.at.IsZero() {
			r.f.wrong("created", "is missing")
		}
	}
	switch topic {
	case "checkout.session.completed", "checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed":
		return s.session(topic)
	case "charge.succeeded", "charge.captured", "charge.refunded":
		return s.charge()
	case "customer.created", "customer.updated":
		return s.person()
	}
	if why, is := among(topic, stripeIgnored); is {
		return nil, nil, Ignored{why}
	}
	return nil, nil, unknownTopic(topic)
}

type stripeReading struct {
	*reading
	o    *fields // the event's object
	at   loyalty.Instant
	live bool
}

// session reads a checkout that somebody went through.
func (s stripeReading) session(topic string) ([]loyalty.Event, []FieldError, error) {
	id, intent := s.o.text("id"), s.reference(s.o, "payment_intent")
	m := s.who(s.o.optional().object("customer_details"), s.reference(s.o, "customer"))
	if email := s.o.optional().text("customer_email"); m.Email == "" {
		m.Email = email
	}
	if m.Language = s.o.optional().text("locale"); m.Language == "auto" {
		m.Language = ""
	}
	switch s.o.object("consent").optional().text("promotions") {
	case "opt_in":
		answers(&m, true, s.at, "stripe checkout")
	case "opt_out":
		answers(&m, false, s.at, "stripe checkout")
	}
	if nobody(m) && s.f.said.first == nil {
		return nil, nil, unnamed
	}
	mode := s.o.text("mode")
	if mode == "subscription" || mode == "setup" { // its charges are the orders
		if !s.live {
			return nil, nil, Ignored{"it is not livemode, and a subscription's orders are its charges"}
		}
		e := s.event(loyalty.MemberChanged, id, s.at)
		e.Member = m
		return s.done(e)
	}
	o := &loyalty.Order{ID: intent, At: s.o.unix("created"), Currency: s.o.text("currency")}
	if o.ID == "" {
		o.ID = id
	}
	o.Total, o.HasTotal = s.minor(s.o, "amount_total")
	if !o.HasTotal {
		s.o.wrong("amount_total", "is missing")
	}
	details := s.o.object("total_details")
	o.Discount, o.HasDiscount = s.minor(details, "amount_discount")
	o.Tax, o.HasTax = s.minor(details, "amount_tax")
	o.Shipping, o.HasShipping = s.minor(details, "amount_shipping")
	kind := loyalty.OrderChanged
	if topic == "checkout.session.completed" {
		kind = loyalty.OrderPlaced
	}
	switch status := s.o.text("payment_status"); {
	case topic == "checkout.session.async_payment_failed":
		o.Status = loyalty.Cancelled
	case status == "paid" || status == "no_payment_required":
		o.Status = loyalty.Paid
	case status == "unpaid":
		o.Status = loyalty.Pending
	default:
		s.o.wrong("payment_status", "is %q, which this version does not know", status)
	}
	return s.done(s.told(kind, id, o, m))
}

// charge reads a payment, with what was given back of it in all.
func (s stripeReading) charge() ([]loyalty.Event, []FieldError, error) {
	id := s.o.text("id")
	o := &loyalty.Order{ID: s.reference(s.o, "payment_intent"), At: s.o.unix("created"), Currency: s.o.text("currency"), Status: loyalty.Paid}
	if o.ID == "" {
		o.ID = id
	}
	o.Total, o.HasTotal = s.minor(s.o, "amount")
	if !o.HasTotal {
		s.o.wrong("amount", "is missing")
	}
	captured := s.o.flag("captured")
	if got, some := s.minor(s.o, "amount_captured"); some && captured != nil && *captured {
		o.Total = got // authorised for more than was taken
	}
	back, _ := s.minor(s.o, "amount_refunded")
	if captured != nil && !*captured {
		o.Status = loyalty.Pending
	}
	m := s.who(s.o.optional().object("billing_details"), s.reference(s.o, "customer"))
	if email := s.o.optional().text("receipt_email"); m.Email == "" {
		m.Email = email
	}
	events := []loyalty.Event{s.told(loyalty.OrderChanged, id, o, m)}
	if back > 0 {
		events = append(events, s.refund(o.ID, id, strconv.FormatInt(back, 10), s.at, back, nil))
	}
	return s.done(events...)
}

// told is an event of an order; a test's counts nowhere.
func (s stripeReading) told(kind, subject string, o *loyalty.Order, m loyalty.Member) loyalty.Event {
	if !s.live {
		o.Status = loyalty.Test
	}
	e := s.event(kind, subject, s.at)
	e.Order, e.Member = o, m
	return e
}

func (s stripeReading) person() ([]loyalty.Event, []FieldError, error) {
	if !s.live {
		return nil, nil, Ignored{"a customer of test mode"}
	}
	number := s.o.text("id")
	e := s.event(loyalty.MemberChanged, number, s.at)
	e.Member = s.who(s.o, number)
	return s.done(e)
}

// who reads somebody: a customer, and what a session or a charge says of one.
func (s stripeReading) who(f *fields, number string) (m loyalty.Member) {
	s.customer(&m, number)
	o := f.optional()
	m.Email, m.Phone = o.text("email"), o.text("phone")
	m.FirstName = o.text("name")
	if at := strings.LastIndexByte(m.FirstName, ' '); at > 0 {
		m.FirstName, m.LastName = strings.TrimSpace(m.FirstName[:at]), m.FirstName[at+1:]
	}
	m.Country = o.object("address").text("country")
	return m
}

// reference is an id of another object, which may be there in whole.
func (s stripeReading) reference(f *fields, name string) string {
	if f.peek(name).kind == object {
		return f.object(name).text("id")
	}
	return f.text(name)
}

// minor reads an amount in Stripe's minor units, which are not those of ISO for some.
func (s stripeReading) minor(f *fields, name string) (int64, bool) {
	decimals := 2
	switch currency := strings.ToUpper(s.Currency); {
	case slices.Contains(stripeWhole, currency):
		decimals = 0
	case slices.Contains(stripeThousandths, currency):
		decimals = 3
	}
	return f.minor(name, s.Currency, decimals)
}

var (
	stripeWhole       = []string{"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
	stripeThousandths = []string{"BHD", "JOD", "KWD", "OMR", "TND"}
)
