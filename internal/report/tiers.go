package report

import (
	"fmt"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/segments"
)

// Tiers is how many members have which tier at the end of a day, and what became of
// tiers since the end of another. Of several moves of a member on one day the outcome
// counts.
type Tiers struct {
	From  string     `json:"from"`
	Day   string     `json:"day"`
	Tiers []TierLine `json:"tiers"` // from the lowest; the first is none
	Jumps int64      `json:"jumps"` // up by more than one tier at once
	Moves []Moved    `json:"moves"` // between the two days, whatever came between them; who stayed is among them
}

// TierLine is one tier.
type TierLine struct {
	Tier    string `json:"tier"`
	Members int64  `json:"members"`
	Before  int64  `json:"members_before"`
	Up      int64  `json:"up"`   // came from below
	Down    int64  `json:"down"` // came from above
	Kept    int64  `json:"kept"` // of a tier whose last day came: it was kept anew
	ByHand  int64  `json:"by_hand"`
}

// Tier is one of a program: after its last day it is kept for its grace.
type Tier struct {
	Name  string
	Grace loyalty.Period
}

// TiersOf is what is asked: the tiers from the lowest, and the days.
type TiersOf struct {
	Tiers     []Tier
	Day, From loyalty.Day
	Past      bool // Day is not the shop's present
}

func tiersReport(tx *store.Tx, ask Ask) (Table, error) {
	r, err := TiersOf{Tiers: ask.Tiers, Day: ask.Day, From: aMonthBefore(ask.Day), Past: ask.Past}.Report(tx)
	return r.Table(), err
}

// Table is the report as a table.
func (r Tiers) Table() Table {
	t := Table{Value: r, Head: []string{"TIER", "MEMBERS", "BEFORE", "CAME UP", "CAME DOWN", "KEPT", "BY HAND"}}
	for _, l := range r.Tiers {
		t.Rows = append(t.Rows, row(l.Tier, l.Members, l.Before, l.Up, l.Down, l.Kept, l.ByHand))
	}
	return t
}

// Report counts.
func (q TiersOf) Report(tx *store.Tx) (Tiers, error) {
	r := Tiers{From: q.From.String(), Day: q.Day.String(), Tiers: []TierLine{{Tier: "none"}}}
	for _, tier := range q.Tiers {
		r.Tiers = append(r.Tiers, TierLine{Tier: tier.Name})
	}
	args := store.Args{"day": int64(q.Day), "from": int64(q.From)}
	facts := "facts"
	if q.Past {
		facts = "(" + segments.FactsSelect(tx.Engine(), "") + ")"
	}
	if err := q.between(tx, &r, facts, args); err != nil {
		return r, fmt.Errorf("who has which tier: %w", err)
	}
	var moves []left
	// A stay that was left on the day on which it began is none; where one ends and
	// nothing begins, the member has none.
	err := tx.All(&moves, `
		with whole as (select * from member_tiers where coalesce(left_day, since_day + 1) > since_day)
		select was, meanwhile, tier, by_hand, by_order, last, exact, day, count(*) as n
		from  (select coalesce(b.tier, '') as was, s.tier, s.by_whom <> '' as by_hand, b.id is not null and s.order_id is not null as by_order,
		              b.last_day as last, coalesce(b.exact, false) as exact, s.since_day as day,
		              coalesce((select z.tier from member_tiers z
		                        where  z.member_id = s.member_id and z.since_day = s.since_day and z.left_day = z.since_day and z.order_id is null
		                        order  by z.id desc limit 1), '') as meanwhile
		       from   whole s
		       left   join whole b on b.member_id = s.member_id and b.left_day = s.since_day
		       where  s.since_day > @from and s.since_day <= @day
		       union  all
		       select b.tier, '', false, false, null, false, 0, ''
		       from   whole b
		       where  b.left_day > @from and b.left_day <= @day
		       and    not exists (select 1 from whole s where s.member_id = b.member_id and s.since_day = b.left_day)) m
		group  by 1, 2, 3, 4, 5, 6, 7, 8`, args)
	if err != nil {
		return r, fmt.Errorf("who came to which tier: %w", err)
	}
	for _, m := range moves {
		if q.ended(m) {
			q.count(&r, m.Was, m.Meanwhile, m.N)
			m.Was = m.Meanwhile
		}
		q.count(&r, m.Was, m.Tier, m.N)
		if is := q.place(m.Tier); m.ByHand && is >= 0 {
			r.Tiers[is].ByHand += m.N
		}
	}
	return r, q.kept(tx, &r)
}

// left is a tier that members left on a day for another, or for none.
type left struct {
	Was, Tier, Meanwhile string
	ByHand, ByOrder      bool // how they came to the other
	Last                 *loyalty.Day
	Exact                bool // Last is without the grace
	Day                  loyalty.Day
	N                    int64
}

// ended reports whether the tier came to its end at the midnight before and an order of that
// day brought the other, so that the member had another meanwhile. An order alone brings
// nobody down; one that brings them up may do so before the end, also in the grace.
func (q TiersOf) ended(m left) bool {
	was, is := q.place(m.Was), q.place(m.Tier)
	switch {
	case !m.ByOrder:
		return false
	case was >= is:
		return true
	case was < 1 || m.Last == nil:
		return false
	case m.Exact:
		return *m.Last < m.Day
	}
	return q.Tiers[was-1].Grace.After(*m.Last) < m.Day
}

// count adds members who came from one tier to another.
func (q TiersOf) count(r *Tiers, from, to string, n int64) {
	was, is := q.place(from), q.place(to)
	switch {
	case was < 0 || is < 0: // a tier of another program: neither above nor below
	case is > was:
		r.Tiers[is].Up += n
		if is > was+1 {
			r.Jumps += n
		}
	case is < was:
		r.Tiers[is].Down += n
	}
}

// between counts members by the tiers that they had and have.
func (q TiersOf) between(tx *store.Tx, r *Tiers, facts string, args store.Args) error {
	var members []struct {
		Was, Tier string
		N         int64
	}
	had := func(alias, day string) string {
		return alias + ".member_id = f.member_id and " + alias + ".since_day <= " + day + " and coalesce(" + alias + ".left_day, " + day + " + 1) > " + day
	}
	err := tx.All(&members, `
		select coalesce(b.tier, '') as was, coalesce(s.tier, '') as tier, count(*) as n
		from   `+facts+` f
		left   join member_tiers s on `+had("s", "@day")+`
		left   join member_tiers b on `+had("b", "@from")+`
		group  by 1, 2
		order  by 1, 2`, args)
	for _, m := range members {
		was, is := q.place(m.Was), q.place(m.Tier)
		if was >= 0 {
			r.Tiers[was].Before += m.N
		}
		if is >= 0 {
			r.Tiers[is].Members += m.N
		}
		if was >= 0 && is >= 0 {
			r.Moves = append(r.Moves, Moved{r.Tiers[was].Tier, r.Tiers[is].Tier, m.N})
		}
	}
	return err
}

// kept counts the tiers that were kept anew.
func (q TiersOf) kept(tx *store.Tx, r *Tiers) error {
	var rows []struct {
		Tier string
		N    int64
	}
	err := tx.All(&rows, `
		select properties ->> 'tier' as tier, count(*) as n
		from   events
		where  source = 'regulars' and type = 'tier.kept' and day > @from and day <= @day
		group  by 1`, store.Args{"day": int64(q.Day), "from": int64(q.From)})
	if err != nil {
		return fmt.Errorf("whose tier was kept: %w", err)
	}
	for _, k := range rows {
		if place := q.place(k.Tier); place >= 0 {
			r.Tiers[place].Kept += k.N
		}
	}
	return nil
}

// place is where a tier stands in the report: 0 is none, below 0 one that is no more.
func (q TiersOf) place(tier string) int {
	if tier == "" {
		return 0
	}
	if i := slices.IndexFunc(q.Tiers, func(t Tier) bool { return t.Name == tier }); i >= 0 {
		return i + 1
	}
	return -1
}

// TierMove is a member who came to a tier, or left one without coming to another.
type TierMove struct {
	Number    int64 // of the member, as in Member
	ID        string
	FirstName string
	LastName  string
	Was       string // "": none
	Tier      string // "": none any more
	Day       loyalty.Day
	Because   string
	ByHand    bool
}

// newestLeft is among how many stays that ended last those are looked for after which none
// began.
const newestLeft = 2000

// NewestTiers returns who moved between tiers last, the newest first.
func NewestTiers(tx *store.Tx, limit int) (moves []TierMove, err error) {
	err = tx.All(&moves, `
		select m.id as number, m.external_id as id, m.first_name, m.last_name, t.was, t.tier, t.day, t.because, t.by_hand
		from  (select c.id, c.member_id,
		              coalesce((select b.tier from member_tiers b where b.member_id = c.member_id and b.left_day = c.since_day and b.id < c.id order by b.id desc limit 1), '') as was,
		              c.tier, c.since_day as day, c.because, c.by_whom <> '' as by_hand
		       from  (select * from member_tiers order by id desc limit @limit) c
		       union  all
		       select * from (
		           select l.id, l.member_id, l.tier as was, '' as tier, l.left_day as day, '' as because, false as by_hand
		           from  (select * from member_tiers where left_day is not null order by left_day desc, id desc limit @left) l
		           where  not exists (select 1 from member_tiers s where s.member_id = l.member_id and s.id > l.id and s.since_day = l.left_day)
		           and    l.left_day > l.since_day
		           order  by l.left_day desc, l.id desc limit @limit) gone
		       ) t
		join   members m on m.id = t.member_id
		where  m.merged_into is null and m.erased_at is null
		order  by t.day desc, t.id desc
		limit  @limit`, store.Args{"limit": limit, "left": newestLeft})
	if err != nil {
		return nil, fmt.Errorf("who moved between tiers: %w", err)
	}
	return moves, nil
}
