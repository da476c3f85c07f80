package intake

// Queued is how many deliveries wait for a group.
func (in *Intake) Queued() int {
	in.gather.mu.Lock()
	defer in.gather.mu.Unlock()
	return len(in.gather.queue)
}
