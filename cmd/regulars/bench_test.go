package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"regulars/internal/bench"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// The benchmark at a size for tests: the same code, and nothing is left behind.
func TestBenchSegmentsLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	where := storetest.Where(t)
	s := shop{t: t, env: []string{"DATABASE_URL=sqlite:none.db", "TEST_DATABASE_URL=" + where}}
	got := s.run("bench", "segments", "--members", "500", "--orders", "5000", "--rounds", "1", "--json")
	var out bench.Outcome
	if err := json.Unmarshal([]byte(got.out), &out); got.code != 0 || err != nil {
		t.Fatalf("bench segments --json: exit %d, %v\n%s%s", got.code, err, got.out, got.err)
	}
	if out.Members != 500 || out.Orders != 5000 || len(out.Figures) != 8 || out.Figures[0].Found != 5000 {
		t.Errorf("bench segments: %+v", out)
	}
	nothingLeft(t, where, got.err)
	if got := s.run("bench", "segments", "--members", "3"); got.code != misuse || !strings.Contains(got.err, "10 to 10,000,000 members") {
		t.Errorf("bench segments of three members: exit %d, %s", got.code, got.err)
	}
	if got := (shop{t: t, env: []string{"DATABASE_URL=postgres://nobody@127.0.0.1:1/none"}}).run("bench", "segments"); got.code != failed || !strings.Contains(got.err, "connecting to Postgres") {
		t.Errorf("bench segments without a server: exit %d, %s", got.code, got.err)
	}
}

func TestBenchNightHasOneOfEachPart(t *testing.T) {
	t.Parallel()
	where := storetest.Where(t)
	s := shop{t: t, env: []string{"DATABASE_URL=sqlite:none.db", "TEST_DATABASE_URL=" + where}}
	got := s.run("bench", "night", "--members", "300", "--orders", "6000", "--json")
	var out bench.Outcome
	if err := json.Unmarshal([]byte(got.out), &out); got.code != 0 || err != nil {
		t.Fatalf("bench night --json: exit %d, %v\n%s%s", got.code, err, got.out, got.err)
	}
	done := map[string]int64{}
	for _, f := range out.Figures {
		done[f.Work] = f.Found
	}
	if out.Orders != 6000 || len(out.Figures) != 8 || done["segments"] == 0 || done["points that opened and ended, birthdays, facts"] == 0 {
		t.Errorf("bench night: %+v", out)
	}
	nothingLeft(t, where, got.err)
}

func TestBenchPagesOpensTheConsole(t *testing.T) {
	t.Parallel()
	where := storetest.Where(t)
	s := shop{t: t, env: []string{"DATABASE_URL=sqlite:none.db", "TEST_DATABASE_URL=" + where}}
	got := s.run("bench", "pages", "--members", "150", "--orders", "1000", "--rounds", "1", "--json")
	var out bench.Outcome
	if err := json.Unmarshal([]byte(got.out), &out); got.code != 0 || err != nil {
		t.Fatalf("bench pages --json: exit %d, %v\n%s%s", got.code, err, got.out, got.err)
	}
	opened := map[string]bool{}
	for _, f := range out.Figures {
		opened[f.Work] = true
	}
	for _, want := range []string{"/console/", "/console/members/…", "/console/unknown", "/console/webhooks/…", "/console/codes/drop", "/console/loyalty", "/console/reports/winback", "/console/audit", "/console/runs/…",
		"/console/segments/lapsed", "/console/campaigns/drop/mails/clicked/drop", "/console/members/…/why/news", "/console/proposals/…", "/console/program/versions/…/rollback", "/console/month", "somebody looked for by order"} {
		if !opened[want] {
			t.Errorf("bench pages does not open %s", want)
		}
	}
	nothingLeft(t, where, got.err)
}

func TestBenchPagesOpensAShopThatIsKept(t *testing.T) {
	t.Parallel()
	where := storetest.Database(t)
	s := shop{t: t, env: []string{"DATABASE_URL=sqlite:none.db"}}
	var sizes []string
	for _, members := range []string{"150", "700"} { // the second finds the shop of the first
		got := s.run("bench", "pages", "--members", members, "--orders", "1000", "--rounds", "1", "--shop", where, "--json")
		var out bench.Outcome
		if err := json.Unmarshal([]byte(got.out), &out); got.code != 0 || err != nil {
			t.Fatalf("bench pages --shop: exit %d, %v\n%s%s", got.code, err, got.out, got.err)
		}
		sizes = append(sizes, fmt.Sprint(out.Members, len(out.Figures)))
	}
	if sizes[0] != sizes[1] {
		t.Errorf("members and figures of the shop, made and found: %v", sizes)
	}
	db, err := store.Open(context.Background(), where, store.Options{Conns: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Exec("do $$ begin execute format('comment on schema %I is null', current_schema()); end $$", nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.run("bench", "pages", "--members", "150", "--orders", "1000", "--shop", where); got.code != 1 || !strings.Contains(got.err, "members are in this database already") {
		t.Errorf("bench pages --shop in somebody's database: exit %d\n%s%s", got.code, got.out, got.err)
	}
}

// nothingLeft makes sure that the database that a benchmark told of is gone.
func nothingLeft(t *testing.T, where, told string) {
	t.Helper()
	_, name, _ := strings.Cut(told, "database: Postgres database ")
	name, _, _ = strings.Cut(name, " ")
	db, err := store.Open(context.Background(), where, store.Options{Conns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	left := int64(-1)
	err = db.View(context.Background(), func(tx *store.Tx) error {
		return tx.One(&left, "select count(*) from pg_database where datname = @name", store.Args{"name": name})
	})
	if err != nil || left != 0 || !strings.HasPrefix(name, "regulars_scratch_") {
		t.Errorf("the database %q: %d left, %v", name, left, err)
	}
}

func TestBenchCodesLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	where := storetest.Where(t)
	s := shop{t: t, env: []string{"DATABASE_URL=sqlite:none.db", "TEST_DATABASE_URL=" + where}}
	got := s.run("bench", "codes", "--members", "300", "--rounds", "2", "--json")
	var out bench.CodesOutcome
	if err := json.Unmarshal([]byte(got.out), &out); got.code != 0 || err != nil {
		t.Fatalf("bench codes --json: exit %d, %v\n%s%s", got.code, err, got.out, got.err)
	}
	if out.Members != 300 || out.Rounds != 2 || len(out.Figures) != 7 {
		t.Errorf("bench codes: %+v", out)
	}
	for i, f := range out.Figures {
		n := int64(300)
		if i > 2 { // one at a time
			n = 30
		}
		if f.Work == "" || f.Found != n || f.Took <= 0 || f.Peer != "" && f.Ratio <= 0 {
			t.Errorf("bench codes: the figure %+v is not whole", f)
		}
	}
	nothingLeft(t, where, got.err)
}

func TestTheFiguresOfBenchCodesAsPrinted(t *testing.T) {
	t.Parallel()
	figures := []bench.Figure{
		{Work: "a COPY", Found: 1e6, Took: 8e9, Ours: 1500, Database: 5000},
		{Work: "freezing", Found: 1e6, Took: 12e9, Ratio: 1.5, Peer: "a COPY", Target: "<= 1.6 ×", Met: true},
		{Work: "codes", Found: 1e6, Took: 25e9, Target: "<= 10s"},
		{Work: "a use", Found: 1000, Took: 900e3, Ours: 300e3},
	}
	for _, tt := range []struct {
		claim   string
		members int
		want    []string
		not     string
	}{
		{"at full size each is judged", bench.FullCodes, []string{"8000.0 ms", "1.5", "5.0", "1.50 × a COPY", "pass", "FAIL", "0.9 ms", "300.0"}, "not judged"},
		{"a small one is not", 300, []string{"1.50 × a COPY", "not judged"}, "FAIL"},
	} {
		var b strings.Builder
		a := &app{surroundings: surroundings{out: &b}}
		out := bench.CodesOutcome{Members: tt.members, Rounds: 3, Figures: figures}
		err := a.measured(out, func() error { return a.printCosts(out) })
		if (err != nil) != out.Full() { // one is missed
			t.Errorf("%s: %v", tt.claim, err)
		}
		for _, want := range tt.want {
			if !strings.Contains(b.String(), want) || strings.Contains(b.String(), tt.not) {
				t.Errorf("%s: %q is missing or %q is there:\n%s", tt.claim, want, tt.not, b.String())
			}
		}
	}
}

func TestTheFiguresOfABenchmarkAsPrinted(t *testing.T) {
	t.Parallel()
	full := bench.Outcome{Members: bench.FullMembers, Orders: bench.FullOrders, Figures: []bench.Figure{
		{Work: "counting", Took: 400e6},
		{Work: "a rule", Took: 100e6, Ratio: 0.25, Peer: "counting", Target: "< 0.5 ×", Met: true},
		{Work: "memory", Bytes: 300e6, Target: "< 200 MB"},
	}}
	for _, tt := range []struct {
		claim string
		out   bench.Outcome
		want  []string
		not   string
	}{
		{"at full size each is judged", full, []string{"400 ms", "0.25 × counting", "pass", "300 MB", "FAIL"}, "not judged"},
		{"a small one is not", bench.Outcome{Members: 10, Orders: 100, Figures: full.Figures}, []string{"0.25 × counting", "not judged"}, "FAIL"},
	} {
		var b strings.Builder
		a := &app{surroundings: surroundings{out: &b}}
		if err := a.printOutcome(tt.out); err != nil {
			t.Fatal(err)
		}
		for _, want := range tt.want {
			if !strings.Contains(b.String(), want) || strings.Contains(b.String(), tt.not) {
				t.Errorf("%s: %q is missing or %q is there:\n%s", tt.claim, want, tt.not, b.String())
			}
		}
	}
}
