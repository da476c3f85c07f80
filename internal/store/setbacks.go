package store

import (
	"fmt"
	"time"

	"regulars/internal/loyalty"
)

// A setback is a piece of work that failed and is set aside, so that it holds up
// nothing else. It is tried again by itself, after pauses that grow, and at once
// after an apply. A row of setbacks is one; it goes when the work succeeds.
type Setback struct {
	Scope   string          // whose work: Campaign(7), Segment(3)
	Work    string          // which of it: reactions, passages, dates, mails …
	Because string          // in words
	Since   loyalty.Instant // business time of the first failure
	Tries   int
	RetryAt loyalty.Instant // machine time
}

// ScopeCampaign and ScopeSegment name whose work is set aside.
func ScopeCampaign(id int64) string { return fmt.Sprintf("campaign:%d", id) }

// ScopeSegment is ScopeCampaign for a segment.
func ScopeSegment(id int64) string { return fmt.Sprintf("segment:%d", id) }

// ScopePool is ScopeCampaign for a pool of codes.
func ScopePool(id int64) string { return fmt.Sprintf("pool:%d", id) }

// The pauses before a setback is tried again: the first, doubled each time up to
// the longest.
const (
	firstPause   = 10 * time.Second
	longestPause = 15 * time.Minute
)

// longestBecause bounds what is kept of an error.
const longestBecause = 400

// SetBack keeps that work of a scope failed, and when it is tried again.
func (tx *Tx) SetBack(scope, work string, because error) error {
	var tries int
	err := tx.One(&tries, `
		insert into setbacks (scope, work, because, since, tries, retry_at)
		values (@scope, @work, @because, `+tx.Instant("@now")+`, 1, `+tx.MachineIn(firstPause)+`)
		on conflict (scope, work) do update
		set    because = excluded.because, tries = setbacks.tries + 1
		returning tries`, Args{"scope": scope, "work": work, "because": Brief(because), "now": tx.At})
	if err != nil || tries == 1 {
		return err
	}
	pause := min(longestPause, firstPause<<min(tries-1, 10))
	_, err = tx.Change(&setbackRow{scope, work}, Args{"retry_at": SQL(tx.MachineIn(pause))})
	return err
}

// TakeLess has the next try of what is set aside take on no more than so many pieces,
// and soon: more of them took too long.
func (tx *Tx) TakeLess(scope, work string, part int) error {
	_, err := tx.Change(&setbackRow{scope, work}, Args{"part": part, "retry_at": SQL(tx.MachineIn(firstPause))})
	return err
}

// Recovered says that work of a scope succeeds again.
func (tx *Tx) Recovered(scope, work string) error {
	_, err := tx.Remove(&setbackRow{scope, work})
	return err
}

// RetrySetback has one piece of work that is set aside tried again at once.
func (tx *Tx) RetrySetback(scope, work string) error {
	_, err := tx.Change(&setbackRow{scope, work}, Args{"retry_at": SQL(tx.Machine())})
	return err
}

// RetrySetbacks has everything that is set aside tried again at once.
func (tx *Tx) RetrySetbacks() error {
	_, err := tx.Exec("update setbacks set retry_at = "+tx.Machine(), nil)
	return err
}

// Setbacks returns what is set aside, the oldest first.
func (tx *Tx) Setbacks() (all []Setback, err error) {
	err = tx.All(&all, "select scope, work, because, since, tries, retry_at from setbacks order by since, scope, work", nil)
	return all, err
}

// NotSetBack is the condition that work of a scope, a SQL expression, is not set
// aside just now.
func (tx *Tx) NotSetBack(scope, work string) string {
	return "not exists (select 1 from setbacks b where b.scope = " + scope + " and b.work = '" + work + "' and b.retry_at > " + tx.Machine() + ")"
}

// SetBackNow is the condition that work of a scope, a SQL expression, was set
// aside and is to be tried again.
func (tx *Tx) SetBackNow(scope, work string) string {
	return "exists (select 1 from setbacks b where b.scope = " + scope + " and b.work = '" + work + "' and b.retry_at <= " + tx.Machine() + ")"
}
