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
}

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
func Lines(tx *store.Tx, member int64, limit int) (all []Line, err error) {
	all = []Line{}
	err = tx.All(&all, `
		select e.id, e.day, e.at, e.kind, e.amount, e.cause, coalesce(o.external_id, '') as "order", coalesce(v.type, '') as event, coalesce(c.reward, '') as reward, e.tier,
		       e.opens_day as opens, coalesce(e.last_day, l.last_day) as last, e.reason, e.by_whom
		from   entries e
		left   join orders o on o.id = e.order_id
		left   join claims c on c.id = e.claim_id
		left   join events v on v.id = e.event_id and v.member_id = e.member_id
		left   join lots l   on l.credit_id = e.id
		where  e.member_id = @member and e.wallet = '`+Wallet+`'
		order  by e.id desc
		limit  @limit`, store.Args{"member": member, "limit": limit})
	if err != nil {
		return nil, fmt.Errorf("the entries of member %d: %w", member, err)
	}
	return all, nil
}

// StatementOf returns the statement of a member.
func StatementOf(tx *store.Tx, member int64) (s Statement, err error) {
	s.Lots = []LotLine{}
	today, err := tx.Today()
	if err != nil {
		return s, err
	}
	args := store.Args{"member": member, "today": int64(today)}
	if s.Entries, err = Lines(tx, member, math.MaxInt32); err != nil {
		return s, err
	}
	if err := tx.All(&s.Lots, `
		select l.credit_id as credit, l.opens_day as opens, l.last_day as last, l.remains, e.cause
		from   lots l join entries e on e.id = l.credit_id
		where  l.member_id = @member and l.wallet = '`+Wallet+`' and (l.last_day is null or l.last_day >= @today)
		order  by l.last_day is null, l.last_day, l.opens_day, l.credit_id`, args); err != nil {
		return s, fmt.Errorf("the lots of member %d: %w", member, err)
	}
	for _, e := range s.Entries {
		s.Balance += e.Amount
	}
	var ended int64
	if err := tx.One(&ended, "select coalesce(cast(sum(remains) as bigint), 0) from lots where member_id = @member and wallet = '"+Wallet+"' and last_day < @today", args); err != nil {
		return s, err
	}
	for _, l := range s.Lots {
		if l.Opens > today {
			s.Pending += l.Remains
		}
	}
	s.Balance -= ended + s.Pending
	return s, nil
}
