package intake

import (
	"math"
	"slices"

	"regulars/internal/loyalty"
)

// order is an order as the table has it, with what is to be written.
type order struct {
	ID          int64
	Source      string
	ExternalID  string
	MemberID    int64
	Husk        bool // its member was erased
	At          loyalty.Instant
	Day         loyalty.Day
	Status      string
	Total       int64
	Refunded    int64
	Discount    int64
	Tax         int64
	Shipping    int64
	Quantity    int64
	Shop        string
	Version     int64
	ChangedAt   loyalty.Instant
	Fingerprint []byte

	owner    int64          // whose it is by the table
	was      string         // its status by the table
	doubles  []*order       // rows of the same order, from when each door had keys of its own
	lines    []loyalty.Line // to be written, when relined
	relined  bool
	touched  bool              // the row is to be written
	refunds  map[string]refund // nil: not read
	unstated bool              // just made: everything is still to be said
	made     bool              // … and in the table by this batch
	adds     bool              // … and is yet to be added to facts
	placed   *loyalty.Order    // … as it was written, until it is booked
}

// refund is a row of refunds.
type refund struct {
	OrderID    int64
	ExternalID string
	At         loyalty.Instant
	Total      int64
	lines      []loyalty.Line // nil: it names none, or they are not read
}

// What an event can say about an order. Each is settled by the newest event that
// says it, whatever sequence they come in.
const (
	saysStatus   = "status"
	saysAt       = "at"
	saysTotal    = "total"
	saysDiscount = "discount"
	saysTax      = "tax"
	saysShipping = "shipping"
	saysQuantity = "quantity"
	saysShop     = "shop"
	saysLines    = "lines"
	saysMember   = "member"
	saysCoupons  = "coupons"
)

// clock puts events of one order in their true sequence: by the sender's version
// where both have one, else by when they happened. Those of one moment are in the
// sequence in which an order goes through them, and else in that of their arrival.
type clock struct {
	Version int64
	At      loyalty.Instant
	Kind    int   // index in aboutOrders
	Arrival int64 // events.id
}

// latest is the arrival of what comes in now.
const latest = math.MaxInt64

func (c clock) before(d clock) bool {
	switch {
	case c.Version > 0 && d.Version > 0 && c.Version != d.Version:
		return c.Version < d.Version
	case !c.At.Equal(d.At.Time):
		return c.At.Before(d.At.Time)
	case c.Kind != d.Kind:
		return c.Kind < d.Kind
	}
	return c.Arrival < d.Arrival
}

// claim is what one event said of its order, as its row in events remembers it.
type claim struct {
	clock
	Says   []string
	Status string
}

func (c claim) says(what string) bool { return slices.Contains(c.Says, what) }

// statement is an event of an order.
type statement struct {
	claim
	order  loyalty.Order
	placed loyalty.Instant // when the order was placed, if it says so, else when the event happened
	member int64
}

// stated returns what an event says about its order. A refund of a part, and a
// mere fulfilment, say nothing of it.
func stated(e *loyalty.Event, member int64) *statement {
	o := *e.Order
	s := &statement{order: o, member: member, placed: e.At}
	s.clock = clock{Version: o.Version, At: e.At, Kind: slices.Index(aboutOrders, e.Type), Arrival: latest}
	s.Status = o.Status
	switch {
	case e.Type == loyalty.OrderCancelled:
		s.Status = loyalty.Cancelled
	case e.Type == loyalty.OrderRefunded && (e.Refund == nil || e.Refund.All):
		s.Status = loyalty.Refunded
	case e.Type == loyalty.OrderPlaced && s.Status == "":
		s.Status = loyalty.Paid
	}
	s.addUp()
	if !o.At.IsZero() {
		s.placed = o.At
	}
	said := func(what string, is bool) {
		if is {
			s.Says = append(s.Says, what)
		}
	}
	s.Says = make([]string, 0, 6) // in the sequence of the alphabet
	said(saysAt, !o.At.IsZero() || e.Type == loyalty.OrderPlaced)
	said(saysCoupons, o.Coupons != nil)
	said(saysDiscount, o.HasDiscount || o.Discount != 0)
	said(saysLines, o.Lines != nil)
	rest := len(s.Says)
	said(saysQuantity, s.order.Quantity != 0 || o.Lines != nil)
	said(saysShipping, o.HasShipping)
	said(saysShop, o.Shop != "")
	said(saysStatus, s.Status != "")
	said(saysTax, o.HasTax)
	said(saysTotal, s.order.HasTotal)
	if len(s.Says) > 0 && (e.Type == loyalty.OrderPlaced || e.Type == loyalty.OrderChanged) {
		s.Says = slices.Insert(s.Says, rest, saysMember)
	}
	return s
}

// addUp takes from the lines what the order itself does not say.
func (s *statement) addUp() {
	var quantity, total int64
	for _, l := range s.order.Lines {
		quantity += l.Quantity
		total += l.Total
	}
	if s.order.Quantity == 0 {
		s.order.Quantity = quantity
	}
	if !s.order.HasTotal && total != 0 {
		s.order.Total, s.order.HasTotal = total, true
	}
}

// newOrder is an order of which nothing is known but its names.
func newOrder(source, id string) *order {
	return &order{Source: source, ExternalID: id, Status: loyalty.Pending, unstated: true}
}

// hollow reports whether nobody has said yet what was bought: all that is known is
// that something was given back, cancelled or fulfilled.
func (o *order) hollow() bool {
	return o.unstated || o.Fingerprint == nil && o.Total == 0 && o.Quantity == 0 && o.Status != loyalty.Paid && o.Status != loyalty.Test
}

// simple reports whether s can be applied without asking what was said before:
// it is newer than all of that, and leaves no doubt about the status. A pending
// order may be one of which nobody has said so, a refunded one may be paid and
// given back in parts.
func (o *order) simple(s *statement) bool {
	if o.unstated {
		return true
	}
	newer := s.At.After(o.ChangedAt.Time) && (s.Version == 0 || s.Version >= o.Version)
	sure := s.Status != "" || o.Status != loyalty.Pending && o.Status != loyalty.Refunded
	return sure && !s.placed.Before(o.At.Time) && (newer || len(s.Says) == 0)
}

// apply makes the order what it is after s, where before are the claims of all
// events of the order taken in until now; they are not needed for a simple s.
func (o *order) apply(s *statement, before []claim) {
	base := o.base(s, before)
	says := func(what string) bool { return s.says(what) && newest(s.claim, what, before) }
	if says(saysTotal) {
		o.Total = s.order.Total
	}
	if says(saysDiscount) {
		o.Discount = s.order.Discount
	}
	if says(saysTax) {
		o.Tax = s.order.Tax
	}
	if says(saysShipping) {
		o.Shipping = s.order.Shipping
	}
	if says(saysQuantity) {
		o.Quantity = s.order.Quantity
	}
	if says(saysShop) {
		o.Shop = s.order.Shop
	}
	if says(saysLines) {
		o.lines, o.relined = s.order.Lines, true
	}
	if (says(saysMember) || o.MemberID == 0) && !o.Husk { // what an erased person bought is nobody's now
		o.MemberID = s.member
	}
	o.place(s, says(saysAt), before)
	if len(s.Says) > 0 {
		o.Version = max(o.Version, s.Version)
		o.ChangedAt = later(o.ChangedAt, s.At)
	} else if o.ChangedAt.IsZero() {
		o.ChangedAt = s.At
	}
	o.Status = o.settled(base)
	o.touched, o.unstated = true, false
}

// place sets when the order was placed: as the newest event that knows it says,
// until then the earliest time at which anything happened to it.
func (o *order) place(s *statement, says bool, before []claim) {
	known := slices.ContainsFunc(before, func(w claim) bool { return w.says(saysAt) })
	guessed := !s.says(saysAt) && !known && o.Fingerprint == nil && s.At.Before(o.At.Time)
	if says || guessed || o.At.IsZero() {
		o.At = s.placed
	}
}

// newest reports whether nobody said something about what after w.
func newest(w claim, what string, before []claim) bool {
	return !slices.ContainsFunc(before, func(b claim) bool { return b.says(what) && w.before(b.clock) })
}

// base is the status that was stated last, refunds of parts aside. Where nobody
// ever stated one, an order is paid once somebody said what it cost.
func (o *order) base(s *statement, before []claim) string {
	said := append(slices.Clone(before), s.claim)
	said = slices.DeleteFunc(said, func(w claim) bool { return w.Status == "" })
	switch {
	case len(said) > 0 && (len(before) > 0 || s.Status != ""):
		return slices.MaxFunc(said, func(a, b claim) int {
			if a.before(b.clock) {
				return -1
			}
			return 1
		}).Status
	case o.Status == loyalty.Refunded && o.givenBack():
		return loyalty.Paid
	case s.says(saysTotal) && (o.unstated || o.Fingerprint == nil && o.Status == loyalty.Pending):
		return loyalty.Paid
	}
	return o.Status
}

// settled is a status after refunds: a paid order that was given back in full,
// in however many parts, is refunded, and one below zero is a return.
func (o *order) settled(base string) string {
	if base == loyalty.Returned {
		base = loyalty.Paid
	}
	if base == loyalty.Paid && o.below() {
		return loyalty.Returned
	}
	if base == loyalty.Paid && o.givenBack() {
		return loyalty.Refunded
	}
	return base
}

func (o *order) givenBack() bool { return o.Total > 0 && o.Refunded >= o.Total }

// inAFile is the refund of what a file says was given back in all, beyond what was
// told one by one.
const inAFile = "in a file"

// refundedInAll takes what a file of now says was given back of the order in all.
func (o *order) refundedInAll(total int64, now loyalty.Instant) {
	rest := total
	for id, r := range o.refunds {
		if id != inAFile {
			rest -= r.Total
		}
	}
	if rest = max(rest, 0); rest != o.refunds[inAFile].Total {
		o.refund(refund{ExternalID: inAFile, At: now, Total: rest})
	}
}

// refund adds what was given back. The same refund told again counts once, as it
// was told last. One from before a file that said it in all is part of that.
func (o *order) refund(r refund) {
	old, known := o.refunds[r.ExternalID]
	if known && r.At.Before(old.At.Time) {
		return
	}
	if o.refunds == nil {
		o.refunds = map[string]refund{}
	}
	if all, there := o.refunds[inAFile]; there && !known && !r.At.After(all.At.Time) {
		part := min(all.Total, r.Total)
		all.Total, o.Refunded = all.Total-part, o.Refunded-part
		o.refunds[inAFile] = all
	}
	o.refunds[r.ExternalID] = r
	o.Refunded += r.Total - old.Total
	o.touched = true
}

func later(a, b loyalty.Instant) loyalty.Instant {
	if a.Before(b.Time) {
		return b
	}
	return a
}

// undone reports whether the order no longer stands, and with it the uses of codes.
func (o *order) undone() bool { return undone(o.Status) }

func undone(status string) bool {
	return status == loyalty.Cancelled || status == loyalty.Refunded || status == loyalty.Test
}

// key is what an order is known by.
func (o *order) key() orderKey { return orderKey{o.Source, o.ExternalID} }

type orderKey struct{ source, id string }
