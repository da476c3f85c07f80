package delivery

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/segments"
)

// standing is what a member has in the program, as mails show it: points and a tier.
type standing struct {
	MemberID int64
	Language string
	Points   int64
	Pending  int64
	Tier     string       // "": none
	Until    *loyalty.Day // so long it is kept

	ends    []ending
	missing int64 // of the next tier; 0: it is not known
}

// ending is how many points have a last day.
type ending struct {
	MemberID int64
	Day      loyalty.Day
	Points   int64
}

// standings loads what members have on a day, in a handful of statements for however many.
func standings(tx *store.Tx, p *program.Program, today loyalty.Day, members []int64) (map[int64]*standing, error) {
	args := store.Args{"ids": store.IDs(members), "today": int64(today)}
	var rows []*standing
	err := tx.All(&rows, `
		select f.member_id, m.language, f.points, f.points_pending as pending, coalesce(t.tier, '') as tier, t.last_day as until
		from   facts f
		join   members m on m.id = f.member_id
		left   join member_tiers t on t.member_id = f.member_id and t.left_day is null
		where  f.member_id in `+tx.In("@ids"), args)
	if err != nil {
		return nil, fmt.Errorf("points and tiers of %d members: %w", len(members), err)
	}
	all := map[int64]*standing{}
	for _, s := range rows {
		all[s.MemberID] = s
	}
	var ends []ending
	err = tx.All(&ends, `
		select member_id, last_day as day, cast(sum(remains) as bigint) as points
		from   lots
		where  member_id in `+tx.In("@ids")+` and wallet = 'points' and last_day >= @today
		group  by member_id, last_day
		order  by member_id, last_day`, args)
	if err != nil {
		return nil, fmt.Errorf("points of %d members that end: %w", len(members), err)
	}
	for _, e := range ends {
		if s := all[e.MemberID]; s != nil {
			s.ends = append(s.ends, e)
		}
	}
	return all, lacking(tx, p, today, all)
}

// lacking finds what members lack for their next tiers, where that is one figure.
func lacking(tx *store.Tx, p *program.Program, today loyalty.Day, all map[int64]*standing) error {
	for i, tier := range p.Loyalty.Tiers {
		goals := tier.When.Goals()
		if len(goals) != 1 {
			continue
		}
		below := ""
		if i > 0 {
			below = p.Loyalty.Tiers[i-1].Name
		}
		var members []int64
		for id, s := range all {
			if s.Tier == below {
				members = append(members, id)
			}
		}
		if members == nil {
			continue
		}
		expr, more := goals[0].SQL(segments.Query{Engine: tx.Engine(), Day: today, Members: tx.In("@ids"), Prefix: "g"})
		args := store.Args{"ids": store.IDs(members)}
		maps.Copy(args, more)
		var figures []struct {
			MemberID int64
			Value    float64
		}
		err := tx.All(&figures, "select f.member_id, coalesce(cast("+expr+" as double precision), 0) as value from facts f where f.member_id in "+tx.In("@ids"), args)
		if err != nil {
			return fmt.Errorf("what members lack for tier %s: %w", tier.Name, err)
		}
		for _, f := range figures {
			all[f.MemberID].missing = max(0, goals[0].At-int64(math.Floor(f.Value)))
		}
	}
	return nil
}

// points is what a mail reads as points.…. Of a mail about a day on which points end
// those are shown, otherwise the next to end.
func (s *standing) points(p *program.Program, key string) map[string]any {
	rates := p.Loyalty.Points
	d := map[string]any{"balance": s.Points, "pending": s.Pending, "called": calledIn(rates.Called, s.Language, p.Languages[0], "points")}
	if rates.Worth > 0 {
		d["worth"] = max(0, s.Points) * rates.Worth / 1000
	}
	if len(s.ends) > 0 {
		about := slices.IndexFunc(s.ends, func(e ending) bool {
			return strings.HasPrefix(key, fmt.Sprintf("%s:%s:", program.PointsExpireOn, e.Day))
		})
		e := s.ends[max(0, about)]
		d["expiring"], d["expire_on"] = e.Points, e.Day
	}
	return d
}

// tier is what a mail reads as tier.…: the one that the member holds, and the next.
func (s *standing) tier(p *program.Program) map[string]any {
	d := map[string]any{}
	called := func(t program.Tier) string { return calledIn(t.Called, s.Language, p.Languages[0], t.Name) }
	place := slices.IndexFunc(p.Loyalty.Tiers, func(t program.Tier) bool { return t.Name == s.Tier })
	if place >= 0 {
		d["name"] = called(p.Loyalty.Tiers[place])
		if s.Until != nil {
			d["until"] = *s.Until
		}
	}
	if place+1 < len(p.Loyalty.Tiers) {
		if d["next"] = called(p.Loyalty.Tiers[place+1]); s.missing > 0 {
			d["missing"] = s.missing
		}
	}
	return d
}

// calledIn is what members read in their language, or in the program's first.
func calledIn(called map[string]string, language, first, otherwise string) string {
	plain, _, _ := strings.Cut(language, "-")
	for _, l := range []string{language, plain, first} {
		if name := called[l]; name != "" {
			return name
		}
	}
	return otherwise
}
