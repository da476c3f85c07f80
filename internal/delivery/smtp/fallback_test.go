package smtp_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"regulars/internal/delivery"
	"regulars/internal/delivery/smtp"
	"regulars/internal/embedded"
)

func TestTheSecondRelayHasMailsOnlyWhileTheFirstIsAway(t *testing.T) {
	t.Parallel()
	first := newPatient(t)
	other := newSink(t, embedded.SinkOptions{})
	f := smtp.Fallback{First: first.Relay, Second: newRelay(t, options(t, other.Addr()))}
	n := 0
	hand := func() delivery.Ending {
		n++
		return f.Hand(t.Context(), message(fmt.Sprintf("m%d@example.test", n)), nil).Verdict().Ending
	}
	want := func(what string, got, wanted delivery.Ending, here, there int64) {
		t.Helper()
		if got != wanted || first.sink.Count() != here || other.Count() != there {
			t.Errorf("%s: %s, the first has taken %d and the second %d; want %s, %d and %d", what, got, first.sink.Count(), other.Count(), wanted, here, there)
		}
	}
	want("while the first is well", hand(), delivery.Sent, 1, 0)
	first.sink.Script(at(embedded.AtRcpt, embedded.Reply{Code: 550, Text: "5.1.1 no such user"}))
	want("a member who is refused", hand(), delivery.Failed, 1, 0)
	first.sink.Script(at(embedded.AtDot, embedded.Reply{Drop: true, Keep: true}))
	want("a mail whose fate nobody knows", hand(), delivery.Unknown, 2, 0)
	first.sink.Script(at(embedded.AtMail, embedded.Reply{Code: 421, Text: "4.3.2 closing"}))
	for range 3 { // four in a row with the one before
		want("a few failures are no outage", hand(), delivery.RelayAway, 2, 0)
	}
	want("the failure that opens the breaker", hand(), delivery.Sent, 2, 1)
	want("while it is open", hand(), delivery.Sent, 2, 2)
	first.clock.forward(time.Minute)
	want("a probe that finds it away", hand(), delivery.Sent, 2, 3)
	first.well()
	want("before the next probe", hand(), delivery.Sent, 2, 4)
	first.clock.forward(time.Minute)
	want("a probe that finds it back", hand(), delivery.Sent, 3, 4)
	want("from then on", hand(), delivery.Sent, 4, 4)
}

// begin may be asked once for each relay, but never again for a mail that was begun.
func TestAMailThatWasBegunOnTheFirstRelayIsNobodyElses(t *testing.T) {
	t.Parallel()
	first := newPatient(t)
	other := newSink(t, embedded.SinkOptions{})
	f := smtp.Fallback{First: first.Relay, Second: newRelay(t, options(t, other.Addr()))}
	first.sink.Script(at(embedded.AtDot, embedded.Reply{Drop: true}))
	for i := range 5 { // the fifth opens the breaker
		begun := 0
		o := f.Hand(t.Context(), message(fmt.Sprintf("m%d@example.test", i)), func(context.Context) error { begun++; return nil })
		if o.Verdict().Ending != delivery.Unknown || begun != 1 {
			t.Errorf("mail %d: %s after %d beginnings, want unknown after one", i, summary(o), begun)
		}
	}
	if !first.State().Open || other.Count() != 0 {
		t.Errorf("the first is away: %t, and the second has %d mails, want true and none", first.State().Open, other.Count())
	}
	refuses := errors.New("the mark is too old")
	if o := f.Hand(t.Context(), message("a@example.test"), func(context.Context) error { return refuses }); !errors.Is(o.Err, refuses) || other.Count() != 0 {
		t.Errorf("a mail that may not begin: %v, %d taken, want it kept back", o.Err, other.Count())
	}
}
