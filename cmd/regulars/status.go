package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"regulars/internal/report"
	"regulars/internal/runs"
	"regulars/internal/store"
)

func (a *app) statusCommand() *cobra.Command {
	var watch bool
	c := newCommand("status", "What sends now, what is held, late or paused and why; exit 1 when something needs a person",
		func(c *cobra.Command, _ []string) error {
			return a.opened(c.Context(), false, func(db *store.DB) error {
				var said []string
				for first := true; ; first = false {
					s := report.LookAt(c.Context(), db)
					if err := c.Context().Err(); err != nil {
						return err
					}
					if first {
						said = notes(c.Context(), db)
					}
					s.Notes = said
					if err := a.sayStatus(s); err != nil {
						return err
					}
					if !watch {
						if len(s.Needs) > 0 {
							return quiet(failed)
						}
						return nil
					}
					select {
					case <-time.After(2 * time.Second):
					case <-c.Context().Done():
						return nil
					}
				}
			})
		})
	c.Flags().BoolVar(&watch, "watch", false, "again every 2 seconds")
	return c
}

// notesFor is how long the notes of a status may take.
const notesFor = 3 * time.Second

// notes are the mails under way that a correction has not reached, and what of the
// program in force can never happen. They never hold up the rest of a status.
func notes(ctx context.Context, db *store.DB) (words []string) {
	ctx, cancel := context.WithTimeout(ctx, notesFor)
	defer cancel()
	err := db.View(ctx, func(tx *store.Tx) error {
		old, err := runs.WithOldTexts(tx, nil)
		for _, o := range old {
			words = append(words, o.String())
		}
		if err != nil {
			return err
		}
		never, err := runs.Never(tx, "")
		words = append(words, never...)
		return err
	})
	if err != nil {
		words = append(words, fmt.Sprintf("which texts are under way, and what of the program can never happen, could not be asked: %v", err))
	}
	return words
}

func (a *app) sayStatus(s report.Status) error {
	if a.json {
		return a.printJSON(s)
	}
	say := func(format string, args ...any) { fmt.Fprintf(a.out, format+"\n", args...) }
	program := "no program applied yet"
	if s.Version != "" {
		program = "program version " + s.Version
	}
	say("%s  %s, %s known from orders, %s", a.moment(s.Now), plural(s.Members, "member", "members"), fmt.Sprint(s.Known), program)
	if s.Shared > 0 {
		say("orders came by an address, card or phone that several members share: they were taken as of %s; let the shop send the member's id", plural(s.Shared, "person of their own", "people of their own"))
	}
	for _, r := range s.Runs {
		say("run %d of %s: %s, %d of %d sent, %d pending, %d a minute", r.ID, r.Campaign, r.State, r.Sent, r.Audience, r.Pending, r.PerMinute)
	}
	for _, o := range s.Notes {
		say("note: %s", o)
	}
	for _, w := range s.Waiting {
		say("%s: %s on the way out", w.Campaign, plural(w.Mails, "mail", "mails"))
	}
	for _, o := range s.Oldest {
		if o.Rows > 0 {
			say("queue %s: %d due, the oldest for %s", o.Queue, o.Rows, time.Duration(o.Seconds)*time.Second)
		}
	}
	for _, w := range s.Webhooks {
		if w.Waiting > 0 {
			say("webhooks to %s: %d wait, the oldest for %s", w.Name, w.Waiting, time.Duration(w.Oldest)*time.Second)
		}
	}
	if s.Budget != nil {
		say("budget: %s", s.Budget)
	}
	if w := s.Warmup; w != nil {
		waiting := ""
		if w.Waiting > 0 {
			waiting = fmt.Sprintf("; %s for the next day, from %s on", plural(w.Waiting, "mail waits", "mails wait"), a.moment(w.Until))
		}
		last := ""
		if w.LastDay != 0 {
			last = fmt.Sprintf("; all that waits is out on %s", w.LastDay)
		}
		say("warm-up: %d of today's %s went%s%s", w.Mails, plural(w.Limit, "mail", "mails"), waiting, last)
	}
	for _, r := range s.Rates {
		atLeast := ""
		if r.More {
			atLeast = "at least "
		}
		say("rate of %s: %s%s for it", r.Domain, atLeast, plural(r.Mails, "mail waits", "mails wait"))
	}
	if s.Midnight.Day != "" {
		say("last nightly pass: %s, done %s", s.Midnight.Day, a.moment(s.Midnight.FinishedAt))
	}
	for _, d := range s.Next {
		say("next: %s at %s (%s)", d.Campaign, a.moment(d.At), d.Zone)
	}
	for _, r := range s.Replicas {
		rate := ""
		switch {
		case r.Rationed:
			rate = ", hands over " + r.Rate + ", for which mails wait"
		case r.Rate != "":
			rate = ", hands over " + r.Rate + " at most"
		}
		say("replica %s: %s, %s, since %s%s", r.ID, r.Roles, r.Version, a.moment(r.StartedAt), rate)
	}
	if len(s.Replicas) == 0 {
		say("no replica was seen in the last minute")
	}
	if next := s.FirstSteps(); len(s.Needs) == 0 && len(next) > 0 {
		say("Nothing is sent yet. What comes next:")
		for _, command := range next {
			say("  %s", command)
		}
		return nil
	}
	if len(s.Needs) == 0 {
		say("All is well: nothing needs a person.")
		return nil
	}
	say("Needs a person:")
	for _, t := range s.Troubles {
		say("  %s", t.What)
		say("    do: %s", t.Do)
	}
	return nil
}
