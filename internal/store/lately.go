package store

import "time"

// lately is a value as it was read at some time.
type lately struct {
	value any
	at    time.Time // machine time
}

// Lately returns what changes seldom and is asked for often, as it was at most so long
// ago: one process reads it once in that time, whoever asks. Anew ends that.
func Lately[K comparable, V any](tx *Tx, key K, within time.Duration, read func() (V, error)) (V, error) {
	if kept, ok := tx.shared.lately.Load(key); ok {
		if l := kept.(lately); time.Since(l.at) < within {
			return l.value.(V), nil
		}
	}
	began := time.Now()
	v, err := read()
	if err == nil {
		tx.shared.lately.Store(key, lately{v, began})
	}
	return v, err
}

// Anew has what Lately keeps under a key read again, once the transaction has lasted:
// at once in this process, and in others when their time is over.
func Anew[K comparable](tx *Tx, key K) {
	tx.AfterCommit(func() { tx.shared.lately.Delete(key) })
}
