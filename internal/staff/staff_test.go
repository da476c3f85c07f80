package staff_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

const good = "three old birds"

// house is a database with users.
type house struct {
	t  *testing.T
	db *store.DB
	in *staff.SignIn
}

func each(t *testing.T, f func(h house)) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) { f(house{t, db, staff.NewSignIn(db)}) })
}

func (h house) do(f func(tx *store.Tx) error) {
	h.t.Helper()
	if err := h.db.Update(context.Background(), f); err != nil {
		h.t.Fatal(err)
	}
}

// add makes a user and returns the link.
func (h house) add(email string, role staff.Role) (link string) {
	h.t.Helper()
	h.do(func(tx *store.Tx) (err error) { link, err = staff.Add(tx, email, role, "test"); return err })
	return link
}

// user makes one with a password, and returns their session.
func (h house) user(email string, role staff.Role) string {
	h.t.Helper()
	session, err := h.in.Choose(context.Background(), h.add(email, role), good)
	if err != nil {
		h.t.Fatal(err)
	}
	return session
}

// is fails unless a session is good, or is not.
func (h house) is(session string, want bool, when string) {
	h.t.Helper()
	_, err := h.in.Who(context.Background(), session)
	if got := err == nil; got != want || err != nil && !errors.Is(err, store.ErrNotFound) {
		h.t.Errorf("%s: the session is good: %v (%v), want %v", when, got, err, want)
	}
}

func TestALinkIsGoodOnceAndForAnHour(t *testing.T) {
	each(t, func(h house) {
		ctx := context.Background()
		link := h.add("Ana@Example.test", staff.Marketer)
		u, err := h.in.Invited(ctx, link)
		if err != nil || u.Email != "ana@example.test" || u.Role != staff.Marketer {
			h.t.Fatalf("Invited = %+v, %v", u, err)
		}
		for _, bad := range []string{"short", "ana@example.test", strings.Repeat("x", 501)} {
			if _, err := h.in.Choose(ctx, link, bad); !errors.Is(err, staff.ErrPassword) {
				h.t.Errorf("Choose(%.20q) = %v, want %v", bad, err, staff.ErrPassword)
			}
		}
		session, err := h.in.Choose(ctx, link, good)
		if err != nil {
			h.t.Fatal(err)
		}
		h.is(session, true, "after the password was chosen")
		if _, err := h.in.Choose(ctx, link, good); !errors.Is(err, staff.ErrLink) {
			h.t.Errorf("the link a second time: %v, want %v", err, staff.ErrLink)
		}
		if _, err := h.in.Choose(ctx, "nobodys", good); !errors.Is(err, staff.ErrLink) {
			h.t.Errorf("a link of nobody's: %v, want %v", err, staff.ErrLink)
		}
		first := h.add("ana@example.test", staff.Marketer) // the password was lost
		second := h.add("ana@example.test", staff.Marketer)
		if _, err := h.in.Invited(ctx, first); !errors.Is(err, staff.ErrLink) {
			h.t.Errorf("the link before the newest one: %v, want %v", err, staff.ErrLink)
		}
		h.do(func(tx *store.Tx) error {
			_, err := tx.Exec("update users set link_until = "+tx.MachineIn(-1), nil)
			return err
		})
		if _, err := h.in.Choose(ctx, second, good); !errors.Is(err, staff.ErrLink) {
			h.t.Errorf("a link whose hour is over: %v, want %v", err, staff.ErrLink)
		}
	})
}

func TestSessionsEnd(t *testing.T) {
	each(t, func(h house) {
		ctx := context.Background()
		ends := map[string]func(email string){
			"with a change of the role": func(email string) {
				h.do(func(tx *store.Tx) error { return staff.SetRole(tx, email, staff.Launcher, "test") })
			},
			"with the user": func(email string) { h.do(func(tx *store.Tx) error { return staff.Remove(tx, email, "test") }) },
			"with another password": func(email string) {
				if _, err := h.in.Choose(ctx, h.add(email, staff.Viewer), good+"!"); err != nil {
					h.t.Fatal(err)
				}
			},
			"when nobody used it for half a day": func(string) {
				h.do(func(tx *store.Tx) error {
					_, err := tx.Exec("update sessions set seen_at = "+tx.MachineIn(-12*3600e9-1e9), nil)
					return err
				})
			},
			"after thirty days": func(string) {
				h.do(func(tx *store.Tx) error {
					_, err := tx.Exec("update sessions set began_at = "+tx.MachineIn(-30*24*3600e9-1e9), nil)
					return err
				})
			},
		}
		n := 0
		for when, end := range ends {
			n++
			email := fmt.Sprintf("u%d@example.test", n)
			session := h.user(email, staff.Viewer)
			h.is(session, true, "before")
			end(email)
			h.is(session, false, when)
		}
		session := h.user("out@example.test", staff.Viewer)
		h.do(func(tx *store.Tx) error {
			_, err := tx.Exec("update sessions set seen_at = "+tx.MachineIn(-3600e9), nil)
			return err
		})
		var began, seen int64 // microseconds
		h.do(func(tx *store.Tx) error { return tx.One(&began, "select "+tx.Micros(tx.Machine()), nil) })
		h.is(session, true, "an hour later")
		h.do(func(tx *store.Tx) error {
			return tx.One(&seen, "select "+tx.Micros("max(seen_at)")+" from sessions", nil)
		})
		if seen < began {
			h.t.Error("a session that is used does not stay")
		}
		if err := h.in.Out(ctx, session); err != nil {
			h.t.Fatal(err)
		}
		h.is(session, false, "signed out")
	})
}

func TestPasswordsLetIn(t *testing.T) {
	each(t, func(h house) {
		ctx := context.Background()
		h.user("ana@example.test", staff.Admin)
		h.add("new@example.test", staff.Viewer) // has chosen none yet
		for _, tt := range []struct {
			email, password string
			want            error
		}{
			{"ana@example.test", good, nil},
			{" ANA@example.TEST ", good, nil},
			{"ana@example.test", good + "!", staff.ErrRefused},
			{"ana@example.test", "", staff.ErrRefused},
			{"new@example.test", "", staff.ErrRefused},
			{"new@example.test", good, staff.ErrRefused},
			{"nobody@example.test", good, staff.ErrRefused},
			{"no address", good, staff.ErrRefused},
			{"ana@example.test", strings.Repeat("x", 100_000), staff.ErrRefused},
		} {
			session, err := h.in.With(ctx, tt.email, tt.password, tt.email+"'s own machine")
			if !errors.Is(err, tt.want) || (session != "") != (tt.want == nil) {
				h.t.Errorf("With(%q, %.20q) = %q, %v, want %v", tt.email, tt.password, session, err, tt.want)
			}
		}
		var kept []string
		h.do(func(tx *store.Tx) error { return tx.All(&kept, "select password from users where password <> ''", nil) })
		if len(kept) != 1 || !strings.HasPrefix(kept[0], "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(kept[0], good) {
			h.t.Errorf("kept of the password: %q", kept)
		}
	})
}

// TestTriesAreLimited has many replicas try at once.
func TestTriesAreLimited(t *testing.T) {
	each(t, func(h house) {
		h.user("ana@example.test", staff.Admin)
		var wait sync.WaitGroup
		var mu sync.Mutex
		count := map[string]int{}
		for range 12 {
			wait.Go(func() {
				_, err := staff.NewSignIn(h.db).With(context.Background(), "ana@example.test", "not the password", "203.0.113.1")
				mu.Lock()
				defer mu.Unlock()
				count[fmt.Sprint(err)]++
			})
		}
		wait.Wait()
		if count[staff.ErrRefused.Error()] != 5 || count[staff.ErrTooMany.Error()] != 7 {
			h.t.Errorf("12 tries at once: %v, want 5 that were refused and 7 that were too many", count)
		}
		h.do(func(tx *store.Tx) error { // a moment ago, however long they took
			_, err := tx.Exec("update sign_in_tries set at = "+tx.Machine(), nil)
			return err
		})
		if _, err := h.in.With(context.Background(), "ana@example.test", good, "203.0.113.1"); !errors.Is(err, staff.ErrTooMany) {
			h.t.Errorf("the right password after too many tries: %v", err)
		}
		if _, err := h.in.With(context.Background(), "ana@example.test", good, "203.0.113.2"); err != nil {
			h.t.Errorf("from elsewhere, meanwhile: %v", err)
		}
		h.do(func(tx *store.Tx) error {
			_, err := tx.Exec("update sign_in_tries set at = "+tx.MachineIn(-61e9), nil)
			return err
		})
		if _, err := h.in.With(context.Background(), "ana@example.test", good, "203.0.113.1"); err != nil {
			h.t.Errorf("a minute later: %v", err)
		}
	})
}

func TestRolesIncludeOneAnother(t *testing.T) {
	t.Parallel()
	order := append([]staff.Role{staff.Nobody}, staff.Roles...)
	for i, has := range order {
		for j, needs := range order {
			if got := has.May(needs); got != (i >= j) {
				t.Errorf("%q.May(%q) = %v", has, needs, got)
			}
		}
	}
	if staff.Role("owner").May(staff.Viewer) {
		t.Error("a role that there is not may see")
	}
	if _, err := staff.ReadRole("owner"); err == nil || !strings.Contains(err.Error(), "viewer, marketer, launcher and admin") {
		t.Errorf("ReadRole(owner) = %v", err)
	}
}

func TestTheAuditTellsWhoDidWhat(t *testing.T) {
	each(t, func(h house) {
		h.user("ana@example.test", staff.Viewer)
		h.do(func(tx *store.Tx) error {
			return staff.SetRole(tx, "ana@example.test", staff.Admin, "command line: root")
		})
		h.do(func(tx *store.Tx) error {
			return staff.Note(tx, staff.Act{Act: "hold", About: "everything", After: strings.Repeat("é", 2000)})
		})
		var acts, older []staff.Act
		h.do(func(tx *store.Tx) (err error) {
			if acts, err = staff.Audit(tx, 0, 2); err != nil {
				return err
			}
			older, err = staff.Audit(tx, acts[1].ID, 10)
			return err
		})
		if len(acts) != 2 || acts[0].By != "somebody" || !strings.HasSuffix(acts[0].After, "é…") || len(acts[0].After) > 2010 {
			h.t.Errorf("the newest: %.100v", acts)
		}
		if a := acts[1]; a.Act != "role changed" || a.Before != "viewer" || a.After != "admin" || a.By != "command line: root" {
			h.t.Errorf("the change of the role: %+v", a)
		}
		if len(older) != 2 || older[0].Act != "password chosen" || older[1].Act != "user added" {
			h.t.Errorf("the older: %+v", older)
		}
	})
}
