package public

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Serve answers on a listener until ctx ends, then lets requests under way
// finish, for at most 20 s; then they are cut. start is what blocks: server.Serve on a listener.
func Serve(ctx context.Context, server *http.Server, start func() error) error {
	server.ReadHeaderTimeout = 10 * time.Second
	server.ReadTimeout = time.Minute
	server.WriteTimeout = 2 * time.Minute
	server.IdleTimeout = 2 * time.Minute
	server.MaxHeaderBytes = 32 << 10
	done := make(chan error, 1)
	go func() { done <- start() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	err := server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) { // somebody reads, or writes, without an end: that is no fault of ours
		err = server.Close()
	}
	if started := <-done; !errors.Is(started, http.ErrServerClosed) {
		err = errors.Join(err, started)
	}
	return err
}
