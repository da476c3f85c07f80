package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"regulars/internal/delivery"
)

// wire is a relay in the process that does as told. The zero value takes all.
type wire struct {
	mu     sync.Mutex
	answer func(m delivery.Message) delivery.Outcome // of a mail whose body is over; nil: taken
	before func(m delivery.Message) delivery.Outcome // before the body; Err nil: go on
	taken  map[string]int                            // bodies that were handed over, by recipient
	bodies map[string]string
}

var errScript = errors.New("as the script says")

func (w *wire) Hand(ctx context.Context, m delivery.Message, begin func(context.Context) error) delivery.Outcome {
	if err := ctx.Err(); err != nil {
		return withheld(err)
	}
	if w.before != nil {
		if o := w.before(m); o.Err != nil {
			return o
		}
	}
	if begin != nil {
		if err := begin(ctx); err != nil {
			return withheld(err)
		}
	}
	w.mu.Lock()
	if w.taken == nil {
		w.taken, w.bodies = map[string]int{}, map[string]string{}
	}
	w.taken[m.To]++
	w.bodies[m.To] = string(m.Body)
	w.mu.Unlock()
	if w.answer != nil {
		return w.answer(m)
	}
	return accepted()
}

// total returns how many bodies were handed over, and how many to an address
// that had one before.
func (w *wire) total() (all, twice int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.taken {
		all += n
		twice += n - 1
	}
	return all, twice
}

func withheld(err error) delivery.Outcome {
	return delivery.Outcome{Stage: delivery.StageData, Err: fmt.Errorf("%w: %w", delivery.ErrWithheld, err)}
}

func accepted() delivery.Outcome {
	return delivery.Outcome{Stage: delivery.StageDone, Code: 250, Text: "2.0.0 Ok", Begun: true}
}

func said(stage delivery.Stage, code int, enhanced string) delivery.Outcome {
	return delivery.Outcome{Stage: stage, Code: code, Enhanced: enhanced, Text: fmt.Sprint(enhanced, " as the script says"),
		Begun: stage >= delivery.StageBody, Err: errScript}
}
