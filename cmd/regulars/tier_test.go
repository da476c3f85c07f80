package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/report"
)

// TestTiersByHand has three members' orders come in, looks at their tiers and gives one
// by hand.
func TestTiersByHand(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		dir := t.TempDir()
		today := loyalty.DayOf(time.Now(), time.UTC)
		ago := func(days loyalty.Day) string { return (today - days).String() }
		for name, text := range map[string]string{
			"program.yaml": "shop: {name: Anna, url: https://shop.example, address: \"Kauppakatu 1, Helsinki\"}\nmail: {from: \"Anna <anna@shop.example>\"}\nlanguages: [en]\ncurrency: EUR\nzone: UTC\n",
			"loyalty.yaml": "tiers:\n  silver: {when: orders >= 1, keep: 12m}\n  gold: {when: 'spent(\"12m\") >= 50.00', keep: 12m, grace: 30d}\n",
			"orders.csv":   "order,member,at,total\nO-1,ana," + ago(30) + ",60\nO-2,ben," + ago(20) + ",20\n",
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		orders := filepath.Join(dir, "orders.csv")
		s.must("apply", dir)
		s.must("import", "orders", orders, "--zone", "UTC")
		for _, tt := range []struct {
			args []string
			says string
		}{
			{[]string{"tier", "set", "ben", "golden", "--because", "x"}, `there is no tier "golden"; did you mean "gold"?`},
			{[]string{"tier", "set", "ben", "gold"}, "say why, as in --because"},
			{[]string{"tier", "set", "ana", "none", "--because", "x"}, "the rule of gold holds for this member"},
			{[]string{"tier", "show", "nobody"}, "nobody"},
		} {
			if got := s.run(tt.args...); got.code == 0 || !strings.Contains(got.err, tt.says) {
				t.Errorf("regulars %v: exit %d, %q, want %q", tt.args, got.code, got.err, tt.says)
			}
		}
		until := (today + 90).String()
		said := s.must("tier", "set", "ben", "gold", "--until", until, "--because", "a lost parcel")
		for _, want := range []string{"gold, until " + until + "\n", "silver  yes    orders >= 1: has 1 order\n", `gold    no     spent("12m") >= 50.00: has spent 20.00 EUR in the last 12 months`, "a lost parcel"} {
			if !strings.Contains(said, want) {
				t.Errorf("tier set says\n%s, want %q", said, want)
			}
		}
		var shown shownTier // since the order, before there were tiers
		if err := json.Unmarshal([]byte(s.must("tier", "show", "ana", "--json")), &shown); err != nil || shown.Tier != "gold" || len(shown.Stays) != 1 || !shown.Rules[1].Holds {
			t.Errorf("tier show ana --json = %+v, %v", shown, err)
		}
		var r report.Tiers
		if err := json.Unmarshal([]byte(s.must("report", "tiers", "--json")), &r); err != nil {
			t.Fatal(err)
		}
		if gold := r.Tiers[2]; gold.Members != 2 || gold.Up != 2 || gold.ByHand != 1 || r.Jumps != 1 { // ben was silver before
			t.Errorf("report tiers --json = %+v", r)
		}
		if got := s.must("report", "tiers"); !strings.Contains(got, "gold    2        2        0          0     1\n") {
			t.Errorf("report tiers says\n%s", got)
		}
		s.must("doctor")
	})
}
