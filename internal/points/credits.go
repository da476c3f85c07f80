package points

import (
	"fmt"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// deposit is what only comes into a wallet by a booking: nothing draws from its lots.
type deposit struct {
	key     walletKey
	entries []Entry
	expiry  loyalty.Expiry
	active  loyalty.Day // the last day on which the member earned; 0: that moves nothing
	open    int64       // stamps that can be used afterwards
}

// How the lots that were there before have to move with a deposit: not at all, some to
// the day that the member's activity gives them, or as only a look at each can tell.
const (
	stay = iota
	move
	look
)

// addCredits keeps the lots of fresh entries in wallets to which they only add, which is
// what nearly every order does: without reading what lies there. It returns the others,
// and how many stamps can be used now on the cards of those that it kept.
func (r *Rules) addCredits(tx *store.Tx, fresh []Entry) (others []Entry, stamps map[walletKey]int64, err error) {
	stamps = map[walletKey]int64{}
	all, err := r.deposits(tx, fresh)
	if err != nil || len(all) == 0 {
		return fresh, stamps, err
	}
	kept, moving, err := r.undisturbed(tx, all)
	if err != nil {
		return nil, nil, err
	}
	if err := r.moveLots(tx, moving); err != nil {
		return nil, nil, err
	}
	today := r.today(tx)
	var rows [][]any
	for _, e := range fresh {
		d := kept[walletKey{e.MemberID, e.Wallet}]
		if d == nil {
			others = append(others, e)
			continue
		}
		lot := loyalty.Lot{Opens: *e.OpensDay, Remains: e.Amount}
		if e.LastDay != nil {
			lot.Last = *e.LastDay
		} else {
			lot.Last = d.expiry.LastDay(lot.Opens, d.active)
		}
		if lot.Open(today) {
			d.open += lot.Remains
		}
		rows = append(rows, lotRow(e.ID, d.key, lot))
	}
	for k, d := range kept {
		stamps[k] = d.open
	}
	return others, stamps, keepLots(tx, rows)
}

// deposits are the wallets to which fresh entries only add, by who does something today.
func (r *Rules) deposits(tx *store.Tx, fresh []Entry) (map[walletKey]*deposit, error) {
	all := map[walletKey]*deposit{}
	for _, e := range fresh {
		k := walletKey{e.MemberID, e.Wallet}
		d, seen := all[k]
		if !seen {
			d = &deposit{key: k}
			all[k] = d
			var err error
			if d.expiry, err = r.now().expiry(k.wallet); err != nil {
				return nil, err
			}
		}
		active := e.Kind == earn || e.Kind == bonus && !strings.HasPrefix(e.Cause, "birthday:")
		if d == nil || e.OpensDay == nil || d.moves() && !active {
			all[k] = nil
			continue
		}
		d.entries = append(d.entries, e)
		if d.moves() {
			d.active = max(d.active, loyalty.DayOf(e.At.Time, r.Zone))
		}
	}
	today := r.today(tx)
	for k, d := range all {
		if d == nil || d.moves() && d.active < today { // something later may be known already
			delete(all, k)
		}
	}
	return all, nil
}

// moves reports whether lots of the wallet end by inactivity.
func (d *deposit) moves() bool { return d.expiry.Unused != loyalty.Period{} }

// undisturbed are the deposits in wallets without debts, and without lots that have to be
// read; those of them whose older lots move on are in moving.
func (r *Rules) undisturbed(tx *store.Tx, all map[walletKey]*deposit) (kept map[walletKey]*deposit, moving []*deposit, err error) {
	var rows [][]any
	for k, d := range all {
		var active, ends any
		if d.moves() {
			active, ends = int64(d.active), int64(d.expiry.LastDay(d.active, d.active))
		}
		rows = append(rows, []any{k.member, k.wallet, k.wallet != Wallet, active, ends})
	}
	var found []struct {
		MemberID int64
		Wallet   string
		Debt     bool
		Open     int64
		Moves    int
	}
	err = tx.All(&found, `
		select r.member_id, r.wallet,
		       exists (select 1 from entries e
		               where  e.member_id = r.member_id and e.wallet = r.wallet and e.amount < 0
		               and    -e.amount > coalesce((select sum(d.amount) from draws d where d.debit_id = e.id), 0)) as debt,
		       case when r.card then
		         coalesce((select cast(sum(l.remains) as bigint) from lots l
		                   where  l.member_id = r.member_id and l.wallet = r.wallet and l.opens_day <= @today and coalesce(l.last_day, @today) >= @today), 0)
		       else 0 end as open,
		       case when r.ends is null then 0
		            when exists (select 1 from orders o where o.member_id = r.member_id and o.day > r.active)
		              or exists (select 1 from lots l where l.member_id = r.member_id and l.wallet = r.wallet and l.last_day is null) then 2
		            when exists (select 1 from lots l where l.member_id = r.member_id and l.wallet = r.wallet
		                         and l.opens_day <= r.active and l.last_day >= @today and l.last_day < r.ends) then 1
		            else 0 end as moves
		from   `+tx.Values("member_id bigint", "wallet text", "card boolean", "active bigint", "ends bigint"), store.Args{"rows": store.Rows(rows), "today": int64(r.today(tx))})
	if err != nil {
		return nil, nil, fmt.Errorf("what stands in %d wallets: %w", len(all), err)
	}
	kept = map[walletKey]*deposit{}
	for _, f := range found {
		if f.Debt || f.Moves == look {
			continue
		}
		k := walletKey{f.MemberID, f.Wallet}
		d := all[k]
		kept[k], d.open = d, f.Open
		if f.Moves == move {
			moving = append(moving, d)
		}
	}
	return kept, moving, nil
}

// moveLots moves the last days of lots that end by inactivity after the member did
// something: what had opened by then ends as long after it.
func (r *Rules) moveLots(tx *store.Tx, moving []*deposit) error {
	if len(moving) == 0 {
		return nil
	}
	var rows [][]any
	for _, d := range moving {
		rows = append(rows, []any{d.key.member, d.key.wallet, int64(d.active), int64(d.expiry.LastDay(d.active, d.active))})
	}
	_, err := tx.Exec(`
		update lots set last_day = r.ends
		from   `+tx.Values("member_id bigint", "wallet text", "active bigint", "ends bigint")+`
		where  lots.member_id = r.member_id and lots.wallet = r.wallet
		and    lots.opens_day <= r.active and lots.last_day >= @today and lots.last_day < r.ends
		and    (select e.last_day from entries e where e.id = lots.credit_id) is null`, store.Args{"rows": store.Rows(rows), "today": int64(r.today(tx))})
	if err != nil {
		return fmt.Errorf("moving the last days of lots: %w", err)
	}
	return nil
}
