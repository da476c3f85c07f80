package delivery

import (
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// The warm-up of the sender: so many mails a day of the shop. The place of a mail is
// taken in the transaction of its mark, and given back where it does not go. Mails of the
// urgent lane take theirs too, but wait for none. What a day has no place for waits for
// the next: a chunk as a whole, single mails by themselves.

// tomorrow is what becomes of a send that waits for the next day.
func tomorrow(s *send, w store.WarmupToday) result {
	return result{s: s, state: queued, due: true, until: loyalty.At(w.Next)}.keep()
}

// warm takes the places of sends that are about to be marked, and returns those that go;
// the others wait.
func warm(tx *store.Tx, lane string, sends []*send) (going []*send, waiting []result, err error) {
	w, err := tx.Warmup()
	if err != nil || !w.Limited {
		return sends, nil, err
	}
	n, err := tx.TakeWarmup(w, len(sends), lane == Urgent)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range sends[:n] {
		s.warmed = w.Day
	}
	for _, s := range sends[n:] {
		waiting = append(waiting, tomorrow(s, w))
	}
	return sends[:n:n], waiting, nil
}

// room leaves of a batch of a chunk what today has places for. Where that is nothing the
// chunk waits for tomorrow.
func (b *batch) room(tx *store.Tx) error {
	w, err := tx.Warmup()
	if err != nil || !w.Limited || int64(len(b.sends)) <= w.Left() {
		return err
	}
	if b.only(int(w.Left()), 0); len(b.sends)+len(b.ended) == 0 {
		b.until = loyalty.At(w.Next)
	}
	return nil
}
