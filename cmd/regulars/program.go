package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regulars/internal/intake"
	"regulars/internal/marketing"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/templates"
)

func (a *app) initCommand() *cobra.Command {
	points := false
	c := newCommand("init DIR", "Write a starter program: settings, segments, pools and ready-made campaigns, all drafts",
		func(_ *cobra.Command, args []string) error {
			dir := args[0]
			starter := func() (map[string]string, error) { return templates.Starter() }
			if points {
				starter = templates.StarterWithPoints
			}
			files, err := starter()
			if err != nil {
				return err
			}
			if err := program.Init(dir, files); err != nil {
				return err
			}
			return a.say(map[string]any{"dir": dir, "files": slices.Sorted(maps.Keys(files))},
				"Wrote a starter program to %s. Next:\n  put your shop's name, sender and postal address into program.yaml\n  regulars check %[1]s\n"+
					"  set \"live: true\" in the campaigns you want, then: regulars plan %[1]s; regulars apply %[1]s", dir)
		})
	c.Flags().BoolVar(&points, "points", false, "with points and tiers: a loyalty.yaml, and the campaigns that are about them")
	return c
}

func (a *app) checkCommand() *cobra.Command {
	c := newCommand("check DIR", "Say what is wrong in a program directory, with file, line and column", func(_ *cobra.Command, args []string) error { _, err := a.readDirectory(args[0], true); return err })
	c.Flags().BoolVar(&a.allWarnings, "all", false, "show every warning, also many of one kind")
	return c
}

// readDirectory reads and checks a directory and prints every problem. With
// blocking problems it ends the command.
func (a *app) readDirectory(dir string, saySound bool) (program.Version, error) {
	files, err := program.ReadDir(dir)
	if err != nil {
		return program.Version{}, err
	}
	p, _, problems := program.Check(files, time.Now())
	if a.json && saySound {
		if err := a.printJSON(map[string]any{"problems": problems, "blocked": program.Blocked(problems)}); err != nil {
			return program.Version{}, err
		}
	} else {
		if !a.allWarnings {
			problems = program.Fold(problems, program.ShowsEach)
		}
		for _, problem := range problems {
			fmt.Fprintln(a.err, problem)
		}
	}
	switch {
	case program.Blocked(problems):
		return program.Version{}, quiet(failed)
	case saySound && !a.json:
		fmt.Fprintf(a.out, "%s is sound: %s, %s, %s\n", dir, plural(int64(len(p.Campaigns)), "campaign", "campaigns"),
			plural(int64(len(p.Segments)), "segment", "segments"), plural(int64(len(p.Pools)), "pool", "pools"))
	}
	return program.Version{Program: p, Files: files}, nil
}

func (a *app) planCommand() *cobra.Command {
	var timeout time.Duration
	c := newCommand("plan DIR", "Show what applying a directory would change, and how many members it would touch at once",
		func(c *cobra.Command, args []string) error {
			next, err := a.readDirectory(args[0], false)
			if err != nil {
				return err
			}
			var plan marketing.Plan
			err = a.patiently(c.Context(), timeout, func(db *store.DB) (err error) {
				plan, err = marketing.New(db).Plan(c.Context(), next, timeout)
				return err
			})
			if err == nil {
				err = a.sayPlan(plan)
			}
			if err == nil && plan.Stopped {
				return quiet(failed)
			}
			return err
		})
	c.Flags().DurationVar(&timeout, "timeout", askFor, "give up counting after this time; 0: never")
	return c
}

func (a *app) sayPlan(p marketing.Plan) error {
	if a.json {
		return a.printJSON(p)
	}
	for _, c := range p.Changes {
		fmt.Fprintln(a.out, either(c.Stops, "! ", "  ")+c.Words)
		for _, n := range c.Counts {
			fmt.Fprintln(a.out, "      "+n)
		}
	}
	if len(p.Changes) == 0 {
		fmt.Fprintln(a.out, "Nothing would change.")
	}
	if len(p.Draws) > 0 {
		fmt.Fprintln(a.out, "Codes of live campaigns:")
	}
	for _, d := range p.Draws {
		fmt.Fprintln(a.out, either(d.Short(), "! ", "  ")+d.String())
	}
	a.warn(p.Warnings)
	for _, problem := range program.Fold(p.Unheard, "") {
		fmt.Fprintln(a.err, problem)
	}
	a.sayOld(p.OldTexts)
	return nil
}

// warn says what will not go as the program says it.
func (a *app) warn(warnings []string) {
	for _, w := range warnings {
		fmt.Fprintln(a.err, "warning: "+w)
	}
}

func (a *app) applyCommand() *cobra.Command {
	var note string
	c := newCommand("apply DIR", "Put a program directory in force, as a new version, in all workers",
		func(c *cobra.Command, args []string) error {
			next, err := a.readDirectory(args[0], false)
			if err != nil {
				return err
			}
			pictures, err := program.BytesOf(args[0], next.Files)
			if err != nil {
				return err
			}
			return a.applying(c.Context(), true, func(m marketing.Marketer) (marketing.Applied, error) {
				if err := m.KeepPictures(c.Context(), next.Files, pictures); err != nil {
					return marketing.Applied{}, err
				}
				return m.Apply(c.Context(), next, a.user(), note)
			})
		})
	c.Flags().StringVar(&note, "note", "", "why, for the list of versions")
	return c
}

func (a *app) rollbackCommand() *cobra.Command {
	var note string
	c := newCommand("rollback VERSION", "Put an earlier version in force again, as a new one", func(c *cobra.Command, args []string) error {
		version, err := numbered(args[0], "a version; see `regulars versions`")
		if err != nil {
			return err
		}
		return a.applying(c.Context(), false, func(m marketing.Marketer) (marketing.Applied, error) {
			done, err := m.Rollback(c.Context(), version, a.user(), note)
			return done, noVersion(version, err)
		})
	})
	c.Flags().StringVar(&note, "note", "", "why, for the list of versions")
	return c
}

// applying puts a version in force and says what came of it: what is in force also
// where the warnings could not be found out.
func (a *app) applying(ctx context.Context, create bool, f func(marketing.Marketer) (marketing.Applied, error)) error {
	return a.opened(ctx, create, func(db *store.DB) error {
		done, err := f(marketing.New(db))
		if done.Version == 0 {
			return err
		}
		switch {
		case a.json:
			if wrong := a.printJSON(done); wrong != nil {
				return wrong
			}
		case done.Same:
			fmt.Fprintf(a.out, "Nothing has changed: version %d stays in force.\n", done.Version)
		default:
			fmt.Fprintf(a.out, "Version %d is in force.\n", done.Version)
			if len(done.Live) > 0 {
				fmt.Fprintf(a.out, "Now live: %s\n", strings.Join(done.Live, ", "))
			}
			if len(done.Removed) > 0 {
				fmt.Fprintf(a.out, "Removed: %s\n", strings.Join(done.Removed, ", "))
			}
		}
		for _, problem := range program.Fold(done.Unheard, "") {
			fmt.Fprintln(a.err, problem)
		}
		a.warn(done.Warnings)
		a.sayOld(done.OldTexts)
		return errors.Join(err, db.View(ctx, a.sayUnbooked))
	})
}

// sayUnbooked says that what there was before the program is yet to be booked.
func (a *app) sayUnbooked(tx *store.Tx) error {
	some, since, err := intake.Unbooked(tx)
	if some {
		fmt.Fprintf(a.err, "note: what was ordered since %s, before there were points here, is yet to be booked: a worker (regulars serve) does it, or `regulars points book` at once\n", since)
	}
	return err
}

func (a *app) exportCommand() *cobra.Command {
	var version int64
	c := a.reading("export DIR", "Write the program in force back to a directory", func(tx *store.Tx, args []string) error {
		if version == 0 {
			v, err := versions.Active(tx)
			if err != nil {
				return err
			}
			version = v.ID
		}
		files, err := versions.Files(tx, version)
		if err != nil {
			return noVersion(version, err)
		}
		pictures, err := versions.Pictures(tx, files)
		if err != nil {
			return err
		}
		if err := program.Export(args[0], files, pictures); err != nil {
			return err
		}
		return a.say(map[string]any{"version": version, "dir": args[0], "files": slices.Sorted(maps.Keys(files))}, "Wrote version %d to %s.", version, args[0])
	})
	c.Flags().Int64Var(&version, "version", 0, "another version than the one in force")
	return c
}

func (a *app) versionsCommand() *cobra.Command {
	return a.reading("versions", "List the versions of the program", func(tx *store.Tx, _ []string) error {
		list, err := versions.List(tx)
		if err != nil {
			return err
		}
		return printList(a, list, "VERSION|APPLIED|BY|NOTE|", func(v versions.Stored) []any {
			return []any{v.ID, a.moment(v.AppliedAt), v.AppliedBy, v.Note, either(v.InForce, "in force", "")}
		})
	})
}
