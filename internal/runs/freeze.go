package runs

import (
	"crypto/rand"
	"fmt"

	"regulars/internal/coupon"
	"regulars/internal/flows"
	"regulars/internal/isolation"
	"regulars/internal/occurrence"
	"regulars/internal/program"
	"regulars/internal/rules"
	"regulars/internal/store"
)

// frozen is what became of a start.
type frozen struct {
	occurrence int64
	run        int64 // 0: no run
	fresh      bool  // false: somebody began it before
	audience   Audience
}

// freeze freezes the audience of a start: a row in the ledger for everybody who gets
// the first mail and for everybody of the segment who does not, with the reason; a
// code for each mail that shows one; chunks for delivery; and a passage for each mail
// that others follow. The error is a *coupon.Short when the pool has fewer codes than
// mails: then the transaction must not last.
func freeze(t isolation.Turn, s start) (f frozen, err error) {
	limited := ""
	if s.limit > 0 {
		limited = fmt.Sprintf("limited to %d mails", s.limit)
	}
	day := t.V.Day(t.Tx.At)
	f.occurrence, f.fresh, err = occurrence.Open(t.Tx, occurrence.Occurrence{Campaign: t.ID, Key: s.key, Day: day, Reason: limited, Vars: s.values, By: s.by})
	if err != nil || !f.fresh {
		return f, err
	}
	step := t.C.Steps[0]
	if step.Issues && len(t.V.Texts[t.C.Name]["issues/"+s.day.String()]) == 0 {
		return f, occurrence.Skip(t.Tx, f.occurrence, noIssue)
	}
	if step.Mail == "" { // everybody has a passage from the first step on
		all := flows.Start{Key: s.key, Wake: t.Tx.At, Launch: s.values, Limit: s.limit, Args: store.Args{}}
		all.Where = inZone(t, s.zone, all.Args)
		_, err := flows.Begin(t, all)
		return f, err
	}
	how := rolloutFor(t.V, t.C, s.zone)
	args := store.Args{"occurrence": f.occurrence, "campaign": t.ID, "version": t.V.ID, "day": int64(day), "step": step.Name, "class": t.C.Class,
		"topic": t.C.TopicOf(step), "state": "sending", "because": "", "expires": how.ends(t.Tx.At), "now": t.Tx.At}
	if s.held {
		args["state"], args["because"] = "paused", "it is later than the campaign allows: resume or cancel it"
	}
	err = t.Tx.One(&f.run, `
		insert into runs (occurrence_id, campaign_id, version_id, step, class, state, because, expires_at, started_at)
		values (@occurrence, @campaign, @version, @step, @class, @state, @because, @expires, @now) returning id`, args)
	if err != nil {
		return f, err
	}
	args["run"] = f.run
	if err := t.Tx.AboutEverybody(); err != nil {
		return f, err
	}
	before, err := t.Tx.LastID("sends")
	if err == nil {
		err = s.write(t, step, how, args, &f)
	}
	if err != nil {
		return f, fmt.Errorf("freezing the audience: %w", err)
	}
	if step.Coupon != "" && f.audience.Codes == 0 {
		if f.audience.Codes, err = coupon.GiveAll(t.Tx, step.Coupon, f.run, day, rand.Reader); err != nil {
			return f, err
		}
	}
	if err := f.cut(t.Tx, how, before); err != nil {
		return f, fmt.Errorf("cutting chunks: %w", err)
	}
	if len(t.C.Steps) > 1 {
		if err := s.follow(t, step, args); err != nil {
			return f, fmt.Errorf("the steps that follow: %w", err)
		}
	}
	t.Tx.Wake(fmt.Sprintf("run.deliver:%d", f.run))
	return f, nil
}

// cut cuts the run into chunks; its mails have ids above before.
func (f frozen) cut(tx *store.Tx, how rollout, before int64) error {
	if f.audience.Mailed == 0 {
		return nil
	}
	if !how.atOnce() {
		return how.cutChunks(tx, f.run, tx.At, true)
	}
	last, err := tx.LastID("sends")
	if err != nil {
		return err
	}
	return cutWhole(tx, f.run, f.audience.all(), before+1, last, tx.At)
}

// aPiece is how many members of an audience are at hand at once; where each gets a code it
// is two pieces, one that is written and one for which codes are drawn. The larger a piece,
// the nearer to each other its codes lie in their index.
const aPiece = 20_000

// write writes a row of the ledger for everybody of the audience, in an order of members,
// so that the same start always makes the same ledger, and makes their codes where each
// gets one of their own. The occurrence is new, so nothing can conflict.
func (s start) write(t isolation.Turn, step program.Step, how rollout, args store.Args, f *frozen) (err error) {
	var mint *coupon.Minter
	if step.Coupon != "" {
		if mint, err = coupon.Mint(t.Tx, step.Coupon, t.V.Day(t.Tx.At), rand.Reader); err != nil {
			return err
		}
	}
	q := rules.Ask(t.Tx, t.V.Day(t.Tx.At), args)
	whole := map[string]int64{} // reason → members
	var members, mailed []int64
	var reasons []string
	row := func(scan func(into ...any) error) error {
		var member int64
		var reason string
		if err := scan(&member, &reason); err != nil {
			return err
		}
		members, reasons = append(members, member), append(reasons, reason)
		if whole[reason]++; reason == "" {
			mailed = append(mailed, member)
		}
		return nil
	}
	err = q.Pieces("select a.member_id, a.reason from ("+s.audience(t, q, step)+") a order by "+how.order(), aPiece, row, func() (err error) {
		l := ledger{args: args, members: members, reasons: reasons}
		if mint == nil {
			err = l.write(t.Tx)
		} else {
			err = mint.For(f.occurrence, mailed, func(codes []int64) error { l.codes = codes; return l.write(t.Tx) })
			members, reasons = nil, nil // it is not written yet
		}
		members, reasons, mailed = members[:0], reasons[:0], mailed[:0]
		return err
	})
	if err == nil && mint != nil {
		f.audience.Codes, err = mint.Made()
	}
	if err != nil {
		return err
	}
	f.audience.count(whole)
	return store.CountRun(t.Tx, f.run, whole)
}

// ledger is a piece of an audience on its way into the ledger.
type ledger struct {
	args    store.Args
	members []int64
	reasons []string
	codes   []int64 // of those who get the mail, in their order; nil: it has none yet
}

func (l ledger) write(tx *store.Tx) error {
	columns := []string{"day", "occurrence_id", "step", "member_id", "campaign_id", "version_id", "run_id", "class", "topic", "state", "reason", "code_id", "queued_at", "done_at"}
	row := make([]any, len(columns))
	for i, arg := range []string{"day", "occurrence", "step", "", "campaign", "version", "run", "class", "topic"} {
		row[i] = l.args[arg]
	}
	row[12] = tx.At
	i, mailed := 0, 0
	_, err := tx.Stream("sends", columns, func() ([]any, error) {
		if i == len(l.members) {
			return nil, nil
		}
		row[3], row[9], row[10], row[11], row[13] = l.members[i], "skipped", l.reasons[i], nil, tx.At
		if l.reasons[i] == "" {
			row[9], row[13] = "queued", nil
			if l.codes != nil {
				row[11] = l.codes[mailed]
			}
			mailed++
		}
		i++
		return row, nil
	})
	return err
}

// follow lets the flow go on after the first mail of each, and at once for those for
// whom that mail is not.
func (s start) follow(t isolation.Turn, step program.Step, args store.Args) error {
	_, err := t.Tx.Exec(`
		insert into passages (campaign_id, occurrence_id, member_id, version_id, day, started_at, step, step_name, state, base_at)
		select s.campaign_id, s.occurrence_id, s.member_id, s.version_id, s.day, s.queued_at, 1, s.step, 'sending', s.queued_at
		from   sends s
		where  s.run_id = @run and s.state = 'queued'
		order  by s.id
		on conflict (occurrence_id, member_id) do nothing`, args)
	if err != nil || step.If == nil {
		return err
	}
	q := rules.Ask(t.Tx, t.V.Day(t.Tx.At), args)
	step.If = nil
	_, err = q.Exec(`
		insert into passages (campaign_id, occurrence_id, member_id, version_id, day, started_at, step, state, wake_at, base_at)
		select cast(@campaign as bigint), cast(@occurrence as bigint), a.member_id, cast(@version as bigint), cast(@day as bigint),
		       ` + t.Tx.Instant("@now") + `, 1, 'ready', ` + t.Tx.Instant("@now") + `, ` + t.Tx.Instant("@now") + `
		from  (` + s.audience(t, q, step) + `) a
		where  a.reason = ''
		and    not exists (select 1 from sends s where s.occurrence_id = @occurrence and s.member_id = a.member_id)
		order  by a.member_id
		on conflict (occurrence_id, member_id) do nothing`)
	return err
}
