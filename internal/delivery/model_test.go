package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regulars/internal/delivery"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// The model: several workers claim, hand over, hear answers, stall for ever and
// come back, or are killed, in any order, while leases run out and are reaped, and what
// the killed left is settled by their wire logs. Whatever happens,
// the ledger must move along its arrows, no mail may go out twice but where its
// class allows it, and nothing may be forgotten.
func TestAnyOrderOfEventsKeepsTheLedgerRight(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		db := storetest.SQLite(t)
		rapid.Check(t, func(r *rapid.T) {
			play(t, r, db, func(n int, what string) int { return rapid.IntRange(0, n-1).Draw(r, what) })
		})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		db := storetest.Postgres(t)
		for seed := range uint64(8) {
			dice := rand.New(rand.NewPCG(seed, 7))
			play(t, failing{t, seed}, db, func(n int, _ string) int { return dice.IntN(n) })
		}
	})
}

// failing says which seed failed.
type failing struct {
	*testing.T
	seed uint64
}

func (f failing) Fatalf(format string, args ...any) {
	f.T.Helper()
	f.T.Fatalf("seed %d: "+format, append([]any{f.seed}, args...)...)
}

type fataler interface {
	Fatalf(format string, args ...any)
}

// game is one play of the model.
type game struct {
	*shop
	f       fataler
	stage   *stage
	sender  *delivery.Sender
	workers sync.WaitGroup
	busy    int // workers that have not come back
	dead    int // of the others, those that were killed
	done    chan error
	folder  string // of wire logs; "": this system has none
}

// life is one process, with one worker.
type life struct {
	stage  *stage
	sender *delivery.Sender
}

func play(t *testing.T, f fataler, db *store.DB, draw func(n int, what string) int) {
	g := &game{shop: newShop(t, empty(t, db)), f: f, stage: newStage(), done: make(chan error)}
	g.watch()
	members := g.members(6)
	g.run("letter", members, 3)
	g.run("hello", members[3:], 2)
	for _, m := range members[:3] {
		g.single("hello", m)
		g.single("finland", m)
	}
	folder, err := os.MkdirTemp(t.TempDir(), "wire")
	if err != nil {
		t.Fatal(err)
	}
	g.folder = folder
	g.sender = g.live().sender
	for i := range 40 {
		g.act(draw)
		if err := g.stage.broken(); err != nil {
			f.Fatalf("%v", err)
		}
		if i%5 == 0 {
			g.checkNothingForgotten()
		}
	}
	g.finish()
	g.checkSteps()
	g.bury()
}

// live returns a process.
func (g *game) live() *life {
	l := &life{stage: g.stage}
	l.sender = g.shop.sender(func(c *delivery.Config) {
		c.Transports = map[string]delivery.Transport{delivery.Urgent: l, delivery.Bulk: l}
		c.Lease, c.Renew, c.Recheck, c.InFlight, c.Batch = time.Hour, time.Hour, time.Microsecond, 1, 2
		c.WireLog = g.folder
	})
	l.sender.OpenWireLog(context.Background())
	return l
}

// kill ends a process whose mail hangs, as if at that moment: nothing of it moves any
// more before the game is over, and its log is locked no more.
func (g *game) kill(i int) {
	l := g.stage.kill(i)
	if err := l.sender.CloseWireLog(); err != nil {
		g.f.Fatalf("CloseWireLog: %v", err)
	}
	g.busy--
	g.dead++
}

// bury lets the killed come to an end once the game is over.
func (g *game) bury() {
	g.stage.bury()
	for range g.dead {
		<-g.done
	}
	g.workers.Wait()
	if err := g.sender.CloseWireLog(); err != nil {
		g.f.Fatalf("CloseWireLog: %v", err)
	}
	if err := os.RemoveAll(g.folder); err != nil {
		g.f.Fatalf("%v", err)
	}
}

func (g *game) act(draw func(n int, what string) int) {
	switch draw(10, "action") {
	case 0:
		g.start(func(ctx context.Context, d *delivery.Sender) (int, error) { return d.Singles(ctx, delivery.Urgent, 2) })
	case 1:
		g.start(func(ctx context.Context, d *delivery.Sender) (int, error) { return d.Singles(ctx, delivery.Bulk, 2) })
	case 2:
		g.start(func(ctx context.Context, d *delivery.Sender) (int, error) { return d.Work(ctx, 0) })
	case 3:
		g.expire()
	case 4:
		g.reap()
	case 5:
		if n := g.stage.waiting(); n > 0 {
			g.kill(draw(n, "mail"))
		}
	default: // what is on the wire gets on most of the time
		if n := g.stage.waiting(); n > 0 {
			g.stage.step(draw(n, "mail"), draw(len(replies), "answer"))
		}
	}
	g.settle()
}

// start sets a worker going. With five that hang, no more are put on.
func (g *game) start(call func(context.Context, *delivery.Sender) (int, error)) {
	if g.busy == 5 {
		return
	}
	g.busy++
	l := g.live()
	g.workers.Go(func() {
		_, err := call(context.Background(), l.sender)
		_ = l.sender.CloseWireLog() // of a file that is only here for the test
		g.done <- err
	})
}

// settle waits until every worker hangs on the wire or has come back.
func (g *game) settle() {
	for g.stage.hanging() < g.busy {
		select {
		case err := <-g.done:
			g.busy--
			var rest *delivery.Rest
			if err != nil && !errors.As(err, &rest) && !strings.Contains(err.Error(), "somebody else has it") {
				g.f.Fatalf("a worker failed: %v", err)
			}
		case <-g.stage.arrived:
		}
	}
}

// expire lets every lease and every pause run out.
func (g *game) expire() {
	g.exec("update due set retry_at = "+g.machine(-time.Second)+" where retry_at is not null", nil)
	g.exec("update chunks set lease_until = "+g.machine(-time.Second)+" where lease_until is not null", nil)
}

func (g *game) reap() {
	if _, err := g.sender.Reap(context.Background()); err != nil {
		g.f.Fatalf("Reap: %v", err)
	}
}

// finish lets all that hang come to an end and works until nothing is left.
func (g *game) finish() {
	g.stage.obey()
	for g.busy > 0 {
		select {
		case <-g.done:
			g.busy--
		case <-g.stage.arrived:
		}
	}
	for range 4 {
		g.expire()
		g.reap()
		g.singles(g.sender, delivery.Urgent)
		g.singles(g.sender, delivery.Bulk)
		g.work(g.sender)
	}
	if n := g.number("select count(*) from sends where state not in ('sent', 'failed', 'skipped', 'unknown')", nil); n != 0 {
		g.f.Fatalf("%d sends are pending at the end: %v", n, g.states())
	}
	for _, table := range []string{"due", "batches", "chunks where not done"} {
		if n := g.number("select count(*) from "+table, nil); n != 0 {
			g.f.Fatalf("%d rows of %s are left at the end", n, table)
		}
	}
}

// legal are the arrows of the ledger. In bulk a send is handing while its row
// still says queued.
var legal = map[string]string{
	"queued":   "queued claimed sent deferred failed skipped unknown",
	"claimed":  "claimed queued handing deferred failed skipped",
	"handing":  "sent deferred failed unknown queued",
	"deferred": "claimed",
	"unknown":  "unknown claimed sent failed deferred queued",
}

// watch has the database write down each step of each send.
func (g *game) watch() {
	g.update(func(tx *store.Tx) error {
		texts := []string{"drop table if exists steps", `create table steps (send bigint, was text, is_now text, old_fence bigint, new_fence bigint)`}
		insert := "insert into steps values (old.id, old.state, new.state, old.fence, new.fence);"
		if tx.Postgres() {
			texts = append(texts, "create or replace function note() returns trigger language plpgsql as $$ begin "+insert+" return new; end $$",
				"create or replace trigger note after update on sends for each row execute function note()")
		} else {
			texts = append(texts, "drop trigger if exists note", "create trigger note after update on sends begin "+insert+" end")
		}
		for _, text := range texts {
			if _, err := tx.Exec(text, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// checkSteps looks at each step that a send has taken.
func (g *game) checkSteps() {
	var steps []struct {
		Send               int64
		Was, IsNow         string
		OldFence, NewFence int64
	}
	g.view(func(tx *store.Tx) error { return tx.All(&steps, "select * from steps", nil) })
	for _, s := range steps {
		if !strings.Contains(" "+legal[s.Was]+" ", " "+s.IsNow+" ") {
			g.f.Fatalf("send %d went from %s to %s", s.Send, s.Was, s.IsNow)
		}
		if s.NewFence < s.OldFence || s.IsNow == "claimed" && s.Was != "claimed" && s.NewFence == s.OldFence {
			g.f.Fatalf("send %d went from %s to %s with fence %d after %d", s.Send, s.Was, s.IsNow, s.NewFence, s.OldFence)
		}
	}
	if err := g.stage.broken(); err != nil {
		g.f.Fatalf("%v", err)
	}
}

// checkNothingForgotten: a send that is not over is due, before its chunk's
// worker, or in an open batch.
func (g *game) checkNothingForgotten() {
	var lost []string
	g.view(func(tx *store.Tx) error {
		return tx.All(&lost, `
			select cast(s.id as text) || ' ' || s.state from sends s
			where  s.state in ('queued', 'claimed', 'handing', 'deferred')
			and    not exists (select 1 from due d where d.send_id = s.id)
			and    not exists (select 1 from chunks c where c.run_id = s.run_id and not c.done and s.id between c.next_id and c.hi)
			and    not exists (select 1 from batches b where s.id in (select value from `+tx.JSONEach("b.send_ids")+`))`, nil)
	})
	if len(lost) > 0 {
		g.f.Fatalf("forgotten: %v", lost)
	}
}

// replies are what the relay may answer to a body; all but the first two leave
// no doubt that the mail was not taken.
var replies = []delivery.Outcome{
	accepted(),
	{Stage: delivery.StageDot, Begun: true, Err: errScript}, // no answer
	said(delivery.StageDot, 451, "4.3.0"),
	said(delivery.StageDot, 550, "5.2.0"),
	said(delivery.StageDot, 421, "4.3.2"),
}

const notTaken = 2 // the first of those replies

// stage is a wire on which each mail waits for a sign: before its body begins,
// and before it is answered.
type stage struct {
	mu      sync.Mutex
	hung    []*hung
	killed  []*hung
	free    bool // everything is taken at once
	arrived chan struct{}
	history map[string][]*deed // by recipient and subject
}

// hung is a mail that waits.
type hung struct {
	sign chan int // index of the answer
	of   *life
}

// deed is a body that was begun, and what was answered: -1, nothing yet.
type deed struct{ answer int }

func newStage() *stage {
	return &stage{arrived: make(chan struct{}, 1000), history: map[string][]*deed{}}
}

func (l *life) Hand(ctx context.Context, m delivery.Message, begin func(context.Context) error) delivery.Outcome {
	st := l.stage
	st.wait(l)
	if err := begin(ctx); err != nil {
		return withheld(err)
	}
	d := &deed{answer: -1}
	key := m.To + " " + subject(m)
	st.mu.Lock()
	st.history[key] = append(st.history[key], d)
	st.mu.Unlock()
	n := st.wait(l)
	st.mu.Lock()
	d.answer = n
	st.mu.Unlock()
	return replies[n]
}

func subject(m delivery.Message) string {
	_, rest, _ := strings.Cut(string(m.Body), "\r\nSubject: ")
	line, _, _ := strings.Cut(rest, "\r\n")
	return line
}

// wait hangs until a sign comes.
func (st *stage) wait(l *life) int {
	st.mu.Lock()
	if st.free {
		st.mu.Unlock()
		return 0
	}
	h := &hung{make(chan int), l}
	st.hung = append(st.hung, h)
	st.mu.Unlock()
	st.arrived <- struct{}{}
	return <-h.sign
}

func (st *stage) waiting() int { st.mu.Lock(); defer st.mu.Unlock(); return len(st.hung) }

// hanging is how many workers hang: each has one connection.
func (st *stage) hanging() int { return st.waiting() }

// step gives one of the waiting mails its sign.
func (st *stage) step(i, answer int) {
	st.mu.Lock()
	h := st.hung[i]
	st.hung = append(st.hung[:i:i], st.hung[i+1:]...)
	st.mu.Unlock()
	h.sign <- answer
}

// kill takes one of the waiting mails out of the game, with its process.
func (st *stage) kill(i int) *life {
	st.mu.Lock()
	defer st.mu.Unlock()
	h := st.hung[i]
	st.hung = append(st.hung[:i:i], st.hung[i+1:]...)
	st.killed = append(st.killed, h)
	return h.of
}

// bury gives the killed their sign.
func (st *stage) bury() {
	for _, h := range st.killed {
		h.sign <- 0
	}
}

// obey takes everything from now on.
func (st *stage) obey() {
	st.mu.Lock()
	st.free = true
	hung := st.hung
	st.hung = nil
	st.mu.Unlock()
	for _, h := range hung {
		h.sign <- 0
	}
}

// broken finds a body that should not have been begun: one after a body that may
// have been taken. An earned mail may go once more after that.
func (st *stage) broken() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	for key, deeds := range st.history {
		doubts, allowed := 0, 0
		if strings.Contains(key, "Welcome") {
			allowed = 1
		}
		for _, d := range deeds {
			if doubts > allowed {
				return fmt.Errorf("%s went out %d times, with doubts about %d", key, len(deeds), doubts)
			}
			if d.answer < notTaken {
				doubts++
			}
		}
	}
	return nil
}
