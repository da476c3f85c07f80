package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regulars/internal/report"
)

// TestReportsOfMovement imports three members' orders and asks who moved.
func TestReportsOfMovement(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		file := filepath.Join(t.TempDir(), "orders.csv")
		rows := "order,member,at,total\nO-1,ana,2026-01-10,10\nO-2,ben,2026-01-10,20\nO-3,ben,2026-03-01,20\nO-4,cleo,2026-03-15,5\n"
		if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
			t.Fatal(err)
		}
		s.must("import", "orders", file, "--zone", "UTC")
		got := s.must("report", "lifecycle", "--from", "2026-01-31", "--to", "2026-03-20")
		want := `Lifecycle stages on 2026-03-20
GROUP            MEMBERS  SHARE   ORDERS  REVENUE  AVERAGE ORDER
recent           2        66.7 %  3       45.00    15.00
needs nurturing  1        33.3 %  1       10.00    10.00
at risk          0        0.0 %   0       0.00     0.00
about to lose    0        0.0 %   0       0.00     0.00
no order yet     0        0.0 %   0       0.00     0.00

Where they were on 2026-01-31 (rows) and are on 2026-03-20 (columns)
FROM / TO        recent  needs nurturing  at risk  about to lose  no order yet  WAS
recent           1       1                0        0              0             2
needs nurturing  0       0                0        0              0             0
at risk          0       0                0        0              0             0
about to lose    0       0                0        0              0             0
no order yet     1       0                0        0              0             1
IS               2       1                0        0              0
CHANGE           +0      +1               +0       +0             -1

From no order yet to recent: 1
From recent to needs nurturing: 1
`
		if got != want {
			t.Errorf("report lifecycle:\n%s\nwant\n%s", got, want)
		}
		svg := filepath.Join(t.TempDir(), "flow.svg")
		s.must("report", "lifecycle", "--from", "2026-01-31", "--to", "2026-03-20", "--svg", svg)
		if drawn, err := os.ReadFile(svg); err != nil || !strings.Contains(string(drawn), "from no order yet to recent: 1") {
			t.Errorf("the picture of lifecycle: %v %.300s", err, drawn)
		}
		var m report.Movement
		if err := json.Unmarshal([]byte(s.must("report", "rfm", "--from", "2026-01-31", "--to", "2026-03-20", "--json")), &m); err != nil {
			t.Fatal(err)
		}
		members := int64(0)
		for _, g := range m.Groups {
			members += g.Members
		}
		if m.Day != "2026-03-20" || m.From != "2026-01-31" || len(m.Groups) != 7 || members != 3 {
			t.Errorf("report rfm --json = %+v", m)
		}
		for _, tt := range []struct {
			args []string
			says string
		}{
			{[]string{"report", "rfm", "--from", "2026-03-20", "--to", "2026-03-20"}, "is not before 2026-03-20"},
			{[]string{"report", "rfm", "--from", "january"}, "--from: "},
			{[]string{"report", "lifecycle", "--to", "2026-02-30"}, "--to: "},
		} {
			if got := s.run(tt.args...); got.code != misuse || !strings.Contains(got.err, tt.says) {
				t.Errorf("regulars %v: exit %d, %q, want %q", tt.args, got.code, got.err, tt.says)
			}
		}
	})
}
