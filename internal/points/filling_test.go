package points_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"regulars/internal/coupon"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/shoptest"
	"regulars/internal/store"
)

// twoCards is a program with a card that gives codes made for members, and one that gives
// those of a file.
func twoCards(limit string) shoptest.Program {
	p := punching("  a: {stamp: category \"Coffee\", of: 2, gives: coffee}\n  b: {stamp: category \"Coffee\", of: 3, gives: paper}\n", limit)
	p.Pools += "paper: {kind: imported, item: SKU, worth: 2.40, valid_for: 30d}\n"
	return p
}

func (s shop) paper(n int) {
	s.Do(func(tx *store.Tx) error {
		_, err := coupon.Import(tx, "paper", slices.Values([]string{"P-1", "P-2", "P-3", "P-4", "P-5", "P-6"}[:n]))
		return err
	})
}

// of is what is left on a card of all members, and how many codes it gave.
func (s shop) of(card string) string {
	return fmt.Sprintf("%d left, %d codes", s.Number("select coalesce(sum(remains), 0) from lots where wallet = '"+card+"'"),
		s.Number("select count(distinct c.id) from codes c join claims k on k.code_id = c.id and c.occurrence_id = -k.id and c.member_id = k.member_id where c.state = 'issued' and c.valid_until is not null and k.reward = '"+card+"'"))
}

// One order may fill cards of several pools, and each of them several times.
func TestAnOrderFillsCardsOfSeveralPools(t *testing.T) {
	shoptest.Each(t, twoCards(""), func(t *testing.T, plain *shoptest.Shop) {
		s := shop{plain}
		m := s.Join(2)
		s.paper(2)
		for i, n := range []int64{7, 5} {
			s.order(loyalty.OrderPlaced, m[i], fmt.Sprint(i), func(e *loyalty.Event) {
				e.Order.Status, e.Order.Total, e.Order.HasTotal, e.Order.Lines = loyalty.Paid, n*300, true, []loyalty.Line{coffees(n, 300)}
			})
		}
		s.Want("those made for members", s.of("a"), "2 left, 5 codes")
		s.Want("those of the file, which has two", s.of("b"), "6 left, 2 codes")
		s.Want("told", fmt.Sprint(s.Number("select count(*) from events where type = 'card.filled'")), "7")
		s.Want("known", fmt.Sprint(s.Number("select count(*) from claims where key not like member_id || ' ' || reward || ' %'")), "0")
		s.doctor(t)
	})
}

// Of cards that are full at the same time only as many give codes as the pool has.
func TestCardsThatAreFullAtOnceGetWhatThePoolHas(t *testing.T) {
	shoptest.Each(t, twoCards(", stock: 4"), func(t *testing.T, plain *shoptest.Shop) {
		s := shop{plain}
		m := s.Join(8)
		s.paper(5)
		var tills sync.WaitGroup
		for _, card := range []string{"a", "b"} {
			for _, id := range m {
				tills.Go(func() {
					s.Do(func(tx *store.Tx) error {
						return intake.WithPoints(tx, func(r *points.Rules) ([]int64, error) {
							_, err := r.Stamp(tx, card, points.Hand{Member: id, N: 3, Key: fmt.Sprint(card, id), By: "till"})
							return []int64{id}, err
						})
					})
				})
			}
		}
		tills.Wait()
		s.Want("made for members", s.of("a"), "16 left, 4 codes")
		s.Want("of the file", s.of("b"), "9 left, 5 codes")
		s.Want("told", fmt.Sprint(s.Number("select count(*) from events where type = 'card.filled'")), "9")
		s.doctor(t)
	})
}
