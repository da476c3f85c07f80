package delivery_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/internal/delivery"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// domains lets so many mails go to each domain that the program limits.
type domains struct {
	mu     sync.Mutex
	left   map[string]int
	limits map[string]loyalty.Rate // that were asked for
}

func (d *domains) TakeFor(_ context.Context, _, domain string, limit loyalty.Rate, n int, behind bool) (granted int, waits []time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.limits[domain] = limit
	granted = min(n, d.left[domain])
	d.left[domain] -= granted
	for i := range n - granted {
		waits = append(waits, time.Duration(i+1)*time.Minute)
	}
	return granted, waits
}

// counting lets all go and counts what comes back.
type counting struct{ given, back int }

func (c *counting) Take(_ context.Context, _ string, n int) (int, time.Duration, error) {
	c.given += n
	return n, 0, nil
}
func (c *counting) Return(_ context.Context, _ string, n int) { c.back += n }

func TestAMailThatWaitsForItsDomainHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, lane := range []string{"singles", "chunks"} {
			s := newShop(t, empty(t, db), func(files map[string]string) {
				files["program.yaml"] += "rate: {slow.example: 5/s, \"*\": 1000/h}\n"
			})
			members := s.members(30)
			for _, m := range members[:20] { // those of the slow domain stand first
				s.exec("update members set email = replace(email, '@example.test', '@slow.example') where id = @id", store.Args{"id": m})
			}
			ration := &domains{left: map[string]int{"slow.example": 7, "example.test": 1000}, limits: map[string]loyalty.Rate{}}
			all := &counting{}
			d := s.sender(func(c *delivery.Config) { c.Domains, c.Limiter = ration, all })
			call := func() (int, error) { return d.Singles(context.Background(), delivery.Bulk, 100) }
			if lane == "chunks" {
				s.run("letter", members, 30)
				call = func() (int, error) { return d.Work(context.Background(), 0) }
			} else {
				for _, m := range members {
					s.single("finland", m)
				}
			}
			if _, err := call(); err != nil {
				t.Fatalf("%s: %v", lane, err)
			}
			s.want(lane+" at first", map[string]int{"sent": 17, "queued": 13})
			if all.given-all.back != 17 {
				t.Errorf("%s: %d leaves of the lane are used, want 17", lane, all.given-all.back)
			}
			slow, others := ration.limits["slow.example"], ration.limits["example.test"]
			if slow != (loyalty.Rate{N: 5, Per: time.Second}) || others != (loyalty.Rate{N: 1000, Per: time.Hour}) {
				t.Errorf("%s: the limits are %s and %s", lane, slow, others)
			}
			if n := s.number("select count(*) from sends where handed_at is not null", nil); n != 17 {
				t.Errorf("%s: %d mails are marked, want those that went", lane, n)
			}
			if n := s.number("select count(*) from due where waits_for = 'slow.example'", nil); n != 13 {
				t.Errorf("%s: %d mails say that they wait for the slow domain, want 13", lane, n)
			}
			ration.left["slow.example"] = 1000
			if n, err := d.Singles(context.Background(), delivery.Bulk, 100); n != 0 || err != nil && !errors.As(err, new(*delivery.Rest)) {
				t.Errorf("%s: %d, %v before their time, want none", lane, n, err)
			}
			s.exec("update due set retry_at = null, not_before = @now", store.Args{"now": loyalty.At(db.Now())})
			s.singles(d, delivery.Bulk)
			s.want(lane+" then", map[string]int{"sent": 30})
			if n := s.number("select count(*) from due where waits_for is not null", nil); n != 0 {
				t.Errorf("%s: %d mails say that they wait when all went", lane, n)
			}
			for to, n := range s.wire.taken {
				if n != 1 || !strings.Contains(to, "@") {
					t.Errorf("%s: %s got %d mails", lane, to, n)
				}
			}
		}
	})
}
