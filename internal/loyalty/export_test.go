package loyalty

import "time"

// Covers reports whether t is quiet, in t's zone.
func (q QuietHours) Covers(t time.Time) bool {
	_, quiet := q.within(t)
	return quiet
}
