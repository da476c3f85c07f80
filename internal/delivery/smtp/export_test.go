package smtp

// Waiting is how many mails wait for a connection.
func Waiting(r *Relay) int {
	r.pool.mu.Lock()
	defer r.pool.mu.Unlock()
	return len(r.pool.waiting[first]) + len(r.pool.waiting[second])
}
