package runs

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"regulars/internal/consent"
	"regulars/internal/coupon"
	"regulars/internal/flows"
	"regulars/internal/loyalty"
	"regulars/internal/occurrence"
	"regulars/internal/program"
	"regulars/internal/rules"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// freeze is a start of a campaign for everybody whom it is for.
type start struct {
	c      *versions.Campaign
	key    string      // of the occurrence
	day    loyalty.Day // the date by which an issue is chosen
	zone   string      // whose members; "": all
	values map[string]any
	by     string
	limit  int  // at most so many mails; 0: all
	late   bool // it begins paused: a person decides
}

// begun is what became of it.
type begun struct {
	occurrence int64
	run        int64 // 0: no run
	fresh      bool  // false: somebody began it before
	skipped    string
	audience   Audience
}

// begin freezes the audience of an occurrence: a row in the ledger for everybody
// who gets the first mail and for everybody of the segment who does not, with the
// reason; a code for each mail that shows one; chunks for delivery; and a passage
// for each mail that others follow. The error is a *coupon.Short when the pool
// has fewer codes than mails: then the transaction must not last.
func freezeAudience(tx *store.Tx, v *versions.Version, f start) (begun, error) {
	o := begun{}
	var err error
	o.occurrence, o.fresh, err = occurrence.Open(tx, occurrence.Occurrence{Campaign: f.c.ID, Key: f.key, Day: v.Day(tx.At), Reason: f.limited(), Vars: f.values, By: f.by})
	if err != nil || !o.fresh {
		return o, err
	}
	step := f.c.Steps[0]
	if step.Issues && len(v.Texts[f.c.Name]["issues/"+f.day.String()]) == 0 {
		o.skipped = noIssue
		return o, occurrence.Skip(tx, o.occurrence, noIssue)
	}
	if step.Mail == "" {
		return o, beginPassages(tx, v, f)
	}
	if o.run, err = insertRun(tx, v, f, step, o.occurrence); err != nil {
		return o, err
	}
	if err := f.insertSends(tx, v, step, o); err != nil {
		return o, fmt.Errorf("freezing the audience: %w", err)
	}
	if err := equip(tx, v, f, step, &o); err != nil {
		return o, err
	}
	tx.Wake("runs")
	return o, nil
}

// limited says for how many it is, as its occurrence keeps it; "": for all.
func (f start) limited() string {
	if f.limit == 0 {
		return ""
	}
	return fmt.Sprintf("limited to %d mails", f.limit)
}

// equip gives a frozen audience its codes, chunks and passages.
func equip(tx *store.Tx, v *versions.Version, f start, step program.Step, o *begun) error {
	var err error
	if o.audience, err = countRun(tx, o.run); err != nil {
		return err
	}
	if step.Coupon != "" {
		o.audience.Pool = step.Coupon
		if o.audience.Codes, err = coupon.GiveAll(tx, step.Coupon, o.run, v.Day(tx.At), rand.Reader); err != nil {
			return err
		}
	}
	if err := rolloutFor(f.c, v, f.zone).letOut(tx, o.run, tx.At, true); err != nil {
		return fmt.Errorf("cutting chunks: %w", err)
	}
	if len(f.c.Steps) > 1 {
		if err := f.insertPassages(tx, v, step, *o); err != nil {
			return fmt.Errorf("the steps that follow: %w", err)
		}
	}
	return nil
}

// beginPassages starts a campaign that does not begin with a mail: everybody has
// a passage from the first step on.
func beginPassages(tx *store.Tx, v *versions.Version, f start) error {
	s := flows.Start{C: f.c, Key: f.key, Wake: tx.At, Launch: f.values, Limit: f.limit, Args: store.Args{}}
	s.Where = inZone(v, f.c, f.zone, s.Args)
	_, err := flows.Begin(tx, v, s)
	return err
}

// runLasts is how long the mails of a run that are no offers may take.
const runLasts = 5 * 24 * time.Hour

func insertRun(tx *store.Tx, v *versions.Version, f start, step program.Step, occurrence int64) (id int64, err error) {
	expires := f.c.Expires(tx.At)
	if expires.IsZero() {
		expires = tx.At.Plus(runLasts)
	}
	state, because := "sending", ""
	if f.late {
		state, because = "paused", "it is later than the campaign allows: resume or cancel it"
	}
	err = tx.One(&id, `
		insert into runs (occurrence_id, campaign_id, version_id, step, class, state, because, expires_at, started_at)
		values (@occurrence, @campaign, @version, @step, @class, @state, @because, @expires, @now) returning id`,
		store.Args{"occurrence": occurrence, "campaign": f.c.ID, "version": v.ID, "step": step.Name, "class": f.c.Class,
			"state": state, "because": because, "expires": expires, "now": tx.At})
	return id, err
}

// insertSends writes a row for everybody of the segment in one statement, in an
// order of members, so that the same start always makes the same ledger.
func (f start) insertSends(tx *store.Tx, v *versions.Version, step program.Step, o begun) error {
	day := v.Day(tx.At)
	q := rules.Ask(tx, day, store.Args{"campaign": f.c.ID, "occurrence": o.occurrence, "run": o.run, "version": v.ID, "day": int64(day),
		"step": step.Name, "class": f.c.Class, "topic": f.c.TopicOf(step), "now": tx.At})
	n, err := q.Exec(`
		insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, run_id, class, topic, state, reason, queued_at, done_at)
		select cast(@day as bigint), cast(@occurrence as bigint), cast(@step as text), a.member_id, cast(@campaign as bigint),
		       cast(@version as bigint), cast(@run as bigint), cast(@class as text), cast(@topic as text),
		       case when a.reason = '' then 'queued' else 'skipped' end, a.reason, ` + tx.Instant("@now") + `,
		       case when a.reason <> '' then ` + tx.Instant("@now") + ` end
		from  (` + f.audience(v, q, step) + `) a
		order  by ` + rolloutFor(f.c, v, f.zone).order() + `
		on conflict do nothing`)
	if err != nil {
		return err
	}
	_, err = tx.Exec("update runs set audience = @n where id = @run", store.Args{"n": n, "run": o.run})
	return err
}

// audience is a SELECT of member_id and reason: "" for those who get the mail.
// q has the parameters campaign and day.
func (f start) audience(v *versions.Version, q *rules.Question, step program.Step) string {
	q.As.Launch = f.values
	conditions := []string{rules.Present, inZone(v, f.c, f.zone, q.Args), q.Holds(f.c.For), q.Fails(f.c.Except), q.Holds(step.If), f.once(q)}
	all := `
			select g.member_id,
			       case when g.reason = '' and row_number() over (partition by g.email_key, g.reason order by g.member_id) > 1
			            then 'same_address' else g.reason end as reason
			from  (select w.member_id, w.email_key, case when w.why = '' and w.held_out then 'holdout' else w.why end as reason
			       from  (select f.member_id, m.email_key, ` + consent.LeftOut(f.c.Class, f.c.TopicOf(step)) + ` as why, ` + f.c.HeldOut("f.member_id") + ` as held_out
			              from   facts f join members m on m.id = f.member_id
			              where  ` + strings.Join(conditions, "\n\t\t\t              and    ") + `) w) g`
	if f.limit == 0 {
		return all
	}
	q.Args["limit"] = f.limit
	return `
		select l.member_id, l.reason
		from  (select n.member_id, n.reason, row_number() over (partition by n.reason order by n.member_id) as place from (` + all + `) n) l
		where  l.reason <> '' or l.place <= @limit`
}

// once is the condition that a member has not had the campaign before, or not for
// as long as "again" says; and on a date by members' clocks, that they have not
// had the same date in another zone.
func (f start) once(q *rules.Question) string {
	condition := "true"
	if !f.c.Again.Each {
		condition = "not exists (select 1 from sends s where s.member_id = f.member_id and s.campaign_id = @campaign and s.state <> 'skipped'"
		if f.c.Again.After > 0 {
			q.Args["again"] = q.Args["day"].(int64) - int64(f.c.Again.After)
			condition += " and s.day > @again"
		}
		condition += ")"
	}
	if f.c.Start.ByMember {
		q.Args["date"] = f.day.String() + "%"
		condition += ` and not exists (select 1 from sends s join occurrences o on o.id = s.occurrence_id
		                               where s.member_id = f.member_id and o.campaign_id = @campaign and o.key like @date)`
	}
	return condition
}

// countRun counts a frozen audience.
func countRun(tx *store.Tx, run int64) (Audience, error) {
	var rows []count
	err := tx.All(&rows, "select reason, count(*) as n from sends where run_id = @run group by reason", store.Args{"run": run})
	return audienceOf(rows), err
}

type count struct {
	Reason string
	N      int64
}

func audienceOf(rows []count) Audience {
	a := Audience{LeftOut: map[string]int64{}}
	for _, row := range rows {
		if row.Reason == "" {
			a.Mailed = row.N
		} else {
			a.LeftOut[row.Reason] = row.N
		}
	}
	return a
}

// chunkOf is how many mails one chunk holds.
const chunkOf = 2000

// cutChunks cuts the next queued mails of a run into slices that workers claim.
func cutChunks(tx *store.Tx, run int64, p part) error {
	_, err := tx.Exec(`
		insert into chunks (run_id, n, lo, hi, next_id, not_before)
		select cast(@run as bigint), s.chunks + s.n, min(s.id), max(s.id), min(s.id), `+tx.Instant("@at")+`
		from  (select w.id, w.chunks, (row_number() over (order by w.id) - 1) / @size as n
		       from  (select s.id, k.chunks
		              from   sends s,
		                    (select coalesce(max(hi), 0) as hi, count(*) as chunks from chunks where run_id = @run) k
		              where  s.run_id = @run and s.state = 'queued' and s.id > k.hi
		              order  by s.id
		              limit  @mails) w) s
		group  by s.chunks, s.n
		order  by s.n`, store.Args{"run": run, "at": p.at, "size": chunkOf, "mails": p.mails})
	return err
}

// insertPassages lets the flow go on after the first mail of each, and at once
// for those for whom that mail is not.
func (f start) insertPassages(tx *store.Tx, v *versions.Version, step program.Step, o begun) error {
	_, err := tx.Exec(`
		insert into passages (campaign_id, occurrence_id, member_id, version_id, day, started_at, step, step_name, state, base_at)
		select s.campaign_id, s.occurrence_id, s.member_id, s.version_id, s.day, s.queued_at, 1, s.step, 'sending', s.queued_at
		from   sends s
		where  s.run_id = @run and s.state = 'queued'
		order  by s.id
		on conflict (occurrence_id, member_id) do nothing`, store.Args{"run": o.run})
	if err != nil || step.If == nil {
		return err
	}
	day := v.Day(tx.At)
	q := rules.Ask(tx, day, store.Args{"campaign": f.c.ID, "occurrence": o.occurrence, "version": v.ID, "day": int64(day), "now": tx.At})
	other := step
	other.If = nil
	_, err = q.Exec(`
		insert into passages (campaign_id, occurrence_id, member_id, version_id, day, started_at, step, state, wake_at, base_at)
		select cast(@campaign as bigint), cast(@occurrence as bigint), a.member_id, cast(@version as bigint), cast(@day as bigint),
		       ` + tx.Instant("@now") + `, 1, 'ready', ` + tx.Instant("@now") + `, ` + tx.Instant("@now") + `
		from  (` + f.audience(v, q, other) + `) a
		where  a.reason = ''
		and    not exists (select 1 from sends s where s.occurrence_id = @occurrence and s.member_id = a.member_id)
		order  by a.member_id
		on conflict (occurrence_id, member_id) do nothing`)
	return err
}
