package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regulars/internal/consent"
	"regulars/internal/coupon"
	"regulars/internal/flows"
	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/person"
	"regulars/internal/store"
	"regulars/jobs"
)

// outside is what is kept outside the database, so that a restore is noticed and
// refusals outlive it.
type outside struct {
	beats   *jobs.Beats
	journal *jobs.Journal // nil: SUPPRESSION_LOG is not set
}

func (a *app) outside(w *wiring, redis jobs.Redis) (o outside) {
	file := a.config.Journal
	if file == "" && w.db.File() != "" {
		file = w.db.File() + ".refusals.csv"
	}
	o.beats = &jobs.Beats{DB: w.db, Log: w.log}
	if a.config.RedisURL != "" { // one in the process knows nothing of its last life
		o.beats.Redis = &redis
	}
	if file == "" {
		w.log.Warn("SUPPRESSION_LOG is not set: after a restore the refusals since the copy would be lost")
		o.beats.File = a.stateFile()
		return o
	}
	o.beats.File = file + ".beat"
	o.journal = &jobs.Journal{DB: w.db, File: file, Log: w.log}
	return o
}

// stateFile is where the beat is noted when nobody says where: in the user's folder
// for the state of programs (XDG base directories), "" without one.
func (a *app) stateFile() string {
	vars := map[string]string{}
	for _, v := range a.env {
		name, value, _ := strings.Cut(v, "=")
		vars[name] = value
	}
	switch {
	case vars["XDG_STATE_HOME"] != "":
		return filepath.Join(vars["XDG_STATE_HOME"], "regulars", "{id}.beat")
	case vars["HOME"] != "":
		return filepath.Join(vars["HOME"], ".local", "state", "regulars", "{id}.beat")
	}
	return ""
}

// wireLog is the folder in which is written down what is on the wire: that of WIRE_LOG,
// or beside the SQLite file or the record of refusals, or else where the state of programs
// is; "" for none.
func (a *app) wireLog(db *store.DB) string {
	switch {
	case a.config.WireLog == wireOff:
		return ""
	case a.config.WireLog != "":
		return a.config.WireLog
	case a.config.Journal != "":
		return a.config.Journal + ".wire"
	case db.File() != "":
		return db.File() + ".wire"
	}
	if beat := a.stateFile(); beat != "" {
		return filepath.Join(filepath.Dir(beat), "wire")
	}
	return ""
}

// wireSense says when what is on the wire cannot be written down.
func (w *wiring) wireSense(context.Context) []store.Trouble {
	words := w.sender.WireTrouble()
	if words == "" {
		return nil
	}
	return []store.Trouble{{Kind: "wire", What: words + "; should this process be killed, up to a second's mails are unknown instead of a few",
		Do: "let WIRE_LOG name a folder of this machine that this process may write to and that stays when its container is started again, or set WIRE_LOG=off"}}
}

// sayRefused leaves word in the database that serve does not start on this machine, so
// that `regulars status` says so too. It is gone when one has started.
func (a *app) sayRefused(ctx context.Context, why error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	db, err := store.Open(ctx, a.config.DatabaseURL, store.Options{})
	if err != nil {
		return // whoever started it reads why it did not
	}
	defer db.Close()
	here := jobs.Here(version(), "")
	here.ID = here.Host + "-refused"
	here.Troubles = []store.Trouble{{Kind: "secret", What: "serve does not start on " + here.Host + ": " + strings.Join(strings.Fields(why.Error()), " "),
		Do: "set what is named there, each also as NAME_FILE, and start it again"}}
	_ = db.Update(ctx, func(tx *store.Tx) error { return store.SayHere(tx, here) })
}

// recalls reports whether a file is a record of refusals that serve has written.
func recalls(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	line, _ := bufio.NewReader(io.LimitReader(f, 1000)).ReadString('\n')
	return consent.IsNoes(line)
}

// recall takes a record of refusals in, after a restore.
func (a *app) recall(c *cobra.Command, file string, dryRun bool) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return a.opened(c.Context(), false, func(db *store.DB) error {
		var sum consent.Recalled
		err := consent.ReadNoes(f, func(piece []consent.No) error {
			if dryRun {
				sum.Read += int64(len(piece))
				return nil
			}
			before := sum
			return db.Update(c.Context(), func(tx *store.Tx) error {
				sum = before // it may be run again
				return consent.Recall(tx, piece, &sum)
			})
		})
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		erased := 0 // who had themselves erased since the copy was made
		if !dryRun {
			if err := db.Update(c.Context(), func(tx *store.Tx) (err error) { erased, err = person.EraseAgain(tx); return err }); err != nil {
				return err
			}
			person.Shred(c.Context(), db)
		}
		codes, err := a.recallCodes(c, f, db, dryRun)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if a.json {
			return a.printJSON(map[string]int64{"read": sum.Read, "refusals": sum.Refusals, "suppressions": sum.Suppressions, "strangers": sum.Strangers, "erased": int64(erased),
				"codes": codes.Read, "codes_kept": codes.Promised, "codes_known": codes.Known, "codes_strangers": codes.Strangers})
		}
		fmt.Fprintln(a.out, sum)
		if erased > 0 {
			fmt.Fprintf(a.out, "%s erased again: they had themselves erased after the copy was made\n", plural(int64(erased), "member is", "members are"))
		}
		if codes.Read > 0 {
			fmt.Fprintln(a.out, codes)
		}
		return nil
	})
}

// recallCodes takes in which codes from stock are recorded as given, so that whoever
// has one gets the same again and nobody else does.
func (a *app) recallCodes(c *cobra.Command, f *os.File, db *store.DB, dryRun bool) (sum coupon.TakenBack, err error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return sum, err
	}
	err = coupon.ReadGiven(f, func(piece []coupon.Given) error {
		if dryRun {
			sum.Read += int64(len(piece))
			return nil
		}
		before := sum
		return db.Update(c.Context(), func(tx *store.Tx) error {
			sum = before // it may be run again
			if err := coupon.TakeBack(tx, piece, &sum); err != nil {
				return err
			}
			return flows.AskAgain(tx) // who found none may have one after all
		})
	})
	return sum, err
}

// afterRestore holds everything and says what of it may be out already: what was due
// from the moment of the copy until now.
func (a *app) afterRestore(c *cobra.Command, when string) error {
	if _, err := marketing.Moment(when, time.UTC); err != nil {
		return usage("--after-restore takes the moment of the copy, like 2027-06-21T09:00, not %q", when)
	}
	return a.opened(c.Context(), false, func(db *store.DB) error {
		moment, err := marketing.Moment(when, a.zone)
		if err != nil {
			return err
		}
		since := loyalty.At(moment)
		if moment.After(db.Now()) {
			return usage("--after-restore takes the moment of the copy, and %s is yet to come", a.moment(since))
		}
		due, err := marketing.New(db).AfterRestore(c.Context(), since, "restored from a copy of "+a.moment(since))
		if err != nil {
			return err
		}
		return a.sayRestored(due)
	})
}

func (a *app) sayRestored(r marketing.Restored) error {
	if a.json {
		if err := a.printJSON(map[string]any{"held": r}); err != nil {
			return err
		}
		return quiet(failed)
	}
	say := func(format string, args ...any) { fmt.Fprintf(a.out, format+"\n", args...) }
	say("Everything is held. Due since the copy was made, and perhaps done already by what the copy does not know:")
	for _, run := range r.Runs {
		say("  run %d of %s: %s. `regulars runs cancel %[1]d` leaves them unsent", run.Run, run.Campaign, plural(run.Mails, "mail", "mails"))
	}
	say("  single mails: %d; members whose next step is due: %d; jobs: %d; dates to catch up: %d", r.Mails, r.Passages, r.Jobs, r.Dates)
	if r.Aside > 0 {
		say("  codes from stock that are set aside, since somebody may have them: %d; `regulars pool unused NAME` frees those that the record does not know", r.Aside)
	}
	say("First `regulars import suppressions FILE` with the file of SUPPRESSION_LOG; then have the shop send again what it sent since.")
	say("`regulars release --all` lets everything that is not cancelled go: whoever has a mail already gets it again, with the same code.")
	return quiet(failed)
}
