package delivery

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"regulars/internal/store"
)

// The brakes of a run: what makes it pause until a person has looked. Shares are
// of its first mails for addresses, since an old list shows at once, and of its
// latest ones for what may begin at any time.
const (
	sample     = 500
	hardShare  = 5  // per cent of the first 500 that do not exist …
	fewestHard = 5  // … but in a small run not before so many
	shutShare  = 10 // per cent of the latest 500 that the relay refuses by policy
	spoilShare = 1  // per cent of the latest 500 that cannot be made

	spamShare  = 3 // per thousand of all that went out that are called spam …
	fewestSpam = 3 // … but in a small run not before so many
)

// brakes pause runs.
type brakes struct{ log *slog.Logger }

// apply pauses the runs whose mails come back too often.
func (b brakes) apply(tx *store.Tx, results []result) error {
	hard, spam, shut := map[int64]bool{}, map[int64]bool{}, map[int64]int64{}
	for _, e := range results {
		if e.s.Run != 0 && e.hard() {
			hard[e.s.Run] = true
		}
		if e.s.Run != 0 && e.state == complained {
			spam[e.s.Run] = true
		}
		if e.s.Run != 0 && e.policy {
			shut[e.s.Run] = max(shut[e.s.Run], e.s.Send)
		}
	}
	for run := range hard {
		if err := b.hard(tx, run); err != nil {
			return err
		}
	}
	for run := range spam {
		if err := b.spam(tx, run); err != nil {
			return err
		}
	}
	for run, last := range shut {
		if err := b.shut(tx, run, last); err != nil {
			return err
		}
	}
	return nil
}

// counted is what a brake looks at.
type counted struct{ Bad, Total, Audience int64 }

func (b brakes) hard(tx *store.Tx, run int64) error {
	var n counted
	err := tx.One(&n, `
		select count(*) filter (where state in ('failed', 'bounced') and reason = 'no_such_address') as bad, count(*) as total,
		      (select audience from runs where id = @run) as audience
		from  (select state, reason from sends where run_id = @run and attempts > 0 order by id limit @sample) first`,
		store.Args{"run": run, "sample": sample})
	if err != nil {
		return fmt.Errorf("the bounces of run %d: %w", run, err)
	}
	if of := min(sample, n.Audience); n.Bad < fewestHard || n.Bad*100 <= of*hardShare {
		return nil
	}
	return b.stop(tx, run, fmt.Sprintf("%d of the first %d addresses do not exist: is the list an old one?", n.Bad, n.Total))
}

func (b brakes) spam(tx *store.Tx, run int64) error {
	var n counted
	err := tx.One(&n, `
		select cast(coalesce(sum(n) filter (where state = 'complained'), 0) as bigint) as bad, cast(coalesce(sum(n), 0) as bigint) as total
		from   counted where run_id = @run and run_id <> 0 and `+store.CountedSent, store.Args{"run": run})
	if err != nil {
		return fmt.Errorf("the complaints of run %d: %w", run, err)
	}
	if n.Bad < fewestSpam || n.Bad*1000 < n.Total*spamShare {
		return nil
	}
	return b.stop(tx, run, fmt.Sprintf("%d of %d mails were called spam: did everybody ask for them?", n.Bad, n.Total))
}

func (b brakes) shut(tx *store.Tx, run, last int64) error {
	n, err := latest(tx, run, last, "reason = 'policy'", "attempts > 0")
	if err != nil || n.Bad*100 < n.Total*shutShare {
		return err
	}
	return b.stop(tx, run, fmt.Sprintf("%d of the latest %d mails were refused by policy: look at what the relay says", n.Bad, n.Total))
}

// latest counts the bad ones among the latest sends of a run up to one of them.
func latest(tx *store.Tx, run, last int64, bad, among string) (n counted, err error) {
	err = tx.One(&n, `
		select count(*) filter (where `+bad+`) as bad, count(*) as total, (select audience from runs where id = @run) as audience
		from  (select state, reason from sends where run_id = @run and id <= @last and `+among+` order by id desc limit @sample) latest`,
		store.Args{"run": run, "last": last, "sample": sample})
	if err != nil {
		return n, fmt.Errorf("the latest sends of run %d: %w", run, err)
	}
	return n, nil
}

// stop pauses a run that sends.
func (b brakes) stop(tx *store.Tx, run int64, because string) error {
	n, err := tx.Exec("update runs set state = 'paused', because = @because where id = @run and state = 'sending'",
		store.Args{"run": run, "because": because})
	if err != nil {
		return fmt.Errorf("pausing run %d: %w", run, err)
	}
	if n > 0 {
		logged, _, _ := strings.Cut(because, ": ") // what follows is of one mail, and may name its member
		tx.AfterCommit(func() { b.log.Error("a run is paused", "run", run, "because", logged) })
	}
	return nil
}

// spare looks at mails that cannot be made. Where they are too many of their run
// to be single cases, the run is paused and they stay queued, so that they go out
// once the text is right.
func (b brakes) spare(tx *store.Tx, results []result) ([]result, error) {
	spared := slices.Clone(results)
	for run, bad := range spoiltOf(results) {
		last := results[bad[len(bad)-1]]
		n, err := latest(tx, run, last.s.Send, "reason = 'render_error'", "(attempts > 0 or state = 'skipped')")
		if err != nil {
			return nil, err
		}
		if (n.Bad+int64(len(bad)))*100 <= min(sample, n.Audience)*spoilShare {
			continue
		}
		for _, i := range bad {
			spared[i] = result{s: results[i].s, state: queued, due: true}.keep()
		}
		if err := b.stop(tx, run, "mails cannot be made: "+last.words); err != nil {
			return nil, err
		}
	}
	return spared, nil
}

// spoiltOf returns the places of the mails that cannot be made, by run.
func spoiltOf(results []result) map[int64][]int {
	runs := map[int64][]int{}
	for i, e := range results {
		if e.s.Run != 0 && e.reason == unreadable {
			runs[e.s.Run] = append(runs[e.s.Run], i)
		}
	}
	return runs
}
