// Package membership keeps who is in which segment, and since when.
//
// It promises that an event moves its members within the reaction to it, that the
// night finds whoever moves by time alone, that a segment whose rule fails or cannot
// be answered yet holds up no other, and that history starts nothing: whoever enters
// by an import, by a new rule or before a campaign went live is inside, and no
// campaign hears of it.
//
//	happenings ─▶ React ────────┐                        entered, left
//	                            ├─▶ segment_members ────▶ (happenings, for campaigns)
//	night ─▶ Segments, Entries ─┘
//
// What a campaign does about it is its own business (flows).
package membership

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"regulars/internal/isolation"
	"regulars/internal/norms"
	"regulars/internal/program"
	"regulars/internal/rules"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/segments"
)

// Refreshed counts who entered and left segments.
type Refreshed struct{ Entered, Left int64 }

// segmentRow is a segment as the table knows it.
type segmentRow struct {
	ID      int64
	Name    string
	AsOfDay *int64 // nil: never filled
}

// behind is the condition on a segment that is not up to @today and can be: facts
// are of that day, or it was never filled; and it is not set aside.
func behind(tx *store.Tx) string {
	return tx.NotSetBack("'segment:' || segments.id", membershipWork) + ` and (failed_day is null or failed_day < @today) and (as_of_day is null or as_of_day < @today and exists
	(select 1 from passes where name = 'facts' and day = @today and finished_at is not null))`
}

// Segments brings one segment up to the shop's present day, for the rules that
// time alone changes, and returns 1, or 0 when all are done. One that is new, or
// has a new rule, is filled: whoever is inside then was there before, and it
// starts nothing. It waits until facts are of that day.
func Segments(ctx context.Context, db *store.DB) (n int, err error) {
	found := false
	err = db.View(ctx, func(tx *store.Tx) error {
		_, _, found, err = findBehind(tx, "")
		return err
	})
	if err != nil || !found {
		return 0, err
	}
	var id int64
	limited, cancel := context.WithTimeout(ctx, isolation.Long)
	defer cancel()
	err = db.Update(limited, func(tx *store.Tx) error {
		v, row, found, err := findBehind(tx, tx.SkipLocked())
		if n, id = 0, row.ID; err != nil || !found {
			return err
		}
		n = 1
		if err = measured(tx, v, row); err == nil {
			_, _, err = refresh(tx, v, row, row.AsOfDay == nil, moversAtOnce)
		}
		return putOff(tx, v, row, err)
	})
	if err == nil || id == 0 || ctx.Err() != nil || store.Away(err) {
		return n, err
	}
	if limited.Err() != nil {
		err = &isolation.TooLong{Limit: isolation.Long}
	}
	why := err
	err = db.Update(ctx, func(tx *store.Tx) error { return tx.SetBack(store.ScopeSegment(id), membershipWork, why) })
	db.Log().ErrorContext(ctx, "set aside", "what", store.ScopeSegment(id), "because", why.Error())
	return 1, err
}

// measured says whether the norms of the day are there for a segment that the night
// is about to bring up to date.
func measured(tx *store.Tx, v *versions.Version, row segmentRow) error {
	s, ok := v.Segment(row.Name)
	if !ok || row.AsOfDay == nil {
		return nil
	}
	return norms.Settled(tx, v.Day(tx.At), s.Rule)
}

// putOff lets a segment whose rule cannot be answered yet stay as it is until
// tomorrow, or until the norms are computed anew, and keeps the reason.
func putOff(tx *store.Tx, v *versions.Version, row segmentRow, err error) error {
	var unready *segments.Unready
	if !errors.As(err, &unready) {
		return err
	}
	_, err = tx.Change(&store.SegmentRow{ID: row.ID}, store.Args{"failed_day": int64(v.Day(tx.At)), "because": unready.Error()})
	return err
}

// behind finds a segment that is not up to date and can be.
func findBehind(tx *store.Tx, lock string) (v *versions.Version, row segmentRow, found bool, err error) {
	if v, err = versions.Active(tx); err != nil {
		return nil, row, false, versions.IgnoreNoProgram(err)
	}
	err = tx.One(&row, "select id, name, as_of_day from segments where removed_at is null and "+behind(tx)+" order by id limit 1 "+lock,
		store.Args{"today": int64(v.Day(tx.At))})
	if errors.Is(err, store.ErrNotFound) {
		return v, row, false, nil
	}
	return v, row, err == nil, err
}

// Refresh brings a segment up to date now, or all when name is "". After an
// import, history: whoever enters by it starts no campaign.
func Refresh(tx *store.Tx, name string, history bool) (Refreshed, error) {
	v, err := versions.Active(tx)
	if err != nil {
		return Refreshed{}, versions.IgnoreNoProgram(err)
	}
	var rows []segmentRow
	err = tx.All(&rows, "select id, name, as_of_day from segments where removed_at is null and (name = @name or @name = '') order by id "+tx.ForUpdate(),
		store.Args{"name": name})
	if err != nil {
		return Refreshed{}, err
	}
	if name != "" && len(rows) == 0 {
		return Refreshed{}, noSegment(v.Program, name)
	}
	var sum Refreshed
	for _, row := range rows {
		do := refreshApart
		if name != "" {
			do = refreshAll
		}
		one, err := do(tx, v, row, history || row.AsOfDay == nil)
		if err != nil {
			return sum, fmt.Errorf("segment %s: %w", row.Name, err)
		}
		sum.Entered, sum.Left = sum.Entered+one.Entered, sum.Left+one.Left
	}
	return sum, nil
}

func noSegment(p *program.Program, name string) error {
	var names []string
	for _, s := range p.Segments {
		names = append(names, s.Name)
	}
	return store.Missing(program.Unknown("segment", name, names))
}

// CheckSegment returns store.ErrNotFound, in words, when the program in force has
// no segment of that name.
func CheckSegment(tx *store.Tx, name string) error {
	v, err := versions.Active(tx)
	if err != nil {
		return err
	}
	if _, ok := v.Segment(name); !ok {
		return noSegment(v.Program, name)
	}
	return nil
}

// Remeasure brings the segments whose rules read norms up to date, after those
// were computed anew because of history: whoever enters by it starts no campaign.
func Remeasure(tx *store.Tx) error {
	v, err := versions.Active(tx)
	if err != nil {
		return versions.IgnoreNoProgram(err)
	}
	var rows []segmentRow
	err = tx.All(&rows, "select id, name, as_of_day from segments where removed_at is null and as_of_day is not null order by id "+tx.ForUpdate(), nil)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if s, ok := v.Segment(row.Name); !ok || s.Rule.Norms() == 0 {
			continue
		}
		if _, err := refreshApart(tx, v, row, true); err != nil {
			return fmt.Errorf("segment %s: %w", row.Name, err)
		}
	}
	return nil
}

// refreshAll is refresh for all who move, in one transaction.
func refreshAll(tx *store.Tx, v *versions.Version, row segmentRow, quiet bool) (Refreshed, error) {
	done, _, err := refresh(tx, v, row, quiet, mostMovers)
	return done, err
}

// refreshApart is refreshAll for one of several segments: where its rule fails, or
// cannot be answered yet, the others go on.
func refreshApart(tx *store.Tx, v *versions.Version, row segmentRow, quiet bool) (done Refreshed, err error) {
	err = tx.Try(func() (err error) { done, err = refreshAll(tx, v, row, quiet); return err })
	undone, unready := (*store.Undone)(nil), (*segments.Unready)(nil)
	switch {
	case errors.As(err, &unready):
		return Refreshed{}, putOff(tx, v, row, err)
	case errors.As(err, &undone):
		return Refreshed{}, setSegmentBack(tx, v, row.ID, quiet, undone.Err)
	}
	return done, err
}

// refresh finds who entered and who left a segment, at most so many at once, and
// writes that down for campaigns. quiet: those who entered start none. More says
// that others are left.
func refresh(tx *store.Tx, v *versions.Version, row segmentRow, quiet bool, atOnce int) (done Refreshed, more bool, err error) {
	s, ok := v.Segment(row.Name)
	if !ok {
		return done, false, fmt.Errorf("segment %s is not part of version %d", row.Name, v.ID)
	}
	if err := tx.InBackground(); err != nil {
		return done, false, err
	}
	among := ""
	if row.AsOfDay != nil {
		members, rest, err := movers(tx, v, s, atOnce)
		if err != nil {
			return done, false, err
		}
		if members != nil {
			among, more = store.IDs(members), rest
		}
		if members != nil && len(members) == 0 {
			return done, false, upToDate(tx, v, s)
		}
	}
	silent := quiet // tells other systems of nobody, either
	quiet = quiet || !v.StartsBy(s.Name)
	// Out before in: of a segment that is filled for the first time nobody need be
	// looked at twice.
	if done.Left, err = leave(tx, v, s, among); err != nil {
		return done, false, fmt.Errorf("who left: %w", err)
	}
	if done.Entered, err = enter(tx, v, s, among, quiet); err != nil {
		return done, false, fmt.Errorf("who entered: %w", err)
	}
	if done.Entered > 0 && !quiet {
		tx.Wake("flow.enter")
	}
	if done.Entered > mostMovers {
		if err := tx.Analyze("segment_members"); err != nil {
			return done, false, err
		}
	}
	if err := hearLeft(tx, v, s, "(select x.member_id from segment_members x where x.segment_id = @segment and x.left_at = @now)", nil); err != nil {
		return done, false, err
	}
	if err := tellAll(tx, s, silent); err != nil {
		return done, false, err
	}
	if more {
		return done, true, nil
	}
	return done, false, upToDate(tx, v, s)
}

// upToDate keeps that a segment is right as of today, and adds up who moved until now.
func upToDate(tx *store.Tx, v *versions.Version, s versions.Segment) error {
	_, err := tx.Change(&store.SegmentRow{ID: s.ID}, store.Args{"as_of_day": int64(v.Day(tx.At)), "failed_day": nil, "because": ""})
	if err != nil {
		return err
	}
	if err := store.FoldSegment(tx, s.ID); err != nil {
		return err
	}
	return tx.Recovered(store.ScopeSegment(s.ID), membershipWork)
}

// mostMovers bounds how many members are locked for a segment: of more, as after an
// import, the set-based statements look at everybody without locks. moversAtOnce is
// how many one transaction of the night locks: an event of theirs waits for it.
const (
	mostMovers   = 50_000
	moversAtOnce = 5_000
)

// movers locks, in the order of their ids, the members who are about to enter or
// leave a segment, at most so many. An event that touches one of them is then either
// seen whole or has to wait, and finds the member where this transaction puts them.
// More says that there are others. Nil: too many.
func movers(tx *store.Tx, v *versions.Version, s versions.Segment, atOnce int) (members []int64, more bool, err error) {
	q := rules.Ask(tx, v.Day(tx.At), store.Args{"segment": s.ID, "most": mostMovers + 1})
	ids := []int64{}
	// The rule stands in a where of its own: only there Postgres makes joins of what
	// it asks about orders and lines. Materialized, or it plans for a few only. Set
	// differences, for SQLite would look through one side for each row of the other.
	err = q.All(&ids, `
		with holding as materialized (select f.member_id from `+whom(q, "")+` and `+q.Holds(s.Rule)+`),
		     inside  as materialized (select member_id from segment_members where segment_id = @segment and left_at is null)
		select member_id from (select member_id from holding except select member_id from inside) entering
		union  all
		select member_id from (select member_id from inside except select member_id from holding) leaving
		limit  @most`)
	if err != nil {
		return nil, false, fmt.Errorf("who is about to move: %w", err)
	}
	if len(ids) > mostMovers {
		return nil, false, nil
	}
	slices.Sort(ids)
	if more = len(ids) > atOnce; more {
		ids = ids[:atOnce]
	}
	return ids, more, tx.HoldMembers(ids)
}

// enter adds a stay for each member for whom the rule holds and who is not inside.
// Whom an import brought, to which nobody has reacted yet, it starts nothing for.
func enter(tx *store.Tx, v *versions.Version, s versions.Segment, among string, handled bool) (int64, error) {
	q := rules.Ask(tx, v.Day(tx.At), store.Args{"segment": s.ID, "now": tx.At, "day": int64(v.Day(tx.At)), "handled": handled})
	return q.Exec(`
		insert into segment_members (segment_id, member_id, entered_at, entered_day, handled)
		select cast(@segment as bigint), f.member_id, ` + tx.Instant("@now") + `, cast(@day as bigint),
		       cast(@handled as boolean) or exists (select 1 from reactions w join happenings h on h.id = w.happening_id
		                                            where w.campaign_id = 0 and w.member_id = f.member_id and h.kind in ('history', 'learned'))
		from   ` + whom(q, among) + ` and ` + q.Holds(s.Rule) + `
		and    not exists (select 1 from segment_members x where x.segment_id = @segment and x.member_id = f.member_id and x.left_at is null)
		order  by f.member_id
		on conflict do nothing`)
}

// leave ends the stay of each member for whom the rule no longer holds.
func leave(tx *store.Tx, v *versions.Version, s versions.Segment, among string) (int64, error) {
	q := rules.Ask(tx, v.Day(tx.At), store.Args{"segment": s.ID, "now": tx.At, "day": int64(v.Day(tx.At))})
	all := whom(q, among)
	only := "true"
	if among != "" {
		only = "segment_members.member_id in " + q.As.Members
	}
	return q.Exec(`
		update segment_members
		set    left_at = @now, left_day = @day, handled = true
		where  segment_id = @segment and left_at is null and ` + only + `
		and    not exists (select 1 from ` + all + ` and f.member_id = segment_members.member_id and ` + q.Holds(s.Rule) + `)`)
}

// whom is where a question looks for members f who may be mailed at all: among
// some, a JSON array, or among everybody. For everybody those who are gone are
// taken out, for a join with all members would cost as much as the rest.
func whom(q *rules.Question, among string) string {
	if among == "" {
		return `facts f where not exists (select 1 from members g where g.id = f.member_id and (g.erased_at is not null or g.merged_into is not null))`
	}
	q.Args["members"] = among
	q.As.Members = q.Tx.In("@members")
	return "facts f join members m on m.id = f.member_id where " + rules.Present + " and f.member_id in " + q.As.Members
}

// FillFirst fills a segment that nobody has filled yet, and reports whether it did.
func FillFirst(tx *store.Tx, v *versions.Version, s versions.Segment) (bool, error) {
	var row segmentRow
	err := tx.One(&row, "select id, name, as_of_day from segments where id = @id and as_of_day is null "+tx.ForUpdate(), store.Args{"id": s.ID})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = refreshAll(tx, v, row, true)
	return true, err
}
