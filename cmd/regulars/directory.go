package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regulars/internal/apply"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/membership"
	"regulars/internal/program"
	"regulars/internal/runs"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/templates"
)

// directoryCommands are about a program directory and its versions.
func (a *app) directoryCommands() []*cobra.Command {
	return []*cobra.Command{
		{
			Use: "init DIR", Short: "Write a starter program: settings, segments, pools and ready-made campaigns, all drafts",
			Args: cobra.ExactArgs(1),
			RunE: func(_ *cobra.Command, args []string) error { return a.initDirectory(args[0]) },
		},
		a.checkCommand(), a.planCommand(), a.previewDirectoryCommand(), a.applyCommand(), a.exportCommand(), a.versionsCommand(), a.rollbackCommand(),
	}
}

func (a *app) checkCommand() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use: "check DIR", Short: "Say what is wrong in a program directory, with file, line and column",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			a.allWarnings = all
			_, err := a.readDirectory(args[0], true)
			return err
		},
	}
	c.Flags().BoolVar(&all, "all", false, "show every warning, also many of one kind")
	return c
}

func (a *app) initDirectory(dir string) error {
	files, err := templates.Starter()
	if err != nil {
		return err
	}
	if err := program.Init(dir, files); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"dir": dir, "files": slices.Sorted(maps.Keys(files))})
	}
	fmt.Fprintf(a.out, "Wrote a starter program to %s. Next:\n  put your shop's name, sender and postal address into program.yaml\n  regulars check %s\n  set \"live: true\" in the campaigns you want, then: regulars plan %s; regulars apply %s\n", dir, dir, dir, dir)
	return nil
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
	c := &cobra.Command{
		Use: "plan DIR", Short: "Show what applying a directory would change, and how many members it would touch at once",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			next, err := a.readDirectory(args[0], false)
			if err != nil {
				return err
			}
			return a.asking(c, timeout, nil, func(tx *store.Tx, db *store.DB) error {
				return a.sayPlan(tx, db, next, a.unheardIn(c.Context(), db, timeout, next.Files))
			})
		},
	}
	c.Flags().DurationVar(&timeout, "timeout", askFor, "give up counting after this time; 0: never")
	return c
}

func (a *app) sayPlan(tx *store.Tx, db *store.DB, next program.Version, unheard func() ([]program.Problem, error)) error {
	plan, err := a.planned(tx, db, next)
	missing, wrong := unheard()
	if err = cmp.Or(err, wrong); err != nil {
		return err
	}
	plan.Unheard = missing
	a.waited()
	if a.json {
		if err := a.printJSON(plan); err != nil {
			return err
		}
	} else {
		plan.say(a)
		a.warn(plan.Warnings)
		a.sayUnheardIn(plan.Unheard)
		a.sayOld(plan.OldTexts)
	}
	if plan.Stopped {
		return quiet(failed)
	}
	return nil
}

// plan is what the plan command prints.
type plan struct {
	Changes []plannedChange `json:"changes"`
	Stopped bool            `json:"stopped"`

	Warnings []string          `json:"warnings,omitempty"`  // rules that cannot be answered yet
	Unheard  []program.Problem `json:"unheard,omitempty"`   // names in rules that nobody has
	Draws    []runs.Draw       `json:"draws,omitempty"`     // codes that its live campaigns take
	OldTexts []runs.OldTexts   `json:"old_texts,omitempty"` // mails under way that would not have the new texts
}

// warn says what will not go as the program says it.
func (a *app) warn(warnings []string) {
	for _, w := range warnings {
		fmt.Fprintln(a.err, "warning: "+w)
	}
}

type plannedChange struct {
	Thing  string   `json:"thing"`
	Name   string   `json:"name,omitempty"`
	Words  string   `json:"words"`
	Stops  bool     `json:"stops,omitempty"`
	Counts []string `json:"counts,omitempty"`
}

func (p plan) say(a *app) {
	for _, c := range p.Changes {
		mark := "  "
		if c.Stops {
			mark = "! "
		}
		fmt.Fprintln(a.out, mark+c.Words)
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
		mark := "  "
		if d.Short() {
			mark = "! "
		}
		fmt.Fprintln(a.out, mark+d.String())
	}
}

func (a *app) planned(tx *store.Tx, db *store.DB, next program.Version) (plan, error) {
	now, err := inForce(tx)
	if err != nil {
		return plan{}, err
	}
	changes := program.Plan(now, next)
	p := plan{Changes: []plannedChange{}, Stopped: program.Stopped(changes)}
	for _, c := range changes {
		out := plannedChange{Thing: c.Thing, Name: c.Name, Words: c.Words, Stops: c.Stops}
		for _, n := range c.Counts {
			words, err := counted(tx, n, loyalty.DayOf(tx.At.Time, next.Program.Zone))
			if err != nil {
				return plan{}, err
			}
			out.Counts = append(out.Counts, words)
		}
		p.Changes = append(p.Changes, out)
	}
	if p.Warnings, err = membership.Waiting(tx, next.Program); err != nil {
		return plan{}, err
	}
	if p.Draws, err = runs.Draws(tx, next.Program, false); err != nil {
		return plan{}, err
	}
	p.OldTexts, err = runs.WithOldTexts(tx, next.Files)
	return p, err
}

// inForce returns the version that workers act on; before the first apply it is
// the zero Version.
func inForce(tx *store.Tx) (program.Version, error) {
	v, err := versions.Active(tx)
	if errors.Is(err, versions.ErrNoProgram) {
		return program.Version{}, nil
	}
	if err != nil {
		return program.Version{}, err
	}
	files, err := versions.Files(tx, v.ID)
	return program.Version{Program: v.Program, Files: files}, err
}

func (a *app) applyCommand() *cobra.Command {
	var note string
	c := &cobra.Command{
		Use: "apply DIR", Short: "Put a program directory in force, as a new version, in all workers",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			next, err := a.readDirectory(args[0], false)
			if err != nil {
				return err
			}
			return a.opened(c.Context(), true, func(db *store.DB) error { return a.apply(c, db, next, note) })
		},
	}
	c.Flags().StringVar(&note, "note", "", "why, for the list of versions")
	return c
}

func (a *app) apply(c *cobra.Command, db *store.DB, next program.Version, note string) error {
	var applied versions.Applied
	err := db.Update(c.Context(), func(tx *store.Tx) error {
		now, err := inForce(tx)
		if err != nil {
			return err
		}
		for _, change := range program.Plan(now, next) {
			if change.Stops {
				return errors.New(change.Words)
			}
		}
		applied, err = apply.Apply(tx, next.Files, a.user(), note)
		return rezoned(tx, applied, err)
	})
	if err != nil {
		return err
	}
	if err := a.sayApplied(applied); err != nil {
		return err
	}
	unheard, err := a.unheardIn(c.Context(), db, 0, next.Files)()
	if err != nil {
		return err
	}
	a.sayUnheardIn(unheard)
	return db.View(c.Context(), func(tx *store.Tx) error {
		warnings, err := membership.Waiting(tx, next.Program)
		a.warn(warnings)
		if err != nil {
			return err
		}
		return a.warnOld(tx, db)
	})
}

// warnOld says which mails under way do not have the texts of the version in force.
func (a *app) warnOld(tx *store.Tx, db *store.DB) error {
	old, err := runs.WithOldTexts(tx, nil)
	a.sayOld(old)
	return err
}

// rezoned computes the days of what is stored anew when the program's zone is
// another one than they were computed in.
func rezoned(tx *store.Tx, applied versions.Applied, err error) error {
	if err != nil || applied.ZoneWas == "" {
		return err
	}
	return intake.Rezone(tx)
}

func (a *app) sayApplied(v versions.Applied) error {
	if a.json {
		return a.printJSON(v)
	}
	if v.Same {
		fmt.Fprintf(a.out, "Nothing has changed: version %d stays in force.\n", v.Version)
		return nil
	}
	fmt.Fprintf(a.out, "Version %d is in force.\n", v.Version)
	if len(v.Live) > 0 {
		fmt.Fprintf(a.out, "Now live: %s\n", strings.Join(v.Live, ", "))
	}
	if len(v.Removed) > 0 {
		fmt.Fprintf(a.out, "Removed: %s\n", strings.Join(v.Removed, ", "))
	}
	return nil
}

func (a *app) exportCommand() *cobra.Command {
	var version int64
	c := &cobra.Command{
		Use: "export DIR", Short: "Write the program in force back to a directory",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.opened(c.Context(), false, func(db *store.DB) error {
				var files map[string]string
				err := db.View(c.Context(), func(tx *store.Tx) (err error) {
					if version == 0 {
						v, err := versions.Active(tx)
						if err != nil {
							return err
						}
						version = v.ID
					}
					files, err = versions.Files(tx, version)
					return err
				})
				if errors.Is(err, store.ErrNotFound) {
					return noVersion(version)
				}
				if err != nil {
					return err
				}
				if err := program.Export(args[0], files); err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]any{"version": version, "dir": args[0], "files": slices.Sorted(maps.Keys(files))})
				}
				fmt.Fprintf(a.out, "Wrote version %d to %s.\n", version, args[0])
				return nil
			})
		},
	}
	c.Flags().Int64Var(&version, "version", 0, "another version than the one in force")
	return c
}

func (a *app) versionsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "versions", Short: "List the versions of the program",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.opened(c.Context(), false, func(db *store.DB) error {
				var list []versions.Stored
				err := db.View(c.Context(), func(tx *store.Tx) (err error) { list, err = versions.List(tx); return err })
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(list)
				}
				var rows [][]string
				for _, v := range list {
					mark := ""
					if v.InForce {
						mark = "in force"
					}
					rows = append(rows, []string{fmt.Sprint(v.ID), a.moment(v.AppliedAt), v.AppliedBy, v.Note, mark})
				}
				return a.table([]string{"VERSION", "APPLIED", "BY", "NOTE", ""}, rows)
			})
		},
	}
}

func (a *app) rollbackCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rollback VERSION", Short: "Put an earlier version in force again, as a new one",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			version, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return usage("%q is not the number of a version; see `regulars versions`", args[0])
			}
			return a.opened(c.Context(), false, func(db *store.DB) error {
				var applied versions.Applied
				err := db.Update(c.Context(), func(tx *store.Tx) (err error) {
					applied, err = apply.Rollback(tx, version, a.user())
					return rezoned(tx, applied, err)
				})
				if errors.Is(err, store.ErrNotFound) {
					return noVersion(version)
				}
				if err != nil {
					return err
				}
				if err := a.sayApplied(applied); err != nil {
					return err
				}
				return db.View(c.Context(), func(tx *store.Tx) error { return a.warnOld(tx, db) })
			})
		},
	}
}

func noVersion(version int64) error {
	return store.Missing(fmt.Sprintf("there is no version %d: see `regulars versions`", version))
}
