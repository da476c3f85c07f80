package flows

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"regulars/internal/consent"
	"regulars/internal/coupon"
	"regulars/internal/isolation"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/rules"
	"regulars/internal/store"
	"regulars/segments"
)

// steps takes passages of one campaign on, all that stand at one step at once.
type steps struct {
	answers
	at    [][]*passage // by step; the last are those at the end
	begun bool         // the passages have begun in this transaction
}

// takeSteps takes those of the passages that are due as far as they can go now: to
// their next mail, to a wait, or to their end. begun says that they have begun in
// this transaction.
func takeSteps(t isolation.Turn, ids []int64, begun bool) error {
	if len(ids) == 0 {
		return nil
	}
	if t.C == nil { // gone since
		return end(t.Tx, ids, "removed")
	}
	if err := t.Tx.ByIndex(); err != nil { // they are some passages, members and codes out of many
		return err
	}
	all, err := load(t.Tx, ids)
	if err != nil {
		return err
	}
	last := len(t.C.Steps)
	s := &steps{answers: answers{t, map[[2]int64]rules.Trigger{}}, at: make([][]*passage, last+1), begun: begun}
	for _, p := range all {
		if p.Gone != "" {
			if err := end(t.Tx, []int64{p.ID}, p.Gone); err != nil {
				return err
			}
			continue
		}
		if err := p.resumeIn(t); err != nil {
			return err
		}
		s.at[p.Step] = append(s.at[p.Step], p)
	}
	for i, step := range t.C.Steps {
		if step.Wait != nil {
			if err := s.wait(i, step); err != nil {
				return fmt.Errorf("step %s: %w", step.Name, err)
			}
			continue
		}
		choices := step.Choose
		if len(choices) == 0 {
			choices = []program.Step{step}
		}
		rest := s.at[i]
		for _, choice := range choices {
			taken, left, err := s.split(i, rest, choice.If)
			if err != nil {
				return fmt.Errorf("step %s: %w", step.Name, err)
			}
			if err := s.mail(i, choice, taken); err != nil {
				return fmt.Errorf("step %s: %w", step.Name, err)
			}
			rest = left
		}
		s.next(i, rest)
	}
	return s.set(s.at[last], "state = 'done', wake_at = null, reason = ''", last, "")
}

// next lets passages go on to the step after i at once.
func (s *steps) next(i int, all []*passage) { s.at[i+1] = append(s.at[i+1], all...) }

// set writes the same change to passages, with the step that they stand at and, unless
// it is "", the one that they passed last.
func (s *steps) set(all []*passage, change string, step int, name string) error {
	if len(all) == 0 {
		return nil
	}
	if name != "" {
		change += ", step_name = @name"
	}
	_, err := s.Tx.Exec("update passages set step = @step, version_id = @version, "+change+" where id in "+s.Tx.In("@ids"),
		store.Args{"ids": idsOf(all), "step": step, "version": s.V.ID, "name": name})
	return err
}

// stay lets passages wait before a step until a moment, with the reason. From when
// their next wait counts is kept: a mail was skipped on the way, or a wait was over.
func (s *steps) stay(i int, all []*passage, until loyalty.Instant, reason string) error {
	var rows [][]any
	for _, p := range all {
		rows = append(rows, []any{p.ID, p.BaseAt})
	}
	if rows == nil {
		return nil
	}
	_, err := s.Tx.Exec(`
		update passages
		set    state = 'ready', step = @step, version_id = @version, wake_at = @until, base_at = r.base, reason = @reason
		from   `+s.Tx.Values("id bigint", "base timestamptz")+`
		where  passages.id = r.id`, store.Args{"rows": store.Rows(rows), "step": i, "version": s.V.ID, "until": until, "reason": reason})
	return err
}

// split divides passages at a step by whether a rule holds for their members. If
// it cannot be answered yet they are neither: they wait there until the shop's next
// day, which brings new figures of all members.
func (s *steps) split(i int, all []*passage, rule *segments.Rule) (yes, no []*passage, err error) {
	if rule == nil || len(all) == 0 {
		return all, nil, nil
	}
	held, err := s.holding(all, rule)
	if u := (*segments.Unready)(nil); errors.As(err, &u) {
		tomorrow := loyalty.At(loyalty.TimeOfDay{}.On(s.V.Day(s.Tx.At)+1, s.V.Program.Zone))
		return nil, nil, s.stay(i, all, tomorrow, u.Error())
	}
	if err != nil {
		return nil, nil, err
	}
	yes, no = divide(all, func(p *passage) bool { return held[p.ID] })
	return yes, no, nil
}

// wait lets passages pause, those apart whose wait is over already.
func (s *steps) wait(i int, step program.Step) error {
	codes := map[int64]shown{}
	if step.Wait.BeforeCouponEnds > 0 {
		var err error
		if codes, err = shownTo(s.Turn, s.at[i]); err != nil {
			return err
		}
	}
	var waiting [][]any
	for _, p := range s.at[i] {
		p.BaseAt = loyalty.At(step.Wait.End(p.BaseAt.Time, s.V.Zones.Of(p.TimeZone), codes[p.ID].ends)) // a wait that follows counts from here
		if p.BaseAt.After(s.Tx.At.Time) {
			waiting = append(waiting, []any{p.ID, p.BaseAt})
		} else {
			s.next(i, []*passage{p})
		}
	}
	if len(waiting) == 0 {
		return nil
	}
	_, err := s.Tx.Exec(`
		update passages
		set    state = 'ready', step = @step, step_name = @name, version_id = @version, reason = '', wake_at = r.until, base_at = r.until
		from   `+s.Tx.Values("id bigint", "until timestamptz")+`
		where  passages.id = r.id`, store.Args{"rows": store.Rows(waiting), "step": i + 1, "name": step.Name, "version": s.V.ID})
	return err
}

// mail queues a step's mail for passages, at most one each whatever runs beside. Who
// must not get it has a row that says why and goes on at once.
func (s *steps) mail(i int, step program.Step, all []*passage) error {
	all, err := s.stillWanted(i, step, all)
	if err != nil || len(all) == 0 {
		return err
	}
	all, codes, err := s.withCodes(i, step, all)
	if err != nil {
		return err
	}
	queued, err := s.insert(i, step, all, codes, "")
	if err != nil {
		return err
	}
	return s.set(queued, "state = 'sending', wake_at = null, reason = ''", i+1, step.Name)
}

// insert adds the mail of a step to the ledger and to what is due; with a reason it
// is skipped. It returns for whom it did: those who had it before, under an earlier
// version, go on.
func (s *steps) insert(i int, step program.Step, all []*passage, codes map[int64]int64, reason string) (added []*passage, err error) {
	if len(all) == 0 {
		return nil, nil
	}
	given := [][]any{}
	for _, p := range all {
		if code := codes[p.ID]; code != 0 {
			given = append(given, []any{p.ID, code})
		}
	}
	args := store.Args{
		"ids": idsOf(all), "rows": store.Rows(given), "step": step.Name, "version": s.V.ID, "class": s.C.Class, "topic": s.C.TopicOf(step),
		"state": "queued", "reason": reason, "now": s.Tx.At, "expires": s.C.Expires(s.Tx.At), "done": loyalty.Instant{},
	}
	if reason != "" {
		args["state"], args["done"] = "skipped", s.Tx.At
	}
	var sends []struct{ ID, OccurrenceID, MemberID int64 }
	err = s.Tx.All(&sends, `
		insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, class, topic, state, reason,
		                   code_id, queued_at, expires_at, done_at)
		with   given as materialized (select * from `+s.Tx.Values("id bigint", "code bigint")+`) -- SQLite would read them for each passage
		select p.day, p.occurrence_id, cast(@step as text), p.member_id, p.campaign_id, cast(@version as bigint), cast(@class as text),
		       cast(@topic as text), cast(@state as text), cast(@reason as text), g.code,
		       `+s.Tx.Instant("@now")+`, `+s.Tx.Instant("@expires")+`, `+s.Tx.Instant("@done")+`
		from   passages p left join given g on g.id = p.id
		where  p.id in `+s.Tx.In("@ids")+`
		order  by p.id
		on conflict do nothing
		returning id, occurrence_id, member_id`, args)
	if err != nil {
		return nil, fmt.Errorf("queuing %s: %w", step.Name, err)
	}
	ids, there := make([]int64, len(sends)), map[[2]int64]bool{}
	for k, send := range sends {
		ids[k], there[[2]int64{send.OccurrenceID, send.MemberID}] = send.ID, true
	}
	added, before := divide(all, func(p *passage) bool { return there[[2]int64{p.OccurrenceID, p.MemberID}] })
	s.next(i, before)
	if reason != "" || len(ids) == 0 {
		return added, nil
	}
	args["sends"], args["lane"] = store.IDs(ids), "urgent"
	if s.C.Class == loyalty.Offer {
		args["lane"] = "bulk"
	}
	_, err = s.Tx.Exec("insert into due (send_id, lane, not_before) select value, cast(@lane as text), "+s.Tx.Instant("@now")+" from "+s.Tx.JSONEach("@sends"), args)
	s.Tx.Wake("mail." + args["lane"].(string))
	return added, err
}

// skip records for passages that they did not get the mail, and lets them go on.
func (s *steps) skip(i int, step program.Step, all []*passage, reason string) error {
	skipped, err := s.insert(i, step, all, nil, reason)
	for _, p := range skipped {
		p.BaseAt = s.Tx.At
	}
	s.next(i, skipped)
	return err
}

// endingPoints is the condition that a row l of lots is what is left of points.
const endingPoints = "l.wallet = 'points' and l.remains > 0"

// stillDated returns the passages whose members still have the date that started them.
func (s *steps) stillDated(all []*passage) (dated []int64, err error) {
	if !s.V.Program.ExpireOn(s.C.Start.Field) {
		err = s.Tx.All(&dated, `
			select p.id
			from   passages p join occurrences o on o.id = p.occurrence_id join members m on m.id = p.member_id
			where  p.id in `+s.Tx.In("@ids")+`
			and    o.key like @field || ':' || (m.attributes ->> @field) || ':%'`,
			store.Args{"ids": idsOf(all), "field": s.C.Start.Field})
		return dated, err
	}
	var ends []struct {
		ID  int64
		Key string
		Day loyalty.Day
	}
	err = s.Tx.All(&ends, `
		select distinct p.id, o.key, l.last_day as day
		from   passages p join occurrences o on o.id = p.occurrence_id join lots l on l.member_id = p.member_id
		where  p.id in `+s.Tx.In("@ids")+` and l.last_day is not null and `+endingPoints, store.Args{"ids": idsOf(all)})
	for _, e := range ends {
		if strings.HasPrefix(e.Key, fmt.Sprintf("%s:%s:", s.C.Start.Field, e.Day)) {
			dated = append(dated, e.ID)
		}
	}
	return dated, err
}

// stillWanted leaves out whom the rules of the campaign stop by now: those whose date
// has moved or whose passage ends, and those who come under "except", who have a
// skipped mail. What comes as an event ends a passage when it comes; here are the
// conditions that time can bring.
func (s *steps) stillWanted(i int, step program.Step, all []*passage) (_ []*passage, err error) {
	if s.C.Start.Kind == "date" {
		dated, err := s.stillDated(all)
		if err != nil {
			return nil, err
		}
		stay, moved := divide(all, func(p *passage) bool { return slices.Contains(dated, p.ID) })
		if err := endAll(s.Tx, moved, "date moved"); err != nil {
			return nil, err
		}
		all = stay
	}
	for _, u := range s.C.Until {
		var ends, stay []*passage
		segment, ok := s.V.Segment(s.C.Start.Segment)
		switch {
		case u.Kind == "rule":
			// What held at the start does not end a passage at its start.
			fresh, old := divide(all, func(p *passage) bool { return s.begun || p.StartedAt.Equal(s.Tx.At.Time) })
			ends, stay, err = s.split(i, old, u.Rule)
			stay = append(stay, fresh...)
		case u.Kind == "leaves" && ok:
			stay, ends, err = s.split(i, all, segment.Rule)
		default:
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := endAll(s.Tx, ends, endWords(u)); err != nil {
			return nil, err
		}
		all = stay
	}
	if s.C.Except == nil {
		return all, nil
	}
	excepted, rest, err := s.split(i, all, s.C.Except)
	if err != nil {
		return nil, err
	}
	return rest, s.skip(i, step, excepted, "rule_left")
}

func endAll(tx *store.Tx, all []*passage, reason string) error {
	var ids []int64
	for _, p := range all {
		ids = append(ids, p.ID)
	}
	return end(tx, ids, reason)
}

// patience is how long a passage that found no code waits before it asks again.
const patience = time.Hour

// withCodes gives each passage its code of the step's pool and returns those that
// have one, or go without. A step without a pool shows the code of the step before.
// Nobody gets a code whom consent, address or suppression stop already; they have a
// skipped mail. The gate asks everybody again.
func (s *steps) withCodes(i int, step program.Step, all []*passage) ([]*passage, map[int64]int64, error) {
	codes := map[int64]int64{}
	if step.Coupon == "" {
		before, err := shownTo(s.Turn, all)
		for passage, code := range before {
			codes[passage] = code.id
		}
		return all, codes, err
	}
	var stopped []struct {
		ID  int64
		Why string
	}
	err := s.Tx.All(&stopped, `
		select p.id, `+consent.LeftOut(s.C.Class, s.C.TopicOf(step))+` as why
		from   passages p join facts f on f.member_id = p.member_id join members m on m.id = f.member_id
		where  p.id in `+s.Tx.In("@ids"), store.Args{"ids": idsOf(all)})
	if err != nil {
		return nil, nil, err
	}
	why, by := map[int64]string{}, map[string][]*passage{}
	for _, row := range stopped {
		why[row.ID] = row.Why
	}
	for _, p := range all {
		by[why[p.ID]] = append(by[why[p.ID]], p)
	}
	for _, reason := range slices.Sorted(maps.Keys(by)) {
		if reason == "" {
			continue
		}
		if err := s.skip(i, step, by[reason], reason); err != nil {
			return nil, nil, err
		}
	}
	all = by[""]
	to := make([]coupon.To, len(all))
	for k, p := range all {
		to[k] = coupon.To{Occurrence: p.OccurrenceID, Member: p.MemberID}
	}
	given, err := coupon.GiveEach(s.Tx, step.Coupon, to, s.V.Day(s.Tx.At), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("codes of pool %s: %w", step.Coupon, err)
	}
	for k, p := range all {
		codes[p.ID] = given[to[k]]
	}
	has, without := divide(all, func(p *passage) bool { return codes[p.ID] != 0 })
	empty := step.Empty
	if len(without) > 0 {
		// After a restore nobody knows yet what a pool has left.
		if unsettled, err := coupon.Unsettled(s.Tx, step.Coupon); err != nil {
			return nil, nil, err
		} else if unsettled {
			empty = "hold"
		}
	}
	switch empty {
	case "send without":
		return all, codes, nil
	case "hold":
		return has, codes, s.stay(i, without, s.Tx.At.Plus(patience), "out_of_codes")
	}
	return has, codes, s.skip(i, step, without, "out_of_codes")
}
