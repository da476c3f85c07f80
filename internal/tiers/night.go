package tiers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"regulars/internal/happenings"
	"regulars/internal/loyalty"
	"regulars/internal/rules"
	"regulars/internal/store"
)

// Pass is the night's name in the table of passes.
const Pass = "tiers"

// atOnce is how many members one transaction of the night moves.
const atOnce = 5000

// endingBefore is how many days before a tier's last day tier.ending tells of it: in
// time for another order or two.
const endingBefore = 30

// The parts of a day's work, in their order.
const (
	partEnds   = iota // the end of the day: kept, or down
	partUp            // the next day: up by time alone
	partEnding        // … and what is about to end
	parts
)

// place of the night's work: a day that is over, a part of its work, and the last member.
type place struct {
	Day  loyalty.Day
	Part int
	Last int64
}

// Night brings tiers to the shop's present day: for each day that is over since the last
// night, its end, and who reached a tier on the next by time alone. It does a bounded
// piece and returns how much; 0 says that nothing is due.
func Night(ctx context.Context, db *store.DB) (n int, err error) {
	due := false
	err = db.View(ctx, func(tx *store.Tx) error {
		t, err := inForce(tx)
		if err != nil || t == nil {
			return err
		}
		return tx.One(&due, "select count(*) = 0 from passes where name = '"+Pass+"' and day = @today and finished_at is not null",
			store.Args{"today": int64(t.today(tx))})
	})
	if err != nil || !due {
		return 0, err
	}
	err = db.Update(ctx, func(tx *store.Tx) (err error) {
		n, err = night(tx)
		return err
	})
	if rules.Unready(err) { // nothing to do until it can be answered
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("the night's tiers: %w", err)
	}
	return n, nil
}

func night(tx *store.Tx) (int, error) {
	t, err := inForce(tx)
	if err != nil || t == nil {
		return 0, err
	}
	if err := tx.One(&t.quiet, "select count(*) = 0 from passes where name = '"+Pass+"' and finished_at is not null", nil); err != nil {
		return 0, err
	}
	today := t.today(tx)
	args := store.Args{"today": int64(today), "now": tx.At}
	if _, err := tx.Exec("insert into passes (name, day, started_at, note) values ('"+Pass+"', @today, @now, '') on conflict (name, day) do nothing", args); err != nil {
		return 0, err
	}
	var note string
	err = tx.One(&note, "select note from passes where name = '"+Pass+"' and day = @today and finished_at is null "+tx.SkipLocked(), args)
	if err != nil {
		return 0, store.IgnoreNotFound(err)
	}
	var at place
	if _, err := fmt.Sscanf(note, "%d %d %d", &at.Day, &at.Part, &at.Last); err != nil {
		if at.Day, err = t.settled(tx); err != nil {
			return 0, err
		}
	}
	n, err := t.goOn(tx, &at, today)
	if err != nil {
		return 0, err
	}
	set := "finished_at = @now"
	if at.Day < today {
		set, args["note"], n = "note = @note", fmt.Sprintf("%d %d %d", at.Day, at.Part, at.Last), max(n, 1)
	}
	_, err = tx.Exec("update passes set "+set+" where name = '"+Pass+"' and day = @today", args)
	return n, err
}

// settled is the first day whose end nobody has decided about: that of the last night,
// or the first on which a tier of somebody ends; yesterday at the latest.
func (t *Tiers) settled(tx *store.Tx) (loyalty.Day, error) {
	var day int64
	err := tx.One(&day, `
		select coalesce((select max(day) from passes where name = '`+Pass+`' and finished_at is not null),
		                (select min(last_day) from member_tiers where left_day is null and last_day < @today), @today)`,
		store.Args{"today": int64(t.today(tx))})
	return min(loyalty.Day(day), t.today(tx)-1), err
}

// goOn does the next members, and returns how many it looked at.
func (t *Tiers) goOn(tx *store.Tx, at *place, today loyalty.Day) (n int, err error) {
	for at.Day < today && n < atOnce && err == nil {
		did := 0
		switch at.Part {
		case partEnds:
			did, err = t.end(tx, at)
		case partUp:
			did, err = t.climb(tx, at.Day+1, at)
		case partEnding:
			if at.Day+1 == today {
				did, err = t.warn(tx, at, today)
			}
		}
		if n += did; at.Last != 0 {
			continue
		}
		if at.Part++; at.Part == parts {
			at.Day, at.Part = at.Day+1, partEnds
		}
	}
	return n, err
}

// next keeps how far a part is: behind the last of these members, or done.
func (p *place) next(members []int64) {
	if p.Last = 0; len(members) == atOnce {
		p.Last = members[len(members)-1]
	}
}

// end decides about the stays that may end with a day.
func (t *Tiers) end(tx *store.Tx, at *place) (int, error) {
	members, err := t.ending(tx, at.Day, at.Last, nil)
	if err != nil {
		return 0, err
	}
	at.next(members)
	return len(members), t.endOf(tx, at.Day, members)
}

// ending returns the next members whose stay may end with a day, of some or, nil, of all,
// and locks them.
func (t *Tiers) ending(tx *store.Tx, day loyalty.Day, after int64, only []int64) (members []int64, err error) {
	among := ""
	if only != nil {
		among = "and member_id in " + tx.In("@only")
	}
	err = tx.All(&members, `
		select member_id from member_tiers
		where  left_day is null and since_day <= @day and (last_day <= @day or last_day is null) and member_id > @after `+among+`
		order  by member_id limit @most`, store.Args{"day": int64(day), "after": after, "most": atOnce, "only": store.IDs(only)})
	if err != nil {
		return nil, fmt.Errorf("whose tier ends on %s: %w", day, err)
	}
	return members, tx.HoldMembers(members)
}

// endOf decides about the stays of members at the end of a day that is over.
func (t *Tiers) endOf(tx *store.Tx, day loyalty.Day, members []int64) error {
	all, err := t.standings(tx, day, members)
	if err != nil {
		return err
	}
	then, err := t.then(tx, day, all)
	if err != nil {
		return err
	}
	var moves []move
	for _, s := range all {
		stay := t.stay(s)
		stay.Then = then[s.Member]
		if s.ID == 0 || stay.Since > day {
			continue
		}
		if to, what := loyalty.TierAfter(t.ladder, stay, s.Holds, day); what != "" {
			moves = append(moves, move{standing: s, what: what, to: to, day: day, at: t.beginning(to.Since), heard: t.lately(tx, day+1)})
		}
	}
	return t.write(tx, moves)
}

// beginning is the first moment of a day: however late the night comes, what it decides
// counts from then on.
func (t *Tiers) beginning(day loyalty.Day) loyalty.Instant {
	return loyalty.At(day.Start(t.v.Program.Zone))
}

// lately says how campaigns hear of what is decided for a day.
func (t *Tiers) lately(tx *store.Tx, day loyalty.Day) string {
	if t.quiet {
		return notAtAll
	}
	if tx.At.Sub(day.Start(t.v.Program.Zone)) <= t.v.Program.NewsWithin {
		return asNews
	}
	return asHistory
}

// then is for what members qualified at the end of their last day whose grace ends now.
func (t *Tiers) then(tx *store.Tx, day loyalty.Day, all []standing) (map[int64]int, error) {
	members := map[loyalty.Day][]int64{}
	for _, s := range all {
		stay := t.stay(s)
		if stay.Tier > 0 && stay.Last != 0 && stay.Last < day && t.ladder.Ends(stay) <= day && s.Holds < stay.Tier {
			members[stay.Last] = append(members[stay.Last], s.Member)
		}
	}
	then := map[int64]int{}
	for last, ids := range members {
		were, err := t.standings(tx, last, ids)
		if err != nil {
			return nil, err
		}
		for _, s := range were {
			then[s.Member] = min(s.Holds, t.place(s.Tier)-1)
		}
	}
	return then, nil
}

// climb has members reach the tiers that they hold as of a day.
func (t *Tiers) climb(tx *store.Tx, day loyalty.Day, at *place) (int, error) {
	if err := tx.InBackground(); err != nil {
		return 0, err
	}
	members, err := t.climbers(tx, day, at.Last, nil, atOnce)
	if err != nil {
		return 0, err
	}
	at.next(members)
	return len(members), t.raise(tx, day, members, t.lately(tx, day))
}

// raise has some members reach the tiers that they hold as of a day.
func (t *Tiers) raise(tx *store.Tx, day loyalty.Day, members []int64, heard string) error {
	if err := tx.HoldMembers(members); err != nil {
		return err
	}
	all, err := t.standings(tx, day, members)
	if err != nil {
		return err
	}
	var moves []move
	for _, s := range all {
		if to, what := loyalty.TierUp(t.ladder, t.stay(s), s.Holds, day); what != "" {
			m := move{standing: s, what: what, to: to, day: day, heard: heard}
			if day < t.today(tx) {
				m.at = t.beginning(day)
			}
			moves = append(moves, m)
		}
	}
	if err := t.write(tx, moves); err != nil || heard != notAtAll {
		return err
	}
	return happenings.Learned(tx, members)
}

// warn tells of the tiers that are about to end, once for each last day: of those whose
// rule does not hold as of now.
func (t *Tiers) warn(tx *store.Tx, at *place, today loyalty.Day) (int, error) {
	var members []int64
	err := tx.All(&members, `
		select s.member_id from member_tiers s
		where  s.left_day is null and s.last_day <= @soon and s.member_id > @after
		and    not exists (select 1 from events e where e.source = '`+happenings.OwnSource+`' and e.external_id = '`+tierEnding+`:' || s.id || ':' || s.last_day)
		order  by s.member_id limit @most`, store.Args{"soon": int64(today) + endingBefore, "after": at.Last, "most": atOnce})
	if err != nil {
		return 0, fmt.Errorf("whose tier is about to end: %w", err)
	}
	at.next(members)
	if err := tx.HoldMembers(members); err != nil {
		return 0, err
	}
	all, err := t.standings(tx, today, members)
	if err != nil {
		return 0, err
	}
	var events []happenings.Own
	for _, s := range all {
		stay := t.stay(s)
		ends := t.ladder.Ends(stay)
		if s.ID == 0 || s.Holds >= stay.Tier || ends-endingBefore > today {
			continue
		}
		events = append(events, happenings.Own{Member: s.Member, Type: tierEnding, Key: fmt.Sprintf("%s:%d:%d", tierEnding, s.ID, stay.Last), News: true,
			Properties: map[string]any{"tier": s.Tier, "until": ends.String(), "next": t.name(s.Holds)}})
	}
	return len(members), happenings.Tell(tx, today, events)
}

// nightDone is a day whose night has come to its end.
type nightDone loyalty.Day

// nightOver reports whether the night of a day has come to its end.
func (t *Tiers) nightOver(tx *store.Tx, day loyalty.Day) (bool, error) {
	_, err := store.Kept(tx, nightDone(day), func() (done bool, err error) {
		err = tx.One(&done, "select true from passes where name = '"+Pass+"' and day = @today and finished_at is not null", store.Args{"today": int64(day)})
		return done, err
	})
	return err == nil, store.IgnoreNotFound(err)
}

// catchUp decides about days that are over and whose night has not come yet, of some
// members: what happens to them next counts after that. The caller holds their locks.
func (t *Tiers) catchUp(tx *store.Tx, members []int64) error {
	today := t.today(tx)
	if over, err := t.nightOver(tx, today); over || err != nil {
		return err
	}
	day, err := t.settled(tx)
	if err != nil {
		return err
	}
	for ; day < today; day++ {
		ending, err := t.ending(tx, day, 0, members)
		if err != nil {
			return err
		}
		if err := t.endOf(tx, day, ending); err != nil {
			return err
		}
		if day+1 == today {
			return nil
		}
		climbing, err := t.climbers(tx, day+1, 0, members, len(members))
		if err != nil {
			return err
		}
		if err := t.raise(tx, day+1, climbing, t.lately(tx, day+1)); err != nil {
			return err
		}
	}
	return nil
}

// Settle has everybody reach the tiers that they hold, ends the stays in tiers that are
// no more, and tells nobody: the tiers are new, or history came in.
func Settle(tx *store.Tx) error {
	t, err := inForce(tx)
	if err != nil {
		return err
	}
	if t == nil {
		return leaveAll(tx)
	}
	today := t.today(tx)
	args := store.Args{"today": int64(today), "now": tx.At, "names": t.Names()}
	for _, text := range []string{
		"update member_tiers set left_day = @today where left_day is null and tier not in @names",
		"update facts set tier = '', tier_at = @now where tier <> '' and tier not in @names",
	} {
		if _, err := tx.Exec(text, args); err != nil {
			return err
		}
	}
	// Asked once, for it is about everybody and all that they ever bought.
	err = t.climbing(tx, today)
	if rules.Unready(err) { // the first night that can answer does it, as quietly
		return nil
	}
	if err != nil {
		return err
	}
	for last := int64(0); ; {
		var members []int64
		err := tx.All(&members, "select member_id from climbing where member_id > @last order by member_id limit @most", store.Args{"last": last, "most": atOnce})
		if err != nil {
			return fmt.Errorf("who has reached a tier: %w", err)
		}
		if len(members) == 0 {
			break
		}
		if err := t.raise(tx, today, members, notAtAll); err != nil {
			return err
		}
		last = slices.Max(members)
	}
	// Of the days before the first tiers there is nothing to decide.
	n, err := tx.Exec("insert into passes (name, day, started_at, finished_at) select '"+Pass+"', cast(@today as bigint), "+tx.Instant("@now")+", "+tx.Instant("@now")+
		" where not exists (select 1 from passes where name = '"+Pass+"') on conflict (name, day) do nothing", args)
	if err != nil || n == 0 {
		return err
	}
	return TellPast(tx)
}

// leaveAll ends all stays: the program has no tiers any more.
func leaveAll(tx *store.Tx) error {
	today, err := tx.Today()
	if err != nil {
		return err
	}
	n, err := tx.Exec("update member_tiers set left_day = @today where left_day is null", store.Args{"today": int64(today)})
	if err != nil || n == 0 {
		return err
	}
	_, err = tx.Exec("update facts set tier = '', tier_at = @now where tier <> ''", store.Args{"now": tx.At})
	return err
}

var errNoTiers = errors.New("the program has no tiers: say them in loyalty.yaml")
