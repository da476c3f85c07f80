package runs_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"regulars/internal/flows"
	"regulars/internal/intake"
	"regulars/internal/membership"
	"regulars/internal/runs"
	"regulars/internal/shoptest"
	"regulars/internal/store"
)

// season is a program with a flow of each kind.
func season() shoptest.Program {
	return shoptest.Program{
		Segments: "lapsed: orders >= 1 and days_since_last_order > 10\n",
		Pools:    shoptest.BackPool,
		Campaigns: map[string]string{
			"welcome": "live: true\nstart: joins\nsteps:\n  - mail: hello\n  - wait: 2d at 10:00\n  - mail: tips\n",
			"third":   "live: true\nstart: {milestone: orders, at: [3]}\nsteps:\n  - mail: third\n",
			"back": "live: true\nstart: {enters: lapsed, time: 10:00}\nuntil: [order, leaves]\nagain: each\n" +
				"steps:\n  - mail: miss-you\n  - wait: 3d\n  - mail: gift\n    coupon: back\n",
			"news": "live: true\nstart: {every: monday 08:00}\ntopic: offers\nsteps:\n  - mail: news\n",
		},
	}
}

// postman plays delivery for many workers at once and counts what goes out.
type postman struct {
	mu   sync.Mutex
	sent map[int64]int
}

// singles sends what is due singly.
func (p *postman) singles(ctx context.Context, db *store.DB) (int, error) {
	return p.send(ctx, db, func(tx *store.Tx) (ids []int64, err error) {
		err = tx.All(&ids, "select send_id from due where not_before <= @now order by send_id limit 40 "+tx.SkipLocked(), store.Args{"now": tx.At})
		return ids, err
	})
}

// chunks sends a chunk of a run.
func (p *postman) chunks(ctx context.Context, db *store.DB) (int, error) {
	return p.send(ctx, db, func(tx *store.Tx) (ids []int64, err error) {
		var c struct{ RunID, Lo, Hi int64 }
		err = tx.One(&c, "select run_id, lo, hi from chunks where not done order by run_id, n limit 1 "+tx.SkipLocked(), nil)
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		args := store.Args{"run": c.RunID, "lo": c.Lo, "hi": c.Hi}
		if _, err := tx.Exec("update chunks set done = true where run_id = @run and lo = @lo", args); err != nil {
			return nil, err
		}
		err = tx.All(&ids, "select id from sends where run_id = @run and id between @lo and @hi and state = 'queued'", args)
		return ids, err
	})
}

func (p *postman) send(ctx context.Context, db *store.DB, pick func(*store.Tx) ([]int64, error)) (int, error) {
	var ids []int64
	err := db.Update(ctx, func(tx *store.Tx) (err error) {
		if ids, err = pick(tx); err != nil || len(ids) == 0 {
			return err
		}
		args := store.Args{"ids": store.JSON(ids), "now": tx.At}
		in := " in (select value from " + tx.JSONEach("@ids") + ")"
		if _, err := tx.Exec("delete from due where send_id"+in, args); err != nil {
			return err
		}
		if err := tx.All(&ids, "update sends set state = 'sent', done_at = @now where state = 'queued' and id"+in+" returning id", args); err != nil {
			return err
		}
		return tx.WakePassages(append([]int64{}, ids...))
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		p.sent[id]++
	}
	return len(ids), err
}

// settle has three replicas do everything that is due, all at once.
func (s *shop) settle(p *postman) {
	s.T.Helper()
	shoptest.Together(s.T, 3, func(int) error {
		passes := []func(context.Context, *store.DB) (int, error){intake.NewDay, membership.Segments, flows.Dates, runs.NewZones, runs.Timetable, flows.Settle, membership.Entries, flows.React,
			runs.FinishRuns, flows.Advance, p.singles, p.chunks}
		for {
			did := 0
			for _, pass := range passes {
				n, err := pass(context.Background(), s.DB)
				if err != nil {
					return err
				}
				did += n
			}
			if did == 0 {
				return nil
			}
		}
	})
}

// play steps the clock from one due moment to the next, up to a moment.
func (s *shop) play(p *postman, to time.Time) {
	s.T.Helper()
	for !s.T.Failed() {
		s.settle(p)
		if !s.Now.Before(to) {
			return
		}
		next := s.NextDue()
		if next.After(to) {
			next = to
		}
		s.Now = next
	}
}

// Weeks of a shop under three replicas that do everything at once: each mail that
// should have gone went, once.
func TestThreeReplicasLeaveNothingOutAndDoNothingTwice(t *testing.T) {
	each(t, season(), func(t *testing.T, s *shop) {
		p := &postman{sent: map[int64]int{}}
		random := rand.New(rand.NewPCG(7, 7))
		orders := make([]int, 16)
		start := s.Now
		for day := range 22 {
			s.play(p, start.AddDate(0, 0, day))
			if day < 15 {
				s.Welcome(int64(day + 1))
			}
			for range random.IntN(3) {
				m := 1 + random.IntN(min(day+1, 15))
				orders[m]++
				s.Order(int64(m), 1000)
			}
		}
		s.play(p, start.AddDate(0, 0, 36))
		third := 0
		for _, n := range orders {
			if n >= 3 {
				third++
			}
		}
		count := func(about, query string, want int) {
			t.Helper()
			s.Want(about, fmt.Sprint(s.Number(query)), fmt.Sprint(want))
		}
		count("welcomes", "select count(*) from sends where step = 'hello'", 15)
		count("second welcomes", "select count(*) from sends where step = 'tips'", 15)
		count("third orders", "select count(*) from sends where step = 'third'", third)
		count("mondays", "select count(*) from runs where state = 'finished'", 5)
		count("pending", "select count(*) from sends where state <> 'sent' and reason = ''", 0)
		count("due", "select count(*) from due", 0)
		count("entries without a passage", `
			select count(*) from segment_members x
			where  not exists (select 1 from passages p join campaigns c on c.id = p.campaign_id
			                   where c.name = 'back' and p.member_id = x.member_id and p.started_at = x.entered_at)`, 0)
		count("gifts without a code", "select count(*) from sends where step = 'gift' and code_id is null", 0)
		if s.Number("select count(*) from sends where step = 'gift'") == 0 {
			t.Error("nobody was won back: the test shows nothing")
		}
		for id, n := range p.sent {
			if n != 1 {
				t.Errorf("send %d went out %d times", id, n)
			}
		}
	})
}
