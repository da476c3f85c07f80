package report

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/norms"
	"regulars/internal/store"
	"regulars/segments"
)

// Audience is the members for whom a rule holds at the end of a day. For today
// they are read from the facts, for an earlier day from the orders and events up
// to then. Fields without a history answer with today's value.
type Audience struct {
	Rule *segments.Rule
	Day  loyalty.Day
	Past bool // Day is not today
}

// from returns the source of facts, the rule's condition and the arguments. The
// error may be a *segments.Unready.
func (a Audience) from(tx *store.Tx) (source, where string, args store.Args, err error) {
	if err := tx.AboutEverybody(); err != nil {
		return "", "", nil, err
	}
	return a.among(tx, "")
}

// among is from for everybody (""), or for those on the right side of an "in".
func (a Audience) among(tx *store.Tx, members string) (source, where string, args store.Args, err error) {
	n, err := norms.For(tx, a.Day, a.Past, a.Rule)
	if err != nil {
		return "", "", nil, err
	}
	where, args = a.Rule.SQL(segments.Query{Engine: tx.Engine(), Day: a.Day, Past: a.Past, Norms: n, Members: members})
	args = maps.Clone(args)
	source = "facts f"
	if a.Past {
		source = "(" + segments.FactsSelect(tx.Engine(), members) + ") f"
		args["day"] = int64(a.Day)
	}
	return source, where, args, nil
}

// Prepare keeps what the rule reads of the forecast, so that asking everybody is
// a matter of looking it up. Without it the answer is the same, and takes longer.
func (a Audience) Prepare(tx *store.Tx) error { return Prepare(tx, a.Day, a.Past, a.Rule) }

// Prepare is Audience.Prepare for several rules.
func Prepare(tx *store.Tx, day loyalty.Day, past bool, rules ...*segments.Rule) error {
	var spans []int64
	for _, r := range rules {
		spans = append(spans, r.Horizons(day)...)
	}
	if len(spans) == 0 {
		return nil
	}
	n, err := norms.For(tx, day, past, rules...)
	if err != nil {
		return err
	}
	facts := "facts"
	if past {
		facts = "(" + segments.FactsSelect(tx.Engine(), "") + ")"
	}
	slices.Sort(spans)
	_, err = norms.Foresee(tx, n, day, facts, slices.Compact(spans))
	return err
}

// Count returns how many members the rule keeps.
func (a Audience) Count(tx *store.Tx) (n int64, err error) {
	source, where, args, err := a.from(tx)
	if err != nil {
		return 0, err
	}
	err = tx.One(&n, "select count(*) from "+source+" where "+where, args)
	return n, err
}

// sampled is how many members an estimate looks at, at most.
const sampled = 2500

// Estimate says between which numbers Count lies in 95 of 100 cases, from a sample
// of the members (Wilson's interval, JASA 22 (1927) 209), long before Count has
// looked at all of them. Of a shop that is no larger than the sample it says
// nothing, nor of a past day whose norms have to be computed: ok is false.
//
// The sample is of numbers that members could have, one from each of as many stretches
// of them, so that it costs the same in a shop of any size: who is not there is not kept.
func (a Audience) Estimate(tx *store.Tx) (low, high int64, ok bool, err error) {
	if a.Past && a.Rule.Norms() != 0 {
		return 0, 0, false, nil // the norms of that day are what takes long
	}
	var of struct{ First, Last int64 }
	if err := tx.One(&of, "select coalesce(min(member_id), 0) as first, coalesce(max(member_id), 0) as last from facts", nil); err != nil {
		return 0, 0, false, err
	}
	all := of.Last - of.First + 1
	if all < 2*sampled {
		return 0, 0, false, nil
	}
	ids := make([]int64, sampled)
	for i := range ids {
		from, to := int64(i)*all/sampled, int64(i+1)*all/sampled
		// Knuth's multiplicative hash: what comes in turns with the ids must not come in
		// turns with the sample.
		ids[i] = of.First + from + int64(i)*2654435761%4294967296/65536%(to-from)
	}
	members := "(select value from " + tx.JSONEach("@sample") + ")"
	source, where, args, err := a.among(tx, members)
	if err != nil {
		return 0, 0, false, err
	}
	args["sample"] = store.JSON(ids)
	var kept int64
	if err := tx.One(&kept, "select count(*) from "+source+" where f.member_id in "+members+" and "+where, args); err != nil {
		return 0, 0, false, err
	}
	from, to := wilson(float64(kept), sampled)
	return int64(from * float64(all)), int64(math.Ceil(to * float64(all))), true, nil
}

// wilson is the 95 % interval of a share of which kept of n were seen.
func wilson(kept, n float64) (low, high float64) {
	const z = 1.96
	p := kept / n
	middle := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(0, middle-half), min(1, middle+half)
}

// Members calls each with the shop's ids of the members, sorted.
func (a Audience) Members(tx *store.Tx, each func(id string) error) error {
	source, where, args, err := a.from(tx)
	if err != nil {
		return err
	}
	rows, err := tx.Query(`
		select m.external_id
		from   `+source+`
		join   members m on m.id = f.member_id
		where  `+where+`
		order  by m.external_id`, args)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return fmt.Errorf("reading members: %w", err)
		}
		if err := each(id); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Some returns a few of the members, those of the lowest numbers.
func (a Audience) Some(tx *store.Tx, n int) (list []Member, err error) {
	source, where, args, err := a.from(tx)
	if err != nil {
		return nil, err
	}
	args["most"] = n
	err = tx.All(&list, `
		select`+memberColumns+`
		from   (select f.* from `+source+` where `+where+` order by f.member_id limit @most) f
		join   members m on m.id = f.member_id
		order  by m.id`, args)
	return list, err
}

// Has reports whether the rule keeps one member.
func (a Audience) Has(tx *store.Tx, member int64) (bool, error) {
	source, where, args, err := a.from(tx)
	if err != nil {
		return false, err
	}
	args["one_member"] = member
	var n int64
	err = tx.One(&n, "select count(*) from "+source+" where f.member_id = @one_member and "+where, args)
	return n > 0, err
}

// Move is a member who came into a named segment or left it.
type Move struct {
	Member string          `json:"member"`
	At     loyalty.Instant `json:"at"`
	Came   bool            `json:"came"`
}

// Moves returns who came into a named segment and who left it on a day.
func Moves(tx *store.Tx, segment string, day loyalty.Day) (moves []Move, err error) {
	err = tx.All(&moves, `
		select m.external_id as member, s.entered_at as at, true as came
		from   segment_members s
		join   segments g on g.id = s.segment_id and g.name = @segment
		join   members m on m.id = s.member_id
		where  s.entered_day = @day
		union all
		select m.external_id, s.left_at, false
		from   segment_members s
		join   segments g on g.id = s.segment_id and g.name = @segment
		join   members m on m.id = s.member_id
		where  s.left_day = @day
		order  by 3 desc, 1`, store.Args{"segment": segment, "day": day})
	return moves, err
}

// Segment is a named segment and how many are inside.
type Segment struct {
	Name    string `json:"name"`
	Rule    string `json:"rule"`
	Members int64  `json:"members"`
	Because string `json:"because,omitempty"` // it is not of today: its rule cannot be answered yet
}

// Segments returns the named segments by name.
func Segments(tx *store.Tx) (list []Segment, err error) {
	err = tx.All(&list, `
		select s.name, s.rule, cast(coalesce(m.n, 0) as bigint) as members, case when s.failed_day is null then '' else s.because end as because
		from   segments s
		left   join (select segment_id, sum(came - went) as n from segments_moved group by segment_id) m on m.segment_id = s.id
		where  s.removed_at is null
		order  by s.name`, nil)
	return list, err
}

// All counts the members for whom all of some rules hold today and none of
// others does.
func All(tx *store.Tx, rules, not []*segments.Rule, day loyalty.Day) (n int64, err error) {
	known, err := norms.For(tx, day, false, slices.Concat(rules, not)...)
	if err != nil {
		return 0, err
	}
	where, args := "true", store.Args{}
	add := func(r *segments.Rule, sense string) {
		condition, more := r.SQL(segments.Query{Engine: tx.Engine(), Day: day, Norms: known, Prefix: fmt.Sprintf("p%d_", len(args))})
		where += " and " + sense + "(" + condition + ")"
		maps.Copy(args, more)
	}
	for _, r := range rules {
		add(r, "")
	}
	for _, r := range not {
		add(r, "not ")
	}
	err = tx.One(&n, "select count(*) from facts f where "+where, args)
	return n, err
}
