package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"regulars/internal/loyalty"
)

// WarmupToday is how the warm-up of the sender stands on the shop's day of a transaction.
type WarmupToday struct {
	Day     loyalty.Day
	Limit   int64
	Mails   int64     // that went, or are on their way; more than Limit when those did that it does not hold up
	Next    time.Time // when the next day begins
	Limited bool      // false: there is no limit today, and nothing is counted
	Ramp    loyalty.Warmup
}

// Left is how many mails may still go today.
func (w WarmupToday) Left() int64 { return max(0, w.Limit-w.Mails) }

// Warmup reads how the warm-up of the program in force stands.
func (tx *Tx) Warmup() (w WarmupToday, err error) {
	text, err := tx.Setting(SettingWarmup)
	if errors.Is(err, ErrNotFound) {
		return w, nil
	}
	if err != nil {
		return w, err
	}
	var ramp loyalty.Warmup
	if err := json.Unmarshal([]byte(text), &ramp); err != nil {
		return w, fmt.Errorf("the warm-up: %w", err)
	}
	if ramp == (loyalty.Warmup{}) {
		return w, nil
	}
	zone, err := tx.Zone()
	if err != nil {
		return w, err
	}
	w.Ramp = ramp
	w.Day = loyalty.DayOf(tx.At.Time, zone)
	if w.Limit, w.Limited = ramp.LimitOn(w.Day); !w.Limited {
		return w, nil
	}
	w.Next = (w.Day + 1).Start(zone)
	err = tx.One(&w.Mails, "select mails from warmup_days where day = @day", Args{"day": w.Day})
	return w, IgnoreNotFound(err)
}

// LastDay is the day on which the last of n mails goes, if nothing else goes before them.
func (w WarmupToday) LastDay(n int64) loyalty.Day { return w.Ramp.LastDay(n, w.Day, w.Mails) }

// TakeWarmup counts n mails of the day and returns how many of them may go: all with
// free, which says that the warm-up does not hold them up. Whoever else takes waits for
// the end of the transaction, so that replicas agree.
func (tx *Tx) TakeWarmup(w WarmupToday, n int, free bool) (granted int, err error) {
	if !w.Limited || n == 0 {
		return n, nil
	}
	var mails int64
	err = tx.One(&mails, `
		insert into warmup_days (day, mails) values (@day, @n)
		on conflict (day) do update set mails = warmup_days.mails + excluded.mails
		returning mails`, Args{"day": w.Day, "n": n})
	if over := int(min(int64(n), mails-w.Limit)); err == nil && !free && over > 0 {
		return n - over, tx.ReturnWarmup(w.Day, over)
	}
	return n, err
}

// ReturnWarmup takes back mails of a day that did not go.
func (tx *Tx) ReturnWarmup(day loyalty.Day, n int) error {
	_, err := tx.Exec("update warmup_days set mails = mails - @n where day = @day", Args{"day": day, "n": n})
	return err
}
