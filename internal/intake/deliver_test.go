package intake_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// gate is a door whose next transaction can be held at its beginning.
type gate struct {
	door
	mu    sync.Mutex
	begun int           // transactions
	held  chan struct{} // nil: none is held
	at    chan struct{} // one stands at the gate
}

func newGate(t *testing.T, db *store.DB) *gate {
	g := &gate{at: make(chan struct{}, 1)}
	g.door = newDoor(t, db.Clock(func() time.Time {
		g.mu.Lock()
		g.begun++
		held := g.held
		g.held = nil
		g.mu.Unlock()
		if held != nil {
			g.at <- struct{}{}
			<-held
		}
		return db.Now()
	}))
	g.Patient()
	g.Abreast(1)
	g.Stored(placed("first", "O-first", "M-first", 0, 100)) // the pepper is read
	if _, err := g.Currency(context.Background()); err != nil {
		t.Fatal(err)
	}
	return g
}

// answer is what one delivery was told.
type answer struct {
	results []intake.Result
	err     error
}

// together delivers the first of some deliveries, and the others while it is held: they
// are one group. It returns what each was told, and in how many transactions.
func (g *gate) together(ctx context.Context, deliveries ...[]loyalty.Event) (answers []answer, transactions int) {
	g.T.Helper()
	hold := make(chan struct{})
	g.mu.Lock()
	g.held, g.begun = hold, 0
	g.mu.Unlock()
	answers = make([]answer, len(deliveries))
	var all sync.WaitGroup
	deliver := func(i int) {
		all.Go(func() {
			answers[i].results, answers[i].err = g.Deliver(ctx, "EUR", copies(deliveries[i]))
		})
	}
	deliver(0)
	<-g.at
	for i := range deliveries[1:] {
		deliver(i + 1)
		for g.Queued() <= i {
			runtime.Gosched()
		}
	}
	close(hold)
	all.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	return answers, g.begun
}

// orders are so many deliveries of an order each, of as many members.
func orders(n int) (all [][]loyalty.Event) {
	for i := range n {
		all = append(all, []loyalty.Event{placed(fmt.Sprint("e", i), fmt.Sprint("O-", i), fmt.Sprint("M-", i), 0, 100)})
	}
	return all
}

func (a answer) state() string {
	if a.err != nil {
		return "error"
	}
	return string(a.results[0].State)
}

func TestDeliveriesThatArriveTogetherCommitTogether(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		g := newGate(t, db)
		all := orders(51)
		all[7][0].Order.Total = 1 << 61 // one is refused
		all[8][0].ID = ""               // and another
		gone, leave := context.WithCancel(context.Background())
		leave() // the callers have gone away
		answers, transactions := g.together(gone, all...)
		if transactions != 2 {
			t.Errorf("%d deliveries took %d transactions, want 2: of the first, and of those that came meanwhile", len(all), transactions)
		}
		for i, a := range answers {
			want := map[int]string{7: "refused", 8: "refused"}[i]
			if want == "" {
				want = "stored"
			}
			if a.state() != want {
				t.Errorf("delivery %d: %+v, want it %s", i, a, want)
			}
		}
		if got := g.One("select count(*) || ' ' || count(distinct member_id) from orders"); got != "50 50" {
			t.Errorf("orders and their members: %s, want 50 50", got)
		}
		if answers, _ := g.together(gone, all[1:]...); answers[3].state() != "duplicate" {
			t.Errorf("delivered again: %+v, want a duplicate", answers[3])
		}
	})
}

func TestWhereManyWaitASecondGroupGoesBesideTheFirst(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if db.Engine() != store.Postgres {
			t.Skip("SQLite has one writer")
		}
		g := newGate(t, db)
		g.Abreast(2)
		hold := make(chan struct{})
		g.mu.Lock()
		g.held = hold
		g.mu.Unlock()
		var first, second sync.WaitGroup
		deliver := func(all *sync.WaitGroup, e loyalty.Event) {
			all.Go(func() {
				if results, err := g.Deliver(context.Background(), "EUR", []loyalty.Event{e}); err != nil || results[0].State != intake.Stored {
					t.Errorf("%v, %v", results, err)
				}
			})
		}
		deliver(&first, placed("held", "O-held", "M-held", 0, 100))
		<-g.at
		// Of the member who is under way another order waits; it is one of those that are enough.
		deliver(&first, placed("same", "O-same", "M-held", 0, 100))
		for i := range intake.EnoughOfFew - 1 {
			for g.Queued() <= i {
				runtime.Gosched()
			}
			deliver(&second, placed(fmt.Sprint("e", i), fmt.Sprint("O-", i), fmt.Sprint("M-", i), 0, 100))
		}
		second.Wait()
		if n := g.Queued(); n != 1 {
			t.Errorf("%d deliveries wait, want the one whose member is under way", n)
		}
		close(hold)
		first.Wait()
		if n := g.One("select count(*) from orders"); n != fmt.Sprint(intake.EnoughOfFew+2) {
			t.Errorf("%s orders, want all", n)
		}
	})
}

func TestDeliveriesOfOneMemberOrderOrEventAreInGroupsOfTheirOwn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		g := newGate(t, db)
		all := orders(9)
		all[2][0].Member.ID = "M-1"
		all[3][0].Member = loyalty.Member{Email: "Ana@example.test"}
		all[4][0].Member = loyalty.Member{Email: "ana@example.test"}
		all[6][0].ID = all[5][0].ID             // another event with the same id
		all[8][0].Order.ID = all[7][0].Order.ID // another's order with the same number
		answers, transactions := g.together(context.Background(), all...)
		if transactions != 3 {
			t.Errorf("%d transactions, want 3: the first, one with each once, and one of the others", transactions)
		}
		for i, want := range []string{0: "stored", 2: "stored", 4: "stored", 5: "stored", 6: "refused", 7: "stored", 8: "refused"} {
			if want != "" && answers[i].state() != want {
				t.Errorf("delivery %d: %+v, want it %s", i, answers[i], want)
			}
		}
	})
}

// harmed has the database fail at an event.
func (g *gate) harmed(event string) {
	g.T.Helper()
	texts := []string{"create trigger harmed before insert on events when new.external_id = '" + event + "' begin select raise(abort, 'harmed'); end"}
	if g.DB.Engine() == store.Postgres {
		texts = []string{"create function harmed() returns trigger language plpgsql as $$ begin raise exception 'harmed' using errcode = '23514'; end $$",
			"create trigger harmed before insert on events for each row when (new.external_id = '" + event + "') execute function harmed()"}
	}
	g.run(texts...)
}

// unharmed ends that.
func (g *gate) unharmed() {
	g.T.Helper()
	if g.DB.Engine() == store.Postgres {
		g.run("drop trigger harmed on events")
		return
	}
	g.run("drop trigger harmed")
}

func (g *gate) run(texts ...string) {
	g.T.Helper()
	err := g.DB.Update(context.Background(), func(tx *store.Tx) error {
		for _, text := range texts {
			if _, err := tx.Exec(text, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		g.T.Fatal(err)
	}
}

func TestADeliveryThatFailsFailsAlone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		g := newGate(t, db)
		g.harmed("e5")
		answers, _ := g.together(context.Background(), orders(20)...)
		for i, a := range answers {
			if want := map[bool]string{true: "error", false: "stored"}[i == 5]; a.state() != want {
				t.Errorf("delivery %d: %+v, want %s", i, a, want)
			}
		}
		if got := g.One("select count(*) from orders"); got != "20" {
			t.Errorf("%s orders, want the 19 and the one from before", got)
		}
	})
}

func TestADeliveryOfALockedMemberIsLeftOut(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	g := newGate(t, db)
	all := orders(6)
	for i := range all {
		g.Stored(placed(fmt.Sprint("before", i), fmt.Sprint("O-before", i), fmt.Sprint("M-", i), 0, 100))
	}
	all[2] = append(all[2], placed("new", "O-new", "M-new", 0, 100))                 // with somebody who is new: all or nothing
	all[4][0].Member, all[4][0].Order.ID = loyalty.Member{ID: "M-4"}, "O-before3"    // of another, who is locked, too
	all[4][0].Type = loyalty.OrderChanged                                            // … whose it is to be no more
	held, end, done := make(chan error, 1), make(chan struct{}), make(chan struct{}) // as a worker holds them
	go func() {
		defer close(done)
		_ = db.Update(context.Background(), func(tx *store.Tx) error {
			_, err := tx.Exec("update members set changed_at = changed_at where external_id in ('M-2', 'M-3')", nil)
			held <- err
			<-end
			return err
		})
	}()
	if err := <-held; err != nil {
		t.Fatal(err)
	}
	answers, _ := g.together(context.Background(), all...)
	for i, a := range answers {
		switch locked := i >= 2 && i <= 4; {
		case locked && !errors.Is(a.err, store.ErrLocked):
			t.Errorf("delivery %d, whose member is locked: %+v, want ErrLocked", i, a)
		case !locked && a.state() != "stored":
			t.Errorf("delivery %d beside a locked member: %+v, want it stored", i, a)
		}
	}
	if got := g.One("select count(*) from members where external_id = 'M-new'"); got != "0" {
		t.Error("half of a delivery was taken in")
	}
	g.PatientWithLocked()
	go func() { // the lock ends while they come again
		for g.Queued() == 0 {
			runtime.Gosched()
		}
		close(end)
	}()
	answers, _ = g.together(context.Background(), all...)
	<-done
	for i, a := range answers {
		if want := map[bool]string{true: "stored", false: "duplicate"}[i >= 2 && i <= 4]; a.state() != want {
			t.Errorf("delivery %d once the lock is gone: %+v, want %s", i, a, want)
		}
	}
	if len(answers[2].results) != 2 || answers[2].results[1].State != intake.Stored {
		t.Errorf("the delivery of two: %+v, want both stored", answers[2])
	}
}

func TestAmountsReadInAnotherCurrencyAreReadAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		var changed *intake.CurrencyError
		if _, err := d.Deliver(context.Background(), "JPY", orders(1)[0]); !errors.As(err, &changed) || changed.Now != "EUR" {
			t.Errorf("Deliver in yen = %v, want that it is EUR now", err)
		}
		if err := d.IsCurrency(context.Background(), "JPY"); !errors.As(err, &changed) {
			t.Errorf("IsCurrency of yen = %v", err)
		}
		if got := d.One("select count(*) from orders"); got != "0" {
			t.Errorf("%s orders, want none", got)
		}
	})
}
