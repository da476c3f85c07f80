package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Budget is how much of what points and rewards may cost is used.
type Budget struct {
	Currency  string `json:"currency"`
	Liability int64  `json:"liability_minor"`              // what all points that members have are worth
	Points    int64  `json:"liability_bound_minor"`        // … and may be; 0: no bound
	Claimed   int64  `json:"rewards"`                      // of this month: so many, or minor units
	Rewards   int64  `json:"rewards_bound"`                // … and may be; 0: no bound
	Money     bool   `json:"rewards_in_money"`             // Claimed and Rewards are minor units
	Again     string `json:"rewards_stop_until,omitempty"` // the day from which on rewards can be claimed again

	budget loyalty.Budget
}

// spending reads what is used of the budget, where the program has one.
func (s *Status) spending(tx *store.Tx) error {
	s.Budget = nil
	text, err := tx.Setting(store.SettingBudget)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var b Budget
	if err := json.Unmarshal([]byte(text), &b.budget); err != nil {
		return fmt.Errorf("the budget: %w", err)
	}
	if b.Points, b.Rewards, b.Money = b.budget.Liability, b.budget.Rewards, b.budget.Money; b.Points == 0 && b.Rewards == 0 {
		return nil
	}
	if b.Currency, err = tx.Setting(store.SettingCurrency); err != nil {
		return err
	}
	if b.Points > 0 {
		points, err := store.PointsOut(tx)
		if err != nil {
			return err
		}
		b.Liability = loyalty.PointsWorth(points, b.budget.PointWorth)
	}
	if b.Rewards > 0 {
		today, err := tx.Today()
		if err != nil {
			return err
		}
		n, cost, err := store.RewardsOf(tx, today)
		if err != nil {
			return err
		}
		if b.Claimed = n; b.Money {
			b.Claimed = cost
		}
		if _, all := b.budget.Near(b.Claimed, b.Rewards); all && b.budget.Stop {
			_, next := loyalty.MonthOf(today)
			b.Again = next.String()
		}
	}
	s.Budget = &b
	return nil
}

func (b Budget) money(minor int64) string { return loyalty.FormatMoney(minor, b.Currency) }

// points is how points stand to their bound, in words.
func (b Budget) points() string {
	return fmt.Sprintf("points are worth %s of %s %s", b.money(b.Liability), b.money(b.Points), b.Currency)
}

// rewards is how the rewards of the month stand to their bound, in words.
func (b Budget) rewards() string {
	if b.Money {
		return fmt.Sprintf("rewards of this month cost %s of %s %s", b.money(b.Claimed), b.money(b.Rewards), b.Currency)
	}
	return fmt.Sprintf("%d of %d rewards of this month are claimed", b.Claimed, b.Rewards)
}

func (b Budget) String() string {
	var words []string
	if b.Points > 0 {
		words = append(words, b.points())
	}
	if b.Rewards > 0 {
		words = append(words, b.rewards())
	}
	return strings.Join(words, "; ")
}

// nearlySpent are the bounds of which so much is used that people are to know: which
// and how much of it, how it stands, and what comes of it.
func (s *Status) nearlySpent() (found []fact) {
	if s.Budget == nil {
		return nil
	}
	b := *s.Budget
	much := func(all bool, what string) string {
		if all {
			return "all of " + what
		}
		return strconv.FormatFloat(float64(b.budget.Warn)/10, 'f', -1, 64) + "% of " + what
	}
	if near, all := b.budget.Near(b.Liability, b.Points); near {
		found = append(found, fact{much(all, "the budget of points"), b.points(), ""})
	}
	if near, all := b.budget.Near(b.Claimed, b.Rewards); near {
		then := ""
		if b.Again != "" {
			then = "; none can be claimed before " + b.Again
		}
		found = append(found, fact{much(all, "this month's budget of rewards"), b.rewards(), then})
	}
	return found
}
