package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"regulars/internal/program"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/segments"
)

// unheardFor is how long it may take to find out which names nobody has. Nobody
// waits longer for a warning: of a shop so large nothing is said then.
const unheardFor = 3 * time.Second

// unheard begins to ask, beside a question that may take until a time-out, which of
// the names in rules nobody has. What it returns waits for the answer.
func (a *app) unheard(ctx context.Context, db *store.DB, timeout time.Duration, names []segments.Name) (answer func() ([]report.Unheard, error)) {
	limit := unheardFor
	if timeout > 0 {
		limit = min(limit, timeout/4+1) // the question itself must not run out of time meanwhile
	}
	var missing []report.Unheard
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		if len(names) == 0 {
			return
		}
		err = db.Ask(ctx, limit, func(tx *store.Tx) (err error) { missing, err = report.UnheardOf(tx, names); return err })
		if errors.Is(err, store.ErrTooLong) {
			missing, err = nil, nil
		}
	}()
	return func() ([]report.Unheard, error) { <-done; return missing, err }
}

// sayUnheard warns of names that nobody has in a rule that was asked.
func (a *app) sayUnheard(missing []report.Unheard) {
	var problems []program.Problem
	said := map[program.Problem]bool{}
	for _, u := range missing {
		p := program.Named{}.Warning(u.String(), u.Hint())
		if u.Segment != "" {
			p.Message += ", which the rule of segment " + u.Segment + " names"
		}
		if !said[p] {
			said[p] = true
			problems = append(problems, p)
		}
	}
	for _, p := range program.Fold(problems, "") {
		if p.Hint != "" {
			p.Message += "; " + p.Hint
		}
		a.warn([]string{p.Message})
	}
}

// unheardIn is unheard for the files of a program.
func (a *app) unheardIn(ctx context.Context, db *store.DB, timeout time.Duration, files map[string]string) (answer func() ([]program.Problem, error)) {
	named := program.Names(files)
	names := make([]segments.Name, len(named))
	for i, n := range named {
		names[i] = n.Name
	}
	unheard := a.unheard(ctx, db, timeout, names)
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

// sayUnheardIn warns of names that nobody has in the files of a program.
func (a *app) sayUnheardIn(problems []program.Problem) {
	for _, p := range program.Fold(problems, "") {
		fmt.Fprintln(a.err, p)
	}
}
