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
type guesses struct {
	mu     sync.Mutex
	minute time.Time
	of     map[string]int
}

// mayAsk refuses a token that has guessed too often, until the minute is over.
func (g *guesses) mayAsk(w http.ResponseWriter, token string, now time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if minute := now.Truncate(time.Minute); !minute.Equal(g.minute) {
		g.minute, g.of = minute, map[string]int{}
	}
	if g.of[token] < mostGuesses {
		return nil
	}
	w.Header().Set("Retry-After", fmt.Sprint(int(g.minute.Add(time.Minute).Sub(now).Seconds())+1))
	return refuse(http.StatusTooManyRequests, "token %s asked about %d codes in this minute that are none of ours: codes are not to be guessed; ask again in a minute", token, mostGuesses)
}

// count notes a code that is none of ours, and returns the refusal.
func (g *guesses) count(token string, err error) error {
	var no *refusal
	if errors.As(err, &no) && no.reason == coupon.Unknown {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.of[token]++
	}
	return err
}
