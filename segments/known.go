package segments

import "regulars/internal/loyalty"

// Known is what the tables hold about one member. Day decides what counts:
// orders, events and points after it are not seen.
type Known struct {
	Day        loyalty.Day
	ID         int64            // ours
	ExternalID string           // the shop's
	Birthday   loyalty.Birthday // Month 0: unknown
	JoinedDay  *loyalty.Day     // nil: not joined
	Country    string
	Language   string
	Tags       []string
	Consent    map[string]bool // topic → granted
	Attributes map[string]any  // as JSON gives them
	Orders     []Order
	Events     []Event
	Points     []PointChange // in the order of time
	Mails      []Mail
	Touches    []Touch
	Codes      []Code   // those that are issued and neither used nor void
	Uses       []Use    // of codes
	Unused     []string // pools of which the member holds a good code of this occurrence

	Norms *Norms // of Day; nil: not computed

	Launch map[string]any // what launch.… reads, as JSON gives it; money in major units
	Order  *Order         // what order.… reads
	Event  map[string]any // what event.… reads, as JSON gives it

	properties map[string]any // of the event that a condition in brackets looks at
}

// Order is an order as rules see it. Amounts are in minor units.
type Order struct {
	Day      loyalty.Day
	Counts   bool // paid
	Total    int64
	Refunded int64
	Discount int64
	Quantity int64
	Shop     string
	Lines    []loyalty.Line
}

// Event is an event as rules count it.
type Event struct {
	Type       string
	Day        loyalty.Day
	Properties map[string]any // as JSON gives them
}

// Mail is a mail that the member received: handed over, and not bounced.
type Mail struct {
	Campaign string
	Day      loyalty.Day // of the hand-over
}

// The kinds of Touch.
const (
	Opened  = "open"
	Clicked = "click"
)

// Touch is what the member did with a mail; what machines do is none.
type Touch struct {
	Kind     string
	Campaign string
	Send     int64 // which mail
	Day      loyalty.Day
}

// Code is a coupon code that the member holds.
type Code struct {
	Pool  string
	Until *loyalty.Day // the last day on which it is good; nil: no end
}

// Use is a coupon code that the member has used.
type Use struct {
	Pool string
	Day  loyalty.Day
}

// PointChange is one entry of a member's points: exactly one of Balance and
// Delta is set.
type PointChange struct {
	Day     loyalty.Day
	Balance *int64
	Delta   *int64
}

// within reports whether a day lies in the time span; without one, whether it is
// not later than k.Day.
func (k *Known) within(d loyalty.Day, w *window) bool {
	if w == nil {
		return d <= k.Day
	}
	first, last := w.past(k.Day)
	return first <= d && d <= last
}

// paid returns the orders that count and lie in the window.
func (k *Known) paid(w *window) []Order {
	var paid []Order
	for _, o := range k.Orders {
		if o.Counts && k.within(o.Day, w) {
			paid = append(paid, o)
		}
	}
	return paid
}

// joined returns the day of joining, nil before it.
func (k *Known) joined() *loyalty.Day {
	if k.JoinedDay == nil || *k.JoinedDay > k.Day {
		return nil
	}
	return k.JoinedDay
}

// points returns the last balance and the changes since.
func (k *Known) points() (n int64) {
	for _, p := range k.Points {
		switch {
		case p.Day > k.Day:
		case p.Balance != nil:
			n = *p.Balance
		case p.Delta != nil:
			n += *p.Delta
		}
	}
	return n
}

func (k *Known) orderLines() []loyalty.Line {
	if k.Order == nil {
		return nil
	}
	return k.Order.Lines
}
