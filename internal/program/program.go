// Package program reads a program directory: the shop, its segments, pools and
// campaigns, as files that look like a marketing plan. It checks them and says
// what is wrong with file, line, column and what would be right, compares two
// versions, and turns a version stored in the database back into values.
//
// It promises that nothing in a file is silently ignored: an unknown key is an
// error with the nearest name, and a key of the format that this version does
// not do yet is an error that says "not yet". It touches no database: storing
// versions is store's, acting on them campaign's.
package program

import (
	"time"

	"regulars/internal/loyalty"
	"regulars/segments"
	"regulars/templates"
)

// Program is one checked version of a program directory.
type Program struct {
	Shop       Shop
	Mail       Mail
	Languages  []string // BCP 47; the first serves members whose language has no file
	Currency   string   // ISO 4217
	Zone       *time.Location
	Topics     map[string]map[string]string // topic → language → name
	Confirm    bool                         // double opt-in of everybody who joins, see Asks and ConfirmCampaign
	Caps       []loyalty.Cap                // for offers; none: no cap
	Quiet      loyalty.QuietHours           // zero: none
	Rate       loyalty.DomainRates          // mails that go to a domain; none: no limit
	Warmup     loyalty.Warmup               // how many mails go on a day while the sender is new; zero: no limit
	Attributes map[string]segments.Type
	Tracking   Tracking
	Lifecycle  segments.Lifecycle
	Scoring    segments.Scoring

	Words map[string]templates.Phrases // of languages that Regulars has no words for, by language

	FavouritesExcept []string // categories that are nobody's favourite: coupons, fuel

	NewsWithin time.Duration  // an event older than that on arrival is history
	KeepSends  loyalty.Period // how long mails stay in the ledger, with opens and clicks; zero: for ever
	Holdout    int            // per mille of members, for campaigns that name none
	Segments   []Segment      // in the order of the file
	Pools      []Pool
	Campaigns  []*Campaign // sorted by name
	Loyalty    *Loyalty    // nil: the program has no loyalty.yaml
	Webhooks   []Webhook   // in the order of the file
}

// Webhook is another system that is told what happens.
type Webhook struct {
	Name   string
	URL    string
	Events []string // types or patterns of loyalty.Told, as they are written
	Email  bool     // with: [email]
}

// Shop is who sends: the footer's name, address and link.
type Shop struct {
	Name, URL, Address string
	Country            string // ISO 3166-1 alpha-2: where phone numbers without a country's prefix are of; "": the zone's
}

// Mail is how the shop's mail is addressed. From and ReplyTo are RFC 5322 addresses.
type Mail struct{ From, ReplyTo, Alerts string }

// Tracking says what is learned of what members do with a mail. Neither is until
// the program says so; a mail of class service never is.
type Tracking struct {
	Clicks bool // web links lead through a page of ours, which notes the click and goes on
	Opens  bool // the mail holds a picture of one pixel
}

// Segment is a named rule.
type Segment struct {
	Name string
	Rule *segments.Rule
}

// Pool is a stock of coupon codes.
type Pool struct {
	Name    string
	Kind    string // generated | imported | shared
	Pattern string // generated: # is a Crockford base32 letter
	Code    string // shared: the one code

	Percent      int   // exactly one of Percent, Amount, Item, FreeShipping, Points and Perk
	Amount       int64 // minor units
	Item         string
	Worth        int64
	FreeShipping bool
	Points       int64
	Perk         string

	Minimum      int64 // of the order, minor units
	Products     []string
	Categories   []string
	FirstOrder   bool
	Uses         int  // redemptions per code; 0: one, and of a shared code: no limit
	Transferable bool // whoever holds the code may redeem it, not only its member
	GoodAgain    bool // a code whose order is cancelled or given back may be used again

	ValidFor   int         // shop days after issue; 0: no such end
	ValidUntil loyalty.Day // last shop day; 0: no such end
	Stock      int64       // codes at most; 0: no limit
	Budget     int64       // worth at most, minor units; 0: no limit
	Low        int64       // warn below
	Checkout   string      // asks_us | file
}

// Campaign is one folder: what starts it, for whom, what it sends.
type Campaign struct {
	Name    string
	Was     string // its former name
	Live    bool
	Start   Start
	For     *segments.Rule // nil: everybody the start names
	Except  *segments.Rule // nil: nobody
	Until   []Until
	Again   Again
	Class   string // loyalty.Offer | Earned | Service
	Topic   string
	Capped  Capped
	Quiet   *loyalty.QuietHours // nil: the program's; zero value: off
	Late    time.Duration
	CatchUp string // once | all | skip
	Holdout int    // per mille
	Pilot   *Pilot // nil: none
	Waves   *Waves // nil: all at once
	Steps   []Step
}

// Start is what starts a campaign. Exactly one of the groups is set, as Kind says.
type Start struct {
	Kind string // joins | enters | milestone | yearly | date | event | at | every | launch; asks: built in

	Segment  string             // enters
	Existing Existing           // enters, milestone is always "recorded"
	Time     *loyalty.TimeOfDay // enters, yearly, date: nil means at once (enters) or 09:00

	Figure loyalty.Figure // milestone: orders | spent | points | points_earned | referrals | items("…")
	At     []int64        // milestone: the values, ascending; money in minor units
	Every  int64          // milestone: then every so many; 0: no more

	Field  string // yearly: birthday | joined; date: the attribute
	Before []int  // days before

	Event string         // event: its type
	Where *segments.Rule // event: nil means any

	Date     loyalty.Day       // at: the local date …
	Clock    loyalty.TimeOfDay // … and time
	Schedule *loyalty.Schedule // every
	ByMember bool              // zone: member

	Launch map[string]segments.Type // launch: its values
	Links  []string                 // launch: those of its values that are web links, sorted

	Spec string // the start as text, stable: what the timetable compares
}

// Existing says what happens to those who are inside a segment on the day the
// campaign goes live.
type Existing struct {
	All    bool
	PerDay int // 0 with All false: none
}

// ForEverybody are the kinds of start that freeze an audience: whether a member had such a
// campaign before is asked of the ledger.
var ForEverybody = []string{"at", "every", "launch"}

// Again says how soon a member may start the same campaign anew.
type Again struct {
	Each  bool // every trigger is a passage of its own
	After int  // days from the last start; 0 with Each false: never
}

// Until ends a passage early.
type Until struct {
	Kind  string // order | leaves | coupon_used | cancelled | event | rule
	Event string
	Rule  *segments.Rule
}

// Capped says what a capped mail does.
type Capped struct {
	Defer time.Duration // 0: skip
}

// Step is one step of a flow: a wait, or a mail under a condition, or a choice.
type Step struct {
	Name   string // the mail's; waits and choices are "wait-2", "choose-3" by position
	Wait   *Wait
	If     *segments.Rule // nil: always
	Mail   string         // "" on a wait or choice
	Issues bool           // mail: issues/*; Mail is then "issues"
	Coupon string         // pool
	Empty  string         // skip | hold | send without
	Topic  string         // "": the campaign's
	Choose []Step         // the first whose If holds
}

// Wait is a pause between steps.
type Wait = loyalty.Wait

// Texts are the parsed mails of all campaigns. Issues of a recurring campaign are
// mails named "issues/2027-06-21". They are kept apart from the plain values above so that a Program can be compared.
type Texts map[string]map[string]map[string]*templates.Mail // campaign → mail → language
