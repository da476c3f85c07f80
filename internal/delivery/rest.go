package delivery

import (
	"fmt"
	"sync"
	"time"
)

// Rest is the error of a call that stopped early because there is no use in
// going on now: the relay is away, or the rate is used up. No send was touched
// for it. The lane should not be called again before Wait is over.
type Rest struct {
	Lane    string
	Wait    time.Duration // machine time
	Because string
}

// Error says why, in words.
func (r *Rest) Error() string {
	return fmt.Sprintf("lane %s rests for %s: %s", r.Lane, r.Wait.Round(time.Second), r.Because)
}

// watch notices when there is no use in going on.
type watch struct {
	mu     sync.Mutex
	missed int // hand-overs in a row that found the relay away
	wait   time.Duration
	words  string
	stop   bool // hand nothing over any more
	full   bool // the rate is used up: take nothing up any more
}

// enough hand-overs in a row that find the relay away are no accident of one
// connection.
const enough = 3

// heard takes note of an outcome.
func (w *watch) heard(o Outcome) {
	v := o.Verdict()
	w.mu.Lock()
	defer w.mu.Unlock()
	switch v.Ending {
	case RelayAway:
		w.missed++
		w.wait, w.words = v.RetryAfter, "the relay is away"
		if o.Text != "" {
			w.words += ": " + o.Text
		}
		w.stop = w.stop || o.Wait > 0 || w.missed >= enough
	case Withheld:
	default:
		w.missed = 0
	}
}

// ration says that the rate is used up: what has leave to go still goes.
func (w *watch) ration(wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.full, w.wait, w.words = true, wait, "its rate is used up"
}

// rationed reports whether to take up nothing more.
func (w *watch) rationed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.full
}

// away reports whether to stop.
func (w *watch) away() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stop
}

// over returns a *Rest when the call stopped early, or found the relay away last.
func (w *watch) over(lane string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.stop && !w.full && w.missed == 0 {
		return nil
	}
	return &Rest{Lane: lane, Wait: w.wait, Because: w.words}
}
