package points

import (
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// Doubt is an order for which other points are booked than it has earned.
type Doubt struct{ Order, Member, Booked, Earned int64 }

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
	var some []*purchase
	for _, p := range list {
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
			doubts = append(doubts, Doubt{p.ID, p.MemberID, booked, p.target})
		}
	}
	return doubts, nil
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
