package program

import (
	"regulars/internal/loyalty"
	"regulars/segments"
)

// Loyalty is what loyalty.yaml says: how members earn, what they climb and what they
// get for it. A program without that file has none.
type Loyalty struct {
	Points   *Points
	Tiers    []Tier // from the lowest
	Cards    []Card
	Rewards  []Reward
	Referral *Referral
	Budget   loyalty.Budget // zero: none
}

// Points are how members earn points and how long these last.
type Points struct {
	Since  loyalty.Day       // orders from this day on count; 0: from the day when the file is first applied
	Called map[string]string // language → what members read; none: points
	Worth  int64             // of one, in thousandths of the currency's minor unit: 0.01 EUR is 1000
	Earn   []Earn
	NotOn  []loyalty.Of
	Base   string // "": goods as paid | total | before discounts

	Pending int // days from the order's until its points can be spent
	Expire  loyalty.Expiry
	Carry   bool // the remainders of orders add up
	NoDebt  bool // what a refund takes and nobody has any more is let go
	DownOne bool // tiers are left one step at a time
}

// Earn is a way to earn points, under a condition on the order or event and the tier.
type Earn struct {
	loyalty.Earn
	If   *segments.Rule // nil: always
	Spec string         // as it is written
}

// Tier is a standing that members reach. The highest whose rule holds is theirs.
type Tier struct {
	Name      string
	Called    map[string]string // language → what members read; none: the name
	When      *segments.Rule
	Keep      loyalty.Period // so long it is kept, its last day included
	KeepYear  bool           // … or through the next calendar year
	Grace     loyalty.Period // … and then so long
	Percent   int64          // of what others earn: 125 is 1.25x; 0: 100
	WithOrder bool           // ends: with the order; the tier goes when that which justified it does
}

// Card is a punch card: a wallet of stamps, so many of which give a code of a pool.
type Card struct {
	Name   string
	Stamp  loyalty.Earn // one stamp for each: an order, an item, or an amount
	Full   int64        // of: so many stamps fill a card
	Gives  string       // pool
	AtMost loyalty.Limit
	Expire loyalty.Expiry
	Spec   string
}

// Reward is a price in points on a pool, or on money off at the till.
type Reward struct {
	Name   string
	Price  int64
	Gives  string        // pool; "": Amount
	Amount int64         // minor units for Price points
	Steps  int64         // at most so many times Price; 0: 1
	Most   int           // percent of the order at most; 0: 100
	AtMost loyalty.Limit // claims of a member that give a code; none: as many as they pay for
	Tiers  []string      // whose members may claim it; none: everybody
	Cost   int64         // what one costs the shop, minor units; 0: nobody knows
}

// Referral is what bringing a friend gives to both.
type Referral struct {
	Friend         string // pool
	ReferrerPoints int64  // exactly one of ReferrerPoints and ReferrerPool
	ReferrerPool   string
	Minimum        int64          // of the friend's order, minor units
	Within         loyalty.Period // of the friend's joining
	AtMost         loyalty.Limit  // rewards per referrer
	AlsoRefuse     []string       // attributes: who is the same in all of them lives in one household
}
