package store

import "fmt"

// Sums of points by day are kept by triggers of entries, draws and orders, as counts of
// mails are: on Postgres each transaction adds rows to point_moves, which FoldPoints adds
// up. Readers ask the view points_summed.

// pointsLedger is what the sums are of: a SELECT of what, month, day and n.
func (tx *Tx) pointsLedger() string {
	month, later := "strftime('%Y-%m', c.day * 86400, 'unixepoch')", "max"
	if tx.Postgres() {
		month, later = "to_char(date '1970-01-01' + cast(c.day as integer), 'YYYY-MM')", "greatest"
	}
	return `
		select kind as what, '' as month, day, sum(amount) as n from entries where wallet = 'points' group by kind, day
		union  all
		select case when e.kind = 'takeback' then 'back' when e.kind in ('redeem', 'return') then 'spent' else 'lost' end,
		       ` + month + `, ` + later + `(c.day, e.day), sum(d.amount)
		from   draws d
		join   entries c on c.id = d.credit_id and c.wallet = 'points' and c.kind = 'earn'
		join   entries e on e.id = d.debit_id
		group  by 1, 2, 3
		union  all
		select 'sales', '', f.day, sum(o.total - o.refunded)
		from  (select order_id, min(day) as day from entries where wallet = 'points' and kind = 'earn' and order_id is not null group by order_id) f
		join   orders o on o.id = f.order_id and o.counts
		group  by f.day`
}

// missummed is a SELECT of what is summed otherwise than it was booked.
func (tx *Tx) missummed() string {
	return `
		select what, month, day, cast(sum(case when booked = 0 then n else 0 end) as bigint) as summed, cast(sum(case when booked = 1 then n else 0 end) as bigint) as held
		from  (select what, month, day, n, 0 as booked from points_summed
		       union all
		       select what, month, day, n, 1 from (` + tx.pointsLedger() + `) l) b
		group  by what, month, day
		having sum(case when booked = 1 then n else -n end) <> 0`
}

// Missum is a sum of points that is not what was booked.
type Missum struct {
	What, Month  string
	Day          int64
	Summed, Held int64
}

// Missums compares the sums of points with all that was booked, as of one moment, and
// returns at most so many differences.
func Missums(tx *Tx, most int) (found []Missum, err error) {
	if err := tx.AboutEverybody(); err != nil {
		return nil, err
	}
	err = tx.All(&found, "select what, month, day, summed, held from ("+tx.missummed()+") m order by day, what, month limit @most", Args{"most": most})
	return found, err
}

// Resum sets the sums of points right by what was booked, and returns how many it changed.
func Resum(tx *Tx) (int64, error) {
	if err := tx.AboutEverybody(); err != nil {
		return 0, err
	}
	into, conflict := "point_moves", ""
	if !tx.Postgres() {
		into, conflict = "point_sums", "on conflict (what, month, day) do update set n = n + excluded.n"
	}
	return tx.Exec("insert into "+into+" (what, month, day, n) select what, month, day, held - summed from ("+tx.missummed()+") m where true "+conflict, nil)
}

// FoldPoints adds up what the sums of points were changed by. What is read stays the same
// at every moment. On SQLite, which has one writer, there is nothing to add up.
func FoldPoints(tx *Tx) error {
	if !tx.Postgres() {
		return nil
	}
	_, err := tx.Exec(`
		with gone as (delete from point_moves returning what, month, day, n)
		insert into point_sums as s (what, month, day, n)
		select what, month, day, sum(n) from gone
		group  by what, month, day having sum(n) <> 0
		order  by what, month, day
		on conflict (what, month, day) do update set n = s.n + excluded.n`, nil)
	if err != nil {
		return fmt.Errorf("adding up what points were booked: %w", err)
	}
	return nil
}
