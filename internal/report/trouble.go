package report

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"regulars/internal/outbox"
	"regulars/internal/store"
)

// A sense is one kind of trouble: who asks for it, in which words it is told and
// what to do about it. The table below is all that `status`, its page, `/readyz`,
// `doctor` and the metrics know of trouble; a new kind is one row of it.
type sense struct {
	kind string

	// machine says that it keeps Regulars from its work, whatever people have
	// decided. Readiness and the doctor name these too.
	machine bool

	ask       func(*Status) []fact // each is one trouble
	words, do string               // formats over a fact, by number: %[1]s
}

// fact is what a sense has found, as its words name it.
type fact []any

var senses = []sense{
	{"restored", true, func(s *Status) []fact {
		return facts(s.Holds, func(h Hold) fact { return only(h.By == byItself && h.What != unsureOf, h.Because) })
	}, "everything is held by Regulars itself: %[1]s", "`regulars doctor --after-restore TIME` says what is due since; `regulars release --all` lets everything go on"},
	{"unsure", true, func(s *Status) []fact {
		return facts(s.Holds, func(h Hold) fact { return only(h.By == byItself && h.What == unsureOf, h.What, h.Because) })
	}, "%[1]s wait: %[2]s", "see that Redis (REDIS_URL) and the folder of SUPPRESSION_LOG can be reached; `regulars release --all` lets them go on if you know that the database is the right one"},
	{"held", false, func(s *Status) []fact {
		return facts(s.Holds, func(h Hold) fact {
			is, release := "is", "`regulars release "+strings.TrimPrefix(h.What, "campaign ")+"`"
			switch h.What {
			case "all offers":
				is, release = "are", "`regulars release --offers`"
			case "everything":
				release = "`regulars release --all`"
			}
			return only(h.By != byItself, h.What, h.By, h.Because, release, is)
		})
	}, "%[1]s %[5]s held by %[2]s: %[3]s", "%[4]s lets it go on"},
	{"setback", true, func(s *Status) []fact {
		return facts(s.setbacks, func(b setback) fact {
			tried := "once"
			if b.Tries > 1 {
				tried = fmt.Sprintf("%d times", b.Tries)
			}
			return fact{b.What, b.Work, tried, b.Because}
		})
	}, "%[1]s is set aside (%[2]s, tried %[3]s): %[4]s", "mend what is named there and `regulars apply` it: it is tried again at once then, and by itself now and then; what it should have done is kept"},
	{"put off", true, func(s *Status) []fact {
		return facts(s.putOff, func(b setback) fact { return fact{b.What, b.Tries, b.Because} })
	}, "%[1]s: %[2]d members wait, since their step failed: %[3]s", "mend what is named there and `regulars apply` it: they are tried again at once then, and by themselves now and then"},
	{"paused", false, func(s *Status) []fact {
		return facts(s.Runs, func(r Run) fact { return only(r.State == "paused", r.ID, r.Campaign, r.Because) })
	}, "run %[1]d of %[2]s is paused: %[3]s", "`regulars runs show %[1]d` says how far it is; `regulars runs resume %[1]d` goes on"},
	{"skipped", false, func(s *Status) []fact {
		return facts(s.Skipped, func(k Skip) fact { // of no_issue nobody wrote one for that date, which is how a newsletter pauses
			return only(k.Reason != "no_issue", k.Campaign, k.Key, strings.ReplaceAll(k.Reason, "_", " "))
		})
	}, "%[1]s did not run on %[2]s: %[3]s", "`regulars campaign launch %[1]s` mails it by hand where it may be launched; its `late:` says what becomes of a date that was missed"},
	{"worker", true, (*Status).noWorker, "no worker has been seen for %[1]s, and %[2]s waits", "start `regulars serve`, or look at its log: a worker says every few seconds that it is there"},
	{"queue", true, func(s *Status) []fact {
		return facts(s.Oldest, func(o Oldest) fact {
			limit := late
			if o.Queue == "urgent" {
				limit = lateUrgent
			}
			return only(o.Seconds > limit.Seconds() && !(s.rationed() && o.ofMails()), o.Queue, time.Duration(o.Seconds)*time.Second)
		})
	}, "queue %[1]s has been waiting for %[2]s", "look at what else stands here; if nothing does, the workers are too few: start another `regulars serve`, or give SMTP_URL more connections"},
	{"night", true, func(s *Status) []fact {
		return facts([]Midnight{s.Midnight}, func(m Midnight) fact { return only(m.Day != "" && s.Now.Sub(m.FinishedAt.Time) > lateNight, m.Day) })
	}, "the last nightly pass that came to its end is of %[1]s", "look for \"work failed\" with what=midnight in the log of `regulars serve`; it is tried again by itself"},
	{"clock", true, func(s *Status) []fact {
		return facts(s.replicas, func(r store.Replica) fact {
			where, then := "ahead of", ""
			if r.Ahead < 0 {
				where = "behind"
			}
			if r.Ahead.Abs() > store.ClockTooFar {
				then = ": it does no work until they agree"
			}
			return only(r.Unseen <= store.Seen && r.Ahead.Abs() > store.ClockApart, r.ID, r.Ahead.Abs().Round(time.Second), where, then)
		})
	}, "the clock of replica %[1]s is %[2]s %[3]s the database's%[4]s", "have that machine's clock set by NTP"},
	{"unready", true, func(s *Status) []fact {
		return facts(s.Unready, func(u Unready) fact { return fact{u.What, u.Because} })
	}, "%[1]s waits: %[2]s", "it goes on by itself once there is enough to answer from; `regulars check` names what its rules read"},
	{"pool", true, func(s *Status) []fact {
		return facts(s.empty, func(pool string) fact { return fact{pool} })
	}, "pool %[1]s has no code left to give", "`regulars pool import %[1]s FILE`, or `regulars pool generate %[1]s N` and tell the shop of them by `regulars pool export %[1]s --mark-known`"},
	{"aside", true, func(s *Status) []fact {
		return facts(s.aside, func(p codesAside) fact { return fact{p.Pool, p.Codes} })
	}, "pool %[1]s: %[2]d codes are set aside, since the database was restored and somebody may have them; who has none of it yet waits", "`regulars import suppressions FILE` with the file of SUPPRESSION_LOG keeps those that are recorded for whoever has them; then `regulars pool unused %[1]s` says that nobody has the rest, or `regulars pool recall %[1]s` ends them and `regulars pool import %[1]s FILE` brings new ones"},
	{"budget", false, (*Status).nearlySpent, "%[1]s is used, %[2]s%[3]s",
		"the reports liability and points say what it went to; a larger `budget` in loyalty.yaml, applied, goes on"},
	{"webhook disabled", false, func(s *Status) []fact {
		return facts(s.Webhooks, func(w outbox.Standing) fact { return only(w.Disabled != "", w.Name, w.Disabled, w.Waiting) })
	}, "no webhooks are sent to %[1]s: %[2]s; %[3]d wait", "`regulars hooks out enable %[1]s` lets them go; a program without it, applied, throws them away"},
	{"webhook failing", true, func(s *Status) []fact {
		return facts(s.Webhooks, func(w outbox.Standing) fact {
			failed := time.Duration(w.Failed) * time.Second
			return only(w.Disabled == "" && failed > failingHooks, w.Name, failed, w.Failing, w.Waiting)
		})
	}, "%[1]s takes no webhooks since %[2]s: %[3]s; %[4]d wait", "see that it is there; they are tried again by themselves, and `regulars hooks out enable %[1]s` tries at once"},
	{"webhook dead", true, func(s *Status) []fact {
		return facts(s.Webhooks, func(w outbox.Standing) fact {
			many := fmt.Sprintf("%d deliveries to %s are dead", w.Dead, w.Name)
			if w.Dead == 1 {
				many = "1 delivery to " + w.Name + " is dead"
			}
			return only(w.Dead > 0, many, w.Because, w.Name)
		})
	}, "%[1]s: %[2]s", "`regulars hooks out deliveries --dead` shows them; `regulars hooks out replay --dead %[3]s` sends them again, `regulars hooks out drop --dead %[3]s` gives them up"},
	{"job", false, func(s *Status) []fact {
		return facts(s.Failed, func(j FailedJob) fact { return fact{j.ID, j.Kind, j.Outcome} })
	}, "job %[1]d (%[2]s) failed: %[3]s", "`regulars jobs show %[1]d`; `regulars jobs retry %[1]d` does it again"},
	{"parked", false, func(s *Status) []fact {
		return facts(s.Parked, func(p ParkedHooks) fact {
			which := fmt.Sprintf("%d deliveries of %s wait", p.N, p.Source)
			if p.N == 1 {
				which = "a delivery of " + p.Source + " waits"
			}
			return fact{which, p.Reason, p.First}
		})
	}, "%[1]s: %[2]s", "`regulars hooks show %[3]d` shows it; `regulars hooks replay %[3]d` reads it again, `regulars hooks done %[3]d` says that a person has dealt with it"},
	{"unknown", false, func(s *Status) []fact {
		return facts([]int64{s.Unknown}, func(n int64) fact { return only(n > 0, n) })
	}, "mails of which nobody knows whether they went out: %[1]d (`regulars sends list --state unknown`)", "`regulars sends resolve ID sent` or `again`; `--run RUN` in place of ID for all of a run"},
}

// facts are what there is to say of the items of a list; of some it is nothing.
func facts[T any](list []T, of func(T) fact) (all []fact) {
	for _, item := range list {
		if f := of(item); f != nil {
			all = append(all, f)
		}
	}
	return all
}

// only is a fact where that is so, and else none.
func only(is bool, f ...any) fact {
	if !is {
		return nil
	}
	return f
}

// judge adds what the senses find to the troubles: all, or those of the machine
// alone.
func (s *Status) judge(machine bool) {
	for _, c := range senses {
		if machine && !c.machine {
			continue
		}
		for _, f := range c.ask(s) {
			// Words and advice take what they need of a fact.
			s.add(store.Trouble{Kind: c.kind, What: say(c.words, f), Do: say(c.do, f), About: fmt.Sprint(f[0])})
		}
	}
	for _, t := range s.reported() {
		s.add(t)
	}
}

// say fills a format that may leave out some of the fact.
func say(format string, f fact) string {
	for i, v := range f {
		format = strings.ReplaceAll(format, fmt.Sprintf("%%[%d]s", i+1), fmt.Sprint(v))
		format = strings.ReplaceAll(format, fmt.Sprintf("%%[%d]d", i+1), fmt.Sprint(v))
	}
	return format
}

// add takes a trouble up, once.
func (s *Status) add(t store.Trouble) {
	for _, known := range s.Troubles {
		if known.What == t.What {
			return
		}
	}
	s.Troubles = append(s.Troubles, t)
	s.Needs = append(s.Needs, t.What)
}

// byItself is who holds what Regulars has stopped without a person.
const byItself = "regulars"

// unsureOf is what waits until it is known whether the database is the right one.
const unsureOf = "bulk mails and offers"

// setback is work of a campaign, a segment or a pool that failed and is set aside.
type setback struct {
	What, Work, Because string
	Tries               int64
}

// setAside reads what is set aside, by the names that people know.
func (s *Status) setAside(tx *store.Tx) error {
	s.setbacks = nil
	return tx.All(&s.setbacks, `
		select coalesce('campaign ' || c.name, 'segment ' || g.name, 'pool ' || p.name, b.scope) as what, b.work, b.because, b.tries
		from   setbacks b
		left   join campaigns c on b.scope = 'campaign:' || c.id
		left   join segments  g on b.scope = 'segment:' || g.id
		left   join pools     p on b.scope = 'pool:' || p.id
		order  by b.since, b.scope, b.work`, nil)
}

// somePutOff reads of which campaigns some members wait, since a step of theirs
// failed while those of others went on.
func (s *Status) somePutOff(tx *store.Tx) error {
	s.putOff = nil
	return tx.All(&s.putOff, `
		select 'campaign ' || c.name as what, w.because, w.n as tries
		from  (select campaign_id, max(because) as because, count(*) as n from reactions where retry_at is not null group by campaign_id
		       union  all
		       select campaign_id, max(reason), count(*) from passages where reason >= 'failed: ' and reason < 'failed;' and state = 'ready' group by campaign_id) w
		join   campaigns c on c.id = w.campaign_id
		order  by c.name`, nil)
}

// failingHooks is for how long a destination may take no webhooks before people hear of it.
const failingHooks = 10 * time.Minute

// webhooks reads how things are with those who are told by webhooks.
func (s *Status) webhooks(tx *store.Tx) (err error) {
	s.Webhooks, err = outbox.Standings(tx)
	return err
}

// noWorker finds that something waits and nobody is there to do it.
func (s *Status) noWorker() []fact {
	last := time.Duration(-1)
	for _, r := range s.replicas {
		if strings.Contains(r.Roles, "worker") && (last < 0 || r.Unseen < last) {
			last = r.Unseen
		}
	}
	if last >= 0 && last < store.Seen {
		return nil
	}
	since := "some time"
	if last >= 0 {
		since = last.Round(time.Second).String()
	}
	for _, o := range s.Oldest {
		if o.Rows > 0 && o.Seconds > 5 { // a worker that is there takes it sooner
			return []fact{{since, "queue " + o.Queue}}
		}
	}
	return nil
}

// codesAside are those of a pool of which nobody knows whether somebody has them.
type codesAside struct {
	Pool  string
	Codes int64
}

// reported are the troubles that replicas see from where they stand: those that
// are there, and those that could not start and whose machine has none that did.
func (s *Status) reported() (all []store.Trouble) {
	for _, r := range s.replicas {
		if r.Roles == "" && !s.startedSince(r) || r.Roles != "" && r.Unseen < store.Seen {
			all = append(all, r.Troubles...)
		}
	}
	return all
}

func (s *Status) startedSince(lost store.Replica) bool {
	for _, r := range s.replicas {
		if r.Roles != "" && r.Host == lost.Host && r.SeenAt.After(lost.SeenAt.Time) {
			return true
		}
	}
	return false
}

// unasked says why the database cannot be asked at all.
func unasked(ctx context.Context, db *store.DB) (store.Trouble, bool) {
	ctx, cancel := context.WithTimeout(ctx, partLimit)
	defer cancel()
	if err := db.Ping(ctx); err != nil {
		return store.Trouble{Kind: "database", What: "the database does not answer", Do: "see whether it runs, and whether DATABASE_URL names it"}, false
	}
	have, want, err := db.Schema(ctx)
	if err == nil && have < want {
		return store.Trouble{Kind: "schema", What: fmt.Sprintf("the schema is older than this binary: it is at version %d and needs %d", have, want),
			Do: "run `regulars migrate`"}, false
	}
	return store.Trouble{}, true
}

// cannotAsk is what a part of the status that did not come to its end is.
func cannotAsk(part string, err error) store.Trouble {
	t := store.Trouble{Kind: "database", What: "the database cannot be asked for " + part + ": " + err.Error(), Do: "see the database's own log"}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, store.ErrLocked) || strings.Contains(err.Error(), "canceling statement") || strings.Contains(err.Error(), "timeout") {
		t.What = "the database cannot be asked for " + part + ": no answer in time"
		t.Do = "somebody may hold a lock on a table: on Postgres pg_stat_activity and pg_locks name who; or the machine is too busy"
	}
	return t
}

// disk looks at the room that is left where this process can see it.
func (s *Status) disk(db *store.DB) {
	if t, full := DiskFull(db); full {
		s.add(t)
	}
}

// DiskFull says that there is hardly any room left for the SQLite file.
func DiskFull(db *store.DB) (store.Trouble, bool) {
	free, full := db.Room()
	if !full {
		return store.Trouble{}, false
	}
	return store.Trouble{Kind: "disk", What: fmt.Sprintf("the disk is full: %d MB are left beside %s", free>>20, db.File()),
		Do: "make room on that disk, or move the file to a larger one and name it in DATABASE_URL"}, true
}

// Amiss is what keeps Regulars from its work, as checks of the doctor: one per kind,
// or one that found nothing.
func Amiss(ctx context.Context, db *store.DB) []Check {
	began := time.Now()
	none := Check{Name: "nothing keeps Regulars from its work", Findings: []Finding{}}
	var all []Check
	for _, t := range Glance(ctx, db) {
		all = append(all, Check{Name: "no trouble with: " + t.Kind, Do: t.Do, Findings: []Finding{{t.Kind, t.What}}})
	}
	if all == nil {
		all = []Check{none}
	}
	for i := range all {
		all[i].Took = time.Since(began).Round(time.Millisecond).String()
	}
	return all
}

// rationed reports whether mails wait because the relay takes no more of them in a
// length of time: a queue of theirs is then as long as it has to be.
func (s *Status) rationed() bool {
	return slices.ContainsFunc(s.replicas, func(r store.Replica) bool { return r.Rationed && r.Unseen <= store.Seen })
}

// ofMails reports whether what waits there are mails.
func (o Oldest) ofMails() bool { return slices.Contains([]string{"urgent", "bulk", "runs"}, o.Queue) }
