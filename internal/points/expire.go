package points

import (
	"cmp"
	"fmt"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Due returns the next members of whom lots have ended before today.
func (r *Rules) Due(tx *store.Tx, limit int) (members []int64, err error) {
	// By the index on days, as many lots as there are to be members: to sort all that end,
	// for each of its pieces, takes a night in which much ends longer the more it is.
	err = tx.All(&members, `
		select distinct member_id from (select member_id from lots where last_day < @today order by last_day, wallet limit @most) l
		order  by member_id`, store.Args{"today": int64(r.today(tx)), "most": limit})
	if err != nil {
		return nil, fmt.Errorf("whose points end: %w", err)
	}
	return members, nil
}

// Paying returns the members with a debt of whom lots have opened after a day.
func (r *Rules) Paying(tx *store.Tx, since loyalty.Day) (members []int64, err error) {
	err = tx.All(&members, `
		select distinct l.member_id from lots l
		where  l.opens_day > @since and l.opens_day <= @today
		and    exists (select 1 from entries d
		               where  d.member_id = l.member_id and d.wallet = l.wallet and d.amount < 0
		               and    -d.amount > coalesce((select sum(w.amount) from draws w where w.debit_id = d.id), 0))
		order  by l.member_id`, store.Args{"today": int64(r.today(tx)), "since": int64(since)})
	if err != nil {
		return nil, fmt.Errorf("whose debts are paid: %w", err)
	}
	return members, nil
}

// Ending is a lot whose last day is over.
type Ending struct {
	Member  int64 // its row
	Wallet  string
	Credit  int64
	LastDay loyalty.Day
	Remains int64
	lot     *loyalty.Lot
}

// Expire books what has ended of members' lots, a row for each lot, dated the day after
// its last whenever it is booked; debts are paid before by what was open. Running it
// again books nothing. The members are locked.
func (r *Rules) Expire(tx *store.Tx, members []int64) ([]Ending, error) {
	if r == nil || len(members) == 0 {
		return nil, nil
	}
	var rows []struct {
		MemberID int64
		Wallet   string
	}
	err := tx.All(&rows, "select distinct member_id, wallet from lots where member_id in (select value from "+tx.JSONEach("@members")+")",
		store.Args{"members": store.IDs(members)})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	var keys []walletKey
	for _, row := range rows {
		keys = append(keys, walletKey{row.MemberID, row.Wallet})
	}
	b, err := r.open(tx, keys, nil)
	if err != nil {
		return nil, err
	}
	b.settle()
	var ended []Ending
	var entries []Entry
	for _, w := range b.wallets {
		for _, l := range w.lots {
			if l.Remains > 0 && l.Ended(b.today) {
				e := r.ending(tx, w.key, l, b.booked[l.ID])
				ended, entries = append(ended, Ending{Member: w.key.member, Wallet: w.key.wallet, Credit: l.ID, LastDay: l.Last, Remains: l.Remains, lot: l}), append(entries, e)
			}
		}
	}
	fresh, err := insert(tx, entries)
	if err != nil {
		return nil, err
	}
	byCause := map[string]int64{}
	for _, e := range fresh {
		byCause[e.Cause] = e.ID
	}
	for i, e := range entries {
		if id := byCause[e.Cause]; id != 0 {
			b.draws = append(b.draws, loyalty.Draw{Debit: id, Credit: ended[i].Credit, N: ended[i].Remains})
			ended[i].lot.Remains = 0
		}
	}
	slices.SortFunc(ended, func(x, y Ending) int { return cmp.Compare(x.Credit, y.Credit) })
	return ended, b.write()
}

// Move gives lots of members that have no last day of their own, as what ends by
// inactivity has none, the one that the program in force gives them. Running it again
// changes nothing. The members are locked.
func (r *Rules) Move(tx *store.Tx, members []int64) error {
	if err := Forget(tx, members); err != nil {
		return err
	}
	b, err := r.openAll(tx, "lots", members)
	if err != nil || b == nil {
		return err
	}
	return b.write()
}

func (r *Rules) ending(tx *store.Tx, k walletKey, l *loyalty.Lot, booked loyalty.Day) Entry {
	return Entry{MemberID: k.member, Wallet: k.wallet, At: tx.At, Day: max(l.Last+1, booked), Kind: expire, Amount: -l.Remains,
		Cause: fmt.Sprintf("expire:%s:%d", l.Last, l.ID), VersionID: r.now().Version}
}
