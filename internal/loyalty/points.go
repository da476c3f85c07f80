package loyalty

// The words of a points program. They are values: what they mean is told where they
// are used, Target, Spend, LastDay and TierAfter.

// Of is what lines of an order something is about.
type Of struct {
	Kind string // product | category | brand | label; "": every line
	Name string
}

// Earn is one way to come by points: N of them
//   - per Per of money spent on lines of Of,
//   - for an order, an event of a type, a birthday, or joining the program.
type Earn struct {
	N   int64
	Per int64  // minor units; 0: For says for what
	Of  Of     // of an amount or an order
	For string // "": an amount | order | event | birthday | joined; of a stamp also item: each piece of lines of Of

	Event   string // its type
	Minimum int64  // of an order, goods as paid, minor units
	AtMost  Limit  // zero: no limit
}

// Limit is so many times in so many days, today included, or per order or item.
type Limit struct {
	N   int64
	Per Period // or
	In  string // order: in each
}

// Period is a length in shop days: Days or Months, the end of a month slid to where
// the month has no such day. The zero value is none.
type Period struct{ Days, Months int }

// Expiry says when points that nobody spends end. At most one of After, Unused and
// each date is set; none: never.
type Expiry struct {
	After  Period // after the day on which they open
	Round  string // month | year: … and then to its last day; "": to that day
	Unused Period // after the last day on which the member earned or claimed
	Month  int    // each year, on the last good day Month, Date
	Date   int
	Grace  Period // what opened within so long before that day goes on to the next
}
