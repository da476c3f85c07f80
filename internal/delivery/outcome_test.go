package delivery_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"regulars/internal/delivery"
)

func TestVerdict(t *testing.T) {
	t.Parallel()
	const (
		connect = delivery.StageConnect
		auth    = delivery.StageAuth
		mail    = delivery.StageMail
		rcpt    = delivery.StageRcpt
		data    = delivery.StageData
		body    = delivery.StageBody
		dot     = delivery.StageDot
	)
	type (
		O = delivery.Outcome
		V = delivery.Verdict
	)
	dropped := func(s delivery.Stage) O { return O{Stage: s, Begun: s >= body, Err: io.ErrUnexpectedEOF} }
	said := func(s delivery.Stage, code int, enhanced string) O {
		return O{Stage: s, Code: code, Enhanced: enhanced, Begun: s >= body, Err: errors.New("refused")}
	}
	withheld := O{Stage: data, Err: fmt.Errorf("lease lost: %w", delivery.ErrWithheld)}
	var (
		sent    = V{Ending: delivery.Sent}
		unknown = V{Ending: delivery.Unknown}
		failed  = V{Ending: delivery.Failed}
		policy  = V{Ending: delivery.Failed, Policy: true}
		dead    = V{Ending: delivery.Failed, Suppress: true}
		later   = V{Ending: delivery.Deferred, RetryAfter: 5 * time.Minute}
		full    = V{Ending: delivery.Deferred, RetryAfter: 5 * time.Minute, Soft: true}
		away    = V{Ending: delivery.RelayAway, RetryAfter: 5 * time.Second}
	)
	for _, tt := range []struct {
		name string
		got  O
		want V
	}{
		{"250 to the final dot is sent", O{Stage: delivery.StageDone, Code: 250, Begun: true}, sent},
		{"250 to the final dot is sent even when the line breaks after it", O{Stage: delivery.StageDone, Code: 250, Begun: true, Err: io.EOF}, sent},

		{"a refused connection touches no row", dropped(connect), away},
		{"a 421 banner touches no row", said(connect, 421, "4.3.2"), away},
		{"a 554 banner speaks of the relay, not of the member", said(connect, 554, "5.7.1"), away},
		{"a closed breaker says when to look again", O{Stage: connect, Wait: 4 * time.Minute, Err: io.EOF}, V{Ending: delivery.RelayAway, RetryAfter: 4 * time.Minute}},
		{"535 to AUTH touches no row", said(auth, 535, "5.7.8"), away},
		{"a relay without AUTH touches no row", O{Stage: auth, Err: errors.New("no AUTH")}, away},
		{"530 to MAIL is about our credentials", said(mail, 530, "5.7.0"), away},
		{"538 to RCPT is about our credentials", said(rcpt, 538, "5.7.11"), away},

		{"421 to MAIL slows the relay", said(mail, 421, "4.7.0"), away},
		{"421 to RCPT slows the relay, not the member", said(rcpt, 421, "4.7.0"), away},
		{"421 to the final dot slows the relay, and nothing was taken", said(dot, 421, ""), away},
		{"a drop at MAIL touches no row", dropped(mail), away},
		{"a drop at RCPT counts an attempt, or one address could hold up all", dropped(rcpt), later},
		{"a drop at DATA is deferred: nothing was sent", dropped(data), later},
		{"nonsense in answer to DATA is deferred", said(data, 250, ""), later},

		{"451 to MAIL is deferred", said(mail, 451, "4.3.0"), later},
		{"450 4.7.1 (greylisting) is deferred for at least five minutes", said(rcpt, 450, "4.7.1"), later},
		{"451 to DATA is deferred", said(data, 451, ""), later},
		{"451 to the final dot is deferred: the relay said that it has not taken it", said(dot, 451, "4.3.0"), later},
		{"452 4.2.2 is a full mailbox, for now", said(rcpt, 452, "4.2.2"), full},
		{"a temporary code wins over a permanent reason", said(rcpt, 450, "5.1.1"), later},

		{"550 5.1.1 suppresses at once", said(rcpt, 550, "5.1.1"), dead},
		{"550 5.1.2 suppresses at once", said(rcpt, 550, "5.1.2"), dead},
		{"501 5.1.3 suppresses at once", said(rcpt, 501, "5.1.3"), dead},
		{"556 5.1.10 (null MX) suppresses at once", said(rcpt, 556, "5.1.10"), dead},
		{"550 5.1.1 after the final dot suppresses too", said(dot, 550, "5.1.1"), dead},
		{"550 5.1.6 fails without suppressing", said(rcpt, 550, "5.1.6"), failed},
		{"552 5.2.2 is a full mailbox: failed, soft", said(rcpt, 552, "5.2.2"), V{Ending: delivery.Failed, Soft: true}},
		{"a bare 550 fails and suppresses nobody", said(rcpt, 550, ""), failed},
		{"554 to the final dot fails", said(dot, 554, "5.6.0"), failed},
		{"550 5.7.1 is policy and never suppresses", said(rcpt, 550, "5.7.1"), policy},
		{"554 5.7.26 after the dot is policy", said(dot, 554, "5.7.26"), policy},
		{"550 5.1.1 to MAIL is about the sender: policy, nobody suppressed", said(mail, 550, "5.1.1"), policy},
		{"a bare 553 to MAIL is about the sender", said(mail, 553, ""), policy},

		{"a drop in the body is unknown", dropped(body), unknown},
		{"a drop after the final dot is unknown", dropped(dot), unknown},
		{"nonsense in answer to the final dot is unknown", said(dot, 354, ""), unknown},
		{"begin refused: the send goes back as it was", withheld, V{Ending: delivery.Withheld}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.got.Verdict(); got != tt.want {
				t.Errorf("%+v.Verdict() = %+v, want %+v", tt.got, got, tt.want)
			}
		})
	}
}

func TestRetryDoublesUpToItsCap(t *testing.T) {
	t.Parallel()
	v := delivery.Outcome{Stage: delivery.StageRcpt, Code: 451}.Verdict()
	for attempts, want := range map[int]time.Duration{
		0: 5 * time.Minute, 1: 5 * time.Minute, 2: 10 * time.Minute, 3: 20 * time.Minute,
		4: 40 * time.Minute, 5: 4000 * time.Second, 1000: 4000 * time.Second,
	} {
		if got := v.Retry(attempts); got != want {
			t.Errorf("Retry(%d) = %s, want %s", attempts, got, want)
		}
	}
	away := delivery.Outcome{Stage: delivery.StageConnect}.Verdict()
	if got, want := away.Retry(9), 5*time.Second; got != want {
		t.Errorf("when the relay was away, Retry(9) = %s, want %s", got, want)
	}
}
