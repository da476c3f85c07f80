package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"regulars/internal/report"
	"regulars/internal/store"
)

// terminal reports whether stderr is one.
func (a *app) terminal() bool { return isTerminal(a.err) }

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// person reports whether somebody may answer a question.
func (a *app) person() bool {
	_, file := a.in.(*os.File)
	return !file || isTerminal(a.in)
}

// agreed asks a yes-or-no question on stderr; only "y" or "yes" is a yes. Where
// nobody is there to ask it is not answered.
func (a *app) agreed(question string) (yes, answered bool) {
	fmt.Fprint(a.err, question+" [y/N] ")
	answer, err := bufio.NewReader(a.in).ReadString('\n')
	if answer == "" && err != nil {
		return false, false
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", true
}

// asked asks for words on stderr; "" where nobody is there or nothing was said.
func (a *app) asked(question string) string {
	if !a.person() {
		return ""
	}
	fmt.Fprint(a.err, question+" ")
	answer, _ := bufio.NewReader(a.in).ReadString('\n')
	if answer == "" {
		fmt.Fprintln(a.err)
	}
	return strings.TrimSpace(answer)
}

// askFor is how long a question that a person typed may take, unless they say.
const askFor = time.Minute

// patiently runs a question that a person typed and that may take until the time-out.
// On a terminal it shows meanwhile that it is still at it.
func (a *app) patiently(ctx context.Context, timeout time.Duration, f func(*store.DB) error) error {
	return a.opened(ctx, false, func(db *store.DB) error {
		if a.terminal() {
			ticks := time.NewTicker(time.Second)
			defer ticks.Stop()
			a.waited = spin(a.err, ticks.C, a.known.Load)
		}
		err := f(db)
		a.waited()
		if errors.Is(err, store.ErrTooLong) {
			return fmt.Errorf("no answer within %v. Allow more with --timeout %v, or ask for less: a rule over figures of the whole life (orders, spent) "+
				"is quicker than one over a time span or what was bought", timeout, 5*timeout)
		}
		return err
	})
}

// estimate has the sign say, once a question has taken a second, between which
// numbers its answer lies. Call stop before the answer is printed.
func (a *app) estimate(ctx context.Context, db *store.DB, q report.Audience) (stop func()) {
	if !a.terminal() {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var guessing sync.WaitGroup
	guessing.Go(func() {
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return
		}
		_ = db.Ask(ctx, 0, func(tx *store.Tx) error { // the answer itself is on its way
			low, high, ok, err := q.Estimate(tx)
			if err == nil && ok {
				s := fmt.Sprintf("; a sample says %d to %d", low, high)
				a.known.Store(&s)
			}
			return err
		})
	})
	return func() { cancel(); guessing.Wait() }
}

// spin writes at each tick how long something has taken so far and what is known
// until now, and returns what ends that and clears the line. It may be called more
// than once.
func spin(w io.Writer, ticks <-chan time.Time, known func() *string) (stop func()) {
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		for seconds := 1; ; seconds++ {
			select {
			case <-ticks:
				so := ""
				if s := known(); s != nil {
					so = *s
				}
				fmt.Fprintf(w, "\rasking the database … %d s%s (Ctrl-C stops)", seconds, so)
			case <-done:
				if seconds > 1 {
					fmt.Fprint(w, "\r\x1b[K")
				}
				return
			}
		}
	}()
	return sync.OnceFunc(func() { close(done); <-over })
}

// bar returns a progress function that draws on stderr when that is a terminal, and what
// to call when all is done.
func bar[N int | int64](a *app, what string, more progressbar.Option) (progress func(done, all N), end func()) {
	if !a.terminal() {
		return nil, func() {}
	}
	var b *progressbar.ProgressBar
	progress = func(done, all N) {
		if b == nil {
			b = progressbar.NewOptions64(int64(all), progressbar.OptionSetWriter(a.err), progressbar.OptionSetDescription(what),
				more, progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
		}
		_ = b.Set64(int64(done)) // a bar that cannot be drawn is no reason to stop
	}
	return progress, func() {
		if b != nil {
			_ = b.Finish()
		}
	}
}
