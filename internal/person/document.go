package person

import (
	"regulars/internal/loyalty"
)

// text is JSON as a column has it.
type text string

// MarshalJSON hands the column on as it is.
func (t text) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	return []byte(t), nil
}

// Document is all that is known of one member, as they may ask for it. Of other people
// it says nothing: a friend is only a friend.
type Document struct {
	Shop       string          `json:"shop"`
	Currency   string          `json:"currency"` // amounts in minor units of it end in _minor
	ExportedAt loyalty.Instant `json:"exported_at"`

	Member    Profile   `json:"member"`
	Earlier   []Profile `json:"was_also,omitempty"` // members who were made one with this one
	Keys      []Key     `json:"keys"`               // by what the member is found
	Tags      []string  `json:"tags"`
	Figures   *Figures  `json:"figures"` // what rules read; null: none are kept
	Segments  []Stay    `json:"segments"`
	Topics    []Topic   `json:"topics"`   // the answers that stand
	Consents  []Consent `json:"consents"` // … and how they came about: who, when, text, source, IP
	Address   Address   `json:"address"`  // what holds for the e-mail address, whoever has it
	Joining   *Joining  `json:"joining"`  // a request to join that was asked back by mail
	Orders    []Order   `json:"orders"`
	Events    []Event   `json:"events"`
	Points    []Entry   `json:"points"`          // points and stamps
	Balances  []Balance `json:"points_reported"` // … as another system reported them
	Tiers     []Tier    `json:"tiers"`
	Claims    []Claim   `json:"claims"`
	Codes     []Code    `json:"codes"`
	Used      []Use     `json:"codes_used"`
	Referrals []Brought `json:"referrals"`
	Mails     []Mail    `json:"mails"`
	Passages  []Passage `json:"passages"`
}

// Profile is a member's row.
type Profile struct {
	ID         string          `json:"id"`
	Email      string          `json:"email"`
	Phone      string          `json:"phone"`
	Card       string          `json:"card"`
	FirstName  string          `json:"first_name"`
	LastName   string          `json:"last_name"`
	Language   string          `json:"language"`
	Country    string          `json:"country"`
	TimeZone   string          `json:"time_zone"`
	BirthYear  *int            `json:"birth_year"`
	BirthMonth *int            `json:"birth_month"`
	BirthDate  *int            `json:"birth_date"`
	Attributes text            `json:"attributes"`
	JoinedAt   loyalty.Instant `json:"joined_at"`
	ReferredBy string          `json:"referred_by"`
	CreatedAt  loyalty.Instant `json:"created_at"`
	ChangedAt  loyalty.Instant `json:"changed_at"`
	ErasedAt   loyalty.Instant `json:"erased_at,omitzero"`
}

// Key is something by which a member is found.
type Key struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

// Figures are a member's facts.
type Figures struct {
	Joined     bool     `json:"joined"`
	Offers     bool     `json:"consent_offers"`
	Newsletter bool     `json:"consent_newsletter"`
	Program    bool     `json:"consent_program"`
	Orders     int64    `json:"orders"`
	OrderDays  int64    `json:"order_days"`
	Spent      int64    `json:"spent_minor"`
	Quantity   int64    `json:"quantity"`
	Largest    *int64   `json:"largest_minor"`
	Smallest   *int64   `json:"smallest_minor"`
	FirstDay   *Date    `json:"first_day"`
	LastDay    *Date    `json:"last_day"`
	UsualGap   *float64 `json:"usual_gap_days"`
	Points     int64    `json:"points"`
	Pending    int64    `json:"points_pending"`
	Tier       string   `json:"tier"`
}

// Stay is a member's time in a segment.
type Stay struct {
	Segment   string          `json:"segment"`
	Rule      string          `json:"rule"`
	EnteredAt loyalty.Instant `json:"entered_at"`
	LeftAt    loyalty.Instant `json:"left_at"` // null: inside now
}

// Topic is an answer that stands.
type Topic struct {
	Topic     string          `json:"topic"`
	Granted   bool            `json:"granted"`
	ChangedAt loyalty.Instant `json:"changed_at"`
}

// Consent is a row of the ledger of consent.
type Consent struct {
	Topic      string          `json:"topic"`
	Granted    bool            `json:"granted"`
	At         loyalty.Instant `json:"at"`
	Timed      bool            `json:"timed"` // false: at is when the shop told us
	Source     string          `json:"source"`
	Said       string          `json:"said"` // the text that was agreed to
	IP         string          `json:"ip"`
	Mail       *int64          `json:"mail"` // whose link was used
	RecordedAt loyalty.Instant `json:"recorded_at"`
}

// Address is what holds for a member's e-mail address.
type Address struct {
	Suppressed   string          `json:"suppressed"` // why it gets nothing; "": it may get mail
	SuppressedAt loyalty.Instant `json:"suppressed_at"`
	Source       string          `json:"suppressed_by"`
	Refusals     []Refusal       `json:"refusals" gorm:"-"`
}

// Refusal is a no that counts for an address.
type Refusal struct {
	Topic  string          `json:"topic"`
	At     loyalty.Instant `json:"at"`
	Source string          `json:"source"`
}

// Joining is a request to join.
type Joining struct {
	AskedAt     loyalty.Instant `json:"asked_at"`
	MailedAt    loyalty.Instant `json:"mailed_at"`
	ConfirmedAt loyalty.Instant `json:"confirmed_at"`
	Answers     text            `json:"answers"`
}

// Order is a purchase with its lines and refunds.
type Order struct {
	Row      int64           `json:"-"`
	Source   string          `json:"source"`
	ID       string          `json:"id"`
	At       loyalty.Instant `json:"at"`
	Status   string          `json:"status"`
	Total    int64           `json:"total_minor"`
	Refunded int64           `json:"refunded_minor"`
	Discount int64           `json:"discount_minor"`
	Tax      int64           `json:"tax_minor"`
	Shipping int64           `json:"shipping_minor"`
	Quantity int64           `json:"quantity"`
	Shop     string          `json:"shop"`
	Lines    []Line          `json:"lines" gorm:"-"`
	Refunds  []Refund        `json:"refunds" gorm:"-"`
}

// Line is an item of an order.
type Line struct {
	OrderID  int64  `json:"-"`
	Product  string `json:"product"`
	Name     string `json:"name"`
	Category string `json:"category"`
	Brand    string `json:"brand"`
	Labels   text   `json:"labels"`
	Quantity int64  `json:"quantity"`
	Total    int64  `json:"total_minor"`
}

// Refund is what was given back of one.
type Refund struct {
	OrderID int64           `json:"-"`
	ID      string          `json:"id"`
	At      loyalty.Instant `json:"at"`
	Total   int64           `json:"total_minor"`
	Lines   text            `json:"lines"`
}

// Event is what a shop told us, or what became of a tier or a card.
type Event struct {
	Source     string          `json:"source"`
	ID         string          `json:"id"`
	Type       string          `json:"type"`
	At         loyalty.Instant `json:"at"`
	ReceivedAt loyalty.Instant `json:"received_at"`
	Order      string          `json:"order"`
	Properties text            `json:"properties"`
}

// Entry is a row of the ledger of points and stamps.
type Entry struct {
	Wallet   string          `json:"wallet"` // points, or a card
	At       loyalty.Instant `json:"at"`
	Day      Date            `json:"booked_on"`
	Kind     string          `json:"kind"`
	Amount   int64           `json:"amount"`
	For      string          `json:"for"`
	Order    string          `json:"order"`
	Tier     string          `json:"tier"`
	OpensDay *Date           `json:"from"`
	LastDay  *Date           `json:"through"`
	Drawn    int64           `json:"drawn"` // of a credit: used or ended
	Reason   string          `json:"reason"`
	ByWhom   string          `json:"by"`
}

// Balance is a balance of points, or a change, that another system reported.
type Balance struct {
	At      loyalty.Instant `json:"at"`
	Balance *int64          `json:"balance"`
	Delta   *int64          `json:"delta"`
}

// Tier is a stay in one.
type Tier struct {
	Tier    string `json:"tier"`
	Since   Date   `json:"since"`
	Through *Date  `json:"through"`
	Left    *Date  `json:"left"`
	Because string `json:"because"`
	ByWhom  string `json:"by"`
}

// Claim is a reward that was claimed, or a full card.
type Claim struct {
	Reward  string          `json:"reward"`
	Price   int64           `json:"price"`
	State   string          `json:"state"`
	Worth   int64           `json:"worth_minor"`
	Code    string          `json:"code"`
	Order   string          `json:"order"`
	At      loyalty.Instant `json:"at"`
	Through string          `json:"by_way_of"`
	Reason  string          `json:"reason"`
}

// Code is one that was given to the member.
type Code struct {
	Pool       string          `json:"pool"`
	Code       string          `json:"code"`
	State      string          `json:"state"`
	ReservedAt loyalty.Instant `json:"reserved_at"`
	IssuedAt   loyalty.Instant `json:"issued_at"`
	ValidUntil *Date           `json:"valid_until"`
	RedeemedAt loyalty.Instant `json:"redeemed_at"`
}

// Use is a code that the member used.
type Use struct {
	Pool     string          `json:"pool"`
	Code     string          `json:"code"`
	At       loyalty.Instant `json:"at"`
	Order    string          `json:"order"`
	Discount int64           `json:"discount_minor"`
	Undone   bool            `json:"undone"`
}

// Brought is a referral, from the member's side.
type Brought struct {
	Role   string          `json:"role"` // referrer or friend
	State  string          `json:"state"`
	Reason string          `json:"reason"`
	At     loyalty.Instant `json:"at"`
}

// Mail is one that was sent, is to be sent, or was left out.
type Mail struct {
	ID       int64           `json:"id"`
	Campaign string          `json:"campaign"`
	Step     string          `json:"step"`
	Subject  string          `json:"subject" gorm:"-"` // of the version of the program that it was written by
	Class    string          `json:"class"`
	Topic    string          `json:"topic"`
	State    string          `json:"state"`
	Reason   string          `json:"reason"`
	QueuedAt loyalty.Instant `json:"queued_at"`
	HandedAt loyalty.Instant `json:"handed_at"`
	DoneAt   loyalty.Instant `json:"done_at"`
	Code     string          `json:"code"`
	Relay    string          `json:"relay_said"`
	Touches  []Touch         `json:"opens_and_clicks" gorm:"-"`

	VersionID int64 `json:"-"`
}

// Touch is an open or a click.
type Touch struct {
	SendID int64           `json:"-"`
	Kind   string          `json:"kind"`
	At     loyalty.Instant `json:"at"`
	Person bool            `json:"person"` // false: a machine
	Link   string          `json:"link"`
}

// Passage is a member's way through a campaign.
type Passage struct {
	Campaign  string          `json:"campaign"`
	StartedAt loyalty.Instant `json:"started_at"`
	State     string          `json:"state"`
	Step      string          `json:"last_step"`
	Reason    string          `json:"reason"`
	WakeAt    loyalty.Instant `json:"goes_on_at"`
}

// Date is a day of the shop.
type Date loyalty.Day

// MarshalJSON writes it as 2027-06-21.
func (d Date) MarshalJSON() ([]byte, error) { return []byte(`"` + loyalty.Day(d).String() + `"`), nil }
