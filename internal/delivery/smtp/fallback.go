package smtp

import (
	"context"

	"regulars/internal/delivery"
)

// Fallback hands mails to one relay, and to a second one while the first is away: its
// breaker is open. When a mail or a look finds the first back, it has all of them again.
//
// The second relay gets only what the first has not begun to take: a mail whose fate
// on the first nobody knows is nobody else's.
type Fallback struct{ First, Second *Relay }

var _ delivery.Transport = Fallback{}

// Hand implements delivery.Transport.
func (f Fallback) Hand(ctx context.Context, m delivery.Message, begin func(context.Context) error) delivery.Outcome {
	o := f.First.Hand(ctx, m, begin)
	if o.Begun || o.Verdict().Ending != delivery.RelayAway || !f.First.State().Open {
		return o
	}
	return f.Second.Hand(ctx, m, begin)
}
