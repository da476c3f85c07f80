package delivery_test

import (
	"context"
	"net/url"
	"sync"
	"testing"
	"time"

	"regulars/internal/delivery"
	"regulars/internal/patiently"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// frail opens the same database as a user of its own, whose connections the
// returned function cuts, whatever they are doing.
func frail(t *testing.T, admin *store.DB) (db *store.DB, cut func()) {
	t.Helper()
	s := &shop{t: t, db: admin}
	database := s.word("select current_database()", nil)
	role := "frail_" + database
	s.exec("create role "+role+" login superuser password 'frail'", nil)
	where, err := url.Parse(storetest.Where(t))
	if err != nil {
		t.Fatal(err)
	}
	where.User, where.Path = url.UserPassword(role, "frail"), "/"+database
	db, err = store.Open(context.Background(), where.String(), store.Options{Conns: 8, Now: func() time.Time { return storetest.Start }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close(); s.exec("drop role "+role, nil) })
	return db, func() {
		s.exec("select pg_terminate_backend(pid) from pg_stat_activity where usename = @role", store.Args{"role": role})
	}
}

// Commits whose answer is lost are the hard part: what has lasted must be found
// again, and what has not must not be taken for done.
func TestADatabaseThatCutsItsConnectionsLosesNothing(t *testing.T) {
	t.Parallel()
	admin := storetest.Postgres(t)
	s := newShop(t, admin)
	members := s.members(120)
	s.run("letter", members, 40)
	for _, m := range members[:40] {
		s.single("hello", m)
	}
	db, cut := frail(t, admin)
	var cutting sync.WaitGroup
	cutting.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for range 20 {
			cut()
			<-tick.C
		}
	})
	over := s.workers(3, db, time.Now().Add(patiently.AtMost))
	cutting.Wait()
	over()

	got := s.states()
	known := got["sent"] + got["unknown lease_over"]
	if all, _ := s.wire.total(); known != 160 || all < got["sent"] || all > 160 {
		t.Errorf("%d mails went out and the ledger says %v, want 160 accounted for", all, got)
	}
	for to, n := range s.wire.taken {
		if want := s.number("select count(*) from sends s join members m on m.id = s.member_id where m.email = @to", store.Args{"to": to}); int64(n) > want {
			t.Errorf("%s got %d mails, want %d at most", to, n, want)
		}
	}
}

// workers works with several workers over db until nothing is pending. The
// returned function waits for that. What a worker is told by a database that is
// away does not matter here.
func (s *shop) workers(n int, db *store.DB, until time.Time) (wait func()) {
	over := *s
	over.db = db
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			d := over.sender(small, func(c *delivery.Config) { c.Lease, c.Renew = time.Second, 100*time.Millisecond })
			for s.number("select count(*) from sends where state not in ('sent', 'unknown')", nil) > 0 && time.Now().Before(until) {
				d.Work(context.Background(), 0)
				d.Singles(context.Background(), delivery.Urgent, 20)
				d.Singles(context.Background(), delivery.Bulk, 20)
				d.Reap(context.Background())
			}
		})
	}
	return all.Wait
}
