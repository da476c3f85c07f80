package points

import (
	"fmt"
	"math"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Statement is what a member has, and how it came about.
type Statement struct {
	Balance int64     `json:"balance"` // that can be spent today; below 0: a debt
	Pending int64     `json:"pending"`
	Entries []Line    `json:"entries"` // the newest first
	Lots    []LotLine `json:"lots"`    // what ends soonest first

	OfEntries int `json:"of_entries"` // how many there are in all
	OfLots    int `json:"of_lots"`
}

// InAll is what the member has, spendable or not yet.
func (s Statement) InAll() int64 { return s.Balance + s.Pending }

// Line is an entry as a person reads it.
type Line struct {
	ID     int64           `json:"id"`
	Day    loyalty.Day     `json:"day"`
	At     loyalty.Instant `json:"at"`
	Kind   string          `json:"kind"`
	Amount int64           `json:"amount"`
	Cause  string          `json:"cause"`
	Order  string          `json:"order,omitempty"` // its number
	Event  string          `json:"event,omitempty"` // its type
	Reward string          `json:"reward,omitempty"`
	Tier   string          `json:"tier,omitempty"`
	Opens  *loyalty.Day    `json:"opens,omitempty"`
	Last   *loyalty.Day    `json:"last_day,omitempty"`
	Reason string          `json:"reason,omitempty"`
	ByWhom string          `json:"by,omitempty"`
}

// LotLine is what is left of a credit.
type LotLine struct {
	Credit  int64        `json:"credit"`
	Opens   loyalty.Day  `json:"opens"`
	Last    *loyalty.Day `json:"last_day,omitempty"`
	Remains int64        `json:"remains"`
	Cause   string       `json:"cause"`
}

// Why says in words what an entry is for.
func (l Line) Why() string {
	switch {
	case l.Reason != "":
		return l.Reason
	case l.Kind == earn:
		return "order " + l.Order
	case l.Kind == takeback:
		return "order " + l.Order + " has earned less: it was changed or given back"
	case l.Event != "":
		return "event " + l.Event
	case l.Kind == redeem:
		return "reward " + l.Reward
	case l.Kind == giveBack:
		return "reward " + l.Reward + " was not taken after all"
	case l.Kind == expire:
		return "not used by their last day"
	}
	return l.Cause
}

// Lines are the entries of a member's points, the newest first, so many at most.
func Lines(tx *store.Tx, member int64, most int) (all []Line, err error) {
	all = []Line{}
	// The + 0 keeps Postgres from going through everybody's entries from the newest on.
	err = tx.All(&all, `
		select e.id, e.day, e.at, e.kind, e.amount, e.cause, coalesce(o.external_id, '') as "order", coalesce(v.type, '') as event, coalesce(c.reward, '') as reward, e.tier,
		       e.opens_day as opens, coalesce(e.last_day, l.last_day) as last, e.reason, e.by_whom
		from  (select * from entries
		       where  member_id = @member and wallet = '`+Wallet+`'
		       order  by id + 0 desc
		       limit  @most) e
		left   join orders o on o.id = e.order_id
		left   join claims c on c.id = e.claim_id
		left   join events v on v.id = e.event_id and v.member_id = e.member_id
		left   join lots l   on l.credit_id = e.id
		order  by e.day desc, e.id desc`, store.Args{"member": member, "most": most})
	if err != nil {
		return nil, fmt.Errorf("the entries of member %d: %w", member, err)
	}
	return all, nil
}

// All is how many lines of a statement there are at most.
const All = math.MaxInt32

// StatementOf returns the statement of a member, with so many entries and lots at most:
// the newest, and those that end soonest.
func StatementOf(tx *store.Tx, member int64, most int) (s Statement, err error) {
	today, err := tx.Today()
	if err != nil {
		return s, err
	}
	has, err := hasOn(tx, member, today)
	if err != nil {
		return s, err
	}
	s = Statement{Balance: has.balance(), Pending: has.Pending, OfEntries: has.Entries, OfLots: has.Lots, Lots: []LotLine{}}
	if s.Entries, err = Lines(tx, member, most); err != nil {
		return s, err
	}
	err = tx.All(&s.Lots, `
		select l.credit_id as credit, l.opens_day as opens, l.last_day as last, l.remains, e.cause
		from  (select * from lots
		       where  member_id = @member and wallet = '`+Wallet+`' and (last_day is null or last_day >= @today)
		       order  by last_day is null, last_day, opens_day, credit_id
		       limit  @most) l
		join   entries e on e.id = l.credit_id
		order  by l.last_day is null, l.last_day, l.opens_day, l.credit_id`, store.Args{"member": member, "today": int64(today), "most": most})
	if err != nil {
		return s, fmt.Errorf("the lots of member %d: %w", member, err)
	}
	return s, nil
}

// has is what a member has of points on a day, in sums.
type has struct {
	Booked, Pending, Ended int64
	Entries, Lots          int
}

// balance is what can be spent; below 0 it is a debt.
func (h has) balance() int64 { return h.Booked - h.Pending - h.Ended }

func hasOn(tx *store.Tx, member int64, today loyalty.Day) (h has, err error) {
	err = tx.One(&h, `
		select e.booked, e.entries, l.pending, l.ended, l.lots
		from  (select coalesce(cast(sum(amount) as bigint), 0) as booked, count(*) as entries
		       from   entries where member_id = @member and wallet = '`+Wallet+`') e
		cross  join (
		       select coalesce(cast(sum(case when opens_day > @today and coalesce(last_day, @today) >= @today then remains else 0 end) as bigint), 0) as pending,
		              coalesce(cast(sum(case when last_day < @today then remains else 0 end) as bigint), 0) as ended,
		              coalesce(sum(case when last_day < @today then 0 else 1 end), 0) as lots
		       from   lots where member_id = @member and wallet = '`+Wallet+`') l`, store.Args{"member": member, "today": int64(today)})
	if err != nil {
		return h, fmt.Errorf("what member %d has: %w", member, err)
	}
	return h, nil
}
