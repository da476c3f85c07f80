package rehearsal

import (
	"context"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// Outcome is what would have been sent, by campaign.
type Outcome struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Through string `json:"through,omitempty"` // the last day that was played, where time did not suffice for all
	Members int64  `json:"members"`           // of the past
	Played  int64  `json:"played,omitempty"`  // of them, whose figures were multiplied; 0: all were played

	Campaigns map[string]*Campaign `json:"campaigns"`

	Currency string             `json:"currency"`
	Got      []Got              `json:"got"`               // how many members got how many mails; who got none is not among them
	Pools    map[string]*Pool   `json:"pools,omitempty"`   // whose codes were given
	Wallets  map[string]*Wallet `json:"wallets,omitempty"` // points, and the stamps of each card by its name
	Tiers    map[string]int64   `json:"tiers,omitempty"`   // who has one on the last evening

	Unplayed int64  `json:"unplayed,omitempty"` // events of the past that could not be played
	Because  string `json:"because,omitempty"`  // of the first of them

	Notes []string `json:"notes,omitempty"` // what else of the past is not played

	Against *Outcome `json:"against,omitempty"` // of another program over the same days
}

// Campaign is what one campaign would have sent.
type Campaign struct {
	Mails   int64            `json:"mails"`
	ByDay   map[string]int64 `json:"by_day"`   // 1997-01-31 → mails
	ByMonth map[string]int64 `json:"by_month"` // 1997-01 → mails
	ByMail  map[string]int64 `json:"by_mail"`
	Skipped map[string]int64 `json:"skipped"` // reason → members
	Codes   int64            `json:"codes"`   // that were given, each once

	NotTried string   `json:"not_tried,omitempty"` // why the past could not start it
	Notes    []string `json:"notes,omitempty"`     // what its rules read that nobody does in a rehearsal
}

// Got is how many members got so many mails.
type Got struct {
	Mails   int64 `json:"mails"`
	Members int64 `json:"members"`
}

// Pool is what became of a pool: its codes, and what they cost if all are used.
type Pool struct {
	Codes  int64  `json:"codes"`
	Gives  string `json:"gives"`        // what one is good for
	Cost   int64  `json:"cost_minor"`   // 0: it depends on the orders
	Budget int64  `json:"budget_minor"` // 0: none
}

// Wallet is what would have come and gone of points or of a card's stamps, in all.
type Wallet struct {
	Earned  int64 `json:"earned"` // less what was taken back
	Spent   int64 `json:"spent"`  // on rewards and full cards
	Ended   int64 `json:"ended"`
	Left    int64 `json:"left"`
	Members int64 `json:"members"`               // who have some left, or a debt
	Rewards int64 `json:"rewards"`               // that were given for them
	Worth   int64 `json:"worth_minor,omitempty"` // of those left, by what the program reckons a point at
}

// outcome counts the ledger of the stage.
func outcome(ctx context.Context, db *store.DB, p *program.Program, zone *time.Location) (Outcome, error) {
	o := Outcome{Campaigns: map[string]*Campaign{}, Currency: p.Currency, Got: []Got{}}
	for _, c := range p.Campaigns {
		o.Campaigns[c.Name] = &Campaign{ByDay: map[string]int64{}, ByMonth: map[string]int64{}, ByMail: map[string]int64{}, Skipped: map[string]int64{}}
	}
	return o, db.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`
			select c.name, s.step, s.state, s.reason, s.handed_at
			from   sends s join campaigns c on c.id = s.campaign_id`, nil)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var name, step, state, reason string
			var handed loyalty.Instant
			if err := rows.Scan(&name, &step, &state, &reason, &handed); err != nil {
				return err
			}
			switch c := o.Campaigns[name]; {
			case c == nil:
			case state == "sent":
				c.Mails++
				day := handed.In(zone).Format(time.DateOnly)
				c.ByDay[day]++
				c.ByMonth[day[:len("2006-01")]]++
				c.ByMail[step]++
			case state == "skipped" || state == "failed":
				c.Skipped[reason]++
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		var given []struct {
			Name string
			N    int64
		}
		// A flow may show one code in several mails.
		err = tx.All(&given, `
			select c.name, count(distinct s.code_id) as n
			from   sends s join campaigns c on c.id = s.campaign_id
			where  s.state = 'sent'
			group  by c.name`, nil)
		for _, g := range given {
			if c := o.Campaigns[g.Name]; c != nil {
				c.Codes = g.N
			}
		}
		if err != nil {
			return err
		}
		err = tx.All(&o.Got, `
			select n as mails, count(*) as members
			from  (select count(*) as n from sends where state = 'sent' group by member_id) of_each
			group  by n order by n`, nil)
		if err != nil {
			return err
		}
		if err := o.codes(tx, p); err != nil {
			return err
		}
		return o.loyalty(tx, p)
	})
}

// codes counts what was given of each pool.
func (o *Outcome) codes(tx *store.Tx, p *program.Program) error {
	var given []struct {
		Name string
		N    int64
	}
	err := tx.All(&given, `
		select p.name, count(distinct s.code_id) as n
		from   sends s join codes k on k.id = s.code_id join pools p on p.id = k.pool_id
		where  s.state = 'sent'
		group  by p.name`, nil)
	for _, g := range given {
		if o.Pools == nil {
			o.Pools = map[string]*Pool{}
		}
		o.Pools[g.Name] = &Pool{Codes: g.N}
		for _, pool := range p.Pools {
			if pool.Name == g.Name {
				o.Pools[g.Name] = &Pool{Codes: g.N, Gives: pool.Gives(p.Currency), Cost: pool.Cost() * g.N, Budget: pool.Budget}
			}
		}
	}
	return err
}

// ofPoints is the wallet of points.
const ofPoints = "points"

// loyalty counts what the program gave beside mails.
func (o *Outcome) loyalty(tx *store.Tx, p *program.Program) error {
	var wallets []struct {
		Name string
		Wallet
	}
	err := tx.All(&wallets, `
		select w.wallet as name, cast(sum(w.earned) as bigint) as earned, cast(sum(w.spent) as bigint) as spent, cast(sum(w.ended) as bigint) as ended,
		       cast(sum(w.has) as bigint) as "left", sum(case when w.has <> 0 then 1 else 0 end) as members,
		       (select count(*) from claims c where c.state = 'done' and (c.source = 'card' and c.reward = w.wallet or c.source not in ('card', 'referral') and w.wallet = 'points')) as rewards
		from  (select member_id, wallet, sum(amount) as has,
		              sum(case when kind in ('redeem', 'return') then -amount else 0 end) as spent,
		              sum(case when kind = 'expire' then -amount else 0 end) as ended,
		              sum(case when kind in ('redeem', 'return', 'expire') then 0 else amount end) as earned
		       from   entries group by member_id, wallet) w
		group  by w.wallet`, nil)
	if err != nil {
		return err
	}
	for _, w := range wallets {
		if o.Wallets == nil {
			o.Wallets = map[string]*Wallet{}
		}
		if w.Name == ofPoints && p.Loyalty != nil && p.Loyalty.Points != nil && w.Left > 0 {
			w.Worth = loyalty.PointsWorth(w.Left, p.Loyalty.Points.Worth)
		}
		o.Wallets[w.Name] = &w.Wallet
	}
	var tiers []struct {
		Tier string
		N    int64
	}
	err = tx.All(&tiers, "select tier, count(*) as n from member_tiers where left_day is null group by tier", nil)
	for _, t := range tiers {
		if o.Tiers == nil {
			o.Tiers = map[string]int64{}
		}
		o.Tiers[t.Tier] = t.N
	}
	return err
}

// Reached is how many members get a mail.
func (o Outcome) Reached() (n int64) {
	for _, g := range o.Got {
		n += g.Members
	}
	return n
}

// WithNone is how many get none.
func (o Outcome) WithNone() int64 { return max(0, o.Members-o.Reached()) }

// Codes is how many are given, and Cost what they cost if all are used, as far as that is
// known beforehand.
func (o Outcome) Codes() (n int64) {
	for _, p := range o.Pools {
		n += p.Codes
	}
	return n
}

// Cost is in minor units.
func (o Outcome) Cost() (minor int64) {
	for _, p := range o.Pools {
		minor += p.Cost
	}
	return minor
}
