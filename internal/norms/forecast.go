package norms

import (
	"errors"
	"fmt"

	"regulars/internal/forecast"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/segments"
)

// What a program must have before its orders say who comes back: fewer members
// who did, or a shorter past, and the four parameters fit anything.
const (
	fewestRepeat = 100
	fewestWeeks  = 12
)

// mostHistories bounds the memory and the time of a fit. Of programs with more
// different histories than that, days are rounded to weeks.
const mostHistories = 1_000_000

// fit reads the members' histories and fits the model to them, or says why not.
func fit(tx *store.Tx, facts string, n *segments.Norms) error {
	groups, err := Histories(tx, n.Day, facts)
	if err != nil {
		return fmt.Errorf("reading the members' histories: %w", err)
	}
	f := &n.Forecast
	for _, g := range groups {
		f.Members += g.Members
		f.Days = max(f.Days, g.Age)
		if g.Repeats > 0 {
			f.Repeat += g.Members
		}
	}
	switch {
	case f.Repeat < fewestRepeat:
		f.Why = fmt.Sprintf("%s ordered on two days or more, and %d are needed", only(f.Repeat, "member has", "members have"), fewestRepeat)
		return nil
	case f.Days < 7*fewestWeeks:
		f.Why = fmt.Sprintf("the first order is %s old, and %d weeks are needed", only(f.Days/7, "week", "weeks"), fewestWeeks)
		return nil
	}
	fitted, err := forecast.Fit(groups)
	if errors.Is(err, forecast.ErrNoFit) {
		f.Why = err.Error()
		return nil
	}
	f.Fit = &fitted
	return err
}

func only(n int64, one, many string) string {
	if n == 1 {
		return "only 1 " + one
	}
	return fmt.Sprintf("only %d %s", n, many)
}

// Histories are those of all members who have ordered, each once, by the end of a
// day; facts is the table of that day, or a SELECT in brackets.
func Histories(tx *store.Tx, day loyalty.Day, facts string) (groups []forecast.Group, err error) {
	rows, err := tx.Query(`
		select f.order_days - 1, f.last_day - f.first_day, @day - f.first_day, count(*)
		from   `+facts+` f
		where  f.order_days > 0
		group  by 1, 2, 3`, store.Args{"day": int64(day)})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	rounded := false
	for rows.Next() {
		var g forecast.Group
		if err := rows.Scan(&g.Repeats, &g.Recency, &g.Age, &g.Members); err != nil {
			return nil, err
		}
		if groups = append(groups, g); len(groups) > mostHistories {
			groups, rounded = forecast.Weekly(groups), true
		}
	}
	if rounded {
		groups = forecast.Weekly(groups)
	}
	return groups, rows.Err()
}

// Foresee keeps what the model of norms expects, in each of these spans of days,
// of members with the histories that facts hold: the table of the norms' day, or
// a SELECT in brackets for an earlier one. Of today's members it does so for
// tomorrow, too, since until the next pass rules are asked with these norms.
//
// It returns how many answers are new.
func Foresee(tx *store.Tx, n *segments.Norms, day loyalty.Day, facts string, spans []int64) (int, error) {
	if n.Forecast.Fit == nil || len(spans) == 0 {
		return 0, nil
	}
	if err := tx.Temp("foreseen", "days bigint, repeats bigint, age bigint, orders double precision"); err != nil {
		return 0, err
	}
	for _, days := range spans {
		if err := foresee(tx, n.Forecast.Fit.Model, day, facts, days); err != nil {
			return 0, fmt.Errorf("what to expect in %d days: %w", days, err)
		}
	}
	today, err := tx.Today()
	if err != nil {
		return 0, err
	}
	added, err := tx.Exec(`
		insert into expectations (model, days, repeats, age, orders, day)
		select cast(@model as bigint), f.days, f.repeats, f.age, f.orders, cast(@today as bigint)
		from   foreseen f where true
		on conflict (model, days, repeats, age) do nothing`,
		store.Args{"model": n.Forecast.Fit.Mark(), "today": int64(today)})
	if err != nil || added == 0 {
		return 0, err
	}
	return int(added), tx.Analyze("expectations")
}

// foresee computes one span for the histories that lack it.
func foresee(tx *store.Tx, m forecast.Model, day loyalty.Day, facts string, days int64) error {
	var lacking []struct{ Repeats, Age int64 }
	err := tx.All(&lacking, `
		select h.repeats, h.age
		from  (select distinct f.order_days - 1 as repeats, @day - f.first_day + k.later as age
		       from   `+facts+` f, (select 0 as later union all select 1) k
		       where  f.order_days > 0) h
		where  not exists (select 1 from expectations e where e.model = @model and e.days = @days and e.repeats = h.repeats and e.age = h.age)
		order  by h.repeats`, store.Args{"day": int64(day), "model": m.Mark(), "days": days})
	if err != nil {
		return err
	}
	outlook := m.Outlook(days)
	rows := make([][]any, len(lacking))
	for i, h := range lacking {
		rows[i] = []any{days, h.Repeats, h.Age, outlook.Orders(h.Repeats, h.Age)}
	}
	_, err = tx.Bulk("foreseen", []string{"days", "repeats", "age", "orders"}, rows)
	return err
}

// Foreseen says which of the spans nothing is kept of yet.
func Foreseen(tx *store.Tx, n *segments.Norms, spans []int64) (lacking []int64, err error) {
	for _, days := range spans {
		var kept bool
		err := tx.One(&kept, "select exists (select 1 from expectations where model = @model and days = @days)",
			store.Args{"model": n.Forecast.Fit.Mark(), "days": days})
		if err != nil {
			return nil, err
		}
		if !kept {
			lacking = append(lacking, days)
		}
	}
	return lacking, nil
}

// keptDays is how long an expectation is kept: yesterday's model is asked until
// the night's is there.
const keptDays = 2

// Forget throws away what old models expected.
func Forget(tx *store.Tx, today loyalty.Day) error {
	_, err := tx.Exec("delete from expectations where day < @day", store.Args{"day": int64(today) - keptDays})
	return err
}
