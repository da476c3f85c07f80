package points

import (
	"fmt"
	"slices"
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

// walletState is what stands in a wallet before a booking that only adds to it.
type walletState struct {
	MemberID int64
	Wallet   string
	Debt     bool  // something is owed that what comes in pays
	Open     int64 // of a card: stamps that can be used
	Moves    int

	ID        int64  // the order that adds to it
	StandTier string // of its member at its moment
}

// addKnown books entries in wallets of which all is known, where each only adds: with
// their lots, in one statement. Where that is not so it has done nothing.
func (r *Rules) addKnown(tx *store.Tx, entries []Entry, known map[walletKey]walletState) (fresh []Entry, stamps map[walletKey]int64, done bool, err error) {
	if known == nil || len(entries) == 0 {
		return nil, nil, false, nil
	}
	all, err := r.deposits(tx, entries)
	if err != nil {
		return nil, nil, false, err
	}
	var moving []*deposit
	for _, e := range entries {
		k := walletKey{e.MemberID, e.Wallet}
		d, was := all[k], known[k]
		if _, there := known[k]; d == nil || !there || was.Debt || was.Moves == look {
			return nil, nil, false, nil
		}
		if d.open = was.Open; was.Moves == move && !slices.Contains(moving, d) {
			moving = append(moving, d)
		}
	}
	if err := r.moveLots(tx, moving); err != nil {
		return nil, nil, false, err
	}
	lots := make([]loyalty.Lot, len(entries))
	for i, e := range entries {
		lots[i] = all[walletKey{e.MemberID, e.Wallet}].lot(e)
	}
	if fresh, err = insertLots(tx, entries, lots); err != nil {
		return nil, nil, false, err
	}
	today := r.today(tx)
	stamps = map[walletKey]int64{}
	for _, e := range fresh {
		k := walletKey{e.MemberID, e.Wallet}
		if d := all[k]; d.lot(e).Open(today) {
			d.open += e.Amount
		}
		stamps[k] = all[k].open
	}
	return fresh, stamps, true, nil
}

// lot is what a credit of the deposit leaves.
func (d *deposit) lot(e Entry) loyalty.Lot {
	lot := loyalty.Lot{Opens: *e.OpensDay, Remains: e.Amount}
	if e.LastDay != nil {
		lot.Last = *e.LastDay
	} else {
		lot.Last = d.expiry.LastDay(lot.Opens, d.active)
	}
	return lot
}

// addCredits keeps the lots of fresh entries in wallets to which they only add: without
// reading what lies there. It returns the others, and how many stamps can be used now on
// the cards of those that it kept.
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
		lot := d.lot(e)
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

// walletRows are the columns of the rows r of wallets to which something is added.
var walletRows = []string{"member_id bigint", "wallet text", "card boolean", "active bigint", "ends bigint"}

// walletRow is such a row: of a member who did something last on a day, now included.
func walletRow(k walletKey, expiry loyalty.Expiry, day loyalty.Day) []any {
	row := []any{k.member, k.wallet, k.wallet != Wallet, nil, nil}
	if expiry.Unused != (loyalty.Period{}) {
		row[3], row[4] = int64(day), int64(expiry.LastDay(day, day))
	}
	return row
}

// walletColumns are the state of a wallet r.
const walletColumns = `r.member_id, r.wallet,
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
		            else 0 end as moves`

// undisturbed are the deposits in wallets without debts, and without lots that have to be
// read; those of them whose older lots move on are in moving.
func (r *Rules) undisturbed(tx *store.Tx, all map[walletKey]*deposit) (kept map[walletKey]*deposit, moving []*deposit, err error) {
	var rows [][]any
	for k, d := range all {
		rows = append(rows, walletRow(k, d.expiry, d.active))
	}
	var found []walletState
	err = tx.All(&found, "select "+walletColumns+" from "+tx.Values(walletRows...), store.Args{"rows": store.Rows(rows), "today": int64(r.today(tx))})
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
