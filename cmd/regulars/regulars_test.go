package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/internal/patiently"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	detector "regulars/internal/store/storetest/watched"
)

// asCommand has the tests' binary be the program itself, for a shell that calls it.
const asCommand = "TEST_AS_COMMAND"

// TestMain lets more tests run at once than there are cores: some wait a minute
// for the lease of a worker that was killed.
func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	flag.Parse()
	if err := flag.Set("test.parallel", fmt.Sprint(max(6, runtime.GOMAXPROCS(0)))); err != nil {
		panic(err)
	}
	code := m.Run()
	if dir, err := binaries(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// fewConnections is the address of a Postgres database of the test's own, of which each
// process takes a few connections: many run at once, and a server has a hundred for all.
func fewConnections(t testing.TB) string {
	t.Helper()
	u, err := url.Parse(storetest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("pool_max_conns", "8")
	u.RawQuery = q.Encode()
	return u.String()
}

// binaries is the folder for what the tests build, empty until then.
var binaries = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "regulars-test-") })

// built returns the program as it is shipped, for tests that kill it.
func built(t *testing.T) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var build = sync.OnceValues(func() (string, error) {
	dir, err := binaries()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "regulars")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building: %w\n%s", err, out)
	}
	return path, nil
})

// shop is a machine on which commands are run as a person would.
type shop struct {
	t      *testing.T
	env    []string
	binary string           // runs the commands; "": they run in the test itself, where none of them starts a process
	clock  func() time.Time // of commands that run in the test; nil: the machine's
}

// answer is what a command said.
type answer struct {
	code     int
	out, err string
}

func (s shop) run(args ...string) answer {
	s.t.Helper()
	var out, errs bytes.Buffer
	if s.binary != "" {
		c := exec.Command(s.binary, args...)
		c.Env, c.Stdout, c.Stderr = s.env, &out, &errs
		if err := c.Run(); c.ProcessState == nil {
			s.t.Fatal(err)
		}
		return answer{c.ProcessState.ExitCode(), out.String(), errs.String()}
	}
	code := run(context.Background(), args, surroundings{in: strings.NewReader(""), out: &out, err: &errs, env: s.env, clock: s.clock, timing: patiently.AtMost})
	return answer{code, out.String(), errs.String()}
}

// must runs a command that is to succeed and returns what it printed.
func (s shop) must(args ...string) string {
	s.t.Helper()
	got := s.run(args...)
	if got.code != 0 {
		s.t.Fatalf("regulars %s: exit %d\n%s%s", strings.Join(args, " "), got.code, got.out, got.err)
	}
	return got.out
}

// unraced skips a test under the race detector: commands one after the other share
// nothing between goroutines, and it sees no other process. .ci/run has these tests
// tried without it.
func unraced(t testing.TB) { detector.Skip(t) }

// eachShop runs f on a new, migrated shop over each engine.
func eachShop(t *testing.T, f func(*testing.T, shop)) {
	t.Helper()
	unraced(t)
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, shop{t: t, env: []string{"DATABASE_URL=" + storetest.File(t)}})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f(t, shop{t: t, env: []string{"DATABASE_URL=" + fewConnections(t)}})
	})
}

// data finds the shared real input, and skips the test where it is not there.
func data(t *testing.T, name string) string {
	t.Helper()
	folder := os.Getenv("REGULARS_DATA")
	if folder == "" {
		folder = "../../../shared"
	}
	file, err := filepath.Abs(filepath.Join(folder, "data", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Skipf("%s is not on this machine: set REGULARS_DATA to run this test", name)
	}
	return file
}

func TestUsageIsExplained(t *testing.T) {
	t.Parallel()
	s := shop{t: t}
	for _, tt := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"segmnt"}, misuse, `did you mean "segment"`},
		{[]string{"segment", "cont", "x"}, misuse, `did you mean "count"`},
		{[]string{"segment", "count"}, misuse, "count needs RULE|NAME"},
		{[]string{"import", "orders", "x.csv", "--wrong"}, misuse, "there is no flag --wrong"},
		{[]string{"import", "coupons", "x.csv"}, misuse, "members, orders, suppressions or points"},
		{[]string{"import", "members", "x.csv", "--consent", "offers"}, misuse, "--consent-source"},
		{[]string{"serve", "--roles", "wbe"}, misuse, "web, worker"},
		{[]string{"hooks", "url", "shopify"}, 0, "HOOK_SECRET_SHOPIFY is not set here"},
		{[]string{"version"}, 0, ""},
	} {
		got := s.run(tt.args...)
		if got.code != tt.code || !strings.Contains(got.err, tt.says) {
			t.Errorf("regulars %v: exit %d, %q, want exit %d and %q", tt.args, got.code, got.err, tt.code, tt.says)
		}
	}
}

func TestNoDatabaseIsMadeByAsking(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "none.db")
	s := shop{t: t, env: []string{"DATABASE_URL=sqlite:" + file}}
	for _, args := range [][]string{{"doctor"}, {"status"}, {"segment", "count", "orders >= 1"}, {"jobs", "list"}, {"migrate", "--check"}} {
		if got := s.run(args...); got.code != failed || !strings.Contains(got.err, "no such database file") {
			t.Errorf("regulars %v without a file: exit %d, %q", args, got.code, got.err)
		}
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("asking made the file")
	}
}

func TestServeOnPostgresRefusesHalfASetting(t *testing.T) {
	t.Parallel()
	s := shop{t: t, env: []string{"DATABASE_URL=postgres://somebody:secret@127.0.0.1:1/none", "BASE_URL=http://localhost:8080"}}
	got := s.run("serve")
	for _, want := range []string{"SMTP_URL", "SECRET_KEY", "BASE_URL"} {
		if !strings.Contains(got.err, want) {
			t.Errorf("serve says %q, want it to name %s", got.err, want)
		}
	}
	if got.code != failed || strings.Contains(got.err, "secret@") {
		t.Errorf("exit %d, %q: want 1 and no password", got.code, got.err)
	}
}

func TestSecretsComeFromFilesToo(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("  a-key-of-more-than-thirty-two-characters\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const a, b = "whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0", "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4"
	c, err := readConfig([]string{"SECRET_KEY_FILE=" + file, "HOOK_SECRET_STANDARD=" + a + ", " + b})
	if err != nil || c.SecretKey != "a-key-of-more-than-thirty-two-characters" || !slices.Equal(c.hookSecrets["standard"], []string{a, b}) {
		t.Errorf("readConfig = %q, %v, %v", c.SecretKey, c.hookSecrets, err)
	}
	if _, err := readConfig([]string{"SECRET_KEY_FILE=/nowhere/key"}); err == nil {
		t.Error("a missing secret file is passed over")
	}
}

func TestTheStarterComesInAndOut(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		dir := filepath.Join(t.TempDir(), "program")
		s.must("init", dir)
		if out := s.must("check", dir); !strings.Contains(out, "is sound") {
			t.Errorf("check says %q", out)
		}
		s.must("migrate")
		s.must("plan", dir)
		if out := s.must("apply", dir); !strings.Contains(out, "Version 1 is in force") {
			t.Errorf("apply says %q", out)
		}
		if out := s.must("apply", dir); !strings.Contains(out, "Nothing has changed") {
			t.Errorf("a second apply says %q", out)
		}
		back := filepath.Join(t.TempDir(), "back")
		s.must("export", back)
		for _, file := range []string{"program.yaml", "campaigns/welcome/campaign.yaml"} {
			was, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				t.Fatal(err)
			}
			is, err := os.ReadFile(filepath.Join(back, file))
			if err != nil || !bytes.Equal(was, is) {
				t.Errorf("%s came back changed: %v", file, err)
			}
		}
		for _, args := range [][]string{{"campaign", "list"}, {"campaign", "show", "welcome"}, {"campaign", "status", "welcome"}, {"versions"}, {"segment", "list"}, {"pool", "list"}, {"runs", "list"}, {"sends", "list"}, {"jobs", "list"}, {"report", "campaigns"}, {"token", "list"}, {"status"}, {"doctor"}} {
			s.must(args...)
			var v any
			if out := s.must(append(args, "--json")...); json.Unmarshal([]byte(out), &v) != nil {
				t.Errorf("regulars %v --json printed no JSON: %q", args, out)
			}
		}
	})
}

func TestRefusedRowsAreNamedByTheirLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := shop{t: t, env: []string{"DATABASE_URL=sqlite:" + filepath.Join(dir, "shop.db")}}
	orders, rejects := filepath.Join(dir, "orders.csv"), filepath.Join(dir, "rejects.csv")
	text := "order,member,at,total\n1,0007,2026-01-02,10.00\n2,0007,2026-13-02,10.00\n3,0007,2026-01-02\n"
	if err := os.WriteFile(orders, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	got := s.run("import", "orders", orders, "--rejects", rejects)
	if want := "3 read, 1 new, 0 updated, 0 unchanged, 2 refused"; got.code != 0 || lastLine(got.out) != want {
		t.Errorf("import: exit %d, %q, want %q", got.code, lastLine(got.out), want)
	}
	for _, want := range []string{orders + ":3: at: ", orders + ":4: total: the row in line 4 ends before it\n"} {
		if !strings.Contains(got.err, want) {
			t.Errorf("import says\n%swant %q in it", got.err, want)
		}
	}
	kept, err := os.ReadFile(rejects)
	if want := "4,total: the row in line 4 ends before it,3,0007,2026-01-02\n"; err != nil || !strings.HasSuffix(string(kept), want) {
		t.Errorf("the rejects are %q, %v, want %q at the end", kept, err, want)
	}
	for content, want := range map[string]string{
		"":                          "it is empty",
		"order,member,at,total\r\n": "there is no row in it under the header",
		"PK\x03\x04":                "it is a workbook",
	} {
		if err := os.WriteFile(orders, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := s.run("import", "orders", orders); got.code != failed || !strings.Contains(got.err, want) {
			t.Errorf("import of %q: exit %d, %s, want %q", content, got.code, got.err, want)
		}
	}
	if err := os.WriteFile(orders, []byte("order,member,at,total\n2,0007,2026-13-02,10.00\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	got = s.run("import", "orders", orders)
	if got.code != failed || !strings.Contains(got.err, "nothing came in: every row of "+orders+" was refused") || lastLine(got.out) != "1 read, 0 new, 0 updated, 0 unchanged, 1 refused" {
		t.Errorf("import of a file of which nothing can be taken: exit %d, %s%s", got.code, got.out, got.err)
	}
}

func TestNotesOnAFileAreSaidAndCounted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := shop{t: t, env: []string{"DATABASE_URL=sqlite:" + filepath.Join(dir, "shop.db")}}
	members := filepath.Join(dir, "members.csv")
	if err := os.WriteFile(members, []byte("who,E-mail,birthday,country\rM-1,ida@example.test,02/28,Finland\rM-2,,--02-30,Narnia\r"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := s.run("import", "members", members, "--map", "member=who", "--map", "email=e-mail", "--dates", "mdy")
	if want := "2 read, 2 new, 0 updated, 0 unchanged, 0 refused, 2 noted"; got.code != 0 || lastLine(got.out) != want {
		t.Errorf("import: exit %d, %q, want %q\n%s", got.code, lastLine(got.out), want, got.err)
	}
	for _, want := range []string{members + `:3: note: birthday: "--02-30" is not a birthday`, members + `:3: note: country: "Narnia" is neither`} {
		if !strings.Contains(got.err, want) {
			t.Errorf("import says\n%swant %q in it", got.err, want)
		}
	}
}

func TestRealHistoryComesInAndAnswers(t *testing.T) {
	t.Parallel()
	detector.Skip(t)
	file := data(t, "cdnow/orders.csv")
	eachShop(t, func(t *testing.T, s shop) {
		storetest.OnOne(t, store.Postgres, s.engine())
		comesIn(t, s, file)
	})
}

func comesIn(t *testing.T, s shop, file string) {
	load := []string{"import", "orders", file, "--order-id", "row", "--source", "cdnow", "--map", "member=customer_id,at=ordered_at,quantity=quantity,total=amount"}
	if got, want := lastLine(s.must(load...)), "69659 read, 69659 new, 0 updated, 0 unchanged, 0 refused"; got != want {
		t.Errorf("import said %q, want %q", got, want)
	}
	if got, want := lastLine(s.must(load...)), "69659 read, 0 new, 0 updated, 69659 unchanged, 0 refused"; got != want {
		t.Errorf("the second import said %q, want %q", got, want)
	}
	for _, tt := range []struct{ rule, want string }{
		{"orders >= 3", "7583"},
		{"orders >= 2 and days_since_last_order > 90", "8345"},
		{"orders >= 5 and days_since_last_order <= 90", "2174"},
		{"days_since_last_order > 90", "20253"},
	} {
		if got := strings.TrimSpace(s.must("segment", "count", tt.rule, "--at", "1998-06-30")); got != tt.want {
			t.Errorf("segment count %q --at 1998-06-30 = %s, want %s", tt.rule, got, tt.want)
		}
	}
	if got := strings.TrimSpace(s.must("segment", "count", "orders >= 2 and days_since_last_order > 90")); got != "11662" {
		t.Errorf("today %s have gone quiet, want 11662", got)
	}
	out := s.must("segment", "explain", "orders >= 2 and days_since_last_order > 90", "--at", "1998-06-30")
	if want := "  23570 members\n  11662 of them have at least 2 orders\n   8345 of these last ordered more than 90 days ago\n"; !strings.HasSuffix(out, want) {
		t.Errorf("segment explain says\n%s, want\n%s", out, want)
	}
	ids := strings.Fields(s.must("segment", "members", "spent >= 10000", "--at", "1998-06-30"))
	if !slices.Contains(ids, "07592") || !slices.IsSorted(ids) {
		t.Errorf("segment members = %v, want 07592 among them, sorted", ids)
	}
	if got := s.run("segment", "count", "ordrs >= 3"); got.code != failed || !strings.Contains(got.err, "orders") {
		t.Errorf("a wrong rule is answered with exit %d, %q", got.code, got.err)
	}
	// The shop turns out to be in another zone: days are computed anew, and a
	// date without a time stays the day that it is.
	s.must("apply", directory(t, milestoneShop))
	if got := strings.TrimSpace(s.must("segment", "count", "orders >= 3", "--at", "1998-06-30")); got != "7583" {
		t.Errorf("in Helsinki %s have three orders, want 7583", got)
	}
	s.must("doctor")
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
