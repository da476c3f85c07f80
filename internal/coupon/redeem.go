package coupon

import (
	"errors"
	"fmt"
	"math"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Use is a code presented at a till or found on an order.
type Use struct {
	Code     string          // as typed
	Order    int64           // orders.id; 0: not known yet
	Member   int64           // who presents it; 0: nobody said
	At       loyalty.Instant // zero: now
	Day      loyalty.Day     // the shop's day of At
	Discount int64           // minor units
	Accepted bool            // the shop has taken it already: it is recorded whatever we would have said
}

// Refused says why a code is not good.
type Refused struct{ Reason string }

// Error implements error.
func (r *Refused) Error() string { return "the code is refused: " + r.Reason }

// The reasons of a refusal.
const (
	Unknown     = "unknown"
	NotGiven    = "not_given" // still in stock
	Past        = "expired"
	AlreadyUsed = "already_used"
	Voided      = "void"
	NotTheirs   = "not_theirs" // another member's, and not transferable
)

// Redemption is what became of a use.
type Redemption struct {
	Code  Code
	Pool  Pool
	Again bool   // the same code on the same order had been recorded before
	But   string // Accepted: the reason for which it would have been refused, "" none
}

// Redeem records that a code was used. It is safe to repeat for one order. A
// code that is not good is a *Refused and records nothing, except that an
// Accepted use of any code of ours is recorded and says why it should not have been.
func Redeem(tx *store.Tx, u Use) (Redemption, error) {
	r, err := redeem(tx, u)
	if refused := (*Refused)(nil); err != nil && !errors.As(err, &refused) {
		err = fmt.Errorf("redeeming a code: %w", err)
	}
	return r, err
}

func redeem(tx *store.Tx, u Use) (Redemption, error) {
	if u.At.IsZero() {
		u.At = tx.At
	}
	f, err := find(tx, u.Code, tx.ForUpdate())
	if err != nil {
		return Redemption{}, err
	}
	r := Redemption{Code: f.Code, Pool: f.Pool}
	if u.Order != 0 && f.orders[u.Order] {
		r.Again = true
		return r, nil
	}
	if reason := f.refuses(u.Member, u.Day); reason != "" {
		if !u.Accepted {
			return Redemption{}, &Refused{reason}
		}
		r.But = reason
	}
	if err := record(tx, f, u); err != nil {
		return Redemption{}, err
	}
	r.Code, err = byID(tx, f.Code.ID)
	return r, err
}

// Look says whether a code would be redeemed for a member on a shop day, without
// doing it: the code and its pool, or a *Refused.
func Look(tx *store.Tx, code string, member int64, day loyalty.Day) (Redemption, error) {
	f, err := find(tx, code, "")
	if err != nil {
		return Redemption{}, err
	}
	r := Redemption{Code: f.Code, Pool: f.Pool}
	if reason := f.refuses(member, day); reason != "" {
		return r, &Refused{reason}
	}
	return r, nil
}

// found is a code with its pool and how often it was used.
type found struct {
	Code   Code
	Pool   Pool
	uses   int
	orders map[int64]bool
}

func find(tx *store.Tx, code, lock string) (found, error) {
	var id int64
	err := tx.One(&id, "select id from codes where folded = @folded "+lock, store.Args{"folded": loyalty.FoldCode(code)})
	if errors.Is(err, store.ErrNotFound) {
		return found{}, &Refused{Unknown}
	}
	if err != nil {
		return found{}, err
	}
	f := found{orders: map[int64]bool{}}
	if f.Code, err = byID(tx, id); err != nil {
		return found{}, err
	}
	pools, err := poolsOf(tx, []int64{id})
	if err != nil {
		return found{}, err
	}
	f.Pool = pools[0]
	var orders []int64
	if err := tx.All(&orders, "select coalesce(order_id, 0) from redemptions where code_id = @code", store.Args{"code": id}); err != nil {
		return found{}, err
	}
	f.uses = len(orders)
	for _, order := range orders {
		f.orders[order] = true
	}
	return f, nil
}

// mayUse returns how often a code may be redeemed.
func (p Pool) mayUse() int {
	switch {
	case p.Uses > 0:
		return p.Uses
	case p.Kind == Shared:
		return math.MaxInt
	default:
		return 1
	}
}

// refuses returns why the code is not good for a member on a day, "" if it is.
func (f found) refuses(member int64, day loyalty.Day) string {
	end := f.Code.ValidUntil
	if end == 0 {
		end = f.Pool.ValidUntil
	}
	switch {
	case f.Code.State == StateVoid:
		return Voided
	case f.Code.State == StateRedeemed || f.uses >= f.Pool.mayUse():
		return AlreadyUsed
	case f.Code.State == StateExpired || end != 0 && end < day:
		return Past
	case f.Code.State == StateFree:
		return NotGiven
	case f.Code.Member != 0 && member != 0 && f.Code.Member != member && !f.Pool.Transferable:
		return NotTheirs
	}
	return ""
}

// record writes a use down. Who said nothing is the code's own member. A code that
// has been used as often as it may is redeemed, and so is one that we would have
// refused: nobody else is to get it.
func record(tx *store.Tx, f found, u Use) error {
	var order, member *int64
	if u.Order != 0 {
		order = &u.Order
	}
	if u.Member == 0 {
		u.Member = f.Code.Member
	}
	if u.Member != 0 {
		member = &u.Member
	}
	_, err := tx.Exec(`
		insert into redemptions (code_id, pool_id, member_id, order_id, at, day, discount)
		values (@code, @pool, @member, @order, @at, @day, @discount)`,
		store.Args{"code": f.Code.ID, "pool": f.Pool.ID, "member": member, "order": order, "at": u.At, "day": u.Day, "discount": u.Discount})
	if err != nil {
		return err
	}
	if f.uses+1 < f.Pool.mayUse() && (f.Code.State == StateIssued || f.Code.State == StateReserved) {
		return nil
	}
	_, err = tx.Exec("update codes set state = 'redeemed', redeemed_at = coalesce(redeemed_at, @at) where id = @code", store.Args{"code": f.Code.ID, "at": u.At})
	return err
}
