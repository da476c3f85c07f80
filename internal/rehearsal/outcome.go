package rehearsal

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// Outcome is what would have been sent, by campaign.
type Outcome struct {
	Campaigns map[string]*Campaign `json:"campaigns"`

	Wallets map[string]*Wallet `json:"wallets,omitempty"` // points, and the stamps of each card by its name
	Tiers   map[string]int64   `json:"tiers,omitempty"`   // who has one on the last evening

	Unplayed int64  `json:"unplayed,omitempty"` // events of the past that could not be played
	Because  string `json:"because,omitempty"`  // of the first of them

	Notes []string `json:"notes,omitempty"` // what else of the past is not played
}

// Campaign is what one campaign would have sent.
type Campaign struct {
	Mails   int64            `json:"mails"`
	ByMonth map[string]int64 `json:"by_month"` // 1997-01 → mails
	ByMail  map[string]int64 `json:"by_mail"`
	Skipped map[string]int64 `json:"skipped"` // reason → members
	Codes   int64            `json:"codes"`   // that were given, each once

	NotTried string   `json:"not_tried,omitempty"` // why the past could not start it
	Notes    []string `json:"notes,omitempty"`     // what its rules read that nobody does in a rehearsal
}

// Wallet is what would have come and gone of points or of a card's stamps, in all.
type Wallet struct {
	Earned  int64 `json:"earned"` // less what was taken back
	Spent   int64 `json:"spent"`  // on rewards and full cards
	Ended   int64 `json:"ended"`
	Left    int64 `json:"left"`
	Members int64 `json:"members"` // who have some left, or a debt
	Rewards int64 `json:"rewards"` // that were given for them
}

// outcome counts the ledger of the stage.
func outcome(ctx context.Context, db *store.DB, p *program.Program, zone *time.Location) (Outcome, error) {
	o := Outcome{Campaigns: map[string]*Campaign{}}
	for _, c := range p.Campaigns {
		o.Campaigns[c.Name] = &Campaign{ByMonth: map[string]int64{}, ByMail: map[string]int64{}, Skipped: map[string]int64{}}
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
				c.ByMonth[handed.In(zone).Format("2006-01")]++
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
		return o.loyalty(tx)
	})
}

// loyalty counts what the program gave beside mails.
func (o *Outcome) loyalty(tx *store.Tx) error {
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

// Print tells the outcome to a marketer.
func (o Outcome) Print(w io.Writer) {
	if o.Unplayed > 0 {
		fmt.Fprintf(w, "note: %d events of the past could not be played, the first of them %s\n", o.Unplayed, o.Because)
	}
	for _, note := range o.Notes {
		fmt.Fprintf(w, "note: %s\n", note)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Wallets)) {
		has, of := o.Wallets[name], "points"
		if name != of {
			of = "stamps of " + name
		}
		fmt.Fprintf(w, "%s: %d earned, %d spent on %d rewards, %d ended, %d left with %d members\n", of, has.Earned, has.Spent, has.Rewards, has.Ended, has.Left, has.Members)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Tiers)) {
		fmt.Fprintf(w, "tier %s: %d members on the last evening\n", name, o.Tiers[name])
	}
	for _, name := range slices.Sorted(maps.Keys(o.Campaigns)) {
		c := o.Campaigns[name]
		if c.NotTried != "" {
			fmt.Fprintf(w, "%s: not tried: %s\n", name, c.NotTried)
			continue
		}
		fmt.Fprintf(w, "%s: %d mails, %d codes\n", name, c.Mails, c.Codes)
		for _, note := range c.Notes {
			fmt.Fprintf(w, "  note: %s\n", note)
		}
		for _, line := range []struct {
			head   string
			counts map[string]int64
		}{{"by month", c.ByMonth}, {"by mail", c.ByMail}, {"left out", c.Skipped}} {
			var parts []string
			for _, key := range slices.Sorted(maps.Keys(line.counts)) {
				parts = append(parts, fmt.Sprintf("%s %d", strings.ReplaceAll(key, "_", " "), line.counts[key]))
			}
			if parts != nil {
				fmt.Fprintf(w, "  %-9s %s\n", line.head, strings.Join(parts, ", "))
			}
		}
	}
}
