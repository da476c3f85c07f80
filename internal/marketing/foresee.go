package marketing

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/tiers"
	"regulars/internal/versions"
)

// Foreseen is what the orders of the past would have come to by a loyalty.yaml that is not in
// force: orders alone, for what events, birthdays and people would have brought is not told.
type Foreseen struct {
	To      string           `json:"to"`
	Orders  int64            `json:"orders"`
	Members int64            `json:"members"`
	Points  points.Foreseen  `json:"points"`
	Reward  string           `json:"reward,omitempty"` // that everybody claims as soon as they can
	Tiers   map[string]int64 `json:"tiers,omitempty"`  // who has which at the end of the last day
	Cards   map[string]int64 `json:"cards,omitempty"`  // how often each was full, if no stamp ends
}

// foreseenAtOnce is of how many members orders are read at once.
const foreseenAtOnce = 2000

// Foresee reckons the orders up to the end of a day by a program, and changes nothing. A
// reward, if one is named, is claimed by everybody whenever they can pay for it.
func (m Marketer) Foresee(ctx context.Context, p *program.Program, reward string, to loyalty.Day) (f Foreseen, err error) {
	if p.Loyalty == nil {
		return f, errors.New("the program has no loyalty.yaml: say there what is to be tried")
	}
	price, err := priceOf(p.Loyalty.Rewards, reward)
	if err != nil {
		return f, err
	}
	f = Foreseen{To: to.String(), Reward: reward}
	for last := int64(0); ; {
		var members []int64
		err := m.DB.View(ctx, func(tx *store.Tx) error {
			err := tx.All(&members, fmt.Sprintf("select distinct member_id from orders where counts and day <= @to and member_id > @last order by member_id limit %d", foreseenAtOnce),
				store.Args{"to": int64(to), "last": last})
			if err != nil || len(members) == 0 {
				return err
			}
			return f.add(tx, p, members, price, to)
		})
		if err != nil || len(members) == 0 {
			return f, err
		}
		last = slices.Max(members)
	}
}

func priceOf(rewards []program.Reward, name string) (int64, error) {
	var names []string
	for _, r := range rewards {
		if r.Name == name {
			return r.Price, nil
		}
		names = append(names, r.Name)
	}
	if name == "" {
		return 0, nil
	}
	return 0, errors.New(program.Unknown("reward", name, names))
}

// add adds what becomes of some members.
func (f *Foreseen) add(tx *store.Tx, p *program.Program, members []int64, price int64, to loyalty.Day) error {
	var orders []int64
	err := tx.All(&orders, "select id from orders where member_id in "+tx.In("@members")+" and counts and day <= @to order by id", store.Args{"members": store.IDs(members), "to": int64(to)})
	if err != nil {
		return err
	}
	var before map[int64]string
	if t := tiers.Of(&versions.Version{Program: p}); t != nil {
		var at map[int64]string
		if before, at, err = t.LivesOf(tx, members, to); err != nil {
			return err
		}
		if f.Tiers == nil {
			f.Tiers = map[string]int64{}
		}
		for _, tier := range at {
			if tier == "" {
				tier = "none"
			}
			f.Tiers[tier]++
		}
	}
	earned, stamps, err := points.Draft(p).Reckon(tx, orders, before)
	if err != nil {
		return err
	}
	for _, c := range p.Loyalty.Cards {
		if f.Cards == nil {
			f.Cards = map[string]int64{}
		}
		for _, n := range stamps[c.Name] {
			f.Cards[c.Name] += n / c.Full
		}
	}
	of := map[int64][]points.Earning{}
	for _, e := range earned {
		of[e.Member] = append(of[e.Member], e)
	}
	for _, member := range members {
		if p.Loyalty.Points != nil {
			f.Points.Foresee(of[member], p.Loyalty.Points.Expire, price, to)
		}
	}
	f.Orders, f.Members = f.Orders+int64(len(orders)), f.Members+int64(len(members))
	return nil
}
