package jobs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"regulars/internal/engine"
)

// The queues of asynq.
const (
	Urgent  = "urgent"  // what somebody waits for: reactions, steps, welcomes, test mails
	Bulk    = "bulk"    // runs and offers
	Clock   = "clock"   // timetables, what begins and ends runs, leases
	Nightly = "nightly" // what a new day of the shop brings
	Chores  = "chores"  // what marketers enqueued
)

// Queues are all of them.
var Queues = []string{Urgent, Bulk, Clock, Nightly, Chores}

// task is a kind of task: where it waits and how it is run.
type task struct {
	name    string // its type in asynq
	queue   string
	of      string // what the id in the payload is of: run, destination, job; "": it has none
	share   string // what it counts under: its name, or the jobs of a queue
	atOnce  int    // how many of its share one worker runs at once
	timeout time.Duration
}

// work is a kind of task whose handler is the engine's. It goes on until nothing of
// the kind is due, so its time-out only ends what hangs: the rest is put again.
func work(name, queue string, atOnce int) task {
	return task{name: name, queue: queue, share: name, atOnce: atOnce, timeout: time.Hour}
}

// ofRun is work that is about one run.
func ofRun(t task) task { t.of = "run"; return t }

// tasks are all kinds but those of jobs.
var tasks = append([]task{
	flowReact, flowAdvance, flowSettle, flowEnter, flowDates,
	mailUrgent, mailBulk,
	runFreeze, runDeliver, runFinish,
	segmentPass,
	hookPost,
	sendReap, codeExpire, claimRelease, countsFold, dataRetain,
}, tasksOfUpkeep()...)

// jobPrefix begins the kinds of task that do a job: job.launch, job.import …
const jobPrefix = "job."

// jobsAtOnce is how many jobs of a queue one worker does at once, beside those of kinds
// that have places of their own. Three imports leave a machine alive.
var jobsAtOnce = map[string]int{Urgent: 1, Chores: 3}

// taskOf finds a kind of task by its name, which must match exactly. Jobs of kinds that
// this version does not know are chores.
func taskOf(name string) (task, bool) {
	if job, ok := strings.CutPrefix(name, jobPrefix); ok {
		t := task{name: name, queue: Chores, of: "job", timeout: 24 * time.Hour}
		k, known := kinds[job]
		if known {
			t.queue = k.queue
		}
		t.share, t.atOnce = jobPrefix+t.queue, jobsAtOnce[t.queue]
		if k.atOnce > 0 {
			t.share, t.atOnce = t.name, k.atOnce
		}
		return t, true
	}
	i := slices.IndexFunc(tasks, func(t task) bool { return t.name == name })
	if i < 0 {
		return task{}, false
	}
	return tasks[i], true
}

// payload is what a task carries: {"run":12}, {"job":7} or nothing.
func (t task) payload(id int64) []byte {
	if t.of == "" || id == 0 {
		return nil
	}
	return fmt.Appendf(nil, `{"%s":%d}`, t.of, id)
}

// id reads the payload; false when it is not one of this kind.
func (t task) id(payload []byte) (int64, bool) {
	if len(payload) == 0 {
		return 0, t.of != "job"
	}
	var ids map[string]int64
	err := json.Unmarshal(payload, &ids)
	return ids[t.of], err == nil && ids[t.of] > 0
}

// workOf reads the key of a piece of work.
func workOf(key string) (engine.Work, error) {
	kind, id, found := strings.Cut(key, ":")
	w := engine.Work{Kind: kind}
	if !found {
		return w, nil
	}
	var err error
	w.ID, err = strconv.ParseInt(id, 10, 64)
	return w, err
}

// slots is how many tasks a server of these queues runs at once: as many as there may
// be handlers of all their kinds. A long run therefore never keeps the timetable or
// the midnight waiting.
func slots(queues ...string) (n int) {
	for _, t := range tasks {
		if slices.Contains(queues, t.queue) {
			n += t.atOnce
		}
	}
	for _, queue := range queues {
		n += jobsAtOnce[queue]
	}
	for _, k := range kinds {
		if slices.Contains(queues, k.queue) {
			n += k.atOnce
		}
	}
	return n
}
