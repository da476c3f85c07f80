// Package apply puts a program in force: it stores the version, ends what belongs to
// campaigns that are gone, brings the timetable into line, and has whatever is set
// aside tried again. It also says what an apply would do to members at once.
package apply

import (
	"fmt"
	"strings"

	"regulars/internal/coupon"
	"regulars/internal/flows"
	"regulars/internal/outbox"
	"regulars/internal/program"
	"regulars/internal/runs"
	"regulars/internal/store"
	"regulars/internal/tiers"
	"regulars/internal/versions"
)

// Apply stores the files of a program as a version and puts it in force. What
// follows for many members (who is in a new segment, who was there when a
// campaign went live) is left to the passes, so that it takes a moment only.
//
// A campaign that stays keeps its identity, also under a new name (was), with
// the passages and runs under way, its dates, and what a person held or paused.
// Passages of a campaign that is gone end. *versions.Refused when the files are not
// right.
func Apply(tx *store.Tx, files map[string]string, by, note string) (versions.Applied, error) {
	return apply(tx, files, nil, by, note)
}

// Rollback puts the files of an earlier version in force again, as a new version.
// A campaign that had another name then keeps its identity, though the old files
// can't say which name it has now: who had its mails stays known. because goes into the
// note; "": it says only which version.
func Rollback(tx *store.Tx, version int64, by, because string) (versions.Applied, error) {
	files, err := versions.Files(tx, version)
	if err != nil {
		return versions.Applied{}, err
	}
	later, err := versions.LaterNames(tx, version)
	if err != nil {
		return versions.Applied{}, err
	}
	note := strings.TrimSuffix(fmt.Sprintf("rollback to version %d: %s", version, because), ": ")
	return apply(tx, files, later, by, note)
}

// apply is Apply; later says what campaigns of these files are called now.
func apply(tx *store.Tx, files, later map[string]string, by, note string) (done versions.Applied, err error) {
	old, err := versions.Lock(tx)
	if err != nil {
		return done, err
	}
	if old != nil && old.Hash == program.Hash(files) {
		return versions.Applied{Version: old.ID, Same: true}, retry(tx, old)
	}
	next, _, problems := program.Load(files)
	if program.Blocked(problems) {
		return done, &versions.Refused{Problems: problems}
	}
	done, gone, err := versions.Put(tx, old, next, files, later, by, note)
	if err != nil {
		return done, fmt.Errorf("putting the program in force: %w", err)
	}
	if err := coupon.Apply(tx, next.Pools); err != nil {
		return done, fmt.Errorf("pools: %w", err)
	}
	if err := flows.EndOf(tx, gone, "removed"); err != nil {
		return done, fmt.Errorf("campaigns that are gone: %w", err)
	}
	if err := outbox.Sync(tx, destinations(next)); err != nil {
		return done, fmt.Errorf("webhooks: %w", err)
	}
	v, err := versions.Active(tx)
	if err != nil {
		return done, err
	}
	if err := runs.SyncTimetable(tx, v); err != nil {
		return done, fmt.Errorf("timetable: %w", err)
	}
	if err := settleTiers(tx, old, files); err != nil {
		return done, fmt.Errorf("tiers: %w", err)
	}
	tx.Wake("segment.pass") // new segments are filled
	tx.Wake("flow.settle")  // campaigns that went live are settled
	return done, retry(tx, v)
}

// destinations are where the program has webhooks sent to.
func destinations(p *program.Program) (all []outbox.Destination) {
	for _, w := range p.Webhooks {
		all = append(all, outbox.Destination{Name: w.Name, URL: w.URL, Events: w.Kinds(), Email: w.Email})
	}
	return all
}

// settleTiers gives everybody the tier that they hold, when the files that tiers are
// made of are others than before. In the same transaction, for an order that comes right
// after it must find the tiers of all the orders before it.
func settleTiers(tx *store.Tx, old *versions.Version, files map[string]string) error {
	if old == nil {
		return tiers.Settle(tx)
	}
	before, err := versions.Files(tx, old.ID)
	if err != nil {
		return err
	}
	for _, name := range []string{"loyalty.yaml", "segments.yaml"} {
		if before[name] != files[name] {
			return tiers.Settle(tx)
		}
	}
	return nil
}
