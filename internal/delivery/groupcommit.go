package delivery

import "sync"

// group writes for many goroutines at once: whoever comes while a transaction
// is under way shares the next one with all who came meanwhile.
type group[T any] struct {
	write func([]T) []error // an error, or nil, for each

	turn    chan struct{} // of one element: held by the one who writes
	mu      sync.Mutex
	waiting []member[T]
}

type member[T any] struct {
	what  T
	reply chan error
}

func newGroup[T any](write func([]T) []error) *group[T] {
	return &group[T]{write: write, turn: make(chan struct{}, 1)}
}

// do returns when what has been written, or with the error of that.
func (g *group[T]) do(what T) error {
	a := member[T]{what, make(chan error, 1)}
	g.mu.Lock()
	g.waiting = append(g.waiting, a)
	g.mu.Unlock()
	select {
	case err := <-a.reply: // somebody has written ours too
		return err
	case g.turn <- struct{}{}:
		g.serve()
		<-g.turn
		return <-a.reply
	}
}

// serve writes for all who wait.
func (g *group[T]) serve() {
	g.mu.Lock()
	batch := g.waiting
	g.waiting = nil
	g.mu.Unlock()
	if len(batch) == 0 {
		return
	}
	all := make([]T, len(batch))
	for i, a := range batch {
		all[i] = a.what
	}
	for i, err := range g.write(all) {
		batch[i].reply <- err
	}
}
