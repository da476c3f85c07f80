package report

import (
	"errors"
	"fmt"
	"math/big"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/segments"
)

// PointsMonth is what was booked in a month, by kind, and what was outstanding at its end.
type PointsMonth struct {
	Month    string `json:"month"`
	Earned   int64  `json:"earned"`   // by orders, less what these earned less afterwards
	Bonus    int64  `json:"bonus"`    // for events, birthdays, joining
	Adjusted int64  `json:"adjusted"` // by hand, and brought from elsewhere
	Redeemed int64  `json:"redeemed"` // for rewards, less what came back
	Expired  int64  `json:"expired"`
	Left     int64  `json:"left"` // at its end, pending ones included
}

// Points returns the movement of points by month, up to the end of a day.
func Points(tx *store.Tx, day loyalty.Day) ([]PointsMonth, error) {
	var rows []struct {
		Month, Kind string
		N           int64
	}
	err := tx.All(&rows, `
		select `+monthOf(tx, "day")+` as month, what as kind, cast(sum(n) as bigint) as n
		from   points_summed
		where  month = '' and what <> 'sales' and day <= @day
		group  by 1, 2
		order  by 1, 2`, store.Args{"day": int64(day)})
	months := []PointsMonth{}
	var left int64
	for _, r := range rows {
		if len(months) == 0 || months[len(months)-1].Month != r.Month {
			months = append(months, PointsMonth{Month: r.Month})
		}
		m := &months[len(months)-1]
		left += r.N
		m.Left = left
		switch r.Kind {
		case "earn", "takeback":
			m.Earned += r.N
		case "bonus":
			m.Bonus += r.N
		case "redeem", "return":
			m.Redeemed -= r.N
		case "expire":
			m.Expired -= r.N
		default:
			m.Adjusted += r.N
		}
	}
	return months, err
}

// Liability is what the points that members have are worth to the books at the end of a
// day: all of them at their worth, and those that will be spent, if it goes on as it did.
type Liability struct {
	Day      string  `json:"day"`
	Members  int64   `json:"members"` // who have some
	Points   int64   `json:"points"`  // that can be spent
	Pending  int64   `json:"pending"`
	Debts    int64   `json:"debts"`
	Redeemed int64   `json:"redeemed"` // until then
	Expired  int64   `json:"expired"`
	Breakage float64 `json:"breakage"` // of those that are gone, the share that expired
	Nominal  int64   `json:"nominal_minor"`
	Expected int64   `json:"expected_minor"` // nominal less breakage
}

// PointsLiability returns it, at a worth of one point in thousandths of the minor unit.
func PointsLiability(tx *store.Tx, ask Ask) (l Liability, err error) {
	from, args, err := ask.points(tx)
	if err != nil {
		return l, err
	}
	err = tx.One(&l, `
		select count(*) filter (where f.points > 0 or f.points_pending > 0)                               as members,
		       coalesce(cast(sum(case when f.points > 0 then f.points else 0 end) as bigint), 0)          as points,
		       coalesce(cast(sum(f.points_pending) as bigint), 0)                                         as pending,
		       coalesce(cast(sum(case when f.points < 0 then -f.points else 0 end) as bigint), 0)         as debts,
		       coalesce((select -cast(sum(n) as bigint) from points_summed
		                 where  day <= @day and what in ('redeem', 'return')), 0)                         as redeemed,
		       coalesce((select -cast(sum(n) as bigint) from points_summed
		                 where  day <= @day and what = 'expire'), 0)                                      as expired
		from   `+from, args)
	if err != nil {
		return l, fmt.Errorf("what points are worth: %w", err)
	}
	l.Day = ask.Day.String()
	l.Nominal, l.Expected = worthOf(l.Points+l.Pending, l.Redeemed, l.Expired, ask.PointWorth)
	l.Breakage = ratio(l.Expired, l.Redeemed+l.Expired)
	return l, nil
}

// points is what each member has of points on the day: facts, but for an earlier day what
// was booked until then, also for those who were erased since. The books stay as they were.
func (a Ask) points(tx *store.Tx) (source string, args store.Args, err error) {
	source, args = a.facts(tx)
	keeps, err := tx.Setting(store.SettingPoints)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	if a.Past && keeps == "entries" {
		source = "(select q.member_id, q.points, q.pending as points_pending from (" + segments.PointsSelect() + ") q) f"
	}
	return source, args, err
}

// worthOf is what points are worth in minor units, all of them and those that will be
// spent when as many of them expire as of those that are gone.
func worthOf(points, redeemed, expired, worth int64) (nominal, expected int64) {
	n := new(big.Int).Mul(big.NewInt(points), big.NewInt(worth))
	nominal = loyalty.PointsWorth(points, worth)
	if gone := redeemed + expired; gone > 0 && expired > 0 {
		n.Mul(n, big.NewInt(redeemed)).Quo(n, big.NewInt(gone))
	}
	return nominal, n.Quo(n, big.NewInt(1000)).Int64()
}

// LiabilityMonth is what points were worth at the end of a month, or of the day asked for.
type LiabilityMonth struct {
	Month    string `json:"month"`
	Left     int64  `json:"points"` // pending ones and debts included
	Nominal  int64  `json:"nominal_minor"`
	Expected int64  `json:"expected_minor"`
}

// LiabilityFigures are all that the report on liability says.
type LiabilityFigures struct {
	Liability
	Revenue
	Months []LiabilityMonth `json:"months"`
}

// LiabilityByMonth returns what points were worth at the end of each month since the first
// was booked.
func LiabilityByMonth(tx *store.Tx, ask Ask) ([]LiabilityMonth, error) {
	all, err := Points(tx, ask.Day)
	months := []LiabilityMonth{}
	if err != nil || len(all) == 0 {
		return months, err
	}
	month, err := ParseMonth(all[0].Month)
	if err != nil {
		return nil, err
	}
	var left, redeemed, expired int64
	for ; month <= ask.Day; _, month = loyalty.MonthOf(month) {
		of := LiabilityMonth{Month: month.UTC().Format("2006-01")}
		if len(all) > 0 && all[0].Month == of.Month {
			left, redeemed, expired = all[0].Left, redeemed+all[0].Redeemed, expired+all[0].Expired
			all = all[1:]
		}
		of.Left = left
		of.Nominal, of.Expected = worthOf(left, redeemed, expired, ask.PointWorth)
		months = append(months, of)
	}
	return months, nil
}

func liabilityReport(tx *store.Tx, ask Ask) (Table, error) {
	l, err := PointsLiability(tx, ask)
	if err != nil {
		return Table{}, err
	}
	r, err := PointsRevenue(tx, ask)
	if err != nil {
		return Table{}, err
	}
	months, err := LiabilityByMonth(tx, ask)
	t := Table{Value: LiabilityFigures{l, r, months}, Head: []string{"FIGURE", ""}, Rows: [][]string{
		row("at the end of", l.Day),
		row("members with points", l.Members),
		row("points that can be spent", l.Points),
		row("points that are pending", l.Pending),
		row("points taken back that had been spent", l.Debts),
		row("spent until then", l.Redeemed),
		row("expired until then", l.Expired),
		row("expired of those that are gone", percent(l.Breakage)),
		row("worth, if all are spent", ask.money(l.Nominal)),
		row("worth, if as many expire as before", ask.money(l.Expected)),
		row("sales that earned points", ask.money(r.Sales)),
		row("of them deferred for the points", ask.money(r.Deferred)),
		row("of that released", ask.money(r.Released)),
		row("of that this year", ask.money(r.ThisYear)),
		row("still deferred", ask.money(r.Open)),
	}}
	for _, m := range months[max(0, len(months)-2*drawnMonths):] {
		t.Rows = append(t.Rows, row("worth of all at the end of "+m.Month, ask.money(m.Nominal)), row("of it without those that will expire", ask.money(m.Expected)))
	}
	return t, err
}
