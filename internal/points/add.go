package points

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Entry is a row of the ledger. A credit has a day on which it opens.
type Entry struct {
	ID        int64
	MemberID  int64
	Wallet    string
	At        loyalty.Instant
	Day       loyalty.Day
	Kind      string
	Amount    int64
	Cause     string // what it is booked for, once
	OrderID   *int64
	EventID   *int64
	ClaimID   *int64
	VersionID int64

	ReferralID *int64

	Tier     string
	OpensDay *loyalty.Day
	LastDay  *loyalty.Day // of a credit: the last day it can be spent, where that is known beforehand
	Reason   string
	ByWhom   string

	sale *int64 // of the first of an order: what it is sold for, less what was given back
}

// Kinds of entries.
const (
	earn     = "earn"     // by an order
	bonus    = "bonus"    // by an event, a birthday, joining
	takeback = "takeback" // an order has earned less than was thought
	expire   = "expire"   // of a lot whose last day is over
	adjust   = "adjust"   // by hand, or imported
	redeem   = "redeem"   // for a reward, or the code of a full card
	giveBack = "return"   // … that was not taken after all
)

// entryColumns are those of entries after their ids.
var entryColumns = []string{
	"member_id bigint", "wallet text", "at timestamptz", "day bigint", "kind text", "amount bigint", "cause text", "order_id bigint",
	"event_id bigint", "claim_id bigint", "referral_id bigint", "version_id bigint", "tier text", "opens_day bigint", "last_day bigint", "reason text", "by_whom text",
}

func (e Entry) values() []any {
	return []any{e.ID, e.MemberID, e.Wallet, e.At, int64(e.Day), e.Kind, e.Amount, e.Cause, e.OrderID,
		e.EventID, e.ClaimID, e.ReferralID, e.VersionID, e.Tier, e.OpensDay, e.LastDay, e.Reason, e.ByWhom}
}

// wallet is what one member has in one wallet.
type wallet struct {
	key   walletKey
	lots  []*loyalty.Lot
	debts []*loyalty.Debt
}

type walletKey struct {
	member int64
	wallet string
}

// cause is what an entry is booked for, once.
type cause struct {
	walletKey
	cause string
}

func (e Entry) key() cause { return cause{walletKey{e.MemberID, e.Wallet}, e.Cause} }

// add books entries, each once by its cause, and returns those that were new: debits
// draw from lots, credits pay debts.
func (r *Rules) add(tx *store.Tx, entries []Entry) ([]Entry, error) {
	b, err := r.book(tx, entries, nil)
	if err != nil {
		return nil, err
	}
	return b.fresh, nil
}

// book is add, which returns all that it came to. What is known of wallets need not be
// looked up.
func (r *Rules) book(tx *store.Tx, entries []Entry, known *standing) (*booking, error) {
	b := newBooking()
	others, err := r.addCredits(tx, b, entries, known)
	if err != nil {
		return nil, err
	}
	fresh, err := insert(tx, others)
	if err != nil || len(fresh) == 0 {
		return b, err
	}
	opened, err := r.addOthers(tx, fresh)
	if err != nil {
		return nil, err
	}
	for k, w := range opened.wallets {
		b.open[k] = openOf(w.lots, opened.today)
		if k.wallet == Wallet {
			b.Changed[k.member] = true
		}
	}
	b.fresh = append(b.fresh, fresh...)
	return b, nil
}

// addOthers draws what debits take, and pays debts.
func (r *Rules) addOthers(tx *store.Tx, fresh []Entry) (*books, error) {
	ids := map[int64]bool{}
	for _, e := range fresh {
		ids[e.ID] = true
	}
	b, err := r.open(tx, keysOf(fresh), ids)
	if err != nil {
		return nil, err
	}
	points, err := r.now().points()
	if err != nil {
		return nil, err
	}
	var letGo []Entry
	for _, e := range fresh {
		w := b.wallets[walletKey{e.MemberID, e.Wallet}]
		if e.OpensDay != nil {
			b.credit(e)
			continue
		}
		var own int64
		if e.OrderID != nil && e.Kind == takeback {
			own = *e.OrderID
		}
		draws, short := loyalty.Spend(w.lots, e.ID, -e.Amount, b.today, own)
		b.draws = append(b.draws, draws...)
		if short == 0 {
			continue
		}
		w.debts = append(w.debts, &loyalty.Debt{ID: e.ID, Day: e.Day, Rest: short})
		if e.Kind != takeback || own == 0 && e.ReferralID == nil {
			continue
		}
		free := short
		if !points.NoDebt {
			if free, err = gone(tx, e, short); err != nil {
				return nil, err
			}
		}
		if free > 0 {
			e.ID, e.Kind, e.Amount, e.OrderID, e.ReferralID, e.OpensDay = 0, adjust, free, nil, nil, &b.today
			e.Cause, e.Reason = "let go:"+e.Cause, "nothing was left to take back"
			letGo = append(letGo, e)
		}
	}
	b.settle()
	if err := b.write(); err != nil {
		return nil, err
	}
	if letGo != nil {
		_, err = r.add(tx, letGo)
	}
	return b, err
}

// gone is how many of the points that an order or a referral is to lose have ended already: they are
// lost once, and no debt.
func gone(tx *store.Tx, e Entry, short int64) (n int64, err error) {
	err = tx.One(&n, `
		select coalesce((select cast(sum(d.amount) as bigint)
		                 from   entries c
		                 join   draws d   on d.credit_id = c.id
		                 join   entries x on x.id = d.debit_id and x.kind = '`+expire+`'
		                 where  (c.order_id = @order or c.referral_id = @referral) and c.member_id = @member and c.wallet = @wallet), 0)
		     - coalesce((select cast(sum(a.amount) as bigint)
		                 from   entries a
		                 where  a.member_id = @member and a.wallet = @wallet and a.cause like @causes), 0) as n`,
		store.Args{"order": e.OrderID, "referral": e.ReferralID, "member": e.MemberID, "wallet": e.Wallet, "causes": "let go:" + e.Cause[:strings.LastIndex(e.Cause, ":")] + ":%"})
	return max(0, min(n, short)), err
}

// credit puts a credit into its wallet.
func (b *books) credit(e Entry) {
	l := &loyalty.Lot{ID: e.ID, Opens: *e.OpensDay, Remains: e.Amount}
	if e.LastDay != nil {
		l.Last, b.own[l.ID] = *e.LastDay, true
	}
	if e.OrderID != nil {
		l.Order = *e.OrderID
	}
	w := b.wallets[walletKey{e.MemberID, e.Wallet}]
	w.lots = append(w.lots, l)
}

func keysOf(entries []Entry) (keys []walletKey) {
	seen := map[walletKey]bool{}
	for _, e := range entries {
		if k := (walletKey{e.MemberID, e.Wallet}); !seen[k] {
			seen[k] = true
			keys = append(keys, k)
		}
	}
	return keys
}

// books are the wallets that a booking is about, as they are before and after it.
type books struct {
	tx      *store.Tx
	rules   *Rules
	today   loyalty.Day
	wallets map[walletKey]*wallet
	was     map[int64]loyalty.Lot // by credit, as the table has them
	booked  map[int64]loyalty.Day // when it was
	own     map[int64]bool        // credits whose last day was said when they were booked
	draws   []loyalty.Draw
}

// open reads what is in wallets, beside the fresh entries, which have drawn nothing yet.
func (r *Rules) open(tx *store.Tx, keys []walletKey, fresh map[int64]bool) (*books, error) {
	b, err := r.openBy(tx, keys, fresh, "e.day, coalesce(e.order_id, 0), e.last_day is not null", "join entries e on e.id = l.credit_id")
	if err != nil {
		return nil, err
	}
	return b, tx.Await()
}

// openLots is open without the orders and the days by which lots came, which the next
// question finds.
func (r *Rules) openLots(tx *store.Tx, keys []walletKey) (*books, error) {
	return r.openBy(tx, keys, nil, "0, 0, l.last_day is not null and (select e.last_day from entries e where e.id = l.credit_id) is not null", "")
}

func (r *Rules) openBy(tx *store.Tx, keys []walletKey, fresh map[int64]bool, columns, join string) (*books, error) {
	b := &books{tx: tx, rules: r, today: r.today(tx), wallets: map[walletKey]*wallet{},
		was: map[int64]loyalty.Lot{}, booked: map[int64]loyalty.Day{}, own: map[int64]bool{}}
	var rows [][]any
	for _, k := range keys {
		b.wallets[k] = &wallet{key: k}
		rows = append(rows, []any{k.member, k.wallet})
	}
	pair := []string{"member_id bigint", "wallet text"}
	err := tx.EachLater("reading lots and debts", `
		with w as (select r.member_id, r.wallet from `+tx.Wide(pair...)+`)
		select true as lot, l.credit_id as id, l.member_id, l.wallet, l.opens_day, coalesce(l.last_day, 0), l.remains, `+columns+`
		from   w
		join   lots l on l.member_id = w.member_id and l.wallet = w.wallet
		`+join+`
		union  all
		select false, d.id, d.member_id, d.wallet, 0, 0, d.rest, d.day, 0, false
		from  (select e.id, e.member_id, e.wallet, e.day,
		              -e.amount - coalesce((select cast(sum(d.amount) as bigint) from draws d where d.debit_id = e.id), 0) as rest
		       from   w
		       join   entries e on e.member_id = w.member_id and e.wallet = w.wallet
		       where  e.amount < 0) d
		where  d.rest > 0
		order  by id`, tx.Wider(rows, pair...), func(scan func(into ...any) error) error {
		var isLot, own bool // else it is a debt
		var k walletKey
		var id, opens, last, remains, booked, order int64
		if err := scan(&isLot, &id, &k.member, &k.wallet, &opens, &last, &remains, &booked, &order, &own); err != nil {
			return err
		}
		switch w := b.wallets[k]; {
		case isLot:
			lot := loyalty.Lot{ID: id, Order: order, Opens: loyalty.Day(opens), Last: loyalty.Day(last), Remains: remains}
			b.was[id], b.booked[id], b.own[id] = lot, loyalty.Day(booked), own
			w.lots = append(w.lots, &lot)
		case !fresh[id]:
			w.debts = append(w.debts, &loyalty.Debt{ID: id, Day: loyalty.Day(booked), Rest: remains})
		}
		return nil
	})
	return b, err
}

// settle pays debts from what is open, which keeps that no debt stands beside an open lot.
func (b *books) settle() {
	for _, w := range b.wallets {
		b.draws = append(b.draws, loyalty.Settle(w.debts, w.lots, b.today)...)
	}
}

// changed are the lots that a booking has used up, and those of which it has changed
// something.
func (b *books) changed() (gone []int64, rows [][]any) {
	for _, w := range b.wallets {
		for _, l := range w.lots {
			was, known := b.was[l.ID]
			switch {
			case l.Remains == 0 && known:
				gone = append(gone, l.ID)
			case l.Remains > 0 && was != *l:
				rows = append(rows, lotRow(l.ID, w.key, *l))
			}
		}
	}
	slices.Sort(gone)
	return gone, rows
}

// write keeps the draws and what they leave of lots.
func (b *books) write() error {
	if err := b.renew(); err != nil {
		return err
	}
	if err := b.writeDraws(); err != nil {
		return err
	}
	gone, rows := b.changed()
	if gone != nil {
		if _, err := b.tx.Exec("delete from lots where credit_id in (select value from "+b.tx.JSONEach("@ids")+")", store.Args{"ids": store.JSON(gone)}); err != nil {
			return err
		}
	}
	return keepLots(b.tx, rows)
}

func lotRow(credit int64, k walletKey, l loyalty.Lot) []any {
	var last any
	if l.Last != 0 {
		last = int64(l.Last)
	}
	return []any{credit, k.member, k.wallet, int64(l.Opens), last, l.Remains}
}

// keepLots writes rows of lots, new ones and those that have changed.
func keepLots(tx *store.Tx, rows [][]any) error {
	if rows == nil {
		return nil
	}
	_, err := tx.Exec(`
		insert into lots (credit_id, member_id, wallet, opens_day, last_day, remains)
		select r.credit_id, r.member_id, r.wallet, r.opens_day, r.last_day, r.remains
		from   `+tx.Values("credit_id bigint", "member_id bigint", "wallet text", "opens_day bigint", "last_day bigint", "remains bigint")+`
		where  true
		on conflict (credit_id) do update set last_day = excluded.last_day, remains = excluded.remains`, store.Args{"rows": store.Rows(rows)})
	if err != nil {
		return fmt.Errorf("keeping lots: %w", err)
	}
	return nil
}

// drawn are the draws, one for each debit and credit.
func (b *books) drawn() []loyalty.Draw {
	at := map[[2]int64]int{}
	var sums []loyalty.Draw
	for _, d := range b.draws {
		k := [2]int64{d.Debit, d.Credit}
		if i, seen := at[k]; seen {
			sums[i].N += d.N
			continue
		}
		at[k], sums = len(sums), append(sums, d)
	}
	return sums
}

func (b *books) writeDraws() error {
	if len(b.draws) == 0 {
		return nil
	}
	var rows [][]any
	for _, d := range b.drawn() {
		rows = append(rows, []any{d.Debit, d.Credit, d.N})
	}
	columns := []string{"debit_id bigint", "credit_id bigint", "amount bigint"}
	_, err := b.tx.Exec(`
		insert into draws (debit_id, credit_id, amount)
		select r.debit_id, r.credit_id, r.amount
		from   `+b.tx.Wide(columns...)+`
		where  true
		on conflict (debit_id, credit_id) do update set amount = draws.amount + excluded.amount`, b.tx.Wider(rows, columns...))
	if err != nil {
		return fmt.Errorf("drawing from lots: %w", err)
	}
	return nil
}

// renew gives lots whose credit was booked without a last day of its own, as what ends by
// inactivity is, the one that the program in force says.
func (b *books) renew() error {
	byWallet := map[string][]*wallet{}
	for _, w := range b.wallets {
		byWallet[w.key.wallet] = append(byWallet[w.key.wallet], w)
	}
	for name, list := range byWallet {
		e, err := b.rules.now().expiry(name)
		if err != nil {
			return err
		}
		first, err := b.rules.Eras[0].expiry(name)
		if err != nil {
			return err
		}
		var active map[int64][]loyalty.Day
		if none := (loyalty.Period{}); e.Unused != none || first.Unused != none {
			if active, err = activeDays(b.tx, name, list, b.rules.Zone); err != nil {
				return err
			}
		}
		for _, w := range list {
			for _, l := range w.lots {
				if b.own[l.ID] || l.Ended(b.today) && l.Last >= b.rules.Began {
					continue
				}
				if l.Last = b.rules.endedBefore(first, l, active[w.key.member]); l.Last == 0 {
					l.Last = e.LastDay(l.Opens, lastOf(active[w.key.member]))
				}
			}
		}
	}
	return nil
}

// endedBefore is the last day of a lot that had ended by inactivity before there were points
// here, by the first version, which speaks for those days; 0: it had not. What a member did
// then comes in as it comes.
func (r *Rules) endedBefore(e loyalty.Expiry, l *loyalty.Lot, active []loyalty.Day) loyalty.Day {
	if e.Unused == (loyalty.Period{}) || l.Opens >= r.Began || l.Last >= r.Began {
		return 0
	}
	if last := e.LastDayOf(l.Opens, active); last < r.Began {
		return last
	}
	return 0
}

func lastOf(days []loyalty.Day) loyalty.Day {
	if len(days) == 0 {
		return 0
	}
	return days[len(days)-1]
}

// activeDays are the days on which members earned or claimed something that stands, in
// order. A birthday is nothing that they did; a stamp that a till gave with its key is.
func activeDays(tx *store.Tx, name string, list []*wallet, zone *time.Location) (map[int64][]loyalty.Day, error) {
	var rows []struct {
		MemberID int64
		At       loyalty.Instant
	}
	err := tx.All(&rows, `
		select g.member_id, g.at
		from  (select e.member_id, e.order_id, max(e.at) as at, sum(e.amount) as n, max(e.kind) as kind, max(e.cause) as cause, max(e.claim_id) as claim_id
		       from   `+tx.RowsOf("entries", "member_id", "@members")+` e
		       where  e.wallet = @wallet
		       group  by e.member_id, e.order_id, case when e.order_id is null then e.id end) g
		where  g.order_id is not null and g.n > 0
		or     g.order_id is null and (g.kind = 'bonus' and g.cause not like 'birthday:%'
		       or g.kind = 'adjust' and g.n > 0 and g.cause like 'key:%' and @wallet <> '`+Wallet+`'
		       or g.kind = 'redeem' and exists (select 1 from claims c where c.id = g.claim_id and c.state in ('held', 'done')))
		order  by g.member_id, g.at`, store.Args{"members": membersOf(list), "wallet": name})
	days := map[int64][]loyalty.Day{}
	for _, row := range rows {
		days[row.MemberID] = append(days[row.MemberID], loyalty.DayOf(row.At.Time, zone))
	}
	return days, err
}

func membersOf(list []*wallet) string {
	var ids []int64
	for _, w := range list {
		ids = append(ids, w.key.member)
	}
	return store.IDs(ids)
}

// names are those of columns, each a name and a type.
func names(columns []string) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i], _, _ = strings.Cut(c, " ")
	}
	return strings.Join(list, ", ")
}
