package tiers

import (
	"fmt"

	"regulars/internal/happenings"
	"regulars/internal/loyalty"
	"regulars/internal/rules"
	"regulars/internal/store"
)

// tell tells of members the days before the one on which tiers began. Of whom nothing was
// said since then, it goes on to the present: so they stand. The others keep what was said,
// and come to what is more.
func (b *beginning) tell(tx *store.Tx, members []int64) error {
	today := b.now.today(tx)
	all, err := actsOf(tx, members, today, b.first.readPoints() || b.now.readPoints())
	if err != nil {
		return err
	}
	stands, err := b.stands(tx, members)
	if err != nil {
		return err
	}
	if err := b.forget(tx, stands); err != nil {
		return err
	}
	var stays []told
	var kept, tiers [][]any
	var moves []move
	for _, member := range members {
		s, l := stands[member], life{by: map[int]act{}}
		b.first.live(&l, all[member], b.day-1, b.day-1)
		past := len(l.Turns)
		mine := b.first.told(member, l, 0, nil)
		for _, turn := range l.Turns {
			if turn.What == loyalty.Kept {
				kept = append(kept, b.first.keptThen(member, turn))
			}
		}
		if l.Stay.Tier = b.now.place(b.first.name(l.Stay.Tier)); l.Stay.Tier == 0 { // as they are called now
			l.Stay = loyalty.Stay{}
		}
		if n := len(mine); n > 0 && mine[n-1].left == nil && (s.said || l.Stay.Tier == 0) {
			mine[n-1].left = &b.day
		}
		if b.now.live(&l, all[member], today, today-1); s.said {
			moves = append(moves, b.more(s, l.Stay, today)...)
		} else {
			mine = b.now.told(member, l, past, mine)
			tiers = append(tiers, []any{member, b.now.name(l.Stay.Tier)})
		}
		stays = append(stays, mine...)
	}
	if err := writeTold(tx, stays, kept); err != nil {
		return err
	}
	if err := b.now.write(tx, moves); err != nil {
		return err
	}
	var other []int64
	err = tx.All(&other, "update facts set tier = r.tier from "+tx.Values("member_id bigint", "tier text")+" where facts.member_id = r.member_id and facts.tier <> r.tier returning facts.member_id",
		store.Args{"rows": store.Rows(tiers)})
	if err != nil {
		return fmt.Errorf("the tiers of %d members: %w", len(tiers), err)
	}
	for _, m := range moves {
		other = append(other, m.Member)
	}
	return happenings.Learned(tx, other)
}

// since is how a member stands by what became of them since tiers began.
type since struct {
	standing
	said bool // they were told of it, or a person did it
	gone bool // they are nobody any more
}

// stands are the standings of members. Of a stay that began with the tiers, or with history
// that came in, nobody was told, and nothing has become of it yet: it is to be what the past
// makes of it. So is one that goes on since the past.
func (b *beginning) stands(tx *store.Tx, members []int64) (map[int64]since, error) {
	var rows []struct {
		Member, ID, SinceDay     int64
		Tier, ByWhom             string
		LastDay, LeftDay         *int64
		Exact, Heard, Gone, Stay bool
	}
	err := tx.All(&rows, `
		select m.id as member, not (`+rules.Present+`) as gone, t.id is not null as stay, coalesce(t.id, 0) as id, coalesce(t.tier, '') as tier, coalesce(t.since_day, 0) as since_day,
		       t.last_day, t.left_day, coalesce(t.exact, false) as exact, coalesce(t.by_whom, '') as by_whom,
		       exists (select 1 from events e
		               where  e.member_id = m.id and e.source = '`+happenings.OwnSource+`' and e.type in ('`+tierUp+`', '`+tierKept+`', '`+tierDown+`', '`+tierEnding+`')
		               and    e.day >= t.since_day and t.since_day >= @began) as heard
		from   members m
		left   join member_tiers t on t.member_id = m.id and (t.left_day is null or t.left_day > @began)
		where  m.id in `+tx.In("@members")+`
		order  by t.id`, store.Args{"members": store.IDs(members), "began": int64(b.day)})
	if err != nil {
		return nil, fmt.Errorf("how %d members stand: %w", len(members), err)
	}
	stands := map[int64]since{}
	for _, r := range rows {
		s := stands[r.Member]
		s.Member, s.gone = r.Member, r.Gone
		was := standing{Member: r.Member, ID: r.ID, Tier: r.Tier, SinceDay: r.SinceDay, LastDay: r.LastDay, Exact: r.Exact}
		if stay := b.now.stay(was); r.Stay && r.LeftDay == nil {
			s.standing = was
			asBegun := stay.Tier > 0 && stay.Last == b.now.ladder.Begin(stay.Tier, stay.Since).Last
			s.said = s.said || r.ByWhom != "" || stay.Since >= b.day && (r.Heard || !asBegun)
		} else if r.Stay {
			s.said = s.said || r.ByWhom != "" || stay.Since >= b.day
		}
		s.said = s.said || s.gone
		stands[r.Member] = s
	}
	return stands, nil
}

// forget takes away what was told of the days before, and what is to be told to the present.
func (b *beginning) forget(tx *store.Tx, stands map[int64]since) error {
	var said, rest []int64
	for member, s := range stands {
		if s.said {
			said = append(said, member)
		} else {
			rest = append(rest, member)
		}
	}
	args := store.Args{"said": store.IDs(said), "rest": store.IDs(rest), "began": int64(b.day), "at": b.now.beginning(b.day), "now": tx.At}
	for _, text := range []string{
		"update facts set tier_at = @now where member_id in " + tx.In("@said") + " or member_id in " + tx.In("@rest"), // earlier orders look their tier up
		"update member_tiers set since_day = @began, since_at = @at where member_id in " + tx.In("@said") + " and since_day < @began and (left_day is null or left_day > @began)",
		"delete from member_tiers where member_id in " + tx.In("@said") + " and since_day < @began",
		"delete from member_tiers where member_id in " + tx.In("@rest") + " and (since_day < @began or left_day is null)",
		"delete from events where (member_id in " + tx.In("@said") + " or member_id in " + tx.In("@rest") + ") and source = '" + happenings.OwnSource + "' and external_id like '" + tierKept + ":past:%'",
	} {
		if _, err := tx.Exec(text, args); err != nil {
			return err
		}
	}
	return nil
}

// more is what somebody who was told of a stay comes to by a past that is told now: to a higher
// tier, or to a later last day.
func (b *beginning) more(s since, stay loyalty.Stay, today loyalty.Day) []move {
	m := move{standing: s.standing, to: stay, day: today, heard: notAtAll}
	switch was := b.now.stay(s.standing); {
	case s.gone:
		return nil
	case stay.Tier > was.Tier:
		m.what, m.to.Since, m.because = loyalty.Up, today, b.now.list[stay.Tier-1].When.Text()
	case stay.Tier > 0 && stay.Tier == was.Tier && !was.Exact && stay.Last > was.Last:
		m.what = loyalty.Kept
	default:
		return nil
	}
	return []move{m}
}

// told is a row of member_tiers.
type told struct {
	member, version int64
	tier, because   string
	since           loyalty.Day
	at              loyalty.Instant
	last            *int64
	left            *loyalty.Day // nil: the present one
	order           *int64
}

// told goes on with the stays of a member by the turns of a life from the n-th on.
func (t *Tiers) told(member int64, l life, n int, stays []told) []told {
	for ; n < len(l.Turns); n++ {
		turn := l.Turns[n]
		if turn.What == loyalty.Kept {
			stays[len(stays)-1].last = lastDay(turn.Is)
			continue
		}
		if i := len(stays) - 1; i >= 0 && stays[i].left == nil {
			left := turn.Is.Since
			stays[i].left = &left
		}
		if turn.Is.Tier == 0 {
			continue
		}
		s := told{member: member, version: t.v.ID, tier: t.name(turn.Is.Tier), because: t.list[turn.Is.Tier-1].When.Text(),
			since: turn.Is.Since, at: t.beginning(turn.Is.Since), last: lastDay(turn.Is)}
		if a, by := l.by[n]; by {
			if s.at = a.At; a.Order != 0 {
				s.order = &a.Order
			}
		}
		stays = append(stays, s)
	}
	return stays
}

func writeTold(tx *store.Tx, stays []told, kept [][]any) error {
	rows := make([][]any, len(stays))
	for i, s := range stays {
		var left any
		if s.left != nil {
			left = int64(*s.left)
		}
		rows[i] = []any{s.member, s.tier, int64(s.since), s.at, s.last, left, s.because, s.order, s.version}
	}
	if _, err := tx.Bulk("member_tiers", []string{"member_id", "tier", "since_day", "since_at", "last_day", "left_day", "because", "order_id", "version_id"}, rows); err != nil {
		return err
	}
	_, err := tx.Bulk("events", []string{"source", "external_id", "member_id", "type", "at", "day", "received_at", "properties"}, kept)
	return err
}

// keptThen is the row of the event of a tier that was kept, of the day after it was.
func (t *Tiers) keptThen(member int64, turn loyalty.Turn) []any {
	day := turn.Day + 1
	name := t.name(turn.Is.Tier)
	properties := map[string]any{"tier": name, "from": name, "until": t.ladder.Ends(turn.Is).String()}
	return []any{happenings.OwnSource, fmt.Sprintf("%s:past:%d:%s", tierKept, member, turn.Day), member, tierKept, t.beginning(day), int64(day), t.beginning(day), store.JSON(properties)}
}
