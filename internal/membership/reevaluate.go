package membership

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/norms"
	"regulars/internal/rules"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/segments"
)

// changed is what may be different about members.
type changed map[int64]segments.Change

// touching returns the members whose change a rule reads, in order.
func (c changed) touching(rule *segments.Rule) []int64 {
	var members []int64
	for m, what := range c {
		if rule.TouchedBy(what) {
			members = append(members, m)
		}
	}
	slices.Sort(members)
	return members
}

// asked is a segment and the members who are to be asked of it.
type asked struct {
	versions.Segment
	members []int64
}

// stay is a member inside a segment.
type stay struct{ Segment, MemberID int64 }

// reevaluate brings the segments that read what changed of some members up to
// date for these, and writes down who entered and left, quietly or for campaigns to
// react to. What moves by time alone is left to the pass of the night, and so are
// segments that are not filled yet: nobody can tell who enters them.
func reevaluate(tx *store.Tx, v *versions.Version, what changed, quiet bool) error {
	var ask []asked
	var members []int64
	for _, s := range v.Segments {
		if among := what.touching(s.Rule); len(among) > 0 {
			ask = append(ask, asked{s, among})
			members = append(members, among...)
		}
	}
	if len(ask) == 0 {
		return nil
	}
	if err := tx.ByIndex(); err != nil {
		return err
	}
	ask, err := answerable(tx, v, ask, quiet)
	if err != nil || len(ask) == 0 {
		return err
	}
	slices.Sort(members)
	inside, err := stays(tx, slices.Compact(members))
	if err != nil {
		return err
	}
	belongs, err := belonging(tx, v, ask, quiet)
	if err != nil {
		return err
	}
	for _, s := range ask {
		in, out := moves(s.Segment, s.members, inside, belongs)
		err := tx.Try(func() error { return move(tx, v, s.Segment, in, out, quiet) })
		if undone := (*store.Undone)(nil); errors.As(err, &undone) {
			err = setSegmentBack(tx, v, s.ID, quiet, undone.Err)
		}
		if err != nil {
			return fmt.Errorf("segment %s: %w", s.Name, err)
		}
	}
	return nil
}

// answerable leaves those that a change to a member is answered for: filled, and
// with a rule that can be asked now. The others wait for the nightly pass.
func answerable(tx *store.Tx, v *versions.Version, ask []asked, quiet bool) (can []asked, err error) {
	if quiet { // what history moves meanwhile is to start nothing later
		for _, s := range ask {
			_, err := tx.Exec("update segments set as_of_day = null where id = @id and exists (select 1 from setbacks b where b.scope = 'segment:' || segments.id)", store.Args{"id": s.ID})
			if err != nil {
				return nil, err
			}
		}
	}
	var ids []int64
	if err := tx.All(&ids, `
		select id from segments
		where  removed_at is null and as_of_day is not null
		and    not exists (select 1 from setbacks b where b.scope = 'segment:' || segments.id)`, nil); err != nil {
		return nil, err
	}
	for _, s := range ask {
		if !slices.Contains(ids, s.ID) {
			continue
		}
		_, err := norms.For(tx, v.Day(tx.At), false, s.Rule)
		switch unready := (*segments.Unready)(nil); {
		case err == nil:
			can = append(can, s)
		case !errors.As(err, &unready):
			return nil, err
		}
	}
	return can, nil
}

// stays returns in which segments members are by the table.
func stays(tx *store.Tx, members []int64) (map[stay]bool, error) {
	var rows []stay
	err := tx.All(&rows, "select s.segment_id as segment, s.member_id from "+tx.RowsOf("segment_members", "member_id", "@members")+" s where s.left_at is null",
		store.Args{"members": store.IDs(members)})
	return setOf(rows), err
}

// belonging returns in which segments members are by the rules: one statement
// for all segments, each with its own members. When it fails each segment is asked
// by itself, and one whose rule fails is set aside.
func belonging(tx *store.Tx, v *versions.Version, asking []asked, quiet bool) (map[stay]bool, error) {
	var rows []stay
	for group := range slices.Chunk(asking, 20) {
		var some []stay
		err := tx.Try(func() (err error) { some, err = holdingIn(tx, v, group); return err })
		if undone := (*store.Undone)(nil); errors.As(err, &undone) {
			some, err = holdingApart(tx, v, group, quiet)
		}
		if err != nil {
			return nil, fmt.Errorf("where members belong: %w", err)
		}
		rows = append(rows, some...)
	}
	return setOf(rows), nil
}

// holdingIn asks for the members of some segments, by their rules. Segments are mostly
// asked about the same members: these are read once, and each rule goes through them.
func holdingIn(tx *store.Tx, v *versions.Version, group []asked) (rows []stay, err error) {
	q := rules.Ask(tx, v.Day(tx.At), store.Args{})
	var read, parts []string
	var lists [][]int64
	for _, s := range group {
		n := slices.IndexFunc(lists, func(l []int64) bool { return slices.Equal(l, s.members) })
		if n < 0 {
			n, lists = len(lists), append(lists, s.members)
			in := q.Amongst(fmt.Sprintf("members%d", n), s.members)
			read = append(read, fmt.Sprintf("some%d as materialized (select f.* from %s where %s)", n, rules.FactsOf(tx, in), rules.Present))
		}
		parts = append(parts, fmt.Sprintf("select cast(%d as bigint) as segment, f.member_id from some%d f where %s", s.ID, n, q.Holds(s.Rule)))
	}
	return rows, q.All(&rows, "with "+strings.Join(read, ",\n")+"\n"+strings.Join(parts, "\nunion all\n"))
}

// holdingApart is holdingIn for each segment by itself. In one that fails everybody
// stays as they are until it is brought up to date as a whole.
func holdingApart(tx *store.Tx, v *versions.Version, group []asked, quiet bool) (rows []stay, err error) {
	for _, s := range group {
		var some []stay
		err := tx.Try(func() (err error) { some, err = holdingIn(tx, v, []asked{s}); return err })
		if undone := (*store.Undone)(nil); errors.As(err, &undone) {
			if err = setSegmentBack(tx, v, s.ID, quiet, undone.Err); err == nil {
				some, err = asTheyAre(tx, s)
			}
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, some...)
	}
	return rows, nil
}

func asTheyAre(tx *store.Tx, s asked) (rows []stay, err error) {
	inside, err := stays(tx, s.members)
	for k := range inside {
		if k.Segment == s.ID {
			rows = append(rows, k)
		}
	}
	return rows, err
}

// setSegmentBack sets a segment aside whose rule failed: it is as of no day any
// more, and the next pass that succeeds finds everybody who entered or left since.
// After history (quiet) it is filled anew, which starts nothing.
func setSegmentBack(tx *store.Tx, v *versions.Version, id int64, quiet bool, why error) error {
	if err := tx.SetBack(store.ScopeSegment(id), membershipWork, why); err != nil {
		return err
	}
	if quiet {
		_, err := tx.Change(&store.SegmentRow{ID: id}, store.Args{"as_of_day": nil})
		return err
	}
	_, err := tx.Exec("update segments set as_of_day = @before where id = @id and as_of_day >= @today",
		store.Args{"id": id, "today": int64(v.Day(tx.At)), "before": int64(v.Day(tx.At)) - 1})
	return err
}

// membershipWork is the work of a segment that may be set back.
const membershipWork = "membership"

func setOf(rows []stay) map[stay]bool {
	set := make(map[stay]bool, len(rows))
	for _, r := range rows {
		set[r] = true
	}
	return set
}

func moves(s versions.Segment, members []int64, inside, belongs map[stay]bool) (in, out []int64) {
	for _, m := range members {
		switch k := (stay{s.ID, m}); {
		case belongs[k] && !inside[k]:
			in = append(in, m)
		case !belongs[k] && inside[k]:
			out = append(out, m)
		}
	}
	return in, out
}

// move writes down who entered and left a segment, and for which campaigns that is
// something to react to.
func move(tx *store.Tx, v *versions.Version, s versions.Segment, in, out []int64, quiet bool) error {
	args := store.Args{"segment": s.ID, "now": tx.At, "day": int64(v.Day(tx.At)), "ids": store.IDs(out)}
	if len(out) > 0 {
		_, err := tx.Exec(`
			update segment_members
			set    left_at = @now, left_day = @day, handled = true
			where  (segment_id, member_id, entered_at) in (select s.segment_id, s.member_id, s.entered_at from `+tx.RowsOf("segment_members", "member_id", "@ids")+` s
			                                               where  s.segment_id = @segment and s.left_at is null)`, args)
		if err != nil {
			return err
		}
		if err := hearLeft(tx, v, s, tx.In("@ids"), out); err != nil {
			return err
		}
		if err := tell(tx, loyalty.ToldLeft, s, out, quiet); err != nil {
			return err
		}
	}
	if len(in) == 0 {
		return nil
	}
	args["ids"] = store.IDs(in)
	_, err := tx.Exec(`
		insert into segment_members (segment_id, member_id, entered_at, entered_day, handled)
		select cast(@segment as bigint), value, `+tx.Instant("@now")+`, cast(@day as bigint), true
		from   `+tx.JSONEach("@ids")+` where true
		on conflict (segment_id, member_id, entered_at) do update
		set    left_at = null, left_day = null -- out and in again within one moment`, args)
	if err != nil || quiet {
		return err
	}
	if err := tell(tx, loyalty.ToldEntered, s, in, quiet); err != nil {
		return err
	}
	var stays []entry
	for _, m := range in {
		stays = append(stays, entry{s.ID, m, tx.At})
	}
	return hearEntered(tx, v, stays)
}
