package tiers

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/segments"
	"regulars/templates"
)

// Next is the tier above a member's, and what they lack for it.
type Next struct {
	Tier program.Tier
	Lack []templates.Lack // of the figures that its rule asks to rise, those that have not; nil: it cannot be told
	Why  []string         // the same in words, with what they have
}

// NextOf returns the next tiers of members by the tier that each holds, "" for none, in a
// statement for each tier. Who holds the highest is not among them.
func NextOf(tx *store.Tx, p *program.Program, today loyalty.Day, held map[int64]string) (map[int64]Next, error) {
	next := map[int64]Next{}
	if p.Loyalty == nil {
		return next, nil
	}
	below := ""
	for _, tier := range p.Loyalty.Tiers {
		var members []int64
		for member, holds := range held {
			if holds == below {
				members, next[member] = append(members, member), Next{Tier: tier}
			}
		}
		below = tier.Name
		if goals := tier.When.Goals(); members != nil && goals != nil {
			if err := lacking(tx, today, members, goals, next, p.Currency); err != nil {
				return nil, fmt.Errorf("what members lack for tier %s: %w", tier.Name, err)
			}
		}
	}
	return next, nil
}

// Gain is what an order adds to the figures that rules of tiers ask to rise.
type Gain struct{ Spent, Quantity, Points int64 }

// by is how much it adds to the field that rules read by a name.
func (g Gain) by(field string) int64 {
	switch field {
	case "spent":
		return g.Spent
	case "orders":
		return 1
	case "quantity":
		return g.Quantity
	case "points_earned":
		return g.Points
	}
	return 0
}

// After is the tier that a member who holds one would hold after an order of today, as
// far as its gain tells.
func After(tx *store.Tx, p *program.Program, today loyalty.Day, member int64, holds string, gain Gain) (string, error) {
	if p.Loyalty == nil {
		return holds, nil
	}
	after, below, above := holds, "", holds == ""
	for _, tier := range p.Loyalty.Tiers {
		if above && tier.When.OnlyGoals() {
			next, err := NextOf(tx, p, today, map[int64]string{member: below})
			if err != nil {
				return "", err
			}
			if !slices.ContainsFunc(next[member].Lack, func(l templates.Lack) bool { return l.N > gain.by(l.Of) }) {
				after = tier.Name
			}
		}
		above, below = above || tier.Name == holds, tier.Name
	}
	return after, nil
}

// lacking adds to members' next tiers what of its goals they lack.
func lacking(tx *store.Tx, today loyalty.Day, members []int64, goals []segments.Goal, next map[int64]Next, currency string) error {
	args := store.Args{"ids": store.IDs(members)}
	columns := []string{"f.member_id"}
	for i, goal := range goals {
		expr, more := goal.SQL(segments.Query{Engine: tx.Engine(), Day: today, Members: tx.In("@ids"), Prefix: fmt.Sprintf("g%d_", i)})
		maps.Copy(args, more)
		columns = append(columns, "coalesce(cast("+expr+" as double precision), 0)")
	}
	rows, err := tx.Query("select "+strings.Join(columns, ", ")+" from facts f where f.member_id in "+tx.In("@ids"), args)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var member int64
		has := make([]float64, len(goals))
		into := []any{&member}
		for i := range has {
			into = append(into, &has[i])
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		n := next[member]
		for i, goal := range goals {
			short := goal.At - int64(math.Floor(has[i]))
			if short <= 0 {
				continue
			}
			needs := fmt.Sprint(goal.At)
			if goal.Money {
				needs = loyalty.FormatMoney(goal.At, currency) + " " + currency
			}
			n.Lack = append(n.Lack, templates.Lack{N: short, Of: goal.Name, Money: goal.Money})
			n.Why = append(n.Why, goal.Words(has[i])+", and needs "+needs)
		}
		next[member] = n
	}
	return rows.Err()
}
