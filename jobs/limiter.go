package jobs

import (
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"

	"regulars/internal/delivery"
)

// limiter lets no more handlers of a kind run in this worker than it may have at once,
// whether Redis woke them or the recovery pass did, and none while the kind rests. The
// zero value is ready.
type limiter struct {
	mu      sync.Mutex
	closed  bool        // nobody begins any more
	barred  func() bool // true: nobody begins just now; nil: never
	kinds   map[string]*usage
	running sync.WaitGroup
}

// usage is how things stand with a kind.
type usage struct {
	running int
	again   bool      // one more was wanted while there was no room
	failed  int       // times in a row
	because string    // the last time
	ended   time.Time // the last time that it failed
	until   time.Time // it rests
}

// of returns how things stand with a task's share. The caller holds the lock.
func (l *limiter) of(t task) *usage {
	if l.kinds == nil {
		l.kinds = map[string]*usage{}
	}
	if l.kinds[t.share] == nil {
		l.kinds[t.share] = &usage{}
	}
	return l.kinds[t.share]
}

// begin lets a handler begin, which must leave by more or end. If there is no room, one
// of those that run looks once more before it leaves.
func (l *limiter) begin(t task) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.of(t)
	if l.closed || l.barred != nil && l.barred() || time.Now().Before(u.until) {
		return false
	}
	if u.running >= t.atOnce {
		u.again = true
		return false
	}
	u.running++
	l.running.Add(1)
	return true
}

// more ends a handler that found nothing more to do, unless one was wanted meanwhile:
// then it answers true and the handler must look once more.
func (l *limiter) more(t task) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.of(t)
	u.failed = 0
	if u.again {
		u.again = false
		return true
	}
	u.running--
	l.running.Done()
	return false
}

// How long a kind rests after it failed.
const (
	firstRest   = time.Second
	longestRest = 10 * time.Second
)

// end ends a handler with an error; nil: it was broken off. The kind rests for as long
// as end returns: what its relay asks for, or after a failure each time twice as long.
func (l *limiter) end(t task, err error) (rest time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.of(t)
	var wait *delivery.Rest
	switch {
	case errors.As(err, &wait):
		rest = wait.Wait
	case err != nil:
		rest = min(firstRest<<min(u.failed, 8), longestRest)
		u.failed++
		u.because = withoutAddresses(err)
		u.ended = time.Now()
	}
	u.again = false
	u.until = time.Now().Add(rest)
	u.running--
	l.running.Done()
	return rest
}

// room reports whether a handler could begin.
func (l *limiter) room(t task) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.of(t)
	return u.running < t.atOnce && !time.Now().Before(u.until)
}

// forgotten is how long after its last failure a kind that is not at work counts as
// failing: as long as something of it is due it is tried again after longestRest at
// the latest, so that by then another replica has done all there was.
const forgotten = 3 * longestRest

// failing returns the kinds that failed at least twice in a row and still have work,
// and why.
func (l *limiter) failing() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := map[string]string{}
	for name, u := range l.kinds {
		if u.failed >= 2 && (u.running > 0 || time.Since(u.ended) < forgotten) {
			all[name] = u.because
		}
	}
	return all
}

// close lets nobody begin any more.
func (l *limiter) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}

// wait returns when all handlers have ended. The limiter must be closed.
func (l *limiter) wait() { l.running.Wait() }

var anAddress = regexp.MustCompile(`[^\s"'(<]+@[^\s"')>]+`)

// withoutAddresses is the first line of an error, which may be shown to people: a
// database quotes what it could not read.
func withoutAddresses(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return anAddress.ReplaceAllString(line, "(address)")
}
