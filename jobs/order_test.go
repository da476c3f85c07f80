package jobs_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/jobs"
)

type values = map[string]string

func TestEnqueueSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	many := values{"campaign": "letter"}
	for len(many) <= 50 {
		many[strings.Repeat("x", len(many))] = "1"
	}
	s := open(t, storetest.SQLite(t))
	for _, tt := range []struct {
		name  string
		order jobs.Order
		field string
		words string
	}{
		{"an unknown kind", jobs.Order{Kind: "lunch"}, "", `there is no job "lunch"; did you mean "launch"?`},
		{"a value is missing", jobs.Order{Kind: "launch"}, "campaign", "launch needs campaign=… (its name)"},
		{"a value that the kind does not know", jobs.Order{Kind: "refresh", Values: values{"segmnt": "x"}}, "segmnt", "refresh knows no segmnt; it takes [segment=…]"},
		{"a number that is none", jobs.Order{Kind: "generate", Values: values{"pool": "gift", "count": "many"}}, "count", "count=many: a number from 1 to 10000000"},
		{"no mails at all", jobs.Order{Kind: "launch", Values: values{"campaign": "letter", "limit": "0"}}, "limit", "limit=0: a number from 1 to 10000000"},
		{"what can't be imported", jobs.Order{Kind: "import", Values: values{"what": "events", "file": "a.csv"}}, "what", "what=events: it should be members or orders or suppressions"},
		{"a file outside of the folder", jobs.Order{Kind: "import", Values: values{"what": "orders", "file": "../a.csv"}}, "file", "file=../a.csv: the name of a file in the import folder"},
		{"a zone that is none", jobs.Order{Kind: "import", Values: values{"what": "orders", "file": "a.csv", "zone": "Helsinki"}}, "zone", "did you mean Europe/Helsinki?"},
		{"an address that is none", jobs.Order{Kind: "test", Values: values{"campaign": "letter", "to": "anna", "as": "m-1"}}, "to", "to=anna: "},
		{"a member whom nobody knows", jobs.Order{Kind: "test", Values: values{"campaign": "letter", "to": "anna@shop.example", "as": "m-9"}}, "as", "as=m-9: there is no such member"},
		{"too many values", jobs.Order{Kind: "launch", Values: many}, "", "51 values are too many: at most 50"},
		{"a value that is too long", jobs.Order{Kind: "launch", Values: values{"campaign": "letter", "headline": strings.Repeat("x", 2001)}}, "headline", "headline is longer than 2000 bytes"},
		{"a zero byte", jobs.Order{Kind: "launch", Values: values{"campaign": "letter", "headline": "a\x00b"}}, "headline", `"headline" is not text`},
		{"a key that is too long", jobs.Order{Kind: "refresh", Key: strings.Repeat("k", 201)}, "", "the key is not text, or longer than 200 bytes"},
	} {
		err := s.db.Update(context.Background(), func(tx *store.Tx) error {
			_, _, err := jobs.Enqueue(tx, tt.order)
			return err
		})
		var wrong *jobs.OrderError
		if !errors.As(err, &wrong) || wrong.Field != tt.field || !strings.Contains(wrong.Message, tt.words) {
			t.Errorf("%s: Enqueue(%+v) = %v, want field %q: %s", tt.name, tt.order, err, tt.field, tt.words)
		}
	}
}

func TestAboutNamesEveryValue(t *testing.T) {
	t.Parallel()
	got := jobs.About("launch")
	if want := "start a campaign; takes campaign=… [limit=…] [key=…] [field=…]"; got != want {
		t.Errorf("About(launch) = %q, want %q", got, want)
	}
}

func TestTheListOfJobs(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db)
		first := s.enqueue(jobs.Order{Kind: "refresh", Values: values{"segment": "buyers"}})
		at := s.db.Now().Add(time.Hour)
		later := s.enqueue(jobs.Order{Kind: "launch", Values: values{"campaign": "letter", "headline": "Hi"}, At: at, Key: "spring"})
		if row := s.show(later); row.State != "queued" || row.EnqueuedBy != "anna" || row.Lane != jobs.Chores || row.Values()["headline"] != "Hi" ||
			row.Key != "spring" || row.RunAt != loyalty.At(at) {
			t.Errorf("Show(%d) = %+v, want what was enqueued", later, row)
		}
		s.do(func(tx *store.Tx) error {
			id, made, err := jobs.Enqueue(tx, jobs.Order{Kind: "launch", Values: values{"campaign": "letter"}, Key: "spring"})
			if id != later || made || err != nil {
				t.Errorf("Enqueue() with a key that is taken = %d, %t, %v, want job %d", id, made, err, later)
			}
			return nil
		})
		s.do(func(tx *store.Tx) error { return jobs.Cancel(tx, later) })
		list := func(state string, want ...int64) {
			t.Helper()
			s.do(func(tx *store.Tx) error {
				rows, err := jobs.List(tx, state, 10)
				same := len(rows) == len(want)
				for i := range rows {
					same = same && rows[i].ID == want[i]
				}
				if !same || err != nil {
					t.Errorf("List(%q) = %+v, %v, want jobs %v", state, rows, err, want)
				}
				return nil
			})
		}
		list("", later, first)
		list("cancelled", later)
		list("done")
	})
}

func TestCancelAndRetry(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db)
		id := s.enqueue(jobs.Order{Kind: "refresh"})
		try := func(act func(*store.Tx, int64) error, id int64) error {
			return s.db.Update(context.Background(), func(tx *store.Tx) error { return act(tx, id) })
		}
		set := func(state string) {
			s.do(func(tx *store.Tx) error {
				_, err := tx.Exec("update jobs set state = @state", store.Args{"state": state})
				return err
			})
		}
		for _, tt := range []struct {
			act    string
			on     string
			then   string // "": refused
			refuse string
		}{
			{"cancel", "queued", "cancelled", ""},
			{"cancel", "running", "", "has begun or is over: it can't be cancelled"},
			{"cancel", "done", "", "has begun or is over: it can't be cancelled"},
			{"retry", "failed", "queued", ""},
			{"retry", "cancelled", "queued", ""},
			{"retry", "running", "", "has neither failed nor been cancelled"},
			{"retry", "done", "", "has neither failed nor been cancelled"},
		} {
			set(tt.on)
			act := jobs.Cancel
			if tt.act == "retry" {
				act = jobs.Retry
			}
			err := try(act, id)
			switch {
			case tt.then == "" && (err == nil || !strings.Contains(err.Error(), tt.refuse)):
				t.Errorf("%s of a %s job = %v, want it refused: %s", tt.act, tt.on, err, tt.refuse)
			case tt.then != "" && (err != nil || s.show(id).State != tt.then):
				t.Errorf("%s of a %s job = %v, and it is %s, want %s", tt.act, tt.on, err, s.show(id).State, tt.then)
			}
		}
		if err := try(jobs.Cancel, 99); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Cancel(99) = %v, want %v", err, store.ErrNotFound)
		}
		if err := try(jobs.Retry, 99); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Retry(99) = %v, want %v", err, store.ErrNotFound)
		}
	})
}
