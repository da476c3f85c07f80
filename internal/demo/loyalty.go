package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"regulars/internal/coupon"
	"regulars/internal/marketing"
	"regulars/internal/points"
	"regulars/internal/store"
)

// campaigns are those of the library that the roaster runs.
var campaigns = []string{"birthday", "coupon-drop", "friend-rewarded", "friend-welcome", "milestone", "newsletter", "points-ending", "second-order", "tier-reached", "welcome", "win-back"}

// beans is the roaster's loyalty.yaml; %s is the day from which orders count.
const beans = `# How members earn beans, and what these are good for.
points:
  since:   %s
  called:  {en: beans}
  worth:   0.02                         # what the books reckon one at
  earn:
    - 1 per 1.00                        # goods as paid
    - 1 per 1.00 of category "Coffee"   # adds: coffee earns 2
  pending: 14d                          # shown at once, spendable when the return window is over
  expire:  {unused: 6m}
tiers:
  silver: {when: spent("12m") >= 250.00, keep: 12m, earn: 1.25x}
  gold:   {when: spent("12m") >= 600.00, keep: 12m, earn: 1.5x}
cards:
  coffee: {stamp: category "Coffee", of: 10, gives: free-bag, at_most: 4 per order}
rewards:
  bag:    {price: 250, gives: free-bag}
referral: {friend: friend-hello, referrer: 100, after: {order: 15.00, within: 60d}, at_most: 10 per 365d}
`

// bags is what a full card and the reward give.
const bags = `
# What a full card and 250 beans give.
free-bag: {kind: generated, pattern: "BAG-####-####-####", item: Harbour House blend, worth: 8.90, valid_for: 60d, checkout: asks_us}
`

// balance is what the mail for a milestone says of beans and tier.
const balance = `
{{ if points.balance }}You have **{{ points.balance }} {{ points.called }}**{{ if tier.name }}, and you are one of our {{ tier.name }} members{{ end }}.{{ end }}
`

// speaksOfBeans are campaigns whose readers spend beans on a bag, where there are enough.
var speaksOfBeans = map[string]bool{"points-ending": true, "tier-reached": true}

// claim gives a member a bag for beans and returns its code, "" where beans are lacking.
// A mail does so once.
func (p Play) claim(ctx context.Context, mail, member int64) (code string, err error) {
	err = p.DB.Update(ctx, func(tx *store.Tx) error {
		c, err := marketing.New(nil).Claim(tx, points.Ask{Member: member, Reward: "bag", Source: "demo", Key: fmt.Sprint("mail ", mail), Due: -1})
		if err != nil {
			return err
		}
		codes, err := coupon.Load(tx, []int64{c.CodeID})
		code = codes[c.CodeID].Code
		return err
	})
	if no := (*points.Refused)(nil); errors.As(err, &no) {
		return "", nil
	}
	return code, err
}

// Beans is what came of points, tiers, cards and rewards, with the year before.
type Beans struct {
	Earned  int64  `json:"earned"`
	Spent   int64  `json:"spent"`
	Expired int64  `json:"expired"`
	Left    int64  `json:"left"`
	Pending int64  `json:"pending"`
	Claimed int64  `json:"rewards_claimed"`
	Cards   int64  `json:"cards_filled"`
	Friends int64  `json:"friends_brought"`
	Paid    int64  `json:"friends_rewarded"`
	Tiers   []Tier `json:"tiers" gorm:"-"` // the largest first
}

// Tier is how many members have a tier at the end.
type Tier struct {
	Tier string `json:"tier"`
	N    int64  `json:"members"`
}

func (b *Beans) count(tx *store.Tx) error {
	err := tx.One(b, `
		select b.*, f.*, c.*, r.*
		from  (select coalesce(cast(sum(amount) filter (where kind in ('earn', 'bonus', 'takeback')) as bigint), 0) as earned,
		              coalesce(cast(-sum(amount) filter (where kind in ('redeem', 'return')) as bigint), 0) as spent,
		              coalesce(cast(-sum(amount) filter (where kind = 'expire') as bigint), 0) as expired
		       from   entries where wallet = 'points') b,
		      (select coalesce(cast(sum(points) as bigint), 0) as "left", coalesce(cast(sum(points_pending) as bigint), 0) as pending from facts) f,
		      (select count(*) filter (where source not in ('card', 'referral')) as claimed, count(*) filter (where source = 'card') as cards
		       from   claims where state = 'done') c,
		      (select count(*) as friends, count(*) filter (where state = 'rewarded') as paid from referrals) r`, nil)
	if err != nil {
		return err
	}
	return tx.All(&b.Tiers, "select tier, count(*) as n from facts where tier <> '' group by tier order by 2 desc, 1", nil)
}

// print says it in a line each.
func (b Beans) print(say func(format string, args ...any)) {
	var tiers []string
	for _, t := range b.Tiers {
		tiers = append(tiers, fmt.Sprintf("%d %s", t.N, t.Tier))
	}
	say("Beans, with the year before: %d earned, %d spent on %d bags, %d ended unused; %d can be spent now and %d soon.", b.Earned, b.Spent, b.Claimed, b.Expired, b.Left, b.Pending)
	if tiers != nil {
		say("Members with a tier: %s. Coffee cards filled, a bag each: %d.", strings.Join(tiers, ", "), b.Cards)
	}
	if b.Friends > 0 {
		say("Friends whom members brought: %d. For %d of them these have their 100 beans, as the friend's first order stands.", b.Friends, b.Paid)
	}
}
