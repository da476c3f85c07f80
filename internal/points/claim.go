package points

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// Ask is a reward that a till, a person or a member asks for.
type Ask struct {
	Member int64
	Reward string
	Source string // whose keys they are
	Key    string // of idempotency
	Order  string // the till's name of the order that it is for; "": none
	Steps  int64  // of a reward that is money; 0: as many as go
	Due    int64  // what is to be paid, minor units; below 0: not said
	Hold   bool   // the points are taken, and the rest waits for Confirm
	By     string
}

// hash is of what was asked with a key: another question with it is refused.
func (a Ask) hash() []byte {
	sum := sha256.Sum256([]byte(store.JSON([]any{a.Member, a.Reward, a.Order, a.Steps, a.Due, a.Hold})))
	return sum[:]
}

// Claim is a reward that a member has asked for and got.
type Claim struct {
	ID        int64
	MemberID  int64
	Reward    string
	Price     int64
	State     string
	Source    string
	CodeID    int64 // 0: none
	Worth     int64 // money off at the till, minor units
	Cost      int64 // what it costs the shop, minor units
	OrderRef  string
	HeldUntil loyalty.Instant
	At        loyalty.Instant
	Reason    string
	ByWhom    string

	Body  []byte
	Again bool `gorm:"-"` // it was claimed before, with the same key
}

// The states of a claim.
const (
	Held     = "held"     // the points are taken; who pays has not come to the end yet
	Done     = "done"     // the member has what they claimed
	Released = "released" // a held one that came to nothing
	Reversed = "reversed" // a done one that was taken back
)

// HeldFor is how long points are held for a till that does not come back.
const HeldFor = 30 * time.Minute

// Refused says why a reward is not to be had: a reason for machines and words for the
// person at the till.
type Refused struct{ Reason, Words string }

func (e *Refused) Error() string { return e.Words }

// The reasons for which a reward is refused.
const (
	NoReward  = "unknown"    // the program has none of that name
	NotEnough = "not_enough" // points
	Debt      = "debt"       // more was taken back than the member had
	WrongTier = "tier"
	Limit     = "limit"    // it was claimed as often as it may be
	SoldOut   = "sold_out" // the pool has no code left, or no budget
	Ended     = "ended"    // the pool's last day is over
	Settled   = "settled"  // the claim came to another end already
	Used      = "used"     // its code was redeemed
	NoBudget  = "budget"   // the month's is used up
)

// Claim takes a reward's points and gives what they are for, or says why not (*Refused).
// With a key that came before it answers as it did then, and ErrKey when something else
// was asked with it. All of it is in the caller's transaction: two who ask at once wait
// for each other.
func (r *Rules) Claim(tx *store.Tx, a Ask, random io.Reader) (c Claim, err error) {
	if err := lock(tx, a.Member); err != nil {
		return c, err
	}
	if c, err = r.asked(tx, a); err != nil || c.ID != 0 {
		return c, err
	}
	reward, err := r.reward(a.Reward)
	if err != nil {
		return c, err
	}
	tier, err := tierOf(tx, a.Member)
	if err != nil {
		return c, err
	}
	balance, err := r.Balance(tx, a.Member)
	if err != nil {
		return c, err
	}
	price, worth, no := affords(reward, tier, balance, a.Steps, a.Due)
	if no != nil {
		return c, no
	}
	if no, _, err = r.limited(tx, reward, a.Member); no != nil {
		return c, no
	} else if err != nil {
		return c, err
	}
	c = Claim{MemberID: a.Member, Reward: reward.Name, Price: price, Worth: worth, Cost: costOf(reward, worth), State: Done, OrderRef: a.Order}
	if a.Hold {
		c.State, c.HeldUntil = Held, tx.At.Plus(HeldFor)
	}
	if err := r.inBudget(tx, reward, &c, a.Steps); err != nil {
		return c, err
	}
	if c.ID, err = insertClaim(tx, a, c, r.today(tx)); err != nil {
		return c, err
	}
	if reward.Gives != "" {
		if c.CodeID, err = coupon.Claim(tx, reward.Gives, c.ID, a.Member, r.today(tx), random); err != nil {
			return c, refusedByPool(reward, err)
		}
		if _, err := tx.Exec("update claims set code_id = @code where id = @id", store.Args{"code": c.CodeID, "id": c.ID}); err != nil {
			return c, err
		}
		if c.State == Done {
			if err := coupon.IssueNow(tx, []int64{c.CodeID}, r.today(tx)); err != nil {
				return c, err
			}
		}
	}
	_, err = r.add(tx, []Entry{{MemberID: a.Member, Wallet: Wallet, At: tx.At, Day: r.today(tx), Kind: redeem, Amount: -c.Price,
		Cause: fmt.Sprintf("claim:%d", c.ID), ClaimID: &c.ID, VersionID: r.now().Version, ByWhom: a.By}})
	return c, err
}

// inBudget says no (*Refused) where a claim is more than the month's budget has left and
// the program stops rewards by it. Those who claim wait for each other from here on, so
// that all of them together are not more either.
func (r *Rules) inBudget(tx *store.Tx, w program.Reward, c *Claim, steps int64) error {
	l, err := r.now().Loyalty()
	if err != nil || !l.Budget.Stop {
		return err
	}
	var row string
	if err := tx.One(&row, "select key from settings where key = @key "+tx.ForUpdate(), store.Args{"key": store.SettingBudget}); err != nil {
		return fmt.Errorf("the budget of rewards: %w", err)
	}
	left, err := r.budgetLeft(tx, l)
	if err != nil {
		return err
	}
	var fits bool
	if c.Price, c.Worth, fits = within(l.Budget, left, w, c.Price, c.Worth, steps); !fits {
		return r.usedUp(tx)
	}
	c.Cost = costOf(w, c.Worth)
	return nil
}

// lock keeps everybody else from a member's points until the transaction ends.
func lock(tx *store.Tx, member int64) error {
	return tx.One(&member, "select id from members where id = @id "+tx.ForUpdate(), store.Args{"id": member})
}

// asked returns the claim that was made with a key; none: ID is 0.
func (r *Rules) asked(tx *store.Tx, a Ask) (c Claim, err error) {
	var found []Claim
	err = tx.All(&found, "select "+claimColumns+" from claims where source = @source and key = @key", store.Args{"source": a.Source, "key": a.Key})
	if err != nil || len(found) == 0 {
		return c, err
	}
	if c = found[0]; !bytes.Equal(c.Body, a.hash()) {
		return c, ErrKey
	}
	c.Again = true
	return c, nil
}

const claimColumns = `id, member_id, reward, price, state, source, coalesce(code_id, 0) as code_id, worth, cost, order_ref, held_until, at, reason, by_whom, body`

func insertClaim(tx *store.Tx, a Ask, c Claim, today loyalty.Day) (id int64, err error) {
	err = tx.One(&id, `
		insert into claims (member_id, reward, price, state, source, key, body, worth, cost, order_ref, held_until, at, day, by_whom)
		values (@member, @reward, @price, @state, @source, @key, @body, @worth, @cost, @order, @until, @now, @today, @by)
		on conflict (source, key) do nothing
		returning id`,
		store.Args{"member": a.Member, "reward": c.Reward, "price": c.Price, "state": c.State, "source": a.Source, "key": a.Key, "body": a.hash(),
			"worth": c.Worth, "cost": c.Cost, "order": c.OrderRef, "until": c.HeldUntil, "now": tx.At, "today": int64(today), "by": a.By})
	if errors.Is(err, store.ErrNotFound) { // somebody asked for another member with it in this moment
		return 0, ErrKey
	}
	return id, err
}

// ClaimsOf are a member's claims, the newest first.
func ClaimsOf(tx *store.Tx, member int64) (all []Claim, err error) {
	err = tx.All(&all, "select "+claimColumns+" from claims where member_id = @member order by id desc", store.Args{"member": member})
	return all, err
}
