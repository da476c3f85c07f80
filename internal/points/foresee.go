package points

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// Draft are the rules of a program that need not be in force, over all that was ever ordered
// since the day that it says.
func Draft(p *program.Program) *Rules {
	r := &Rules{Zone: p.Zone, NewsWithin: p.NewsWithin, Eras: []Era{{Loyalty: func() (*program.Loyalty, error) { return p.Loyalty, nil }}}}
	if p.Loyalty.Points != nil {
		r.Since = p.Loyalty.Points.Since
	}
	return r
}

// Earning is what an order would earn: nothing is booked.
type Earning struct {
	Member int64
	Day    loyalty.Day
	Points int64
	Opens  loyalty.Day
}

// Stamps are how many stamps members would have had on each card, by its name.
type Stamps map[string]map[int64]int64

// Reckon returns what orders would earn by the rules, whatever is booked for them, in the
// order in which they were placed, and their stamps. Tiers are those that their members had
// before them.
func (r *Rules) Reckon(tx *store.Tx, orders []int64, tiers map[int64]string) ([]Earning, Stamps, error) {
	list, err := r.read(tx, orders)
	if err != nil {
		return nil, nil, err
	}
	now := r.now()
	for _, p := range list {
		p.version, p.tier, p.stamps = now.Version, tiers[p.ID], map[string]*stamped{}
	}
	if err := r.targets(tx, list); err != nil {
		return nil, nil, fmt.Errorf("what %d orders would earn: %w", len(list), err)
	}
	rates, err := now.points()
	if err != nil {
		return nil, nil, err
	}
	stamps := Stamps{}
	for _, p := range list {
		cards, err := r.cardsOf(p)
		if err != nil {
			return nil, nil, err
		}
		for _, c := range cards {
			if stamps[c.Name] == nil {
				stamps[c.Name] = map[int64]int64{}
			}
			stamps[c.Name][p.MemberID] += p.stampsOn(c)
		}
	}
	slices.SortFunc(list, func(x, y *purchase) int { return cmp.Or(x.At.Compare(y.At.Time), cmp.Compare(x.ID, y.ID)) })
	var all []Earning
	for _, p := range list {
		if p.target != 0 {
			all = append(all, Earning{p.MemberID, p.Day, p.target, p.Day + loyalty.Day(rates.Pending)})
		}
	}
	return all, stamps, nil
}

// Foreseen is what would have become of points to the end of a day.
type Foreseen struct {
	Earned    int64 `json:"earned"`
	Expired   int64 `json:"expired"`
	ExpiredOf int64 `json:"members_of_expired"`
	Expiries  int64 `json:"expiries"` // how often something of a member ended, whatever it was
	Left      int64 `json:"left"`     // pending ones included
	Claims    int64 `json:"claims"`
}

// Foresee adds what would have become of the earnings of one member to the end of a day: what
// would have ended, and how many claims of a price there would have been, each made as soon as
// there were points enough; 0: nobody claims anything.
func (f *Foreseen) Foresee(earnings []Earning, ends loyalty.Expiry, price int64, until loyalty.Day) {
	days := map[loyalty.Day]bool{until: true}
	for _, e := range earnings {
		days[e.Day], days[e.Opens] = true, true
	}
	var lots []*loyalty.Lot
	var active loyalty.Day
	var ended int64
	on := map[loyalty.Day]bool{}
	for _, day := range slices.Sorted(maps.Keys(days)) {
		if day > until {
			break
		}
		for _, l := range lots {
			if l.Last = ends.LastDay(l.Opens, active); l.Ended(day) {
				ended, l.Remains = ended+l.Remains, 0
				on[l.Last] = true
			}
		}
		lots = slices.DeleteFunc(lots, func(l *loyalty.Lot) bool { return l.Remains == 0 })
		for ; len(earnings) > 0 && earnings[0].Day == day; earnings = earnings[1:] {
			e := earnings[0]
			lots = append(lots, &loyalty.Lot{ID: int64(len(lots)), Opens: e.Opens, Remains: e.Points})
			f.Earned, active = f.Earned+e.Points, day
		}
		for _, l := range lots {
			l.Last = ends.LastDay(l.Opens, active)
		}
		for price > 0 && openOf(lots, day) >= price {
			loyalty.Spend(lots, 0, price, day, 0)
			f.Claims, active = f.Claims+1, day
		}
	}
	f.Expired, f.Expiries = f.Expired+ended, f.Expiries+int64(len(on))
	if ended > 0 {
		f.ExpiredOf++
	}
	for _, l := range lots {
		f.Left += l.Remains
	}
}
