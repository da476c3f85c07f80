package campaign

import (
	"context"
	"io"
	"time"
)

// Random sets where the codes of a book come from.
func (b *Book) Random(r io.Reader) { b.random = r }

// Slow has a transaction about more than so many pieces take too long.
func (b *Book) Slow(most int) {
	b.within = func(ctx context.Context, limit time.Duration, pieces int) (context.Context, context.CancelFunc) {
		if pieces > most {
			limit = 0
		}
		return context.WithTimeout(ctx, limit)
	}
}
