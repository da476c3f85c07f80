package flows

import (
	"fmt"
	"maps"
	"slices"

	"regulars/internal/consent"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// Reasons of a skip that are known when a mail is to be queued.
const (
	ruleLeft   = "rule_left"
	outOfCodes = "out_of_codes"
)

// mail queues a step's mail for passages, at most one per passage whatever runs
// beside. Who must not get it has a row that says why and goes on at once.
func (j *steps) mail(i int, step program.Step, all []*passage) error {
	all, err := j.stillWanted(i, step, all)
	if err != nil || len(all) == 0 {
		return err
	}
	all, codes, err := j.withCodes(i, step, all)
	if err != nil {
		return err
	}
	queued, passed, err := j.insert(i, step, all, queuing{state: "queued", codes: codes})
	if err != nil {
		return err
	}
	j.next(i, passed)
	return j.update(queued, "state = 'sending', wake_at = null, reason = ''", i+1, step.Name)
}

// stillWanted leaves out whom the rules of the campaign stop by now: those whose
// passage ends, and those who come under "except", who have a skipped mail.
func (j *steps) stillWanted(i int, step program.Step, all []*passage) ([]*passage, error) {
	all, err := j.stillDated(all)
	if err != nil {
		return nil, err
	}
	for _, u := range j.c.Until {
		ends, stay, err := j.ending(i, u, all)
		if err != nil {
			return nil, err
		}
		if err := end(j.tx, idsOf(ends), endWords(u)); err != nil {
			return nil, err
		}
		all = stay
	}
	if j.c.Except == nil {
		return all, nil
	}
	excepted, rest, err := j.split(i, all, j.c.Except)
	if err != nil {
		return nil, err
	}
	return rest, j.skip(i, step, excepted, ruleLeft)
}

// stillDated ends the passages of members whose date has moved since.
func (j *steps) stillDated(all []*passage) ([]*passage, error) {
	if j.c.Start.Kind != "date" {
		return all, nil
	}
	var ids []int64
	err := j.tx.All(&ids, `
		select p.id
		from   passages p join occurrences o on o.id = p.occurrence_id join members m on m.id = p.member_id
		where  p.id in `+j.tx.In("@ids")+`
		and    o.key like @field || ':' || (m.attributes ->> @field) || ':%'`,
		store.Args{"ids": store.IDs(idsOf(all)), "field": j.c.Start.Field})
	if err != nil {
		return nil, err
	}
	stay, moved := divide(all, func(t *passage) bool { return slices.Contains(ids, t.ID) })
	return stay, end(j.tx, idsOf(moved), "date moved")
}

// ending divides passages by whether a condition ends them. What comes as an
// event ends them when it comes; here are the conditions that time can bring.
func (j *steps) ending(i int, u program.Until, all []*passage) (ends, stay []*passage, err error) {
	switch u.Kind {
	case "rule":
		// What held at the start does not end a passage at its start.
		fresh, old := divide(all, func(t *passage) bool { return j.begun || t.StartedAt.Equal(j.tx.At.Time) })
		ends, stay, err = j.split(i, old, u.Rule)
		return ends, append(stay, fresh...), err
	case "leaves":
		if s, ok := j.v.Segment(j.c.Start.Segment); ok {
			stay, ends, err = j.split(i, all, s.Rule)
			return ends, stay, err
		}
	}
	return nil, all, nil
}

func divide(all []*passage, is func(*passage) bool) (yes, no []*passage) {
	for _, t := range all {
		if is(t) {
			yes = append(yes, t)
		} else {
			no = append(no, t)
		}
	}
	return yes, no
}

// withCodes gives each passage its code of the step's pool and returns those
// that have one, or go without. Nobody who would not get the mail gets a code. A
// step without a pool shows the code of the step before.
func (j *steps) withCodes(i int, step program.Step, all []*passage) ([]*passage, map[int64]int64, error) {
	if step.Coupon == "" {
		before, err := j.shownTo(all)
		codes := make(map[int64]int64, len(before))
		for passage, code := range before {
			codes[passage] = code.id
		}
		return all, codes, err
	}
	all, err := j.allowed(i, step, all)
	if err != nil {
		return nil, nil, err
	}
	codes, err := j.give(step.Coupon, all)
	if err != nil {
		return nil, nil, fmt.Errorf("codes of pool %s: %w", step.Coupon, err)
	}
	has, without := divide(all, func(t *passage) bool { return codes[t.ID] != 0 })
	switch step.Empty {
	case "send without":
		return all, codes, nil
	case "hold":
		if err := j.keepBase(without); err != nil {
			return nil, nil, err
		}
		return has, codes, j.update(without, "state = 'ready', wake_at = @wake, reason = 'out_of_codes'", i, "")
	}
	return has, codes, j.skip(i, step, without, outOfCodes)
}

// allowed leaves out whom consent, address or suppression stop already; they
// have a skipped mail. The gate asks everybody again.
func (j *steps) allowed(i int, step program.Step, all []*passage) ([]*passage, error) {
	if len(all) == 0 {
		return nil, nil
	}
	var rows []struct {
		MemberID int64
		Why      string
	}
	err := j.tx.All(&rows, `
		select f.member_id, `+consent.LeftOut(j.c.Class, j.c.TopicOf(step))+` as why
		from   facts f join members m on m.id = f.member_id
		where  f.member_id in `+j.tx.In("@ids"), store.Args{"ids": store.IDs(membersOf(all))})
	if err != nil {
		return nil, err
	}
	why := map[int64]string{}
	for _, row := range rows {
		why[row.MemberID] = row.Why
	}
	by := map[string][]*passage{}
	for _, t := range all {
		by[why[t.MemberID]] = append(by[why[t.MemberID]], t)
	}
	for _, reason := range slices.Sorted(maps.Keys(by)) {
		if reason == "" {
			continue
		}
		if err := j.skip(i, step, by[reason], reason); err != nil {
			return nil, err
		}
	}
	return by[""], nil
}

// skip records for passages that they did not get the mail, and lets them go on.
func (j *steps) skip(i int, step program.Step, all []*passage, reason string) error {
	gone, passed, err := j.insert(i, step, all, queuing{state: "skipped", reason: reason})
	for _, t := range gone {
		t.BaseAt = j.tx.At
	}
	j.next(i, append(gone, passed...))
	return err
}

// queuing says in which state sends enter the ledger.
type queuing struct {
	state, reason string
	codes         map[int64]int64 // passage → code
}

// insert adds the mail of a step to the ledger and, unless it is skipped, to
// what is due. Passed are those who had it before, under an earlier version.
func (j *steps) insert(i int, step program.Step, all []*passage, how queuing) (added, passed []*passage, err error) {
	if len(all) == 0 {
		return nil, nil, nil
	}
	given := [][2]int64{{0, 0}}
	for _, t := range all {
		if code := how.codes[t.ID]; code != 0 {
			given = append(given, [2]int64{t.ID, code})
		}
	}
	args := store.Args{
		"ids": store.IDs(idsOf(all)), "step": step.Name, "version": j.v.ID, "class": j.c.Class, "topic": j.c.TopicOf(step),
		"state": how.state, "reason": how.reason, "now": j.tx.At, "expires": j.c.Expires(j.tx.At), "done": loyalty.Instant{},
	}
	if how.state == "skipped" {
		args["done"] = j.tx.At
	}
	var rows []struct{ ID, OccurrenceID, MemberID int64 }
	err = j.tx.All(&rows, `
		insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, class, topic, state, reason,
		                   code_id, queued_at, expires_at, done_at)
		select p.day, p.occurrence_id, cast(@step as text), p.member_id, p.campaign_id, cast(@version as bigint), cast(@class as text),
		       cast(@topic as text), cast(@state as text), cast(@reason as text), k.other,
		       `+j.tx.Instant("@now")+`, `+j.tx.Instant("@expires")+`, `+j.tx.Instant("@done")+`
		from   passages p left join `+pairs(given)+` k on k.id = p.id
		where  p.id in `+j.tx.In("@ids")+`
		order  by p.id
		on conflict do nothing
		returning id, occurrence_id, member_id`, args)
	if err != nil {
		return nil, nil, fmt.Errorf("queuing %s: %w", step.Name, err)
	}
	sends := map[[2]int64]int64{}
	ids := make([]int64, len(rows))
	for k, row := range rows {
		sends[[2]int64{row.OccurrenceID, row.MemberID}] = row.ID
		ids[k] = row.ID
	}
	added, passed = divide(all, func(t *passage) bool { return sends[[2]int64{t.OccurrenceID, t.MemberID}] != 0 })
	if how.state == "queued" {
		err = j.due(ids)
	}
	return added, passed, err
}

// due puts queued sends on the list of what is due.
func (j *steps) due(sends []int64) error {
	lane := "urgent"
	if j.c.Class == loyalty.Offer {
		lane = "bulk"
	}
	_, err := j.tx.Exec("insert into due (send_id, lane, not_before) select value, cast(@lane as text), "+j.tx.Instant("@now")+" from "+j.tx.JSONEach("@ids"),
		store.Args{"ids": store.IDs(sends), "lane": lane, "now": j.tx.At})
	if len(sends) > 0 {
		j.tx.Wake("singles." + lane)
	}
	return err
}
