package delivery_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"regulars/internal/consent"
	"regulars/internal/delivery"
	"regulars/internal/patiently"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// small has little on the wire at once, so that the bounds of the tests are small.
func small(c *delivery.Config) { c.Batch, c.InFlight = 10, 2 }

func TestEightWorkersHandEachMailOverOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		members := s.members(400)
		s.run("letter", members, 25)
		for _, m := range members[:100] {
			s.single("hello", m)
		}
		s.atOnce(8, func() {
			d := s.sender(small)
			s.work(d)
			s.singles(d, delivery.Urgent)
		})
		s.want("after eight workers", map[string]int{"sent": 500})
		if all, twice := s.wire.total(); all != 500 || twice != 100 { // a hundred members get both
			t.Errorf("%d mails, %d of them to members who had one, want 500 and 100", all, twice)
		}
		if n := s.number("select count(*) from sends where attempts <> 1", nil); n != 0 {
			t.Errorf("%d sends were tried more than once", n)
		}
	})
}

// Chunks whose mails are all taken up no longer keep others from being taken up, however
// long the relay takes for their last mails.
func TestTheNextChunkIsTakenUpWhileLastMailsAreOnTheWire(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		const chunks = 4
		s.run("letter", s.members(chunks), 1)
		var begun atomic.Int64
		all := make(chan bool)
		s.wire.answer = func(delivery.Message) delivery.Outcome {
			if begun.Add(1) == chunks {
				close(all)
			}
			select { // none is answered before the last chunk's mail is there
			case <-all:
			case <-time.After(patiently.AtMost):
				t.Error("a chunk is not taken up while others wait for the relay")
			}
			return accepted()
		}
		d := s.sender(small)
		s.atOnce(chunks, func() {
			if n, err := d.Work(t.Context(), 0); n != 2 || err != nil { // the mail and the chunk
				t.Errorf("Work() = %d, %v, want 2 and no error", n, err)
			}
		})
		s.want("after all", map[string]int{"sent": chunks})
	})
}

func TestAnOrderlyStopLeavesNothingUnknown(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		members := s.members(150)
		s.run("letter", members, 40)
		for _, m := range members[:40] {
			s.single("hello", m)
		}
		for stops := 0; s.number("select count(*) from sends where state <> 'sent'", nil) > 0 && stops < 100; stops++ {
			ctx, cancel := context.WithCancel(context.Background())
			var taken atomic.Int64
			s.wire.answer = func(delivery.Message) delivery.Outcome {
				if taken.Add(1) == 7 {
					cancel() // while this mail and perhaps others are on the wire
				}
				return accepted()
			}
			d := s.sender(small)
			if stops%2 == 0 {
				d.Work(ctx, 0)
			} else {
				d.Singles(ctx, delivery.Urgent, 20)
				d.Singles(ctx, delivery.Bulk, 20)
			}
			cancel()
			if n := s.number("select count(*) from batches", nil); n != 0 {
				t.Fatalf("stop %d left %d batches open", stops, n)
			}
			if n := s.number("select count(*) from chunks where lease_until is not null", nil); n != 0 {
				t.Fatalf("stop %d left %d chunks leased", stops, n)
			}
			if n := s.number("select count(*) from sends where state not in ('sent', 'queued')", nil); n != 0 {
				t.Fatalf("stop %d left %v", stops, s.states())
			}
		}
		s.want("after all stops", map[string]int{"sent": 190})
		if all, _ := s.wire.total(); all != 190 {
			t.Errorf("%d mails went out, want 190", all)
		}
	})
}

func TestACrashLeavesNoMoreUnknownThanWasOnItsWay(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		s.run("letter", s.members(100), 50)
		var taken atomic.Int64
		hang, hung := make(chan struct{}), make(chan struct{}, 2)
		s.wire.answer = func(delivery.Message) delivery.Outcome {
			if n := taken.Add(1); n > 30 {
				if n <= 32 {
					hung <- struct{}{}
				}
				<-hang
			}
			return accepted()
		}
		var crashed sync.WaitGroup
		crashed.Go(func() {
			d := s.sender(small, func(c *delivery.Config) { c.Renew = time.Hour })
			d.Work(context.Background(), 0)
		})
		<-hung
		<-hung // both connections
		patiently.Until(t, "what the relay took to be written down", func() bool { return s.states()["sent"] >= 30 })

		s.exec("update chunks set lease_until = "+s.machine(-time.Second)+" where lease_until is not null", nil)
		fresh := &wire{}
		d := s.sender(small, func(c *delivery.Config) {
			c.Transports = map[string]delivery.Transport{delivery.Bulk: fresh}
		})
		if _, err := d.Reap(context.Background()); err != nil {
			t.Fatal(err)
		}
		unknown := s.states()["unknown lease_over"]
		if unknown < 2 || unknown > 2*10 {
			t.Errorf("%d sends are unknown after the crash, want 2 to 20 (connections × batch)", unknown)
		}
		s.work(d)
		s.singles(d, delivery.Bulk)
		// By now the stalled worker may have told of mails that it had the answers for.
		if got := s.states(); got["sent"]+got["unknown lease_over"] != 100 || got["unknown lease_over"] > unknown {
			t.Errorf("after another worker: %v, want everybody sent or unknown, and no more of those than %d", got, unknown)
		}
		again := 0
		for to := range fresh.taken {
			again += s.wire.count(to)
		}
		if again != 0 {
			t.Errorf("%d mails went out twice", again)
		}

		close(hang) // the stalled worker comes back and tells what it knows
		crashed.Wait()
		left := s.states()
		if left["unknown lease_over"] != 0 || left["sent"] < 82 {
			t.Errorf("after the stalled worker came back: %v, want nothing unknown", left)
		}
		s.singles(d, delivery.Bulk)
		s.want("at the end", map[string]int{"sent": 100})
	})
}

// count returns how many bodies went to an address.
func (w *wire) count(to string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.taken[to]
}

// midway calls f when so many mails have been taken.
func (s *shop) midway(n int64, f func()) {
	var taken atomic.Int64
	s.wire.answer = func(delivery.Message) delivery.Outcome {
		if taken.Add(1) == n {
			f()
		}
		return accepted()
	}
}

func TestAnUnsubscribeInTheMiddleOfARunWorks(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, tt := range []struct {
			name    string
			markFor time.Duration
			from    int // of this member on nobody gets it
		}{
			{"who is not marked yet gets none", time.Minute, 50 + 4*10},
			{"who is marked gets none either when the mark is old", time.Nanosecond, 50 + 2},
		} {
			t.Run(tt.name, func(t *testing.T) {
				s := newShop(t, empty(t, db))
				members := s.members(120)
				s.run("letter", members, 200)
				s.midway(50, func() { s.refuse(members[50:]...) })
				// With one connection nothing goes out while the members say no.
				d := s.sender(small, func(c *delivery.Config) { c.MarkFor, c.InFlight = tt.markFor, 1 })
				s.work(d)
				s.singles(d, delivery.Bulk)
				for i := tt.from; i < len(members); i++ {
					if n := s.wire.count(fmt.Sprintf("m%d@example.test", i)); n != 0 {
						t.Errorf("member %d got a mail after unsubscribing", i)
					}
				}
				got := s.states()
				if got["sent"]+got["skipped no_consent"] != 120 || got["sent"] < 50 {
					t.Errorf("the ledger says %v, want everybody sent or without consent", got)
				}
			})
		}
	})
}

func TestAHoldStopsARunInItsMiddle(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		s.run("letter", s.members(200), 500)
		s.midway(50, func() { s.hold(consent.HoldOffers) })
		d := s.sender(small)
		s.work(d)
		all, _ := s.wire.total()
		if all < 50 || all > 50+4*10 {
			t.Errorf("%d mails went out though offers were held at the 50th", all)
		}
		s.singles(d, delivery.Bulk)
		s.want("while it is held", map[string]int{"sent": all, "queued": 200 - all})
		s.update(func(tx *store.Tx) error { _, err := consent.Release(tx, consent.HoldOffers); return err })
		s.work(d)
		s.singles(d, delivery.Bulk)
		s.want("when it is released", map[string]int{"sent": 200})
		if all, twice := s.wire.total(); all != 200 || twice != 0 {
			t.Errorf("%d mails, %d of them twice, want 200", all, twice)
		}
	})
}

// A relay that takes its time with one mail must not cost the worker its chunk.
func TestLeasesAreRenewedWhileAMailIsOnTheWire(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		members := s.members(2)
		s.run("letter", members[:1], 10)
		s.single("hello", members[1])
		ctx, cancel := context.WithTimeout(context.Background(), patiently.AtMost)
		defer cancel()
		renewed := func(query string) func(delivery.Message) delivery.Outcome {
			return func(delivery.Message) delivery.Outcome {
				first := s.word(query, nil)
				for s.word(query, nil) == first && ctx.Err() == nil {
				}
				return accepted()
			}
		}
		d := s.sender(func(c *delivery.Config) { c.Lease, c.Renew = time.Hour, 10*time.Millisecond })
		s.wire.answer = renewed("select cast(lease_until as text) from chunks")
		s.work(d)
		s.wire.answer = renewed("select cast(retry_at as text) from due")
		s.singles(d, delivery.Urgent)
		s.want("after two slow mails", map[string]int{"sent": 2})
		if ctx.Err() != nil {
			t.Error("a lease was not renewed")
		}
	})
}

// The answer of a mail that takes long keeps nobody else's from being recorded.
func TestWhatLandedIsRecordedBeforeItsBatchIsComplete(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		s.run("letter", s.members(5), 10)
		ctx, cancel := context.WithTimeout(context.Background(), patiently.AtMost)
		defer cancel()
		s.wire.answer = func(m delivery.Message) delivery.Outcome {
			if m.To == "m0@example.test" {
				for s.states()["sent"] < 4 && ctx.Err() == nil {
				}
			}
			return accepted()
		}
		s.work(s.sender(small))
		s.want("at the end", map[string]int{"sent": 5})
		if ctx.Err() != nil {
			t.Error("four mails waited for the fifth")
		}
	})
}

func TestAMarkThatLastedAlthoughItWasRefusedIsTakenBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		s.run("letter", s.members(3), 10)
		s.exec("update chunks set fence = 0", nil)
		// Another hand leaves a batch under the fence that the worker is about to
		// get, and makes the worker's own mark fail: as if the answer to a commit
		// had been lost.
		s.wire.before = func(delivery.Message) delivery.Outcome { return delivery.Outcome{} }
		d := s.sender(small, func(c *delivery.Config) {
			c.Limiter = meddler{func() {
				s.exec("update chunks set next_id = next_id + 1", nil)
				s.update(func(tx *store.Tx) error {
					_, err := tx.Exec("insert into batches (run_id, chunk, fence, send_ids, marked_at) select run_id, 0, 1, "+tx.JSONParam("@ids")+", @now from chunks",
						store.Args{"ids": store.JSON([]int64{s.number("select min(id) from sends", nil)}), "now": tx.At})
					return err
				})
			}}
		})
		if _, err := d.Work(context.Background(), 0); err == nil {
			t.Error("Work did not notice that its mark was refused")
		}
		if n := s.number("select count(*) from batches", nil); n != 0 {
			t.Errorf("%d batches are left", n)
		}
		d = s.sender()
		s.work(d)
		s.singles(d, delivery.Bulk)
		s.want("at the end", map[string]int{"sent": 3})
	})
}

type meddler struct{ do func() }

func (m meddler) Take(_ context.Context, _ string, n int) (int, time.Duration, error) {
	m.do()
	return n, 0, nil
}

func TestBrakes(t *testing.T) {
	t.Parallel()
	one := func(every int, o delivery.Outcome) func(delivery.Message) delivery.Outcome {
		var n atomic.Int64
		return func(delivery.Message) delivery.Outcome {
			if n.Add(1)%int64(every) == 0 {
				return o
			}
			return delivery.Outcome{}
		}
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, tt := range []struct {
			name    string
			before  func(delivery.Message) delivery.Outcome
			state   string
			because string
		}{
			{"one dead address in ten stops a run", one(10, said(delivery.StageRcpt, 550, "5.1.1")), "paused", "do not exist"},
			{"one in fifty does not", one(50, said(delivery.StageRcpt, 550, "5.1.1")), "sending", ""},
			{"one refusal by policy in five stops a run", one(5, said(delivery.StageRcpt, 550, "5.7.1")), "paused", "by policy"},
			{"one full mailbox in five does not", one(5, said(delivery.StageRcpt, 552, "5.2.2")), "sending", ""},
		} {
			t.Run(tt.name, func(t *testing.T) {
				s := newShop(t, empty(t, db))
				run := s.run("letter", s.members(150), 500)
				s.wire.before = tt.before
				s.work(s.sender(small))
				got := s.word("select state || ': ' || because from runs where id = @run", store.Args{"run": run})
				if !strings.HasPrefix(got, tt.state) || !strings.Contains(got, tt.because) {
					t.Errorf("the run is %q, want %s … %s", got, tt.state, tt.because)
				}
				if left := s.states()["queued"]; (left > 0) != (tt.state == "paused") {
					t.Errorf("%d sends are still queued in a run that is %s", left, tt.state)
				}
			})
		}
	})
}

func TestAMailThatCannotBeMade(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		// The drop shows a code; a send without one cannot be rendered.
		t.Run("for one of many is skipped with the words", func(t *testing.T) {
			s := newShop(t, empty(t, db))
			members := s.members(150)
			run := s.run("drop", members, 500)
			s.give(run)
			s.exec("update sends set code_id = null where member_id = @m", store.Args{"m": members[20]})
			s.work(s.sender())
			s.want("at the end", map[string]int{"sent": 149, "skipped render_error": 1})
			if words := s.word("select smtp_text from sends where state = 'skipped'", nil); !strings.Contains(words, "1-drop") {
				t.Errorf("the words are %q, want the file in them", words)
			}
		})
		t.Run("for all pauses the run and loses nobody", func(t *testing.T) {
			s := newShop(t, empty(t, db))
			run := s.run("drop", s.members(50), 500)
			d := s.sender()
			s.work(d)
			s.want("when it is paused", map[string]int{"queued": 50})
			if got := s.word("select state || ': ' || because from runs", nil); !strings.HasPrefix(got, "paused: mails cannot be made") {
				t.Errorf("the run is %q, want it paused", got)
			}
			s.give(run)
			s.exec("update runs set state = 'sending'", nil)
			s.work(d)
			s.singles(d, delivery.Bulk)
			s.want("when that is mended", map[string]int{"sent": 50})
		})
		t.Run("by itself is skipped", func(t *testing.T) {
			s := newShop(t, empty(t, db))
			s.single("drop", s.members(1)[0])
			s.singles(s.sender(), delivery.Bulk)
			s.want("at the end", map[string]int{"skipped render_error": 1})
		})
	})
}

// What was taken in before names and addresses were read as they are today.
func TestALetterThatCannotBeAddressedIsThatMembersAlone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, empty(t, db))
		members := s.members(50)
		run := s.run("drop", members, 500)
		s.give(run)
		for i, change := range []string{
			"first_name = 'Ida\nMaria'", "first_name = 'Ida\u2028Maria', last_name = 'Berg\u202e'", "email = 'ida@r3---a.example'",
			"first_name = '" + strings.Repeat("long ", 2000) + "'",
			"email = 'ida@[192.0.2.1]'", "email = 'ida'", "email = '\u00efda@example.test'", "email = 'ida@example'",
		} {
			s.exec("update members set "+change+" where id = @m", store.Args{"m": members[i]})
		}
		s.work(s.sender())
		s.want("at the end", map[string]int{"sent": 46, "skipped no_address": 4})
		if got := s.word("select state from runs where id = @run", store.Args{"run": run}); got == "paused" {
			t.Errorf("the run is %s, want it to have gone on", got)
		}
		if words := s.word("select min(smtp_text) from sends where state = 'skipped'", nil); !strings.Contains(words, "cannot be written to") {
			t.Errorf("the words are %q, want them to say why", words)
		}
	})
}

func (meddler) Return(context.Context, string, int) {}
