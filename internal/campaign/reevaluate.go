package campaign

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"regulars/internal/norms"
	"regulars/internal/store"
	"regulars/segments"
)

// Changed puts members of whom something has changed otherwise than by an event
// into the segments where they now belong, and starts what that sets off. Only
// segments are asked that read what changed. The caller holds their locks.
func (b *Book) Changed(tx *store.Tx, members []int64, what segments.Change) error {
	v, err := b.Active(tx)
	if err != nil || len(members) == 0 {
		return ignoreNoProgram(err)
	}
	begun, err := b.reevaluate(tx, v, allChanged(members, what), false)
	if err != nil {
		return err
	}
	return b.takeDue(tx, begun)
}

// Learned is Changed for what was history when it came in, whatever it was:
// whoever enters a segment by it starts no campaign.
func (b *Book) Learned(tx *store.Tx, members []int64) error {
	v, err := b.Active(tx)
	if err != nil || len(members) == 0 {
		return ignoreNoProgram(err)
	}
	_, err = b.reevaluate(tx, v, allChanged(members, segments.Change{Everything: true}), true)
	return err
}

// changed is what may be different about members.
type changed map[int64]segments.Change

func allChanged(members []int64, what segments.Change) changed {
	all := make(changed, len(members))
	for _, m := range members {
		all[m] = what
	}
	return all
}

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
	segment
	members []int64
}

// stay is a member inside a segment.
type stay struct{ Segment, MemberID int64 }

// reevaluate brings the segments that read what changed of some members up to
// date for these, and returns the passages that entering began, none when it is
// to be quiet. What moves by time alone is left to the pass of the night, and so
// are segments that are not filled yet: nobody can tell who enters them.
func (b *Book) reevaluate(tx *store.Tx, v *Version, what changed, quiet bool) (begun []int64, err error) {
	var ask []asked
	var members []int64
	for _, s := range v.segments {
		if among := what.touching(s.Rule); len(among) > 0 {
			ask = append(ask, asked{s, among})
			members = append(members, among...)
		}
	}
	if len(ask) == 0 {
		return nil, nil
	}
	if ask, err = answerable(tx, v, ask); err != nil || len(ask) == 0 {
		return nil, err
	}
	slices.Sort(members)
	inside, err := stays(tx, slices.Compact(members))
	if err != nil {
		return nil, err
	}
	belongs, err := belonging(tx, v, ask)
	if err != nil {
		return nil, err
	}
	for _, s := range ask {
		in, out := moves(s.segment, s.members, inside, belongs)
		ids, err := b.move(tx, v, s.segment, in, out, quiet)
		if err != nil {
			return nil, fmt.Errorf("segment %s: %w", s.Name, err)
		}
		begun = append(begun, ids...)
	}
	return begun, nil
}

// answerable leaves those that a change to a member is answered for: filled, and
// with a rule that can be asked now. The others wait for the nightly pass.
func answerable(tx *store.Tx, v *Version, ask []asked) (can []asked, err error) {
	var ids []int64
	if err := tx.All(&ids, "select id from segments where removed_at is null and as_of_day is not null", nil); err != nil {
		return nil, err
	}
	for _, s := range ask {
		if !slices.Contains(ids, s.id) {
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
	err := tx.All(&rows, "select segment_id as segment, member_id from segment_members where left_at is null and member_id in "+inList(tx, "@members"),
		store.Args{"members": array(members)})
	return setOf(rows), err
}

// belonging returns in which segments members are by the rules: one statement
// for all segments, each with its own members.
func belonging(tx *store.Tx, v *Version, asking []asked) (map[stay]bool, error) {
	var rows []stay
	for group := range slices.Chunk(asking, 20) {
		q := ask(tx, v.Day(tx.At), store.Args{})
		var parts []string
		for i, s := range group {
			in := q.amongst(fmt.Sprintf("members%d", i), s.members)
			parts = append(parts, fmt.Sprintf(`select cast(%d as bigint) as segment, f.member_id
				from facts f join members m on m.id = f.member_id where f.member_id in %s and %s and %s`, s.id, in, present, q.holds(s.Rule)))
		}
		var some []stay
		if err := q.all(&some, strings.Join(parts, "\nunion all\n")); err != nil {
			return nil, fmt.Errorf("where members belong: %w", err)
		}
		rows = append(rows, some...)
	}
	return setOf(rows), nil
}

func setOf(rows []stay) map[stay]bool {
	set := make(map[stay]bool, len(rows))
	for _, r := range rows {
		set[r] = true
	}
	return set
}

func moves(s segment, members []int64, inside, belongs map[stay]bool) (in, out []int64) {
	for _, m := range members {
		switch k := (stay{s.id, m}); {
		case belongs[k] && !inside[k]:
			in = append(in, m)
		case !belongs[k] && inside[k]:
			out = append(out, m)
		}
	}
	return in, out
}

// move writes down who entered and left a segment and does what follows.
func (b *Book) move(tx *store.Tx, v *Version, s segment, in, out []int64, quiet bool) ([]int64, error) {
	args := store.Args{"segment": s.id, "now": tx.At, "day": int64(v.Day(tx.At)), "ids": array(out)}
	if len(out) > 0 {
		_, err := tx.Exec(`
			update segment_members
			set    left_at = @now, left_day = @day, handled = true
			where  segment_id = @segment and left_at is null and member_id in `+inList(tx, "@ids"), args)
		if err != nil {
			return nil, err
		}
		if err := b.endLeft(tx, v, s, inList(tx, "@ids"), out); err != nil {
			return nil, err
		}
	}
	if len(in) == 0 {
		return nil, nil
	}
	args["ids"] = array(in)
	_, err := tx.Exec(`
		insert into segment_members (segment_id, member_id, entered_at, entered_day, handled)
		select cast(@segment as bigint), value, `+tx.Instant("@now")+`, cast(@day as bigint), true
		from   `+tx.JSONEach("@ids")+` where true
		on conflict (segment_id, member_id, entered_at) do update
		set    left_at = null, left_day = null -- out and in again within one moment`, args)
	if err != nil || quiet {
		return nil, err
	}
	return b.entered(tx, v, s, in, tx.At)
}
