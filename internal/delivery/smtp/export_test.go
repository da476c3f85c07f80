package smtp

// Waiting is how many mails wait for a connection.
func Waiting(r *Relay) int {
	r.pool.mu.Lock()
	defer r.pool.mu.Unlock()
	return len(r.pool.waiting[first]) + len(r.pool.waiting[second])
}

// Stuffed is a body as it goes over the wire.
func Stuffed(body []byte) []byte { return stuffed(nil, body) }
