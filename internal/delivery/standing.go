package delivery

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/tiers"
	"regulars/segments"
	"regulars/templates"
)

// standing is what a member has in the program, as mails show it: points and a tier.
type standing struct {
	MemberID int64
	Language string
	Points   int64
	Pending  int64
	Tier     string       // "": none
	called   string       // its points, in the member's language
	Kept     *loyalty.Day // through which it is kept, a grace not included
	Exact    bool         // … for a person said so
	asOf     loyalty.Day  // on which all this was read

	ends    []ending
	lack    []templates.Lack // for the next tier; nil: it is not known
	stamps  map[string]int64
	barred  map[string]bool  // rewards that something else than points keeps from the member
	entries []entry          // the newest first
	earned  map[string]int64 // by the field of its span
}

// ending is how many points have a last day.
type ending struct {
	MemberID int64
	Day      loyalty.Day
	Points   int64
}

// entry is a row of a member's ledger of points.
type entry struct {
	MemberID int64
	Day      loyalty.Day
	Amount   int64
	templates.Booked
}

// standings loads what members have on a day, in a handful of statements for however
// many; of cards and the ledger only what their mails show.
func standings(tx *store.Tx, p *program.Program, today loyalty.Day, members []int64, shown map[string]templates.Shown) (map[int64]*standing, error) {
	args := store.Args{"ids": store.IDs(members), "today": int64(today)}
	var rows []*standing
	err := tx.All(&rows, `
		select f.member_id, m.language, f.points, f.points_pending as pending, coalesce(t.tier, '') as tier, t.last_day as kept, coalesce(t.exact, false) as exact
		from   facts f
		join   members m on m.id = f.member_id
		left   join member_tiers t on t.member_id = f.member_id and t.left_day is null
		where  f.member_id in `+tx.In("@ids"), args)
	if err != nil {
		return nil, fmt.Errorf("points and tiers of %d members: %w", len(members), err)
	}
	all := map[int64]*standing{}
	for _, s := range rows {
		s.asOf = today
		all[s.MemberID] = s
	}
	if p.Loyalty.Points != nil {
		said := map[string]string{}
		for _, s := range rows {
			if said[s.Language] == "" {
				said[s.Language] = pointsCalled(p, s.Language)
			}
			s.called = said[s.Language]
		}
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
	if err := lacking(tx, p, today, all); err != nil {
		return nil, err
	}
	since := today + 1 // of the longest statement
	for field, show := range shown {
		switch show.Kind {
		case templates.Cards:
			err = onCards(tx, all, args)
		case templates.Rewards:
			err = bars(tx, p, today, all)
		case templates.Entries:
			since = min(since, show.Span.Before(today))
		case templates.Number:
			err = earnedSince(tx, all, args, field, show.Span.Before(today))
		}
		if err != nil {
			return nil, err
		}
	}
	if since > today {
		return all, nil
	}
	return all, moves(tx, all, args, since)
}

// earnedSince finds how many points members earned after a day, as rules count them.
func earnedSince(tx *store.Tx, all map[int64]*standing, args store.Args, field string, since loyalty.Day) error {
	args["since"] = int64(since)
	var rows []struct{ MemberID, N int64 }
	err := tx.All(&rows, segments.PointsEarned+" and member_id in "+tx.In("@ids")+" and day > @since and day <= @today group by member_id", args)
	if err != nil {
		return fmt.Errorf("points earned by %d members: %w", len(all), err)
	}
	for _, row := range rows {
		if s := all[row.MemberID]; s != nil {
			if s.earned == nil {
				s.earned = map[string]int64{}
			}
			s.earned[field] = row.N
		}
	}
	return nil
}

// onCards finds the stamps that members have, without those that have ended.
func onCards(tx *store.Tx, all map[int64]*standing, args store.Args) error {
	var rows []struct {
		MemberID int64
		Card     string
		Stamps   int64
	}
	err := tx.All(&rows, `
		select e.member_id, e.wallet as card,
		       cast(sum(e.amount) as bigint) - coalesce((select cast(sum(l.remains) as bigint) from lots l
		                                                 where  l.member_id = e.member_id and l.wallet = e.wallet and l.last_day < @today), 0) as stamps
		from   `+tx.RowsOf("entries", "member_id", "@ids")+` e
		where  e.wallet <> 'points'
		group  by e.member_id, e.wallet`, args)
	if err != nil {
		return fmt.Errorf("stamps of %d members: %w", len(all), err)
	}
	for _, row := range rows {
		if s := all[row.MemberID]; s != nil {
			if s.stamps == nil {
				s.stamps = map[string]int64{}
			}
			s.stamps[row.Card] = row.Stamps
		}
	}
	return nil
}

// bars finds which rewards something else than points keeps from members: their tier, how
// often they claimed it, an empty pool, the month's budget. It asks as can_claim does.
func bars(tx *store.Tx, p *program.Program, today loyalty.Day, all map[int64]*standing) error {
	if len(p.Loyalty.Rewards) == 0 {
		return nil
	}
	args, in := store.Args{"ids": store.IDs(slices.Collect(maps.Keys(all)))}, tx.In("@ids")
	var open []string
	for i, w := range p.Loyalty.Rewards {
		where, more := segments.Unbarred(w.Name, p.Price(w)).SQL(segments.Query{Engine: tx.Engine(), Day: today, Members: in, Prefix: fmt.Sprintf("w%d_", i)})
		maps.Copy(args, more)
		open = append(open, "case when "+where+" then '1' else '0' end")
	}
	var rows []struct {
		MemberID int64
		Open     string
	}
	if err := tx.All(&rows, "select f.member_id, "+strings.Join(open, " || ")+" as open from facts f where f.member_id in "+in, args); err != nil {
		return fmt.Errorf("which rewards %d members can claim: %w", len(all), err)
	}
	for _, row := range rows {
		barred := map[string]bool{}
		for i, w := range p.Loyalty.Rewards {
			barred[w.Name] = row.Open[i] == '0'
		}
		all[row.MemberID].barred = barred
	}
	return nil
}

// mostEntries is how many rows of a statement a mail shows.
const mostEntries = 100

// moves finds what came and went of members' points since a day, the newest first.
func moves(tx *store.Tx, all map[int64]*standing, args store.Args, since loyalty.Day) error {
	args["since"], args["most"] = int64(since), mostEntries
	var rows []entry
	err := tx.All(&rows, `
		select e.member_id, e.day, e.amount, e.kind, e.cause, e.reason as note,
		       coalesce(o.external_id, '') as "order", coalesce(v.type, '') as event, coalesce(c.reward, '') as reward
		from  (select *, row_number() over (partition by member_id order by id desc) as place
		       from   `+tx.RowsOf("entries", "member_id", "@ids")+` n
		       where  wallet = 'points' and day >= @since and day <= @today) e
		left   join orders o on o.id = e.order_id
		left   join claims c on c.id = e.claim_id
		left   join events v on v.id = e.event_id and v.member_id = e.member_id
		where  e.place <= @most
		order  by e.member_id, e.id desc`, args)
	if err != nil {
		return fmt.Errorf("statements of %d members: %w", len(all), err)
	}
	for _, row := range rows {
		if s := all[row.MemberID]; s != nil {
			s.entries = append(s.entries, row)
		}
	}
	return nil
}

// lacking finds what members lack for their next tiers.
func lacking(tx *store.Tx, p *program.Program, today loyalty.Day, all map[int64]*standing) error {
	held := map[int64]string{}
	for id, s := range all {
		held[id] = s.Tier
	}
	next, err := tiers.NextOf(tx, p, today, held)
	for id, n := range next {
		all[id].lack = n.Lack
	}
	return err
}

// points is what a mail reads as points.…. Of a mail about a day on which points end
// those are shown, otherwise the next to end.
func (s *standing) points(p *program.Program, key string) map[string]any {
	rates := p.Loyalty.Points
	d := map[string]any{"balance": s.Points, "pending": s.Pending, "as_of": s.asOf, "called": cmp.Or(s.called, pointsCalled(p, s.Language))}
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
	called := func(t program.Tier) string { return tierCalled(p, t, s.Language) }
	place := slices.IndexFunc(p.Loyalty.Tiers, func(t program.Tier) bool { return t.Name == s.Tier })
	if place >= 0 {
		d["name"] = called(p.Loyalty.Tiers[place])
		if until := tiers.Until(p, s.Tier, s.Kept, s.Exact); until != nil {
			d["until"] = *until
		}
	}
	if place+1 < len(p.Loyalty.Tiers) {
		switch d["next"] = called(p.Loyalty.Tiers[place+1]); {
		case len(s.lack) == 0:
		case p.Loyalty.Missing() == templates.Text:
			d["missing"] = s.lack
		default:
			d["missing"] = s.lack[0].N
		}
	}
	return d
}

// shown is what a mail reads as cards, rewards, statements and points earned. A member's
// rewards are those that nothing but points keeps them from: whoever reads that one is
// theirs can claim it now, and whoever reads what is missing could with so much more.
func (s *standing) shown(p *program.Program, shown map[string]templates.Shown, today loyalty.Day) map[string]any {
	var cards, rewards []map[string]any
	for _, c := range p.Loyalty.Cards {
		cards = append(cards, map[string]any{"name": c.Name, "stamps": s.stamps[c.Name], "of": c.Full, "missing": max(0, c.Full-s.stamps[c.Name])})
	}
	for _, w := range p.Loyalty.Rewards {
		if !s.barred[w.Name] {
			rewards = append(rewards, map[string]any{"name": w.Name, "price": w.Price, "affordable": s.Points >= w.Price, "missing": max(0, w.Price-s.Points)})
		}
	}
	d := map[string]any{"cards": cards, "rewards": rewards}
	for field, show := range shown {
		switch show.Kind {
		case templates.Number:
			d[field] = s.earned[field]
		case templates.Entries:
			var rows []map[string]any
			for _, e := range s.entries {
				if e.Day >= show.Span.Before(today) {
					rows = append(rows, map[string]any{"day": e.Day, "points": e.Amount, "booked": e.Booked})
				}
			}
			d[field] = rows
		}
	}
	return d
}

// pointsCalled is what members who read a language call the program's points after a
// number: what the program says, or else our word of that language.
func pointsCalled(p *program.Program, language string) string {
	if name := program.CalledIn(p.Loyalty.Points.Called, p.Languages, language); name != "" {
		return name
	}
	return templates.WordsIn(p.Said(), append([]string{language}, p.Languages...)...).PointsCalled()
}

// tiersNamed adds to what a mail shows of an event about tiers what its member calls them:
// tier_name beside tier, next_name and from_name. The event itself names them as
// loyalty.yaml does, so that conditions and other systems can go by it.
func tiersNamed(kind string, event map[string]any, p *program.Program, have *standing) map[string]any {
	if have == nil || p.Loyalty == nil || !strings.HasPrefix(kind, "tier.") {
		return event
	}
	for _, t := range p.Loyalty.Tiers {
		for _, field := range []string{"tier", "next", "from"} {
			if event[field] == t.Name {
				event[field+"_name"] = tierCalled(p, t, have.Language)
			}
		}
	}
	return event
}

// tierCalled is what they call a tier: what the program says, or else its name.
func tierCalled(p *program.Program, t program.Tier, language string) string {
	return cmp.Or(program.CalledIn(t.Called, p.Languages, language), t.Name)
}
