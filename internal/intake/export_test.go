package intake

import "time"

// Patient has groups wait for as long as a busy machine may take.
func (in *Intake) Patient() { in.groupWait, in.groupTime = time.Minute, 10*time.Minute }

// PatientWithLocked has a delivery of a locked member come again for as long.
func (in *Intake) PatientWithLocked() { in.lockedWait = 5 * time.Minute }

// Queued is how many deliveries wait for a group.
func (in *Intake) Queued() int { return in.few.queued() + in.many.queued() }

func (g *gathering) queued() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.queue)
}
