package public

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"regulars/internal/coupon"
)

// mostGuesses is how many codes that are none of ours a token may ask about in a
// minute. Checkouts ask about what customers type, so some are; a thousand are
// somebody who tries to find a code.
const mostGuesses = 60

// guesses counts, by token, the codes asked about in this minute that are unknown.
type guesses struct{ tries }

// mayAsk refuses a token that has guessed too often, until the minute is over.
func (g *guesses) mayAsk(w http.ResponseWriter, token string, now time.Time) error {
	if wait := g.wait(token, mostGuesses, now); wait > 0 {
		return tooMany(w, wait, "token %s asked about %d codes in this minute that are none of ours: codes are not to be guessed; ask again in a minute", token, mostGuesses)
	}
	return nil
}

// count notes a code that is none of ours, and returns the refusal.
func (g *guesses) count(token string, err error) error {
	var no *refusal
	if errors.As(err, &no) && no.reason == coupon.Unknown {
		g.tries.count(token)
	}
	return err
}

// tries counts, by who does it, what may be done only so often in a minute.
type tries struct {
	mu     sync.Mutex
	minute time.Time
	of     map[string]int
}

// wait is how long somebody has to wait who has tried too often, 0 for nobody else.
func (t *tries) wait(who string, most int, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if minute := now.Truncate(time.Minute); !minute.Equal(t.minute) {
		t.minute, t.of = minute, map[string]int{}
	}
	if t.of[who] < most {
		return 0
	}
	return t.minute.Add(time.Minute).Sub(now)
}

func (t *tries) count(who string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of[who]++
}

// tooMany refuses for a while.
func tooMany(w http.ResponseWriter, wait time.Duration, format string, args ...any) error {
	w.Header().Set("Retry-After", fmt.Sprint(int(wait.Seconds())+1))
	return refuse(http.StatusTooManyRequests, format, args...)
}
