package norms

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"regulars/internal/store"
	"regulars/segments"
)

// Scoring returns where the scores divide members, as the program says.
func Scoring(tx *store.Tx) (segments.Scoring, error) {
	text, err := tx.Setting(store.SettingScoring)
	if errors.Is(err, store.ErrNotFound) {
		return segments.DefaultScoring(), nil
	}
	if err != nil {
		return segments.Scoring{}, err
	}
	var s segments.Scoring
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return segments.Scoring{}, fmt.Errorf("reading where the scores divide members: %w", err)
	}
	return s, nil
}

// SetScoring keeps where the scores are to divide members. Those of today are
// divided anew at once.
func SetScoring(tx *store.Tx, s segments.Scoring) error {
	was, err := Scoring(tx)
	if err != nil {
		return err
	}
	if err := tx.SetSetting(store.SettingScoring, store.JSON(s)); err != nil || was == s {
		return err
	}
	return Renew(tx)
}

// cuts finds the figures at which the scores divide those who have ordered. One
// row per figure that occurs, with how many members have it and fewer, is small
// and easy to sort; the cut is the first of which a share of all have no more.
const cuts = `
	with buyers as materialized (
	       select @day - f.last_day as days, f.orders, f.spent from $facts f where f.orders > 0),
	     figures as (
	       select 'recency' as what, days as figure, count(*) as members, 100 - @recency_high as low, 100 - @recency_low as high
	       from   buyers group by days
	       union  all
	       select 'frequency', orders, count(*), @frequency_low, @frequency_high from buyers group by orders
	       union  all
	       select 'monetary', spent, count(*), @monetary_low, @monetary_high from buyers group by spent),
	     placed as (
	       select what, figure, low, high,
	              sum(members) over (partition by what order by figure) as upto,
	              sum(members) over (partition by what)                 as everybody
	       from   figures)
	select what, cast(max(everybody) as bigint) as buyers,
	       min(case when 100 * upto >= low * everybody then figure end)  as low,
	       min(case when 100 * upto >= high * everybody then figure end) as high
	from   placed
	group  by what`

// computeScores fills in who is scored, and where the scores divide them.
func computeScores(tx *store.Tx, facts string, n *segments.Norms) error {
	s, err := Scoring(tx)
	if err != nil {
		return err
	}
	var rows []struct {
		What              string
		Buyers, Low, High int64
	}
	err = tx.All(&rows, strings.Replace(cuts, "$facts", facts, 1), store.Args{"day": int64(n.Day),
		"recency_low": s.Recency[0], "recency_high": s.Recency[1], "frequency_low": s.Frequency[0], "frequency_high": s.Frequency[1],
		"monetary_low": s.Monetary[0], "monetary_high": s.Monetary[1]})
	if err != nil {
		return fmt.Errorf("dividing members by their scores: %w", err)
	}
	for _, row := range rows {
		n.Buyers = row.Buyers
		*map[string]*segments.Cuts{"recency": &n.Recency, "frequency": &n.Frequency, "monetary": &n.Monetary}[row.What] = segments.Cuts{Low: row.Low, High: row.High}
	}
	if s.Within != (segments.Within{}) {
		n.Recency = segments.Cuts{Low: int64(s.Within[0]), High: int64(s.Within[1])}
	}
	return nil
}
