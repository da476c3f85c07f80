package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/plot"
	"regulars/internal/store"
)

// StockDay is how a pool of codes stood at the end of a day. Given, Used, Ended and Spent
// are up to then.
type StockDay struct {
	Pool  string      `json:"pool"`
	Day   loyalty.Day `json:"day"`
	Left  *int64      `json:"left"` // codes that could still be given; null: no limit
	Given int64       `json:"given"`
	Used  int64       `json:"used"`
	Ended int64       `json:"ended"`
	Spent int64       `json:"spent_minor"` // discounts
}

// Limits of the report on stocks.
const (
	stockDays      = 28
	drawnStockDays = 14
	drawnStocks    = 12 // those that gave most
)

// Stocks returns how the pools of the program in force stood on days up to one, the
// newest first, and on each day by pool; pool "" is all of them. A day on which no worker was there is missing.
func Stocks(tx *store.Tx, pool string, today loyalty.Day, days int) (list []StockDay, err error) {
	list = []StockDay{}
	err = tx.All(&list, `
		select p.name as pool, d.day, d.remains as "left", d.given, d.used, d.ended, d.spent
		from   pool_days d
		join   pools p on p.id = d.pool_id and p.removed_at is null
		where  d.day > @from and d.day <= @today and (@pool = '' or p.name = @pool)
		order  by d.day desc, p.name`, store.Args{"from": int64(today) - int64(days), "today": int64(today), "pool": pool})
	if err != nil {
		return nil, fmt.Errorf("how stocks went: %w", err)
	}
	return list, nil
}

// drawStocks draws how many codes each pool gave on each of the last days.
func drawStocks(ask Ask, value any) string {
	list, last := value.([]StockDay), ask.Day
	if len(list) > 0 {
		last = list[0].Day // nobody has noted a day that is not over
	}
	first := last - drawnStockDays + 1
	h := plot.Heat{Title: "Codes given on each day", Says: fmt.Sprintf("A row for each pool, with how many of its codes are left, and of the %d days up to %s how many codes it gave on each.", drawnStockDays, last)}
	for day := first; day <= last; day++ {
		h.Across = append(h.Across, day.UTC().Format("2"))
	}
	of, gave, most := map[string][]StockDay{}, map[string]int64{}, int64(1)
	for _, d := range slices.Backward(list) {
		if before := of[d.Pool]; before != nil && d.Day >= first {
			given := d.Given - before[len(before)-1].Given
			gave[d.Pool] += given
			most = max(most, given)
		}
		of[d.Pool] = append(of[d.Pool], d)
	}
	pools := slices.SortedFunc(maps.Keys(of), func(a, b string) int { return cmp.Or(cmp.Compare(gave[b], gave[a]), cmp.Compare(a, b)) })
	for _, pool := range pools[:min(len(pools), drawnStocks)] {
		days := of[pool]
		row := plot.HeatRow{Label: pool, Beside: "no limit", Cells: make([]plot.HeatCell, drawnStockDays)}
		if left := days[len(days)-1].Left; left != nil {
			row.Beside = plot.Count(float64(*left))
		}
		for i := range row.Cells {
			row.Cells[i].Title = fmt.Sprintf("%s, %s: not known", pool, first+loyalty.Day(i))
		}
		for i, d := range days[1:] {
			if given := d.Given - days[i].Given; d.Day >= first {
				row.Cells[d.Day-first] = plot.HeatCell{Share: float64(given) / float64(most), Text: plot.Count(float64(given)), Title: fmt.Sprintf("%s, %s: %d given", pool, d.Day, given)}
			}
		}
		h.Rows = append(h.Rows, row)
	}
	h.Narrow = ask.Narrow
	return h.SVG()
}

// DrawStock draws the course of one pool, whose days come the oldest first: how much of it
// was left, and what was given and used on each day. Of a pool without a limit, and of one that nobody has looked at
// for two days, only the latter or nothing is drawn.
func DrawStock(pool, currency string, shared bool, days []StockDay) (left, given Drawing) {
	if len(days) < 2 {
		return Drawing{}, Drawing{}
	}
	from, to := days[0].Day, days[len(days)-1].Day
	span := fmt.Sprintf("from %s to %s", from, to)
	stock := plot.Columns{Title: "What was left of " + pool}
	moved := plot.Columns{Title: "Codes of " + pool + ", day by day", Says: "How many codes were given on each day, as columns, and used, as a line, " + span + "."}
	remains, gave, used, cost := plot.Series{Name: "left"}, plot.Series{Name: "given"}, plot.Series{Name: "used"}, plot.Series{Name: "discounts"}
	for i, day := 0, from+1; day <= to; day++ {
		if days[i+1].Day == day {
			i++
		}
		now, before := days[i], days[max(0, i-1)]
		known := now.Day == day
		add := func(s *plot.Series, v int64, is bool) {
			value := math.NaN()
			if is {
				value = float64(v)
			}
			s.Values = append(s.Values, value)
		}
		stock.Labels = append(stock.Labels, day.UTC().Format("2 Jan"))
		var rest int64
		if now.Left != nil {
			rest = *now.Left
		}
		add(&remains, rest, known && now.Left != nil)
		add(&gave, now.Given-before.Given, known)
		add(&used, now.Used-before.Used, known)
		add(&cost, now.Spent-before.Spent, known)
	}
	moved.Labels, moved.Up, moved.Lines = stock.Labels, []plot.Series{gave}, []plot.Series{used}
	if shared { // one code for all: only what it cost tells how it goes
		moved.Title, moved.Says, moved.Up, moved.Lines = "Discounts by "+pool+", day by day", "What the uses of each day cost, in "+currency+", "+span+".", []plot.Series{cost}, nil
		moved.Text = wholeMoney(currency)
	}
	if slices.ContainsFunc(days, func(d StockDay) bool { return d.Left != nil }) {
		stock.Says = fmt.Sprintf("How many codes were left at the end of each day, %s.", span)
		stock.Lines = []plot.Series{remains}
		left = drawn(stock)
	}
	return left, drawn(moved)
}
