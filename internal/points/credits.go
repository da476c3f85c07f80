package points

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// deposit is what only comes into a wallet by a booking: nothing draws from its lots.
type deposit struct {
	key    walletKey
	expiry loyalty.Expiry
	active loyalty.Day // the last day on which the member earned; 0: that moves nothing
	walletState
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
	MemberID      int64
	Wallet        string
	Debt          bool        // something is owed that what comes in pays
	Open, Pending int64       // what can be spent today, and from a later day on
	Ends          loyalty.Day // of what can be spent today, the first last day once lots have moved; 0: none
	Moves         int

	Unmoved loyalty.Day // the first last day before lots have moved; 0: none
	Turns   loyalty.Day // the first day that opens something, or on which something has ended; 0: none
	Own     bool        // something has a last day of its own that would move otherwise

	ID        int64  // the order that adds to it
	StandTier string // of its member at its moment
}

// columns are where those of walletStates go, but for more of them.
func (w *walletState) columns() []any {
	return []any{&w.MemberID, &w.Wallet, &w.Open, &w.Pending, &w.Ends, &w.Unmoved, &w.Turns, &w.Own, &w.Debt, &w.Moves}
}

// Booked is what bookings made of members' points, for facts.
type Booked struct {
	Stands  map[int64]Stand  // of those to whose points they only added
	Changed map[int64]bool   // whose points anything else has changed
	Wallets map[int64][]byte // of those of whom orders were placed what their facts are to keep for Placed.Wallets; nil: nothing
}

// Stand is how a member's points stand today.
type Stand struct {
	Points, Pending int64       // that can be spent today, and from a later day on
	Ends            loyalty.Day // of those that can be spent today, the first last day; 0: none
}

// And is what was booked in all by bookings and some after them.
func (b Booked) And(later Booked) Booked {
	switch {
	case len(b.Stands)+len(b.Changed) == 0:
		return later
	case len(later.Stands)+len(later.Changed) == 0:
		return b
	}
	all := Booked{maps.Clone(b.Stands), maps.Clone(b.Changed), maps.Clone(b.Wallets)}
	for id := range all.Wallets { // which a later booking has made unknown
		if _, stands := later.Stands[id]; stands || later.Changed[id] {
			all.Wallets[id] = nil
		}
	}
	maps.Copy(all.Stands, later.Stands)
	maps.Copy(all.Changed, later.Changed)
	return all
}

// booking is what a booking came to.
type booking struct {
	fresh []Entry             // those that were new
	open  map[walletKey]int64 // what can be spent afterwards in their wallets
	Booked
}

func newBooking() *booking {
	return &booking{open: map[walletKey]int64{}, Booked: Booked{Stands: map[int64]Stand{}, Changed: map[int64]bool{}}}
}

// addCredits books the entries in wallets to which they only add, with their lots:
// without reading what lies there. It returns the others. What is known of wallets need
// not be looked up.
func (r *Rules) addCredits(tx *store.Tx, b *booking, entries []Entry, known *standing) (others []Entry, err error) {
	all, err := r.deposits(tx, entries)
	if err != nil || len(all) == 0 {
		return entries, err
	}
	moving, err := r.undisturbed(tx, all, known)
	if err != nil {
		return nil, err
	}
	if err := r.moveLots(tx, moving); err != nil {
		return nil, err
	}
	var credits []Entry
	var lots []loyalty.Lot
	seen := map[cause]bool{}
	for _, e := range entries {
		switch d := all[walletKey{e.MemberID, e.Wallet}]; {
		case d == nil:
			known.lose(e.MemberID)
			others = append(others, e)
		case !seen[e.key()]:
			seen[e.key()] = true
			credits, lots = append(credits, e), append(lots, d.lot(e))
		}
	}
	fresh, err := insertLots(tx, credits, lots, known.keeps(credits))
	if err != nil {
		return nil, err
	}
	today := r.today(tx)
	for _, e := range fresh {
		d := all[walletKey{e.MemberID, e.Wallet}]
		d.keep(d.lot(e), today)
		known.put(e.MemberID, d.walletState, turnOf(d.lot(e), today))
		if b.open[d.key] = d.Open; e.Wallet == Wallet {
			b.Stands[e.MemberID] = Stand{d.Open, d.Pending, d.Ends}
		}
	}
	b.fresh = append(b.fresh, fresh...)
	return others, nil
}

// keep adds a lot to what stands in the wallet on a day.
func (d *deposit) keep(lot loyalty.Lot, day loyalty.Day) {
	switch {
	case lot.Opens > day:
		d.Pending += lot.Remains
	case lot.Open(day):
		d.Open += lot.Remains
		if lot.Last != 0 && (d.Ends == 0 || lot.Last < d.Ends) {
			d.Ends = lot.Last
		}
	}
}

// turnOf is the next day that changes by itself what a lot adds to its wallet; 0: none.
func turnOf(lot loyalty.Lot, day loyalty.Day) loyalty.Day {
	switch {
	case lot.Opens > day:
		return lot.Opens
	case lot.Last != 0:
		return lot.Last + 1
	}
	return 0
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
var walletRows = []string{"member_id bigint", "wallet text", "active bigint", "ends bigint"}

// walletRow is such a row: of a member who did something last on a day, now included.
func walletRow(k walletKey, expiry loyalty.Expiry, day loyalty.Day) []any {
	row := []any{k.member, k.wallet, nil, nil}
	if expiry.Unused != (loyalty.Period{}) {
		row[2], row[3] = int64(day), int64(expiry.LastDay(day, day))
	}
	return row
}

// lotStates are the columns of walletStates that come of all lots l of a wallet r.
const lotStates = `
		              coalesce(cast(sum(case when l.opens_day <= @today and coalesce(l.last_day, @today) >= @today then l.remains end) as bigint), 0) as open,
		              coalesce(cast(sum(case when l.opens_day > @today then l.remains end) as bigint), 0) as pending,
		              coalesce(max(case when l.credit_id is not null and l.last_day is null then 1 else 0 end), 0) as dateless,
		              coalesce(max(case when l.opens_day <= r.active and l.last_day >= @today and l.last_day < r.ends then 1 else 0 end), 0) as moves,
		              coalesce(min(case when l.opens_day <= @today and l.last_day >= @today then l.last_day end), 0) as unmoved,
		              coalesce(min(case when l.opens_day > @today then l.opens_day when l.last_day >= @today then l.last_day + 1 end), 0) as turns,
		              coalesce(max(case when r.ends is not null and l.last_day >= @today
		                             and (select e.last_day from entries e where e.id = l.credit_id) is not null then 1 else 0 end), 0) as own,
		              coalesce(min(case when l.opens_day <= @today and l.last_day >= @today then
		                             case when l.opens_day <= r.active and l.last_day < r.ends
		                                   and (select e.last_day from entries e where e.id = l.credit_id) is null then r.ends
		                                  else l.last_day end end), 0) as ends_now`

// walletStates is a SELECT of the states of wallets, whose lots are read once, with more
// columns beside them: of rows, and computed from the wallet r. Postgres looks at one wallet
// after the other, which takes less than to join and to group them.
func walletStates(tx *store.Tx, more []string, computed string) string {
	all := append(slices.Clone(walletRows), more...)
	columns := "r." + strings.ReplaceAll(names(all), ", ", ", r.")
	const its = "l.member_id = r.member_id and l.wallet = r.wallet"
	states := "select " + columns + "," + lotStates + " from " + tx.Wide(all...) + " left join lots l on " + its + " group by " + columns
	if tx.Postgres() {
		states = "select " + columns + ", s.* from " + tx.Wide(all...) + ", lateral (select" + lotStates + " from lots l where " + its + ") s"
	}
	return `
		select r.member_id, r.wallet, r.open, r.pending, r.ends_now as ends, r.unmoved, r.turns, r.own = 1,
		       (select 1 from entries e
		        where  e.member_id = r.member_id and e.wallet = r.wallet and e.amount < 0
		        and    -e.amount > coalesce((select sum(d.amount) from draws d where d.debit_id = e.id), 0) limit 1) is not null as debt,
		       case when r.ends is null then 0
		            when r.dateless = 1 or (select 1 from orders o where o.member_id = r.member_id and o.day > r.active limit 1) is not null then 2
		            else r.moves end as moves` + computed + `
		from  (` + states + `) r`
}

// walletArgs are the parameters of walletStates.
func (r *Rules) walletArgs(tx *store.Tx, rows [][]any, more []string) store.Args {
	args := tx.Wider(rows, append(slices.Clone(walletRows), more...)...)
	args["today"] = int64(r.today(tx))
	return args
}

// undisturbed leaves of deposits those in wallets without debts, and without lots that
// have to be read; those of them whose older lots move on are in moving.
func (r *Rules) undisturbed(tx *store.Tx, all map[walletKey]*deposit, known *standing) (moving []*deposit, err error) {
	var rows [][]any
	for k, d := range all {
		if was, there := known.state(k); there {
			d.walletState = was
		} else {
			rows = append(rows, walletRow(k, d.expiry, d.active))
		}
	}
	if rows != nil {
		var was walletState
		err := tx.Each(walletStates(tx, nil, ""), r.walletArgs(tx, rows, nil), func(scan func(...any) error) error {
			err := scan(was.columns()...)
			all[walletKey{was.MemberID, was.Wallet}].walletState = was
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("what stands in %d wallets: %w", len(rows), err)
		}
	}
	for k, d := range all {
		switch {
		case d.Debt || d.Moves == look:
			delete(all, k)
		case d.Moves == move:
			moving = append(moving, d)
		}
	}
	return moving, nil
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
