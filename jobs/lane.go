package jobs

import (
	"slices"
	"strings"

	"regulars/internal/engine"
)

// The queues of asynq. Urgent has a server of its own, so that a welcome never
// waits behind a newsletter; the other three share one by weight.
const (
	Urgent  = "urgent"  // welcome, milestone, events
	Bulk    = "bulk"    // runs and offers
	Chores  = "chores"  // what marketers enqueued, imports
	Nightly = "nightly" // the shop's midnight
)

// A post is where work is done: a pass of the engine, or the jobs of a lane. It
// is known by the pass's name, or by jobsOf(lane).
var posts = append(slices.Clone(engine.Passes), jobsOf(Urgent), jobsOf(Chores))

const jobsPrefix = "jobs."

// jobsOf names the post that does the jobs of a lane.
func jobsOf(lane string) string { return jobsPrefix + lane }

// LaneOf says which queue the hints for a post go to.
func LaneOf(post string) string {
	if lane, ok := strings.CutPrefix(post, jobsPrefix); ok {
		return lane
	}
	switch post {
	case engine.PassReact, engine.PassAdvance, engine.PassUrgent:
		return Urgent
	case engine.PassBulk, engine.PassRuns:
		return Bulk
	case engine.PassMidnight:
		return Nightly
	}
	return Chores
}

// hands is how many may be at a post at once in one worker. Two keep the wire
// busy while one of them asks the database; three imports leave a machine alive.
func hands(post string) int {
	switch post {
	case engine.PassReact, engine.PassAdvance, engine.PassUrgent, engine.PassRuns:
		return 2
	case jobsOf(Chores):
		return 3
	}
	return 1
}

// slots is how many tasks a server of these lanes works on at once: as many as
// there may be hands at all their posts. A long run therefore never keeps the
// timetable, the midnight or a marketer's job waiting.
func slots(lanes ...string) (n int) {
	for _, post := range posts {
		if slices.Contains(lanes, LaneOf(post)) {
			n += hands(post)
		}
	}
	return n
}
