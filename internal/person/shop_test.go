package person_test

import (
	"context"
	"fmt"
	"testing"

	"regulars/internal/coupon"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/person"
	"regulars/internal/report"
	"regulars/internal/shoptest"
	"regulars/internal/store"
)

// loyal is a program with all that a member may have.
var loyal = shoptest.Program{
	Segments: "buyers: orders >= 1\nregulars: orders >= 3\nspenders: spent >= 100.00\n",
	Pools: `
coffee: {kind: generated, pattern: "COFFEE-####-####-####", item: Coffee, worth: 2.40, valid_for: 14d, checkout: asks_us}
thanks: {kind: generated, pattern: "THANKS-####-####-####", percent: 10, valid_for: 60d, checkout: asks_us}
`,
	Extra: map[string]string{"loyalty.yaml": `
points:
  earn: [1 per 1.00, 50 for event "joined"]
tiers:
  silver: {when: spent("12m") >= 100.00, keep: 12m}
  gold:   {when: spent("12m") >= 250.00, keep: 12m}
cards:
  coffees: {stamp: product "coffee", of: 5, gives: coffee}
rewards:
  latte: {price: 60, gives: coffee}
referral: {friend: thanks, referrer: 100, after: {order: 25.00, within: 90d}}
`},
	Campaigns: map[string]string{
		"welcome":  "live: true\nclass: service\nstart: joins\nsteps:\n  - mail: hello\n  - wait: 2d\n  - mail: more\n",
		"receipt":  "live: true\nclass: service\nagain: each\nstart: {event: order.placed}\nsteps:\n  - mail: thank-you\n    coupon: thanks\n",
		"third":    "live: true\nclass: service\nstart: {milestone: orders, every: 3}\nsteps:\n  - mail: third\n",
		"regulars": "live: true\nclass: service\nstart: {enters: regulars}\nsteps:\n  - mail: you-are-one\n",
		"card":     "live: true\nclass: service\nagain: each\nstart: {event: card.filled}\nsteps:\n  - mail: full\n",
		"tier":     "live: true\nclass: service\nagain: each\nstart: {event: tier.up}\nsteps:\n  - mail: up\n",
	},
}

type shop struct{ *shoptest.Shop }

func each(t *testing.T, f func(t *testing.T, s shop)) {
	shoptest.Each(t, loyal, func(t *testing.T, s *shoptest.Shop) { f(t, shop{s}) })
}

// joins has somebody join with an address and consent.
func (s shop) joins(n int, change func(m *loyalty.Member)) int64 {
	s.T.Helper()
	s.Event(loyalty.MemberJoined, int64(n), func(e *loyalty.Event) {
		e.Member.Email = fmt.Sprintf("m%d@example.test", n)
		e.Member.Consent, e.Member.ConsentSource, e.Member.ConsentText, e.Member.ConsentAt = map[string]bool{"offers": true}, "checkout", "I want offers", e.At
		if change != nil {
			change(&e.Member)
		}
	})
	return s.find(fmt.Sprintf("M-%d", n))
}

func (s shop) find(name string) (id int64) {
	s.T.Helper()
	s.Do(func(tx *store.Tx) (err error) { id, err = intake.Find(tx, name); return err })
	return id
}

func (s shop) buys(n int, number string, cents int64, lines ...loyalty.Line) {
	s.T.Helper()
	s.Event(loyalty.OrderPlaced, int64(n), func(e *loyalty.Event) {
		e.Order = &loyalty.Order{ID: number, Status: loyalty.Paid, Total: cents, HasTotal: true, Lines: lines}
	})
}

// deliver brings the mails that are due to their end, with their codes.
func (s shop) deliver() {
	s.T.Helper()
	s.Deliver("sent")
	s.Do(func(tx *store.Tx) error {
		var sent []int64
		if err := tx.All(&sent, "select code_id from sends where state = 'sent' and code_id is not null", nil); err != nil {
			return err
		}
		return coupon.Issued(tx, sent, 0)
	})
}

func (s shop) merge(from, into int64) (m person.Merged) {
	s.T.Helper()
	s.Do(func(tx *store.Tx) (err error) { m, err = person.Merge(tx, from, into, "anna"); return err })
	s.React()
	return m
}

func (s shop) erase(member int64) (e person.Erased) {
	s.T.Helper()
	s.Do(func(tx *store.Tx) (err error) { e, err = person.Erase(tx, member, "anna"); return err })
	s.React()
	return e
}

func (s shop) export(member int64) (d person.Document) {
	s.T.Helper()
	err := s.DB.View(context.Background(), func(tx *store.Tx) (err error) { d, err = person.Export(tx, member); return err })
	if err != nil {
		s.T.Fatal(err)
	}
	return d
}

func (s shop) doctor() {
	s.T.Helper()
	var today loyalty.Day
	s.Do(func(tx *store.Tx) (err error) { today, err = tx.Today(); return err })
	for _, c := range (report.Doctor{Today: today}).Examine(context.Background(), s.DB) {
		if c.Error != "" || len(c.Findings) > 0 {
			s.T.Errorf("doctor: %s: %v %s", c.Name, c.Findings, c.Error)
		}
	}
}
