package points

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
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

// returned is for how many days at least points can be spent that come back.
const returned = 14

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
	if err := r.inBudget(tx, reward, c); err != nil {
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
func (r *Rules) inBudget(tx *store.Tx, w program.Reward, c Claim) error {
	l, err := r.now().Loyalty()
	if err != nil || !l.Budget.Stop {
		return err
	}
	var row string
	if err := tx.One(&row, "select key from settings where key = @key "+tx.ForUpdate(), store.Args{"key": store.SettingBudget}); err != nil {
		return fmt.Errorf("the budget of rewards: %w", err)
	}
	used, err := r.budgetUsed(tx, l)
	if err == nil && takes(l.Budget, w, c.Worth) > l.Budget.Rewards-used {
		return r.usedUp(tx)
	}
	return err
}

// takes is what a reward takes of a budget of rewards: one of them, or its cost.
func takes(b loyalty.Budget, w program.Reward, worth int64) int64 {
	if b.Money {
		return costOf(w, worth)
	}
	return 1
}

// costOf is what a reward costs the shop, of one that is money its worth.
func costOf(w program.Reward, worth int64) int64 {
	if w.Gives == "" {
		return worth
	}
	return w.Cost
}

// budgetUsed is what the rewards of this month are: so many, or minor units.
func (r *Rules) budgetUsed(tx *store.Tx, l *program.Loyalty) (int64, error) {
	n, cost, err := store.RewardsOf(tx, r.today(tx))
	if l.Budget.Money {
		return cost, err
	}
	return n, err
}

func (r *Rules) usedUp(tx *store.Tx) *Refused {
	_, next := loyalty.MonthOf(r.today(tx))
	return &Refused{NoBudget, fmt.Sprintf("the rewards of this month are all given: they can be claimed again from %s on, and the points stay", next)}
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

// Offer is a reward as it stands for a member.
type Offer struct {
	Reward  string `json:"reward"`
	Price   int64  `json:"price"`
	Worth   int64  `json:"worth_minor,omitempty"` // of one that is money, all steps that go
	Good    bool   `json:"affordable"`
	Missing int64  `json:"missing,omitempty"` // points
	Reason  string `json:"reason,omitempty"`  // why not: not_enough, tier, limit, debt, budget
	Words   string `json:"words,omitempty"`   // … for the person at the till

	Gives  string      `json:"-"` // its pool; "": money
	Amount int64       `json:"-"` // of one that is money, for Price points, minor units
	Again  loyalty.Day `json:"-"` // from which on it can be claimed, where only the limit or the budget is in the way; 0: not known
}

// Offers are all rewards as they stand for a member who has to pay due, minor units;
// below 0 it is not known.
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
	budget := int64(math.MaxInt64) // what is left of it
	if l.Budget.Stop {
		used, err := r.budgetUsed(tx, l)
		if err != nil {
			return nil, err
		}
		budget = l.Budget.Rewards - used
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
		if no == nil && takes(l.Budget, w, worth) > budget {
			no = r.usedUp(tx)
			_, o.Again = loyalty.MonthOf(r.today(tx))
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

// Quoted is what an order would bring a member if it came now.
type Quoted struct {
	Points int64
	Opens  loyalty.Day // from which on they could be spent
	Stamps []CardStamps
	Tier   string // that the member holds before it, "" for none
}

// CardStamps are stamps that an order would give on a card.
type CardStamps struct {
	Card   string `json:"card"`
	Stamps int64  `json:"stamps"`
}

// Quote reckons what an order would bring a member if it came now. Nothing is written.
func (r *Rules) Quote(tx *store.Tx, member int64, o loyalty.Order) (q Quoted, err error) {
	if q.Tier, err = tierOf(tx, member); err != nil {
		return q, err
	}
	p := &purchase{MemberID: member, At: tx.At, Day: r.today(tx), Status: loyalty.Paid, Total: o.Total, Discount: o.Discount, Tax: o.Tax, Shipping: o.Shipping,
		Quantity: o.Quantity, Shop: o.Shop, lines: o.Lines, version: r.now().Version, tier: q.Tier}
	if err := r.targets(tx, []*purchase{p}); err != nil {
		return q, err
	}
	rates, err := r.now().points()
	if err != nil {
		return q, err
	}
	q.Points, q.Opens = p.target, p.Day+loyalty.Day(rates.Pending)
	cards, err := r.cardsOf(p)
	if err != nil {
		return q, err
	}
	for _, c := range cards {
		for _, e := range r.stamps(tx, p, c) {
			q.Stamps = append(q.Stamps, CardStamps{c.Name, e.Amount})
		}
	}
	return q, nil
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

func refusedByPool(w program.Reward, err error) error {
	switch {
	case errors.Is(err, coupon.ErrEmpty):
		return &Refused{SoldOut, "none is left of " + w.Name}
	case errors.Is(err, coupon.ErrOver):
		return &Refused{Ended, w.Name + " is over"}
	}
	return err
}

// Balance is what a member can spend today; below 0 it is a debt.
func (r *Rules) Balance(tx *store.Tx, member int64) (n int64, err error) {
	h, err := hasOn(tx, member, r.today(tx))
	return h.balance(), err
}

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
	if c.State == Done {
		words += ": reverse it, and its points are given back"
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

// ClaimsOf are a member's claims, the newest first.
func ClaimsOf(tx *store.Tx, member int64) (all []Claim, err error) {
	err = tx.All(&all, "select "+claimColumns+" from claims where member_id = @member order by id desc", store.Args{"member": member})
	return all, err
}
