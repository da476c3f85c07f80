package marketing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"regulars/internal/apply"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/membership"
	"regulars/internal/program"
	"regulars/internal/report"
	"regulars/internal/runs"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/tiers"
	"regulars/internal/versions"
	"regulars/segments"
)

// Plan is what applying a program would change.
type Plan struct {
	Changes []PlannedChange `json:"changes"`
	Stopped bool            `json:"stopped"` // one of the changes cannot be made

	Warnings []string          `json:"warnings,omitempty"`  // rules that cannot be answered yet
	Unheard  []program.Problem `json:"unheard,omitempty"`   // names in rules that nobody has
	Draws    []runs.Draw       `json:"draws,omitempty"`     // codes that its live campaigns take
	OldTexts []runs.OldTexts   `json:"old_texts,omitempty"` // mails under way that would not have the new texts
}

// PlannedChange is one change, with how many members it would touch at once.
type PlannedChange struct {
	Thing  string   `json:"thing"`
	Name   string   `json:"name,omitempty"`
	Words  string   `json:"words"`
	Stops  bool     `json:"stops,omitempty"`
	Counts []string `json:"counts,omitempty"`
}

// Plan says what applying a program would change. It writes nothing and gives up
// counting after the limit, with store.ErrTooLong; 0: never.
func (m Marketer) Plan(ctx context.Context, next program.Version, limit time.Duration) (p Plan, err error) {
	unheard := m.unheardIn(ctx, limit, next.Files)
	err = m.DB.Ask(ctx, limit, func(tx *store.Tx) (err error) { p, err = m.plan(tx, next); return err })
	missing, wrong := unheard()
	p.Unheard = missing
	return p, cmp.Or(err, wrong)
}

func (m Marketer) plan(tx *store.Tx, next program.Version) (p Plan, err error) {
	now, err := InForce(tx)
	if err != nil {
		return p, err
	}
	changes := program.Plan(now, next)
	today := loyalty.DayOf(tx.At.Time, next.Program.Zone)
	reach, err := tiers.Launch(tx, next.Program, today)
	if err != nil {
		return p, fmt.Errorf("tiers: %w", err)
	}
	p = Plan{Changes: []PlannedChange{}, Stopped: program.Stopped(changes)}
	for _, c := range changes {
		out := PlannedChange{Thing: c.Thing, Name: c.Name, Words: c.Words, Stops: c.Stops}
		for _, n := range c.Counts {
			words, err := fmt.Sprintf("%d %s", reach[c.Name], n.Words), error(nil)
			if c.Thing != "tier" || reach == nil {
				words, err = counted(tx, n, today)
			}
			if err != nil {
				return p, err
			}
			out.Counts = append(out.Counts, words)
		}
		p.Changes = append(p.Changes, out)
	}
	of, err := planPoints(tx, now.Program, next.Program, today)
	if err != nil {
		return p, fmt.Errorf("points: %w", err)
	}
	p.Changes = append(p.Changes, of...)
	if p.Warnings, err = membership.Waiting(tx, next.Program); err != nil {
		return p, err
	}
	if p.Draws, err = runs.Draws(tx, next.Program, false); err != nil {
		return p, err
	}
	p.OldTexts, err = runs.WithOldTexts(tx, next.Files)
	return p, err
}

// counted asks for the number of a planned change.
func counted(tx *store.Tx, n program.Count, day loyalty.Day) (string, error) {
	count, err := report.All(tx, n.Rules, n.Not, day)
	if unready := (*segments.Unready)(nil); errors.As(err, &unready) {
		return fmt.Sprintf("warning: nobody can say how many %s: %v", n.Words, unready), nil
	}
	words := fmt.Sprintf("%d %s", count, n.Words)
	if n.PerDay > 0 {
		words += fmt.Sprintf(", %d a day", n.PerDay)
	}
	return words, err
}

// Applied is what an apply or a rollback did. Beside an error it says whether the
// version is in force all the same: what comes after that only warns.
type Applied struct {
	versions.Applied
	Unheard  []program.Problem `json:"-"` // names in rules that nobody has
	Warnings []string          `json:"-"` // rules that cannot be answered yet
	OldTexts []runs.OldTexts   `json:"-"` // mails under way that do not have the new texts
}

// Apply puts the files of a program in force as a new version.
func (m Marketer) Apply(ctx context.Context, next program.Version, by, note string) (done Applied, err error) {
	done.Applied, err = update(ctx, m.DB, func(tx *store.Tx) (versions.Applied, error) { return m.putInForce(tx, next, by, note) })
	if err != nil {
		return Applied{}, err
	}
	return m.warned(ctx, done, next)
}

// putInForce is Apply in a transaction.
func (m Marketer) putInForce(tx *store.Tx, next program.Version, by, note string) (versions.Applied, error) {
	now, err := InForce(tx)
	if err != nil {
		return versions.Applied{}, err
	}
	for _, change := range program.Plan(now, next) {
		if change.Stops {
			return versions.Applied{}, errors.New(change.Words)
		}
	}
	before, err := versionBefore(tx)
	if err != nil {
		return versions.Applied{}, err
	}
	applied, err := apply.Apply(tx, next.Files, by, note)
	if err == nil && !applied.Same {
		err = m.note(tx, staff.Act{By: by, Act: "apply", About: "the program", Before: before, After: strings.TrimSuffix(fmt.Sprintf("version %d: %s", applied.Version, note), ": ")})
	}
	return rezoned(tx, applied, err)
}

// versionBefore is which version is in force before another one is, for the audit.
func versionBefore(tx *store.Tx) (string, error) {
	v, err := versions.Active(tx)
	if err != nil {
		return "", versions.IgnoreNoProgram(err)
	}
	return fmt.Sprintf("version %d", v.ID), nil
}

// warned adds what a person should know about a version that is in force now.
func (m Marketer) warned(ctx context.Context, done Applied, next program.Version) (_ Applied, err error) {
	if done.Unheard, err = m.unheardIn(ctx, 0, next.Files)(); err != nil {
		return done, err
	}
	err = m.DB.View(ctx, func(tx *store.Tx) (err error) {
		if done.Warnings, err = membership.Waiting(tx, next.Program); err != nil {
			return err
		}
		done.OldTexts, err = runs.WithOldTexts(tx, nil)
		return err
	})
	return done, err
}

// Rollback puts an earlier version in force again, as a new one; store.ErrNotFound
// where there is no such version. because is why, for the list of versions.
func (m Marketer) Rollback(ctx context.Context, version int64, by, because string) (done Applied, err error) {
	done.Applied, err = update(ctx, m.DB, func(tx *store.Tx) (versions.Applied, error) {
		before, err := versionBefore(tx)
		if err != nil {
			return versions.Applied{}, err
		}
		applied, err := apply.Rollback(tx, version, by, because)
		if err == nil && !applied.Same {
			err = m.note(tx, staff.Act{By: by, Act: "rollback", About: "the program", Before: before, After: strings.TrimSuffix(fmt.Sprintf("version %d, which is that of %d: %s", applied.Version, version, because), ": ")})
		}
		return rezoned(tx, applied, err)
	})
	if err != nil {
		return Applied{}, err
	}
	err = m.DB.View(ctx, func(tx *store.Tx) (err error) { done.OldTexts, err = runs.WithOldTexts(tx, nil); return err })
	return done, err
}

// rezoned computes the days of what is stored anew when the program's zone is another
// one than they were computed in, and facts when others keep the points than before.
func rezoned(tx *store.Tx, applied versions.Applied, err error) (versions.Applied, error) {
	if err == nil && applied.ZoneWas != "" {
		return applied, intake.Rezone(tx)
	}
	if err == nil && applied.PointsAnew {
		err = intake.KeepPoints(tx)
	}
	return applied, err
}

// unheardFor is how long it may take to find out which names nobody has. Nobody waits
// longer for a warning: of a shop so large nothing is said then.
const unheardFor = 3 * time.Second

// Unheard begins to ask, beside a question that may take until a limit, which of the
// names in rules nobody has. What it returns waits for the answer.
func (m Marketer) Unheard(ctx context.Context, limit time.Duration, names []segments.Name) (answer func() ([]report.Unheard, error)) {
	enough := unheardFor
	if limit > 0 {
		enough = min(enough, limit/4+1) // the question itself must not run out of time meanwhile
	}
	var missing []report.Unheard
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		if len(names) == 0 {
			return
		}
		err = m.DB.Ask(ctx, enough, func(tx *store.Tx) (err error) { missing, err = report.UnheardOf(tx, names); return err })
		if errors.Is(err, store.ErrTooLong) {
			missing, err = nil, nil
		}
	}()
	return func() ([]report.Unheard, error) { <-done; return missing, err }
}

// unheardIn is Unheard for the files of a program.
func (m Marketer) unheardIn(ctx context.Context, limit time.Duration, files map[string]string) (answer func() ([]program.Problem, error)) {
	named := program.Names(files)
	names := make([]segments.Name, len(named))
	for i, n := range named {
		names[i] = n.Name
	}
	unheard := m.Unheard(ctx, limit, names)
	return func() (problems []program.Problem, err error) {
		missing, err := unheard()
		of := map[segments.Name]report.Unheard{}
		for _, u := range missing {
			of[u.Name] = u
		}
		for _, n := range named {
			if u, is := of[n.Name]; is {
				problems = append(problems, n.Warning(u.String(), u.Hint()))
			}
		}
		return problems, err
	}
}
