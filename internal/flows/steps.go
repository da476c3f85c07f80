package flows

import (
	"errors"
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/rules"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/segments"
)

// journey takes passages of one campaign on, all that stand at one step at once.
type steps struct {
	tx  *store.Tx
	v   *versions.Version
	c   *versions.Campaign
	day loyalty.Day
	at  [][]*passage // by step; the last are those at the end

	begun bool // the passages have begun in this transaction

	triggers map[[2]int64]rules.Trigger // what rules read of what started a passage
}

// join puts a passage at its step. If it stood in another version of the
// program, it goes on after the last step that it has passed, by name.
func (j *steps) join(t *passage) error {
	if t.VersionID != j.v.ID {
		old, err := versions.Of(j.tx, t.VersionID)
		if err != nil {
			return err
		}
		if steps := j.stepsIn(old); steps != nil {
			t.Step = resume(steps, j.c.Steps, t.Step)
		}
	}
	t.Step = min(t.Step, len(j.c.Steps))
	j.at[t.Step] = append(j.at[t.Step], t)
	return nil
}

// stepsIn returns the campaign's steps in an older version.
func (j *steps) stepsIn(old *versions.Version) []program.Step {
	if c := old.Program.Same(j.c.Campaign); c != nil {
		return c.Steps
	}
	return nil
}

// run takes the steps in their order.
func (j *steps) run() error {
	for i, step := range j.c.Steps {
		if len(j.at[i]) == 0 {
			continue
		}
		if err := j.step(i, step); err != nil {
			return fmt.Errorf("step %s: %w", step.Name, err)
		}
	}
	return j.update(j.at[len(j.c.Steps)], "state = 'done', wake_at = null, reason = ''", len(j.c.Steps), "")
}

func (j *steps) step(i int, step program.Step) error {
	switch {
	case step.Wait != nil:
		return j.wait(i, step)
	case len(step.Choose) > 0:
		rest := j.at[i]
		for _, choice := range step.Choose {
			taken, left, err := j.split(i, rest, choice.If)
			if err != nil {
				return err
			}
			if err := j.mail(i, choice, taken); err != nil {
				return err
			}
			rest = left
		}
		j.next(i, rest)
		return nil
	}
	taken, left, err := j.split(i, j.at[i], step.If)
	if err != nil {
		return err
	}
	j.next(i, left)
	return j.mail(i, step, taken)
}

// next lets passages go on to the step after i at once.
func (j *steps) next(i int, all []*passage) {
	j.at[i+1] = append(j.at[i+1], all...)
}

// wait lets passages pause, those apart whose wait is over already.
func (j *steps) wait(i int, step program.Step) error {
	codes := map[int64]shown{}
	if step.Wait.BeforeCouponEnds > 0 {
		var err error
		if codes, err = j.shownTo(j.at[i]); err != nil {
			return err
		}
	}
	var waiting []*passage
	var until [][2]int64
	for _, t := range j.at[i] {
		zone := j.v.Zones.Of(t.TimeZone)
		end := loyalty.At(step.Wait.End(t.BaseAt.Time, zone, codes[t.ID].ends))
		t.BaseAt = end // a wait that follows counts from here
		if !end.After(j.tx.At.Time) {
			j.next(i, []*passage{t})
			continue
		}
		waiting = append(waiting, t)
		until = append(until, [2]int64{t.ID, end.UnixMicro()})
	}
	if len(waiting) == 0 {
		return nil
	}
	_, err := j.tx.Exec(`
		update passages
		set    state = 'ready', step = @step, step_name = @name, version_id = @version, reason = '',
		       wake_at = `+microsAs(j.tx, "k.other")+`, base_at = `+microsAs(j.tx, "k.other")+`
		from   `+pairs(until)+` k
		where  passages.id = k.id`,
		store.Args{"step": i + 1, "name": step.Name, "version": j.v.ID})
	return err
}

// update writes the same change to passages, with the step that they passed last.
func (j *steps) update(all []*passage, set string, step int, name string) error {
	if len(all) == 0 {
		return nil
	}
	if name != "" {
		set += ", step_name = @name"
	}
	_, err := j.tx.Exec("update passages set step = @step, version_id = @version, "+set+" where id in "+j.tx.In("@ids"), store.Args{
		"ids": store.IDs(idsOf(all)), "step": step, "version": j.v.ID, "name": name, "wake": j.tx.At.Plus(patience)})
	return err
}

// split divides passages at a step by whether a rule holds for their members. If
// it cannot be answered yet they wait there, and are neither.
func (j *steps) split(i int, all []*passage, rule *segments.Rule) (yes, no []*passage, err error) {
	if rule == nil || len(all) == 0 {
		return all, nil, nil
	}
	held, err := j.holding(all, rule)
	if rules.Unready(err) {
		return nil, nil, j.postpone(i, all, err)
	}
	if err != nil {
		return nil, nil, err
	}
	for _, t := range all {
		if held[t.ID] {
			yes = append(yes, t)
		} else {
			no = append(no, t)
		}
	}
	return yes, no, nil
}

// keepBase writes down from when the next wait of passages counts that stay where
// they are: a mail was skipped on the way, or a wait was over.
func (j *steps) keepBase(all []*passage) error {
	var rows [][2]int64
	for _, t := range all {
		rows = append(rows, [2]int64{t.ID, t.BaseAt.UnixMicro()})
	}
	if rows == nil {
		return nil
	}
	_, err := j.tx.Exec("update passages set base_at = "+microsAs(j.tx, "k.other")+" from "+pairs(rows)+" k where passages.id = k.id", nil)
	return err
}

// postpone lets passages wait before a step until the shop's next day, which
// brings new figures of all members, and keeps the reason.
func (j *steps) postpone(i int, all []*passage, why error) error {
	var u *segments.Unready
	errors.As(why, &u)
	if err := j.keepBase(all); err != nil {
		return err
	}
	_, err := j.tx.Exec(`
		update passages
		set    state = 'ready', step = @step, version_id = @version, wake_at = @wake, reason = @why
		where  id in `+j.tx.In("@ids"), store.Args{
		"ids": store.IDs(idsOf(all)), "step": i, "version": j.v.ID, "why": u.Error(),
		"wake": loyalty.At(loyalty.TimeOfDay{}.On(j.day+1, j.v.Program.Zone))})
	return err
}
