package points

import (
	"cmp"
	"fmt"
	"slices"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// Doubt is an order for which other points or stamps are booked than it has earned, or a
// member, without an order, of whose wallets facts keep something else than what is there.
type Doubt struct {
	Order, Member, Booked, Earned int64
	Card                          string // "": points
}

// Words say what is wrong with it.
func (d Doubt) Words() string {
	if d.Order == 0 {
		return fmt.Sprintf("facts keep of %s something else than what is there: the next order would be booked as if they were right", cmp.Or(d.Card, Wallet))
	}
	if d.Card != "" {
		return fmt.Sprintf("%d on the card %s are booked and it earns %d", d.Booked, d.Card, d.Earned)
	}
	return fmt.Sprintf("%d points are booked and it earns %d", d.Booked, d.Earned)
}

// doubtAtOnce is how many orders Doubts reckons at once.
const doubtAtOnce = 500

// mostDoubts is how many Doubts returns at most.
const mostDoubts = 20

// Doubts reckons orders anew, by the version and the tier by which they were booked, and
// returns those of which something else stands in the ledger: of all orders, or else of
// the newest and of some more, which are others each day. Where earning has a limit in a
// length of time, an order is left out: one that came late counts before it and does not
// change it.
func (r *Rules) Doubts(tx *store.Tx, all bool) (doubts []Doubt, err error) {
	if r == nil {
		return nil, nil
	}
	var span struct{ First, Last int64 }
	if err := tx.One(&span, "select coalesce(min(id), 0) as first, coalesce(max(id), -1) as last from orders", nil); err != nil {
		return nil, err
	}
	unbooked, err := historyBooked(tx)
	if err != nil {
		return nil, err
	}
	from := []int64{span.First}
	if n := span.Last - span.First + 1; !all && n > 2*doubtAtOnce {
		from = []int64{span.Last - doubtAtOnce + 1, span.First + int64(r.today(tx))*doubtAtOnce%n}
	}
	if doubts, err = r.misremembered(tx, all); err != nil || len(doubts) > 0 {
		return doubts, err
	}
	for _, after := range from {
		after--
		for {
			var orders []int64
			if err := tx.All(&orders, fmt.Sprintf("select id from orders where id > @after order by id limit %d", doubtAtOnce), store.Args{"after": after}); err != nil {
				return nil, err
			}
			if len(orders) == 0 {
				break
			}
			some, err := r.doubts(tx, orders, unbooked)
			if doubts = append(doubts, some...); err != nil || len(doubts) >= mostDoubts {
				return doubts[:min(len(doubts), mostDoubts)], err
			}
			if after = orders[len(orders)-1]; len(from) > 1 {
				break
			}
		}
	}
	return doubts, nil
}

// historyBooked reports whether what came in before the program kept points is booked.
func historyBooked(tx *store.Tx) (done bool, err error) {
	err = tx.One(&done, "select count(*) = 0 from passes where name = 'points history' and finished_at is null", nil)
	return done, err
}

// doubts are those of some orders; those of which nothing is booked are looked at, too,
// unless their turn has not come.
func (r *Rules) doubts(tx *store.Tx, orders []int64, unbooked bool) (doubts []Doubt, err error) {
	list, err := r.read(tx, orders)
	if err != nil {
		return nil, err
	}
	var some, onCards []*purchase
	for _, p := range list {
		if p.rows > 0 || len(p.stamps) > 0 || unbooked {
			onCards = append(onCards, p)
		}
		rates, err := r.of(p.version).points()
		switch {
		case err != nil:
			return nil, err
		case p.rows == 0 && !unbooked || limited(rates):
			continue
		case p.rows == 0:
			p.tier = "" // what it was then is told by what is booked alone; the least that it can be
		}
		some = append(some, p)
	}
	if err := r.targets(tx, some); err != nil {
		return nil, err
	}
	for _, p := range some {
		var booked int64
		for _, n := range p.booked {
			booked += n
		}
		if booked != p.target {
			doubts = append(doubts, Doubt{p.ID, p.MemberID, booked, p.target, ""})
		}
	}
	return r.doubtedStamps(tx, onCards, doubts)
}

// doubtedStamps adds the cards of orders on which other stamps are booked than they give,
// without those whose stamps depend on the orders before.
func (r *Rules) doubtedStamps(tx *store.Tx, list []*purchase, doubts []Doubt) ([]Doubt, error) {
	for _, p := range list {
		cards, err := r.cardsOf(p)
		if err != nil {
			return nil, err
		}
		for _, c := range cards {
			if c.AtMost.Per != (loyalty.Period{}) {
				continue
			}
			var booked, differ int64
			if was := p.stamps[c.Name]; was != nil {
				for _, n := range was.booked {
					booked += n
				}
			}
			for _, e := range r.stamps(tx, p, c) {
				differ += e.Amount
			}
			if differ != 0 {
				doubts = append(doubts, Doubt{p.ID, p.MemberID, booked, booked + differ, c.Name})
			}
		}
	}
	return doubts, nil
}

// Ungiven is a card that is full and gave no code.
type Ungiven struct {
	Member     int64
	Card       string
	Stamps, Of int64
}

// Ungiven returns cards with stamps enough since before the last night, which gave no
// code though their pools have some. Where the night is still to come there are none.
func (r *Rules) Ungiven(tx *store.Tx) (all []Ungiven, err error) {
	if r == nil {
		return nil, nil
	}
	l, err := r.now().Loyalty()
	if err != nil || l == nil || len(l.Cards) == 0 {
		return nil, err
	}
	today := r.today(tx)
	var night []loyalty.Instant
	err = tx.All(&night, "select finished_at from passes where name = 'points' and day = @today and finished_at is not null", store.Args{"today": int64(today)})
	if err != nil || len(night) == 0 || night[0].Before(r.now().From.Time) {
		return nil, err
	}
	pools, err := coupon.Statuses(tx, today)
	if err != nil {
		return nil, err
	}
	var rows [][]any
	for _, c := range l.Cards {
		if slices.ContainsFunc(pools, func(p coupon.Status) bool { return p.Name == c.Gives && p.Left != 0 }) {
			rows = append(rows, []any{c.Name, c.Full})
		}
	}
	if rows == nil {
		return nil, nil
	}
	err = tx.All(&all, fmt.Sprintf(`
		select l.member_id as member, l.wallet as card, cast(sum(l.remains) as bigint) as stamps, max(r.stamps) as "of"
		from   `+tx.Values("wallet text", "stamps bigint")+`
		join   lots l on l.wallet = r.wallet and l.opens_day <= @today and coalesce(l.last_day, @today) >= @today
		join   entries e on e.id = l.credit_id and e.day < @today
		group  by l.member_id, l.wallet
		having sum(l.remains) >= max(r.stamps)
		order  by l.member_id, l.wallet limit %d`, mostDoubts), store.Args{"rows": store.Rows(rows), "today": int64(today)})
	if err != nil {
		return nil, fmt.Errorf("full cards that gave nothing: %w", err)
	}
	return all, nil
}

// limited reports whether an order's points depend on the orders before it.
func limited(rates *program.Points) bool {
	for _, e := range rates.Earn {
		if (e.For == "" || e.For == "order") && e.AtMost.Per != (loyalty.Period{}) {
			return true
		}
	}
	return false
}
