package public

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"regulars/internal/store"
)

// turns lets what is about one member go one after another, before it takes a
// connection to the database: a member whose row somebody has locked keeps one
// waiting, not all.
type turns struct {
	mu    sync.Mutex
	turns map[string]*turn
}

// turn is whose it is to go on with one key.
type turn struct {
	free   chan struct{} // one element: nobody is at it
	locked chan struct{} // closed when whose turn it was found the member locked: nobody of those who wait would do better
	users  int           // who has it or waits for it
}

// turnWait is how long one waits for its turn while those before it get on.
const turnWait = 15 * time.Second

// take waits until nobody else has any of the keys. The keys are taken in one order
// by everybody, and given back with what came of it. store.ErrLocked says that whoever
// was before found the member locked, or that it took too long.
func (t *turns) take(ctx context.Context, keys []string) (release func(error), err error) {
	slices.Sort(keys)
	keys = slices.Compact(keys)
	late := time.NewTimer(turnWait)
	defer late.Stop()
	for i, key := range keys {
		mine, locked := t.join(key)
		select {
		case <-mine.free:
			select {
			case <-locked: // both were true at once
				mine.free <- struct{}{}
				err = store.ErrLocked
			default:
				continue
			}
		case <-locked:
			err = store.ErrLocked
		case <-late.C:
			err = store.ErrLocked
		case <-ctx.Done():
			err = ctx.Err()
		}
		t.leave(key)
		t.giveBack(keys[:i], err)
		return nil, err
	}
	return func(err error) { t.giveBack(keys, err) }, nil
}

func (t *turns) join(key string) (mine *turn, locked chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.turns == nil {
		t.turns = map[string]*turn{}
	}
	mine = t.turns[key]
	if mine == nil {
		mine = &turn{free: make(chan struct{}, 1), locked: make(chan struct{})}
		mine.free <- struct{}{}
		t.turns[key] = mine
	}
	mine.users++
	return mine, mine.locked
}

func (t *turns) leave(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.turns[key].users--; t.turns[key].users == 0 {
		delete(t.turns, key)
	}
}

func (t *turns) giveBack(keys []string, err error) {
	for _, key := range keys {
		t.mu.Lock()
		mine := t.turns[key]
		if errors.Is(err, store.ErrLocked) {
			close(mine.locked)
			mine.locked = make(chan struct{})
		}
		t.mu.Unlock()
		mine.free <- struct{}{}
		t.leave(key)
	}
}
