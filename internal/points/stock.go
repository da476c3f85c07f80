package points

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// stock is what stands in all wallets of a member to which orders only add. Facts keep it,
// packed, beside what members have spent, so that an order is booked without reading the
// wallets: a trigger forgets it with every entry of anybody else's (migration 0101).
type stock struct {
	turns   loyalty.Day // the first day that changes something of it by itself; 0: none does
	wallets []walletState
}

// in is what stands in a wallet.
func (s *stock) in(name string) walletState {
	for _, w := range s.wallets {
		if w.Wallet == name {
			return w
		}
	}
	return walletState{Wallet: name}
}

// put notes what stands in a wallet now.
func (s *stock) put(now walletState) {
	for i, w := range s.wallets {
		if w.Wallet == now.Wallet {
			s.wallets[i] = now
			return
		}
	}
	s.wallets = append(s.wallets, now)
}

// turn notes a day that changes something; 0: none.
func (s *stock) turn(day loyalty.Day) {
	if day != 0 && (s.turns == 0 || day < s.turns) {
		s.turns = day
	}
}

// before is what stands in a wallet before something is added to it by who does something
// today, or known is false: it is to be read.
func (s *stock) before(name string, expiry loyalty.Expiry, active, today loyalty.Day) (was walletState, known bool) {
	was = s.in(name)
	if expiry.Unused == (loyalty.Period{}) {
		return was, true
	}
	if active != today || was.Open > 0 && was.Ends == 0 {
		return was, false
	}
	if ends := expiry.LastDay(today, today); was.Open > 0 && was.Ends < ends {
		was.Moves, was.Ends = move, ends
	}
	return was, true
}

// pack is the stock as facts keep it: by the version in force, for another has other cards,
// and lets points end at other times.
func (r *Rules) pack(s *stock) []byte {
	packed := binary.AppendVarint(make([]byte, 0, 24+16*len(s.wallets)), r.now().Version)
	packed = binary.AppendVarint(packed, int64(s.turns))
	for _, w := range s.wallets {
		packed = append(binary.AppendVarint(packed, int64(len(w.Wallet))), w.Wallet...)
		for _, n := range [...]int64{w.Open, w.Pending, int64(w.Ends)} {
			packed = binary.AppendVarint(packed, n)
		}
	}
	return packed
}

// unpack reads what facts keep; nil: they know nothing that is of today. Of whom nothing was
// ever booked they have an empty one.
func (r *Rules) unpack(tx *store.Tx, packed []byte) *stock {
	if packed == nil {
		return nil
	}
	if len(packed) == 0 {
		return &stock{}
	}
	sound := true
	next := func() int64 {
		v, n := binary.Varint(packed)
		if n <= 0 {
			sound, packed = false, nil
			return 0
		}
		packed = packed[n:]
		return v
	}
	version, s := next(), &stock{turns: loyalty.Day(next())}
	if version != r.now().Version || s.turns != 0 && r.today(tx) >= s.turns {
		return nil
	}
	for len(packed) > 0 {
		n := next()
		if n < 0 || n > int64(len(packed)) {
			return nil
		}
		w := walletState{Wallet: string(packed[:n])}
		packed = packed[n:]
		w.Open, w.Pending, w.Ends = next(), next(), loyalty.Day(next())
		s.wallets = append(s.wallets, w)
	}
	if !sound {
		return nil
	}
	return s
}

// standing is what is known of wallets before orders are booked that were placed, and what
// stands in them afterwards.
type standing struct {
	states map[walletKey]walletState
	stocks map[int64]*stock // by member; nil: facts cannot keep it
}

func newStanding() *standing {
	return &standing{map[walletKey]walletState{}, map[int64]*stock{}}
}

// purse is a wallet to which an order may add.
type purse struct {
	name   string
	expiry loyalty.Expiry
}

// walletsOf are those to which an order that was placed may add.
func (r *Rules) walletsOf(p *purchase) ([]purse, error) {
	cards, err := r.cardsOf(p)
	if err != nil {
		return nil, err
	}
	all := make([]purse, 1, 1+len(cards))
	all[0].name = Wallet
	for _, c := range cards {
		all = append(all, purse{name: c.Name})
	}
	for i := range all {
		if all[i].expiry, err = r.now().expiry(all[i].name); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// knows reports whether all that stands in wallets is known from the facts of an order's
// member, and notes it.
func (s *standing) knows(tx *store.Tx, r *Rules, o Placed, wallets []purse) bool {
	all := r.unpack(tx, o.Wallets)
	if all == nil {
		return false
	}
	active, today := loyalty.DayOf(o.At.Time, r.Zone), r.today(tx)
	states := make([]walletState, len(wallets))
	for i, w := range wallets {
		var known bool
		if states[i], known = all.before(w.name, w.expiry, active, today); !known {
			return false
		}
	}
	for i, w := range wallets {
		s.states[walletKey{o.MemberID, w.name}] = states[i]
	}
	s.stocks[o.MemberID] = all
	return true
}

// learn notes what was read of a wallet.
func (s *standing) learn(was walletState) {
	s.states[walletKey{was.MemberID, was.Wallet}] = was
	all := s.stocks[was.MemberID]
	if all == nil {
		return
	}
	if was.Debt || was.Own || was.Moves == look {
		s.stocks[was.MemberID] = nil
		return
	}
	all.turn(was.Turns)
	was.Ends = was.Unmoved
	all.put(was)
}

// state is what is known of a wallet.
func (s *standing) state(k walletKey) (was walletState, known bool) {
	if s == nil {
		return was, false
	}
	was, known = s.states[k]
	return was, known
}

// lose forgets what is known of a member whose wallets something else may change, too.
func (s *standing) lose(member int64) {
	if s == nil {
		return
	}
	maps.DeleteFunc(s.states, func(k walletKey, _ walletState) bool { return k.member == member })
	if _, placed := s.stocks[member]; placed {
		s.stocks[member] = nil
	}
}

// drawn notes what is left of the lots in a wallet from which something was drawn. Of one
// whose lots move, or that owes something, it is to be read.
func (s *standing) drawn(w *wallet, expiry loyalty.Expiry, today loyalty.Day) {
	if s == nil || s.stocks[w.key.member] == nil {
		return
	}
	if expiry.Unused != (loyalty.Period{}) || slices.ContainsFunc(w.debts, func(d *loyalty.Debt) bool { return d.Rest > 0 }) {
		s.stocks[w.key.member] = nil
		return
	}
	left := deposit{walletState: walletState{MemberID: w.key.member, Wallet: w.key.wallet}}
	for _, l := range w.lots {
		if l.Remains > 0 && !l.Ended(today) {
			left.keep(*l, today)
			s.stocks[w.key.member].turn(turnOf(*l, today))
		}
	}
	s.stocks[w.key.member].put(left.walletState)
}

// keeps reports whether facts will keep what stands in the wallets of all entries' members.
func (s *standing) keeps(entries []Entry) bool {
	if s == nil {
		return false
	}
	for _, e := range entries {
		if s.stocks[e.MemberID] == nil {
			return false
		}
	}
	return true
}

// put notes what stands in a wallet of a member after a booking, and until when.
func (s *standing) put(member int64, now walletState, turns loyalty.Day) {
	if s == nil || s.stocks[member] == nil {
		return
	}
	s.stocks[member].put(now)
	s.stocks[member].turn(turns)
}

// packed are the stocks as facts keep them.
func (s *standing) packed(r *Rules) map[int64][]byte {
	if s == nil || len(s.stocks) == 0 {
		return nil
	}
	all := make(map[int64][]byte, len(s.stocks))
	for member, stock := range s.stocks {
		if all[member] = nil; stock != nil {
			all[member] = r.pack(stock)
		}
	}
	return all
}

// Forget has the facts of members keep nothing of their wallets: what stands in them is read
// with their next order.
func Forget(tx *store.Tx, members []int64) error {
	if len(members) == 0 {
		return nil
	}
	_, err := tx.Exec("update facts set wallets = null where member_id in "+tx.In("@members")+" and wallets is not null", store.Args{"members": store.IDs(members)})
	if err != nil {
		return fmt.Errorf("forgetting the wallets of %d members: %w", len(members), err)
	}
	return nil
}

// misremembered are wallets of which facts keep something else than what is there: of all
// members, or of the first ones of whom facts keep anything.
func (r *Rules) misremembered(tx *store.Tx, all bool) (doubts []Doubt, err error) {
	if err := tx.ByIndex(); err != nil { // it is some members' each time
		return nil, err
	}
	for last := int64(0); len(doubts) < mostDoubts; {
		var some []struct {
			MemberID int64
			Wallets  []byte
		}
		if err := tx.All(&some, fmt.Sprintf("select member_id, wallets from facts where member_id > @last and wallets is not null order by member_id limit %d", doubtAtOnce),
			store.Args{"last": last}); err != nil || len(some) == 0 {
			return doubts, err
		}
		stocks, rows := map[int64]*stock{}, [][]any(nil)
		for _, m := range some {
			last = m.MemberID
			if stocks[last] = r.unpack(tx, append([]byte{}, m.Wallets...)); stocks[last] == nil {
				continue
			}
			wallets, err := r.walletsOf(&purchase{At: tx.At, Status: loyalty.Paid})
			if err != nil {
				return nil, err
			}
			for _, w := range wallets {
				rows = append(rows, walletRow(walletKey{last, w.name}, w.expiry, r.today(tx)))
			}
		}
		var was walletState
		err := tx.Each(walletStates(tx, nil, ""), r.walletArgs(tx, rows, nil), func(scan func(...any) error) error {
			err := scan(was.columns()...)
			if is := stocks[was.MemberID].in(was.Wallet); err == nil && (was.Debt || is.Open != was.Open || is.Pending != was.Pending || is.Ends != was.Unmoved) {
				doubts = append(doubts, Doubt{Member: was.MemberID, Card: was.Wallet})
			}
			return err
		})
		if err != nil || !all {
			return doubts, err
		}
	}
	return doubts, nil
}
