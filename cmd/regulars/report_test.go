package main

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestReportsAreListedPrintedAndExported(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		file := filepath.Join(t.TempDir(), "orders.csv")
		text := "order,member,at,total,category\n1,M-1,2025-01-02,10.00,tea\n2,M-1,2025-02-03,20.00,\"=HYPERLINK(\"\"x\"\")\"\n3,M-2,2025-02-04,5.00,tea\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s.must("import", "orders", file)
		var names []string
		if err := json.Unmarshal([]byte(s.must("report", "list", "--json")), &names); err != nil || len(names) < 14 {
			t.Fatalf("report list --json: %v, %v", names, err)
		}
		for _, name := range names {
			if !strings.Contains(s.must("report", "list"), name) {
				t.Errorf("report list does not have %s", name)
			}
			var any any
			if err := json.Unmarshal([]byte(s.must("report", name, "--json")), &any); err != nil {
				t.Errorf("report %s --json: %v", name, err)
			}
			if rows, err := csv.NewReader(strings.NewReader(s.must("report", name, "--csv"))).ReadAll(); err != nil || len(rows) == 0 {
				t.Errorf("report %s --csv: %v, %v", name, rows, err)
			}
			s.must("report", name)
			drawn := filepath.Join(t.TempDir(), name+".svg")
			s.must("report", name, "--svg", drawn)
			if svg, err := os.ReadFile(drawn); err != nil || !strings.HasPrefix(string(svg), "<svg ") {
				t.Errorf("report %s --svg: %v, %.80q", name, err, svg)
			}
		}
		if got := s.must("report", "summary", "--json"); !strings.Contains(got, `"first_day": "2025-01-02"`) {
			t.Errorf("report summary --json has days that are no dates:\n%s", got)
		}
		rows, err := csv.NewReader(strings.NewReader(s.must("report", "categories", "--csv"))).ReadAll()
		want := [][]string{{"category", "orders", "members", "items", "amount", "share"},
			{`'=HYPERLINK("x")`, "1", "1", "1", "20.00", "57.1 %"}, {"tea", "2", "2", "2", "15.00", "42.9 %"}}
		if err != nil || !reflect.DeepEqual(rows, want) {
			t.Errorf("report categories --csv:\n got %q, %v\nwant %q", rows, err, want)
		}
		if got := s.must("report", "orders", "--at", "2025-01-31"); !strings.Contains(got, "2025-01") || strings.Contains(got, "2025-02") {
			t.Errorf("report orders --at 2025-01-31:\n%s", got)
		}
		if got := s.must("report", "top", "--limit", "1"); !strings.Contains(got, "M-1") || strings.Contains(got, "M-2") {
			t.Errorf("report top --limit 1:\n%s", got)
		}
		for _, tt := range []struct {
			args []string
			says string
		}{
			{[]string{"report", "orders", "--at", "yesterday"}, "--at"},
			{[]string{"report", "pools", "--at", "2025-01-31"}, "the report pools is of today"},
			{[]string{"report", "orders", "--limit", "-1"}, "--limit takes a number of rows"},
			{[]string{"report", "order"}, `there is no report "order"; did you mean "orders"?`},
		} {
			if got := s.run(tt.args...); got.code != misuse || !strings.Contains(got.err, tt.says) {
				t.Errorf("regulars %v: exit %d, %q, want it to say %q", tt.args, got.code, got.err, tt.says)
			}
		}
	})
}
