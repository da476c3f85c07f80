package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"regulars/internal/importer"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/jobs"
)

// upload stores a file as the console does, has it looked at, and enqueues its job.
func (s *shop) upload(name, content string) (id, job int64) {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "upload")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	ctx := context.Background()
	id, err = importer.Keep(ctx, s.db, importer.Upload{Kind: "members", Name: name, Size: int64(len(content)), ByWhom: "anna"}, f)
	if err == nil {
		err = importer.New(s.db).Look(ctx, id, map[string]string{"map": `card="Nr, long"`})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.do(func(tx *store.Tx) (err error) {
		job, _, err = jobs.Enqueue(tx, jobs.Order{Kind: "import", Values: values{"what": "members", "upload": strconv.FormatInt(id, 10)}, By: "anna"})
		if err != nil {
			return err
		}
		_, err = importer.StartUpload(tx, id, job)
		return err
	})
	return id, job
}

func (s *shop) uploaded(id int64) (u importer.Upload) {
	s.read(func(tx *store.Tx) (err error) { u, err = importer.Uploaded(tx, id); return err })
	return u
}

func (s *shop) parts(id int64) string {
	return s.counted(fmt.Sprintf("select what, count(*) as n from upload_parts where upload_id = %d group by what order by what", id))
}

func TestAnUploadIsTakenInByWhicheverWorker(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db)
		var people strings.Builder
		people.WriteString("email,\"Nr, long\",last_name\n")
		for n := range 2500 {
			fmt.Fprintf(&people, "p%d@example.test,C-%d,%s\n", n, n, strings.Repeat("x", 500)) // more than one part
		}
		people.WriteString("no address,,Mendable\n")
		id, job := s.upload("people.csv", people.String())
		if parts := s.parts(id); parts != "2 file" {
			t.Fatalf("the file stands in %s", parts)
		}
		// A worker that had it was killed.
		s.do(func(tx *store.Tx) error {
			_, err := tx.Exec("update jobs set state = 'running', fence = 1, progress = '{\"read\":1}', lease_until = "+tx.MachineIn(-time.Second)+" where id = @id", store.Args{"id": job})
			return err
		})
		s.work(nowhere)
		s.ended(job, "done")
		row := s.show(job)
		progress, told := row.Progress()
		if !told || progress.Rows.New != 2500 || progress.Read != progress.Total || !strings.Contains(row.Outcome, "2501 read, 2500 new, 0 updated, 0 unchanged, 1 refused") {
			t.Errorf("progress %+v (%v), outcome %q", progress, told, row.Outcome)
		}
		if strings.Contains(row.Payload, "long") || strings.Contains(row.Payload, "people") {
			t.Errorf("the payload says more than ids: %s", row.Payload)
		}
		if keys := s.counted("select kind as what, count(*) as n from member_keys where kind = 'card' group by kind"); keys != "2500 card" {
			t.Errorf("keys: %s", keys)
		}
		u := s.uploaded(id)
		if parts := s.parts(id); u.TakenAt.IsZero() || u.Said != row.Outcome || parts != "1 refused" || len(u.Findings().Samples) != 0 {
			t.Errorf("afterwards: %+v, parts %s", u, parts)
		}
		var rows bytes.Buffer
		if err := importer.WriteRefused(context.Background(), s.db, &rows, id); err != nil || !strings.Contains(rows.String(), "Mendable") || !strings.HasPrefix(rows.String(), "refused_line,refused_because,email,\"Nr, long\"") {
			t.Errorf("refused rows: %v\n%s", err, rows.String())
		}
		// Whoever has the job again, because its end was not recorded, says the same.
		s.do(func(tx *store.Tx) error {
			_, err := tx.Exec("update jobs set state = 'queued', finished_at = null where id = @id", store.Args{"id": job})
			return err
		})
		s.ended(job, "done")
		if again := s.show(job); again.Outcome != row.Outcome {
			t.Errorf("once more: %q", again.Outcome)
		}
	})
}

func TestAnImportThatIsCancelledEndsAndGoesOn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db)
		id, job := s.upload("people.csv", "email,\"Nr, long\"\nnina@example.test,1\nnobody,2\n")
		s.do(func(tx *store.Tx) error { // it is cancelled while a worker has it
			if _, err := tx.Exec("update jobs set state = 'running', lease_until = "+tx.MachineIn(-time.Second)+" where id = @id", store.Args{"id": job}); err != nil {
				return err
			}
			return jobs.Cancel(tx, job)
		})
		s.do(func(tx *store.Tx) error {
			if err := importer.DropUpload(tx, id); err == nil {
				t.Error("a file that is being taken in was thrown away")
			}
			return nil
		})
		s.work(nowhere)
		s.ended(job, "cancelled")
		if row := s.show(job); !strings.Contains(row.Outcome, "cancelled on the way") {
			t.Errorf("outcome %q", row.Outcome)
		}
		if parts := s.parts(id); parts != "1 file" {
			t.Errorf("its parts are %s, want the file", parts)
		}
		s.do(func(tx *store.Tx) error { return jobs.Retry(tx, job) })
		s.ended(job, "done")
		s.do(func(tx *store.Tx) error { return importer.DropUpload(tx, id) })
		err := s.db.View(context.Background(), func(tx *store.Tx) error { _, err := importer.Uploaded(tx, id); return err })
		if parts := s.parts(id); parts != "" || !errors.Is(err, store.ErrNotFound) {
			t.Errorf("of what was thrown away %s is left (%v)", parts, err)
		}
	})
}
