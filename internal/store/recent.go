package store

import (
	"container/list"
	"sync"
)

// Recent remembers what was made of rows that never change: at most so many, and
// those that were used last. It is safe for concurrent use.
type Recent[K comparable, V any] struct {
	most int

	mu    sync.Mutex
	at    map[K]*list.Element
	order *list.List // of entry; the one used last is in front
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

// NewRecent returns an empty memory for at most so many.
func NewRecent[K comparable, V any](most int) *Recent[K, V] {
	return &Recent[K, V]{most: most, at: map[K]*list.Element{}, order: list.New()}
}

// Get returns what is remembered under a key.
func (r *Recent[K, V]) Get(key K) (value V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.at[key]
	if e == nil {
		return value, false
	}
	r.order.MoveToFront(e)
	return e.Value.(entry[K, V]).value, true
}

// Put remembers a value, and forgets the one that was used least lately when there
// are too many.
func (r *Recent[K, V]) Put(key K, value V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old := r.at[key]; old != nil {
		r.order.Remove(old)
	}
	r.at[key] = r.order.PushFront(entry[K, V]{key, value})
	if last := r.order.Back(); len(r.at) > r.most {
		delete(r.at, last.Value.(entry[K, V]).key)
		r.order.Remove(last)
	}
}

// Len is how many are remembered.
func (r *Recent[K, V]) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.at)
}
