package points

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// Offer is a reward as it stands for a member.
type Offer struct {
	Reward  string `json:"reward"`
	Price   int64  `json:"price"`
	Worth   int64  `json:"worth_minor,omitempty"` // of one that is money, all steps that go
	Good    bool   `json:"affordable"`
	Missing int64  `json:"missing,omitempty"` // points
	Reason  string `json:"reason,omitempty"`  // why not: not_enough, tier, limit, debt, budget, sold_out, ended
	Words   string `json:"words,omitempty"`   // … for the person at the till

	Gives  string      `json:"-"` // its pool; "": money
	Amount int64       `json:"-"` // of one that is money, for Price points, minor units
	Again  loyalty.Day `json:"-"` // from which on it can be claimed, where only the limit or the budget is in the way; 0: not known
}

// Shut reports whether nobody can have it now, whatever they have.
func (o Offer) Shut() bool { return slices.Contains([]string{NoBudget, SoldOut, Ended}, o.Reason) }

// Offers are all rewards as they stand for a member who has to pay due, minor units; below
// 0 it is not known. Each says what Claim would, with as many steps as go.
func (r *Rules) Offers(tx *store.Tx, member, due int64) ([]Offer, error) {
	l, err := r.now().Loyalty()
	if err != nil {
		return nil, err
	}
	tier, err := tierOf(tx, member)
	if err != nil {
		return nil, err
	}
	balance, err := r.Balance(tx, member)
	if err != nil {
		return nil, err
	}
	left, err := r.budgetLeft(tx, l)
	if err != nil {
		return nil, err
	}
	offers := []Offer{}
	for _, w := range l.Rewards {
		o := Offer{Reward: w.Name, Price: w.Price, Gives: w.Gives, Amount: w.Amount}
		price, worth, no := affords(w, tier, balance, 0, due)
		if no == nil {
			if no, o.Again, err = r.limited(tx, w, member); err != nil {
				return nil, err
			}
		}
		if no == nil {
			var fits bool
			if price, worth, fits = within(l.Budget, left, w, price, worth, 0); !fits {
				no = r.usedUp(tx)
				_, o.Again = loyalty.MonthOf(r.today(tx))
			}
		}
		if no == nil {
			if err := r.inStock(tx, w); err != nil && !errors.As(err, &no) {
				return nil, err
			}
		}
		if no != nil {
			o.Reason, o.Words, o.Missing = no.Reason, no.Words, max(0, w.Price-balance)
		} else {
			o.Price, o.Worth, o.Good = price, worth, true
		}
		offers = append(offers, o)
	}
	return offers, nil
}

// reward is one of the program's by its name.
func (r *Rules) reward(name string) (w program.Reward, err error) {
	l, err := r.now().Loyalty()
	if err != nil {
		return w, err
	}
	var names []string
	for _, w := range l.Rewards {
		if w.Name == name {
			return w, nil
		}
		names = append(names, w.Name)
	}
	words := fmt.Sprintf("there is no reward %q", name)
	if near := loyalty.Nearest(name, names); near != "" {
		words += ": " + near + " is one"
	}
	return w, &Refused{NoReward, words}
}

// affords says what a reward costs a member of a tier with a balance, in points, and
// what money it is, in minor units; or why they cannot have it.
func affords(w program.Reward, tier string, balance, steps, due int64) (price, worth int64, no *Refused) {
	if len(w.Tiers) > 0 && !slices.Contains(w.Tiers, tier) {
		words := fmt.Sprintf("%s is for %s, and this member has no tier", w.Name, strings.Join(w.Tiers, " and "))
		if tier != "" {
			words = fmt.Sprintf("%s is for %s, and this member is %s", w.Name, strings.Join(w.Tiers, " and "), tier)
		}
		return 0, 0, &Refused{WrongTier, words}
	}
	price = w.Price
	if w.Gives == "" {
		n := loyalty.Pay(w.Price, w.Amount, w.Steps, w.Most, steps, balance, due)
		if n == 0 && due >= 0 && balance >= w.Price {
			return 0, 0, &Refused{NotEnough, "the order is too small to be paid with " + w.Name}
		}
		price, worth = max(1, n)*w.Price, max(1, n)*w.Amount
	}
	switch {
	case balance < price && balance < 0:
		return 0, 0, &Refused{Debt, fmt.Sprintf("%d points were taken back that had been spent: they come off what is earned next", -balance)}
	case balance < price:
		return 0, 0, &Refused{NotEnough, fmt.Sprintf("%s costs %d points and %d are there: %d are missing", w.Name, price, balance, price-balance)}
	}
	return price, worth, nil
}

// within brings what a claim takes into what the month's budget has left, or reports that
// it has too little: of money off as much as there is, where nobody said how much.
func within(b loyalty.Budget, left int64, w program.Reward, price, worth, steps int64) (int64, int64, bool) {
	if w.Takes(b, worth) <= left {
		return price, worth, true
	}
	if b.Money && w.Gives == "" && steps == 0 && left >= w.Amount {
		return left / w.Amount * w.Price, left / w.Amount * w.Amount, true
	}
	return price, worth, false
}

// costOf is what a reward costs the shop, of one that is money its worth.
func costOf(w program.Reward, worth int64) int64 {
	if w.Gives == "" {
		return worth
	}
	return w.Cost
}

// budgetLeft is what the rewards of this month may still be: so many, or minor units.
func (r *Rules) budgetLeft(tx *store.Tx, l *program.Loyalty) (int64, error) {
	if !l.Budget.Stop {
		return math.MaxInt64, nil
	}
	n, cost, err := store.RewardsOf(tx, r.today(tx))
	if l.Budget.Money {
		n = cost
	}
	return l.Budget.Rewards - n, err
}

func (r *Rules) usedUp(tx *store.Tx) *Refused {
	_, next := loyalty.MonthOf(r.today(tx))
	return &Refused{NoBudget, fmt.Sprintf("the rewards of this month are all given: they can be claimed again from %s on, and the points stay", next)}
}

// inStock says no where a reward's pool has no code to give.
func (r *Rules) inStock(tx *store.Tx, w program.Reward) error {
	if w.Gives == "" {
		return nil
	}
	n, err := coupon.Left(tx, w.Gives, r.today(tx))
	if err == nil && n == 0 {
		err = coupon.ErrEmpty
	}
	return refusedByPool(w, err)
}

func refusedByPool(w program.Reward, err error) error {
	switch {
	case errors.Is(err, coupon.ErrEmpty):
		return &Refused{SoldOut, "none is left of " + w.Name}
	case errors.Is(err, coupon.ErrOver):
		return &Refused{Ended, w.Name + " is over"}
	}
	return err
}

// tierOf is the tier that a member has now, "" for none.
func tierOf(tx *store.Tx, member int64) (string, error) {
	var tier []string
	err := tx.All(&tier, "select tier from member_tiers where member_id = @member and left_day is null", store.Args{"member": member})
	if err != nil || len(tier) == 0 {
		return "", err
	}
	return tier[0], nil
}

// Balance is what a member can spend today; below 0 it is a debt.
func (r *Rules) Balance(tx *store.Tx, member int64) (n int64, err error) {
	h, err := hasOn(tx, member, r.today(tx))
	return h.balance(), err
}
