package points

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// returned is for how many days at least points can be spent that come back.
const returned = 14

// Found returns a claim, locked with its member; store.ErrNotFound for none.
func Found(tx *store.Tx, id int64) (c Claim, err error) {
	err = tx.One(&c, "select "+claimColumns+" from claims where id = @id", store.Args{"id": id})
	if errors.Is(err, store.ErrNotFound) {
		err = store.Missing(fmt.Sprintf("there is no claim %d", id))
	}
	if err != nil {
		return c, err
	}
	if err := lock(tx, c.MemberID); err != nil {
		return c, err
	}
	return c, tx.One(&c, "select "+claimColumns+" from claims where id = @id "+tx.ForUpdate(), store.Args{"id": id})
}

// Confirm says that what was held is paid: the code is the member's from now on. Doing
// it again changes nothing.
func (r *Rules) Confirm(tx *store.Tx, id int64) (c Claim, err error) {
	c, err = Found(tx, id)
	switch {
	case err != nil:
		return c, err
	case c.State == Done:
		c.Again = true
		return c, nil
	case c.State != Held:
		return c, settled(c)
	}
	if c.CodeID != 0 {
		if err := coupon.IssueNow(tx, []int64{c.CodeID}, r.today(tx)); err != nil {
			return c, err
		}
	}
	c.State, c.HeldUntil = Done, loyalty.Instant{}
	return c, c.write(tx)
}

func settled(c Claim) error {
	words := fmt.Sprintf("claim %d is %s already", c.ID, c.State)
	switch c.State {
	case Done:
		words += ": reverse it, and its points are given back"
	case Held:
		words = fmt.Sprintf("claim %d is held, and nothing was given for it yet: release it, and its points are given back", c.ID)
	}
	return &Refused{Settled, words}
}

func (c Claim) write(tx *store.Tx) error {
	_, err := tx.Exec("update claims set state = @state, held_until = @until, reason = @reason, by_whom = @by where id = @id",
		store.Args{"id": c.ID, "state": c.State, "until": c.HeldUntil, "reason": c.Reason, "by": c.ByWhom})
	return err
}

// Release gives back what was held. Doing it again changes nothing.
func (r *Rules) Release(tx *store.Tx, id int64) (c Claim, err error) {
	c, err = Found(tx, id)
	switch {
	case err != nil:
		return c, err
	case c.State == Released:
		c.Again = true
		return c, nil
	case c.State != Held:
		return c, settled(c)
	}
	c.State = Released
	return c, r.undo(tx, c, false)
}

// Reverse takes back a claim that was done: its code is void and its points come back.
// One whose code was redeemed stays, unless forced with a reason: then the points come
// back and the code stays used. Doing it again changes nothing.
func (r *Rules) Reverse(tx *store.Tx, id int64, force bool, reason, by string) (c Claim, err error) {
	c, err = Found(tx, id)
	switch {
	case err != nil:
		return c, err
	case c.State == Reversed:
		c.Again = true
		return c, nil
	case c.State != Done:
		return c, settled(c)
	case force && strings.TrimSpace(reason) == "":
		return c, &Refused{Used, "say why the points of a reward that was used come back"}
	}
	c.State, c.Reason, c.ByWhom = Reversed, reason, by
	return c, r.undo(tx, c, force)
}

// LetGo releases what tills have held for too long, and returns whose it was.
func (r *Rules) LetGo(tx *store.Tx, limit int) (members []int64, err error) {
	var ids []int64
	err = tx.All(&ids, "select id from claims where state = 'held' and held_until <= @now order by id limit @limit", store.Args{"now": tx.At, "limit": limit})
	for _, id := range ids {
		c, err := r.Release(tx, id)
		if refused := (*Refused)(nil); errors.As(err, &refused) { // it was confirmed in this moment
			continue
		}
		if err != nil {
			return members, err
		}
		members = append(members, c.MemberID)
	}
	return members, err
}

// undo gives the points of a claim back to the lots from which they came, with the last
// day of each; what has ended meanwhile, or would within two weeks, is good for two
// weeks.
func (r *Rules) undo(tx *store.Tx, c Claim, force bool) error {
	c.HeldUntil = loyalty.Instant{}
	if err := c.write(tx); err != nil { // from here on it is nothing that the member did
		return err
	}
	if c.CodeID != 0 {
		err := coupon.Unclaim(tx, c.CodeID)
		switch {
		case errors.Is(err, coupon.ErrUsed) && force:
		case errors.Is(err, coupon.ErrUsed):
			return &Refused{Used, "its code was redeemed: with force and a reason the points come back all the same"}
		case err != nil:
			return err
		}
	}
	var drawn []struct {
		Wallet                    string
		CreditID, Amount, OrderID int64
		OpensDay, LastDay         loyalty.Day
	}
	err := tx.All(&drawn, `
		select c.wallet, d.credit_id, d.amount, coalesce(e.order_id, 0) as order_id, e.opens_day, coalesce(e.last_day, 0) as last_day
		from   entries c
		join   draws d on d.debit_id = c.id
		join   entries e on e.id = d.credit_id
		where  c.member_id = @member and c.claim_id = @claim and c.kind = '`+redeem+`'
		order  by d.credit_id`, store.Args{"member": c.MemberID, "claim": c.ID})
	if err != nil {
		return err
	}
	if drawn == nil {
		return nil
	}
	key := walletKey{c.MemberID, drawn[0].Wallet}
	b, err := r.open(tx, []walletKey{key}, nil)
	if err != nil {
		return err
	}
	w := b.wallets[key]
	back := map[*loyalty.Lot]int64{}
	for _, d := range drawn {
		l := w.lot(d.CreditID)
		if l == nil {
			l = &loyalty.Lot{ID: d.CreditID, Order: d.OrderID, Opens: d.OpensDay, Last: d.LastDay}
			b.own[l.ID] = d.LastDay != 0
			w.lots = append(w.lots, l)
		}
		l.Remains += d.Amount
		back[l] = d.Amount
	}
	if err := b.renew(); err != nil {
		return err
	}
	entry := Entry{MemberID: c.MemberID, Wallet: key.wallet, At: tx.At, Day: b.today, Kind: giveBack, ClaimID: &c.ID,
		Cause: fmt.Sprintf("return:%d", c.ID), VersionID: r.now().Version, Reason: c.Reason, ByWhom: c.ByWhom}
	late := entry
	soon := b.today + returned
	late.Cause, late.OpensDay, late.LastDay = entry.Cause+":late", &b.today, &soon
	for l, n := range back {
		if l.Last != 0 && l.Last < soon {
			l.Remains -= n
			late.Amount += n
			delete(back, l)
		} else {
			entry.Amount += n
		}
	}
	for _, e := range []Entry{entry, late} {
		if e.Amount == 0 {
			continue
		}
		fresh, err := insert(tx, []Entry{e})
		if err != nil {
			return err
		}
		if e.OpensDay != nil {
			b.credit(fresh[0])
			continue
		}
		for l, n := range back {
			b.draws = append(b.draws, loyalty.Draw{Debit: fresh[0].ID, Credit: l.ID, N: -n})
		}
	}
	b.settle()
	return b.write()
}

// lot is the wallet's of a credit, nil for none.
func (w *wallet) lot(credit int64) *loyalty.Lot {
	i := slices.IndexFunc(w.lots, func(l *loyalty.Lot) bool { return l.ID == credit })
	if i < 0 {
		return nil
	}
	return w.lots[i]
}
