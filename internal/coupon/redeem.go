package coupon

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Use is a code presented at a till, or listed by an order.
type Use struct {
	Code     string          // as typed
	Order    int64           // orders.id; 0: not known yet
	Member   int64           // who presents it; 0: nobody said
	At       loyalty.Instant // zero: now
	Day      loyalty.Day     // the shop's day of At
	Discount int64           // minor units
	Accepted bool            // the shop has taken it already: it is recorded whatever we would have said
	Undone   bool            // the order is cancelled, given back or a test
	History  bool            // it is no news: no other system is told of it
	Key      string          // the caller's, by which the use is safe to repeat; "": none
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
	Damaged     = "damaged"    // its pool cannot be read: nobody knows what it is worth
)

// Redemption is what became of a use.
type Redemption struct {
	Code  Code
	Pool  Pool
	Again bool   // the use had been recorded before: for the same order or key, or at the till before its order
	But   string // Accepted: the reason for which it would have been refused, "" none
}

// Redeem records that a code was used. It is safe to repeat for one order or key,
// and an order takes over the use that the till recorded before there was one. A
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
	if r.Again, err = known(tx, f, u); err != nil || r.Again {
		return r, err
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
	if err := tellOfUse(tx, f, u); err != nil {
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

// known reports whether a use is recorded already, by its key, by its order, or at
// the till before there was an order: that one waits for it and is its from now on.
func known(tx *store.Tx, f found, u Use) (bool, error) {
	args := store.Args{"code": f.Code.ID, "accepted": u.Accepted, "key": u.Key, "order": u.Order, "member": u.Member, "at": u.At, "day": u.Day,
		"discount": u.Discount, "undone": u.Undone, "span": waits.Microseconds(), "once": f.Pool.mayUse() == 1}
	if u.Key != "" {
		var n int
		err := tx.One(&n, "select count(*) from redemptions where code_id = @code and key = @key", args)
		if err != nil || n > 0 {
			return n > 0, err
		}
	}
	if u.Order == 0 {
		return false, nil
	}
	n, err := tx.Exec(`
		update redemptions
		set    discount = case when cast(@discount as bigint) > 0 then @discount else discount end, undone = @undone, `+listed+`
		where  code_id = @code and order_id = @order`, args)
	if err != nil || n > 0 {
		return n > 0, errors.Join(err, settle(tx, f.Code.ID))
	}
	n, err = tx.Exec(`
		update redemptions
		set    order_id = @order, discount = case when cast(@discount as bigint) > 0 then @discount else discount end, undone = @undone, `+listed+`,
		       member_id = coalesce(member_id, nullif(cast(@member as bigint), 0))
		where  id = (select id from redemptions
		             where  code_id = @code and order_id is null
		             and   (@once or (member_id is null or member_id = @member)
		                             and `+tx.Micros("at")+` between `+tx.Micros(tx.Instant("@at"))+` - @span and `+tx.Micros(tx.Instant("@at"))+` + @span)
		             order  by case when member_id = @member then 0 else 1 end, id
		             limit  1)`, args)
	return n > 0, err
}

// listed has a use say whether its order lists the code: it does in an Accepted one.
const listed = "listed = case when listed or cast(@accepted as boolean) then true end"

// waits is how far a use at the till and its order may lie apart where a code is
// good for several uses.
const waits = 3 * 24 * time.Hour

// TakeOff undoes the uses of codes that orders have listed before and list no
// longer: codes are all that each of them lists now. What was redeemed at a till is
// the till's word. Where the pool says so, a code whose use is undone is good again.
func TakeOff(tx *store.Tx, codes map[int64][]string) error {
	if len(codes) == 0 {
		return nil
	}
	orders, rows := slices.Sorted(maps.Keys(codes)), [][]any{}
	for _, o := range orders {
		for _, code := range codes[o] {
			rows = append(rows, []any{o, loyalty.FoldCode(code)})
		}
	}
	var gone []int64
	err := tx.All(&gone, `
		update redemptions set undone = true, listed = false
		where  order_id in (select value from `+tx.JSONEach("@orders")+`) and listed
		and    code_id not in (select c.id from `+tx.Values("order_id bigint", "folded text")+` join codes c on c.folded = r.folded
		                       where  r.order_id = redemptions.order_id)
		returning code_id`, store.Args{"orders": store.JSON(orders), "rows": store.Rows(rows)})
	if err != nil {
		return fmt.Errorf("codes that %d orders list no longer: %w", len(orders), err)
	}
	return settleAll(tx, gone)
}

// Follow lets the uses of orders follow them, of which some are cancelled, given
// back or tests by now, and some no longer. Where the pool says so, a code whose
// use is undone is good again.
func Follow(tx *store.Tx, undone, stand []int64) error {
	var codes []int64
	for _, some := range []struct {
		orders []int64
		undone bool
	}{{undone, true}, {stand, false}} {
		if len(some.orders) == 0 {
			continue
		}
		var changed []int64
		if err := tx.All(&changed, `
			update redemptions set undone = @undone
			where  order_id in (select value from `+tx.JSONEach("@orders")+`) and undone <> @undone and coalesce(listed, true)
			returning code_id`, store.Args{"orders": store.JSON(some.orders), "undone": some.undone}); err != nil {
			return fmt.Errorf("uses of the codes of %d orders: %w", len(some.orders), err)
		}
		codes = append(codes, changed...)
	}
	return settleAll(tx, codes)
}

// settleAll is settle for many codes.
func settleAll(tx *store.Tx, codes []int64) error {
	slices.Sort(codes)
	for _, id := range slices.Compact(codes) {
		if err := settle(tx, id); err != nil {
			return fmt.Errorf("the state of code %d: %w", id, err)
		}
	}
	return nil
}

// settle brings the state of a code to what its uses are now.
func settle(tx *store.Tx, id int64) error {
	f, err := inUse(tx, id, tx.ForUpdate())
	switch {
	case err != nil || !f.Pool.GoodAgain:
		return err
	case f.Code.State == StateRedeemed && f.uses < f.Pool.mayUse():
		_, err = tx.Exec("update codes set state = 'issued', redeemed_at = null where id = @code", store.Args{"code": id})
	case (f.Code.State == StateIssued || f.Code.State == StateExpired) && f.uses > 0 && f.uses >= f.Pool.mayUse():
		_, err = tx.Exec("update codes set state = 'redeemed', redeemed_at = coalesce(redeemed_at, @now) where id = @code", store.Args{"code": id, "now": tx.At})
	}
	return err
}

// found is a code with its pool and how often it was used, as far as that matters.
type found struct {
	Code Code
	Pool Pool
	uses int

	damaged bool // the row of the pool cannot be read
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
	return inUse(tx, id, "")
}

// inUse reads a code with its pool, and counts its uses up to as many as it may have.
func inUse(tx *store.Tx, id int64, lock string) (f found, err error) {
	if lock != "" {
		if err := tx.One(&id, "select id from codes where id = @id "+lock, store.Args{"id": id}); err != nil {
			return f, err
		}
	}
	if f.Code, err = byID(tx, id); err != nil {
		return f, err
	}
	var row poolRow
	err = tx.One(&row, "select p.id, cast(p.spec as text) as spec from codes c join pools p on p.id = c.pool_id where c.id = @code", store.Args{"code": id})
	if err != nil {
		return f, err
	}
	if f.Pool, err = row.pool(); err != nil { // a use is kept all the same: it has happened
		f.Pool, f.damaged = Pool{ID: row.ID}, true
		return f, nil
	}
	if f.Pool.mayUse() == math.MaxInt {
		return f, nil
	}
	err = tx.One(&f.uses, "select count(*) from (select 1 from redemptions where code_id = @code and not (undone and @again) limit @most) u",
		store.Args{"code": id, "again": f.Pool.GoodAgain, "most": f.Pool.mayUse()})
	return f, err
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
	case f.damaged:
		return Damaged
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
		insert into redemptions (code_id, pool_id, member_id, order_id, at, day, discount, undone, listed, key)
		values (@code, @pool, @member, @order, @at, @day, @discount, @undone, nullif(cast(@listed as boolean), false), nullif(cast(@key as text), ''))`,
		store.Args{"undone": u.Undone, "listed": u.Accepted, "key": u.Key, "code": f.Code.ID, "pool": f.Pool.ID, "member": member, "order": order, "at": u.At, "day": u.Day, "discount": u.Discount})
	if err != nil {
		return err
	}
	if f.damaged {
		return nil
	}
	more := 1
	if u.Undone && f.Pool.GoodAgain {
		more = 0
	}
	if f.uses+more < f.Pool.mayUse() && (f.Code.State == StateIssued || f.Code.State == StateReserved) {
		return nil
	}
	_, err = tx.Exec("update codes set state = 'redeemed', redeemed_at = coalesce(redeemed_at, @at) where id = @code", store.Args{"code": f.Code.ID, "at": u.At})
	return err
}
