package rehearsal

import (
	"context"

	"regulars/internal/program"
	"regulars/internal/store"
)

// Lived is the outcome of what a database has lived through.
func Lived(ctx context.Context, db *store.DB, p *program.Program) (Outcome, error) {
	return outcome(ctx, db, p, p.Zone)
}
