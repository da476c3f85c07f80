package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestANameThatNobodyHasIsWarnedOfBesideTheAnswer(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		files := maps.Clone(askedShop)
		files["segments.yaml"] = "drinkers: bought_category(\"Cofee\")\nfans: in_segment(\"drinkers\") and spent >= 1\n"
		for i := range 6 {
			files["segments.yaml"] += "many" + string(rune('a'+i)) + ": tag(\"t" + string(rune('a'+i)) + "\")\n"
		}
		dir := directory(t, files)
		s.must("migrate")
		if got := s.run("plan", dir); got.code != 0 || strings.Contains(got.err, "nobody") {
			t.Errorf("plan for an empty shop: exit %d, %s", got.code, got.err)
		}
		orders, members := filepath.Join(t.TempDir(), "orders.csv"), filepath.Join(t.TempDir(), "members.csv")
		for file, rows := range map[string]string{
			orders:  "order,member,at,total,category\n1,ANA,2026-01-10,50.00,Coffee\n2,BEN,2026-02-10,60.00,Tea\n",
			members: "member,tags\nANA,club\n",
		} {
			if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s.must("import", "orders", orders)
		s.must("import", "members", members)

		const cofee = `nobody bought in a category "Cofee"; there is "Coffee"`
		for _, command := range []string{"plan", "apply"} {
			got := s.run(command, dir)
			if got.code != 0 || strings.Contains(got.out, "nobody bought") || strings.Count(got.err, "segments.yaml:1:27: warning: "+cofee+"\n") != 1 {
				t.Errorf("%s: exit %d\n%s\n%s", command, got.code, got.out, got.err)
			}
			if strings.Count(got.err, "nobody has a tag") != 3 || !strings.Contains(got.err, "and 3 more warnings like this one\n") {
				t.Errorf("%s does not fold its warnings:\n%s", command, got.err)
			}
		}
		for _, tt := range []struct{ rule, out, err string }{
			{`bought_category("Coffee")`, "1\n", ""},
			{`bought_category("Cofee")`, "0\n", "warning: " + cofee + "\n"},
			{`tag("clubb") or bought_category("Tea")`, "1\n", "warning: nobody has a tag \"clubb\"; there is \"club\"\n"},
			{"fans", "0\n", "warning: " + strings.Replace(cofee, ";", ", which the rule of segment drinkers names;", 1) + "\n"},
		} {
			if got := s.run("segment", "count", tt.rule); got.code != 0 || got.out != tt.out || warned(got) != tt.err {
				t.Errorf("count %s: exit %d, %q and %q, want %q and %q", tt.rule, got.code, got.out, warned(got), tt.out, tt.err)
			}
		}
		for _, command := range []string{"members", "explain"} {
			got := s.run("segment", command, `bought_category("Cofee")`)
			if got.code != 0 || strings.Contains(got.out, "warning") || warned(got) != "warning: "+cofee+"\n" {
				t.Errorf("%s: exit %d, %q and %q", command, got.code, got.out, got.err)
			}
		}
		if got := s.run("check", dir); strings.Contains(got.err, "nobody") {
			t.Errorf("check asks no database, but says %s", got.err)
		}
	})
}

// warned is what a command said beside its answer, without the database it asked.
func warned(got answer) string {
	first, rest, _ := strings.Cut(got.err, "\n")
	if strings.HasPrefix(first, "database: ") {
		return rest
	}
	return got.err
}
