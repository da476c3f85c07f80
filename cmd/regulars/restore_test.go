package main

import (
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"regulars/internal/embedded"
	"regulars/internal/patiently"
	"regulars/internal/store/storetest"
)

// copied takes a copy of the shop's database while nobody writes, and returns how to
// put it back: the file on SQLite, a dump on Postgres.
func (s shop) copied() (restore func()) {
	s.t.Helper()
	address, _ := strings.CutPrefix(s.env[0], "DATABASE_URL=")
	if file, lite := strings.CutPrefix(address, "sqlite:"); lite {
		text, err := os.ReadFile(file)
		if err != nil {
			s.t.Fatal(err)
		}
		if info, err := os.Stat(file + "-wal"); err == nil && info.Size() > 0 {
			s.t.Fatal("the last one to close the file left a log beside it")
		}
		return func() {
			os.Remove(file + "-wal")
			os.Remove(file + "-shm")
			if err := os.WriteFile(file, text, 0o600); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	if _, err := exec.LookPath("pg_dump"); err != nil {
		s.t.Skip("no pg_dump on this machine")
	}
	address, _, _ = strings.Cut(address, "?") // how many connections we take is no word of pg_dump's
	dump := filepath.Join(s.t.TempDir(), "dump.sql")
	command(s.t, "pg_dump", "--no-owner", "--no-privileges", "-f", dump, address)
	return func() {
		command(s.t, "psql", "-qX", "-v", "ON_ERROR_STOP=1", "-c", "drop schema public cascade", "-c", "create schema public", address)
		command(s.t, "psql", "-qX", "-o", os.DevNull, "-v", "ON_ERROR_STOP=1", "-f", dump, address)
	}
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// stopped ends a replica in order.
func stopped(t *testing.T, p *exec.Cmd) {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("the replica did not stop in order: %v", err)
	}
}

// stoppedMidway starts a replica and stops it in order when so many mails were taken: the
// relay takes no further one before it was told to stop, and then each slowly.
func (s shop) stoppedMidway(sink *embedded.Sink, mails int64) {
	s.t.Helper()
	enough := make(chan struct{})
	letGo := sync.OnceFunc(func() { close(enough) })
	s.t.Cleanup(letGo)
	sink.Script(func(stage embedded.Stage, _ string) embedded.Reply {
		if sink.Count() >= mails {
			if stage == embedded.AtMail {
				<-enough
			}
			time.Sleep(20 * time.Millisecond)
		}
		return embedded.Reply{}
	})
	p := s.start()
	wait(s.t, sink, mails)
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	time.Sleep(time.Second) // in which it hears of that
	letGo()
	if err := p.Wait(); err != nil {
		s.t.Errorf("the replica did not stop in order: %v", err)
	}
}

// needs waits until status says that a person is needed, and why.
func (s shop) needs(words ...string) {
	s.t.Helper()
	patiently.UntilRight(s.t, func() string {
		got := s.run("status")
		for _, word := range words {
			if got.code != 1 || !strings.Contains(got.out, word) {
				return fmt.Sprintf("status: exit %d\n%s", got.code, got.out)
			}
		}
		return ""
	})
}

// codesOf returns the code that each recipient was shown, and who was shown two.
func codesOf(sink *embedded.Sink) (codes map[string]string, two []string) {
	codes = map[string]string{}
	for _, m := range sink.Mails() {
		for _, word := range strings.Fields(m.Text()) {
			if !strings.HasPrefix(word, "BACK-") {
				continue
			}
			about := m.To + " " + m.Subject
			if was := codes[about]; was != "" && was != word {
				two = append(two, about+": "+was+", "+word)
			}
			codes[about] = word
		}
	}
	return codes, two
}

// Fault 32: a copy from the middle of a run is put back after the run's end. Nobody
// gets a second mail before a person says so, nobody a second code ever, and a no
// given since the copy holds.
func TestARestoredCopyMailsNobodyAgain(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the binary and sends hundreds of mails")
	}
	eachShop(t, func(t *testing.T, s shop) {
		const members = 300
		sink, err := embedded.NewSink(embedded.SinkOptions{Keep: 4 * members, KeepBytes: 1 << 30})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sink.Close() })
		record := filepath.Join(t.TempDir(), "noes.csv")
		s.env = append(s.env, "SMTP_URL=smtp://"+sink.Addr()+"?tls=off&connections=1", "BASE_URL=https://mail.shop.example",
			"SECRET_KEY="+rand.Text()+rand.Text(), "REDIS_URL="+ownRedis(t), "LISTEN=127.0.0.1:0", "LOG_LEVEL=error", "SUPPRESSION_LOG="+record)
		s.must("import", "members", manyMembers(t, members), "--consent", "offers,newsletter", "--consent-source", "test", "--consent-at", "2026-01-01")
		s.must("apply", directory(t, quietShop))
		s.must("campaign", "launch", "letter", "about=spring", "--yes")
		s.stoppedMidway(sink, members/2)
		early := sink.Count()
		restore := s.copied()

		sink.Script(nil)
		p := s.start()
		s.finished(2 * members)
		s.must("member", "topics", "M-00007", "--no", "newsletter")
		s.must("member", "suppress", "M-00008")
		stopped(t, p) // which writes the noes down at last
		if info, err := os.Stat(record); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("the record of noes: %v, %v; want a file that only we can read", info, err)
		}
		before, two := codesOf(sink)
		out := sink.Count()
		if early >= out || len(two) > 0 || len(before) != 2*members {
			t.Fatalf("%d mails early, %d in all, %d codes, two for %v", early, out, len(before), two)
		}

		restore()
		p = s.start()
		s.needs("restored from an older copy", "release --all")
		time.Sleep(2 * time.Second) // in which a worker would send
		if n := sink.Count(); n != out {
			t.Fatalf("%d mails went out again before a person said so", n-out)
		}
		if got := s.run("doctor"); got.code != 1 || !strings.Contains(got.out, "restored from an older copy") {
			t.Errorf("doctor: exit %d\n%s", got.code, got.out)
		}
		if got := s.run("doctor", "--after-restore", time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)); got.code != 1 || !strings.Contains(got.out, "of letter: ") {
			t.Errorf("doctor --after-restore: exit %d\n%s%s", got.code, got.out, got.err)
		}
		if got := s.must("import", "suppressions", record); !strings.Contains(got, "1 refusals and 1 suppressions hold") {
			t.Errorf("import suppressions: %s", got)
		}

		s.must("release", "--all")
		patiently.UntilRight(t, func() string {
			n := s.states()
			if n["queued"]+n["claimed"]+n["handing"]+n["deferred"] == 0 && n["sent"]+n["skipped"]+n["unknown"] == 2*members {
				return ""
			}
			return fmt.Sprintf("after the release: %v", n)
		})
		stopped(t, p)
		after, two := codesOf(sink)
		if sink.Count() <= out || len(two) > 0 || !maps.Equal(before, after) {
			t.Errorf("%d mails more; second codes: %v; %d codes, before %d", sink.Count()-out, two, len(after), len(before))
		}
		for _, m := range sink.Mails()[out:] {
			if strings.HasPrefix(m.To, "m-00008@") || strings.HasPrefix(m.To, "m-00007@") && m.Subject == "News of spring" {
				t.Errorf("%s got %q again, after a no", m.To, m.Subject)
			}
		}
	})
}

// "Nobody gets a second code ever", nor somebody else's, where codes come from a stock:
// a copy from the middle of a run of single mails and of a launch is put back after
// their end and after another launch, which is then made again.
func TestARestoredCopyGivesNoCodeFromStockTwice(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the binary and sends hundreds of mails")
	}
	eachShop(t, func(t *testing.T, s shop) {
		const members = 100
		sink, err := embedded.NewSink(embedded.SinkOptions{Keep: 8 * members, KeepBytes: 1 << 30})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sink.Close() })
		record := filepath.Join(t.TempDir(), "noes.csv")
		s.env = append(s.env, "SMTP_URL=smtp://"+sink.Addr()+"?tls=off&connections=1", "BASE_URL=https://mail.shop.example",
			"SECRET_KEY="+rand.Text()+rand.Text(), "REDIS_URL="+ownRedis(t), "LISTEN=127.0.0.1:0", "LOG_LEVEL=error", "SUPPRESSION_LOG="+record)
		files := maps.Clone(quietShop)
		files["pools.yaml"] = "back: {kind: imported, percent: 15, valid_for: 14d}\n"
		stock := filepath.Join(t.TempDir(), "codes.txt")
		var codes strings.Builder
		for i := range 4 * members {
			fmt.Fprintf(&codes, "BACK-%s-%04d\n", rand.Text()[:6], i)
		}
		if err := os.WriteFile(stock, []byte(codes.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		program := directory(t, files)
		s.must("import", "members", manyMembers(t, members), "--consent", "offers,newsletter", "--consent-source", "test", "--consent-at", "2026-01-01")
		s.must("apply", program)
		s.must("pool", "import", "back", stock)
		s.must("campaign", "launch", "letter", "about=spring", "--yes")
		s.stoppedMidway(sink, members/2)
		restore := s.copied()

		sink.Script(nil)
		p := s.start()
		s.finished(2 * members)
		s.must("campaign", "launch", "letter", "about=summer", "--yes")
		s.finished(3 * members)
		stopped(t, p)
		before, two := codesOf(sink)
		if len(two) > 0 || len(before) != 3*members {
			t.Fatalf("%d codes, two for %v", len(before), two)
		}
		out := sink.Count()

		restore()
		p = s.start()
		s.needs("pool back: ", "pool unused back")
		time.Sleep(2 * time.Second) // in which a worker would give codes
		if got := s.must("import", "suppressions", record); !strings.Contains(got, "kept for whoever has them") {
			t.Errorf("import suppressions: %s", got)
		}
		s.must("pool", "unused", "back")
		s.must("release", "--all")
		s.finished(2 * members)
		s.must("campaign", "launch", "letter", "about=summer", "--yes")
		s.finished(3 * members)
		stopped(t, p)
		after, two := codesOf(sink)
		if sink.Count() <= out || len(two) > 0 || !maps.Equal(before, after) {
			t.Errorf("%d mails more; second codes: %v; %d codes, before %d", sink.Count()-out, two, len(after), len(before))
		}
		owner := map[string]string{}
		for about, code := range after {
			if was := owner[code]; was != "" {
				t.Errorf("%s is %s's and %s's", code, was, about)
			}
			owner[code] = about
		}
	})
}

// A copy that nothing outside the database tells from the real one is not trusted when
// it has been silent for long and work is due.
func TestALongSilenceWithWorkDueIsAsked(t *testing.T) {
	t.Parallel()
	unraced(t)
	s := shop{t: t, env: []string{"DATABASE_URL=" + storetest.File(t)}}
	s.env = append(s.env, "LISTEN=127.0.0.1:0", "LOG_LEVEL=error")
	s.must("import", "members", manyMembers(t, 3), "--consent", "offers,newsletter", "--consent-source", "test", "--consent-at", "2026-01-01")
	s.must("apply", directory(t, quietShop))
	p := s.start()
	s.finished(3)
	stopped(t, p)
	file, _ := strings.CutPrefix(s.env[0], "DATABASE_URL=sqlite:")
	s.must("campaign", "launch", "letter", "about=spring", "--yes")
	s.sql("update beats set at = at - 7200000000")

	p = s.start() // what is noted beside the file says that it is the same
	s.finished(6)
	stopped(t, p)

	s.must("campaign", "launch", "letter", "about=summer", "--yes")
	s.sql("update beats set at = at - 7200000000")
	notes, err := filepath.Glob(file + ".refusals.csv*")
	if err != nil || len(notes) == 0 {
		t.Fatalf("%v, %v: want a note beside the file", notes, err)
	}
	for _, noted := range notes {
		os.Remove(noted)
	}
	p = s.start()
	defer stopped(t, p)
	s.needs("nobody was at work with this database since")
	if n := s.states(); n["sent"] != 6 {
		t.Errorf("the ledger says %v, want the summer's letters waiting", n)
	}
}
