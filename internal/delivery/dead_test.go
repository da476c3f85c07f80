package delivery_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"regulars/internal/delivery"
	"regulars/internal/delivery/wirelog"
	"regulars/internal/patiently"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// left is what a process has in hand when it is killed: six mails of a chunk under one
// mark, of which its log says something else each, or single mails.
type left struct {
	*shop
	folder string
	log    *wirelog.Log
	ids    []int64
}

// fence is that of what is left.
const fence = 4

func (s *shop) left() *left {
	s.t.Helper()
	hash := sha256.Sum256(append([]byte("wire log "), s.pepper...))
	l := &left{shop: s, folder: s.t.TempDir()}
	var err error
	l.log, err = wirelog.Create(l.folder, int64(binary.LittleEndian.Uint64(hash[:])))
	if errors.Is(err, wirelog.ErrNoBoot) {
		s.t.Skip(err)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { l.log.Close() })
	return l
}

// chunk is what is left of a chunk of six, of which five were marked.
func (l *left) chunk() {
	l.t.Helper()
	l.run("letter", l.members(6), 10)
	l.update(func(tx *store.Tx) error {
		if err := tx.All(&l.ids, "select id from sends order by id", nil); err != nil {
			return err
		}
		_, err := tx.Exec("update chunks set fence = @f, owner = @o, owner_fence = @f, next_id = @next, lease_until = "+tx.MachineIn(time.Hour),
			store.Args{"f": fence, "o": l.log.Owner(), "next": l.ids[5]})
		if err != nil {
			return err
		}
		_, err = tx.Exec("insert into batches (run_id, chunk, fence, send_ids, marked_at) select run_id, n, fence, "+tx.JSONParam("@ids")+", @now from chunks",
			store.Args{"ids": store.JSON(l.ids[:5]), "now": tx.At})
		return err
	})
}

// singles is what is left of five mails that were claimed, of which all but the last were
// marked.
func (l *left) singles() {
	l.t.Helper()
	for _, m := range l.members(5) {
		l.ids = append(l.ids, l.single("finland", m))
	}
	l.update(func(tx *store.Tx) error {
		args := store.Args{"f": fence, "o": l.log.Owner(), "last": l.ids[4], "now": tx.At, "day": day(l.shop, tx)}
		_, err := tx.Exec("update due set fence = @f, owner = @o, owner_fence = @f, retry_at = "+tx.MachineIn(time.Hour), args)
		if err != nil {
			return err
		}
		if _, err := tx.Exec("update sends set fence = @f, state = 'claimed' where id = @last", args); err != nil {
			return err
		}
		_, err = tx.Exec("update sends set fence = @f, state = 'handing', handed_at = @now, sent_day = @day, attempts = 1 where id <> @last", args)
		return err
	})
}

// says has the log say of the first that it was taken, of the second that it was refused,
// of the third that it was begun, and nothing of the others.
func (l *left) says(fence int64) {
	l.t.Helper()
	for i, a := range []*wirelog.Answer{{Stage: uint8(delivery.StageDone), Code: 250}, {Stage: uint8(delivery.StageDot), Code: 550, Enhanced: [3]uint16{5, 1, 1}}, nil} {
		k := wirelog.Key{Send: l.ids[i], Fence: fence}
		place, err := l.log.Begin(k)
		if err == nil && a != nil {
			err = l.log.Answer(place, k, *a)
		}
		if err != nil {
			l.t.Fatal(err)
		}
	}
}

// told is what has become of the mails when another worker looks once.
func (l *left) told() string {
	l.t.Helper()
	d := l.sender(func(c *delivery.Config) { c.WireLog = l.folder })
	if _, err := d.Reap(context.Background()); err != nil {
		l.t.Fatal(err)
	}
	var all []struct {
		State, Reason string
		Due           int
	}
	l.view(func(tx *store.Tx) error {
		return tx.All(&all, `
			select s.state, s.reason, case when d.send_id is null then 0 when d.retry_at is null then 1 else 2 end as due
			from   sends s left join due d on d.send_id = s.id order by s.id`, nil)
	})
	words := ""
	for _, x := range all {
		words += x.State
		if x.Reason != "" {
			words += " " + x.Reason
		}
		words += [...]string{"", " (due)", " (waits)"}[x.Due] + ", "
	}
	return words + fmt.Sprintf("%d batches, %d chunks leased", l.number("select count(*) from batches", nil),
		l.number("select count(*) from chunks where lease_until > "+l.machine(0), nil))
}

// What a killed worker had marked comes to what its log says, and at once; and nothing is
// touched of which the log is not known to speak.
func TestAKilledWorkersMarksComeToWhatItsLogSays(t *testing.T) {
	t.Parallel()
	const (
		settled = "sent, failed no_such_address, unknown lease_over, queued (due), queued (due), queued, 0 batches, 0 chunks leased"
		asToday = "queued, queued, queued, queued, queued, queued, 1 batches, 1 chunks leased"
		noMore  = "unknown lease_over, unknown lease_over, unknown lease_over, unknown lease_over, unknown lease_over, queued, 0 batches, 0 chunks leased"
		doubt   = "sent, failed no_such_address, unknown lease_over, unknown lease_over, unknown lease_over, queued, 0 batches, 0 chunks leased"
		never   = "queued (due), queued (due), queued (due), queued (due), queued (due), queued, 0 batches, 0 chunks leased"
	)
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, tt := range []struct {
			name   string
			change func(*left)
			want   string
		}{
			{"it is dead", func(l *left) { l.says(fence); l.log.Close() }, settled},
			{"and its lease is over", func(l *left) {
				l.says(fence)
				l.log.Close()
				l.exec("update chunks set lease_until = "+l.machine(-time.Second), nil)
			}, settled},
			{"it lives", func(l *left) { l.says(fence) }, asToday},
			{"it lives, and its lease is over", func(l *left) {
				l.says(fence)
				l.exec("update chunks set lease_until = "+l.machine(-time.Second), nil)
			}, noMore},
			{"it has nothing on the wire", func(l *left) { l.log.Close() }, never},
			{"what it began was under another fence", func(l *left) { l.says(fence - 1); l.log.Close() }, never},
			{"an older version has the chunk by now", func(l *left) {
				l.says(fence)
				l.log.Close()
				l.exec("update chunks set fence = fence + 1", nil)
				l.exec("update batches set fence = fence + 1", nil)
			}, asToday},
			{"another process has the chunk", func(l *left) {
				l.says(fence)
				l.log.Close()
				l.exec("update chunks set owner = owner + 1", nil)
			}, asToday},
			{"it gave its log up", func(l *left) {
				l.says(fence)
				l.log.Close()
				l.exec("update chunks set owner = null", nil)
			}, asToday},
			{"its log is damaged", func(l *left) {
				l.says(fence)
				l.log.Close()
				l.damage(128 + 3*32) // a fourth slot
			}, doubt},
			{"its log is of another boot", func(l *left) {
				l.says(fence)
				l.log.Close()
				l.damage(len("regulars wire log 1 boot "))
			}, asToday},
			{"its log is gone", func(l *left) {
				l.says(fence)
				l.log.Close()
				if err := os.RemoveAll(l.folder); err != nil {
					l.t.Fatal(err)
				}
			}, asToday},
		} {
			t.Run(tt.name, func(t *testing.T) {
				l := newShop(t, empty(t, db)).left()
				l.chunk()
				tt.change(l)
				if got := l.told(); got != tt.want {
					t.Errorf("it came to\n%s, want\n%s", got, tt.want)
				}
			})
		}
	})
}

// damage changes a byte of the log.
func (l *left) damage(at int) {
	l.t.Helper()
	names, _ := filepath.Glob(filepath.Join(l.folder, "*.wire"))
	all, err := os.ReadFile(names[0])
	if err == nil {
		all[at] = 'f' + 1 - all[at]%2 // no digit of a boot
		err = os.WriteFile(names[0], all, 0o600)
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

func TestAKilledWorkersSinglesComeToWhatItsLogSays(t *testing.T) {
	t.Parallel()
	const (
		settled = "sent, failed no_such_address, unknown lease_over, queued (due), queued (due), 0 batches, 0 chunks leased"
		asToday = "handing (waits), handing (waits), handing (waits), handing (waits), claimed (waits), 0 batches, 0 chunks leased"
		doubt   = "sent, failed no_such_address, unknown lease_over, unknown lease_over, queued (due), 0 batches, 0 chunks leased"
	)
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, tt := range []struct {
			name   string
			change func(*left)
			want   string
		}{
			{"it is dead", func(l *left) { l.log.Close() }, settled},
			{"it lives", func(l *left) {}, asToday},
			{"an older version has them by now", func(l *left) {
				l.log.Close()
				l.exec("update due set fence = fence + 1", nil)
				l.exec("update sends set fence = fence + 1", nil)
			}, asToday},
			{"its log is damaged", func(l *left) { l.log.Close(); l.damage(128 + 3*32) }, doubt},
		} {
			t.Run(tt.name, func(t *testing.T) {
				l := newShop(t, empty(t, db)).left()
				l.singles()
				l.says(fence)
				tt.change(l)
				if got := l.told(); got != tt.want {
					t.Errorf("it came to\n%s, want\n%s", got, tt.want)
				}
			})
		}
	})
}

// A mail that never left gives its places under the caps and in the warm-up back, and one
// that may have been sent keeps them.
func TestWhatNeverLeftGivesItsPlacesBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for name, leave := range map[string]func(*left){"a chunk": (*left).chunk, "single mails": (*left).singles} {
			t.Run(name, func(t *testing.T) {
				l := newShop(t, empty(t, db)).left()
				leave(l)
				l.update(func(tx *store.Tx) error {
					if _, err := tx.Exec("insert into recent_mails (member_id, at1) select member_id, @now from sends", store.Args{"now": tx.At}); err != nil {
						return err
					}
					_, err := tx.Exec("insert into warmup_days (day, mails) values (@day, 100)", store.Args{"day": day(l.shop, tx)})
					return err
				})
				l.says(fence)
				l.log.Close()
				l.told()
				// Two of the marked never left (of the singles one), and one was refused.
				gone := map[string]int64{"a chunk": 3, "single mails": 2}[name]
				if n := l.number("select count(*) from recent_mails where at1 is null", nil); n != gone {
					t.Errorf("%d places under the caps came back, want %d", n, gone)
				}
				if n := l.number("select mails from warmup_days", nil); n != 100-gone {
					t.Errorf("the day of the warm-up has %d mails, want %d", n, 100-gone)
				}
			})
		}
	})
}

// A worker that is gone in the middle of a chunk leaves as many unknown as it had
// connections, and another one goes on at once, though the lease would last for an hour.
func TestAnotherWorkerGoesOnAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		folder := t.TempDir()
		s.run("letter", s.members(100), 50)
		for i := range 10 {
			s.single("finland", s.members100(i))
		}
		var taken atomic.Int64
		hang, hung := make(chan struct{}), make(chan struct{}, 2)
		s.wire.answer = func(delivery.Message) delivery.Outcome {
			if n := taken.Add(1); n > 25 {
				if n <= 27 {
					hung <- struct{}{}
				}
				<-hang
			}
			return accepted()
		}
		d := s.sender(small, func(c *delivery.Config) { c.WireLog, c.Lease, c.Renew = folder, time.Hour, time.Hour })
		d.OpenWireLog(context.Background())
		if words := d.WireTrouble(); words != "" {
			t.Fatal(words)
		}
		var first sync.WaitGroup
		first.Go(func() { d.Work(context.Background(), 0) })
		<-hung
		<-hung
		if err := d.CloseWireLog(); err != nil { // as the end of its process does
			t.Fatal(err)
		}
		fresh := &wire{}
		other := s.sender(small, func(c *delivery.Config) {
			c.WireLog, c.Lease = folder, time.Hour
			c.Transports = map[string]delivery.Transport{delivery.Bulk: fresh, delivery.Urgent: fresh}
		})
		other.OpenWireLog(context.Background())
		// What the first has under way in the database ends in a moment, as it would with its
		// connections: until then it is left alone.
		patiently.Until(t, "what is on the wire to be unknown", func() bool {
			if _, err := other.Reap(context.Background()); err != nil {
				t.Fatal(err)
			}
			return s.states()["unknown lease_over"] > 0
		})
		if n := s.states()["unknown lease_over"]; n != 2 {
			t.Errorf("%d mails are unknown, want 2, one of each connection: %v", n, s.states())
		}
		s.work(other)
		s.singles(other, delivery.Bulk)
		s.want("when another worker has gone on", map[string]int{"sent": 108, "unknown lease_over": 2})
		for to, n := range fresh.taken {
			if both := n + s.wire.count(to); both > 2 || both > 1 && !s.hasTwo(to) {
				t.Errorf("%s got %d mails", to, both)
			}
		}
		if err := other.CloseWireLog(); err != nil {
			t.Error(err)
		}
		close(hang)
		first.Wait()
	})
}

// members100 is one of a hundred members that are there already.
func (s *shop) members100(i int) int64 {
	return s.number("select id from members where external_id = @id", store.Args{"id": fmt.Sprint("M-", i)})
}

// hasTwo reports whether a member is to have two mails.
func (s *shop) hasTwo(to string) bool {
	return s.number("select count(*) from sends s join members m on m.id = s.member_id where m.email = @to", store.Args{"to": to}) > 1
}

// Where the log cannot be written, what bears its name is said to be nobody's before the
// first mail goes out that it does not know, and sending goes on.
func TestALogThatCannotBeWrittenIsGivenUp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db)
		folder := t.TempDir()
		s.run("letter", s.members(40), 50)
		for i := range 3 {
			s.single("finland", s.members100(i))
		}
		d := s.sender(small, func(c *delivery.Config) { c.WireLog = folder })
		d.OpenWireLog(context.Background())
		var owned atomic.Int64
		owned.Store(-1)
		var once sync.Once
		s.midway(12, func() {
			once.Do(func() {
				names, _ := filepath.Glob(filepath.Join(folder, "*.wire"))
				if err := os.Truncate(names[0], 0); err != nil {
					t.Error(err)
				}
			})
		})
		s.wire.before = func(delivery.Message) delivery.Outcome {
			if d.WireTrouble() != "" {
				owned.Store(s.number("select count(*) from chunks where owner is not null", nil))
			}
			return delivery.Outcome{}
		}
		s.work(d)
		s.singles(d, delivery.Bulk)
		s.want("without a log", map[string]int{"sent": 43})
		if owned.Load() != 0 {
			t.Errorf("%d chunks bear the name of a log that cannot be written", owned.Load())
		}
		if d.WireTrouble() == "" {
			t.Error("nothing is said of a log that cannot be written")
		}
		if n := s.number("select count(*) from due where owner is not null", nil); n != 0 {
			t.Errorf("%d single mails bear its name", n)
		}
	})
}
