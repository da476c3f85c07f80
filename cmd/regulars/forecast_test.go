package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// returning writes orders of members of whom so many came back, in a shop that is
// a year old, and returns the file.
func returning(t *testing.T, members, back int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("customer_id,ordered_at,amount\n")
	for i := range members {
		fmt.Fprintf(&b, "C%d,2026-%02d-%02d,10.00\n", i, 1+i%3, 1+i%28)
		for k := range 1 + i%6 {
			if i < back {
				fmt.Fprintf(&b, "C%d,2026-%02d-%02d,10.00\n", i, 4+k, 1+(i*7+k)%28)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "orders.csv")
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func (s shop) importReturning(members, back int) {
	s.t.Helper()
	s.must("import", "orders", returning(s.t, members, back), "--map", "member=customer_id,at=ordered_at,total=amount", "--order-id", "row")
}

func TestAShopTooYoungToForecast(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		s.importReturning(50, 37)
		const why = "cannot be said yet: only 37 members have ordered on two days or more, and 100 are needed"
		for _, args := range [][]string{{"segment", "count", "alive < 0.3"}, {"segment", "members", "alive < 0.3", "--at", "2026-12-31"},
			{"report", "winback", "--at", "2026-09-30", "--until", "2026-12-31", "--rule", "alive < 0.3"}} {
			if got := s.run(args...); got.code != failed || !strings.Contains(got.err, "alive cannot be said yet: only ") {
				t.Errorf("regulars %v: exit %d, %q, want exit %d and why", args, got.code, got.err, failed)
			}
		}
		if got := s.run("report", "winback", "--at", "2026-09-30", "--until", "2026-12-31"); got.code != 0 || !strings.Contains(got.out, "days_since_last_order > 60") || !strings.Contains(got.err, "alive < 0.3 is left out: alive cannot be said yet") {
			t.Errorf("report winback without a rule: exit %d\n%s%s", got.code, got.out, got.err)
		}
		if got := s.run("segment", "count", `expected_orders("90d") >= 1`); got.code != failed || !strings.Contains(got.err, "expected_orders "+why) {
			t.Errorf("segment count: exit %d, %q", got.code, got.err)
		}
		if got := s.must("report", "forecast"); !strings.Contains(got, "There is no forecast: only 37 members") {
			t.Errorf("report forecast = %s", got)
		}
		dir := t.TempDir()
		s.must("init", dir)
		if err := os.WriteFile(filepath.Join(dir, "segments.yaml"), []byte("sleeping: alive < 0.3\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(dir, "campaigns")); err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"plan", "apply"} {
			got := s.run(command, dir)
			if got.code != 0 || !strings.Contains(got.err, "warning: segment sleeping stays as it is for now: alive "+why) {
				t.Errorf("%s: exit %d\n%s%s", command, got.code, got.out, got.err)
			}
		}
	})
}

func TestAShopIsForetold(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		s.importReturning(400, 300)
		report := s.must("report", "forecast", "--at", "2026-12-31")
		for _, want := range []string{"As of 2026-12-31 400 members had ordered, 300 of them on two days or more", "BG/NBD: r ", "It was tried as of 2026-07-02", "all "} {
			if !strings.Contains(report, want) {
				t.Errorf("report forecast lacks %q:\n%s", want, report)
			}
		}
		for rule, want := range map[string]string{"alive == 1": "100", "alive < 1": "300", `expected_orders("90d") > 0`: "400",
			`expected_orders("90d") < 100 and expected_orders("1y") > 0`: "400", `expected_orders("1y") < expected_orders("90d")`: "0"} {
			if got := strings.TrimSpace(s.must("segment", "count", rule, "--at", "2026-12-31")); got != want {
				t.Errorf("segment count '%s' = %s, want %s", rule, got, want)
			}
		}
		table := s.must("report", "winback", "--at", "2026-06-30", "--until", "2026-12-31", "--rule", "true", "--rule", "orders >= 1000", "--rule", "days_since_last_order >= 0")
		for _, want := range []string{"orders >= 1: 400 members as of 2026-06-30", "not order again until 2026-12-31"} {
			if !strings.Contains(table, want) {
				t.Errorf("report winback lacks %q:\n%s", want, table)
			}
		}
		lines := strings.Split(strings.TrimSpace(table), "\n")
		last := lines[len(lines)-3:]
		for i, want := range []string{"true 400 ", "orders >= 1000 0 0 0 0.0 % 0.0 %", "days_since_last_order >= 0 400 "} {
			if got := strings.Join(strings.Fields(last[i]), " "); !strings.HasPrefix(got, want) {
				t.Errorf("line %d = %q, want %q", i, got, want)
			}
		}
		if got := strings.Join(strings.Fields(last[0]), " "); !strings.HasSuffix(got, " 100.0 %") {
			t.Errorf("a rule that mails everybody does not reach everybody who is gone: %q", got)
		}
	})
}
