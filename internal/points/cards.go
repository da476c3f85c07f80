package points

import (
	"fmt"
	"maps"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// stamped is what was booked for an order in the wallet of a card.
type stamped struct {
	version int64 // by which it was booked first
	rows    int
	booked  map[int64]int64 // member → stamps
}

// stamp returns what brings cards to what orders give now, by difference as points are:
// a refund takes stamps back, and what it finds too little is a debt of stamps, while the
// reward that was given for them stays. News are members with the last of their orders
// that is news.
func (r *Rules) stamp(tx *store.Tx, list []*purchase) (entries []Entry, news map[int64]int64, err error) {
	news = map[int64]int64{}
	for _, p := range list {
		cards, err := r.cardsOf(p)
		if err != nil {
			return nil, nil, err
		}
		for _, c := range cards {
			entries = append(entries, r.stamps(tx, p, c)...)
		}
		if tx.At.Sub(p.At.Time) <= r.NewsWithin {
			news[p.MemberID] = p.ID
		}
	}
	return entries, news, nil
}

// card is one of a version of the program.
type card struct {
	program.Card
	notOn   []loyalty.Of
	version int64
}

// cardsOf are the cards that an order may have stamps on: those of the version at its
// moment, and those that it has stamps on already, by the version of these.
func (r *Rules) cardsOf(p *purchase) (cards []card, err error) {
	if p.cards == nil {
		p.cards, err = r.findCards(p)
	}
	return p.cards, err
}

func (r *Rules) findCards(p *purchase) (cards []card, err error) {
	now := r.at(p.At)
	l, err := now.Loyalty()
	if err != nil {
		return nil, err
	}
	cards = []card{}
	if len(p.stamps) == 0 { // as of most orders
		if l != nil && p.Status == loyalty.Paid {
			for _, c := range l.Cards {
				cards = append(cards, card{c, notOn(l), now.Version})
			}
		}
		return cards, nil
	}
	versions := map[string]int64{}
	for wallet, s := range p.stamps {
		versions[wallet] = s.version
	}
	if l != nil {
		for _, c := range l.Cards {
			if p.stamps[c.Name] == nil && p.Status == loyalty.Paid {
				versions[c.Name] = now.Version
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		era := r.of(versions[name])
		l, err := era.Loyalty()
		if err != nil {
			return nil, err
		}
		c := card{Card: program.Card{Name: name}, version: era.Version}
		if l != nil {
			if i := slices.IndexFunc(l.Cards, func(of program.Card) bool { return of.Name == name }); i >= 0 {
				c.Card = l.Cards[i]
			}
			c.notOn = notOn(l)
		}
		cards = append(cards, c)
	}
	return cards, nil
}

// notOn is what earns no stamps either.
func notOn(l *program.Loyalty) []loyalty.Of {
	if l.Points == nil {
		return nil
	}
	return l.Points.NotOn
}

// stamps are what is to be booked for an order on a card: its member's, and what
// somebody else was booked for it by mistake.
func (r *Rules) stamps(tx *store.Tx, p *purchase, c card) (entries []Entry) {
	target := p.stampsOn(c)
	was := p.stamps[c.Name]
	if was == nil {
		was = &stamped{}
	}
	owed := map[int64]int64{p.MemberID: target}
	for member, n := range was.booked {
		owed[member] -= n
	}
	for _, member := range slices.Sorted(maps.Keys(owed)) {
		n := owed[member]
		if n == 0 {
			continue
		}
		was.rows++
		e := Entry{MemberID: member, Wallet: c.Name, At: p.At, Day: r.bookedOn(tx, p.since(was.rows, r.Zone)), Kind: takeback, Amount: n,
			Cause: fmt.Sprintf("order:%d:%d", p.ID, was.rows), OrderID: &p.ID, VersionID: c.version, Tier: p.tier}
		if n > 0 {
			e.Kind = earn
			e.opens(p.Day, c.Expire)
		}
		entries = append(entries, e)
	}
	return entries
}

// stampsOn is how many stamps an order gives on a card.
func (p *purchase) stampsOn(c card) int64 {
	order, refunds := p.order()
	how := c.Stamp
	how.AtMost = c.AtMost
	n := loyalty.Target(order, refunds, loyalty.Rates{Earn: []loyalty.Earn{how}, NotOn: c.notOn})
	if l := c.AtMost; l.Per != (loyalty.Period{}) {
		n = min(n, max(0, l.N-p.before[l]))
	}
	return n
}

// Waiting returns the next members with a card that is full and has not given its code.
func (r *Rules) Waiting(tx *store.Tx, limit int) (members []int64, err error) {
	l, err := r.now().Loyalty()
	if err != nil || l == nil || len(l.Cards) == 0 {
		return nil, err
	}
	var rows [][]any
	for _, c := range l.Cards {
		rows = append(rows, []any{c.Name, c.Full})
	}
	err = tx.All(&members, fmt.Sprintf(`
		select distinct member_id from (
		  select l.member_id, l.wallet
		  from   `+tx.Values("wallet text", "stamps bigint")+`
		  join   lots l on l.wallet = r.wallet and l.opens_day <= @today and coalesce(l.last_day, @today) >= @today
		  group  by l.member_id, l.wallet
		  having sum(l.remains) >= max(r.stamps)) w
		order  by member_id limit %d`, limit), store.Args{"rows": store.Rows(rows), "today": int64(r.today(tx))})
	if err != nil {
		return nil, fmt.Errorf("whose cards are full: %w", err)
	}
	return members, nil
}

// Fill has the full cards of members give their codes. The members are locked.
func (r *Rules) Fill(tx *store.Tx, members []int64) error {
	l, err := r.now().Loyalty()
	if err != nil || l == nil {
		return err
	}
	var wallets []walletKey
	news := map[int64]int64{}
	for _, m := range members {
		news[m] = 0
		for _, c := range l.Cards {
			wallets = append(wallets, walletKey{m, c.Name})
		}
	}
	return r.fillAny(tx, wallets, news)
}
