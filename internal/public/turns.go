package public

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// turns lets deliveries about one member go one after another, before they take a
// connection to the database: a member whose row somebody has locked keeps one of
// them waiting, not all.
type turns struct {
	mu    sync.Mutex
	turns map[string]*turn
}

// turn is whose it is to go on with one key.
type turn struct {
	free  chan struct{} // one element: nobody is at it
	users int           // who has it or waits for it
}

// turnWait is how long a delivery waits for its turn.
const turnWait = 2 * time.Second

// take waits until nobody else has any of the keys. The keys are taken in one order
// by everybody. store.ErrLocked says that it took too long.
func (t *turns) take(ctx context.Context, keys []string) (release func(), err error) {
	slices.Sort(keys)
	keys = slices.Compact(keys)
	late := time.NewTimer(turnWait)
	defer late.Stop()
	for i, key := range keys {
		mine := t.join(key)
		select {
		case <-mine.free:
			continue
		case <-late.C:
			err = store.ErrLocked
		case <-ctx.Done():
			err = ctx.Err()
		}
		t.leave(key)
		t.giveBack(keys[:i])
		return nil, err
	}
	return func() { t.giveBack(keys) }, nil
}

func (t *turns) join(key string) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.turns == nil {
		t.turns = map[string]*turn{}
	}
	mine := t.turns[key]
	if mine == nil {
		mine = &turn{free: make(chan struct{}, 1)}
		mine.free <- struct{}{}
		t.turns[key] = mine
	}
	mine.users++
	return mine
}

func (t *turns) leave(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.turns[key].users--; t.turns[key].users == 0 {
		delete(t.turns, key)
	}
}

func (t *turns) giveBack(keys []string) {
	for _, key := range keys {
		t.mu.Lock()
		mine := t.turns[key]
		t.mu.Unlock()
		mine.free <- struct{}{}
		t.leave(key)
	}
}

// fewEvents is how many events a delivery may bring to wait for its turn. A large
// batch is one of few, and meets others in the database.
const fewEvents = 20

// keysOf are the names by which the members of events are known.
func keysOf(events []loyalty.Event) (keys []string) {
	if len(events) > fewEvents {
		return nil
	}
	for _, e := range events {
		m := e.Member
		for kind, value := range map[string]string{"id": m.ID, "email": strings.ToLower(m.Email), "phone": m.Phone, "card": m.Card} {
			if value = strings.TrimSpace(value); value != "" {
				keys = append(keys, kind+" "+value)
			}
		}
		for source, id := range m.IDs {
			keys = append(keys, "ids "+source+" "+id)
		}
	}
	return keys
}
