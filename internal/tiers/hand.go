package tiers

import (
	"fmt"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// Shown is a member's standing, as a person looks at it.
type Shown struct {
	Tier  string       `json:"tier"`  // "": none
	Until *loyalty.Day `json:"until"` // its last day, grace included; null: as long as its rule holds
	Kept  *loyalty.Day `json:"kept"`  // the day on whose end it is decided whether the tier is kept; no other than Until without a grace
	Rules []Answer     `json:"rules"`
	Stays []Stay       `json:"stays"` // the newest first
}

// Answer says for one tier whether its rule holds now, and why.
type Answer struct {
	Tier  string `json:"tier"`
	Holds bool   `json:"holds"`
	Why   string `json:"why"`
}

// Stay is a row of member_tiers.
type Stay struct {
	Tier    string       `json:"tier"`
	Since   loyalty.Day  `json:"since"`
	Last    *loyalty.Day `json:"last"`
	Left    *loyalty.Day `json:"left"`
	Because string       `json:"because"`
	By      string       `json:"by"`
}

// Show returns how a member stands.
func Show(tx *store.Tx, member int64) (shown Shown, err error) {
	t, err := inForce(tx)
	if err != nil {
		return shown, err
	}
	if t == nil {
		return shown, errNoTiers
	}
	today := t.today(tx)
	all, err := t.standings(tx, today, []int64{member})
	if err != nil || len(all) == 0 {
		return shown, err
	}
	stay := t.stay(all[0])
	if shown.Tier = all[0].Tier; stay.Last != 0 {
		until := t.ladder.Ends(stay)
		shown.Until, shown.Kept = &until, &stay.Last
	}
	for i, tier := range t.list {
		why, err := t.because(tx, today, i+1, []int64{member})
		if err != nil {
			return shown, err
		}
		holds, err := t.holdsOne(tx, today, i, member)
		if err != nil {
			return shown, err
		}
		shown.Rules = append(shown.Rules, Answer{tier.Name, holds, why[member]})
	}
	err = tx.All(&shown.Stays, `
		select tier, since_day as since, last_day as last, left_day as left, because, by_whom as by
		from   member_tiers where member_id = @member order by id desc`, store.Args{"member": member})
	return shown, err
}

// holdsOne reports whether the rule of one tier holds for a member.
func (t *Tiers) holdsOne(tx *store.Tx, day loyalty.Day, n int, member int64) (holds bool, err error) {
	a := t.ask(tx, day, []int64{member})
	err = a.One(&holds, a.with+"select count(*) > 0 from "+a.facts+" where f.member_id in "+a.As.Members+" and "+a.Holds(t.list[n].When))
	return holds, err
}

// Hand is a tier as a person gives it.
type Hand struct {
	Tier    string       // none takes the tier away
	Until   *loyalty.Day // its last day, without a grace; nil: it is kept for as long as the tier says
	Because string
	By      string
}

// None is what a person writes to take a tier away.
const None = "none"

// Set gives a member a tier by hand, or takes theirs away: campaigns hear of it as of any
// other. Not below what the rules say, for the next order would undo that.
func Set(tx *store.Tx, member int64, h Hand) error {
	t, err := inForce(tx)
	if err != nil {
		return err
	}
	if t == nil {
		return errNoTiers
	}
	to := t.place(h.Tier)
	switch {
	case to == 0 && h.Tier != None:
		return store.Missing(program.Unknown("tier", h.Tier, append(t.Names(), None)))
	case strings.TrimSpace(h.Because) == "":
		return fmt.Errorf("say why, as in --because \"makes good for the lost parcel\"")
	case to == 0 && h.Until != nil:
		return fmt.Errorf("who has no tier has none until they reach one: leave the day out")
	}
	if err := tx.HoldMembers([]int64{member}); err != nil {
		return err
	}
	if err := t.catchUp(tx, []int64{member}); err != nil {
		return err
	}
	today := t.today(tx)
	all, err := t.standings(tx, today, []int64{member})
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return store.ErrNotFound
	}
	s, stay := all[0], t.ladder.Begin(to, today)
	if h.Until != nil {
		stay.Last, stay.Exact = *h.Until, true
	}
	switch {
	case to < s.Holds:
		return fmt.Errorf("the rule of %s holds for this member, who would be in it again with the next order", t.name(s.Holds))
	case to == 0 && s.ID == 0:
		return fmt.Errorf("this member has no tier")
	case to > 0 && stay.Last == 0:
		return fmt.Errorf("%s is kept for as long as its rule holds: say until which day, as in --until %s", h.Tier, today+365)
	case to > 0 && stay.Last < today:
		return fmt.Errorf("%s is over: the first day that a tier can be kept through is today, %s", stay.Last, today)
	}
	m := move{standing: s, what: loyalty.Up, to: stay, day: today, because: h.Because, by: h.By, heard: asNews}
	switch was := t.place(s.Tier); {
	case to < was:
		m.what = loyalty.Down
	case to == was:
		m.heard = notAtAll // the tier is the same, and only its last day another
	}
	return t.write(tx, []move{m})
}
