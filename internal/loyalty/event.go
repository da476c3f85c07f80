package loyalty

// Event is something that happened to a member, as /hooks/standard, /v1/events
// and the importers hand it to intake. It is unique by (Source, ID).
type Event struct {
	Source string  `json:"-"` // whose keys ID and the order's number are; set by the edge, never by the sender
	Via    string  `json:"-"` // the door, for the record: api:till; "": Source
	Type   string  `json:"type"`
	ID     string  `json:"id"`
	At     Instant `json:"at"`
	Member Member  `json:"member"`

	Order      *Order         `json:"order,omitempty"`
	Refund     *Refund        `json:"refund,omitempty"`
	Points     *Points        `json:"points,omitempty"`
	Properties map[string]any `json:"properties,omitempty"`

	Ask bool `json:"-"` // anybody may have sent it: who joins by it is asked by mail first, whatever the program says

	Unknown []string `json:"-"` // what is said to the sender of fields that nobody knows
	Notes   []Note   `json:"-"` // what of it could not be read and was left out, or was changed
}

// Note is a value that could not be taken as it was written, in something that
// came in all the same; or why something is refused.
type Note struct {
	Field  string `json:"field"` // as the sender names it: member.birthday; "": the whole
	Reason string `json:"reason"`
	Line   int    `json:"-"` // of a file; 0: where the whole stands
}

// String says what is wrong, without the line.
func (n Note) String() string {
	if n.Field == "" {
		return n.Reason
	}
	return n.Field + ": " + n.Reason
}

// The types of events that Regulars itself understands. Any other name is the
// shop's own and is kept with its properties.
const (
	MemberJoined    = "member.joined"
	MemberChanged   = "member.changed"
	OrderPlaced     = "order.placed"
	OrderChanged    = "order.changed"
	OrderFulfilled  = "order.fulfilled"
	OrderCancelled  = "order.cancelled"
	OrderRefunded   = "order.refunded"
	CheckoutStarted = "checkout.started"
	Visit           = "visit"
	PointsChanged   = "points.changed"
)

// OwnEvents are the types of events that Regulars itself writes, of a program that keeps
// points.
var OwnEvents = []string{
	"tier.up", "tier.down", "tier.kept", "tier.ending", "points.opened", "points.taken_back", "reward.claimed", "reward.reversed",
	"card.filled", "referral.pending", "referral.joined", "referral.rewarded",
}

// EventTypes are those that Regulars understands.
var EventTypes = []string{
	MemberJoined, MemberChanged, OrderPlaced, OrderChanged, OrderFulfilled, OrderCancelled, OrderRefunded, CheckoutStarted, Visit, PointsChanged,
}

// Member is what an event says about the person it happened to. Empty fields
// and nil pointers say nothing and change nothing.
type Member struct {
	ID         string            `json:"id,omitempty"`
	IDs        map[string]string `json:"ids,omitempty"` // source → that source's id
	Email      string            `json:"email,omitempty"`
	Phone      string            `json:"phone,omitempty"`
	Card       string            `json:"card,omitempty"`
	FirstName  string            `json:"first_name,omitempty"`
	LastName   string            `json:"last_name,omitempty"`
	Language   string            `json:"language,omitempty"` // BCP 47
	Country    string            `json:"country,omitempty"`  // ISO 3166-1 alpha-2
	TimeZone   string            `json:"time_zone,omitempty"`
	Birthday   string            `json:"birthday,omitempty"` // 1980-02-28 or --02-28
	Tags       []string          `json:"tags,omitempty"`     // nil: unchanged; empty: none
	Joined     *bool             `json:"joined,omitempty"`
	JoinedAt   Instant           `json:"joined_at,omitempty"`
	ReferredBy string            `json:"referred_by,omitempty"`

	Consent       map[string]bool `json:"consent,omitempty"` // topic → yes or no
	ConsentSource string          `json:"consent_source,omitempty"`
	ConsentText   string          `json:"consent_text,omitempty"`
	ConsentAt     Instant         `json:"consent_at,omitempty"`
	ConsentDay    Day             `json:"consent_day,omitempty"` // in place of ConsentAt, when only the shop's day is known

	Attributes map[string]any `json:"-"` // unknown fields of the member object
}

// Statuses of an order. Only a paid one counts in figures.
const (
	Pending   = "pending"
	Paid      = "paid"
	Cancelled = "cancelled"
	Refunded  = "refunded"
	Test      = "test"
	Returned  = "returned" // below zero: no order, but something given back; ours, never the sender's
)

// Order is a purchase. Amounts are in minor units of the program's currency.
type Order struct {
	ID       string
	Version  int64   // 0: the sender has no versions, At of the event decides
	At       Instant // when it was placed; zero: the event's At
	Status   string  // "": unchanged, or paid on order.placed
	Total    int64
	HasTotal bool // false: keep the stored total, or add up the lines
	Discount int64
	Quantity int64  // 0: add up the lines
	Currency string // "": the program's
	Shop     string
	Coupons  []UsedCoupon // all that were used; nil: unchanged
	Lines    []Line       // nil: unchanged

	HasDiscount bool // Discount is stated even when it is 0

	Tax         int64 `json:",omitempty"` // of Total
	Shipping    int64 `json:",omitempty"` // of Total: it is no goods
	HasTax      bool  `json:",omitempty"` // Tax is stated
	HasShipping bool  `json:",omitempty"` // Shipping is stated

	Refunded    int64 `json:",omitempty"` // given back of it in all, as files say it; what refunds say one by one is part of that
	HasRefunded bool  `json:",omitempty"` // Refunded is stated
}

// UsedCoupon is a code that was used on an order.
type UsedCoupon struct {
	Code     string
	Discount int64
}

// Line is one item of an order.
type Line struct {
	Product, Name, Category, Brand string
	Labels                         Labels `json:",omitempty"` // what else the shop calls it: sale, organic …

	Quantity int64
	Total    int64
}

// Refund is money given back on an order.
type Refund struct {
	ID    string
	Total int64
	All   bool   // of the whole order; Total then says nothing
	Lines []Line `json:",omitempty"` // of what was given back; nil: it is not said, and is of everything in proportion
}

// Points is a change of a member's points, either the new balance or a delta.
type Points struct {
	Balance *int64 `json:"balance,omitempty"`
	Delta   *int64 `json:"delta,omitempty"`
}

// Topics are what a member may opt in to or out of.
const (
	Offers     = "offers"
	Newsletter = "newsletter"
	Program    = "program"
)

// Classes of mail. They decide consent, caps, quiet hours and what follows an
// unknown outcome (design: section 8).
const (
	Offer   = "offer"
	Earned  = "earned"
	Service = "service"
)
