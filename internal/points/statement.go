package points

import (
	"fmt"
	"math"
	"strings"

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
	Amount int64           `json:"amount"`
	Origin
	Tier   string       `json:"tier,omitempty"`
	Opens  *loyalty.Day `json:"opens,omitempty"`
	Last   *loyalty.Day `json:"last_day,omitempty"`
	ByWhom string       `json:"by,omitempty"`
}

// LotLine is what is left of a credit.
type LotLine struct {
	Credit  int64        `json:"credit"`
	Opens   loyalty.Day  `json:"opens"`
	Last    *loyalty.Day `json:"last_day,omitempty"`
	Remains int64        `json:"remains"`
	Origin
}

// Origin is what an entry is for.
type Origin struct {
	Kind   string `json:"kind"`
	Cause  string `json:"cause"`
	Order  string `json:"order,omitempty"` // its number
	Event  string `json:"event,omitempty"` // its type
	Reward string `json:"reward,omitempty"`
	Friend string `json:"friend,omitempty"` // the shop's id of the member who was brought
	Reason string `json:"reason,omitempty"`
}

// originColumns are the columns of an Origin, of entries e and what originJoins joins to them.
const (
	originColumns = `e.kind, e.cause, coalesce(o.external_id, '') as "order", coalesce(v.type, '') as event, coalesce(c.reward, '') as reward,
		       coalesce(f.external_id, '') as friend, e.reason`
	originJoins = `
		left   join orders o on o.id = e.order_id
		left   join claims c on c.id = e.claim_id
		left   join events v on v.id = e.event_id and v.member_id = e.member_id
		left   join referrals r on r.id = e.referral_id
		left   join members f on f.id = r.friend_id`
)

// Why says it in words.
func (o Origin) Why() string {
	what, _, _ := strings.Cut(o.Cause, ":") // a merge may have numbered it
	switch {
	case o.Reason != "":
		return o.Reason
	case o.Kind == earn:
		return "order " + o.Order
	case what == "referral" && o.Kind == takeback:
		return "what " + o.Friend + " ordered first was given back"
	case what == "referral":
		return "brought " + o.Friend
	case o.Kind == takeback:
		return "order " + o.Order + " has earned less: it was changed or given back"
	case o.Event != "":
		return "event " + o.Event
	case o.Kind == redeem:
		return "reward " + o.Reward
	case o.Kind == giveBack:
		return "reward " + o.Reward + " was not taken after all"
	case o.Kind == expire:
		return "not used by their last day"
	case what == "joined" || what == "birthday":
		return what
	}
	return o.Cause
}

// Lines are the entries of a member's points, the newest first, so many at most.
func Lines(tx *store.Tx, member int64, most int) (all []Line, err error) {
	all = []Line{}
	// The + 0 keeps Postgres from going through everybody's entries from the newest on.
	err = tx.All(&all, `
		select e.id, e.day, e.at, e.amount, `+originColumns+`, e.tier,
		       e.opens_day as opens, coalesce(e.last_day, l.last_day) as last, e.by_whom
		from  (select * from entries
		       where  member_id = @member and wallet = '`+Wallet+`'
		       order  by id + 0 desc
		       limit  @most) e`+originJoins+`
		left   join lots l on l.credit_id = e.id
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
		select l.credit_id as credit, l.opens_day as opens, l.last_day as last, l.remains, `+originColumns+`
		from  (select * from lots
		       where  member_id = @member and wallet = '`+Wallet+`' and (last_day is null or last_day >= @today)
		       order  by last_day is null, last_day, opens_day, credit_id
		       limit  @most) l
		join   entries e on e.id = l.credit_id`+originJoins+`
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
